"""Compare classifiers that have seen 1 to 50 clips of each word.

Draws that many clips of *bed*, *cat* and *happy*, those of a word by different speakers, from
the training speakers of Speech Commands, and tests on all clips of the validation speakers::

    SKAUDIO_DATA=... python examples/benchmarks/few_clips.py
    SKAUDIO_DATA=... python examples/benchmarks/few_clips.py --networks 3

The first table is the accuracy: the mean over 20 draws, and the standard deviation. ``--networks``
adds the default pipeline from MFCCs, for that many of the draws, as it takes half a minute each.

The second table is what `UnknownRejector` accepts with the default ``keep=0.95``: of the known
words, of other words and of seconds of noise. ``SKAUDIO_DATA`` must contain the folders
``other_words`` and ``background_noise`` for it.
"""

import argparse
import os
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from skaudio import (
    ConvClassifier,
    EmbeddingTransformer,
    MFCCTransformer,
    Pipeline,
    PrototypeClassifier,
    UnknownRejector,
    audio,
)
from skaudio.datasets import fetch_speech_commands, load_audio_folder

WORDS = ["bed", "cat", "happy"]
RATE = 16000
N_CLIPS = [1, 3, 5, 10, 50]
HEADS = {
    "PrototypeClassifier": PrototypeClassifier,
    "LogisticRegression": lambda: make_pipeline(Normalizer(), LogisticRegression(C=10)),
}


def drawn(clips, n_clips, seed):
    """Draw clips of each word, each of another speaker."""
    rng = np.random.default_rng(seed)
    chosen = []
    for word in WORDS:
        indices = rng.permutation(np.flatnonzero(np.asarray(clips.target) == word))
        _, first = np.unique(np.asarray(clips.groups)[indices], return_index=True)
        chosen.extend(indices[np.sort(first)][:n_clips])
    return np.array(chosen)


def seconds_of_noise():
    """Cut the recordings of noise into seconds."""
    seconds = []
    for path in sorted((Path(os.environ["SKAUDIO_DATA"]) / "background_noise").glob("*.wav")):
        samples = audio.load(path, sample_rate=RATE)
        seconds.extend(samples[: len(samples) // RATE * RATE].reshape(-1, RATE))
    return seconds


def unknown_clips():
    """Load the other words and the noise."""
    words = load_audio_folder(Path(os.environ["SKAUDIO_DATA"]) / "other_words").data
    return {"words": words, "noise": seconds_of_noise()}


def seconds_of_a_clip(paths):
    """Measure how long one thread takes for a clip: the median of 100."""
    transformer = EmbeddingTransformer(duration=1.0, pooling="mean_std").fit(paths[:1])
    transformer.transform(paths[:1])
    seconds = []
    for path in paths[:100]:
        started = time.perf_counter()
        transformer.transform([path])
        seconds.append(time.perf_counter() - started)
    return np.median(seconds)


def accuracies(make, train, test, clips, n_draws):
    """Print a row of accuracies, and the seconds of a fit with five clips of each word."""
    row = []
    for n_clips in N_CLIPS:
        scores = []
        for draw in range(n_draws):
            indices = drawn(clips, n_clips, draw)
            started = time.perf_counter()
            model = make().fit(train(indices), np.asarray(clips.target)[indices])
            if n_clips == 5:
                seconds = time.perf_counter() - started
            scores.append(model.score(*test))
        row.append(f"{np.mean(scores):.4f} +- {np.std(scores):.3f}")
    print(*row, f"{seconds:6.2f} s", sep="  ", flush=True)


def rejections(make, vectors, test, unknown, clips, n_clips, n_draws=20):
    """Print what is accepted of known words, and rejected of others."""
    rows, intervals = [], []
    for draw in range(n_draws):
        indices = drawn(clips, n_clips, draw)
        rejector = UnknownRejector(make()).fit(vectors[indices], np.asarray(clips.target)[indices])
        accepted = [np.mean(rejector.predict(X) != "unknown") for X in (test, *unknown.values())]
        rows.append([accepted[0], *(1 - share for share in accepted[1:])])
        intervals.append(rejector.keep_interval_)
    low, high = np.mean(intervals, axis=0)
    print(*(f"{share:9.3f}" for share in np.mean(rows, axis=0)), f"   {low:.2f} to {high:.2f}")


def main(n_networks):
    """Print both tables."""
    train = fetch_speech_commands(WORDS, subset="train")
    validation = fetch_speech_commands(WORDS, subset="validation")
    transformer = EmbeddingTransformer(duration=1.0, pooling="mean_std", n_jobs=-1)
    vectors = transformer.fit_transform(train.data)
    test = transformer.transform(validation.data)
    print(f"{len(validation.data)} clips of the validation speakers")
    print(f"One clip, from its path, takes {1000 * seconds_of_a_clip(validation.data):.1f} ms\n")

    print(f"{'clips of each word':24}", *(f"{n:<15}" for n in N_CLIPS), "fit of 5", sep="  ")
    for name, make in HEADS.items():
        print(f"{name:24}", end="  ")
        accuracies(make, lambda indices: vectors[indices], (test, validation.target), train, 20)
    if n_networks:
        print(f"{'MFCC + ConvClassifier':24}", end="  ")
        accuracies(
            lambda: Pipeline([MFCCTransformer(), ConvClassifier(random_state=0)]),
            lambda indices: [train.data[index] for index in indices],
            (validation.data, validation.target),
            train,
            n_networks,
        )

    unknown = {name: transformer.transform(X) for name, X in unknown_clips().items()}
    print(f"\n{'':32}{'accepted':>9}{'rejected:':>10}")
    print(f"{'UnknownRejector of':32}{'known':>9}{'words':>10}{'noise':>10}   95 % interval")
    for n_clips in (5, 10, 50):
        for name, make in HEADS.items():
            print(f"{name}, {n_clips} clips".ljust(32), end="")
            rejections(make, vectors, test, unknown, train, n_clips)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=0, help="draws of the default pipeline")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    main(arguments.networks)
