"""Pure, batched arithmetic from waveforms to cepstral coefficients.

Nothing here knows about files, estimators or labels. Every function takes and returns
``float32`` arrays whose first axis counts clips, and what it returns for one clip does
not depend on the other clips in the batch.

Arrays are ``(clips, frames, coefficients)`` everywhere in skaudio; librosa's are
``(coefficients, frames)``. Apart from that transposition the values are librosa's:
each function names the librosa function that it agrees with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
import scipy.signal

__all__ = [
    "amplitude_window",
    "dct_basis",
    "deltas",
    "frame_count",
    "mel_filterbank",
    "mel_frequencies",
    "mfcc",
    "power_spectrogram",
    "power_to_db",
]

# librosa's default floor of the power, 100 dB below one.
_AMIN = 1e-10


def frame_count(n_samples: int, *, n_fft: int, hop_length: int, center: bool) -> int:
    """Count the analysis frames of a clip.

    Parameters
    ----------
    n_samples : int
        Length of the clip in samples.
    n_fft : int
        Length of one frame in samples.
    hop_length : int
        Samples between the starts of two frames.
    center : bool
        Whether the clip is padded by ``n_fft // 2`` zeros on both sides, so that frame
        ``t`` is centred on sample ``t * hop_length``.

    Returns
    -------
    int
        The number of frames; 0 when an uncentred clip is shorter than one frame.

    Examples
    --------
    >>> from skaudio.dsp import frame_count
    >>> frame_count(16000, n_fft=512, hop_length=160, center=True)
    101
    """
    padded = n_samples + (2 * (n_fft // 2) if center else 0)
    return max(0, 1 + (padded - n_fft) // hop_length)


def amplitude_window(window: Any, win_length: int, n_fft: int) -> np.ndarray:
    """Make an analysis window, centred in a frame of `n_fft` samples.

    Parameters
    ----------
    window : str, float, tuple or array-like of shape (win_length,)
        Anything that :func:`scipy.signal.get_window` takes, or the window itself.
    win_length : int
        Length of the window in samples, at most `n_fft`.
    n_fft : int
        Length of the frame in samples.

    Returns
    -------
    ndarray of shape (n_fft,)
        The window, zero outside its `win_length` central samples.

    Examples
    --------
    >>> from skaudio.dsp import amplitude_window
    >>> amplitude_window("boxcar", 2, 4).tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    if isinstance(window, str | float | tuple):
        weights = scipy.signal.get_window(window, win_length, fftbins=True)
    else:
        weights = np.asarray(window, dtype=np.float64)
        if weights.shape != (win_length,):
            raise ValueError(
                f"The window has shape {weights.shape}; expected ({win_length},), "
                "one weight for each of the win_length samples."
            )
    before = (n_fft - win_length) // 2
    padded = np.pad(weights, (before, n_fft - win_length - before))
    return padded.astype(np.float32)


def mel_frequencies(n: int, *, fmin: float, fmax: float) -> np.ndarray:
    """Place `n` frequencies evenly on the mel scale.

    The scale is the one of Slaney's Auditory Toolbox, librosa's default: linear below
    1 kHz (200/3 Hz a mel), logarithmic above (27 mels for a factor of 6.4).

    Parameters
    ----------
    n : int
        How many frequencies.
    fmin, fmax : float
        The first and the last one, in Hz.

    Returns
    -------
    ndarray of shape (n,)
        Frequencies in Hz, as :func:`librosa.mel_frequencies` gives them.

    References
    ----------
    M. Slaney, "Auditory Toolbox, version 2", Interval Research Corporation, 1998.

    Examples
    --------
    >>> from skaudio.dsp import mel_frequencies
    >>> mel_frequencies(4, fmin=0.0, fmax=1000.0).round(1).tolist()
    [0.0, 333.3, 666.7, 1000.0]
    """
    hz_per_mel, knee = 200.0 / 3, 1000.0
    log_step = np.log(6.4) / 27.0
    ends = np.array([fmin, fmax], dtype=np.float64)
    logarithmic = np.log(np.maximum(ends, knee) / knee) / log_step + knee / hz_per_mel
    low, high = np.where(ends >= knee, logarithmic, ends / hz_per_mel)
    mels = np.linspace(low, high, n)
    knee_mel = knee / hz_per_mel
    above = knee * np.exp(log_step * (mels - knee_mel))
    return np.where(mels >= knee_mel, above, hz_per_mel * mels)


def mel_filterbank(
    *, sample_rate: float, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> np.ndarray:
    """Make triangular mel filters of equal area.

    Parameters
    ----------
    sample_rate : float
        Sampling rate in Hz.
    n_fft : int
        Length of the Fourier transform in samples.
    n_mels : int
        Number of filters.
    fmin, fmax : float
        Lower edge of the first and upper edge of the last filter, in Hz.

    Returns
    -------
    ndarray of shape (n_fft // 2 + 1, n_mels)
        The weights, the transpose of :func:`librosa.filters.mel` (``norm="slaney"``).

    Examples
    --------
    >>> from skaudio.dsp import mel_filterbank
    >>> mel_filterbank(sample_rate=16000, n_fft=512, n_mels=64, fmin=0.0, fmax=8000.0).shape
    (257, 64)
    """
    bins = np.fft.rfftfreq(n_fft, d=1.0 / sample_rate)
    edges = mel_frequencies(n_mels + 2, fmin=fmin, fmax=fmax)
    widths = np.diff(edges)
    distance = edges[None, :] - bins[:, None]
    rising = -distance[:, :-2] / widths[:-1]
    falling = distance[:, 2:] / widths[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    equal_area = 2.0 / (edges[2:] - edges[:-2])
    return (triangles * equal_area).astype(np.float32)


def dct_basis(
    n_mels: int, n_mfcc: int, *, dct_type: int = 2, norm: str | None = "ortho", lifter: float = 0
) -> np.ndarray:
    """Make the matrix that turns log-mel energies into cepstral coefficients.

    Parameters
    ----------
    n_mels : int
        Number of mel bands.
    n_mfcc : int
        Number of coefficients to keep.
    dct_type : {1, 2, 3}, default=2
        Type of the discrete cosine transform.
    norm : {"ortho", None}, default="ortho"
        Normalisation of :func:`scipy.fft.dct`.
    lifter : float, default=0
        Cepstral liftering: coefficient ``n`` (from 0) is multiplied by
        ``1 + lifter / 2 * sin(pi * (n + 1) / lifter)``; 0 leaves them as they are.

    Returns
    -------
    ndarray of shape (n_mels, n_mfcc)
        ``log_mel @ basis`` equals the transform of :func:`librosa.feature.mfcc`.

    Examples
    --------
    >>> from skaudio.dsp import dct_basis
    >>> dct_basis(4, 1).ravel().tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    basis = scipy.fft.dct(np.eye(n_mels), axis=1, type=dct_type, norm=norm)[:, :n_mfcc]
    if lifter > 0:
        order = np.arange(1, n_mfcc + 1)
        basis = basis * (1 + lifter / 2 * np.sin(np.pi * order / lifter))
    return basis.astype(np.float32)


def power_spectrogram(
    waveforms: np.ndarray, window: np.ndarray, *, hop_length: int, center: bool = True
) -> np.ndarray:
    """Compute the squared magnitude of the short-time Fourier transform.

    Parameters
    ----------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips, ``float32``.
    window : ndarray of shape (n_fft,)
        What :func:`amplitude_window` made.
    hop_length : int
        Samples between two frames.
    center : bool, default=True
        Pad by ``n_fft // 2`` zeros on both sides.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_fft // 2 + 1)
        ``abs(librosa.stft(...)) ** 2``, transposed.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import power_spectrogram
    >>> clips = np.ones((1, 8), dtype=np.float32)
    >>> power_spectrogram(clips, np.ones(4, np.float32), hop_length=4).shape
    (1, 3, 3)
    """
    n_fft = len(window)
    if center:
        waveforms = np.pad(waveforms, ((0, 0), (n_fft // 2, n_fft // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(waveforms, n_fft, axis=1)
    spectrum = scipy.fft.rfft(frames[:, ::hop_length] * window, axis=-1)
    return spectrum.real**2 + spectrum.imag**2


def power_to_db(power: np.ndarray, *, top_db: float | None = 80.0) -> np.ndarray:
    """Convert power to decibels, each clip against its own maximum.

    Parameters
    ----------
    power : ndarray of shape (n_clips, n_frames, n_bands)
        Non-negative power.
    top_db : float or None, default=80.0
        Raise what lies more than `top_db` below the loudest value **of the same clip**.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_bands)
        ``10 log10(max(power, 1e-10))``, floored: :func:`librosa.power_to_db` of each
        clip alone, where librosa 0.11 takes the maximum over the whole array.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import power_to_db
    >>> power_to_db(np.array([[[1.0, 0.1, 0.0]]]), top_db=30.0).tolist()
    [[[0.0, -10.0, -30.0]]]
    """
    db = 10.0 * np.log10(np.maximum(power, _AMIN))
    if top_db is not None:
        floor = db.max(axis=(1, 2), keepdims=True) - top_db
        np.maximum(db, floor, out=db)
    return db


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
        What :func:`librosa.feature.delta` gives (``mode="interp"``).

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


def mfcc(
    waveforms: np.ndarray,
    *,
    window: np.ndarray,
    mel: np.ndarray,
    basis: np.ndarray,
    hop_length: int,
    center: bool = True,
    top_db: float | None = 80.0,
) -> np.ndarray:
    """Compute mel-frequency cepstral coefficients from prepared matrices.

    Parameters
    ----------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips, ``float32``.
    window : ndarray of shape (n_fft,)
        From :func:`amplitude_window`.
    mel : ndarray of shape (n_fft // 2 + 1, n_mels)
        From :func:`mel_filterbank`.
    basis : ndarray of shape (n_mels, n_mfcc)
        From :func:`dct_basis`.
    hop_length : int
        Samples between two frames.
    center : bool, default=True
        Pad by ``n_fft // 2`` zeros on both sides.
    top_db : float or None, default=80.0
        Dynamic range of each clip in dB.

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
    >>> from skaudio.dsp import amplitude_window, dct_basis, mel_filterbank, mfcc
    >>> noise = np.random.default_rng(0).normal(size=(2, 8000)).astype(np.float32)
    >>> mfcc(
    ...     noise,
    ...     window=amplitude_window("hann", 400, 512),
    ...     mel=mel_filterbank(sample_rate=8000, n_fft=512, n_mels=40, fmin=0, fmax=4000),
    ...     basis=dct_basis(40, 13),
    ...     hop_length=80,
    ... ).shape
    (2, 101, 13)
    """
    power = power_spectrogram(waveforms, window, hop_length=hop_length, center=center)
    return power_to_db(power @ mel, top_db=top_db) @ basis
