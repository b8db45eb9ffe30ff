"""Recordings in, waveforms out.

One recording is any of the things that `load` takes: a path, encoded bytes, an open
binary file, an array of samples, or a pair ``(samples, sample_rate)``. Whatever it was,
it comes out as mono ``float32`` samples at the rate that was asked for; libsndfile
decodes, soxr resamples.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import soundfile
import soxr

from skaudio.exceptions import AudioError

__all__ = ["durations", "find_unreadable", "fit_length", "load", "load_batch"]

# Integer samples and the value that stands for full scale, as in PCM files.
_FULL_SCALE = {
    np.dtype(np.uint8): 2.0**7,
    np.dtype(np.int16): 2.0**15,
    np.dtype(np.int32): 2.0**31,
}


_CUT_DATA = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_SIZE = 0x7FFF0000


def load(source: Any, *, sample_rate: int = 16000, duration: float | None = None) -> np.ndarray:
    """Decode one recording, mix it down to mono and resample it.

    Parameters
    ----------
    source : str, PathLike, bytes, file object, array-like or (array-like, float)
        A file that libsndfile reads (WAV, FLAC, OGG, MP3, ...) by its path, as bytes or
        as an open binary file; or samples of shape ``(n_samples,)``, taken to be at
        `sample_rate`; or a pair of samples and their rate in Hz. ``uint8``, ``int16``
        and ``int32`` samples are PCM and are scaled to [-1, 1); other types are taken as
        they are.
    sample_rate : int, default=16000
        The rate to resample to, in Hz.
    duration : float, default=None
        Read no more than this many seconds; None reads everything.

    Returns
    -------
    ndarray of shape (n_samples,)
        Mono samples, ``float32``.

    Raises
    ------
    AudioError
        When the recording cannot be used; the message names it and the reason.

    See Also
    --------
    librosa.load : The same for one path, at 22,050 Hz unless told otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import load
    >>> one_second = np.zeros(8000, dtype=np.int16)
    >>> load((one_second, 8000), sample_rate=16000).shape
    (16000,)
    """
    samples = _named(_describe(source), lambda: _load(source, sample_rate, duration))
    return samples if duration is None else samples[: int(np.ceil(duration * sample_rate))]


def load_batch(
    sources: Sequence[Any],
    *,
    sample_rate: int,
    n_samples: int,
    first_index: int = 0,
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Decode several recordings to one array of clips of equal length.

    Parameters
    ----------
    sources : sequence
        Recordings as :func:`load` takes them.
    sample_rate : int
        The rate to resample to, in Hz.
    n_samples : int
        Length of every clip: longer ones are cut, shorter ones are followed by zeros.
    first_index : int, default=0
        Place of the first recording in the user's ``X``, to name arrays by.

    Returns
    -------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips, ``float32``.
    failures : list of (str, str)
        Name and reason of each recording that could not be used. Its row is zero and
        must not be used: raise :class:`~skaudio.exceptions.AudioError`.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import load_batch
    >>> clips, failures = load_batch([np.ones(3)], sample_rate=16000, n_samples=5)
    >>> clips.tolist(), failures
    ([[1.0, 1.0, 1.0, 0.0, 0.0]], [])
    """
    waveforms = np.zeros((len(sources), n_samples), dtype=np.float32)
    failures: list[tuple[str, str]] = []
    for row, source in enumerate(sources):
        try:
            clip = _load(source, sample_rate, n_samples / sample_rate)
            waveforms[row] = fit_length(clip, n_samples)
        except _Unusable as error:
            failures.append((_describe(source, first_index + row), str(error)))
    return waveforms, failures


def durations(sources: Iterable[Any], *, sample_rate: int) -> np.ndarray:
    """Measure recordings without decoding them.

    Parameters
    ----------
    sources : iterable
        Recordings as :func:`load` takes them.
    sample_rate : int
        The rate of bare arrays, in Hz.

    Returns
    -------
    ndarray of shape (n_clips,)
        Durations in seconds.

    Raises
    ------
    AudioError
        Names every recording that cannot be opened.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import durations
    >>> durations([np.zeros(4000), (np.zeros(4000), 8000)], sample_rate=16000).tolist()
    [0.25, 0.5]
    """
    seconds, failures = [], []
    for index, source in enumerate(sources):
        try:
            seconds.append(_duration(source, sample_rate))
        except _Unusable as error:
            failures.append((_describe(source, index), str(error)))
    if failures:
        raise AudioError(failures)
    return np.array(seconds)


def find_unreadable(sources: Iterable[Any]) -> list[tuple[int, str]]:
    """Find the recordings that would stop a fit.

    Every recording is decoded to its end, since a file may open, report a duration and
    fail in the middle.

    Parameters
    ----------
    sources : iterable
        Recordings as :func:`load` takes them.

    Returns
    -------
    list of (int, str)
        Place in `sources` and reason, in order.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import find_unreadable
    >>> find_unreadable([np.ones(16), np.array([0.0, np.nan])])
    [(1, '1 of its 2 samples is NaN or infinite')]
    """
    unreadable = []
    for index, source in enumerate(sources):
        try:
            _samples(source, None)
        except _Unusable as error:
            unreadable.append((index, str(error)))
    return unreadable


def fit_length(samples: np.ndarray, n_samples: int) -> np.ndarray:
    """Cut the end of a clip, or follow it with zeros.

    Parameters
    ----------
    samples : ndarray of shape (n,)
        The clip.
    n_samples : int
        Length wanted.

    Returns
    -------
    ndarray of shape (n_samples,)
        The clip at that length.

    See Also
    --------
    librosa.util.fix_length : The same along any axis.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import fit_length
    >>> fit_length(np.ones(2), 3).tolist()
    [1.0, 1.0, 0.0]
    """
    if len(samples) >= n_samples:
        return samples[:n_samples]
    return np.pad(samples, (0, n_samples - len(samples)))


class _Unusable(Exception):
    """Why one recording cannot be used; its caller knows the name."""


def _named(name: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except _Unusable as error:
        raise AudioError([(name, str(error))]) from error


def _describe(source: Any, index: int | None = None) -> str:
    """Name a recording in a message: its path if it has one, else its place in X."""
    if isinstance(source, str | os.PathLike):
        return str(os.fspath(source))
    place = "the recording" if index is None else f"X[{index}]"
    name = getattr(source, "name", None)
    if isinstance(name, str):
        return f"{place} (open file {name!r})"
    return f"{place} ({type(source).__name__})"


def _load(source: Any, sample_rate: int, duration: float | None) -> np.ndarray:
    samples, rate = _samples(source, duration)
    if rate is None or rate == sample_rate:
        return samples
    # soxr may round the length down; librosa rounds it up and so do we.
    n_samples = int(np.ceil(len(samples) * sample_rate / rate))
    return fit_length(soxr.resample(samples, rate, sample_rate, quality="HQ"), n_samples)


def _samples(source: Any, duration: float | None) -> tuple[np.ndarray, float | None]:
    """Mono samples and their rate, which is None for a bare array."""
    if _is_encoded(source):
        decoded: tuple[np.ndarray, float | None] = _decode(source, duration)
        samples, rate = decoded
    else:
        values, rate = _pair(source)
        samples = _as_waveform(values)
        if duration is not None and rate is not None:
            samples = samples[: _n_read(duration, rate)]
    if len(samples) == 0:
        raise _Unusable("it holds no samples")
    finite = np.isfinite(samples)
    if not finite.all():
        bad = len(samples) - int(finite.sum())
        verb = "is" if bad == 1 else "are"
        raise _Unusable(f"{bad} of its {len(samples)} samples {verb} NaN or infinite")
    return samples, rate


def _n_read(duration: float, rate: float) -> int:
    # A few samples more than the duration: the resampling filter looks ahead, and the
    # clip's last samples must not depend on where reading stopped.
    return int(np.ceil((duration + 0.1) * rate))


def _is_encoded(source: Any) -> bool:
    return isinstance(source, str | os.PathLike | bytes | bytearray) or hasattr(source, "read")


def _pair(source: Any) -> tuple[Any, float | None]:
    if not (isinstance(source, tuple) and len(source) == 2 and np.ndim(source[1]) == 0):
        return source, None
    if np.ndim(source[0]) == 0:  # two scalars: a clip of two samples
        return source, None
    values, rate = source
    if not isinstance(rate, int | float | np.integer | np.floating) or not rate > 0:
        raise _Unusable(f"its sampling rate is {rate!r}; expected a positive number of Hz")
    return values, float(rate)


def _as_waveform(values: Any) -> np.ndarray:
    try:
        samples = np.asarray(values)
        if samples.ndim == 0:
            raise TypeError("a single value is no recording")
        if samples.dtype.kind == "c":
            raise _Unusable("Complex data not supported: samples must be real numbers")
        scale = _FULL_SCALE.get(samples.dtype, 1.0)
        offset = 128 if samples.dtype == np.uint8 else 0
        samples = (samples.astype(np.float32) - offset) / np.float32(scale)
    except (TypeError, ValueError) as error:
        raise _Unusable(
            f"expected a path, bytes, an open binary file, a 1-D array of samples or a pair "
            f"(samples, sample_rate); got {type(values).__name__} ({error})"
        ) from error
    if samples.ndim != 1:
        raise _Unusable(
            f"expected samples of shape (n_samples,), got shape {samples.shape}; "
            "mix channels down first, e.g. samples.mean(axis=channel_axis)"
        )
    return samples


def _open(source: Any) -> soundfile.SoundFile:
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if not os.path.exists(path):
            raise _Unusable(f"there is no such file (looked from {os.getcwd()!r})")
        if os.path.isdir(path):
            raise _Unusable("it is a directory; expected an audio file")
        if os.path.getsize(path) == 0:
            raise _Unusable("the file is empty (0 bytes)")
        file: Any = path
    else:
        encoded = source if isinstance(source, bytes | bytearray) else _read_all(source)
        if len(encoded) == 0:
            raise _Unusable("it is empty (0 bytes)")
        file = io.BytesIO(encoded)
    try:
        opened = soundfile.SoundFile(file)
    except (soundfile.LibsndfileError, TypeError, OSError) as error:
        raise _Unusable(
            f"it is not audio that libsndfile reads, such as WAV, FLAC, OGG or MP3 "
            f"({_libsndfile_reason(error)})"
        ) from error
    _check_whole(opened)
    return opened


def _check_whole(file: soundfile.SoundFile) -> None:
    """Find a WAV file that was cut: libsndfile reads what is left and says so in its log."""
    sizes = _CUT_DATA.search(file.extra_info) if file.format in ("WAV", "WAVEX") else None
    if sizes is None:
        return
    promised, present = int(sizes[1]), int(sizes[2])
    # A program that writes into a pipe cannot know the size and leaves a huge one.
    if present < promised < _UNKNOWN_SIZE:
        file.close()
        raise _Unusable(
            f"its header promises {promised} bytes of samples and {present} are there; "
            "the file is cut or damaged"
        )


def _read_all(file: Any) -> bytes:
    """Read an open file from its start and leave it where it was."""
    if not (hasattr(file, "seekable") and file.seekable()):
        raise _Unusable(
            "the open file cannot seek, and a recording is read more than once; "
            "pass its bytes, file.read(), instead"
        )
    before = file.tell()
    file.seek(0)
    encoded = file.read()
    file.seek(before)
    if not isinstance(encoded, bytes):
        raise _Unusable("the file is open in text mode; open it with mode 'rb'")
    return encoded


def _decode(source: Any, duration: float | None) -> tuple[np.ndarray, float]:
    with _open(source) as file:
        wanted = file.frames
        if duration is not None:
            wanted = min(wanted, _n_read(duration, file.samplerate))
        try:
            frames = file.read(wanted, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _Unusable(
                f"decoding failed after it opened as {file.format} of {file.frames} samples; "
                f"the file is cut or damaged ({_libsndfile_reason(error)})"
            ) from error
        if len(frames) < wanted:
            raise _Unusable(
                f"it promises {file.frames} samples and decoding ends after {len(frames)}; "
                "the file is cut or damaged"
            )
        mono = frames[:, 0] if file.channels == 1 else frames.mean(axis=1)
        return np.ascontiguousarray(mono), file.samplerate


def _duration(source: Any, sample_rate: int) -> float:
    if _is_encoded(source):
        with _open(source) as file:
            n_samples, rate = file.frames, float(file.samplerate)
    else:
        samples, pair_rate = _samples(source, None)
        n_samples, rate = len(samples), pair_rate or float(sample_rate)
    if n_samples == 0:
        raise _Unusable("it holds no samples")
    return n_samples / rate


def _libsndfile_reason(error: Exception) -> str:
    reason = str(getattr(error, "error_string", error))
    return reason.strip().rstrip(".")
