"""One recording of any kind: its waveform and its duration."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from skaudio.audio import _libsndfile, _wav
from skaudio.audio._bytes import Reader, reader_of
from skaudio.audio._failures import Unusable
from skaudio.audio._rates import check_rate, n_frames_needed, resample
from skaudio.audio._samples import as_waveform, check_finite, split_pair
from skaudio.exceptions import AudioError

# No more than this is read before the header has told how much is needed.
_MAX_FIRST_READ = 2**16


@runtime_checkable
class RenderableRecording(Protocol):
    """A recording that makes its own samples, such as an augmented one.

    Anything with these three methods may stand wherever a recording may. When a source that
    it is made of cannot be used, they raise :class:`~skaudio.exceptions.AudioError`.
    """

    def render(self, *, sample_rate: int, duration: float | None) -> np.ndarray:
        """Make the samples.

        Parameters
        ----------
        sample_rate : int
            The rate to render at, in Hz.
        duration : float or None
            No more than the first `duration` seconds are wanted; None wants everything.

        Returns
        -------
        ndarray of shape (n_samples,)
            Mono samples, ``float32``. More than were asked for are cut.
        """

    def duration(self, *, sample_rate: int) -> float:
        """Tell how long a clip should be to hold it, without rendering if possible.

        Parameters
        ----------
        sample_rate : int
            The rate that it would be rendered at, in Hz.

        Returns
        -------
        float
            Seconds: usually of everything that is rendered. A transformer learns the length
            of its clips from it.
        """

    def fingerprint(self) -> bytes:
        """Identify the content.

        Returns
        -------
        bytes
            The same for the same samples, different for others.
        """


def read(
    source: Any,
    *,
    sample_rate: int,
    n_samples: int | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Read the start of a recording, or all of it.

    Parameters
    ----------
    source : recording
        As :func:`skaudio.audio.load` takes it.
    sample_rate : int
        The rate to resample to, in Hz.
    n_samples : int, default=None
        Longest outcome; None reads everything.
    out : ndarray of shape (n_samples,), default=None
        Where to put the samples.

    Returns
    -------
    ndarray of shape (n,)
        Mono samples, ``float32``: the part of `out` that was filled, or a new array.
    """
    reader = reader_of(source)
    if reader is not None:
        try:
            return _read_encoded(reader, sample_rate, n_samples, out)
        finally:
            reader.close()
    if hasattr(source, "render"):
        samples = _render(source, sample_rate, n_samples)
    else:
        samples = _read_array(source, sample_rate, n_samples)
    return _place(samples, n_samples, out)


def seconds(source: Any, *, sample_rate: int) -> float:
    """Measure a recording, if possible without decoding it.

    Parameters
    ----------
    source : recording
        As :func:`skaudio.audio.load` takes it.
    sample_rate : int
        The rate that it will be resampled to, in Hz; also that of a bare array.

    Returns
    -------
    float
        Its duration, in seconds.
    """
    reader = reader_of(source)
    if reader is not None:
        try:
            n_samples, rate = _measure(reader)
        finally:
            reader.close()
    elif hasattr(source, "render"):
        try:
            return float(source.duration(sample_rate=sample_rate))
        except AudioError as error:
            raise Unusable.because_of(error) from error
    else:
        values, pair_rate = split_pair(source)
        samples = as_waveform(values)
        check_finite(samples)
        n_samples, rate = len(samples), pair_rate or float(sample_rate)
    if n_samples == 0:
        raise Unusable("it holds no samples")
    check_rate(rate, sample_rate)
    return n_samples / rate


def _read_encoded(
    reader: Reader, sample_rate: int, n_samples: int | None, out: np.ndarray | None
) -> np.ndarray:
    first_read = _MAX_FIRST_READ
    if n_samples is not None:  # what a mono file of 16 bits at the same rate needs
        first_read = min(first_read, _wav.HEADER_BYTES + 2 * n_samples)
    head = reader.head(first_read)
    layout = _wav.read_layout(reader, head, whole=len(head) < first_read)
    if layout is not None:
        rate: float = layout.rate
        n_frames = layout.n_frames
        if n_samples is not None:
            n_frames = min(n_frames, n_frames_needed(n_samples, sample_rate, rate))
        check_rate(rate, sample_rate)
        target = out if rate == sample_rate else None
        samples = np.empty(n_frames, np.float32) if target is None else target[:n_frames]
        if _wav.read_samples(reader, head, layout, samples):
            if layout.is_float:
                check_finite(samples)
            if target is not None:
                return samples
            return _place(resample(samples, rate, sample_rate), n_samples, out)
    samples, rate = _libsndfile.read_samples(reader, sample_rate, n_samples)
    return _place(_finish(samples, rate, sample_rate), n_samples, out)


def _read_array(source: Any, sample_rate: int, n_samples: int | None) -> np.ndarray:
    values, rate = split_pair(source)
    if rate is None:
        return _finish(as_waveform(values, n_samples), sample_rate, sample_rate)
    check_rate(rate, sample_rate)
    n_frames = None if n_samples is None else n_frames_needed(n_samples, sample_rate, rate)
    return _finish(as_waveform(values, n_frames), rate, sample_rate)


def _render(source: RenderableRecording, sample_rate: int, n_samples: int | None) -> np.ndarray:
    duration = None if n_samples is None else n_samples / sample_rate
    try:
        rendered = source.render(sample_rate=sample_rate, duration=duration)
    except AudioError as error:
        raise Unusable.because_of(error) from error
    return _finish(as_waveform(rendered, n_samples), sample_rate, sample_rate)


def _finish(samples: np.ndarray, rate: float, sample_rate: int) -> np.ndarray:
    if len(samples) == 0:
        raise Unusable("it holds no samples")
    check_finite(samples)
    return resample(samples, rate, sample_rate)


def _place(samples: np.ndarray, n_samples: int | None, out: np.ndarray | None) -> np.ndarray:
    samples = samples[:n_samples]
    if out is None:
        return samples
    out[: len(samples)] = samples
    return out[: len(samples)]


def _measure(reader: Reader) -> tuple[int, float]:
    head = reader.head(_wav.HEADER_BYTES)
    layout = _wav.read_layout(reader, head, whole=len(head) < _wav.HEADER_BYTES)
    if layout is not None:
        return layout.n_frames, float(layout.rate)
    return _libsndfile.count_samples(reader)
