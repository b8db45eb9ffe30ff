"""Front ends: compute the features of a network from waveforms."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from skaudio.dsp._cepstrum import cepstrum
from skaudio.dsp._compression import pcen, power_to_db
from skaudio.dsp._mel import mel_spectrogram

__all__ = ["log_mel_spectrogram", "mfcc", "pcen_spectrogram"]

# Full scale of 32-bit integer samples, which the constants of PCEN are chosen for.
_INT32 = np.float32(2**31)


def log_mel_spectrogram(
    waveforms: np.ndarray,
    *,
    window: np.ndarray,
    mel: np.ndarray | scipy.sparse.sparray,
    hop_length: int,
    center: bool = True,
    top_db: float | None = 80.0,
    dtype: type = np.float32,
) -> np.ndarray:
    """Compute mel spectrograms in decibels.

    Parameters
    ----------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips, ``float32``.
    window : ndarray of shape (n_fft,)
        From :func:`amplitude_window`.
    mel : ndarray or sparse array of shape (n_fft // 2 + 1, n_mels)
        From :func:`mel_filterbank`.
    hop_length : int
        Samples between two frames.
    center : bool, default=True
        Pad by ``n_fft // 2`` zeros on both sides.
    top_db : float or None, default=80.0
        Dynamic range of each clip in dB.
    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
        Precision of the transform, as in :func:`power_spectrogram`.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_mels)
        :func:`librosa.power_to_db` of :func:`librosa.feature.melspectrogram` of each
        clip, transposed.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import amplitude_window, log_mel_spectrogram, mel_filterbank
    >>> noise = np.random.default_rng(0).normal(size=(2, 8000)).astype(np.float32)
    >>> mel = mel_filterbank(sample_rate=8000, n_fft=512, n_mels=40, fmin=0, fmax=4000)
    >>> window = amplitude_window("hann", 400, 512)
    >>> log_mel_spectrogram(noise, window=window, mel=mel, hop_length=80).shape
    (2, 101, 40)
    """
    energies = mel_spectrogram(
        waveforms, window=window, mel=mel, hop_length=hop_length, center=center, dtype=dtype
    )
    return power_to_db(energies, top_db=top_db)


def mfcc(
    waveforms: np.ndarray,
    *,
    window: np.ndarray,
    mel: np.ndarray | scipy.sparse.sparray,
    hop_length: int,
    n_mfcc: int = 40,
    center: bool = True,
    top_db: float | None = 80.0,
    dct_type: int = 2,
    norm: str | None = "ortho",
    lifter: float = 0,
) -> np.ndarray:
    """Compute mel-frequency cepstral coefficients.

    Parameters
    ----------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips, ``float32``.
    window : ndarray of shape (n_fft,)
        From :func:`amplitude_window`.
    mel : ndarray or sparse array of shape (n_fft // 2 + 1, n_mels)
        From :func:`mel_filterbank`.
    hop_length : int
        Samples between two frames.
    n_mfcc : int, default=40
        Number of coefficients to keep.
    center : bool, default=True
        Pad by ``n_fft // 2`` zeros on both sides.
    top_db : float or None, default=80.0
        Dynamic range of each clip in dB.
    dct_type : {1, 2, 3}, default=2
        Type of the discrete cosine transform.
    norm : {"ortho", None}, default="ortho"
        Normalisation of that transform.
    lifter : float, default=0
        Cepstral liftering, as in :func:`cepstrum`.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_mfcc)
        :func:`librosa.feature.mfcc` of each clip, transposed.

    References
    ----------
    S. Davis and P. Mermelstein, "Comparison of parametric representations for
    monosyllabic word recognition in continuously spoken sentences", IEEE Transactions
    on Acoustics, Speech, and Signal Processing 28(4), 357-366, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import amplitude_window, mel_filterbank, mfcc
    >>> noise = np.random.default_rng(0).normal(size=(2, 8000)).astype(np.float32)
    >>> mfcc(
    ...     noise,
    ...     window=amplitude_window("hann", 400, 512),
    ...     mel=mel_filterbank(sample_rate=8000, n_fft=512, n_mels=40, fmin=0, fmax=4000),
    ...     hop_length=80,
    ...     n_mfcc=13,
    ... ).shape
    (2, 101, 13)
    """
    # Both multiply the coefficients, and thus earlier rounding errors, by ten or more.
    amplified = lifter > 0 or norm is None
    log_mel = log_mel_spectrogram(
        waveforms,
        window=window,
        mel=mel,
        hop_length=hop_length,
        center=center,
        top_db=top_db,
        dtype=np.float64 if amplified else np.float32,
    )
    return cepstrum(log_mel, n_mfcc, dct_type=dct_type, norm=norm, lifter=lifter)


def pcen_spectrogram(
    waveforms: np.ndarray,
    *,
    window: np.ndarray,
    mel: np.ndarray | scipy.sparse.sparray,
    sample_rate: float,
    hop_length: int,
    center: bool = True,
    gain: float = 0.98,
    bias: float = 2.0,
    power: float = 0.5,
    time_constant: float = 0.4,
    eps: float = 1e-6,
) -> np.ndarray:
    """Compute mel spectrograms with per-channel energy normalisation.

    Parameters
    ----------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips, ``float32``.
    window : ndarray of shape (n_fft,)
        From :func:`amplitude_window`.
    mel : ndarray or sparse array of shape (n_fft // 2 + 1, n_mels)
        From :func:`mel_filterbank`.
    sample_rate : float
        Sampling rate in Hz.
    hop_length : int
        Samples between two frames.
    center : bool, default=True
        Pad by ``n_fft // 2`` zeros on both sides.
    gain : float, default=0.98
        Strength of the automatic gain control.
    bias : float, default=2.0
        Added before the root.
    power : float, default=0.5
        Exponent of the compression.
    time_constant : float, default=0.4
        Time constant of the smoothing filter, in seconds.
    eps : float, default=1e-6
        Prevents a division by zero in silence.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_mels)
        ``librosa.pcen(S * 2**31)`` of the magnitude mel spectrogram ``S`` of each clip,
        transposed.

    See Also
    --------
    pcen : The formula.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import amplitude_window, mel_filterbank, pcen_spectrogram
    >>> noise = np.random.default_rng(0).normal(size=(2, 8000)).astype(np.float32)
    >>> mel = mel_filterbank(sample_rate=8000, n_fft=512, n_mels=40, fmin=0, fmax=4000)
    >>> window = amplitude_window("hann", 400, 512)
    >>> pcen_spectrogram(
    ...     noise, window=window, mel=mel, sample_rate=8000, hop_length=80
    ... ).shape
    (2, 101, 40)
    """
    magnitudes = mel_spectrogram(
        waveforms, window=window, mel=mel, hop_length=hop_length, center=center, power=1.0
    )
    magnitudes *= _INT32
    return pcen(
        magnitudes,
        sample_rate=sample_rate,
        hop_length=hop_length,
        gain=gain,
        bias=bias,
        power=power,
        time_constant=time_constant,
        eps=eps,
    )
