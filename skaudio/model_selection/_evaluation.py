"""The predictions of a classifier for clips that it was not trained on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit
from sklearn.base import clone
from sklearn.metrics import precision_recall_fscore_support, recall_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils import _safe_indexing, column_or_1d, indexable
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from skaudio._progress import progress_bar

__all__ = ["ClassScores", "Evaluation"]


class ClassScores(NamedTuple):
    """Precision, recall and F1 of one label.

    Attributes
    ----------
    label : str
        The label.
    n_clips : int
        Clips that have it.
    precision : float
        Share of the clips predicted to have it that do.
    recall : float
        Share of the clips that have it that are predicted to.
    f1 : float
        Harmonic mean of the two.
    f1_spread : float or None
        Standard deviation of F1 over the folds that have such clips; None for a single one.
    """

    label: str
    n_clips: int
    precision: float
    recall: float
    f1: float
    f1_spread: float | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Labels and probabilities of clips that a classifier was not trained on.

    Make one with :meth:`from_cross_validation`, or with :meth:`from_estimator` for a fitted
    classifier and other clips than those of training.

    Attributes
    ----------
    indices : ndarray of shape (n_tested_clips,)
        The clips in ``X``, in the order of the other arrays.
    y_true : ndarray of shape (n_tested_clips,)
        Their labels.
    y_pred : ndarray of shape (n_tested_clips,)
        The labels predicted.
    probabilities : ndarray of shape (n_tested_clips, n_classes), or None
        Probabilities in the order of `classes`; None if the classifier computes none.
    classes : ndarray of shape (n_classes,)
        The labels that the classifier knows, sorted.
    folds : ndarray of shape (n_tested_clips,)
        The fold in which each clip was tested.
    groups : ndarray of shape (n_tested_clips,), or None
        Their speakers, machines or places.
    fit_times : list of float
        Seconds that each fit took; empty for a fitted classifier.
    histories : list of dict
        The training history of the classifier of each fold, if it has one.
    estimator : classifier or Pipeline, or None
        With ``refit=True``, a clone fitted to all clips.

    See Also
    --------
    sklearn.model_selection.cross_validate : Scores of each fold.
    sklearn.model_selection.cross_val_predict : Predictions only.

    References
    ----------
    J. N. K. Rao and A. J. Scott, "A simple method for the analysis of clustered binary data",
    Biometrics 48, 1992, 577-585. (The design effect.)

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22, 1927, 209-212. (The interval.)

    Examples
    --------
    >>> from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
    >>> from skaudio.datasets import make_spoken_words
    >>> from skaudio.model_selection import Evaluation
    >>> words = make_spoken_words(["cat", "dog"], n_clips=20, random_state=0)
    >>> pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    >>> evaluation = Evaluation.from_cross_validation(
    ...     pipeline, words.data, words.target, groups=words.groups
    ... )
    >>> low, high = evaluation.interval()
    >>> 0 <= low <= evaluation.accuracy <= high <= 1
    True
    """

    indices: np.ndarray
    y_true: np.ndarray
    y_pred: np.ndarray
    probabilities: np.ndarray | None
    classes: np.ndarray
    folds: np.ndarray
    groups: np.ndarray | None = None
    fit_times: list[float] = field(default_factory=list)
    histories: list[dict[str, list[float]]] = field(default_factory=list)
    estimator: Any = None

    @classmethod
    def from_cross_validation(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        groups: Any = None,
        cv: Any = 5,
        n_jobs: int | None = None,
        params: dict[str, Any] | None = None,
        max_time: float | None = None,
        refit: bool = False,
        verbose: int = 0,
    ) -> Evaluation:
        """Fit a clone for each fold, and predict the clips that were held out.

        Parameters
        ----------
        estimator : classifier or Pipeline
            What is evaluated. It is cloned.
        X : sequence of recordings, or what else `estimator` takes
            Clips.
        y : array-like of shape (n_clips,)
            Their labels.
        groups : array-like of shape (n_clips,), default=None
            Their speakers, machines or places.
        cv : int, cross-validation generator or iterable, default=5
            How clips are held out. A number makes shuffled, stratified folds, with `groups` folds
            of whole groups; it is reduced to the number of groups.
        n_jobs : int or None, default=None
            Number of folds fitted at the same time.
        params : dict, default=None
            Passed to ``fit``; values of the length of `y` are divided like the clips. `groups` only
            determines the folds: if `estimator` itself holds out clips, pass
            ``params={"groups": groups}`` as well.
        max_time : float or None, default=None
            Seconds after which no other fold is begun, as far as the folds before it tell; those
            begun are finished. Clips of the other folds are not tested.
        refit : bool, default=False
            Also fit a clone to all clips, at the same time: the attribute `estimator`.
        verbose : int, default=0
            Positive shows a progress bar.

        Returns
        -------
        Evaluation
            The predictions.
        """
        X, y, groups = _checked(X, y, groups)
        splits = list(_splitter(cv, y, groups).split(X, y, groups))
        found: dict[int, Any] = {}
        started = time.perf_counter()

        def jobs() -> Iterator[Any]:
            if refit:  # first, since it takes longest
                yield delayed(_refitted)(clone(estimator), X, y, params)
            for index, split in enumerate(splits):
                elapsed = time.perf_counter() - started
                times = [fold["fit_time"] for i, fold in found.items() if i >= 0]
                if index and max_time is not None and elapsed + max(times, default=0) > max_time:
                    return
                yield delayed(_fold)(clone(estimator), X, y, params, index, *split)

        # Jobs are only made when a process is free, since each looks at the time.
        parallel = Parallel(
            n_jobs, return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1
        )
        with progress_bar(
            total=len(splits) + refit, desc="Training", unit="fit", disable=verbose < 1
        ) as bar:
            for index, result in parallel(jobs()):
                found[index] = result
                bar.update()
        fitted = found.pop(-1, None)
        folds = [found[index] for index in sorted(found)]
        splits = splits[: len(folds)]
        tested = np.concatenate([test for _, test in splits])
        classes = np.unique(np.concatenate([fold["classes"] for fold in folds]))
        return cls(
            indices=tested,
            y_true=y[tested],
            y_pred=np.concatenate([fold["y_pred"] for fold in folds]),
            probabilities=_joined(folds, classes),
            classes=classes,
            folds=np.repeat(np.arange(len(splits)), [len(test) for _, test in splits]),
            groups=None if groups is None else groups[tested],
            fit_times=[fold["fit_time"] for fold in folds],
            histories=[fold["history"] for fold in folds if fold["history"]],
            estimator=fitted,
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        groups: Any = None,
    ) -> Evaluation:
        """Predict clips with a fitted classifier.

        Parameters
        ----------
        estimator : classifier, Pipeline or skaudio.runtime.Model
            Fitted, to other clips.
        X : sequence of recordings, or what else `estimator` takes
            Clips.
        y : array-like of shape (n_clips,)
            Their labels.
        groups : array-like of shape (n_clips,), default=None
            Their speakers, machines or places.

        Returns
        -------
        Evaluation
            The predictions.
        """
        X, y, groups = _checked(X, y, groups)
        if (y.dtype.kind in "biuf") != (np.asarray(estimator.classes_).dtype.kind in "biuf"):
            raise ValueError(
                f"The labels are {y.dtype.name}, such as {y.tolist()[0]!r}, but the classifier "
                f"knows {estimator.classes_.tolist()[:3]}. Convert the labels to the same type."
            )
        return cls(
            indices=np.arange(len(y)),
            y_true=y,
            folds=np.zeros(len(y), int),
            groups=groups,
            **_predicted(estimator, X),
        )

    @property
    def labels(self) -> np.ndarray:
        """All labels, true or predicted.

        Returns
        -------
        ndarray of shape (n_labels,)
            Sorted; those of `classes` and others, such as "unknown".
        """
        return np.unique(np.concatenate([self.classes, self.y_true, self.y_pred]))

    @property
    def is_by_group(self) -> bool:
        """Whether no group was in several folds.

        Returns
        -------
        bool
            False without groups.
        """
        if self.groups is None:
            return False
        _, members = np.unique(self.groups, return_inverse=True)
        return len(set(zip(members, self.folds, strict=True))) == members.max() + 1

    @property
    def mistakes(self) -> np.ndarray:
        """The clips whose predicted label is wrong.

        Returns
        -------
        ndarray of shape (n_mistakes,)
            Their positions in the arrays. If there are probabilities, the most confident mistakes
            come first: among these are the recordings whose own label is wrong.
        """
        wrong = np.flatnonzero(self.y_true != self.y_pred)
        if self.probabilities is None:
            return wrong
        return wrong[np.argsort(-self.probabilities[wrong].max(axis=1), kind="stable")]

    @property
    def accuracy(self) -> float:
        """Share of clips whose label was predicted.

        Returns
        -------
        float
            From 0 to 1.
        """
        return float(np.mean(self.y_true == self.y_pred))

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the classes' shares, whatever their numbers of clips.

        Returns
        -------
        float
            From 0 to 1.
        """
        recalls = recall_score(
            self.y_true, self.y_pred, labels=np.unique(self.y_true), average=None, zero_division=0
        )
        return float(np.mean(recalls))

    @property
    def fold_accuracies(self) -> np.ndarray:
        """Accuracy in each fold.

        Returns
        -------
        ndarray of shape (n_folds,)
            From 0 to 1.
        """
        is_right = self.y_true == self.y_pred
        return np.bincount(self.folds, is_right) / np.bincount(self.folds)

    def class_scores(self) -> list[ClassScores]:
        """Compute precision, recall and F1 of each label.

        Returns
        -------
        list of ClassScores
            In the order of `labels`.
        """
        precision, recall, f1, counts = self._scores(slice(None))
        folds = np.unique(self.folds)
        in_folds = np.full((len(folds), len(self.labels)), np.nan)
        for row, fold in zip(in_folds, folds, strict=True):
            _, _, of_fold, n_clips = self._scores(self.folds == fold)
            row[n_clips > 0] = of_fold[n_clips > 0]
        return [
            ClassScores(
                label=str(label),
                n_clips=int(counts[index]),
                precision=float(precision[index]),
                recall=float(recall[index]),
                f1=float(f1[index]),
                f1_spread=_spread(in_folds[:, index]),
            )
            for index, label in enumerate(self.labels)
        ]

    def _scores(self, chosen: Any) -> Any:
        return precision_recall_fscore_support(
            self.y_true[chosen], self.y_pred[chosen], labels=self.labels, zero_division=0
        )

    def difference(self, other: Evaluation) -> tuple[float, float, float]:
        """Compare the accuracy with that of another classifier on the same clips.

        Parameters
        ----------
        other : Evaluation
            Its predictions for the same `indices`.

        Returns
        -------
        (float, float, float)
            By how much this accuracy is higher, and the ends of a 95 % interval for other groups,
            or without groups for other clips: Student's, with a standard error that accounts for
            how much the difference varies between groups. If it contains 0, the two classifiers
            cannot be distinguished.
        """
        return paired_interval([(self, other)])

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Compute what the number of clips says about the accuracy on others like them.

        It is Wilson's interval. With groups, the number of clips is divided by the design effect:
        how much more the accuracy varies between groups than between clips drawn singly; and the
        quantile is that of Student's distribution, since few groups say little of how they vary.
        If all clips are right, or none, every group counts as one clip. If clips were tested
        several times, each is a group.

        Parameters
        ----------
        confidence : float, default=0.95
            Share of such intervals that contain the true accuracy.

        Returns
        -------
        (float, float)
            Its ends.
        """
        is_right = self.y_true == self.y_pred
        p, n = is_right.mean(), len(is_right)
        quantile = (1 + confidence) / 2
        z = ndtri(quantile)
        clusters = self.indices if self.groups is None else self.groups
        _, members, counts = np.unique(clusters, return_inverse=True, return_counts=True)
        if len(counts) < n:
            if len(counts) == 1:
                return 0.0, 1.0
            z = stdtrit(len(counts) - 1, quantile)
            variance = _clustered_error(is_right.astype(float), members) ** 2
            n = n / max(1.0, variance / (p * (1 - p) / n)) if 0 < p < 1 else len(counts)
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        # Where all clips or none are right, rounding would exclude the accuracy.
        return float(max(0, min(centre - half, p))), float(min(1, max(centre + half, p)))


def paired_interval(pairs: list[tuple[Evaluation, Evaluation]]) -> tuple[float, float, float]:
    """Compute the difference of the accuracies of pairs, and its interval.

    Parameters
    ----------
    pairs : list of (Evaluation, Evaluation)
        The repetitions: each of two evaluations of the same clips.

    Returns
    -------
    (float, float, float)
        As :meth:`Evaluation.difference`.
    """
    differences, groups = [], []
    for one, other in pairs:
        if not (
            np.array_equal(one.indices, other.indices) and np.array_equal(one.y_true, other.y_true)
        ):
            raise ValueError("The two evaluations are not of the same clips, in the same order.")
        is_right, other_is_right = (e.y_true == e.y_pred for e in (one, other))
        differences.append(is_right.astype(float) - other_is_right)
        groups.append(one.indices if one.groups is None else one.groups)
    all_differences = np.concatenate(differences)
    difference = float(all_differences.mean())
    _, members = np.unique(np.concatenate(groups), return_inverse=True)
    if (n_groups := members.max() + 1) == 1:  # which says nothing about others
        return difference, -1.0, 1.0
    half = float(stdtrit(n_groups - 1, 0.975)) * _clustered_error(all_differences, members)
    return difference, max(-1.0, difference - half), min(1.0, difference + half)


def _clustered_error(values: np.ndarray, members: np.ndarray) -> float:
    """Return the standard error of the mean of values of which those of a group are alike."""
    n_groups = members.max() + 1
    residuals = np.bincount(members, values - values.mean())
    return float(np.sqrt(n_groups / (n_groups - 1) * (residuals**2).sum()) / len(values))


def _checked(X: Any, y: Any, groups: Any) -> tuple[Any, np.ndarray, np.ndarray | None]:
    X, y, groups = indexable(X, column_or_1d(y, warn=True), check_groups(groups))
    return X, y, groups


def check_groups(groups: Any) -> np.ndarray | None:
    """Check that every clip has a group.

    Parameters
    ----------
    groups : array-like of shape (n_clips,) or None
        The groups.

    Returns
    -------
    ndarray of shape (n_clips,) or None
        The groups.
    """
    if groups is None:
        return None
    groups = column_or_1d(groups)
    # NaN differs from itself.
    missing = [index for index, each in enumerate(groups.tolist()) if each is None or each != each]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(groups)} clips have no group, such as the one at index "
            f"{missing[0]}. Give each of them a group of its own, or leave them out."
        )
    return groups


def _splitter(cv: Any, y: np.ndarray, groups: np.ndarray | None, seed: int = 0) -> Any:
    if not isinstance(cv, Integral | None):
        return check_cv(cv, y, classifier=True)
    n_splits = 5 if cv is None else int(cv)
    if groups is None:
        return StratifiedKFold(n_splits, shuffle=True, random_state=seed)
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError("There is only one group; a split by groups needs two.")
    return StratifiedGroupKFold(min(n_splits, n_groups), shuffle=True, random_state=seed)


def _refitted(estimator: Any, X: Any, y: np.ndarray, params: Any) -> tuple[int, Any]:
    return -1, estimator.fit(X, y, **_check_method_params(X, params or {}))


def _fold(
    estimator: Any, X: Any, y: np.ndarray, params: Any, index: int, train: Any, test: Any
) -> tuple[int, dict[str, Any]]:
    started = time.perf_counter()
    of_fold = _check_method_params(X, params or {}, indices=train)
    estimator.fit(_safe_indexing(X, train), y[train], **of_fold)
    fit_time = time.perf_counter() - started
    classifier = estimator[-1] if hasattr(estimator, "steps") else estimator
    history = getattr(classifier, "history_", None)
    return index, {
        "fit_time": fit_time,
        "history": history if isinstance(history, dict) else None,
        **_predicted(estimator, _safe_indexing(X, test)),
    }


def _spread(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else None


def _predicted(estimator: Any, X: Any) -> dict[str, Any]:
    has_probabilities = hasattr(estimator, "predict_proba")
    return {
        "y_pred": estimator.predict(X),
        "probabilities": estimator.predict_proba(X) if has_probabilities else None,
        "classes": estimator.classes_,
    }


def _joined(folds: list[dict[str, Any]], classes: np.ndarray) -> np.ndarray | None:
    """Join the probabilities; a class that a fold did not train on has none."""
    if any(fold["probabilities"] is None for fold in folds):
        return None
    parts = []
    for fold in folds:
        part = np.zeros((len(fold["y_pred"]), len(classes)))
        part[:, np.searchsorted(classes, fold["classes"])] = fold["probabilities"]
        parts.append(part)
    return np.concatenate(parts)
