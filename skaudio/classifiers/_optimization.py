"""Batches, optimizer and learning rate."""

from __future__ import annotations

import math

from skaudio._tensorflow import keras

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}


def make_optimizer(name: str) -> keras.optimizers.Optimizer:
    """Make an optimizer, whose learning rate and weight decay are set before each update."""
    momentum = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    return OPTIMIZERS[name](weight_decay=0.0, **momentum)


def batch_count(n_clips: int, batch_size: int | str) -> int:
    """Count the batches of an epoch.

    "auto" uses batches of 64 clips, or fewer on small data sets, for about 32 updates per
    epoch with at least 8 clips.
    """
    if batch_size == "auto":
        batch_size = min(64, max(8, n_clips // 32))
    return max(1, -(-n_clips // int(batch_size)))


def epoch_count(n_clips: int, batch_size: int | str, epochs: int | str) -> int:
    """Count the epochs of a training.

    "auto" is as many as give 2,400 updates or use 100,000 clips, whichever is less, and at least
    25.
    """
    if epochs != "auto":
        return int(epochs)
    updates = math.ceil(2400 / batch_count(n_clips, batch_size))
    return max(25, min(updates, math.ceil(100_000 / n_clips)))


def learning_rate_at(progress: float, *, highest: float) -> float:
    """Compute the cosine schedule from the completed share of the training.

    The learning rate rises during the first twentieth and then falls along a cosine to one
    hundredth. It stays there when `progress` exceeds 1, so that ``partial_fit`` can continue.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts",
    ICLR 2017.
    """
    warm_up, lowest = 1 / 20, 0.01
    if progress < warm_up:
        return highest * (warm_up + (1 - warm_up) * progress / warm_up)
    fallen = min(1.0, (progress - warm_up) / (1 - warm_up))
    return highest * (lowest + (1 - lowest) * (1 + math.cos(math.pi * fallen)) / 2)
