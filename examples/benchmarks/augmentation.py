"""Measure the accuracy and the time of each effect of WaveformAugmenter on few clips.

Trains the default ConvClassifier on 300 clips of *bed*, *cat* and *happy* by the training
speakers of Speech Commands, with one augmented copy of each, and tests on all clips of the
validation speakers; three seeds. It is compared with no copies, and with unchanged copies,
which train for the same number of steps::

    SKAUDIO_DATA=... python examples/benchmarks/augmentation.py

The time is that of rendering one copy of one second, in one thread, without reading it.
"""

import os
import time
from pathlib import Path

import numpy as np

from skaudio import ConvClassifier, MFCCTransformer, Pipeline, WaveformAugmenter
from skaudio.augmentation import AugmentedRecording, Recipe
from skaudio.datasets import fetch_speech_commands

WORDS = ["bed", "cat", "happy"]
SEEDS = (0, 1, 2)
OFF = {f"{effect}_probability": 0.0 for effect in ("speed", "shift", "room", "noise", "gain")}


def variants():
    """Yield the name and the parameters of each row."""
    noise = Path(os.environ.get("SKAUDIO_DATA", ".")) / "background_noise"
    yield "none", {"n_copies": 0}
    yield "one, unchanged", {}
    yield "one, speed", {"speed_probability": 1.0}
    yield "one, white noise", {"noise": "white", "noise_probability": 1.0}
    yield 'one, room="synthetic"', {"room": "synthetic", "room_probability": 1.0}
    if noise.is_dir():
        yield (
            "one, noise of a folder",
            {"noise": noise, "noise_probability": 1.0},
        )
    yield "one, shift", {"shift_probability": 1.0}
    yield "one, gain", {"gain_probability": 1.0}
    yield "three, unchanged", {"n_copies": 3}
    yield "three, speed", {"n_copies": 3, "speed_probability": 1.0}


def milliseconds(copies):
    """Measure the median time of rendering a copy, without that of its source."""
    spent = []
    for copy in copies:
        plain = AugmentedRecording(copy.source, Recipe())
        times = []
        for recording in (plain, copy):
            started = time.perf_counter()
            recording.render(sample_rate=16000, duration=1.0)
            times.append(time.perf_counter() - started)
        spent.append(times[1] - times[0])
    return 1000 * float(np.median(spent))


def main():
    """Print a line for each variant."""
    train = fetch_speech_commands(WORDS, subset="train", random_state=0)
    test = fetch_speech_commands(WORDS, subset="validation", random_state=0)
    X, y = train.data[:300], train.target[:300]
    print(f"{len(X)} training clips, {len(test.data)} test clips of other speakers")
    print(f"{'copies':24}{'accuracy':>9}{'ms per copy':>13}")
    held_out = MFCCTransformer(duration=1.0).fit_transform(test.data)
    for name, parameters in variants():
        augmenter = WaveformAugmenter(**{**OFF, **parameters}, random_state=0)
        copies = augmenter.fit_resample(X, y)[0][len(X) :]
        cost = f"{milliseconds(copies[:100]):.2f}" if copies else ""
        scores = []
        for seed in SEEDS:
            augmenter = WaveformAugmenter(**{**OFF, **parameters}, random_state=seed)
            model = Pipeline(
                [augmenter, MFCCTransformer(duration=1.0), ConvClassifier(random_state=seed)]
            )
            scores.append(model.fit(X, y)[-1].score(held_out, test.target))
        print(f"{name:24}{np.mean(scores):9.3f}{cost:>13}", flush=True)


if __name__ == "__main__":
    main()
