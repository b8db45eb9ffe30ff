"""Recordings of every kind to waveforms: one, several, or only their lengths."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from skaudio.audio._failures import Unusable, describe
from skaudio.audio._rates import n_samples_in
from skaudio.audio._recording import read, seconds
from skaudio.exceptions import AudioError


def load(source: Any, *, sample_rate: int = 16000, duration: float | None = None) -> np.ndarray:
    """Decode one recording, mix it down to mono and resample it.

    Parameters
    ----------
    source : recording
        One of:

        - a file that libsndfile reads (WAV, FLAC, OGG, MP3, ...) by its path (``str`` or
          ``PathLike``), as ``bytes`` (or ``bytearray`` or ``memoryview``), or as an open
          binary file, which is read from its start and left where it was;
        - samples of shape ``(n_samples,)``, taken to be at `sample_rate`, or a pair of
          samples and their rate in Hz. ``uint8``, ``int16`` and ``int32`` samples are PCM
          and are scaled to [-1, 1); other types are taken as they are;
        - an object with the methods of :class:`RenderableRecording`.
    sample_rate : int, default=16000
        The rate to resample to, in Hz. A recording's own rate may be up to 256 times
        higher or lower.
    duration : float, default=None
        Read no more than this many seconds, whatever the recording's length; None reads
        everything.

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

    Notes
    -----
    A file is refused when reading comes to an end that is not the one it promises: WAV,
    FLAC, OGG, and MP3 that states its length. MP3 without a Xing, Info or VBRI frame, such
    as a part of a stream, promises nothing, and is taken as long as it is. libsndfile
    estimates its length; where the bit rate varies and the estimate is too low, the end is
    out of reach, and only clips that stop before can be read.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import load
    >>> one_second = np.zeros(8000, dtype=np.int16)
    >>> load((one_second, 8000), sample_rate=16000).shape
    (16000,)
    """
    n_samples = None
    if duration is not None:
        if not 0 < duration < math.inf:
            raise ValueError(
                "The duration parameter of load must be a positive number of seconds or None. "
                f"Got {duration!r} instead."
            )
        n_samples = n_samples_in(duration, sample_rate)
    try:
        return read(source, sample_rate=sample_rate, n_samples=n_samples)
    except Unusable as error:
        raise AudioError(error.named(describe(source))) from error


def load_batch(
    sources: Sequence[Any],
    *,
    sample_rate: int,
    n_samples: int,
    places: Sequence[int] | None = None,
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]:
    """Decode several recordings to one array of clips of equal length.

    Parameters
    ----------
    sources : sequence
        Recordings as :func:`load` takes them.
    sample_rate : int
        The rate to resample to, in Hz.
    n_samples : int
        Length of every clip: longer ones are cut, shorter ones are followed by zeros.
    places : sequence of int, default=None
        Where the recordings stand in the user's ``X``, to name arrays by; None counts
        from 0.
    prepare : callable, default=None
        Given the samples of a whole recording, returns those that the clip is to be cut
        from. None takes the recording from its start, and reads no more than `n_samples`.

    Returns
    -------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips, ``float32``.
    lengths : ndarray of shape (n_clips,)
        Samples of each clip before the zeros; 0 if it could not be used.
    failures : list of (str, str)
        Name and reason of each recording that could not be used. Its row is zero and
        must not be used: raise :class:`~skaudio.exceptions.AudioError`.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import load_batch
    >>> clips, lengths, failures = load_batch([np.ones(3)], sample_rate=16000, n_samples=5)
    >>> clips.tolist(), lengths.tolist(), failures
    ([[1.0, 1.0, 1.0, 0.0, 0.0]], [3], [])
    """
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
            place = index if places is None else int(places[index])
            failures += error.named(describe(source, place))
        clip[length:] = 0
        lengths[index] = length
    return waveforms, lengths, failures


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
        Durations in seconds. An MP3 file that does not state its length is read, but not
        decoded, to count its frames.

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
    measured, failures = [], []
    for index, source in enumerate(sources):
        try:
            measured.append(seconds(source, sample_rate=sample_rate))
        except Unusable as error:
            failures += error.named(describe(source, index))
    if failures:
        raise AudioError(failures)
    return np.array(measured)


def find_unreadable(sources: Iterable[Any], *, sample_rate: int = 16000) -> list[tuple[int, str]]:
    """Find the recordings that would stop a fit.

    Every recording is decoded to its end, since a file may open, report a duration and
    fail in the middle.

    Parameters
    ----------
    sources : iterable
        Recordings as :func:`load` takes them.
    sample_rate : int, default=16000
        The rate that they will be resampled to, in Hz.

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
            read(source, sample_rate=sample_rate)
        except Unusable as error:
            unreadable.append((index, str(error)))
    return unreadable
