"""Measure time and accuracy of the default pipeline on new speakers.

Trains on the training speakers of *bed*, *happy*, *cat* and tests on the validation
speakers of Speech Commands' official split, once for each seed::

    SKAUDIO_DATA=... python examples/benchmarks/literal_line.py 0 1 2

It is compared with a simple scikit-learn model: a support vector machine on the mean and
standard deviation of each coefficient over time.
"""

import sys
import time

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skaudio import ConvClassifier, MFCCTransformer, Pipeline
from skaudio.datasets import fetch_speech_commands

WORDS = ["bed", "happy", "cat"]


def statistics(features):
    """Compute mean and standard deviation of each coefficient over time."""
    return np.concatenate([features.mean(axis=1), features.std(axis=1)], axis=1)


def measure(name, model, train, test):
    """Fit, score, and print one line."""
    started = time.perf_counter()
    model.fit(train.data, train.target)
    seconds = time.perf_counter() - started
    score = model.score(test.data, test.target)
    print(f"{name:32}{seconds:7.1f} s{score:9.4f}", flush=True)
    return score


def compare(train, test, seeds, features):
    """Print a line for each seed, the mean, and the support vector machine."""
    scores = []
    for seed in seeds:
        model = Pipeline([*features, ConvClassifier(random_state=seed)])
        scores.append(measure(f"all defaults, seed {seed}", model, train, test))
    print(f"{'mean':32}{'':9}{np.mean(scores):9.4f}")
    peer = make_pipeline(*features, FunctionTransformer(statistics), StandardScaler(), SVC())
    measure("SVC on statistics of MFCCs", peer, train, test)


def main(seeds):
    """Compare the models on three words."""
    train = fetch_speech_commands(WORDS, subset="train", random_state=0)
    test = fetch_speech_commands(WORDS, subset="validation", random_state=0)
    print(f"{len(train.data)} training clips, {len(test.data)} test clips of other speakers")
    compare(train, test, seeds, [MFCCTransformer()])


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2])
