"""The craft of training that is Keras' alone: batches, schedules, callbacks."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm.auto import tqdm

from skaudio._tensorflow import keras, tf

_OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}


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


def training_batches(
    arrays: tuple[np.ndarray, ...], *, n_batches: int, seed: int, first_epoch: int
) -> tf.data.Dataset:
    """Shuffle and batch without end, anew in every epoch.

    The order follows from `seed` and the number of the epoch alone; TensorFlow's global
    seed has no part in it. Batches are as equal as can be: a last batch of one clip
    would upset batch normalisation.

    Parameters
    ----------
    arrays : tuple of ndarray
        Features, targets, weights: first axis of equal length.
    n_batches : int
        Batches in an epoch.
    seed : int
        Seed of the order.
    first_epoch : int
        Number of the first epoch.

    Returns
    -------
    tf.data.Dataset
        Infinite; `n_batches` elements are one epoch.
    """
    n_clips = len(arrays[0])
    tensors = [tf.convert_to_tensor(array) for array in arrays]
    edges = tf.constant(np.linspace(0, n_clips, n_batches + 1).round().astype(np.int64))

    def one_epoch(epoch):
        order = tf.random.experimental.stateless_shuffle(
            tf.range(n_clips), seed=tf.stack([tf.constant(seed, tf.int64), epoch])
        )
        return tf.data.Dataset.range(n_batches).map(
            lambda batch: order[edges[batch] : edges[batch + 1]]
        )

    return (
        tf.data.Dataset.counter(first_epoch)
        .flat_map(one_epoch)
        .map(lambda chosen: tuple(tf.gather(tensor, chosen) for tensor in tensors))
        .prefetch(2)
    )


def make_optimizer(
    name: str, *, learning_rate: float, schedule: str, weight_decay: float, n_steps: int
) -> keras.optimizers.Optimizer:
    """Make an optimizer with its learning-rate schedule.

    Parameters
    ----------
    name : {"adam", "adamw", "rmsprop", "sgd"}
        Kind of optimizer.
    learning_rate : float
        Highest learning rate.
    schedule : {"constant", "cosine"}
        "cosine" warms up over the first twentieth and then falls along a cosine, to
        one hundredth.
    weight_decay : float
        Decoupled weight decay; 0 for none.
    n_steps : int
        Updates in the whole training.

    Returns
    -------
    keras.optimizers.Optimizer
        The optimizer.
    """
    rate: Any = learning_rate
    if schedule == "cosine":
        warm_up = n_steps // 20
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=learning_rate / 20 if warm_up else learning_rate,
            decay_steps=max(1, n_steps - warm_up),
            warmup_target=learning_rate if warm_up else None,
            warmup_steps=warm_up,
            alpha=0.01,  # not zero, so that partial_fit can go on after the last step
        )
    momentum = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    return _OPTIMIZERS[name](rate, weight_decay=weight_decay or None, **momentum)


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

    def on_train_end(self, logs=None):
        """Close the bar.

        Parameters
        ----------
        logs : dict, default=None
            Ignored.
        """
        self._bar.close()
