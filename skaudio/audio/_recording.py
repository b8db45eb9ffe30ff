"""Read or measure one recording of any type."""

from __future__ import annotations

from typing import Any

import numpy as np

from skaudio.audio import _decoding, _wav
from skaudio.audio._bytes import Reader, reader_of
from skaudio.audio._failures import Unusable
from skaudio.audio._rates import check_rate, n_frames_needed, resample
from skaudio.audio._samples import as_waveform, check_samples, split_pair
from skaudio.exceptions import AudioError

# At most this is read before the header is known.
_MAX_FIRST_READ = 2**16


def read(
    source: Any,
    *,
    sample_rate: int,
    n_samples: int | None = None,
    offset: float = 0.0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Read a part of a recording, or all of it."""
    reader = reader_of(source)
    if reader is not None:
        try:
            samples = _read_encoded(reader, sample_rate, n_samples, offset, out)
        finally:
            reader.close()
    elif hasattr(source, "render"):
        samples = _render(source, sample_rate, n_samples, offset)
    else:
        samples = _read_array(source, sample_rate, n_samples, offset)
    if len(samples) == 0:
        raise Unusable(f"it ends before {offset:g} s" if offset else "it holds no samples")
    samples = samples[:n_samples]
    if out is None or np.may_share_memory(samples, out):
        return samples
    out[: len(samples)] = samples
    return out[: len(samples)]


def measure(source: Any, *, sample_rate: int) -> tuple[float, float]:
    """Measure length in seconds and rate, if possible without decoding the recording."""
    reader = reader_of(source)
    if reader is not None:
        try:
            n_samples, rate = _measure(reader)
        finally:
            reader.close()
    elif hasattr(source, "render"):
        try:
            return float(source.duration(sample_rate=sample_rate)), float(sample_rate)
        except AudioError as error:
            raise Unusable.because_of(error) from error
    else:
        values, pair_rate = split_pair(source)
        samples = as_waveform(values)
        check_samples(samples)
        n_samples, rate = len(samples), pair_rate or float(sample_rate)
    if n_samples == 0:
        raise Unusable("it holds no samples")
    check_rate(rate, sample_rate)
    return n_samples / rate, float(rate)


def _read_encoded(
    reader: Reader,
    sample_rate: int,
    n_samples: int | None,
    offset: float,
    out: np.ndarray | None,
) -> np.ndarray:
    first_read = _MAX_FIRST_READ
    if n_samples is not None:  # enough for a mono file of 16 bits at the same rate
        first_read = min(first_read, _wav.HEADER_BYTES + 2 * n_samples)
    head = reader.read_at(0, first_read)
    layout = _wav.read_layout(reader, head, is_complete=len(head) < first_read)
    if layout is None:
        runs = _decoding.read_samples(
            reader, sample_rate=sample_rate, n_samples=n_samples, offset=offset
        )
        parts = [_finish(samples, rate, sample_rate) for samples, rate in runs]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.float32), *parts])
    rate = layout.rate
    check_rate(rate, sample_rate)
    first = round(offset * rate)
    n_frames = max(0, layout.n_frames - first)
    n_wanted = None if n_samples is None else n_frames_needed(n_samples, sample_rate, rate)
    if layout.damage is not None and (n_wanted is None or n_wanted > n_frames):
        raise Unusable(layout.damage)
    n_frames = n_frames if n_wanted is None else min(n_frames, n_wanted)
    target = out if rate == sample_rate else None
    samples = np.empty(n_frames, np.float32) if target is None else target[:n_frames]
    if _wav.read_samples(reader, head, layout, samples, first) < n_frames:
        raise Unusable("it was truncated while it was read")
    if layout.is_float:
        check_samples(samples)
    return resample(samples, rate, sample_rate)


def _read_array(source: Any, sample_rate: int, n_samples: int | None, offset: float) -> np.ndarray:
    values, own_rate = split_pair(source)
    rate = float(sample_rate) if own_rate is None else own_rate
    check_rate(rate, sample_rate)
    n_frames = None if n_samples is None else n_frames_needed(n_samples, sample_rate, rate)
    return _finish(as_waveform(values, n_frames, round(offset * rate)), rate, sample_rate)


def _render(source: Any, sample_rate: int, n_samples: int | None, offset: float) -> np.ndarray:
    duration = None if n_samples is None else offset + n_samples / sample_rate
    try:
        rendered = source.render(sample_rate=sample_rate, duration=duration)
    except AudioError as error:
        raise Unusable.because_of(error) from error
    samples = as_waveform(rendered, n_samples, round(offset * sample_rate))
    return _finish(samples, sample_rate, sample_rate)


def _finish(samples: np.ndarray, rate: float, sample_rate: int) -> np.ndarray:
    check_samples(samples)
    return resample(samples, rate, sample_rate)


def _measure(reader: Reader) -> tuple[int, float]:
    head = reader.read_at(0, _wav.HEADER_BYTES)
    layout = _wav.read_layout(reader, head, is_complete=len(head) < _wav.HEADER_BYTES)
    if layout is not None:
        if layout.damage is not None:
            raise Unusable(layout.damage)
        return layout.n_frames, float(layout.rate)
    return _decoding.count_samples(reader)
