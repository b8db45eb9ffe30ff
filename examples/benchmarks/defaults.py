"""Measure the effect of the training defaults, changing one parameter at a time.

Cross-validates ``ConvClassifier`` on the training speakers of *bed*, *happy*, *cat* in
Speech Commands' official split, in three folds by speaker. The test speakers are not used,
so that defaults may be chosen by this table. MFCCs are computed once::

    SKAUDIO_DATA=... python examples/benchmarks/defaults.py

The accuracy is that of all clips, each by the network that was not trained on its speaker:
the mean over seeds, and their range. To measure small differences, name a few changes and more
seeds: ``--only "no dropout" --seeds 0 1 2 3 4``; ``--clips 600`` uses a smaller data set.
"""

import argparse
import time

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from skaudio import ConvClassifier, MFCCTransformer
from skaudio.datasets import fetch_speech_commands

WORDS = ["bed", "happy", "cat"]
CHANGES = {
    "the defaults": {},
    "no dropout": {"dropout": 0.0},
    "no augmentation": {"augmentation": None},
    "no augmentation, no dropout": {"augmentation": None, "dropout": 0.0},
    "no time shift": {"augmentation__time_shift": 0.0},
    "no masks": {"augmentation__time_mask": 0.0, "augmentation__coefficient_mask": 0.0},
    "no coefficient offset": {"augmentation__coefficient_offset": 0.0},
    "noise_std=0.1": {"augmentation__noise_std": 0.1},
    "mixup=0.2": {"augmentation__mixup": 0.2},
    "label_smoothing=0": {"label_smoothing": 0.0},
    "weight_decay=0": {"weight_decay": 0.0},
    "weight_decay=0.01": {"weight_decay": 0.01},
    "constant learning rate": {"learning_rate_schedule": "constant"},
    "optimizer=adam": {"optimizer": "adam", "weight_decay": 0.0},
    "optimizer=sgd, rate 0.05": {"optimizer": "sgd", "learning_rate": 0.05},
    "learning_rate=0.001": {"learning_rate": 0.001},
    "learning_rate=0.01": {"learning_rate": 0.01},
    "epochs=50": {"epochs": 50},
    "early stopping by speaker": {"early_stopping": True},
    "no batch normalisation": {"batch_norm": False},
    "no standardisation": {"standardize": False},
    "each coefficient's own scale": {"standardize": "per_coefficient"},
}


def measure(changes, X, y, folds, groups, seeds):
    """Fit once for each fold and seed; return the accuracy of each seed."""
    scores = []
    for seed in seeds:
        is_correct = np.zeros(len(X))
        for train, test in folds:
            classifier = clone(ConvClassifier(random_state=seed)).set_params(**changes)
            classifier.fit(X[train], y[train], groups=groups[train])
            is_correct[test] = classifier.predict(X[test]) == y[test]
        scores.append(is_correct.mean())
    return np.array(scores)


def main(names, seeds, n_clips):
    """Print the table."""
    clips = fetch_speech_commands(WORDS, subset="train", random_state=0)
    X = MFCCTransformer().fit_transform(clips.data[:n_clips])
    y, groups = np.asarray(clips.target[:n_clips]), np.asarray(clips.groups[:n_clips])
    folds = list(GroupKFold(3, shuffle=True, random_state=0).split(X, y, groups))
    print(f"{len(X)} clips of {len(np.unique(groups))} speakers, {len(folds)} folds, seeds {seeds}")
    print(f"{'':30}{'accuracy':>10}{'by seed':>20}{'fit, s':>8}")
    for name in ["the defaults", *(name for name in names if name != "the defaults")]:
        started = time.perf_counter()
        scores = measure(CHANGES[name], X, y, folds, groups, seeds)
        seconds = (time.perf_counter() - started) / len(folds) / len(seeds)
        by_seed = f"{scores.min():.4f} to {scores.max():.4f}"
        print(f"{name:30}{scores.mean():10.4f}{by_seed:>20}{seconds:8.0f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=list(CHANGES), choices=CHANGES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--clips", type=int, help="number of clips, drawn at random")
    arguments = parser.parse_args()
    main(arguments.only, arguments.seeds, arguments.clips)
