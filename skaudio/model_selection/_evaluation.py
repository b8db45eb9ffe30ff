"""The predictions of a classifier for clips that it was not trained on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri
from sklearn.base import clone
from sklearn.metrics import precision_recall_fscore_support, recall_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.parallel import Parallel, delayed

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
        Standard deviation of F1 over the folds; None for a single fold.
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
        X, y, groups = indexable(X, np.asarray(y), None if groups is None else np.asarray(groups))
        splits = list(_splitter(cv, y, groups).split(X, y, groups))
        fitted = None
        folds: list[dict[str, Any]] = []
        started = time.perf_counter()

        def jobs() -> Iterator[Any]:
            if refit:  # first, since it takes longest
                yield delayed(_refitted)(clone(estimator), X, y)
            for index, split in enumerate(splits):
                elapsed = time.perf_counter() - started
                longest = max((fold["fit_time"] for fold in folds), default=0.0)
                if index and max_time is not None and elapsed + longest > max_time:
                    return
                yield delayed(_fold)(clone(estimator), X, y, *split)

        # Jobs are only made when a process is free, since each looks at the time.
        parallel = Parallel(n_jobs, return_as="generator", pre_dispatch="n_jobs", batch_size=1)
        with progress_bar(
            total=len(splits) + refit, desc="Training", unit="fit", disable=verbose < 1
        ) as bar:
            for result in parallel(jobs()):
                if isinstance(result, dict):
                    folds.append(result)
                else:
                    fitted = result
                bar.update()
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
        X, y, groups = indexable(X, np.asarray(y), None if groups is None else np.asarray(groups))
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
        in_folds = np.array([self._scores(self.folds == fold)[2] for fold in folds])
        return [
            ClassScores(
                label=str(label),
                n_clips=int(counts[index]),
                precision=float(precision[index]),
                recall=float(recall[index]),
                f1=float(f1[index]),
                f1_spread=float(in_folds[:, index].std(ddof=1)) if len(folds) > 1 else None,
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
            By how much this accuracy is higher, and the ends of a 95 % interval, from 10,000
            bootstrap samples of the groups, or of the clips without groups. If it contains 0, the
            two classifiers cannot be distinguished.
        """
        if not np.array_equal(self.indices, other.indices):
            raise ValueError("The two evaluations are not of the same clips, in the same order.")
        is_right, other_is_right = (e.y_true == e.y_pred for e in (self, other))
        differences = is_right.astype(float) - other_is_right
        groups = self.indices if self.groups is None else self.groups
        _, members = np.unique(groups, return_inverse=True)
        sums, counts = np.bincount(members, differences), np.bincount(members)
        rng = np.random.default_rng(0)
        means = []
        for _ in range(100):  # in parts, since all samples of many clips do not fit in memory
            drawn = rng.integers(len(counts), size=(100, len(counts)))
            means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
        low, high = np.quantile(means, [0.025, 0.975])
        return float(differences.mean()), float(low), float(high)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Compute what the number of clips says about the accuracy on others like them.

        It is Wilson's interval. With groups, the number of clips is divided by the design effect:
        how much more the accuracy varies between groups than between clips drawn singly.

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
        if self.groups is not None and 0 < p < 1:
            _, members = np.unique(self.groups, return_inverse=True)
            counts = np.bincount(members)
            residuals = np.bincount(members, is_right) - p * counts
            n_groups = max(2, len(counts))
            variance = n_groups / (n_groups - 1) * (residuals**2).sum() / n**2
            n = n / max(1.0, variance / (p * (1 - p) / n))
        z = float(ndtri((1 + confidence) / 2))
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        # Where all clips or none are right, rounding would exclude the accuracy.
        return float(max(0, min(centre - half, p))), float(min(1, max(centre + half, p)))


def _splitter(cv: Any, y: np.ndarray, groups: Any) -> Any:
    if not isinstance(cv, int):
        return check_cv(cv, y, classifier=True)
    if groups is None:
        return StratifiedKFold(cv, shuffle=True, random_state=0)
    return StratifiedGroupKFold(min(cv, len(np.unique(groups))), shuffle=True, random_state=0)


def _refitted(estimator: Any, X: Any, y: np.ndarray) -> Any:
    return estimator.fit(X, y)


def _fold(estimator: Any, X: Any, y: np.ndarray, train: Any, test: Any) -> dict[str, Any]:
    started = time.perf_counter()
    estimator.fit(_safe_indexing(X, train), y[train])
    fit_time = time.perf_counter() - started
    classifier = estimator[-1] if hasattr(estimator, "steps") else estimator
    history = getattr(classifier, "history_", {})
    return {
        "fit_time": fit_time,
        "history": history,
        **_predicted(estimator, _safe_indexing(X, test)),
    }


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
