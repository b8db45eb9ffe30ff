"""Compare classifiers on the same folds, with the same seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skaudio._progress import progress_bar
from skaudio.model_selection._evaluation import Evaluation, _checked, _splitter, paired_interval

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """The predictions of several classifiers for the same clips, from :func:`compare`.

    Attributes
    ----------
    evaluations : dict of str to list of Evaluation
        For each classifier the predictions of each repetition.

    Examples
    --------
    From predictions made elsewhere:

    >>> import numpy as np
    >>> from skaudio.model_selection import Comparison, Evaluation
    >>> y = np.array(["cat", "dog"] * 50)
    >>> always_cat = np.full(100, "cat")
    >>> comparison = Comparison(
    ...     {
    ...         name: [
    ...             Evaluation(np.arange(100), y, y_pred, None, np.unique(y), np.zeros(100))
    ...         ]
    ...         for name, y_pred in {"good": y, "bad": always_cat}.items()
    ...     }
    ... )
    >>> difference, low, high = comparison.difference("good", "bad")
    >>> difference, low > 0
    (0.5, True)
    """

    evaluations: dict[str, list[Evaluation]]

    def accuracy(self, name: str) -> float:
        """Return the mean accuracy of a classifier.

        Parameters
        ----------
        name : str
            The classifier.

        Returns
        -------
        float
            Share of the clips predicted right, over all repetitions.
        """
        return float(np.mean(np.concatenate([e.y_true == e.y_pred for e in self._of(name)])))

    def difference(self, name: str, other: str) -> tuple[float, float, float]:
        """Compare the accuracies of two classifiers.

        Parameters
        ----------
        name : str
            A classifier.
        other : str
            Another one.

        Returns
        -------
        (float, float, float)
            By how much the accuracy of the first is higher, and the ends of a 95 % interval, as in
            :meth:`Evaluation.difference`. If it contains 0, the two classifiers cannot be
            distinguished.
        """
        pairs = list(zip(self._of(name), self._of(other), strict=True))
        return paired_interval(pairs)

    def __str__(self):
        reference = next(iter(self.evaluations))
        rows = [("", "accuracy", f"difference from {reference}", "", "fit (s)")]
        for name, evaluations in self.evaluations.items():
            times = [seconds for e in evaluations for seconds in e.fit_times]
            seconds = f"{np.mean(times):.1f}" if times else ""
            if name == reference:
                rows.append((name, f"{self.accuracy(name):.3f}", "", "", seconds))
                continue
            difference, low, high = self.difference(name, reference)
            verdict = "better" if low > 0 else "worse" if high < 0 else "not distinguishable"
            interval = f"{difference:+.3f} ({low:+.3f} to {high:+.3f})"
            rows.append((name, f"{self.accuracy(name):.3f}", interval, verdict, seconds))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        return "\n".join(line.rstrip() for line in lines)

    def _of(self, name: str) -> list[Evaluation]:
        if name not in self.evaluations:
            raise ValueError(f"There is no {name!r}; the classifiers are {list(self.evaluations)}.")
        return self.evaluations[name]


def compare(
    estimators: Mapping[str, Any] | Sequence[tuple[str, Any]],
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    cv: Any = 5,
    n_repeats: int = 3,
    n_jobs: int | None = None,
    random_state: Any = 0,
    verbose: int = 0,
) -> Comparison:
    """Cross-validate classifiers on the same folds, several times with other seeds.

    A single split or a single seed says little about which of two networks is better: both change
    the accuracy by more than most choices do. Here every classifier predicts every clip, in
    several repetitions, and differences are those of the same clips.

    Parameters
    ----------
    estimators : dict of str to estimator, or list of (str, estimator)
        The classifiers or pipelines, by name. They are cloned. The first one is the reference in
        the table.
    X : sequence of recordings, or what else the estimators take
        Clips.
    y : array-like of shape (n_clips,)
        Their labels.
    groups : array-like of shape (n_clips,), default=None
        Their speakers, machines or places. Folds consist of whole groups, and intervals are those
        for other groups.
    cv : int, cross-validation generator or iterable, default=5
        A number makes shuffled, stratified folds, with `groups` folds of whole groups, which
        differ between repetitions. The folds of a generator or an iterable are the same in all.
    n_repeats : int, default=3
        Number of repetitions. In each, every ``random_state`` of an estimator, and of those in
        it, is set to a new number.
    n_jobs : int or None, default=None
        Number of folds fitted at the same time.
    random_state : int, RandomState instance or None, default=0
        Seed of the folds and of the numbers.
    verbose : int, default=0
        Positive shows a progress bar.

    Returns
    -------
    Comparison
        Their predictions. Print it for a table.

    See Also
    --------
    Evaluation : Evaluate one classifier.
    sklearn.model_selection.RepeatedStratifiedKFold : Repeated folds without groups.

    Notes
    -----
    The interval accounts for the clips, or groups, that were drawn, and through the repetitions
    for the seeds; it does not account for the number of comparisons: of twenty intervals, one
    is expected to exclude 0 by chance.

    Examples
    --------
    >>> from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
    >>> from skaudio.datasets import make_spoken_words
    >>> from skaudio.model_selection import compare
    >>> words = make_spoken_words(["cat", "dog"], n_clips=16, random_state=0)
    >>> models = {
    ...     f"{epochs} epochs": Pipeline(
    ...         [MFCCTransformer(duration=1.0), PerceptronClassifier(epochs=epochs)]
    ...     )
    ...     for epochs in (10, 1)
    ... }
    >>> comparison = compare(models, words.data, words.target, cv=2, n_repeats=2)
    >>> difference, low, high = comparison.difference("10 epochs", "1 epochs")
    >>> low <= difference <= high
    True

    ``print(comparison)`` shows a table of all of them.
    """
    n_estimators, estimators = len(estimators), dict(estimators)
    if len(estimators) < n_estimators:
        raise ValueError("compare needs a name of its own for each estimator.")
    if len(estimators) < 2:
        raise ValueError(
            f"compare needs at least two estimators, got {len(estimators)}. To evaluate a single "
            "one, use Evaluation.from_cross_validation."
        )
    if not isinstance(n_repeats, Integral) or n_repeats < 1:
        raise ValueError(f"n_repeats must be an int of at least 1. Got {n_repeats!r} instead.")
    X, y, groups = _checked(X, y, groups)
    seeds = check_random_state(random_state).randint(2**31 - 1, size=int(n_repeats)).tolist()
    evaluations: dict[str, list[Evaluation]] = {name: [] for name in estimators}
    fixed = (
        None
        if isinstance(cv, Integral | None)
        else list(_splitter(cv, y, groups).split(X, y, groups))
    )
    with progress_bar(
        total=len(seeds) * len(estimators), desc="Comparing", unit="model", disable=verbose < 1
    ) as bar:
        for seed in seeds:
            splits = fixed or list(_splitter(cv, y, groups, seed).split(X, y, groups))
            for name, estimator in estimators.items():
                evaluation = Evaluation.from_cross_validation(
                    _with_seed(estimator, seed), X, y, groups=groups, cv=splits, n_jobs=n_jobs
                )
                evaluations[name].append(evaluation)
                bar.update()
    return Comparison(evaluations)


def _with_seed(estimator: Any, seed: int) -> Any:
    """Clone an estimator, and set each ``random_state`` in it, all to different numbers.

    The members of an ensemble may differ in their seeds only.
    """
    estimator = clone(estimator)
    names = sorted(
        name
        for name in estimator.get_params()
        if name == "random_state" or name.endswith("__random_state")
    )
    numbers = np.random.default_rng(seed).integers(2**31 - 1, size=len(names)).tolist()
    return estimator.set_params(**dict(zip(names, numbers, strict=True)))
