"""Measure the largest difference from librosa over all recordings of the data folder.

Compares clip by clip with the installed librosa, for the default parameters and for
a grid of others on every fiftieth clip::

    SKAUDIO_DATA=... python examples/benchmarks/parity.py

Differences are in the unit of the coefficients, dB times the square root of a number of
mel bands.
"""

import os
from pathlib import Path

import librosa
import numpy as np
from sklearn.model_selection import ParameterGrid

from skaudio import MFCCTransformer
from skaudio.audio import fit_length, load

RATE = 16000
DEFAULT = {"n_mfcc": 40, "n_fft": 512, "win_length": 480, "hop_length": 160, "n_mels": 64}
GRID = ParameterGrid(
    {
        "n_mfcc": [13, 40],
        "n_fft": [512, 1024],
        "hop_length": [160, 256],
        "fmin": [0.0, 60.0],
        "fmax": [None, 7000.0],
        "window": ["hann", "hamming"],
        "center": [True, False],
        "lifter": [0, 22],
    }
)


def difference(paths, **recipe):
    """Compute the largest absolute difference over the clips."""
    features = MFCCTransformer(duration=1.0, **recipe).fit(paths).transform(paths)
    worst = 0.0
    for path, ours in zip(paths, features, strict=True):
        clip = fit_length(load(path), RATE)
        theirs = librosa.feature.mfcc(y=clip, sr=RATE, **recipe)
        worst = max(worst, np.abs(ours - theirs.T).max())
    return worst


def main():
    """Print both differences."""
    folder = Path(os.environ["SKAUDIO_DATA"])
    paths = sorted(folder.glob("speech_commands/*/*.wav"))
    print(f"librosa {librosa.__version__}, {len(paths)} recordings")
    print(f"default parameters, all clips: {difference(paths, **DEFAULT):.2e}")
    worst = max(
        difference(paths[number % 50 :: 50], **{**DEFAULT, **recipe})
        for number, recipe in enumerate(GRID)
    )
    print(f"{len(GRID)} sets of parameters, every fiftieth clip: {worst:.2e}")


if __name__ == "__main__":
    main()
