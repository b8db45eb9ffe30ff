"""Read a recording of any length, block by block."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import soxr

from skaudio.audio import _decoding, _wav
from skaudio.audio._bytes import Reader, reader_of
from skaudio.audio._failures import Unusable, describe
from skaudio.audio._rates import check_rate, n_samples_in
from skaudio.audio._recording import read
from skaudio.audio._samples import as_array, as_waveform, check_samples, split_pair
from skaudio.exceptions import AudioError

__all__ = ["blocks", "resample_blocks"]


def blocks(
    source: Any, *, sample_rate: int = 16000, duration: float = 10.0
) -> Iterator[np.ndarray]:
    """Decode one recording block by block, in memory that does not grow with its length.

    Parameters
    ----------
    source : recording
        As :func:`load` takes it.
    sample_rate : int, default=16000
        The rate to resample to, in Hz.
    duration : float, default=10.0
        Length of a block in seconds.

    Returns
    -------
    iterator of ndarray of shape (n_samples,)
        Mono samples, ``float32``: those of :func:`load`, in blocks of equal length. The last one
        may be shorter.

    Raises
    ------
    AudioError
        If the recording cannot be used; the message names it and the reason. A file that is
        damaged is noticed when the damage is reached, or at the end.

    See Also
    --------
    librosa.stream : The same for one path, without resampling.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import blocks
    >>> recording = np.zeros(40000), 8000
    >>> [len(block) for block in blocks(recording, sample_rate=16000, duration=2)]
    [32000, 32000, 16000]
    """
    if not 0 < duration < math.inf:
        raise ValueError(
            "The duration parameter of blocks must be a positive number of seconds. "
            f"Got {duration!r} instead."
        )
    return _named(source, sample_rate, n_samples_in(duration, sample_rate))


def resample_blocks(
    blocks: Iterable[Any], *, from_rate: float, to_rate: int
) -> Iterator[np.ndarray]:
    """Resample blocks that arrive one after the other, as if they were one recording.

    Parameters
    ----------
    blocks : iterable of array-like of shape (n_samples,)
        Successive samples as :func:`load` takes them: floats, or integers as in PCM files.
    from_rate : float
        Their rate in Hz.
    to_rate : int
        The rate to resample to, in Hz.

    Yields
    ------
    ndarray of shape (n_samples,)
        Mono samples, ``float32``, of any number: the filter needs some that follow.

    Raises
    ------
    AudioError
        If a block has no finite samples; the message names it.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import resample_blocks
    >>> microphone = (np.zeros(441, np.int16) for _ in range(100))
    >>> sum(map(len, resample_blocks(microphone, from_rate=44100, to_rate=16000)))
    16000
    """
    try:
        check_rate(from_rate, to_rate)
    except Unusable as error:
        raise AudioError(error.named("the stream of blocks")) from error
    yield from _resampled(_checked(blocks, from_rate), to_rate)


def _checked(blocks: Iterable[Any], rate: float) -> Iterator[tuple[np.ndarray, float]]:
    for index, block in enumerate(blocks):
        if not np.size(block):
            continue
        try:
            samples = as_waveform(np.atleast_1d(block))
            check_samples(samples)
        except Unusable as error:
            raise AudioError(error.named(f"block {index}")) from error
        yield samples, rate


def _resampled(
    pieces: Iterable[tuple[np.ndarray, float]], sample_rate: int
) -> Iterator[np.ndarray]:
    """Resample pieces of one recording, whose rate may change."""
    for rate, run in itertools.groupby(pieces, key=operator.itemgetter(1)):
        if rate == sample_rate:
            yield from (samples for samples, _ in run)
            continue
        stream = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
        n_read = n_made = 0
        for samples, _ in run:
            n_read += len(samples)
            part = stream.resample_chunk(np.ascontiguousarray(samples))
            n_made += len(part)
            yield part
        part = stream.resample_chunk(np.empty(0, np.float32), last=True)
        # As for whole recordings, the length is rounded up.
        n_left = max(0, math.ceil(n_read * sample_rate / rate) - n_made)
        yield np.pad(part[:n_left], (0, max(0, n_left - len(part))))


def _named(source: Any, sample_rate: int, n_samples: int) -> Iterator[np.ndarray]:
    """Yield blocks of equal length, and name the recording if it cannot be used."""
    try:
        held: list[np.ndarray] = []
        n_held, is_empty = 0, True
        for part in _resampled(_pieces(source, sample_rate, n_samples), sample_rate):
            held.append(part)
            n_held += len(part)
            if n_held < n_samples:
                continue
            whole = np.concatenate(held)
            is_empty = False
            for start in range(0, n_held - n_samples + 1, n_samples):
                yield whole[start : start + n_samples]
            n_held %= n_samples
            held = [whole[len(whole) - n_held :]]
        if n_held:
            yield np.concatenate(held)
        elif is_empty:
            raise Unusable("it holds no samples")
    except Unusable as error:
        raise AudioError(error.named(describe(source))) from error


def _pieces(source: Any, sample_rate: int, n_samples: int) -> Iterator[tuple[np.ndarray, float]]:
    """Yield samples at the recording's own rate, in pieces of about `n_samples`."""
    reader = reader_of(source)
    if reader is not None:
        try:
            pieces = _of_file(reader, sample_rate, n_samples)
            for samples, rate in pieces:
                check_samples(samples)
                yield samples, rate
        finally:
            reader.close()
    elif hasattr(source, "render"):
        yield read(source, sample_rate=sample_rate), sample_rate
    else:
        values, own_rate = split_pair(source)
        own_rate = float(sample_rate) if own_rate is None else own_rate
        check_rate(own_rate, sample_rate)
        values = as_array(values)
        for start in range(0, max(values.shape), n_samples):
            samples = as_waveform(values, n_samples, start)
            check_samples(samples)
            yield samples, own_rate


def _of_file(reader: Reader, sample_rate: int, n_samples: int) -> Iterator[tuple[np.ndarray, int]]:
    head = reader.read_at(0, _wav.HEADER_BYTES)
    layout = _wav.read_layout(reader, head, is_complete=len(head) < _wav.HEADER_BYTES)
    if layout is None:
        yield from _decoding.iterate_samples(reader, sample_rate=sample_rate)
        return
    check_rate(layout.rate, sample_rate)
    for start in range(0, layout.n_frames, n_samples):
        samples = np.empty(min(n_samples, layout.n_frames - start), np.float32)
        if _wav.read_samples(reader, head, layout, samples, start) < len(samples):
            raise Unusable("it was truncated while it was read")
        yield samples, layout.rate
    if layout.damage is not None:
        raise Unusable(layout.damage)
