"""What is recorded of a fit and of a search, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, classification_report, confusion_matrix

__all__ = ["Fit", "best", "confusion_figure", "cv_table", "described", "texts"]

# Texts are cut here: MLflow takes 6,000 characters of a parameter, and nobody reads so many.
_LONGEST = 500

# Where meta-estimators keep the classifier that was trained.
_INNER = ("best_estimator_", "student_", "estimator_")


@dataclass(frozen=True)
class Fit:
    """A fitted estimator, and how it classifies clips that were held out.

    Attributes
    ----------
    name : str
        Class name of the estimator, of a pipeline that of its last step.
    params : dict of str to str
        All parameters, also those that have their default: defaults change between versions.
    scores : dict of str to float
        Scores for the held-out clips.
    curves : dict of str to list of float
        The values of each epoch: the `history_` of the trained classifier, if it has one, with
        names such as "history/loss".
    labels : list of str
        Labels of the rows and columns of `confusion`, which are true and predicted.
    confusion : ndarray of shape (n_labels, n_labels), or None
        Number of held-out clips; None if the estimator is not a classifier.
    report : str
        Precision, recall and F1 of every label.
    held_out : str
        Identifies the held-out clips: the same for all candidates in the same fold.
    n_held_out : int
        Their number.
    """

    name: str
    params: dict[str, str]
    scores: dict[str, float]
    curves: dict[str, list[float]]
    labels: list[str]
    confusion: np.ndarray | None
    report: str
    held_out: str
    n_held_out: int


def described(estimator: Any, X: Any, y: Any, predicted: Any, scores: dict[str, float]) -> Fit:
    """Describe a fit.

    Parameters
    ----------
    estimator : estimator
        The fitted estimator.
    X : sequence of recordings, or array-like
        Held-out clips.
    y : array-like of shape (n_clips,)
        Their labels.
    predicted : array-like of shape (n_clips,), or None
        The labels that a classifier predicts.
    scores : dict of str to float
        Their scores.

    Returns
    -------
    Fit
        The description.
    """
    trained = estimator
    while inner := _inner(trained):
        trained = inner
    labels, confusion, report = [], None, ""
    if predicted is not None:
        known = np.unique([*np.asarray(y).tolist(), *np.asarray(predicted).tolist()])
        labels = [str(label) for label in known]
        confusion = confusion_matrix(y, predicted, labels=known)
        report = classification_report(y, predicted, zero_division=0)
    history = getattr(trained, "history_", None)  # scikit-learn and skorch have other kinds
    history = history if isinstance(history, dict) else {}
    return Fit(
        name=type(trained).__name__,
        params=texts(estimator.get_params()),
        scores=scores,
        # A curve is over the training clips, and must not have the name of a score.
        curves={f"history/{name}": values for name, values in history.items()},
        labels=labels,
        confusion=confusion,
        report=report,
        held_out=joblib.hash((X, y))[:8],
        n_held_out=len(y),
    )


def _inner(estimator: Any) -> Any:
    if hasattr(estimator, "steps"):
        return estimator.steps[-1][1]
    return next((getattr(estimator, name) for name in _INNER if hasattr(estimator, name)), None)


def texts(params: dict[str, Any]) -> dict[str, str]:
    """Write parameters as texts; of an estimator its class name.

    Parameters
    ----------
    params : dict
        Parameters.

    Returns
    -------
    dict of str to str
        The texts, without ``steps``, which its own parameters describe.
    """
    return {
        name: (type(value).__name__ if hasattr(value, "get_params") else str(value))[:_LONGEST]
        for name, value in params.items()
        if name.split("__")[-1] not in ("steps", "transform_input")
    }


def confusion_figure(fit: Fit) -> Any:
    """Draw the confusion matrix.

    Parameters
    ----------
    fit : Fit
        A fit of a classifier.

    Returns
    -------
    matplotlib Figure
        The figure, which pyplot does not know.
    """
    from matplotlib.figure import Figure

    n_labels = len(fit.labels)
    size = 3 + 0.4 * n_labels
    figure = Figure(figsize=(size + 0.5, size), layout="constrained")
    display = ConfusionMatrixDisplay(fit.confusion, display_labels=fit.labels)
    display.plot(
        ax=figure.subplots(),
        cmap="Blues",
        colorbar=False,
        im_kw={"vmin": 0},
        include_values=n_labels <= 20,
        xticks_rotation="vertical" if n_labels > 4 else "horizontal",
    )
    return figure


def best(search: Any) -> tuple[dict[str, Any], float | None]:
    """Return the best parameters and the best score of a search, as far as it has them.

    Parameters
    ----------
    search : search
        A fitted search of scikit-learn.

    Returns
    -------
    params : dict
        Empty for several scores without ``refit``.
    score : float or None
        None as well if ``refit`` is a function.
    """
    score = getattr(search, "best_score_", None)
    return getattr(search, "best_params_", {}), None if score is None else float(score)


def cv_table(search: Any) -> list[list[str]]:
    """Return the results of a search as a table of texts.

    Parameters
    ----------
    search : search
        A fitted search of scikit-learn.

    Returns
    -------
    list of list of str
        The names of the columns, then a row for each candidate.
    """
    columns = {name: v for name, v in search.cv_results_.items() if name != "params"}
    rows = zip(*columns.values(), strict=True)
    return [list(columns), *([str(value) for value in row] for row in rows)]
