"""Recordings in, waveforms out.

One recording is any of the things that :func:`load` takes: a path, encoded bytes, an open
binary file, an array of samples, a pair ``(samples, sample_rate)``, or an object that
renders itself (:class:`RenderableRecording`), such as a :class:`Segment`. Whatever it was, it
comes out as mono ``float32`` samples at the rate that was asked for. Plain WAV files are read
with NumPy, everything else by FFmpeg, through PyAV; soxr resamples. Of a long recording no
more is read than the clip needs.
"""

from skaudio.audio._fingerprint import fingerprint
from skaudio.audio._loading import (
    durations,
    find_unreadable,
    fit_length,
    is_audio,
    load,
    load_batch,
)
from skaudio.audio._segment import RenderableRecording, Segment

__all__ = [
    "RenderableRecording",
    "Segment",
    "durations",
    "find_unreadable",
    "fingerprint",
    "fit_length",
    "is_audio",
    "load",
    "load_batch",
]
