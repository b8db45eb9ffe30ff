"""Hold out clips for early stopping."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit


def hold_out(
    y: np.ndarray, groups: np.ndarray | None, *, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split clips into training clips and a held-out share, stratified by class.

    Without groups, this is :class:`~sklearn.model_selection.StratifiedShuffleSplit`. With
    groups, it is one fold of a shuffled
    :class:`~sklearn.model_selection.StratifiedGroupKFold`: among the folds whose training
    clips have all classes, one with the most classes, and among these the closest to the
    fraction.

    At least as many clips are held out as there are classes. Returns the indices of the
    training clips and of the held-out clips.
    """
    classes, counts = np.unique(y, return_counts=True)
    if groups is not None:
        return _hold_out_groups(y, groups, len(classes), fraction, seed)
    if counts.min() < 2:
        raise ValueError(
            f"early_stopping=True holds out a share of every class, and class "
            f"{classes.tolist()[counts.argmin()]!r} has 1 clip(s); at least 2 are "
            "needed. Add clips, remove the class, or use early_stopping=False."
        )
    n_held_out = max(len(classes), math.ceil(fraction * len(y)))
    n_held_out = min(n_held_out, len(y) - len(classes))
    split = StratifiedShuffleSplit(1, test_size=n_held_out, random_state=seed)
    return next(split.split(y, y))


def _hold_out_groups(
    y: np.ndarray, groups: np.ndarray, n_classes: int, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    n_groups = len(np.unique(groups))
    most = min(n_groups, np.unique(y, return_counts=True)[1].max())
    # Hold out a single group if every larger share has all clips of a class.
    for n_splits in (min(most, max(2, round(1 / fraction))), most):
        if n_splits < 2:
            break
        split = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            folds = list(split.split(y, y, groups))
        folds = [fold for fold in folds if len(np.unique(y[fold[0]])) == n_classes]
        if folds:
            return max(folds, key=lambda fold: _quality(y, fold[1], fraction))
    names = np.unique(groups)[:3].tolist()
    raise ValueError(
        f"early_stopping=True holds out whole groups, and each of the {n_groups} groups "
        f"{names}{'...' if n_groups > 3 else ''} has all clips of a class, so that none would be "
        "left for training. Each class needs clips of several groups; or do not pass groups."
    )


def _quality(y: np.ndarray, held_out: np.ndarray, fraction: float) -> Any:
    return len(np.unique(y[held_out])), -abs(len(held_out) - fraction * len(y))
