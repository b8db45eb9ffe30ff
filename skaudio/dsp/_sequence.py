"""Derivatives and normalisation of feature sequences along time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.signal

__all__ = ["deltas", "normalize"]


def deltas(features: np.ndarray, *, width: int = 9, order: int = 1) -> np.ndarray:
    """Estimate the derivative of each coefficient along time.

    Parameters
    ----------
    features : ndarray of shape (n_clips, n_frames, n_coefficients)
        The features, at least `width` frames long.
    width : int, default=9
        Frames in the Savitzky-Golay filter: odd and at least 3.
    order : int, default=1
        Order of the derivative, and of the fitted polynomial.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_coefficients)
        Equal to :func:`librosa.feature.delta` (``mode="interp"``).

    See Also
    --------
    scipy.signal.savgol_filter : The filter.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import deltas
    >>> ramp = np.arange(12, dtype=np.float32).reshape(1, 12, 1)
    >>> bool(np.allclose(deltas(ramp), 1.0, atol=1e-5))
    True
    """
    if features.shape[1] < width:
        raise ValueError(
            f"Deltas over {width} frames need clips of at least {width} frames; got "
            f"{features.shape[1]}. Use longer clips, a smaller hop_length or a smaller "
            "delta_width."
        )
    return scipy.signal.savgol_filter(
        features, width, polyorder=order, deriv=order, axis=1, mode="interp"
    )


def normalize(
    features: np.ndarray, lengths: Sequence[int] | None = None, *, variance: bool = True
) -> np.ndarray:
    """Subtract the mean of each coefficient over the clip, and divide by its deviation.

    This removes what is constant in a recording: the microphone, the room and, in part,
    the voice.

    Parameters
    ----------
    features : ndarray of shape (n_clips, n_frames, n_coefficients)
        The features.
    lengths : sequence of int of length n_clips, default=None
        Number of frames of each clip, from the first, for the mean and the deviation: those
        before the padding; at least one. None uses all.
    variance : bool, default=True
        Whether to divide by the standard deviation. A coefficient that does not vary is
        only centred.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_coefficients)
        All frames, including padding, shifted and scaled in the same way.

    References
    ----------
    O. Viikki and K. Laurila, "Cepstral domain segmental feature vector normalization for
    noise robust speech recognition", Speech Communication 25(1-3), 133-147, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import normalize
    >>> normalize(np.array([[[1.0], [3.0], [7.0]]]), [2]).tolist()
    [[[-1.0], [1.0], [5.0]]]
    """
    normalized = np.empty_like(features)
    for row, clip in enumerate(features):
        counted = clip if lengths is None else clip[: max(1, lengths[row])]
        mean = counted.mean(axis=0, dtype=np.float64)
        np.subtract(clip, mean, out=normalized[row], casting="same_kind")
        if variance:
            deviation = counted.std(axis=0, dtype=np.float64)
            # The deviation of a constant is rounding error, which must not be amplified. Its
            # scale is that of the largest coefficient, also in derivatives of the others.
            constant = deviation <= 1e-6 * np.abs(counted).max()
            normalized[row] /= np.where(constant, 1.0, deviation).astype(features.dtype)
    return normalized
