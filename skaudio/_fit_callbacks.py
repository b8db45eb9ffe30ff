"""Callbacks of scikit-learn, which follow the tasks of a fit.

``sklearn.callback`` came with scikit-learn 1.9 and is experimental. With earlier versions
estimators have no ``set_callbacks``, and what this module exports does nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

__all__ = ["CallbackSupportMixin", "ClipTasks", "fit_as_task", "teardown_of_callbacks"]


class _SilentTask:
    """Takes the place of all tasks of a fit."""

    def subcontext(self, **kwargs: Any) -> _SilentTask:
        return self

    def call_on_fit_task_begin(self, **kwargs: Any) -> _SilentTask:
        return self

    def call_on_fit_task_end(self, **kwargs: Any) -> bool:
        return False

    def propagate_callback_context(self, sub_estimator: Any) -> Any:
        return contextlib.nullcontext()


class _WithoutCallbacks:
    """Takes the place of the mixin."""

    def _init_callback_context(self, **kwargs: Any) -> _SilentTask:
        return _SilentTask()


try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:
    CallbackSupportMixin, with_callbacks = _WithoutCallbacks, lambda method: method


@contextlib.contextmanager
def teardown_of_callbacks(estimator: Any) -> Iterator[None]:
    """Call the teardown of callbacks at the end of a fit, even if it fails.

    A context instead of a decorator, so that warnings point at the caller of `fit` with every
    version of scikit-learn.

    Parameters
    ----------
    estimator : object
        The estimator to fit. It must not restore its attributes before the context ends.

    Yields
    ------
    None
        Nothing.
    """
    try:
        yield
    finally:
        with_callbacks(lambda estimator: None)(estimator)


def fit_as_task(task: Any, estimator: Any, X: Any, y: Any, *, caller: Any, **params: Any) -> Any:
    """Fit an estimator as a task of the meta-estimator that contains it.

    Parameters
    ----------
    task : CallbackContext
        The task, without subtasks.
    estimator : estimator
        The estimator.
    X : object
        Training data.
    y : object
        Labels.
    caller : estimator
        The meta-estimator.
    **params : dict
        Passed to the `fit` of the estimator.

    Returns
    -------
    estimator
        The fitted estimator.
    """
    with task.propagate_callback_context(estimator):
        task.call_on_fit_task_begin(estimator=caller, X=X, y=y)
        estimator.fit(X, y, **params)
    task.call_on_fit_task_end(estimator=caller, X=X, y=y)
    return estimator


class ClipTasks:
    """Report the clips of a fit as at most 100 subtasks.

    When a subtask ends, scikit-learn's progress bar adds up all of them: one for each clip
    would take a time that grows with the square of their number.

    Parameters
    ----------
    estimator : estimator
        It has the callbacks.
    X : sequence of recordings
        What it is fitted to.
    y : array-like of shape (n_clips,) or None
        Their labels.
    """

    def __init__(self, estimator, X, y):
        self._estimator = estimator
        self._data = {"X": X, "y": y}
        self._n_tasks = min(len(X), 100)
        self._n_ended = 0
        self._clips_done = 0
        self._task = estimator._init_callback_context(max_subtasks=self._n_tasks)
        self._task.call_on_fit_task_begin(estimator=estimator, **self._data)

    def update(self, n_clips):
        """Report that more clips are done.

        Parameters
        ----------
        n_clips : int
            Their number.
        """
        self._clips_done += n_clips
        n_ended = self._clips_done * self._n_tasks // len(self._data["X"])
        for _ in range(self._n_ended, n_ended):
            task = self._task.subcontext(task_name="clips")
            task.call_on_fit_task_begin(estimator=self._estimator)
            task.call_on_fit_task_end(estimator=self._estimator)
        self._n_ended = n_ended

    def end(self):
        """Report the end of the fit."""
        self._task.call_on_fit_task_end(estimator=self._estimator, **self._data)
