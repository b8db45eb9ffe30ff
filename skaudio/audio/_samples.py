"""Recordings that are samples already: arrays, and pairs of an array and its rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from skaudio.audio._failures import Unusable

# Integer samples and the value that stands for full scale, as in PCM files.
_FULL_SCALE = {
    np.dtype(np.uint8): 2.0**7,
    np.dtype(np.int16): 2.0**15,
    np.dtype(np.int32): 2.0**31,
}


def split_pair(source: Any) -> tuple[Any, float | None]:
    """Take a pair of samples and their rate apart.

    Parameters
    ----------
    source : array-like or (array-like, float)
        Samples, or a pair.

    Returns
    -------
    values : array-like
        The samples.
    rate : float or None
        Their rate, in Hz; None for a bare array.
    """
    if not (isinstance(source, tuple) and len(source) == 2 and np.ndim(source[1]) == 0):
        return source, None
    if np.ndim(source[0]) == 0:  # two scalars: a clip of two samples
        return source, None
    values, rate = source
    if not isinstance(rate, int | float | np.integer | np.floating) or not rate > 0:
        raise Unusable(f"its sampling rate is {rate!r}; expected a positive number of Hz")
    return values, float(rate)


def as_array(values: Any) -> np.ndarray:
    """Make an array of real numbers of anything that is like one.

    Parameters
    ----------
    values : array-like
        The samples.

    Returns
    -------
    ndarray
        Of any shape; it may be `values` itself.
    """
    try:
        samples = np.asarray(values)
        if samples.ndim == 0:
            raise TypeError("a single value is no recording")
        if samples.dtype.kind == "c":
            raise Unusable("Complex data not supported: samples must be real numbers")
        if samples.dtype.kind not in "biuf":
            samples = samples.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise Unusable(
            f"expected a path, bytes, an open binary file, a 1-D array of samples or a pair "
            f"(samples, sample_rate); got {type(values).__name__} ({error})"
        ) from error
    return samples


def as_waveform(values: Any, n_samples: int | None = None) -> np.ndarray:
    """Make mono samples of an array; PCM integers are scaled to [-1, 1).

    Parameters
    ----------
    values : array-like of shape (n,)
        The samples.
    n_samples : int, default=None
        How many to take, from the start; None takes all.

    Returns
    -------
    ndarray of shape (n_samples,)
        A copy, ``float32``.
    """
    samples = as_array(values)
    if samples.ndim != 1:
        raise Unusable(
            f"expected samples of shape (n_samples,), got shape {samples.shape}; "
            "mix channels down first, e.g. samples.mean(axis=channel_axis)"
        )
    scale = _FULL_SCALE.get(samples.dtype.newbyteorder("="))  # the order of bytes is no matter
    # Values beyond float32 become infinite, which check_finite refuses with their number.
    with np.errstate(over="ignore"):
        waveform = samples[:n_samples].astype(np.float32)
    if scale is not None:
        if samples.dtype == np.uint8:
            waveform -= 128
        waveform /= scale
    return waveform


def check_finite(samples: np.ndarray) -> None:
    """Refuse samples that are NaN or infinite.

    Parameters
    ----------
    samples : ndarray of shape (n,)
        The samples.
    """
    finite = np.isfinite(samples)
    if not finite.all():
        bad = len(samples) - int(finite.sum())
        verb = "is" if bad == 1 else "are"
        raise Unusable(f"{bad} of its {len(samples)} samples {verb} NaN or infinite")


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
