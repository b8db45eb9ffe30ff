"""Compare found events with true ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skaudio.detection._events import Event, as_events

__all__ = [
    "EventScores",
    "LabelScores",
    "false_alarms",
    "poisson_interval",
    "score_events",
]

# Half of the interval is above and half below: 95 %.
_TAIL = 0.025

# Differences of times that are only rounding.
_SLACK = 1e-6


class LabelScores(NamedTuple):
    """How well the events of a label were found.

    Attributes
    ----------
    label : object
        The label, or None for all of them together.
    n_true : int
        True events.
    n_hits : int
        Those that were found.
    n_false : int
        False alarms: events that were found where none is.
    hours : float
        Length of the recordings.
    """

    label: Any
    n_true: int
    n_hits: int
    n_false: int
    hours: float

    @property
    def n_misses(self) -> int:
        """True events that were not found.

        Returns
        -------
        int
            Their number.
        """
        return self.n_true - self.n_hits

    @property
    def recall(self) -> float:
        """Share of the true events that were found.

        Returns
        -------
        float
            Between 0 and 1; NaN if there are none.
        """
        return self.n_hits / self.n_true if self.n_true else math.nan

    @property
    def false_per_hour(self) -> float:
        """Rate of false alarms.

        Returns
        -------
        float
            False alarms for each hour of the recordings.
        """
        return self.n_false / self.hours

    def false_per_hour_interval(self) -> tuple[float, float]:
        """Compute the interval of the rate that the count is compatible with.

        Returns
        -------
        (float, float)
            The exact 95 % interval of a Poisson distribution.
        """
        low, high = poisson_interval(self.n_false)
        return low / self.hours, high / self.hours


@dataclass(frozen=True)
class EventScores:
    """How well events were found; ``print`` shows a table.

    Attributes
    ----------
    labels : list of LabelScores
        Each label.
    total : LabelScores
        All labels together.
    """

    labels: list[LabelScores]
    total: LabelScores

    def __str__(self) -> str:
        rows = [("label", "events", "found", "recall", "false", "false per hour (95 %)")]
        for row in [*self.labels, self.total]:
            low, high = row.false_per_hour_interval()
            rate = f"{row.false_per_hour:.2f} ({low:.2f} to {high:.2f})"
            name = "all" if row.label is None else str(row.label)
            counts = str(row.n_true), str(row.n_hits), f"{row.recall:.3f}", str(row.n_false)
            rows.append((name, *counts, rate))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            for row in rows
        ]
        return "\n".join("  ".join(cells) for cells in lines)


def score_events(
    true: Sequence[Sequence[Any]],
    found: Sequence[Sequence[Any]],
    *,
    duration: float,
    overlap: float = 0.1,
    collar: float | None = None,
    offset_share: float = 0.2,
) -> EventScores:
    """Count hits, misses and false alarms.

    Parameters
    ----------
    true : sequence of sequence of Event
        The events of each recording. Tuples of start, end and label are sufficient.
    found : sequence of sequence of Event
        The events that were found in each.
    duration : float
        Length of all recordings together, in seconds.
    overlap : float, default=0.1
        An event that was found is a false alarm if less than this share of it lies in true events
        of its label. A true event is a hit if at least this share of it lies in events that are
        not false alarms. The default tells whether a sound was found, not how exactly; 0.7 is
        strict. An event without length, a point, only has to lie in an event of the other kind.
    collar : float, default=None
        Compare begin and end instead: each true event is a hit if an event of its label begins and
        ends within this time of it, in seconds; those that match none are false alarms.
    offset_share : float, default=0.2
        With `collar`: the end may also differ by this share of the length of the true event.

    Returns
    -------
    EventScores
        The counts for each label that occurs, and for all together.

    References
    ----------
    A. Mesaros, T. Heittola and T. Virtanen, "Metrics for polyphonic sound event detection",
    Applied Sciences 6(6), 162, 2016 (collars). C. Bilen et al., "A framework for the robust
    evaluation of sound event detection", ICASSP 2020 (overlaps).

    Examples
    --------
    >>> from skaudio.detection import score_events
    >>> true = [[(1.0, 1.5, "owl"), (7.0, 7.5, "owl")]]
    >>> found = [[(0.9, 1.6, "owl"), (3.0, 3.5, "owl")]]
    >>> print(score_events(true, found, duration=1800))
    label  events  found  recall  false  false per hour (95 %)
    owl         2      1   0.500      1   2.00 (0.05 to 11.14)
    all         2      1   0.500      1   2.00 (0.05 to 11.14)
    """
    if len(true) != len(found):
        raise ValueError(
            f"Expected events of the same recordings, got {len(true)} lists of true and "
            f"{len(found)} of found events."
        )
    if not duration > 0:
        raise ValueError(f"The duration must be positive, in seconds. Got {duration!r} instead.")
    counts: dict[Any, list[int]] = {}
    for true_rows, found_rows in zip(true, found, strict=True):
        true_events, found_events = _by_label(true_rows), _by_label(found_rows)
        for label in true_events | found_events:
            here = true_events.get(label, []), found_events.get(label, [])
            if collar is None:
                hits, false = _match_by_overlap(*here, overlap)
            else:
                hits, false = _match_by_collar(*here, collar, offset_share)
            count = counts.setdefault(label, [0, 0, 0])
            for index, number in enumerate((len(here[0]), hits.sum(), false.sum())):
                count[index] += int(number)
    hours = duration / 3600
    labels = sorted(counts, key=lambda label: (isinstance(label, str), label))
    rows = [LabelScores(label, *counts[label], hours) for label in labels]
    columns = zip([0] * 3, *counts.values(), strict=True)
    n_true, n_hits, n_false = (sum(column) for column in columns)
    return EventScores(rows, LabelScores(None, n_true, n_hits, n_false, hours))


def false_alarms(
    true: Sequence[Event], found: Sequence[Event], overlap: float = 0.1
) -> list[Event]:
    """Return the events that are false alarms, as in `score_events`.

    Parameters
    ----------
    true : sequence of Event
        What is in a recording.
    found : sequence of Event
        What was found.
    overlap : float, default=0.1
        The smallest share of a hit that lies in true events.

    Returns
    -------
    list of Event
        Those of `found` that are false.
    """
    true_events = _by_label(true)
    return [
        event
        for label, events in _by_label(found).items()
        for event, is_false in zip(
            events, _match_by_overlap(true_events.get(label, []), events, overlap)[1], strict=True
        )
        if is_false
    ]


def poisson_interval(count: int) -> tuple[float, float]:
    """Compute the exact 95 % interval of the mean of a Poisson distribution.

    Parameters
    ----------
    count : int
        The number that was seen.

    Returns
    -------
    (float, float)
        The means for which it is not unlikely.
    """
    import scipy.special  # here, since exported models run without SciPy

    low = scipy.special.gammaincinv(count, _TAIL) if count else 0.0
    return float(low), float(scipy.special.gammaincinv(count + 1, 1 - _TAIL))


def _by_label(rows: Sequence[Any]) -> dict[Any, list[Event]]:
    events: dict[Any, list[Event]] = {}
    for event in as_events(rows):
        events.setdefault(event.label, []).append(event)
    return events


def _match_by_overlap(
    true: list[Event], found: list[Event], overlap: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return which true events are hits, and which found ones are false."""
    if not true or not found:
        return np.zeros(len(true), bool), np.ones(len(found), bool)
    starts = np.maximum.outer([event.start for event in true], [event.start for event in found])
    ends = np.minimum.outer([event.end for event in true], [event.end for event in found])
    common = np.maximum(0, ends - starts)
    # A point has no length: it only has to lie in an event of the other side.
    is_point = (_lengths(true) == 0)[:, None] | (_lengths(found) == 0)
    is_in = is_point & (ends - starts >= -_SLACK)
    is_short = common.sum(axis=0) < overlap * _lengths(found) - _SLACK
    is_false = (is_short | (_lengths(found) == 0)) & ~is_in.any(axis=0)
    covered = common[:, ~is_false].sum(axis=1)
    is_hit = covered > np.maximum(overlap * _lengths(true) - _SLACK, 0)
    return is_hit | is_in[:, ~is_false].any(axis=1), is_false


def _lengths(events: list[Event]) -> np.ndarray:
    return np.array([event.end - event.start for event in events])


def _match_by_collar(
    true: list[Event], found: list[Event], collar: float, offset_share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Match as many true events as possible, each with another found one."""
    import scipy.sparse.csgraph

    hits, false = np.zeros(len(true), bool), np.ones(len(found), bool)
    if true and found:
        onsets = np.subtract.outer([e.start for e in true], [e.start for e in found])
        offsets = np.subtract.outer([e.end for e in true], [e.end for e in found])
        allowed = np.maximum(collar, offset_share * _lengths(true))[:, None]
        is_near = (np.abs(onsets) <= collar + _SLACK) & (np.abs(offsets) <= allowed + _SLACK)
        graph = scipy.sparse.csr_array(is_near)
        partners = scipy.sparse.csgraph.maximum_bipartite_matching(graph, perm_type="column")
        hits = partners >= 0
        false[partners[hits]] = False
    return hits, false
