"""Clips to train on, from long recordings with marked events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skaudio import audio
from skaudio.audio import Segment
from skaudio.detection._events import Event, paired

__all__ = ["check_inside", "cut_windows", "is_between"]

# Windows between events have at most this share of any event.
_FOREIGN = 0.3

# Draws for each window between events, before a recording counts as full of events.
_MOST_DRAWS = 100


def cut_windows(
    recordings: Sequence[Any],
    events: Sequence[Sequence[Any]],
    *,
    duration: float,
    jitter: float = 0.2,
    others: float = 1.0,
    label: Any = "unknown",
    sample_rate: int = 16000,
    random_state: int | None = None,
) -> tuple[list[Segment], np.ndarray]:
    """Cut windows from long recordings, as a detector sees them.

    A classifier of clips has seen each sound alone and in its place. The windows of a
    :class:`SoundDetector` contain it at any place, with parts of what is before and after, and
    mostly no sound at all. Train on such windows as well, so that it knows them.

    Parameters
    ----------
    recordings : sequence of recordings
        Long recordings, but for open files.
    events : sequence of sequence of Event
        What is in each of them: all events. Tuples of start, end and label are sufficient.
    duration : float
        Length of a window in seconds: that of a clip of the classifier.
    jitter : float, default=0.2
        The middle of an event is at most this far from the middle of its window, as a share of
        `duration`.
    others : float, default=1.0
        Windows between events for each window of an event. They contain at most 30 % of any event.
    label : object, default="unknown"
        Label of the windows between events.
    sample_rate : int, default=16000
        Rate of recordings that are arrays of samples, in Hz: that of the classifier's clips.
    random_state : int or None, default=None
        Seed of the places.

    Returns
    -------
    data : list of Segment
        The windows, for example for a pipeline's `fit`.
    target : ndarray of shape (n_windows,)
        Their labels.

    Raises
    ------
    ValueError
        If an event lies beyond the end of its recording.

    See Also
    --------
    SoundDetector.mine : The windows that a trained classifier takes for sounds.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.detection import cut_windows
    >>> hour = np.zeros(3600 * 16000, np.float32)
    >>> events = [(10.0, 10.5, "owl"), (20.0, 20.7, "fox")]
    >>> data, target = cut_windows([hour], [events], duration=1.0, random_state=0)
    >>> target.tolist()
    ['owl', 'fox', 'unknown', 'unknown']
    """
    rng = np.random.default_rng(random_state)
    data: list[Segment] = []
    target: list[Any] = []
    recordings, lists = paired(recordings, events)
    lengths = audio.durations(recordings, sample_rate=sample_rate).tolist()
    check_inside(lists, lengths)
    kinds = {isinstance(each, str) for each in (label, *(e.label for row in lists for e in row))}
    if len(kinds) > 1:
        raise ValueError(
            f"The labels must be all text or all numbers, those of the events and label={label!r}: "
            "an array would turn numbers into text. Convert them, or pass another label."
        )
    for recording, marked, length in zip(recordings, lists, lengths, strict=True):
        last = max(0.0, length - duration)
        middles = np.array([(event.start + event.end) / 2 for event in marked])
        shifts = rng.uniform(-jitter, jitter, len(marked)) * duration
        starts = np.clip(middles + shifts - duration / 2, 0, last)
        target += [event.label for event in marked]
        between = _between(marked, round(others * len(marked)), last, duration, rng)
        target += [label] * len(between)
        spans = [(start, min(start + duration, length)) for start in [*starts, *between]]
        data += [Segment(recording, *span) for span in spans]
    return data, np.array(target)


def _between(
    events: list[Event], n_wanted: int, last: float, duration: float, rng: np.random.Generator
) -> list[float]:
    """Draw windows that contain nearly nothing of any event."""
    found: list[float] = []
    for start in rng.uniform(0, last, _MOST_DRAWS * n_wanted):
        if len(found) == n_wanted:
            break
        if is_between(start, start + duration, events):
            found.append(float(start))
    return found


def check_inside(events: Sequence[Sequence[Event]], durations: Sequence[float]) -> None:
    """Raise an error if an event lies beyond the end of its recording.

    Parameters
    ----------
    events : sequence of sequence of Event
        What is in each recording.
    durations : sequence of float
        The length of each, in seconds.
    """
    for index, (row, duration) in enumerate(zip(events, durations, strict=True)):
        for event in row:
            if (event.start + event.end) / 2 > duration:
                raise ValueError(
                    f"{event} lies beyond the end of recordings[{index}], which has "
                    f"{duration:.6g} s. Are these its events?"
                )


def is_between(start: float, stop: float, events: Sequence[Event]) -> bool:
    """Return whether a window is between events, with at most 30 % of any.

    Parameters
    ----------
    start, stop : float
        The window, in seconds.
    events : sequence of Event
        All events.

    Returns
    -------
    bool
        Whether it contains nearly nothing of them.
    """
    # A point has no length: it must lie outside.
    return all(
        min(event.end, stop) - max(event.start, start) < _FOREIGN * (event.end - event.start)
        for event in events
    )
