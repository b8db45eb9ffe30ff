"""Recordings that are given as samples: arrays, and pairs of an array and its rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from skaudio.audio._failures import Unusable

# Integer types and the value of full scale, as in PCM files.
_FULL_SCALE = {
    np.dtype(np.uint8): 2.0**7,
    np.dtype(np.int16): 2.0**15,
    np.dtype(np.int32): 2.0**31,
}

# Full scale is 1. Files that store integers as floats exceed it; values beyond 32 bits mean
# damage, and the power of such samples would be infinite in float32.
_MAX_VALUE = 2.0**32

# An array with two axes has channels if only one of the axes can be the samples.
_MAX_CHANNELS = 16
_MIN_SAMPLES = 256


def split_pair(source: Any) -> tuple[Any, float | None]:
    """Split a pair of samples and their rate, in either order."""
    if not (isinstance(source, tuple) and len(source) == 2):
        return source, None
    n_axes = [np.ndim(item) for item in source]
    if (n_axes[0] == 0) == (n_axes[1] == 0):  # two scalars are a clip of two samples
        return source, None
    values, rate = source if n_axes[1] == 0 else source[::-1]
    if not isinstance(rate, int | float | np.integer | np.floating) or not rate > 0:
        raise Unusable(f"its sampling rate is {rate!r}; expected a positive number of Hz")
    return values, float(rate)


def as_array(values: Any) -> np.ndarray:
    """Convert anything array-like to an array of real numbers."""
    try:
        samples = np.asarray(values)
        if samples.ndim == 0:
            raise TypeError("a single value is not a recording")
        if samples.dtype.kind == "c":
            raise Unusable("Complex data not supported: samples must be real numbers")
        if samples.dtype.kind not in "biuf" or not isinstance(values, np.ndarray):
            samples = samples.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise Unusable(
            f"expected a path, bytes, an open binary file, an array of samples or a pair "
            f"(samples, sample_rate); got {type(values).__name__} ({error})"
        ) from error
    return samples


def as_waveform(values: Any, n_samples: int | None = None, first: int = 0) -> np.ndarray:
    """Convert an array to mono samples; PCM integers are scaled to [-1, 1)."""
    samples = as_array(values)
    if samples.ndim == 2:
        samples = samples if samples.shape[0] > samples.shape[1] else samples.T
    if samples.ndim > 2 or (
        samples.ndim == 2
        and not (samples.shape[1] <= _MAX_CHANNELS and samples.shape[0] >= _MIN_SAMPLES)
    ):
        raise Unusable(
            f"expected samples of shape (n_samples,), got shape {np.shape(values)}; "
            "mix channels down first, e.g. samples.mean(axis=channel_axis)"
        )
    kind = samples.dtype.newbyteorder("=")  # any byte order
    scale = _FULL_SCALE.get(kind)
    if scale is None and kind.kind in "biu":
        raise Unusable(
            f"its samples are {kind.name}, whose full scale is unknown; expected uint8, int16 or "
            "int32 as in PCM files, or floats in [-1, 1], e.g. samples / 32768"
        )
    stop = None if n_samples is None else first + n_samples
    # Values beyond float32 become infinite, which check_samples reports.
    with np.errstate(over="ignore", invalid="ignore"):
        waveform = samples[first:stop].astype(np.float32)
        if scale is not None:
            if kind == np.uint8:
                waveform -= 128
            waveform /= scale
        return waveform if waveform.ndim == 1 else waveform.mean(axis=1)


def check_samples(samples: np.ndarray) -> None:
    """Check that samples are finite and not far beyond full scale."""
    if len(samples) == 0 or (samples.min() >= -_MAX_VALUE and samples.max() <= _MAX_VALUE):
        return
    finite = np.isfinite(samples)
    n_bad = len(samples) - int(finite.sum())
    if n_bad:
        verb = "is" if n_bad == 1 else "are"
        raise Unusable(f"{n_bad} of its {len(samples)} samples {verb} NaN or infinite")
    raise Unusable(
        f"its samples reach {np.abs(samples).max():.3g}, where 1 is full scale; the file is damaged"
    )
