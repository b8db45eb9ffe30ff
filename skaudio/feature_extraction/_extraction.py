"""The computation of the features of many recordings, by several workers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import joblib
from joblib.parallel import get_active_backend

__all__ = ["Extraction", "as_slice", "extraction_workers"]

# The maximum size of one task: 128 clips, or as many samples as in 131 seconds at 16 kHz. This
# makes the overhead of a task small. Each worker gets several tasks, so that all finish at about
# the same time.
_MOST_CLIPS = 128
_MOST_SAMPLES = 2**21
_TASKS_PER_WORKER = 4


def extraction_workers(n_clips: int, n_jobs: int | None) -> Any:
    """Create workers, or none for a single clip, to save the time to start them.

    Parameters
    ----------
    n_clips : int
        Number of recordings.
    n_jobs : int or None
        As in :class:`joblib.Parallel`.

    Returns
    -------
    context manager
        Of a :class:`joblib.Parallel`, or of None.
    """
    if n_clips == 1:
        return contextlib.nullcontext()
    if _in_dask_task():
        # joblib would ignore n_jobs, spread the clips over the cluster and let other fits start
        # on this worker. These may wait for a lock of the store that this one holds, while no
        # worker is free to compute its clips.
        return joblib.Parallel(n_jobs, backend="threading", return_as="generator")
    return joblib.Parallel(n_jobs, prefer="threads", return_as=_return_as())


def _in_dask_task() -> bool:
    """Return whether this is a task of Dask, such as a fit of a search, without loading Dask."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True


def _return_as() -> str:
    backend, _ = get_active_backend(prefer="threads")
    return "generator" if getattr(backend, "supports_return_generator", False) else "list"


class Extraction:
    """The computation of one call of `transform`, and its failures.

    Parameters
    ----------
    extractor : Extractor
        Computes the features of a task.
    recordings : sequence
        All of `X`.
    features : ndarray of shape (n_clips, n_frames, n_coefficients)
        The array to fill.
    workers : joblib.Parallel or None
        From :func:`extraction_workers`; None uses the current thread.
    advance : callable
        Called with the number of clips whenever some are done.
    """

    def __init__(self, extractor, recordings, features, workers, advance):
        self.extractor = extractor
        self.recordings = recordings
        self.features = features
        self.workers = workers
        self.advance = advance
        self.failures: list[tuple[str, str]] = []

    def __call__(self, indices: Sequence[int]) -> list[int]:
        """Fill the rows at `indices`; return the indices of the usable recordings."""
        if not indices:
            return []
        if self.workers is None:
            return self._keep([indices], [self.extractor(self.recordings, indices)])
        n_tasks = _TASKS_PER_WORKER * joblib.effective_n_jobs(self.workers.n_jobs)
        most = min(_MOST_CLIPS, _MOST_SAMPLES // self.extractor.n_samples, len(indices) // n_tasks)
        n_together = max(1, most)
        tasks = [indices[at : at + n_together] for at in range(0, len(indices), n_together)]
        # Some backends return all results at the end: limit how many they hold at once.
        n_at_once = len(tasks) if self.workers.return_generator else 4 * n_tasks
        good: list[int] = []
        for start in range(0, len(tasks), max(1, n_at_once)):
            good += self._work(tasks[start : start + n_at_once])
        return good

    def _work(self, tasks: Sequence[Sequence[int]]) -> list[int]:
        recordings = ([self.recordings[index] for index in task] for task in tasks)
        work = zip(recordings, tasks, strict=True)
        return self._keep(tasks, self.workers(joblib.delayed(self.extractor)(*w) for w in work))

    def _keep(self, tasks: Sequence[Sequence[int]], blocks: Iterable[Any]) -> list[int]:
        good: list[int] = []
        for task, (rows, usable, failures) in zip(tasks, blocks, strict=True):
            self.features[as_slice(task)] = rows
            self.failures += failures
            good += [index for index, ok in zip(task, usable, strict=True) if ok]
            self.advance(len(task))
        return good


def as_slice(indices: Sequence[int]) -> Any:
    """Return a slice if the indices are consecutive, which avoids a copy.

    Parameters
    ----------
    indices : sequence of int
        Rising indices.

    Returns
    -------
    slice or sequence of int
        What selects the same rows.
    """
    if len(indices) and indices[-1] - indices[0] == len(indices) - 1:
        return slice(indices[0], indices[-1] + 1)
    return indices
