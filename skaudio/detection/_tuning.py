"""Thresholds that keep false alarms rare."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skaudio.detection._events import Event, EventFinder
from skaudio.detection._scoring import EventScores, false_alarms, score_events

__all__ = ["ErrorTradeoff", "Tuning", "error_tradeoff", "find_events", "tuned"]

# No threshold is lower.
_LOWEST = 0.05


# Thresholds of a trade-off curve.
_N_THRESHOLDS = 60


class ErrorTradeoff(NamedTuple):
    """Misses against false alarms of a label, from the highest threshold.

    Thresholds that find no more than a higher one are left out.

    Attributes
    ----------
    label : object
        The label.
    thresholds : ndarray of shape (n_thresholds,)
        The lowest scores of an event.
    miss_rate : ndarray of shape (n_thresholds,)
        Share of the true events that is not found.
    false_per_hour : ndarray of shape (n_thresholds,)
        False alarms for each hour.
    used : tuple of (float, float, float)
        Threshold, miss rate and false alarms for each hour at the detector's own threshold.
    """

    label: Any
    thresholds: np.ndarray
    miss_rate: np.ndarray
    false_per_hour: np.ndarray
    used: tuple[float, float, float]


@dataclass(frozen=True)
class Tuning:
    """What thresholds are based on.

    Attributes
    ----------
    scores : EventScores
        Hits and false alarms in the recordings that the thresholds were chosen on; their `hours`,
        and the interval of the rate of false alarms.
    max_false_per_hour : float
        The rate that was asked for.
    """

    scores: EventScores
    max_false_per_hour: float

    def __str__(self) -> str:
        hours = self.scores.total.hours
        return (
            f"At most {self.max_false_per_hour:g} false alarms an hour, from {hours:.3g} hours:\n"
            f"{self.scores}"
        )


def tuned(
    scores: Sequence[Any],
    events: Sequence[Sequence[Event]],
    labels: Sequence[Any],
    finder: Callable[[Any, float], EventFinder],
    max_false_per_hour: float,
) -> tuple[dict[Any, float], Tuning]:
    """Choose a threshold for each label.

    Parameters
    ----------
    scores : sequence of WindowScores
        Of each recording.
    events : sequence of sequence of Event
        What is in each.
    labels : sequence
        The labels, in the order of the columns.
    finder : callable
        Makes an :class:`EventFinder` of a label and a threshold.
    max_false_per_hour : float
        For all labels together.

    Returns
    -------
    thresholds : dict of label to float
        The thresholds.
    tuning : Tuning
        What they are based on.
    """
    duration = sum(each.duration for each in scores)
    hours = duration / 3600
    allowed = max_false_per_hour * hours / len(labels)
    if allowed < 1:
        warnings.warn(
            f"{hours:.3g} hours are too few for max_false_per_hour={max_false_per_hour:g}: each of "
            f"the {len(labels)} labels may have {allowed:.2g} false alarms in them. Use "
            f"{len(labels) / max_false_per_hour:.3g} hours or more. The thresholds are those "
            "without a false alarm.",
            stacklevel=3,
        )
    thresholds: dict[Any, float] = {}
    for column, label in enumerate(labels):

        def n_false(threshold: float, column: int = column, label: Any = label) -> int:
            return sum(
                len(false_alarms(true, find_events(each, column, finder(label, threshold))))
                for each, true in zip(scores, events, strict=True)
            )

        # The rate above the k-th highest false alarm of T hours is k / T on average, so that only
        # k - 1 of them may be above the threshold.
        thresholds[label] = _lowest(n_false, _peaks(scores, column), max(1, int(allowed)) - 1)
    found = [
        [
            event
            for column, label in enumerate(labels)
            for event in find_events(each, column, finder(label, thresholds[label]))
        ]
        for each in scores
    ]
    wanted = [[event for event in true if event.label in thresholds] for true in events]
    return thresholds, Tuning(score_events(wanted, found, duration=duration), max_false_per_hour)


def error_tradeoff(
    scores: Sequence[Any],
    events: Sequence[Sequence[Event]],
    finder: Callable[[Any, float], EventFinder],
    used: Mapping[Any, float],
) -> list[ErrorTradeoff]:
    """Count misses and false alarms at many thresholds.

    Parameters
    ----------
    scores : sequence of WindowScores
        Of each recording.
    events : sequence of sequence of Event
        What is in each.
    finder : callable
        Makes an :class:`EventFinder` of a label and a threshold.
    used : dict of label to float
        The detector's own thresholds, in the order of the columns.

    Returns
    -------
    list of ErrorTradeoff
        A curve for each label of which there are events.
    """
    duration = sum(each.duration for each in scores)
    curves = []
    for column, (label, own) in enumerate(used.items()):
        true = [[event for event in row if event.label == label] for row in events]
        if not any(true):  # misses are a share of nothing
            continue
        peaks = _peaks(scores, column)
        # Most of the low ones are of no interest: a factor apart in rank.
        ranks = np.unique(np.geomspace(1, max(1, len(peaks)), _N_THRESHOLDS).astype(int)) - 1
        thresholds = np.append(peaks[ranks[ranks < len(peaks)]], own)
        rows = [
            score_events(
                true,
                [find_events(each, column, finder(label, threshold)) for each in scores],
                duration=duration,
            ).total
            for threshold in thresholds
        ]
        points = np.array([(1 - row.recall, row.false_per_hour) for row in rows])
        points = np.column_stack([thresholds, points])
        points, at_own = points[:-1], points[-1]
        is_useful = np.ones(len(points), bool)
        is_useful[1:] = points[1:, 1] < np.minimum.accumulate(points[:, 1])[:-1]
        curves.append(ErrorTradeoff(label, *points[is_useful].T, tuple(at_own.tolist())))
    return curves


def find_events(scores: Any, column: int, finder: EventFinder) -> list[Event]:
    """Find the events of a label in all scores of a recording.

    Parameters
    ----------
    scores : WindowScores
        The scores.
    column : int
        That of the label.
    finder : EventFinder
        A new one.

    Returns
    -------
    list of Event
        The events.
    """
    return finder.update(scores.values[:, column]) + finder.finish(scores.duration)


def _peaks(scores: Sequence[Any], column: int) -> np.ndarray:
    """Return the heights of the local maxima, from the highest."""
    heights = [np.empty(0)]
    for each in scores:
        values = np.concatenate([[-1.0], each.values[:, column], [-1.0]])
        is_peak = (values[1:-1] > values[:-2]) & (values[1:-1] >= values[2:])
        heights.append(values[1:-1][is_peak])
    peaks = np.unique(np.concatenate(heights))[::-1]
    return peaks[peaks >= _LOWEST]


def _lowest(n_false: Callable[[float], int], peaks: np.ndarray, most: int) -> float:
    """Return the lowest threshold with at most this many false alarms."""
    good, bad = -1, len(peaks)  # indices of peaks; -1 is a threshold above all of them
    # From the top, where the number grows: at the bottom, events join until only one is left.
    for index in (2**power - 1 for power in range(len(peaks).bit_length())):
        if n_false(peaks[index]) > most:
            bad = index
            break
        good = index
    while bad - good > 1:
        middle = (good + bad) // 2
        if n_false(peaks[middle]) <= most:
            good = middle
        else:
            bad = middle
    above = peaks[good] if good >= 0 else math.inf
    below = peaks[bad] if bad < len(peaks) else _LOWEST
    if math.isinf(above):
        return float(np.nextafter(below, 2.0))
    return float((above + below) / 2)
