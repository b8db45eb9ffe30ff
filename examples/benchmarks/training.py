"""Measure training time, compared with plain Keras and PyTorch on the same network.

Fits the default network of `ConvClassifier` for 15 epochs to 2,000 synthetic feature clips
of 101 x 40 in 3 classes, with augmentation and without. It alternates with ``compile`` and
``fit`` of Keras with the same layers, optimizer, batches and data, and, without augmentation,
with PyTorch through skorch, if that is installed::

    python -m pip install torch skorch
    python examples/benchmarks/training.py

The first fit of a network includes compilation. `ConvClassifier` compiles only once, so its
second fit does not. The time of an epoch is the median over all fits, without the first epoch of
each; the time of a fit is the best of its rounds.
"""

import argparse
import importlib.util
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

# Each function imports what it needs: PyTorch runs in a separate process, since it and
# TensorFlow can crash each other.

SHAPE, CLASSES, BATCH = (101, 40), ("one", "two", "three"), 64
RATE, DECAY = 0.003, 0.001


def clips(n_clips):
    """Make noise in which each class has other coefficients and frames that are larger."""
    rng = np.random.default_rng(0)
    codes = np.arange(n_clips) % len(CLASSES)
    X = rng.standard_normal((n_clips, *SHAPE), dtype=np.float32)
    for code in range(len(CLASSES)):
        X[codes == code, 30 * code : 30 * code + 30, 5 * code : 5 * code + 10] += 0.5
    return X, codes


def clock(ends):
    """Make a callback that records when epochs end."""
    import keras

    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter())
    )


def with_skaudio(X, codes, n_epochs, *, augmented):
    """Fit ConvClassifier, with a constant learning rate like the others."""
    from skaudio import ConvClassifier

    ends = []
    classifier = ConvClassifier(
        global_pooling="average",  # like the others
        epochs=n_epochs,
        batch_size=BATCH,
        learning_rate_schedule="constant",
        label_smoothing=0.0,
        random_state=0,
        callbacks=clock(ends),
        augmentation="default" if augmented else None,
    ).fit(X, np.array(CLASSES)[codes])
    return ends, lambda: classifier.history_["accuracy"][-1]


def with_keras(X, codes, n_epochs, *, augmented):
    """Fit plain Keras with the same layers."""
    import keras

    from skaudio.architectures import Standardize, convolutional
    from skaudio.augmentation import RandomMask, RandomShift

    standardize = Standardize()
    layers = [standardize]
    if augmented:
        layers = [RandomShift(0.1, 1), standardize, RandomMask(1, 0.2, 2), RandomMask(2, 0.2, 3)]
    model = keras.Sequential([keras.Input(SHAPE), *layers, convolutional(SHAPE, len(CLASSES))])
    standardize.set_statistics(X)
    model.compile(
        keras.optimizers.AdamW(RATE, weight_decay=DECAY),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    ends = []
    targets = np.eye(len(CLASSES), dtype=np.float32)[codes]
    history = model.fit(
        X, targets, batch_size=BATCH, epochs=n_epochs, callbacks=[clock(ends)], verbose=0
    )
    return ends, lambda: history.history["accuracy"][-1]


def with_skorch(X, codes, n_epochs):
    """Fit the same network in PyTorch, through skorch; the labels are numbers."""
    import skorch
    import torch
    from torch import nn

    class Times(skorch.callbacks.Callback):
        """The times at which epochs end."""

        def on_train_begin(self, net, **kwargs):
            """Reset the times."""
            self.ends = []

        def on_epoch_end(self, net, **kwargs):
            """Record the time."""
            self.ends.append(time.perf_counter())

    class Network(nn.Module):
        """Map features of shape (clips, frames, coefficients) to logits."""

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
            """Compute the logits."""
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
    return times.ends, lambda: net.score(X, codes)


def clear_networks():
    """Make the next fit of ConvClassifier compile, like the first one in a process."""
    from skaudio.classifiers import _graphs

    _graphs._networks.clear()


def measure(fit, X, codes, n_epochs):
    """Time a fit and its epochs."""
    started = time.perf_counter()
    ends, score = fit(X, codes, n_epochs)
    seconds = time.perf_counter() - started
    return seconds, np.diff(ends), score()


def in_other_process(pool, fit):
    """Measure in the other process."""
    return lambda *data: pool.submit(measure, fit, *data).result()


def in_this_process(fit, is_first=False, **parameters):
    """Measure in this process."""

    def measured(*data):
        if is_first:
            clear_networks()
        return measure(lambda *data: fit(*data, **parameters), *data)

    return measured


def compare(title, fits, peers, X, codes, n_epochs, n_rounds):
    """Measure all of them alternately, and print a table."""
    for fit in fits.values():
        fit(X[:128], codes[:128], 1)  # initialises TensorFlow and PyTorch
    whole, epochs, accuracy = {name: [] for name in fits}, {name: [] for name in fits}, {}
    for _ in range(n_rounds):
        for name, fit in fits.items():
            seconds, lasted, accuracy[name] = fit(X, codes, n_epochs)
            whole[name].append(seconds)
            epochs[name].extend(lasted)
    best = {name: min(times) for name, times in whole.items()}
    epoch = {name: float(np.median(times)) for name, times in epochs.items()}
    print(f"\n{title:28}{'s / fit':>9}{'/ Keras':>9}{'s / epoch':>12}", end="")
    print("".join(f"{'/ ' + peer:>10}" for peer in peers) + f"{'accuracy':>10}")
    for name in fits:
        ratios = "".join(f"{epoch[name] / epoch[peer]:10.2f}" for peer in peers.values())
        print(
            f"{name:28}{best[name]:9.2f}{best[name] / best['Keras']:9.2f}{epoch[name]:12.4f}"
            f"{ratios}{accuracy[name]:10.3f}",
            flush=True,
        )


def main(n_clips, n_epochs, n_rounds):
    """Print a table without augmentation, and one with it."""
    data = *clips(n_clips), n_epochs, n_rounds
    has_skorch = all(importlib.util.find_spec(name) for name in ("torch", "skorch"))
    if not has_skorch:
        print("torch or skorch is not installed: PyTorch is skipped")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        for augmented in (False, True):
            fits = {
                "ConvClassifier, first fit": in_this_process(
                    with_skaudio, True, augmented=augmented
                ),
                "ConvClassifier, second fit": in_this_process(with_skaudio, augmented=augmented),
                "Keras": in_this_process(with_keras, augmented=augmented),
            }
            peers = {"Keras": "Keras"}
            if has_skorch and not augmented:
                fits["PyTorch through skorch"] = in_other_process(pool, with_skorch)
                peers["skorch"] = "PyTorch through skorch"
            compare(f"augmentation {'on' if augmented else 'off'}", fits, peers, *data)
    print("Targets: a fit at most 1.05 of Keras', an epoch at most 1.0 of skorch's.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    main(arguments.clips, arguments.epochs, arguments.rounds)
