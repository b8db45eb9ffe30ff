"""Load the waveforms of one or several recordings, or measure their lengths."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from skaudio.audio import _ffmpeg
from skaudio.audio._bytes import PathReader
from skaudio.audio._failures import Unusable, describe
from skaudio.audio._rates import n_samples_in
from skaudio.audio._recording import measure, read
from skaudio.audio._sources import in_order
from skaudio.exceptions import AudioError

# Opening a hundred thousand files to determine their types would take a minute.
_EXTENSIONS = (
    ".3gp .aac .ac3 .aif .aifc .aiff .amr .ape .asf .au .avi .caf .flac .flv .m4a .m4b .m4v .mka "
    ".mkv .mov .mp2 .mp3 .mp4 .oga .ogg .ogv .opus .rf64 .snd .sph .spx .tta .voc .w64 .wav "
    ".wave .webm .wma .wmv .wv "
)


def load(
    source: Any,
    *,
    sample_rate: int = 16000,
    offset: float = 0.0,
    duration: float | None = None,
) -> np.ndarray:
    """Decode one recording, mix it down to mono and resample it.

    Parameters
    ----------
    source : recording
        One of:

        - a file that FFmpeg reads (WAV, FLAC, OGG, MP3, M4A, AAC, WebM, ..., or the sound of
          a video): its path (``str`` or ``PathLike``), its ``bytes`` (or ``bytearray`` or
          ``memoryview``), or an open binary file, which is read from its start and whose
          position is restored. The format is recognised by the content, not by the name;
        - samples of shape ``(n_samples,)``, assumed to be at `sample_rate`, or a pair of
          samples and their rate in Hz, in either order. ``uint8``, ``int16`` and ``int32``
          samples are PCM and are scaled to [-1, 1); floats are not scaled. The channels
          of a two-dimensional array are averaged, if it is clear which axis they are;
        - an object with the methods of :class:`RenderableRecording`, such as a
          :class:`Segment`.
    sample_rate : int, default=16000
        The rate to resample to, in Hz. A recording's own rate may be up to 256 times
        higher or lower.
    offset : float, default=0.0
        Where to begin, in seconds.
    duration : float, default=None
        Read at most this many seconds; None reads everything.

    Returns
    -------
    ndarray of shape (n_samples,)
        Mono samples, ``float32``.

    Raises
    ------
    AudioError
        If the recording cannot be used; the message names it and the reason.

    See Also
    --------
    librosa.load : The same for one path, at 22,050 Hz by default.

    Notes
    -----
    Plain WAV files are read with NumPy, all others by FFmpeg through PyAV. Truncated and damaged
    files are errors: if decoding fails, if the file is shorter than it states
    (by more than three frames of a lossy codec, which decoders may omit), or if
    a FLAC file's samples do not match the MD5 sum that it states. Ogg files, raw AAC and MP3
    files without a Xing, Info or VBRI frame state no length; truncation is only detected if it
    splits a page or a packet. The part after the requested one is not checked. Concatenated
    files (MP3, FLAC, Ogg) are read to the end.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import load
    >>> one_second = np.zeros(8000, dtype=np.int16)
    >>> load((one_second, 8000), sample_rate=16000).shape
    (16000,)
    """
    n_samples = None
    if not 0 <= offset < math.inf:
        raise ValueError(
            "The offset parameter of load must be a number of seconds, at least 0. "
            f"Got {offset!r} instead."
        )
    if duration is not None:
        if not 0 < duration < math.inf:
            raise ValueError(
                "The duration parameter of load must be a positive number of seconds or None. "
                f"Got {duration!r} instead."
            )
        n_samples = n_samples_in(duration, sample_rate)
    try:
        return read(source, sample_rate=sample_rate, n_samples=n_samples, offset=offset)
    except Unusable as error:
        raise AudioError(error.named(describe(source))) from error


def load_batch(
    sources: Iterable[Any],
    *,
    sample_rate: int,
    n_samples: int,
    indices: Sequence[int] | None = None,
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]:
    """Decode several recordings to one array of clips of equal length.

    Parameters
    ----------
    sources : iterable
        Recordings as :func:`load` takes them, in an ordered container (not a set or dict).
    sample_rate : int
        The rate to resample to, in Hz.
    n_samples : int
        Length of every clip: longer ones are cut, shorter ones are followed by zeros.
    indices : sequence of int, default=None
        Indices of the recordings in the user's ``X``, for error messages; None counts
        from 0.
    prepare : callable, default=None
        Function of the samples of a whole recording that returns those that the clip is cut
        from. None takes the recording from its start, and reads at most `n_samples`.

    Returns
    -------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips, ``float32``.
    lengths : ndarray of shape (n_clips,)
        Samples of each clip before the zeros; 0 if it could not be used.
    failures : list of (str, str)
        Name and reason of each recording that could not be used. Its row is zero. If there
        are any, the caller must raise :class:`~skaudio.exceptions.AudioError`.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import load_batch
    >>> clips, lengths, failures = load_batch([np.ones(3)], sample_rate=16000, n_samples=5)
    >>> clips.tolist(), lengths.tolist(), failures
    ([[1.0, 1.0, 1.0, 0.0, 0.0]], [3], [])
    """
    sources = list(in_order(sources, caller="load_batch"))
    waveforms = np.empty((len(sources), n_samples), dtype=np.float32)
    lengths = np.zeros(len(sources), dtype=np.intp)
    failures: list[tuple[str, str]] = []
    for index, source in enumerate(sources):
        clip = waveforms[index]
        length = 0
        try:
            if prepare is None:
                samples = read(source, sample_rate=sample_rate, n_samples=n_samples, out=clip)
                length = len(samples)
            else:
                samples = prepare(read(source, sample_rate=sample_rate))[:n_samples]
                length = len(samples)
                clip[:length] = samples
        except Unusable as error:
            in_X = index if indices is None else int(indices[index])
            failures += error.named(describe(source, in_X))
        clip[length:] = 0
        lengths[index] = length
    return waveforms, lengths, failures


def durations(sources: Iterable[Any], *, sample_rate: int) -> np.ndarray:
    """Measure recordings without decoding them.

    Parameters
    ----------
    sources : iterable
        Recordings as :func:`load` takes them, in an ordered container (not a set or dict).
    sample_rate : int
        The rate of arrays that are given without one, in Hz.

    Returns
    -------
    ndarray of shape (n_clips,)
        Durations in seconds. In files other than WAV the packets are counted (0.1 to 1.2 s
        for an hour), whatever length they state; the error is at most a few codec frames.

    Raises
    ------
    AudioError
        If recordings cannot be opened; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import durations
    >>> durations([np.zeros(4000), (np.zeros(4000), 8000)], sample_rate=16000).tolist()
    [0.25, 0.5]
    """
    measured, failures = [], []
    for index, source in enumerate(in_order(sources, caller="durations")):
        try:
            measured.append(measure(source, sample_rate=sample_rate)[0])
        except Unusable as error:
            failures += error.named(describe(source, index))
    if failures:
        raise AudioError(failures)
    return np.array(measured)


def is_audio(path: str | os.PathLike) -> bool:
    """Check whether a file is audio, or a video, which may have sound.

    Parameters
    ----------
    path : str or PathLike
        The file. It is only opened if its extension is not a common one of audio or video.

    Returns
    -------
    bool
        Whether :func:`load` can be expected to work.

    Examples
    --------
    >>> from skaudio.audio import is_audio
    >>> is_audio("hello.M4A"), is_audio("missing.txt")
    (True, False)
    """
    extension = os.path.splitext(os.fspath(path))[1].lower()
    if extension and f"{extension} " in _EXTENSIONS:
        return True
    try:
        reader = PathReader(path)
        try:
            with _ffmpeg.opened(reader):
                return True
        finally:
            reader.close()
    except Unusable:
        return False


def fit_length(samples: np.ndarray, n_samples: int) -> np.ndarray:
    """Cut the end of a clip, or pad it with zeros.

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
