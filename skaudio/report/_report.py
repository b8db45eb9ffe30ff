"""The page."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skaudio.audio._sources import in_order
from skaudio.datasets import ClipCheck, check_clips
from skaudio.model_selection import Evaluation
from skaudio.report import _facts, _pictures
from skaudio.report._facts import facts
from skaudio.report._template import fill

__all__ = ["write_report"]

# Pages of more clips take long to load: about 60 kB for each second of sound.
_MAX_MISTAKES = 24
_MAX_EXAMPLES = 12
_MAX_GROUPS = 10


def write_report(
    estimator: Any,
    X: Any,
    y: Any,
    path: str | os.PathLike,
    *,
    groups: Any = None,
    cv: Any = 5,
    n_jobs: int | None = None,
    evaluation: Evaluation | None = None,
    check: ClipCheck | None = None,
    title: str | None = None,
) -> Evaluation:
    """Write one HTML file about a classifier, its data and its mistakes.

    The page has no links to other files. It has the counts and lengths of the recordings, examples
    of each class with a player, precision, recall and F1 of each class with their spread over the
    folds, the confusion matrix, the clips with a wrong label, to listen to, the calibration of the
    probabilities, the accuracy at each threshold, learning curves, what the classifier costs, and
    how it was made.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Fitted. For the cross-validation it is cloned.
    X : sequence of recordings
        Training clips, or with an evaluation by `from_estimator` those that were tested.
    y : array-like of shape (n_clips,)
        Their labels.
    path : str or PathLike
        The file, usually ending in ``.html``.
    groups : array-like of shape (n_clips,), default=None
        Their speakers, machines or places.
    cv : int, cross-validation generator or iterable, default=5
        As in :meth:`skaudio.model_selection.Evaluation.from_cross_validation`.
    n_jobs : int or None, default=None
        Number of folds fitted, and of recordings read, at the same time.
    evaluation : Evaluation, default=None
        Predictions that exist already, of clips in `X`. None cross-validates.
    check : ClipCheck, default=None
        What :func:`skaudio.datasets.check_clips` found. None calls it.
    title : str, default=None
        Heading. None names the classes.

    Returns
    -------
    Evaluation
        The predictions that the page is about.

    Raises
    ------
    MissingDependencyError
        If Jinja or matplotlib is not installed (the extra ``report``).

    See Also
    --------
    write_model_card : The numbers as Markdown.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
    >>> from skaudio.datasets import make_spoken_words
    >>> from skaudio.report import write_report
    >>> words = make_spoken_words(["cat", "dog"], n_clips=20, random_state=0)
    >>> pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    >>> pipeline = pipeline.fit(words.data, words.target)
    >>> with TemporaryDirectory() as folder:
    ...     evaluation = write_report(
    ...         pipeline, words.data, words.target, f"{folder}/report.html", cv=2
    ...     )
    ...     page = Path(f"{folder}/report.html").read_text()
    >>> page.startswith("<!DOCTYPE html>"), len(evaluation.fit_times)
    (True, 2)
    """
    check_is_fitted(estimator)
    X = list(in_order(X, caller="write_report"))
    y = column_or_1d(y, warn=True)
    check_consistent_length(X, y, groups)
    if check is None:
        check = check_clips(X, y, groups, n_jobs=n_jobs)
    if evaluation is None:
        evaluation = Evaluation.from_cross_validation(
            estimator, X, y, groups=groups, cv=cv, n_jobs=n_jobs
        )
    numbers = facts(estimator, X, evaluation, check, title)
    page = fill("report.html", **numbers, **_of_page(X, y, evaluation, check, numbers["threshold"]))
    Path(path).write_text(page, encoding="utf-8", errors="backslashreplace")
    return evaluation


def _of_page(
    X: list[Any], y: np.ndarray, evaluation: Evaluation, check: ClipCheck, threshold: float | None
) -> dict[str, Any]:
    """Make what the page has beside the numbers: pictures, sounds and tables of groups."""
    readable = check.durations[np.isfinite(check.durations)]
    groups = [] if evaluation.groups is None else _facts.accuracy_by_group(evaluation)
    histories = evaluation.histories
    confidence: dict[str, Any] = {"calibration": None}
    if evaluation.probabilities is not None:
        bins, error = _facts.reliability(evaluation)
        confidence = {
            "calibration": _pictures.reliability_diagram(bins),
            "calibration_error": error,
            "rejection": _pictures.curves(_facts.kept_share(evaluation), threshold),
        }
    return {
        "created": dt.date.today().isoformat(),
        "lengths": _pictures.histogram(readable) if np.ptp(readable) > 0.05 else None,
        "examples": _examples(X, y, check),
        "confusion": _facts.confusion(evaluation).tolist(),
        "groups": groups[:_MAX_GROUPS],
        "n_groups": len(groups),
        "mistakes": _mistakes(X, evaluation, check),
        "n_mistakes": len(evaluation.mistakes),
        "learning": _pictures.learning_curves(histories) if histories else None,
        "seconds": _pictures.SECONDS,
        **confidence,
    }


def _examples(X: list[Any], y: np.ndarray, check: ClipCheck) -> list[dict[str, Any]]:
    """Take readable clips of each class in turns."""
    unreadable = {index for index, _ in check.unreadable}
    labels = np.unique(y)
    per_class = max(1, min(3, _MAX_EXAMPLES // len(labels)))
    chosen = [
        index
        for label in labels
        for index in [i for i in np.flatnonzero(y == label).tolist() if i not in unreadable][
            :per_class
        ]
    ]
    return [
        {
            "name": check.names[index],
            "label": str(y[index]),
            "sound": _pictures.sound_of(X[index]),
        }
        for index in chosen[: 2 * _MAX_EXAMPLES]
    ]


def _mistakes(X: list[Any], evaluation: Evaluation, check: ClipCheck) -> list[dict[str, Any]]:
    rows = []
    for position in evaluation.mistakes[:_MAX_MISTAKES].tolist():
        index = int(evaluation.indices[position])
        probabilities = evaluation.probabilities
        rows.append(
            {
                "name": check.names[index],
                "label": str(evaluation.y_true[position]),
                "predicted": str(evaluation.y_pred[position]),
                "probability": None
                if probabilities is None
                else float(probabilities[position].max()),
                "sound": _pictures.sound_of(X[index]),
            }
        )
    return rows
