"""Read waveforms from recordings.

A recording is anything that :func:`load` takes: a path, encoded bytes, an open
binary file, an array of samples, a pair ``(samples, sample_rate)``, or an object that
renders itself (:class:`RenderableRecording`), such as a :class:`Segment`. The result is
always mono ``float32`` samples at the requested rate. Plain WAV files are read
with NumPy, everything else by FFmpeg, through PyAV; soxr resamples. Only the part of a
long recording that a clip needs is read.
"""

from skaudio.audio._fingerprint import fingerprint
from skaudio.audio._inspection import Inspection, find_unreadable, inspect
from skaudio.audio._loading import (
    durations,
    fit_length,
    is_audio,
    load,
    load_batch,
)
from skaudio.audio._segment import RenderableRecording, Segment
from skaudio.audio._streaming import blocks, resample_blocks

__all__ = [
    "Inspection",
    "RenderableRecording",
    "Segment",
    "blocks",
    "durations",
    "find_unreadable",
    "fingerprint",
    "fit_length",
    "inspect",
    "is_audio",
    "load",
    "load_batch",
    "resample_blocks",
]
