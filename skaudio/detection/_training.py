"""Clips to train on, from long recordings with marked events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skaudio import audio
from skaudio.audio import Segment
from skaudio.detection._events import Event

__all__ = ["cut_windows"]

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
    random_state : int or None, default=None
        Seed of the places.

    Returns
    -------
    data : list of Segment
        The windows, for example for a pipeline's `fit`.
    target : ndarray of shape (n_windows,)
        Their labels.

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
    for recording, rows in zip(recordings, events, strict=True):
        marked = [Event(*row) for row in rows]
        length = float(audio.durations([recording], sample_rate=16000)[0])
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
    starts = np.array([event.start for event in events])
    ends = np.array([event.end for event in events])
    found: list[float] = []
    for start in rng.uniform(0, last, _MOST_DRAWS * n_wanted):
        if len(found) == n_wanted:
            break
        inside = np.minimum(ends, start + duration) - np.maximum(starts, start)
        if (inside <= _FOREIGN * (ends - starts)).all():
            found.append(float(start))
    return found
