"""Time and accuracy of the literal line, all defaults, on recordings it never heard.

Trains on the training speakers of *bed*, *happy*, *cat* and tests on the validation
speakers of Speech Commands' own split, once for each seed::

    SKAUDIO_DATA=... python examples/benchmarks/literal_line.py 0 1 2

With ``--digits`` it is Free Spoken Digits and its own split, whose two sides share their six
speakers. Where the testing recordings (0 to 4 of each digit and speaker) are not to be had,
the next five stand in for them, and are not trained on.

The peer, in the same run, is what a scikit-learn user would try first: a support vector
machine on the mean and standard deviation of each coefficient over time.
"""

import argparse
import re
import time

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import Bunch

from skaudio import ConvClassifier, MFCCTransformer, Pipeline
from skaudio.datasets import fetch_free_spoken_digits, fetch_speech_commands

WORDS = ["bed", "happy", "cat"]


def statistics(features):
    """Mean and standard deviation of each coefficient over time."""
    return np.concatenate([features.mean(axis=1), features.std(axis=1)], axis=1)


def measure(name, model, train, test):
    """Fit, score, and print one line."""
    started = time.perf_counter()
    model.fit(train.data, train.target)
    seconds = time.perf_counter() - started
    score = model.score(test.data, test.target)
    print(f"{name:32}{seconds:7.1f} s{score:9.4f}", flush=True)
    return score


def words():
    """Three words, of the training and of the validation speakers."""
    subsets = ("train", "validation")
    return [fetch_speech_commands(WORDS, subset=subset, random_state=0) for subset in subsets]


def digits():
    """Ten digits: the official split, or the same with another five to test on."""
    everything = fetch_free_spoken_digits(subset="all")
    number = np.array([int(re.search(r"_(\d+)\.wav$", path)[1]) for path in everything.data])
    first = number.min()
    if first > 0:
        print(f"recordings {first} to {first + 4} stand in for the official test")
    return [part(everything, number >= first + 5), part(everything, number < first + 5)]


def part(dataset, chosen):
    """Choose some clips of a data set."""
    data = [path for path, is_chosen in zip(dataset.data, chosen, strict=True) if is_chosen]
    return Bunch(data=data, target=dataset.target[chosen])


def main():
    """Print a line for each seed, the mean, and the peer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--digits", action="store_true", help="Free Spoken Digits")
    options = parser.parse_args()
    train, test = digits() if options.digits else words()
    print(f"{len(train.data)} clips to learn from, {len(test.data)} to test on")
    scores = []
    for seed in options.seeds:
        model = Pipeline([MFCCTransformer(), ConvClassifier(random_state=seed)])
        scores.append(measure(f"literal line, seed {seed}", model, train, test))
    print(f"{'mean':32}{'':9}{np.mean(scores):9.4f}")
    peer = make_pipeline(
        MFCCTransformer(), FunctionTransformer(statistics), StandardScaler(), SVC()
    )
    measure("SVC on statistics of MFCCs", peer, train, test)


if __name__ == "__main__":
    main()
