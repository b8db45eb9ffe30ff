"""Copy and call Keras callbacks, and those of scikit-learn."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skaudio._progress import progress_bar
from skaudio._tensorflow import keras
from skaudio.classifiers._isolated import isolated

# Not all that has a copy method: that of a proxy asks another process.
_COLLECTIONS = (dict, list, set, bytearray, deque, np.ndarray)


class Callbacks:
    """Call callbacks at the events of a training.

    Keras' own ``CallbackList`` passes every batch to a thread, even without callbacks.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: keras.Model,
        *,
        n_epochs: int,
        n_batches: int,
    ):
        self._callbacks = callbacks
        self._model = model
        model.stop_training = False
        model._initial_epoch = None  # what a training that failed may have left
        for callback in callbacks:
            callback.set_params({"epochs": n_epochs, "steps": n_batches, "verbose": 0})
            callback.set_model(model)

    def __call__(self, event: str, *values: Any) -> None:
        """Call all of them at an event, such as "epoch_end", with its number and its logs."""
        notify(self._callbacks, event, *values)

    def first_epoch(self, default: int) -> int:
        """Return the first epoch, which ``BackupAndRestore`` sets on the model."""
        first = self._model._initial_epoch or default
        self._model._initial_epoch = None
        return first

    def release_model(self) -> None:
        """Remove the model, which other trainings share."""
        for callback in self._callbacks:
            callback._model = None  # set_model would reset some of them


def notify(callbacks: Sequence[keras.callbacks.Callback], event: str, *values: Any) -> None:
    """Call one method of each callback."""
    for callback in callbacks:
        getattr(callback, f"on_{event}")(*values)


def compile_for_callbacks(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    """Compile a model so that callbacks find its optimizer, loss and metrics.

    Keras creates metrics when it first computes them, so callbacks would not find "accuracy"
    in the first epoch.
    """
    targets = np.eye(1, model.output_shape[-1], dtype=np.float32)

    def compile_it():
        model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
        model.compute_metrics(None, targets, targets)
        model.reset_metrics()

    isolated(compile_it)


def as_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Check the `callbacks` parameter, and copy the callbacks."""
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    for callback in callbacks or ():
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "The 'callbacks' parameter must be a keras.callbacks.Callback or a sequence of "
                f"them. Got {callback!r} instead."
            )
    return copied(list(callbacks or ()))


def copied(callbacks: Any) -> Any:
    """Copy callbacks with their collections and arrays, so that trainings do not share them.

    Other objects that they refer to are not copied, such as a file, a queue, a progress bar
    or a trial of a search.
    """
    if isinstance(callbacks, keras.callbacks.Callback):
        return copied([callbacks])[0]
    if not isinstance(callbacks, list | tuple):
        return callbacks
    copies = {id(callback): copy.copy(callback) for callback in callbacks}
    for callback in copies.values():
        if isinstance(callback, keras.callbacks.Callback):
            vars(callback).update(_copied_state(vars(callback), copies))
    return [copies[id(callback)] for callback in callbacks]


def _copied_state(value: Any, copies: dict[int, Any]) -> Any:
    if id(value) in copies:  # another one of the callbacks
        return copies[id(value)]
    if type(value) is dict:
        return {key: _copied_state(item, copies) for key, item in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(_copied_state(item, copies) for item in value)
    is_collection = isinstance(value, _COLLECTIONS) or type(value).__module__[:7] == "pandas."
    return value.copy() if is_collection else value


class EpochProgress(keras.callbacks.Callback):
    """One progress bar for a whole training, with the latest loss and accuracy."""

    def __init__(self, n_epochs: int, description: str):
        super().__init__()
        self._bar = progress_bar(total=n_epochs, desc=description, unit="epoch")

    def on_epoch_end(self, epoch, logs=None):
        """Advance by one."""
        shown = {name: f"{logs[name]:.3f}" for name in logs if name.endswith(("loss", "accuracy"))}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()

    def __del__(self):
        # Not in on_train_end, which is not called after an error.
        self._bar.close()


class FitTasks(keras.callbacks.Callback):
    """Report a training to scikit-learn's callbacks: the fit, and each epoch as a subtask.

    `fitted` returns the attributes of an estimator that is fitted so far, for callbacks that
    predict with it.
    """

    def __init__(
        self,
        estimator: Any,
        X: np.ndarray,
        y: np.ndarray,
        n_epochs: int,
        fitted: Callable[[], dict[str, Any]],
    ):
        super().__init__()
        self._estimator = estimator
        self._n_epochs = n_epochs
        self._at_begin = {"estimator": estimator, "X": X, "y": y}
        self._at_end = {**self._at_begin, "reconstruction_attributes": fitted}

    def on_train_begin(self, logs=None):
        """Set the callbacks up."""
        self._fit = self._estimator._init_callback_context(max_subtasks=self._n_epochs)
        self._fit.call_on_fit_task_begin(**self._at_begin)

    def on_epoch_begin(self, epoch, logs=None):
        """Begin a subtask."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._at_begin)

    def on_epoch_end(self, epoch, logs=None):
        """End a subtask, and the training if a callback requests it."""
        if self._epoch.call_on_fit_task_end(**self._at_end):
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        """End the fit."""
        self._fit.call_on_fit_task_end(**self._at_end)
