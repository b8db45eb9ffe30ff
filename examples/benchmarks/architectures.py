"""Compare all architectures with their defaults, on new speakers.

Trains on the training speakers of *bed*, *happy*, *cat* and tests on the validation
speakers of Speech Commands' official split, once for each seed; prints the size, the speed
and the accuracy of each network::

    SKAUDIO_DATA=... python examples/benchmarks/architectures.py --seeds 0 1 2

BC-ResNet uses log-mel spectrograms, which it was designed for, and the others MFCCs; features
are computed once. *ms per clip* is the median time of ``predict_proba`` on the features of one
clip. Name networks to measure only some: ``--only Conv``.
"""

import argparse
import statistics
import time

import numpy as np
from sklearn.base import clone

from skaudio import (
    BCResNetClassifier,
    ConvClassifier,
    CRNNClassifier,
    DSCNNClassifier,
    GRUClassifier,
    LogMelTransformer,
    LSTMClassifier,
    MFCCTransformer,
    PerceptronClassifier,
    TCResNetClassifier,
)
from skaudio.datasets import fetch_speech_commands

WORDS = ["bed", "happy", "cat"]
NETWORKS = {
    "Perceptron": PerceptronClassifier(),
    "Conv": ConvClassifier(),
    "Conv 2-D": ConvClassifier(conv_dim=2),
    "TC-ResNet": TCResNetClassifier(),
    "LSTM": LSTMClassifier(),
    "GRU": GRUClassifier(),
    "CRNN": CRNNClassifier(),
    "DS-CNN": DSCNNClassifier(),
    "BC-ResNet": BCResNetClassifier(),
}


def milliseconds(classifier, X):
    """Measure the median time of one clip."""
    times = []
    for _ in range(200):
        started = time.perf_counter()
        classifier.predict_proba(X[:1])
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def measure(name, features, train, test, seeds):
    """Fit once for each seed, and print one line."""
    X_train, X_test = features
    scores, training, seconds = [], [], []
    for seed in seeds:
        classifier = clone(NETWORKS[name]).set_params(random_state=seed)
        started = time.perf_counter()
        classifier.fit(X_train, train.target)
        seconds.append(time.perf_counter() - started)
        scores.append(classifier.score(X_test, test.target))
        training.append(classifier.score(X_train, train.target))
    summary = classifier.network_summary_
    print(
        f"{name:12}{summary.n_parameters:11,}{summary.macs / 1e6:9.2f}"
        f"{np.mean(seconds):9.0f}{milliseconds(classifier, X_test):12.2f}"
        f"{np.mean(training):10.4f}{np.mean(scores):9.4f}"
        f" ({min(scores):.4f} to {max(scores):.4f})",
        flush=True,
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    options = parser.parse_args()
    train = fetch_speech_commands(WORDS, subset="train", random_state=0)
    test = fetch_speech_commands(WORDS, subset="validation", random_state=0)
    print(f"{len(train.data)} training clips, {len(test.data)} test clips of other speakers")
    features = {}
    for transformer in (MFCCTransformer(), LogMelTransformer()):
        transformer.fit(train.data)
        features[type(transformer)] = [transformer.transform(part.data) for part in (train, test)]
    print(
        f"{'network':12}{'parameters':>11}{'MMACs':>9}{'fit, s':>9}{'ms per clip':>12}"
        f"{'training':>10}{'testing':>9}, seeds {options.seeds}"
    )
    for name in options.only:
        kind = LogMelTransformer if name == "BC-ResNet" else MFCCTransformer
        measure(name, features[kind], train, test, options.seeds)


if __name__ == "__main__":
    main()
