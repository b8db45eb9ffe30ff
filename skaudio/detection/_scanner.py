"""The parameters of a detector in samples and windows, for one recording."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Real
from typing import Any

import numpy as np

from skaudio._progress import no_progress_bars
from skaudio.detection._events import EventFinder, Smoothing
from skaudio.detection._windows import windows

__all__ = ["Scanner", "is_number"]

# Where estimators keep those that they have fitted.
_FITTED = (
    "best_estimator_", "estimator_", "first_", "second_", "student_", "estimators_",
    "calibrated_classifiers_", "steps", "transformer_list",
)  # fmt: skip

# Share of a clip that scores are averaged over.
_SMOOTHED = 0.3


class Scanner:
    """The parameters of a detector in samples and windows, for one recording."""

    def __init__(self, detector: Any, batch_size: int | None = None):
        _check_parameters(detector, batch_size)
        self.sample_rate, self.n_samples, hop_length = _clips_of(detector.estimator)
        self._predict = _predictor(detector.estimator)
        frames = max(1, round(detector.hop * self.sample_rate / hop_length))
        self.step = min(frames * hop_length, self.n_samples)
        self.hop = self.step / self.sample_rate
        self.duration = self.n_samples / self.sample_rate
        self.batch_size = detector.batch_size if batch_size is None else batch_size
        smoothing = _SMOOTHED * self.duration if detector.smoothing is None else detector.smoothing
        self.n_smoothed = 2 * int(round(smoothing / self.hop / 2, 6)) + 1
        self.least = 10 ** ((-math.inf if (level := detector.min_level) is None else level) / 10)
        self.gaps = {"min_gap": detector.min_gap, "min_duration": detector.min_duration}
        classes = np.asarray(detector.estimator.classes_).tolist()
        self._n_classes = len(classes)
        unknown = getattr(detector.estimator, "unknown_label", "unknown")
        self.labels = [label for label in classes if label != unknown]
        if detector.labels is not None:
            self.labels = list(detector.labels)
        missing = [label for label in self.labels if label not in classes]
        if missing or not self.labels:
            raise ValueError(
                f"The labels {missing} are not among the classes of the estimator, {classes}."
                if missing
                else f"There is no label to detect among the classes {classes}: set labels."
            )
        self.columns = [classes.index(label) for label in self.labels]
        self.n_read = 0

    def finder(self, label: Any, threshold: float) -> EventFinder:
        """Make what finds the events of a label."""
        return EventFinder(label, threshold, hop=self.hop, duration=self.duration, **self.gaps)

    def check_scores(self, scores: Any) -> None:
        """Raise an error if these scores are of a detector of other labels or another hop."""
        hop = np.diff(scores.times[:2])
        if list(scores.labels) != self.labels or not np.allclose(hop, self.hop):
            raise ValueError(
                f"The scores have the labels {list(scores.labels)} and a hop of {hop.sum():.3g} s, "
                f"the detector {self.labels} and {self.hop:.3g} s. Call score_windows again."
            )

    def scores(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Compute the smoothed scores of the labels, batch by batch."""
        smoothing = Smoothing(self.n_smoothed)
        batches = windows(
            blocks, n_samples=self.n_samples, step=self.step, batch_size=self.batch_size
        )
        for clips, self.n_read in batches:
            yield smoothing.update(self._probabilities(clips)[:, self.columns])
        if self.n_read:
            yield smoothing.finish()

    def _probabilities(self, clips: np.ndarray) -> np.ndarray:
        power = np.einsum("ij,ij->i", clips, clips) / clips.shape[1]
        is_audible = power >= self.least
        if not is_audible.any():
            return np.zeros((len(clips), self._n_classes))
        with no_progress_bars():
            return np.asarray(self._predict(clips)) * is_audible[:, None]


def _predictor(estimator: Any) -> Callable[[Any], Any]:
    """Return what computes probabilities, all 0 for the clips that a rejector rejects."""
    if hasattr(estimator, "_known_probabilities"):  # a rejector, or an exported one
        return estimator._known_probabilities
    if hasattr(estimator, "best_estimator_"):
        return _predictor(estimator.best_estimator_)
    if hasattr(estimator, "steps"):
        *before, (_, last) = estimator.steps
        if before and _predictor(last) != getattr(last, "predict_proba", None):
            return lambda clips: _predictor(last)(estimator[:-1].transform(clips))
    return estimator.predict_proba


def _check_parameters(detector: Any, batch_size: Any) -> None:
    for name in ("hop", "smoothing", "min_gap", "min_duration"):
        value = getattr(detector, name)
        if value is None and name == "smoothing":
            continue
        is_positive = is_number(value) and value > 0
        if not (is_positive or (value == 0 and name != "hop")) or not value < math.inf:
            raise ValueError(
                f"The {name!r} parameter of SoundDetector must be a "
                f"{'positive' if name == 'hop' else 'non-negative'} number of seconds. "
                f"Got {value!r} instead."
            )
    for size in (detector.batch_size, 1 if batch_size is None else batch_size):
        if not (isinstance(size, int | np.integer) and size >= 1):
            raise ValueError(
                "The 'batch_size' parameter of SoundDetector must be an int of at least 1. "
                f"Got {size!r} instead."
            )
    thresholds = detector.threshold
    for value in thresholds.values() if isinstance(thresholds, Mapping) else [thresholds]:
        if not (is_number(value) and not math.isnan(value)):
            raise ValueError(
                "The 'threshold' parameter of SoundDetector must be a number, or a dict of label "
                f"to number. Got {thresholds!r} instead."
            )
    if not (detector.min_level is None or is_number(detector.min_level)):
        raise ValueError(
            "The 'min_level' parameter of SoundDetector must be a number of dB or None. "
            f"Got {detector.min_level!r} instead."
        )
    if isinstance(detector.labels, str):
        raise TypeError(
            "The 'labels' parameter of SoundDetector must be a list of labels or None. "
            f"Got {detector.labels!r} instead."
        )
    if not hasattr(detector.estimator, "predict_proba"):
        raise TypeError(
            "SoundDetector needs a fitted classifier with predict_proba. Got "
            f"{type(detector.estimator).__name__} instead."
        )


def is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _clips_of(estimator: Any) -> tuple[int, int, int]:
    """Return the rate and the length of an estimator's clips, and the hop of its frames."""
    if hasattr(estimator, "contract"):  # an exported model
        if estimator.sample_rate is None:
            raise TypeError(
                "The exported model takes features. Export the pipeline instead, whose model takes "
                "waveforms."
            )
        return estimator.sample_rate, estimator.contract.shape[0], 1
    transformers = list(_transformers_in(estimator))
    if not transformers:
        raise TypeError(
            "SoundDetector needs a fitted pipeline that begins with a transformer of skaudio, such "
            f"as MFCCTransformer. Got {type(estimator).__name__} instead, which has none or is not "
            "fitted."
        )
    rates = sorted({int(transformer.sample_rate) for transformer in transformers})
    if len(rates) > 1:
        raise ValueError(
            f"The transformers in {type(estimator).__name__} have different sample rates: {rates} "
            "Hz. A detector needs one rate: set sample_rate of all of them."
        )
    n_samples = max(transformer.n_samples_ for transformer in transformers)
    return rates[0], n_samples, getattr(transformers[0], "hop_length_", 1)


def _transformers_in(estimator: Any) -> Iterator[Any]:
    """Find the transformers of recordings in a fitted estimator."""
    if isinstance(estimator, list | tuple):
        for each in estimator:
            yield from _transformers_in(each)
    elif hasattr(estimator, "n_samples_") and hasattr(estimator, "sample_rate"):
        yield estimator
    else:
        found = [*_transformers_in([getattr(estimator, name, []) for name in _FITTED])]
        yield from found or _transformers_in(getattr(estimator, "estimator", []))
