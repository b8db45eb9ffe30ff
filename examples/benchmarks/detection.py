"""Measure a detector of three words: found words against false alarms, and speed.

Soundscapes of an hour contain *bed*, *cat* and *happy* of the validation speakers among 1,500 other
words an hour, in noise 10 dB below them. A fifth of these are English words, digits, Lithuanian,
Arabic, and seconds of German sentences, each used again at another speed only; the rest are
utterances of 380 words by synthetic voices, six an hour, each used once. For words that come again,
false alarms come in clumps, and their number says less. Four detectors build on each other::

    clips     ConvClassifier, trained on clips of the three words, other words and noise
    windows   ... and on windows of soundscapes, as a detector sees them
    mined     ... and on the false alarms in soundscapes without the three words and with them
    cascade   the same; and a logistic regression on a speech embedding judges what is left

Thresholds are tuned on some soundscapes, and tested on others of the same people and noises
(*test*), of other people (*new*), and of noise alone (*noise*). None of them was trained on::

    SKAUDIO_DATA=... python examples/benchmarks/detection.py
    SKAUDIO_DATA=... python examples/benchmarks/detection.py --speed

``--speed`` measures time and memory of an hour and of a day on one core.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from itertools import cycle, islice
from pathlib import Path

import joblib
import numpy as np
from joblib import Parallel, delayed
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
    WaveformAugmenter,
    audio,
)
from skaudio.audio import Segment
from skaudio.datasets import (
    fetch_free_spoken_digits,
    fetch_speech_commands,
    load_audio_folder,
    load_audio_table,
    make_soundscape,
    make_spoken_words,
)
from skaudio.detection import SoundDetector, cut_windows, score_events

WORDS = ["bed", "cat", "happy"]
RATE = 16000
PARTS = "train", "tune", "test", "new"
RATES = 0.5, 1, 6

# Copies of each other clip, and their speeds.
N_COPIES = 9
SPEED = 0.85, 1.15


class Material:
    """Clips of the words, of other words and of noise, in four parts.

    The people of *train*, of *tune* and *test*, and of *new* are different.
    """

    def __init__(self, folder):
        self.folder = Path(tempfile.mkdtemp())
        train, known = (
            fetch_speech_commands(WORDS, subset=subset, random_state=0)
            for subset in ("train", "validation")
        )
        self.words = {part: ([], []) for part in PARTS}
        self.words["train"] = list(train.data), train.target.tolist()
        for part, index in parts_of(known.groups, ("tune", "new")):
            self.words[part][0].append(known.data[index])
            self.words[part][1].append(known.target[index])
        others = load_audio_folder(folder / "other_words")
        others.groups = [Path(path).name.split("_nohash_")[0] for path in others.data]
        digits = fetch_free_spoken_digits(subset="train")
        digits.data, digits.groups = digits.data[::3], digits.groups[::3]
        tables = [
            load_audio_table(folder / "sets" / name / "clips.csv")
            for name in ("lithuanian", "arabic", "emodb4")
        ]
        clips = {part: [] for part in PARTS}
        for each in (others, digits, *tables):
            for part, index in parts_of(each.groups, ("train", "tune", "new")):
                clips[part] += seconds_of(each.data[index])
        augmenter = WaveformAugmenter(n_copies=N_COPIES, speed=SPEED, random_state=0)
        spoken = make_spoken_words(OTHER_WORDS.split(), 18, snr_db=None, random_state=0)
        self.clips_of_others = [*clips["train"], *spoken.data]
        self.others = {part: cycle(augmenter.fit_resample(clips[part])[0]) for part in PARTS}
        self.noise = {part: [] for part in PARTS}
        for path in sorted((folder / "background_noise").glob("*.wav")):
            seconds = int(audio.durations([path], sample_rate=RATE)[0])
            self.noise["train"].append(Segment(str(path), 0, seconds / 2))
            self.noise["new"].append(Segment(str(path), 5 * seconds / 6, seconds))
            for index, start in enumerate(range(seconds // 2, 5 * seconds // 6, 2)):
                self.noise["tune" if index % 2 else "test"].append(
                    Segment(str(path), start, start + 2)
                )
        self.spoken_words = make_spoken_words(WORDS, 200, snr_db=None, random_state=1)

    def soundscape(self, part, seed, *, events_per_hour=120, others_per_hour=1500, snr_db=10):
        """An hour in a file, and its events."""
        path = self.folder / f"{part}-{seed}-{events_per_hour}-{others_per_hour}-{snr_db}.wav"
        others = list(islice(self.others[part], others_per_hour // 5))
        if others:
            seed_of_voices = seed + 1000 * (1 + PARTS.index(part))
            spoken = make_spoken_words(
                OTHER_WORDS.split(), 6, snr_db=None, random_state=seed_of_voices
            )
            others += list(spoken.data[: others_per_hour - len(others)])
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
        X += [*self.spoken_words.data, *self.clips_of_others]
        y += self.spoken_words.target.tolist()
        for part in self.noise["train"]:
            seconds = np.arange(part.start, part.stop - 1, 0.5)
            X += [Segment(part.source, start, start + 1) for start in seconds]
        return X, y + ["unknown"] * (len(X) - len(y))


def parts_of(groups, parts):
    """Yield part and index of each clip: groups by turns; those to tune with also test."""
    _, numbers = np.unique(groups, return_inverse=True)
    n_known = 0
    for index, number in enumerate(numbers):
        part = parts[number % len(parts)]
        if part == "tune":
            n_known += 1
            part = ("tune", "test")[n_known % 2]
        yield part, index


def seconds_of(path):
    """Cut a recording into seconds; one that is shorter stays as it is."""
    seconds = int(audio.durations([path], sample_rate=RATE)[0])
    return [Segment(path, start, start + 1) for start in range(seconds)] if seconds > 1 else [path]


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
    new = [material.soundscape("new", seed) for seed in range(n_test_hours // 5)]
    noise = [material.soundscape("new", seed, others_per_hour=0) for seed in range(2)]
    for name, model in train(material, names, seed):
        detector = SoundDetector(model)
        start = time.perf_counter()
        scores = {}
        for kind, scenes in (("tune", tune), ("test", test), ("new", new), ("noise", noise)):
            scores[kind] = Parallel(n_jobs=-1)(
                delayed(detector.score_windows)(path) for path, _ in scenes
            )
        seconds = (time.perf_counter() - start) / sum(map(len, (tune, test, new, noise)))
        print(f"\n{name}: {3600 / seconds:.0f} times faster than real time, on all cores")
        for rate in RATES:
            detector.tune(scores["tune"], [events for _, events in tune], max_false_per_hour=rate)
            thresholds = ", ".join(f"{key} {v:.2f}" for key, v in detector.thresholds_.items())
            print(f"at most {rate} an hour (thresholds {thresholds})")
            for kind, scenes in (("test", test), ("new", new), ("noise", noise)):
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
    """Measure the default pipeline in a process of its own, which has not trained."""
    X, y = material.words["tune"]
    model = network(0).set_params(convclassifier__epochs=1).fit(X, np.array(y))
    saved = material.folder / "model.joblib"
    joblib.dump(model, saved)
    path, _ = material.soundscape("test", 0)
    samples = audio.load(path, sample_rate=RATE)
    samples[: -6 * 60 * RATE] = 0
    quiet = material.folder / "quiet.wav"
    wavfile.write(quiet, RATE, (samples * 32767).astype(np.int16))
    files = map(str, (saved, path, quiet))
    subprocess.run([sys.executable, __file__, "--measure", *files], check=True)


def measure(saved, path, quiet):
    """Print time and memory of an hour and of a day, on one core."""
    os.sched_setaffinity(0, {0})
    detector = SoundDetector(joblib.load(saved))
    started = peak_memory()
    detector.detect(np.zeros(2 * RATE))
    for name, run in (
        ("one hour", lambda: detector.detect(path)),
        ("one hour, of which 54 minutes are silence", lambda: detector.detect(quiet)),
        ("one day, as a stream", lambda: list(detector.stream(day(path), batch_size=32))),
    ):
        start = time.perf_counter()
        n_events = len(run())
        seconds = time.perf_counter() - start
        print(
            f"{name}: {n_events} events in {seconds:.1f} s on one core; peak memory "
            f"{peak_memory() - started:.0f} MiB above that of the process before",
            flush=True,
        )


def day(path):
    """Yield the blocks of an hour 24 times."""
    for _ in range(24):
        yield from audio.blocks(path, sample_rate=RATE)


def peak_memory():
    """Return the peak memory of this process so far, in MiB; on Linux."""
    # The resource module's includes that of the process which started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def main():
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    models = ["clips", "windows", "mined", "cascade"]
    parser.add_argument("--models", nargs="+", choices=models, default=models)
    parser.add_argument("--hours", type=int, default=10, help="of soundscapes to tune on")
    parser.add_argument("--test-hours", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    material = Material(Path(os.environ["SKAUDIO_DATA"]))
    if options.speed:
        speed(material)
        return
    # A few hours are too few for the lowest rate, which the table shows as well.
    warnings.filterwarnings("ignore", message=".*hours are too few")
    table(material, options.models, options.hours, options.test_hours, options.seed)


if __name__ == "__main__":
    main()
