"""Seconds of a training, against bare Keras and PyTorch on the same network.

Fits the default network of `ConvClassifier` for 15 epochs to 2,000 synthetic feature clips
of 101 x 40 in 3 classes, with augmentation and without. The peers, in the same run and
taking turns with it: ``compile`` and ``fit`` of Keras with the same layers, optimizer,
batches and data; and, without augmentation, PyTorch through skorch, which takes part if it
is installed::

    python -m pip install torch skorch
    python examples/benchmarks/training.py

A whole fit is that of a network that was never fitted before, with all that it compiles;
`ConvClassifier` compiles only once, so that its second fit is the same without. An epoch
is the median over those of all fits but their first, and a fit the best of its rounds.
"""

import argparse
import contextlib
import importlib.util
import time

import keras
import numpy as np

from skaudio import ConvClassifier
from skaudio.architectures import Standardize, convolutional
from skaudio.augmentation import RandomMask, RandomShift
from skaudio.classifiers import _network

SHAPE, CLASSES, BATCH = (101, 40), ("one", "two", "three"), 64
RATE, DECAY = 0.003, 0.001
OFF = {"time_shift": 0.0, "time_mask": 0.0, "coefficient_mask": 0.0}


def clips(n_clips):
    """Noise in which every class has coefficients and a time of its own."""
    rng = np.random.default_rng(0)
    codes = np.arange(n_clips) % len(CLASSES)
    X = rng.standard_normal((n_clips, *SHAPE), dtype=np.float32)
    for code in range(len(CLASSES)):
        X[codes == code, 30 * code : 30 * code + 30, 5 * code : 5 * code + 10] += 0.5
    return X, codes


class EpochTimes(keras.callbacks.Callback):
    """The times at which epochs end."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_epoch_end(self, epoch, logs=None):
        """Look at the clock."""
        self.ends.append(time.perf_counter())


def with_skaudio(X, codes, n_epochs, *, augmented):
    """ConvClassifier, without changes of the learning rate, as the peers."""
    classifier = ConvClassifier(
        epochs=n_epochs,
        batch_size=BATCH,
        learning_rate_schedule="constant",
        label_smoothing=0.0,
        random_state=0,
        callbacks=EpochTimes(),
        **({} if augmented else OFF),
    ).fit(X, np.array(CLASSES)[codes])
    return classifier.callbacks_[0].ends, classifier.history_["accuracy"][-1]


def with_keras(X, codes, n_epochs, *, augmented):
    """Bare Keras with the same layers."""
    standardize = Standardize()
    layers = [standardize]
    if augmented:
        layers = [RandomShift(0.1, 1), standardize, RandomMask(1, 0.2, 2), RandomMask(2, 0.2, 3)]
    model = convolutional(SHAPE, len(CLASSES), preprocessing=layers)
    standardize.set_statistics(X)
    model.compile(
        keras.optimizers.AdamW(RATE, weight_decay=DECAY),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    times = EpochTimes()
    targets = np.eye(len(CLASSES), dtype=np.float32)[codes]
    history = model.fit(
        X, targets, batch_size=BATCH, epochs=n_epochs, callbacks=[times], verbose=0
    )
    return times.ends, history.history["accuracy"][-1]


def with_skorch(X, codes, n_epochs):
    """The same network in PyTorch, through skorch; the labels are numbers."""
    import skorch
    import torch
    from torch import nn

    class Times(skorch.callbacks.Callback):
        """The times at which epochs end."""

        def on_train_begin(self, net, **kwargs):
            """Start anew."""
            self.ends = []

        def on_epoch_end(self, net, **kwargs):
            """Look at the clock."""
            self.ends.append(time.perf_counter())

    class Network(nn.Module):
        """Features of shape (clips, frames, coefficients) to logits."""

        def __init__(self):
            super().__init__()
            layers, n_inputs = [], SHAPE[1]
            for n_filters in (64, 96, 128):
                convolution = nn.Conv1d(n_inputs, n_filters, 5, padding="same", bias=False)
                nn.init.xavier_uniform_(convolution.weight)
                normalization = nn.BatchNorm1d(n_filters, eps=0.001, momentum=0.1)
                pooling = nn.MaxPool1d(2, ceil_mode=True)
                layers += [convolution, normalization, nn.ReLU(), pooling]
                n_inputs = n_filters
            self.body = nn.Sequential(*layers)
            self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(n_inputs, len(CLASSES)))

        def forward(self, features):
            """Logits."""
            return self.head(self.body(features.transpose(1, 2)).mean(dim=2))

    torch.manual_seed(0)
    times = Times()
    X = (X - X.mean(axis=(0, 1))) / X.std(axis=(0, 1))
    net = skorch.NeuralNetClassifier(
        Network,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=RATE,
        optimizer__weight_decay=DECAY,
        optimizer__eps=1e-7,
        max_epochs=n_epochs,
        batch_size=BATCH,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[times],
        callbacks__print_log=None,
        verbose=0,
    ).fit(X, codes)
    return times.ends, net.score(X, codes)


def forget():
    """Make the next fit of ConvClassifier compile, as the first one in a process does."""
    _network._networks.clear()


def measure(fit, X, codes, n_epochs):
    """Time a fit and its epochs."""
    started = time.perf_counter()
    ends, accuracy = fit(X, codes, n_epochs)
    return time.perf_counter() - started, np.diff(ends), accuracy


def compare(title, fits, peers, X, codes, n_epochs, n_rounds):
    """Let all take turns, and print a table."""
    for name, fit in fits.items():
        if "second" not in name:
            forget()
        measure(fit, X[:128], codes[:128], 1)  # what TensorFlow and PyTorch do once
    whole, epochs, accuracy = {name: [] for name in fits}, {name: [] for name in fits}, {}
    for _ in range(n_rounds):
        for name, fit in fits.items():
            if "second" not in name:
                forget()
            seconds, lasted, accuracy[name] = measure(fit, X, codes, n_epochs)
            whole[name].append(seconds)
            epochs[name].extend(lasted)
    best = {name: min(times) for name, times in whole.items()}
    epoch = {name: float(np.median(times)) for name, times in epochs.items()}
    print(f"\n{title:26}{'s a fit':>9}{'/ Keras':>9}{'s an epoch':>12}", end="")
    print("".join(f"{'/ ' + peer:>10}" for peer in peers) + f"{'accuracy':>10}")
    for name in fits:
        ratios = "".join(f"{epoch[name] / epoch[peer]:10.2f}" for peer in peers.values())
        print(
            f"{name:26}{best[name]:9.2f}{best[name] / best['Keras']:9.2f}{epoch[name]:12.4f}"
            f"{ratios}{accuracy[name]:10.3f}",
            flush=True,
        )


def main(n_clips, n_epochs, n_rounds):
    """Print a table without augmentation, and one with it."""
    X, codes = clips(n_clips)
    for augmented in (False, True):
        ours = lambda *data, on=augmented: with_skaudio(*data, augmented=on)  # noqa: E731
        bare = lambda *data, on=augmented: with_keras(*data, augmented=on)  # noqa: E731
        fits = {"ConvClassifier, first fit": ours, "ConvClassifier, second fit": ours, "Keras": bare}
        peers = {"Keras": "Keras"}
        if not augmented:
            if all(importlib.util.find_spec(name) for name in ("torch", "skorch")):
                fits["PyTorch through skorch"] = with_skorch
                peers["skorch"] = "PyTorch through skorch"
            else:
                print("torch or skorch is not installed: PyTorch is left out")
        title = f"augmentation {'on' if augmented else 'off'}"
        compare(title, fits, peers, X, codes, n_epochs, n_rounds)
    print("Targets: a fit at most 1.05 of Keras', an epoch at most 1.0 of skorch's.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    main(arguments.clips, arguments.epochs, arguments.rounds)
