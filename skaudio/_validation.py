"""Validation for all estimators: parameter constraints, checks of ``X``, and failed fits.

The constraint classes are those that scikit-learn's estimators use to declare their
parameters. They are in a private module of scikit-learn, which is only imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from skaudio.audio._sources import in_order

__all__ = [
    "HasMethods",
    "Interval",
    "Sizes",
    "StrOptions",
    "as_it_was_if_it_fails",
    "check_labels",
    "check_recordings",
]


class Sizes(Interval):
    """One size or a sequence of sizes, each an integer of at least 1.

    Parameters
    ----------
    at_least : int, default=0
        Minimum number of sizes.
    """

    def __init__(self, at_least: int = 0):
        super().__init__(Integral, 1, None, closed="left")
        self.at_least = at_least

    def is_satisfied_by(self, val: Any) -> bool:
        """Check a value.

        Parameters
        ----------
        val : object
            The value.

        Returns
        -------
        bool
            Whether it satisfies the constraint.
        """
        sizes = val if isinstance(val, list | tuple | np.ndarray) else [val]
        return len(sizes) >= self.at_least and all(
            super(Sizes, self).is_satisfied_by(size) and not isinstance(size, bool)
            for size in sizes
        )

    def __str__(self) -> str:
        at_least = f", at least {self.at_least} of them" if self.at_least else ""
        return f"an int or a sequence of ints, each at least 1{at_least}"


@contextmanager
def as_it_was_if_it_fails(estimator: Any) -> Iterator[None]:
    """Restore all attributes if a fit fails or is interrupted.

    Parameters
    ----------
    estimator : object
        The estimator to fit.

    Yields
    ------
    None
        Nothing.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def check_labels(X: Any, y: Any) -> np.ndarray:
    """Check the labels of clips that are passed on to other classifiers.

    Parameters
    ----------
    X : sequence
        The clips, of which only the number is checked.
    y : array-like of shape (n_clips,)
        Their labels.

    Returns
    -------
    ndarray of shape (n_clips,)
        The labels.
    """
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    check_consistent_length(X, y)
    return y


def check_recordings(X: Any, y: Any = None, *, estimator: Any) -> Sequence[Any]:
    """Check that `X` is a collection of recordings, and return it as a sequence.

    Parameters
    ----------
    X : list, tuple, iterator, ndarray, Series or DataFrame
        Paths, bytes, open files, arrays, pairs, or the rows of a 2-D array. An iterator is
        read to its end.
    y : array-like of shape (n_clips,), default=None
        Labels, whose number is checked before features are computed.
    estimator : object
        The estimator to name in messages.

    Returns
    -------
    sequence
        One recording per item. The recordings themselves are not checked.
    """
    name = type(estimator).__name__
    if scipy.sparse.issparse(X):
        raise TypeError(
            f"{name} expects recordings, got a sparse matrix. Sparse data was passed, but "
            "dense data is required: use '.toarray()' to convert to a dense numpy array."
        )
    recordings: Any = in_order(X, caller=name)
    if isinstance(recordings, np.ndarray):
        recordings = _from_array(recordings, estimator)
    else:
        recordings = list(recordings)
        if recordings and all(isinstance(item, int | float | np.number) for item in recordings):
            _from_array(np.asarray(recordings), estimator)
    if len(recordings) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is required by {name}."
            + " An iterator can be read only once: pass list(X)." * isinstance(X, Iterator)
        )
    if y is not None:
        check_consistent_length(recordings, y)
    return recordings


def _from_array(X: np.ndarray, estimator: Any) -> Any:
    if X.ndim == 2 and X.size and X.dtype.kind in "iuf":
        # check_array would find nothing, and takes a tenth of the time of one clip.
        # int16 and int32 keep their type, which determines full scale.
        return X
    if X.ndim > 2:
        raise ValueError(
            f"Found array with dim {X.ndim}, while dim <= 2 is required by "
            f"{type(estimator).__name__}: expected (n_clips, n_samples), got {X.shape}. "
            "Mix channels down first, e.g. X.mean(axis=channel_axis)."
        )
    # NaN and infinity are checked later, for each clip, so that the message can name the clip.
    return check_array(X, ensure_all_finite=False, estimator=estimator)
