"""The craft of training: batches, schedule, held-out clips, callbacks."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from skaudio._tensorflow import keras
from skaudio.classifiers._network import CompiledNetwork, Update


class Clips(NamedTuple):
    """Clips to train on.

    Attributes
    ----------
    features : ndarray of shape (n_clips, n_frames, n_coefficients)
        Features.
    targets : ndarray of shape (n_clips, n_classes)
        Probabilities to aim at.
    weights : ndarray of shape (n_clips,)
        Weight of each clip in the loss.
    """

    features: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def take(self, places: np.ndarray) -> Clips:
        """Choose some.

        Parameters
        ----------
        places : ndarray of int
            Which.

        Returns
        -------
        Clips
            The chosen ones.
        """
        return Clips(*(array[places] for array in self))


def batch_count(n_clips: int, batch_size: int | str) -> int:
    """Count the batches of an epoch.

    Parameters
    ----------
    n_clips : int
        Training clips.
    batch_size : int or "auto"
        Largest batch; "auto" takes 64, or less on few clips: about 32 updates an epoch
        are wanted, of at least 8 clips.

    Returns
    -------
    int
        Number of batches.
    """
    if batch_size == "auto":
        batch_size = min(64, max(8, n_clips // 32))
    return max(1, -(-n_clips // int(batch_size)))


def learning_rate_at(progress: float, *, highest: float, schedule: str) -> float:
    """Follow the learning rate's schedule.

    Parameters
    ----------
    progress : float
        Share of the training that is done; may pass 1.
    highest : float
        Highest learning rate.
    schedule : {"constant", "cosine"}
        "cosine" warms up over the first twentieth and then falls along a cosine, to
        one hundredth, where it stays, so that ``partial_fit`` can go on.

    Returns
    -------
    float
        Learning rate.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts",
    ICLR 2017.
    """
    if schedule == "constant":
        return highest
    warm_up, lowest = 1 / 20, 0.01
    if progress < warm_up:
        return highest * (warm_up + (1 - warm_up) * progress / warm_up)
    fallen = min(1.0, (progress - warm_up) / (1 - warm_up))
    return highest * (lowest + (1 - lowest) * (1 + math.cos(math.pi * fallen)) / 2)


def hold_out(
    codes: np.ndarray, groups: np.ndarray | None, *, fraction: float, classes: list, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out a seeded share of each class, by whole groups if there are any.

    Groups are gone through at random, and one is held out if that brings the classes nearer
    to their share, and leaves clips of every class to train on.

    Parameters
    ----------
    codes : ndarray of shape (n_clips,), int
        Class of each clip.
    groups : ndarray of shape (n_clips,) or None
        Clips of one group stay together; None lets every clip go alone.
    fraction : float
        Share of the clips to hold out: at least one of each class, as far as groups allow.
    classes : list
        The classes' names, for messages.
    seed : int
        Seed of the draw.

    Returns
    -------
    chosen : ndarray of int
        Places of the clips to train on.
    held_out : ndarray of int
        Places of the others.

    Raises
    ------
    ValueError
        When no group can be held out, or a class has a single clip.
    """
    names, group = np.unique(
        np.arange(len(codes)) if groups is None else groups, return_inverse=True
    )
    table = np.zeros((len(names), len(classes)), dtype=int)
    np.add.at(table, (group, codes), 1)
    counts = table.sum(axis=0)
    if groups is None and 1 in counts:
        raise ValueError(
            f"early_stopping=True holds out a share of every class, and class "
            f"{classes[counts.tolist().index(1)]!r} has 1 clip(s); at least 2 are "
            "needed. Add clips, leave the class out, or use early_stopping=False."
        )
    wanted = np.clip(np.round(fraction * counts), 1, np.maximum(1, counts - 1))
    may_go = [g for g in range(len(names)) if (table[g] < counts)[counts > 0].all()]
    if not may_go:
        raise ValueError(
            "early_stopping=True holds out whole groups, and each of the "
            f"{len(names)} groups {names[:3].tolist()}{'...' if len(names) > 3 else ''} has all "
            "clips of a class, which would leave none to train on. Give each class clips of "
            "several groups, or leave groups out."
        )
    held = np.zeros(len(classes), dtype=int)
    held_groups: list[int] = []
    for g in np.random.default_rng(seed).permutation(may_go):
        more = held + table[g]
        is_nearer = np.abs(more - wanted).sum() < np.abs(held - wanted).sum()
        if is_nearer and (more < counts)[counts > 0].all():
            held = more
            held_groups.append(g)
    # All groups are larger than the share: the one that comes nearest.
    held_groups = held_groups or [min(may_go, key=lambda g: np.abs(table[g] - wanted).sum())]
    is_held = np.isin(group, held_groups)
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def as_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Copy a user's callbacks, so that no two trainings share one.

    Parameters
    ----------
    callbacks : None, keras.callbacks.Callback or sequence of them
        The parameter.

    Returns
    -------
    list of keras.callbacks.Callback
        Copies.

    Raises
    ------
    TypeError
        When there is something else among them.
    """
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    for callback in callbacks or ():
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "The 'callbacks' parameter must be a keras.callbacks.Callback or a sequence of "
                f"them. Got {callback!r} instead."
            )
    return copy.deepcopy(list(callbacks or ()))


def train(
    network: CompiledNetwork,
    update: Update,
    clips: Clips,
    held_out: Clips | None,
    *,
    n_batches: int,
    epochs: range,
    learning_rate: Callable[[float], float] | None,
    mixup: float,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback],
) -> dict[str, list[float]]:
    """Train a network's own weights.

    Batches are drawn anew in every epoch, in an order that follows from `seed` and the
    number of the epoch alone. They are as equal as can be: a last batch of one clip would
    upset batch normalisation.

    Parameters
    ----------
    network : CompiledNetwork
        The network, for this training alone.
    update : Update
        One update of its weights.
    clips : Clips
        Training clips.
    held_out : Clips or None
        Clips for validation after every epoch.
    n_batches : int
        Batches in an epoch.
    epochs : range
        Numbers of the epochs.
    learning_rate : callable or None
        Learning rate by the number of epochs that are done, as a float; None leaves it
        to the callbacks.
    mixup : float
        Both parameters of the beta distribution of mixing shares; 0 for none.
    seed : int
        Seed of the order and of the mixing.
    callbacks : sequence of keras.callbacks.Callback
        Told of what happens, and asked to stop.

    Returns
    -------
    dict of str to list of float
        Loss and accuracy of every epoch, up to the first whose loss is not finite.
    """
    model = network.model
    model.stop_training = False
    for callback in callbacks:
        callback.set_params({"epochs": epochs.stop, "steps": n_batches, "verbose": 0})
        callback.set_model(model)

    # Not Keras' CallbackList, which hands every batch to a thread when nobody listens.
    def tell(event: str, *what: Any) -> None:
        for callback in callbacks:
            getattr(callback, event)(*what)

    edges = np.linspace(0, len(clips.features), n_batches + 1).round().astype(int)
    history: dict[str, list[float]] = {}
    tell("on_train_begin", None)
    for epoch in epochs:
        tell("on_epoch_begin", epoch, None)
        order = np.random.default_rng([seed, epoch]).permutation(len(clips.features))
        loss, n_right = 0.0, 0.0
        for batch, (start, stop) in enumerate(pairwise(edges)):
            tell("on_train_batch_begin", batch, None)
            if learning_rate is not None:
                update.optimizer.learning_rate = learning_rate(epoch + batch / n_batches)
            of_batch = update(
                *clips.take(order[start:stop]),
                mixup=mixup,
                seed=(seed, epoch * n_batches + batch),
            )
            loss, n_right = loss + of_batch[0], n_right + of_batch[1]
            logs = {"loss": loss / int(stop), "accuracy": n_right / int(stop)}
            tell("on_train_batch_end", batch, logs)
            if model.stop_training:
                break
        if held_out is not None:
            logs |= _validate(network, held_out)
        tell("on_epoch_end", epoch, dict(logs))
        for name, value in logs.items():
            history.setdefault(name, []).append(float(value))
        if model.stop_training or not math.isfinite(loss):
            break
    tell("on_train_end", dict(logs))
    for callback in callbacks:
        callback._model = None  # set_model would let some of them begin anew
    return history


def _validate(network: CompiledNetwork, clips: Clips) -> dict[str, float]:
    probabilities = network.predict(network.weights(), clips.features)
    losses = -(clips.targets * np.log(np.maximum(probabilities, 1e-7))).sum(axis=1)
    is_right = probabilities.argmax(axis=1) == clips.targets.argmax(axis=1)
    return {
        "val_loss": float((clips.weights * losses).mean()),
        "val_accuracy": float(is_right.mean()),
    }


class EpochProgress(keras.callbacks.Callback):
    """One progress bar for a whole training, with the latest loss and accuracy.

    Parameters
    ----------
    n_epochs : int
        Epochs to come.
    description : str
        What is being trained.
    """

    def __init__(self, n_epochs: int, description: str):
        super().__init__()
        self._bar = tqdm(total=n_epochs, desc=description, unit="epoch")

    def on_epoch_end(self, epoch, logs=None):
        """Advance by one.

        Parameters
        ----------
        epoch : int
            Its number.
        logs : dict, default=None
            Loss and metrics.
        """
        shown = {name: f"{value:.3f}" for name, value in (logs or {}).items()}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()

    def __del__(self):
        # Not at the end of the training, which an error may keep from coming.
        self._bar.close()
