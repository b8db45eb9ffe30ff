"""The parts of a fitted estimator that an exported model consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skaudio.classifiers import BaseAudioClassifier
from skaudio.distillation import DistilledClassifier
from skaudio.feature_extraction import LogMelTransformer, MFCCTransformer, PCENTransformer
from skaudio.rejection import UnknownRejector

__all__ = ["Parts", "parts_of"]

_FRONT_ENDS = MFCCTransformer, LogMelTransformer, PCENTransformer


@dataclass(frozen=True)
class Parts:
    """What is exported.

    Attributes
    ----------
    transformer : MFCCTransformer, LogMelTransformer, PCENTransformer or None
        The front end; None for a bare classifier.
    classifier : BaseAudioClassifier
        The network.
    rejector : UnknownRejector or None
        Its threshold.
    """

    transformer: Any
    classifier: BaseAudioClassifier
    rejector: UnknownRejector | None

    @property
    def classes(self) -> np.ndarray:
        """The classes whose probabilities the model computes.

        Returns
        -------
        ndarray of shape (n_classes,)
            Those of the rejector, if there is one.
        """
        return (self.classifier if self.rejector is None else self.rejector).classes_


def parts_of(estimator: Any) -> Parts:
    """Take apart a fitted pipeline, search, rejector or classifier.

    Parameters
    ----------
    estimator : estimator
        As in :func:`~skaudio.export.to_onnx`.

    Returns
    -------
    Parts
        Its parts.

    Raises
    ------
    TypeError
        If a part cannot be exported.
    """
    inner, rejector, transformer = estimator, None, None
    while not isinstance(inner, BaseAudioClassifier):
        check_is_fitted(inner)
        if hasattr(inner, "best_estimator_"):  # a search
            inner = inner.best_estimator_
        elif isinstance(inner, DistilledClassifier):
            inner = inner.student_
        elif isinstance(inner, UnknownRejector) and rejector is None:
            rejector, inner = inner, inner.estimator_
        elif isinstance(inner, Pipeline) and transformer is None:
            transformer, inner = _steps(inner)
        else:
            raise TypeError(
                f"{type(inner).__name__} cannot be exported. Expected a fitted Pipeline of "
                f"{_names(_FRONT_ENDS)} and a classifier of skaudio.classifiers, a search over "
                "one, an UnknownRejector around one, or the classifier alone. Got "
                f"{type(estimator).__name__}."
            )
    check_is_fitted(inner)
    return Parts(transformer, inner, rejector)


def _steps(pipeline: Pipeline) -> tuple[Any, Any]:
    """Return the transformer and the last step, without those that only matter in training."""
    *before, (_, last) = pipeline.steps
    before = [
        step
        for _, step in before
        if step not in (None, "passthrough") and not hasattr(step, "fit_resample")
    ]
    for step in before[1:]:
        raise TypeError(
            f"{type(step).__name__} cannot be exported: between the transformer and the "
            "classifier there can be no other step."
        )
    if not before:
        return None, last
    transformer = before[0]
    if not isinstance(transformer, _FRONT_ENDS):
        raise TypeError(
            f"{type(transformer).__name__} cannot be exported. Expected {_names(_FRONT_ENDS)}."
        )
    check_is_fitted(transformer, "n_samples_")
    for name in ("align", "loudness"):
        value = getattr(transformer, name)
        if value is not None:
            raise ValueError(
                f"{name}={value!r} of {type(transformer).__name__} cannot be exported, since it "
                f"depends on the whole recording. Train with {name}=None."
            )
    return transformer, last


def _names(kinds: tuple[type, ...]) -> str:
    *others, last = (kind.__name__ for kind in kinds)
    return f"{', '.join(others)} or {last}"
