"""Frames of a waveform and their power spectra."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
import scipy.signal

__all__ = ["amplitude_window", "frame_count", "frames", "power_spectrogram"]


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
        An argument of :func:`scipy.signal.get_window`, or the window itself.
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
    return np.pad(weights, (before, n_fft - win_length - before))


def frames(waveforms: np.ndarray, *, n_fft: int, hop_length: int, center: bool) -> np.ndarray:
    """Cut waveforms into overlapping frames, without copying them.

    Parameters
    ----------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips.
    n_fft : int
        Length of one frame in samples.
    hop_length : int
        Samples between the starts of two frames.
    center : bool
        Pad by ``n_fft // 2`` zeros on both sides.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_fft)
        A read-only view of the (padded) waveforms.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import frames
    >>> frames(np.arange(5.0)[None], n_fft=2, hop_length=2, center=False).tolist()
    [[[0.0, 1.0], [2.0, 3.0]]]
    """
    if center:
        margin = n_fft // 2
        padded = np.zeros((len(waveforms), waveforms.shape[1] + 2 * margin), waveforms.dtype)
        padded[:, margin : margin + waveforms.shape[1]] = waveforms
        waveforms = padded
    every = np.lib.stride_tricks.sliding_window_view(waveforms, n_fft, axis=1)
    return every[:, ::hop_length]


def power_spectrogram(
    waveforms: np.ndarray,
    window: np.ndarray,
    *,
    hop_length: int,
    center: bool = True,
    dtype: type = np.float32,
) -> np.ndarray:
    """Compute the squared magnitude of the short-time Fourier transform.

    Parameters
    ----------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips, ``float32``.
    window : ndarray of shape (n_fft,)
        From :func:`amplitude_window`.
    hop_length : int
        Samples between two frames.
    center : bool, default=True
        Pad by ``n_fft // 2`` zeros on both sides.
    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
        Precision of the transform. Single precision is faster, but less accurate for values
        far below the maximum of a frame.

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
    cut = frames(waveforms, n_fft=len(window), hop_length=hop_length, center=center)
    return power_spectrum(cut, window.astype(dtype))


def power_spectrum(
    cut: np.ndarray, window: np.ndarray, *, scratch: np.ndarray | None = None
) -> np.ndarray:
    """Compute the power spectrum of each frame.

    Parameters
    ----------
    cut : ndarray of shape (..., n_fft)
        Frames.
    window : ndarray of shape (n_fft,)
        The window; its precision is that of the transform.
    scratch : ndarray of the shape of `cut`, default=None
        Memory for the windowed frames. Using the same memory again saves the time of
        allocating it.

    Returns
    -------
    ndarray of shape (..., n_fft // 2 + 1)
        Squared magnitudes of their Fourier transforms.
    """
    windowed = np.empty(cut.shape, window.dtype) if scratch is None else scratch
    # Two passes are faster than one: frames overlap, and the copy is contiguous.
    windowed[...] = cut
    windowed *= window
    spectrum = scipy.fft.rfft(windowed, axis=-1, overwrite_x=True)
    power = np.square(spectrum.real)
    power += np.square(spectrum.imag)  # to new memory, since writing with a stride is slow
    return power
