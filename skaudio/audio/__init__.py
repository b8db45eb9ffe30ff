"""Recordings in, waveforms out.

One recording is any of the things that :func:`load` takes: a path, encoded bytes, an open
binary file, an array of samples, a pair ``(samples, sample_rate)``, or an object that
renders itself (:class:`RenderableRecording`). Whatever it was, it comes out as mono
``float32`` samples at the rate that was asked for. Plain PCM WAV files are read with
NumPy, everything else by libsndfile, with the same samples; soxr resamples. Of a long
recording no more is read than the clip needs.
"""

from skaudio.audio._fingerprint import fingerprint, fingerprints
from skaudio.audio._loading import durations, find_unreadable, load, load_batch
from skaudio.audio._recording import RenderableRecording
from skaudio.audio._samples import fit_length

__all__ = [
    "RenderableRecording",
    "durations",
    "find_unreadable",
    "fingerprint",
    "fingerprints",
    "fit_length",
    "load",
    "load_batch",
]
