"""What a report says, as numbers and texts, without any layout."""

from __future__ import annotations

import importlib.metadata
import inspect
import pickle
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from skaudio._version import __version__
from skaudio.datasets import ClipCheck
from skaudio.model_selection import Evaluation

__all__ = [
    "Cost",
    "accuracy_by_group",
    "changed_parameters",
    "confusion",
    "cost_of",
    "describe",
    "facts",
    "kept_share",
    "reliability",
    "versions",
]

# Calls that are timed, and clips that they take in turns.
_N_CALLS = 25

_CODE = """import joblib

model = joblib.load("model.joblib")
model.predict(["recording.wav"])"""

_PACKAGES = ("tensorflow", "keras", "scikeras", "scikit-learn", "librosa", "numpy")


@dataclass(frozen=True)
class Cost:
    """What a classifier costs where it is used.

    Attributes
    ----------
    n_parameters : int or None
        Weights of the network; None if the classifier is not one of skaudio's networks.
    macs : int or None
        Multiply-accumulates of the network for one clip.
    n_bytes : int
        Size of the pickled estimator.
    milliseconds : float
        Median time for one clip, from the recording to its probabilities.
    """

    n_parameters: int | None
    macs: int | None
    n_bytes: int
    milliseconds: float


def facts(
    estimator: Any, X: Any, evaluation: Evaluation, check: ClipCheck, title: str | None
) -> dict[str, Any]:
    """Collect what the page and the model card have in common.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Fitted.
    X : sequence of recordings
        Clips to measure the time with.
    evaluation : Evaluation
        The predictions.
    check : ClipCheck
        What is known about the recordings.
    title : str or None
        Heading; None names the classes.

    Returns
    -------
    dict
        The values for a template.
    """
    unreadable = {index for index, _ in check.unreadable}
    cost = cost_of(estimator, [X[index] for index in range(len(X)) if index not in unreadable])
    return {
        "title": title or "Classifier of " + _listed(list(check.class_counts)),
        "how": _how(evaluation),
        "meaning": _meaning(evaluation),
        "evaluation": evaluation,
        "interval": evaluation.interval(),
        "cost": cost,
        "size": f"{cost.n_bytes / 1e6:.1f} MB",
        "data": check.as_dict(),
        "scores": evaluation.class_scores(),
        "labels": evaluation.labels.astype(str).tolist(),
        "threshold": _threshold_of_probability(estimator),
        "code": _CODE,
        "parameters": changed_parameters(estimator),
        "versions": versions(),
    }


def describe(estimator: Any) -> dict[str, Any]:
    """Describe a fitted estimator in numbers and texts.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Fitted.

    Returns
    -------
    dict
        Its classes, the parameters that differ from the defaults, and the size of its network.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import PerceptronClassifier
    >>> from skaudio.report import describe
    >>> X, y = np.zeros((4, 10, 3)), ["a", "b", "a", "b"]
    >>> describe(PerceptronClassifier(random_state=0, epochs=1).fit(X, y))["macs"]
    60
    """
    n_weights, macs = _size_of_network(estimator)
    return {
        "kind": type(estimator).__name__,
        "classes": [str(label) for label in estimator.classes_],
        "n_weights": n_weights,
        "macs": macs,
        "threshold": getattr(estimator, "threshold_", None),
        "parameters": changed_parameters(estimator),
    }


def cost_of(estimator: Any, X: Any) -> Cost:
    """Measure what a fitted estimator costs.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Fitted.
    X : sequence of recordings
        Clips to measure with.

    Returns
    -------
    Cost
        The measurements.
    """
    call = getattr(estimator, "predict_proba", estimator.predict)
    times = []
    for index in range(_N_CALLS):
        clip = [X[index % len(X)]]
        started = time.perf_counter()
        call(clip)
        times.append(time.perf_counter() - started)
    n_bytes = len(pickle.dumps(estimator))
    return Cost(*_size_of_network(estimator), n_bytes, 1000 * float(np.median(times)))


def reliability(evaluation: Evaluation, n_bins: int = 10) -> tuple[np.ndarray, float]:
    """Compare the probability of the predicted label with how often it is right.

    Parameters
    ----------
    evaluation : Evaluation
        The predictions, with probabilities.
    n_bins : int, default=10
        Number of bins with equal numbers of clips, at most.

    Returns
    -------
    bins : ndarray of shape (n_bins, 3)
        Mean probability, accuracy and number of clips of each bin.
    error : float
        Expected calibration error: the mean distance of the two, weighted by clips.
    """
    confidence, is_right = _most_probable(evaluation)
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(n_bins, max(1, len(order) // 10)))
    bins = np.array([[confidence[p].mean(), is_right[p].mean(), len(p)] for p in parts])
    error = np.average(np.abs(bins[:, 0] - bins[:, 1]), weights=bins[:, 2])
    return bins, float(error)


def kept_share(evaluation: Evaluation) -> np.ndarray:
    """Compute what is kept, and how much of it is right, for every threshold.

    Parameters
    ----------
    evaluation : Evaluation
        The predictions, with probabilities.

    Returns
    -------
    ndarray of shape (n_clips, 3)
        Threshold of the probability, share of clips that reach it, and their accuracy; from the
        highest threshold to the lowest.
    """
    confidence, is_right = _most_probable(evaluation)
    order = np.argsort(-confidence, kind="stable")
    kept = np.arange(1, len(order) + 1)
    return np.stack(
        [confidence[order], kept / len(order), np.cumsum(is_right[order]) / kept], axis=1
    )


def accuracy_by_group(evaluation: Evaluation) -> list[tuple[str, int, float]]:
    """Compute the accuracy of each group.

    Parameters
    ----------
    evaluation : Evaluation
        The predictions, with groups.

    Returns
    -------
    list of (str, int, float)
        Group, clips and accuracy; the lowest accuracy first, and of equal ones the group with
        more clips.
    """
    names, members = np.unique(np.asarray(evaluation.groups), return_inverse=True)
    counts = np.bincount(members)
    accuracy = np.bincount(members, evaluation.y_true == evaluation.y_pred) / counts
    order = np.lexsort([-counts, accuracy])
    return [(str(names[i]), int(counts[i]), float(accuracy[i])) for i in order]


def confusion(evaluation: Evaluation) -> np.ndarray:
    """Count the clips of each class by the label that was predicted.

    Parameters
    ----------
    evaluation : Evaluation
        The predictions.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Rows are true labels.
    """
    return confusion_matrix(
        evaluation.y_true.astype(str),
        evaluation.y_pred.astype(str),
        labels=evaluation.labels.astype(str),
    )


def versions() -> dict[str, str]:
    """List what the classifier was made with.

    Returns
    -------
    dict of str to str
        Versions of Python and the packages that are installed.
    """
    return {
        "Python": platform.python_version(),
        "skaudio": __version__,
        **{package: importlib.metadata.version(package) for package in _PACKAGES},
    }


def _how(evaluation: Evaluation) -> str:
    if not evaluation.fit_times:
        return "one fitted classifier, tested on clips of its own"
    by_group = ", split by group" if evaluation.is_by_group else ""
    n_folds = len(evaluation.fit_times)
    return f"cross-validated in {n_folds} fold{'s' * (n_folds != 1)}{by_group}"


def changed_parameters(estimator: Any) -> dict[str, str]:
    """List the parameters that differ from the defaults, and all random states.

    Parameters
    ----------
    estimator : estimator
        Any of scikit-learn's grammar.

    Returns
    -------
    dict of str to str
        Names and values; for a pipeline with the name of the step and two underscores.
    """
    return dict(_changed(estimator, ""))


def _changed(estimator: Any, prefix: str) -> Iterator[tuple[str, str]]:
    if hasattr(estimator, "steps"):
        for name, step in estimator.steps:
            yield prefix + name, type(step).__name__
            if hasattr(step, "get_params"):
                yield from _changed(step, f"{prefix}{name}__")
        return
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(type(estimator)).parameters.items()
    }
    for name, value in estimator.get_params(deep=False).items():
        if hasattr(value, "steps"):
            yield from _changed(value, f"{prefix}{name}__")
        elif repr(value) != repr(defaults.get(name)) or name == "random_state":
            yield prefix + name, repr(value)


def _meaning(evaluation: Evaluation) -> str:
    low, high = evaluation.interval()
    who = "clips of other groups" if evaluation.is_by_group else "other clips like these"
    if not evaluation.fit_times:
        who = "clips like those tested"
    return (
        f"On {who}, between {100 * low:.1f} and {100 * high:.1f} % of the labels can be expected "
        "to be right (a 95 % interval)."
        + (
            ""
            if evaluation.is_by_group or not evaluation.fit_times
            else " If several clips are of the same speaker, machine or place, this is too "
            "optimistic: pass groups."
        )
    )


def _listed(names: list[str]) -> str:
    if len(names) > 6:
        return f"{len(names)} classes"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _threshold_of_probability(estimator: Any) -> float | None:
    """Return the threshold of a rejector, if it is one of the probabilities on the page."""
    classifier = getattr(estimator, "estimator_", None)
    is_probability = not hasattr(classifier, "score_samples") and np.array_equal(
        getattr(classifier, "classes_", []), getattr(estimator, "classes_", [])
    )
    return getattr(estimator, "threshold_", None) if is_probability else None


def _size_of_network(estimator: Any) -> tuple[int | None, int | None]:
    """Return the number of weights and of multiply-accumulates, where they are known."""
    network = _network(estimator)
    if network is None:
        return None, None
    from skaudio.architectures import network_summary  # imports TensorFlow

    try:
        macs = network_summary(network).macs
    except ValueError:  # a layer of the user's own
        macs = None
    return int(network.count_params()), macs


def _network(estimator: Any) -> Any:
    """Find the network in a pipeline, a search, a rejector or a student."""
    for _ in range(10):
        if hasattr(estimator, "model_"):
            return estimator.model_
        for name in ("best_estimator_", "estimator_", "student_"):
            if hasattr(estimator, name):
                estimator = getattr(estimator, name)
                break
        else:
            if not hasattr(estimator, "steps"):
                return None
            estimator = estimator[-1]
    return None


def _most_probable(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of the most probable class, and whether it is the right one."""
    probabilities = np.asarray(evaluation.probabilities)
    labels = evaluation.classes[probabilities.argmax(axis=1)]
    return probabilities.max(axis=1), evaluation.y_true == labels
