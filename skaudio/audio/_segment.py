"""Recordings that render their own samples, and segments of recordings."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol, runtime_checkable

import numpy as np

from skaudio.audio._failures import describe
from skaudio.audio._fingerprint import fingerprint
from skaudio.audio._loading import durations, load
from skaudio.exceptions import AudioError

# Labels are set manually and rounded when they are saved.
_SLACK_SECONDS = 0.1


@runtime_checkable
class RenderableRecording(Protocol):
    """A recording that renders its own samples, such as an augmented one.

    Any object with these three methods can be used as a recording. If one of its sources
    cannot be used, they raise :class:`~skaudio.exceptions.AudioError`.
    """

    def render(self, *, sample_rate: int, duration: float | None) -> np.ndarray:
        """Render the samples.

        Parameters
        ----------
        sample_rate : int
            The rate to render at, in Hz.
        duration : float or None
            Only the first `duration` seconds are needed; None renders everything.

        Returns
        -------
        ndarray of shape (n_samples,)
            Mono samples, ``float32``. Surplus samples are cut.
        """

    def duration(self, *, sample_rate: int) -> float:
        """Return the length that a clip needs, without rendering if possible.

        Parameters
        ----------
        sample_rate : int
            The rate that it would be rendered at, in Hz.

        Returns
        -------
        float
            Seconds, usually of everything that is rendered. Transformers learn the length
            of their clips from it.
        """

    def fingerprint(self) -> bytes:
        """Identify the content.

        Returns
        -------
        bytes
            Equal for equal samples, different for others.
        """


@dataclass(frozen=True, slots=True)
class Segment(RenderableRecording):
    """A part of a recording, which can be used like any recording.

    Only the segment is read, and only as much of it as a clip needs, in formats with exact
    sample positions: WAV, W64, AIFF, AU, CAF, FLAC, MP3, M4A, MP4, Ogg Opus, Matroska and
    WebM. Decoding begins a second earlier, so that decoders settle. All other formats (Ogg
    Vorbis, raw AAC, WMA, ...) are decoded from the start, which takes 1.3 s per hour of raw AAC.

    Attributes
    ----------
    source : recording
        The recording, as :func:`load` takes it.
    start : float, default=0.0
        Where the segment begins, in seconds.
    stop : float, default=None
        Where it ends, in seconds; None means the end of the recording.

    Raises
    ------
    ValueError
        If `stop` is not greater than `start`.

    See Also
    --------
    skaudio.datasets.load_audio_table : Segments from tables of labels.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import MFCCTransformer
    >>> from skaudio.audio import Segment, load
    >>> recording = np.ones(10 * 16000)
    >>> load(Segment(recording, 2.5, 4.0)).shape
    (24000,)
    >>> segments = [Segment(recording, start, start + 1) for start in range(10)]
    >>> MFCCTransformer().fit_transform(segments).shape
    (10, 101, 40)
    """

    source: Any
    start: float = 0.0
    stop: float | None = None

    def __post_init__(self) -> None:
        stop = math.inf if self.stop is None else self.stop
        if not (0 <= self.start < math.inf and self.start < stop):
            raise ValueError(
                f"A segment of {describe(self.source)} must have 0 <= start < stop, in seconds. "
                f"Got start={self.start!r} and stop={self.stop!r} instead."
            )

    def render(self, *, sample_rate: int, duration: float | None = None) -> np.ndarray:
        length = math.inf if self.stop is None else self.stop - self.start
        wanted = min(length, math.inf if duration is None else duration)
        samples = load(
            self.source,
            sample_rate=sample_rate,
            offset=self.start,
            duration=None if wanted == math.inf else wanted,
        )
        end = self.start + len(samples) / sample_rate
        if wanted == length < math.inf and end < self.start + length - _SLACK_SECONDS:
            reason = f"it ends after {end:g} s, before the segment does ({self.stop:g} s)"
            raise AudioError([(describe(self.source), reason)])
        return samples

    def duration(self, *, sample_rate: int) -> float:
        if self.stop is not None:
            return self.stop - self.start
        return max(0.0, float(durations([self.source], sample_rate=sample_rate)[0]) - self.start)

    def fingerprint(self) -> bytes:
        ends = struct.pack("<dd", self.start, math.inf if self.stop is None else self.stop)
        digest = blake2b(ends, digest_size=16, person=b"segment")
        digest.update(fingerprint(self.source))
        return digest.digest()
