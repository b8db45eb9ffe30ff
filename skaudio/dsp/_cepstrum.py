"""Cepstral coefficients of log-mel spectra."""

from __future__ import annotations

import numpy as np
import scipy.fft

__all__ = ["cepstrum"]


def cepstrum(
    log_mel: np.ndarray,
    n_mfcc: int,
    *,
    dct_type: int = 2,
    norm: str | None = "ortho",
    lifter: float = 0,
) -> np.ndarray:
    """Transform log-mel energies to cepstral coefficients.

    Parameters
    ----------
    log_mel : ndarray of shape (n_clips, n_frames, n_mels)
        Log-mel energies.
    n_mfcc : int
        Number of coefficients to keep, at most `n_mels`.
    dct_type : {1, 2, 3}, default=2
        Type of the discrete cosine transform.
    norm : {"ortho", None}, default="ortho"
        Normalisation of :func:`scipy.fft.dct`.
    lifter : float, default=0
        Cepstral liftering: coefficient ``n`` (from 0) is multiplied by
        ``1 + lifter / 2 * sin(pi * (n + 1) / lifter)``; 0 turns it off.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_mfcc)
        :func:`librosa.feature.mfcc` of the log-mel spectrogram `S`, transposed.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import cepstrum
    >>> cepstrum(np.ones((1, 1, 4)), 2).round(6)
    array([[[2., 0.]]])
    """
    coefficients = scipy.fft.dct(log_mel, axis=-1, type=dct_type, norm=norm)[..., :n_mfcc]
    if lifter > 0:
        order = np.arange(1, n_mfcc + 1)
        weights = 1 + lifter / 2 * np.sin(np.pi * order / lifter)
        coefficients = coefficients * weights.astype(log_mel.dtype)
    return coefficients
