"""Compress the range of spectra: decibels and per-channel energy normalisation."""

from __future__ import annotations

import numpy as np
import scipy.signal

__all__ = ["exponential_smoothing", "pcen", "power_to_db"]

# librosa's default floor of the power, 100 dB below one.
_AMIN = 1e-10


def power_to_db(power: np.ndarray, *, top_db: float | None = 80.0) -> np.ndarray:
    """Convert power to decibels, with a dynamic range for each clip.

    Parameters
    ----------
    power : ndarray of shape (n_clips, n_frames, n_bands)
        Non-negative power.
    top_db : float or None, default=80.0
        Raise values that are more than `top_db` below the maximum **of the same clip**.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_bands)
        ``10 log10(max(power, 1e-10))``, floored: :func:`librosa.power_to_db` of each
        separate clip, while librosa 0.11 uses the maximum over the whole array.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import power_to_db
    >>> power_to_db(np.array([[[1.0, 0.1, 0.0]]]), top_db=30.0).round(3)
    array([[[  0., -10., -30.]]])
    """
    # NumPy's natural logarithm is vectorised, the decimal one is not: four times as fast.
    db = np.maximum(power, _AMIN, dtype=power.dtype)
    np.log(db, out=db)
    db *= power.dtype.type(10 / np.log(10))
    if top_db is not None:
        floor = db.max(axis=(1, 2), keepdims=True) - top_db
        np.maximum(db, floor, out=db)
    return db


def pcen(
    magnitudes: np.ndarray,
    *,
    sample_rate: float,
    hop_length: int,
    gain: float = 0.98,
    bias: float = 2.0,
    power: float = 0.5,
    time_constant: float = 0.4,
    eps: float = 1e-6,
) -> np.ndarray:
    """Normalise the energy of each band by its recent average.

    ``(E / (eps + M) ** gain + bias) ** power - bias ** power``, where ``M`` is ``E``
    smoothed along time by a first-order filter. This suppresses steady noise and
    emphasises onsets, whatever the level of the recording.

    Parameters
    ----------
    magnitudes : ndarray of shape (n_clips, n_frames, n_bands)
        Non-negative magnitudes ``E``. The constants suit 32-bit integer samples: multiply
        magnitudes of samples in [-1, 1) by ``2**31``.
    sample_rate : float
        Sampling rate in Hz.
    hop_length : int
        Samples between two frames.
    gain : float, default=0.98
        Strength of the automatic gain control, from 0 (none) to 1.
    bias : float, default=2.0
        Added before the root.
    power : float, default=0.5
        Exponent of the compression, greater than 0.
    time_constant : float, default=0.4
        Time constant of the smoothing filter, in seconds.
    eps : float, default=1e-6
        Prevents a division by zero in silence.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_bands)
        :func:`librosa.pcen` of each clip, transposed, except for the start of the filter:
        here ``M`` starts from the first frame, in librosa from one, which looks like an
        onset at the beginning of every clip.

    References
    ----------
    Y. Wang, P. Getreuer, T. Hughes, R. F. Lyon and R. A. Saurous, "Trainable frontend for
    robust and far-field keyword spotting", ICASSP 2017, 5670-5674.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import pcen
    >>> steady = np.ones((1, 3, 1), dtype=np.float32) * 1000
    >>> pcen(steady, sample_rate=16000, hop_length=160, gain=1.0).ravel().round(3)
    array([0.318, 0.318, 0.318], dtype=float32)
    """
    smooth = exponential_smoothing(
        magnitudes, sample_rate=sample_rate, hop_length=hop_length, time_constant=time_constant
    )
    gained = magnitudes * np.exp(-gain * np.log(smooth + eps))
    return ((gained + bias) ** power - bias**power).astype(np.float32)


def exponential_smoothing(
    features: np.ndarray, *, sample_rate: float, hop_length: int, time_constant: float
) -> np.ndarray:
    """Smooth each band along time, by a first-order filter.

    Parameters
    ----------
    features : ndarray of shape (n_clips, n_frames, n_bands)
        The features.
    sample_rate : float
        Sampling rate in Hz.
    hop_length : int
        Samples between two frames.
    time_constant : float
        Time constant of the filter, in seconds.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_bands)
        The weighted averages of past and present. They start from the first frame, as if it had
        always been there.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import exponential_smoothing
    >>> onset = np.array([[[0.0], [1.0], [1.0]]])
    >>> smooth = exponential_smoothing(
    ...     onset, sample_rate=100, hop_length=1, time_constant=0.02
    ... )
    >>> smooth.ravel().round(2)
    array([0.  , 0.39, 0.63])
    """
    n_frames = time_constant * sample_rate / hop_length
    weight = 2 / (1 + np.hypot(1, 2 * n_frames))
    forward, backward = [weight], [1, weight - 1]
    state = scipy.signal.lfilter_zi(forward, backward) * features[:, :1]
    return scipy.signal.lfilter(forward, backward, features, axis=1, zi=state)[0]
