"""Measure a detector of three words: found words against false alarms, and speed.

Soundscapes of an hour contain *bed*, *cat* and *happy* of the validation speakers among 1,500 other
words an hour, in noise 10 dB below them. The other words are spoken English, digits, Lithuanian and
Arabic. Three detectors build on each other::

    clips     ConvClassifier, trained on clips of the three words, other words and noise
    windows   ... and on windows of soundscapes, as a detector sees them
    mined     ... and on the false alarms in soundscapes without the three words and with them
    cascade   the same; and a logistic regression on a speech embedding judges what is left

Speakers of training, tuning and test are different people. Thresholds are tuned on some
soundscapes, and tested on others::

    SKAUDIO_DATA=... python examples/benchmarks/detection.py
    SKAUDIO_DATA=... python examples/benchmarks/detection.py --speed

``--speed`` measures one hour through `detect` on one core.
"""

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from rejection import OTHER_WORDS
from scipy.io import wavfile
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import Normalizer

from skaudio import (
    CascadeClassifier,
    ConvClassifier,
    EmbeddingTransformer,
    MFCCTransformer,
    Pipeline,
    audio,
)
from skaudio.audio import Segment
from skaudio.datasets import (
    fetch_speech_commands,
    load_audio_table,
    make_soundscape,
    make_spoken_words,
)
from skaudio.detection import SoundDetector, cut_windows, score_events

WORDS = ["bed", "cat", "happy"]
RATE = 16000
PARTS = "train", "tune", "test"
RATES = 0.5, 1, 6

# Words and speakers of the other clips.
DIGIT_SPEAKERS = dict(zip(["george", "jackson", "lucas", "nicolas", "theo", "yweweler"],
                          np.repeat(PARTS, 2), strict=True))  # fmt: skip


class Material:
    """Clips of the words, of other words and of noise, in three parts without a common speaker."""

    def __init__(self, folder):
        self.folder = Path(tempfile.mkdtemp())
        train = fetch_speech_commands(WORDS, subset="train", random_state=0)
        known = fetch_speech_commands(WORDS, subset="validation", random_state=0)
        is_tune = np.isin(known.groups, np.unique(known.groups)[::2])
        self.words = {"train": (list(train.data), train.target.tolist())}
        for part, mask in (("tune", is_tune), ("test", ~is_tune)):
            kept = np.flatnonzero(mask)
            self.words[part] = [known.data[i] for i in kept], known.target[kept].tolist()
        self.others = {part: [] for part in PARTS}
        for path in sorted((folder / "other_words").glob("*/*.wav")):
            speaker = int(path.name.split("_nohash_")[0], 16)
            self.others[PARTS[speaker % 3]].append(str(path))
        for path in sorted((folder / "free_spoken_digits").glob("*.wav")):
            _, speaker, index = path.stem.split("_")
            if int(index) % 3 == 0:
                self.others[DIGIT_SPEAKERS[speaker]].append(str(path))
        for name in ("lithuanian", "arabic"):
            clips = load_audio_table(folder / "sets" / name / "clips.csv")
            number = {group: index for index, group in enumerate(np.unique(clips.groups))}
            for path, group in zip(clips.data, clips.groups, strict=True):
                self.others[PARTS[number[group] % 3]].append(path)
        self.noise = {part: [] for part in PARTS}
        for path in sorted((folder / "background_noise").glob("*.wav")):
            seconds = float(audio.durations([path], sample_rate=RATE)[0])
            cuts = 0, seconds / 2, 3 * seconds / 4, seconds
            for part, start, stop in zip(PARTS, cuts[:-1], cuts[1:], strict=True):
                self.noise[part].append(Segment(str(path), start, stop))
        spoken = make_spoken_words(OTHER_WORDS.split(), 6, snr_db=None, random_state=0)
        self.spoken = list(spoken.data)
        self.spoken_words = make_spoken_words(WORDS, 200, snr_db=None, random_state=1)

    def soundscape(self, part, seed, *, events_per_hour=120, others_per_hour=1500, snr_db=10):
        """An hour in a file, and its events."""
        path = self.folder / f"{part}-{seed}-{events_per_hour}-{others_per_hour}-{snr_db}.wav"
        others = self.others[part]
        if part == "train":
            others = others * 2 + self.spoken
        scene = make_soundscape(
            *self.words[part],
            duration=3600,
            events_per_hour=events_per_hour,
            others=others,
            others_per_hour=others_per_hour,
            background=self.noise[part],
            snr_db=snr_db,
            random_state=seed,
        )
        samples = np.clip(scene.data, -1, 1) * 32767
        wavfile.write(path, RATE, samples.astype(np.int16))
        return str(path), scene.events

    def clips(self):
        """Clips of the words, of other words and of noise."""
        X, y = list(self.words["train"][0]), list(self.words["train"][1])
        X += [*self.spoken_words.data, *self.others["train"], *self.spoken]
        y += self.spoken_words.target.tolist()
        for part in self.noise["train"]:
            seconds = np.arange(part.start, part.stop - 1, 0.5)
            X += [Segment(part.source, start, start + 1) for start in seconds]
        return X, y + ["unknown"] * (len(X) - len(y))


def network(seed):
    """The default pipeline."""
    return Pipeline([MFCCTransformer(duration=1.0), ConvClassifier(random_state=seed)])


def regression():
    """A regression on a speech embedding."""
    embedding = EmbeddingTransformer(pooling="mean_std", duration=1.0, n_jobs=-1)
    return Pipeline([embedding, Normalizer(), LogisticRegression(C=10, max_iter=2000)])


def fitted(estimator, X, y, name):
    """Fit and say how long it took."""
    start = time.perf_counter()
    estimator.fit(X, np.array(y))
    print(f"{name}: fitted to {len(X)} clips in {time.perf_counter() - start:.0f} s", flush=True)
    return estimator


def train(material, names, seed):
    """Yield the name and the classifier of each model, in the order of their training."""
    X, y = material.clips()
    if "clips" in names:
        yield "clips", fitted(network(seed), X, y, "clips")
    if {"windows", "mined", "cascade"}.isdisjoint(names):
        return
    scenes = [
        material.soundscape("train", seed, events_per_hour=1000, others_per_hour=1000, snr_db=snr)
        for seed, snr in enumerate((5, 10, 10, 20))
    ]
    paths, events = (list(column) for column in zip(*scenes, strict=True))
    windows, labels = cut_windows(paths, events, duration=1.0, random_state=seed)
    X, y = X + windows, y + labels.tolist()
    model = fitted(network(seed), X, y, "windows")
    if "windows" in names:
        yield "windows", model
    if {"mined", "cascade"}.isdisjoint(names):
        return
    without = [
        material.soundscape("train", seed, events_per_hour=0, others_per_hour=2000)[0]
        for seed in (20, 21, 22)
    ]
    detector = SoundDetector(model, threshold=0.2)
    mined, labels = detector.mine([*without, *paths], [[], [], [], *events])
    print(f"mined {len(mined)} false alarms from {len(without) + len(paths)} hours", flush=True)
    X, y = X + mined, y + labels.tolist()
    cascade = fitted(CascadeClassifier(network(seed), regression()), X, y, "cascade")
    if "mined" in names:
        yield "mined", cascade.first_
    if "cascade" in names:
        yield "cascade", cascade


def table(material, names, n_hours, n_test_hours, seed):
    """Print found words against false alarms, for each model and rate."""
    tune = [material.soundscape("tune", seed) for seed in range(n_hours)]
    test = [material.soundscape("test", 100 + seed) for seed in range(n_test_hours)]
    noise = [material.soundscape("test", 200 + seed, others_per_hour=0) for seed in range(2)]
    for name, model in train(material, names, seed):
        detector = SoundDetector(model)
        start = time.perf_counter()
        scores = {}
        for kind, scenes in (("tune", tune), ("test", test), ("noise", noise)):
            scores[kind] = [detector.score_windows(path) for path, _ in scenes]
        seconds = (time.perf_counter() - start) / sum(map(len, (tune, test, noise)))
        print(f"\n{name}: {3600 / seconds:.0f} times faster than real time, on all cores")
        for rate in RATES:
            detector.tune(scores["tune"], [events for _, events in tune], max_false_per_hour=rate)
            thresholds = ", ".join(f"{key} {v:.2f}" for key, v in detector.thresholds_.items())
            print(f"at most {rate} an hour (thresholds {thresholds})")
            for kind, scenes in (("test", test), ("noise", noise)):
                found = [detector.detect(each) for each in scores[kind]]
                result = score_events(
                    [events for _, events in scenes], found, duration=3600 * len(scenes)
                )
                row = result.total
                low, high = row.false_per_hour_interval()
                by_label = ", ".join(f"{each.label} {each.recall:.2f}" for each in result.labels)
                print(
                    f"  {kind}: found {row.recall:.3f} of {row.n_true} ({by_label}); "
                    f"{row.false_per_hour:.2f} false an hour ({low:.2f} to {high:.2f})",
                    flush=True,
                )


def speed(material):
    """Print the speed of the default pipeline on one core."""
    X, y = material.words["tune"]
    model = network(0).set_params(convclassifier__epochs=1).fit(X, np.array(y))
    path, _ = material.soundscape("test", 0)
    detector = SoundDetector(model)
    detector.detect(np.zeros(2 * RATE))
    os.sched_setaffinity(0, {0})
    start = time.perf_counter()
    detector.detect(path)
    seconds = time.perf_counter() - start
    print(
        f"one hour in {seconds:.1f} s on one core: {3600 / seconds:.0f} times faster than real time"
    )


def main():
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    models = ["clips", "windows", "mined", "cascade"]
    parser.add_argument("--models", nargs="+", choices=models, default=models)
    parser.add_argument("--hours", type=int, default=10, help="of soundscapes to tune on")
    parser.add_argument("--test-hours", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    material = Material(Path(os.environ["SKAUDIO_DATA"]))
    if options.speed:
        speed(material)
        return
    # A few hours are too few for the lowest rate, which the table shows as well.
    warnings.filterwarnings("ignore", message=".*hours are too few")
    table(material, options.models, options.hours, options.test_hours, options.seed)


if __name__ == "__main__":
    main()
