"""Events, and how they are found in the scores of successive windows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Event", "EventFinder", "Smoothing", "as_events", "paired"]


# Share of the threshold that begins and ends an event.
_HYSTERESIS = 0.5


class Event(NamedTuple):
    """A sound in a recording.

    ``pandas.DataFrame(events)`` is a table of events, with these names as columns.

    Attributes
    ----------
    start, end : float
        Where it begins and ends, in seconds from the start of the recording.
    label : str, int, float or bool
        Its class.
    score : float, default=1.0
        The highest score of its windows. The events that a person has marked have 1.
    """

    start: float
    end: float
    label: Any
    score: float = 1.0


def as_events(rows: Any) -> list[Event]:
    """Convert tuples, or the rows of a data frame, to events.

    Parameters
    ----------
    rows : iterable of tuple, or DataFrame
        Start, end, label and perhaps score of each event.

    Returns
    -------
    list of Event
        The events.
    """
    if hasattr(rows, "itertuples"):  # pandas
        rows = rows[[name for name in Event._fields if name in rows]]
        rows = rows.itertuples(index=False, name=None)
    events = []
    for row in rows:
        try:
            event = Event(*row)
            is_event = bool(event.start <= event.end)
        except TypeError as error:
            raise TypeError(
                "An event is a tuple of start, end and label, with times in seconds; each "
                f"recording has a list of them. Got {row!r} instead."
            ) from error
        if not is_event:
            raise ValueError(f"An event must begin before it ends, in seconds. Got {event}.")
        events.append(event)
    return events


def paired(recordings: Iterable[Any], events: Iterable[Any]) -> tuple[list[Any], list[list[Event]]]:
    """Check that there is a list of events for each recording.

    Parameters
    ----------
    recordings : iterable of recordings
        The recordings.
    events : iterable of iterable of tuple
        What is in each.

    Returns
    -------
    recordings : list
        The same.
    events : list of list of Event
        The same.
    """
    recordings, lists = list(recordings), [as_events(rows) for rows in events]
    if len(recordings) != len(lists):
        raise ValueError(
            f"There are {len(recordings)} recordings, but lists of events for {len(lists)}. Pass "
            "one list for each recording; an empty one if nothing is in it."
        )
    if not recordings:
        raise ValueError("There are no recordings; at least one is needed.")
    return recordings, lists


class Smoothing:
    """A moving average of scores that arrive in parts.

    Each row becomes the mean of itself and its neighbours, fewer at both ends. The result does not
    depend on the parts.

    Parameters
    ----------
    n_windows : int
        Rows that are averaged, odd.
    """

    def __init__(self, n_windows):
        self._reach = n_windows // 2
        self._held: np.ndarray | None = None

    def update(self, scores: np.ndarray) -> np.ndarray:
        """Add rows, and return those whose neighbours are known.

        Parameters
        ----------
        scores : ndarray of shape (n_windows, n_labels)
            The next scores.

        Returns
        -------
        ndarray of shape (n_smoothed, n_labels)
            The next smoothed ones.
        """
        if self._held is None:  # NaN stands for what is before the start
            self._held = np.full((self._reach, scores.shape[1]), np.nan)
        known = np.concatenate([self._held, scores])
        width = 2 * self._reach + 1
        if len(known) < width:
            self._held = known
            return np.empty((0, scores.shape[1]))
        self._held = known[len(known) - width + 1 :]
        return np.nanmean(np.lib.stride_tricks.sliding_window_view(known, width, axis=0), axis=-1)

    def finish(self) -> np.ndarray:
        """Return the last rows.

        Returns
        -------
        ndarray of shape (n_smoothed, n_labels)
            Those that `update` could not return.
        """
        if self._held is None or not self._reach:
            return np.empty((0, 0 if self._held is None else self._held.shape[1]))
        return self.update(np.full((self._reach, self._held.shape[1]), np.nan))


class EventFinder:
    """Find the events of one label in scores that arrive in parts.

    An event is a run of windows that reach half of the threshold, of which one reaches the whole
    (hysteresis). So it does not become shorter or fall into parts when the threshold is high. A
    window stands for the time of one hop around its middle, the first and the last one also for
    what is before and after.

    Parameters
    ----------
    label : object
        The label.
    threshold : float
        The lowest score of an event.
    hop, duration : float
        Time between two windows and length of a window, in seconds.
    min_gap : float
        Events with a shorter gap are joined, in seconds.
    min_duration : float
        Events of fewer windows than begin in this time are dropped, in seconds.
    """

    def __init__(self, label, threshold, *, hop, duration, min_gap=0.0, min_duration=0.0):
        self.label = label
        self.threshold = threshold
        self.hop = hop
        self.duration = duration
        # In windows; rounded, so that a gap of 0.3 s is three hops of 0.1 s.
        self._min_gap = round(min_gap / hop, 6)
        self._min_windows = round(min_duration / hop, 6)
        self._n_seen = 0
        self._open: tuple[int, int, float] | None = None  # first window, stop, highest score

    def update(self, scores: np.ndarray) -> list[Event]:
        """Add scores, and return the events that have ended.

        Parameters
        ----------
        scores : ndarray of shape (n_windows,)
            The next scores.

        Returns
        -------
        list of Event
            Events, in the order of time.
        """
        is_above = np.concatenate([[False], scores >= _HYSTERESIS * self.threshold, [False]])
        edges = np.flatnonzero(is_above[1:] != is_above[:-1])
        found = []
        for start, stop in edges.reshape(-1, 2).tolist():
            peak = float(scores[start:stop].max())
            found += self._close_before(self._n_seen + start)
            if self._open is None:
                self._open = self._n_seen + start, self._n_seen + stop, peak
            else:
                self._open = self._open[0], self._n_seen + stop, max(self._open[2], peak)
        self._n_seen += len(scores)
        return found + self._close_before(self._n_seen)

    def finish(self, length: float) -> list[Event]:
        """Return the last event, if one is open.

        Parameters
        ----------
        length : float
            Length of the recording in seconds.

        Returns
        -------
        list of Event
            No event or one.
        """
        if self._open is None:
            return []
        event = self._event(*self._open)
        if self._open[1] == self._n_seen:
            event = event._replace(end=length)
        is_event = self._is_event(*self._open)
        self._open = None
        return [event._replace(end=min(event.end, length))] if is_event else []

    def _close_before(self, window: int) -> list[Event]:
        """End the open event, unless a run from this window would be joined to it."""
        if self._open is None or window - self._open[1] < max(self._min_gap, 1):
            return []
        run, self._open = self._open, None
        return [self._event(*run)] if self._is_event(*run) else []

    def _is_event(self, first: int, stop: int, peak: float) -> bool:
        return peak >= self.threshold and stop - first >= self._min_windows

    def _event(self, first: int, stop: int, peak: float) -> Event:
        margin = (self.duration - self.hop) / 2
        start = first * self.hop + margin if first else 0.0
        return Event(round(start, 6), round(stop * self.hop + margin, 6), self.label, peak)
