"""Callables as effects: seeded for each recording, and sent to other processes."""

from __future__ import annotations

import pickle
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from joblib import wrap_non_picklable_objects

__all__ = ["Portable", "SeededEffect"]

# The generators that such libraries use belong to the whole process, so only one thread may
# use them at a time. Reentrant, for effects that render recordings themselves.
_generators = threading.RLock()


class SeededEffect(NamedTuple):
    """A callable that draws the same random numbers for the same seed.

    Attributes
    ----------
    function : callable
        ``(samples, sample_rate) -> samples``. It may only draw from Python's :mod:`random` and
        NumPy's global generator.
    seed : int
        The seed of both during the call, from 0 to 2**32 - 1.
    """

    function: Callable[[np.ndarray, int], np.ndarray]
    seed: int

    def __call__(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """Change a recording, and restore the generators.

        Parameters
        ----------
        samples : ndarray of shape (n_samples,)
            The recording.
        sample_rate : int
            Its rate, in Hz.

        Returns
        -------
        ndarray of shape (n,)
            The result of the function.
        """
        with _generators:
            before = random.getstate(), np.random.get_state()  # noqa: NPY002 (the global one)
            try:
                random.seed(self.seed)
                np.random.seed(self.seed)  # noqa: NPY002
                return self.function(samples, sample_rate)
            finally:
                random.setstate(before[0])
                np.random.set_state(before[1])  # noqa: NPY002


@dataclass(frozen=True, repr=False)
class Portable:
    """A callable with a helpful error if it cannot be sent to another process.

    Attributes
    ----------
    function : callable
        The callable.
    """

    function: Callable[[np.ndarray, int], np.ndarray]

    def __call__(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """Call it.

        Parameters
        ----------
        samples : ndarray of shape (n_samples,)
            The recording.
        sample_rate : int
            Its rate, in Hz.

        Returns
        -------
        ndarray of shape (n,)
            The result.
        """
        return self.function(samples, sample_rate)

    def __reduce__(self):
        try:
            return wrap_non_picklable_objects(self.function, keep_wrapper=False).__reduce__()
        except Exception as error:
            raise pickle.PicklingError(
                f"The effect {self.function!r} cannot be sent to another process ({error}). Use "
                "worker threads, the default of the transformers, or pass a function that creates "
                "the object that cannot be pickled when it is called."
            ) from error

    def __repr__(self) -> str:
        return repr(self.function)
