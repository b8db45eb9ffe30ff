"""The training loop."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from skaudio._tensorflow import keras
from skaudio.classifiers._callbacks import Callbacks
from skaudio.classifiers._graphs import BATCH, CompiledNetwork, Update


class Clips(NamedTuple):
    """Training clips: features, target probabilities, and weights in the loss."""

    features: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def take(self, indices: np.ndarray | slice) -> Clips:
        """Select clips by their indices."""
        return Clips(*(array[indices] for array in self))


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
) -> dict[str, list[Any]]:
    """Train the weights of a network, and return the logs of each epoch.

    Batches are drawn in every epoch, in an order that is determined by `seed` and the
    number of the epoch. Their sizes are nearly equal: a last batch of one clip would
    disturb batch normalisation. Training ends early if a callback requests it, if the loss is
    not finite, or with Ctrl-C. `learning_rate` is a function of the number of completed
    epochs; None leaves it to the callbacks. Values that an epoch did not log are nan.
    """
    model = network.model
    notify = Callbacks(callbacks, model, n_epochs=epochs.stop, n_batches=n_batches)
    edges = np.linspace(0, len(clips.features), n_batches + 1).round().astype(int)
    logged: list[dict[str, Any]] = []
    try:
        notify("train_begin", None)
        for epoch in range(notify.first_epoch(epochs.start), epochs.stop):
            notify("epoch_begin", epoch, None)
            order = np.random.default_rng([seed, epoch]).permutation(len(clips.features))
            loss, n_correct = 0.0, 0.0
            for batch, (start, stop) in enumerate(pairwise(edges)):
                notify("train_batch_begin", batch, None)
                if learning_rate is not None:
                    update.optimizer.learning_rate = learning_rate(epoch + batch / n_batches)
                of_batch = update(
                    *clips.take(order[start:stop]),
                    mixup=mixup,
                    seed=(seed, epoch * n_batches + batch),
                )
                loss, n_correct = loss + of_batch[0], n_correct + of_batch[1]
                logs = {"loss": loss / int(stop), "accuracy": n_correct / int(stop)}
                notify("train_batch_end", batch, dict(logs))
                if model.stop_training:
                    break
            if held_out is not None:
                logs |= _validate(network, held_out, notify)
            measured = dict(logs)
            notify("epoch_end", epoch, logs)  # which may change the logs
            logged.append(measured | logs)
            if model.stop_training or not math.isfinite(loss):
                break
    except KeyboardInterrupt:
        if not logged:
            raise
        warnings.warn(
            f"Training was interrupted after {len(logged)} epoch(s); the classifier keeps what "
            "it has learned so far.",
            UserWarning,
            stacklevel=4,  # the caller of fit
        )
    notify("train_end", dict(logged[-1]) if logged else None)
    notify.release_model()
    names = dict.fromkeys(name for logs in logged for name in logs)
    return {name: [logs.get(name, math.nan) for logs in logged] for name in names}


def _validate(network: CompiledNetwork, clips: Clips, notify: Callbacks) -> dict[str, float]:
    notify("test_begin", None)
    weights = network.weights()
    loss, n_correct = 0.0, 0.0
    for batch, start in enumerate(range(0, len(clips.features), BATCH)):
        notify("test_batch_begin", batch, None)
        features, targets, of_clips = clips.take(slice(start, start + BATCH))
        probabilities = network.predict(weights, features)
        losses = -(targets * np.log(np.maximum(probabilities, 1e-7))).sum(axis=1)
        loss += float((of_clips * losses).sum())
        n_correct += int((probabilities.argmax(axis=1) == targets.argmax(axis=1)).sum())
        n_clips = start + len(features)
        logs = {"loss": loss / n_clips, "accuracy": n_correct / n_clips}
        notify("test_batch_end", batch, dict(logs))
    notify("test_end", dict(logs))
    return {f"val_{name}": value for name, value in logs.items()}
