"""The parameters of a detector in samples and windows, for one recording."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from numbers import Real
from typing import Any

import numpy as np

from skaudio._progress import no_progress_bars
from skaudio.detection._events import EventFinder, Smoothing
from skaudio.detection._windows import windows

__all__ = ["Scanner", "is_number"]

# Where the transformer is kept in estimators that wrap others.
_INNER = "best_estimator_", "estimator_", "first_", "student_", "estimators_", "steps", "estimator"

# Share of a clip that scores are averaged over.
_SMOOTHED = 0.3


class Scanner:
    """The parameters of a detector in samples and windows, for one recording."""

    def __init__(self, detector: Any, batch_size: int | None = None):
        _check_parameters(detector)
        self.estimator = detector.estimator
        self.sample_rate, self.n_samples, hop_length = _clips_of(detector.estimator)
        frames = max(1, round(detector.hop * self.sample_rate / hop_length))
        self.step = min(frames * hop_length, self.n_samples)
        self.hop = self.step / self.sample_rate
        self.duration = self.n_samples / self.sample_rate
        self.batch_size = batch_size or detector.batch_size
        smoothing = _SMOOTHED * self.duration if detector.smoothing is None else detector.smoothing
        self.n_smoothed = 2 * int(round(smoothing / self.hop / 2, 6)) + 1
        self.least = 10 ** ((-math.inf if (level := detector.min_level) is None else level) / 10)
        self.gaps = {"min_gap": detector.min_gap, "min_duration": detector.min_duration}
        classes = np.asarray(detector.estimator.classes_).tolist()
        self.labels = [label for label in classes if label != "unknown"]
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

    def scores(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Compute the smoothed scores of the labels, batch by batch."""
        smoothing = Smoothing(self.n_smoothed)
        batches = windows(
            blocks, n_samples=self.n_samples, step=self.step, batch_size=self.batch_size
        )
        for clips, self.n_read in batches:
            yield smoothing.update(self._probabilities(clips)[:, self.columns])
        yield smoothing.finish()

    def _probabilities(self, clips: np.ndarray) -> np.ndarray:
        power = np.einsum("ij,ij->i", clips, clips) / clips.shape[1]
        is_audible = power >= self.least
        if not is_audible.any():
            return np.zeros((len(clips), len(self.estimator.classes_)))
        # A rejector and an exported one know which clips are of no class.
        predict = getattr(self.estimator, "_known_probabilities", self.estimator.predict_proba)
        with no_progress_bars():
            return np.asarray(predict(clips)) * is_audible[:, None]


def _check_parameters(detector: Any) -> None:
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
    if not (isinstance(detector.batch_size, int | np.integer) and detector.batch_size >= 1):
        raise ValueError(
            "The 'batch_size' parameter of SoundDetector must be an int of at least 1. "
            f"Got {detector.batch_size!r} instead."
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
    transformer = _transformer_in(estimator)
    if transformer is None:
        raise TypeError(
            "SoundDetector needs a fitted pipeline that begins with a transformer of skaudio, such "
            f"as MFCCTransformer. Got {type(estimator).__name__} instead, which has none or is not "
            "fitted."
        )
    hop_length = getattr(transformer, "hop_length_", 1)
    return int(transformer.sample_rate), transformer.n_samples_, hop_length


def _transformer_in(estimator: Any) -> Any:
    """Find the transformer of recordings in a fitted estimator."""
    if isinstance(estimator, list | tuple):
        return next((found for each in estimator if (found := _transformer_in(each))), None)
    if hasattr(estimator, "n_samples_") and hasattr(estimator, "sample_rate"):
        return estimator
    inner = (getattr(estimator, name) for name in _INNER if hasattr(estimator, name))
    return next((found for each in inner if (found := _transformer_in(each))), None)
