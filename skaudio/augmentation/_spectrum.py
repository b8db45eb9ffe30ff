"""The short-time spectrum of a recording, and the way back from it.

Frames are the first axis, as everywhere in skaudio.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal

__all__ = ["istft", "move_envelope", "stft", "stretch", "window_length"]

# Windows overlap by three quarters, so that squared Hann windows add up to a constant.
_OVERLAP = 4
# Below this share of a frame's largest power (60 dB), its envelope is flat.
_FLOOR = np.float32(1e-6)


def window_length(sample_rate: int, *, seconds: float) -> int:
    """Choose the power of two nearest to a duration.

    Parameters
    ----------
    sample_rate : int
        The rate, in Hz.
    seconds : float
        About how long a window is wanted.

    Returns
    -------
    int
        Length in samples, at least 16.
    """
    return 2 ** max(4, round(np.log2(seconds * sample_rate)))


def stft(samples: np.ndarray, n_fft: int) -> np.ndarray:
    """Transform Hann windows, a quarter of their length apart.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        The recording. Frame ``t`` is centred on sample ``t * n_fft / 4``; zeros lie beyond
        both ends.
    n_fft : int
        Length of a window, in samples.

    Returns
    -------
    ndarray of shape (n_frames, n_fft // 2 + 1)
        Complex spectra.
    """
    hop = n_fft // _OVERLAP
    n_frames = 1 + -(-len(samples) // hop)
    padded = np.zeros((n_frames - 1) * hop + n_fft, np.float32)
    padded[n_fft // 2 : n_fft // 2 + len(samples)] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    return scipy.fft.rfft(frames * _window(n_fft), axis=1)


def istft(spectra: np.ndarray, n_samples: int) -> np.ndarray:
    """Go back from spectra to samples, by weighted overlap-add.

    Parameters
    ----------
    spectra : ndarray of shape (n_frames, n_fft // 2 + 1)
        Spectra as :func:`stft` makes them.
    n_samples : int
        Length wanted; zeros follow if the spectra do not reach so far.

    Returns
    -------
    ndarray of shape (n_samples,)
        ``float32`` samples.
    """
    n_frames, n_fft = len(spectra), 2 * (spectra.shape[1] - 1)
    window = _window(n_fft)
    frames = scipy.fft.irfft(spectra, n_fft, axis=1) * window
    total = _overlap_add(frames)
    weight = _overlap_add(np.broadcast_to(window**2, (n_frames, n_fft)))
    sound = total[n_fft // 2 :] / np.maximum(weight[n_fft // 2 :], np.float32(1e-3))
    sound = sound[:n_samples]
    return np.concatenate([sound, np.zeros(n_samples - len(sound), np.float32)])


def stretch(spectra: np.ndarray, *, rate: float) -> np.ndarray:
    """Change the length of a sound and keep its frequencies, by the phase vocoder.

    Parameters
    ----------
    spectra : ndarray of shape (n_frames, n_fft // 2 + 1)
        Spectra as :func:`stft` makes them.
    rate : float
        2 halves the length.

    Returns
    -------
    ndarray of shape (ceil(n_frames / rate), n_fft // 2 + 1)
        Spectra of the stretched sound.

    See Also
    --------
    librosa.phase_vocoder : The same, frame by frame.
    """
    n_frames, n_bins = spectra.shape
    steps = np.arange(0, n_frames, rate)
    before = steps.astype(int)
    share = (steps - before).astype(np.float32)[:, None]
    padded = np.concatenate([spectra, np.zeros((2, n_bins), spectra.dtype)])
    magnitude = np.sqrt(padded.real**2 + padded.imag**2)
    # Phases as points on the unit circle: adding angles is multiplying these, and neither
    # angles nor their exponentials have to be computed.
    circle = np.divide(padded, magnitude, out=np.ones_like(padded), where=magnitude > 0)
    turns = (circle[1:] * circle[:-1].conj())[before[:-1]]
    phases = np.cumprod(np.concatenate([circle[:1], turns]), axis=0)
    return ((1 - share) * magnitude[before] + share * magnitude[before + 1]) * phases


def move_envelope(spectra: np.ndarray, *, origin: np.ndarray, n_quefrencies: int) -> np.ndarray:
    """Give each bin the envelope that another bin had; the fine structure stays.

    The envelope is a log-magnitude spectrum smoothed: of its cepstrum the beginning is kept.

    Parameters
    ----------
    spectra : ndarray of shape (n_frames, n_bins)
        Spectra.
    origin : ndarray of shape (n_bins,)
        The bin that each bin's envelope comes from; fractions are welcome.
    n_quefrencies : int
        How many cepstral coefficients make the envelope, the first of them its mean.

    Returns
    -------
    ndarray of shape (n_frames, n_bins)
        Spectra with the same phases.
    """
    power = spectra.real**2 + spectra.imag**2
    floor = _FLOOR * power.max(axis=1, keepdims=True) + np.finfo(np.float32).tiny
    logs = np.log(np.maximum(power, floor)) / 2
    # The mean, quefrency 0, is the same in every bin.
    last = spectra.shape[1] - 1
    here = _waves(last, min(n_quefrencies, last))
    # Spectra of even length have a cepstrum that is a cosine transform of the first kind.
    cepstrum = scipy.fft.dct(logs, type=1, axis=1)[:, 1 : len(here) + 1] / last
    turns = (np.pi / last) * np.outer(np.arange(1, len(here) + 1), origin)
    there = np.cos(turns).astype(np.float32)
    # BLAS is faster, but its last bits depend on the number of its threads.
    moves = np.einsum("tq,qf->tf", cepstrum, there - here, optimize=False)
    return spectra * np.exp(moves)


@lru_cache(maxsize=8)
def _waves(last: int, n_quefrencies: int) -> np.ndarray:
    """The cosines of each quefrency from 1 on, in each bin."""
    quefrencies = np.arange(1, n_quefrencies)
    return np.cos(np.pi / last * np.outer(quefrencies, np.arange(last + 1))).astype(np.float32)


@lru_cache(maxsize=8)
def _window(n_fft: int) -> np.ndarray:
    return scipy.signal.get_window("hann", n_fft).astype(np.float32)


def _overlap_add(frames: np.ndarray) -> np.ndarray:
    n_frames, n_fft = frames.shape
    hop = n_fft // _OVERLAP
    total = np.zeros((n_frames + _OVERLAP - 1, hop), np.float32)
    for quarter in range(_OVERLAP):
        total[quarter : quarter + n_frames] += frames[:, quarter * hop : (quarter + 1) * hop]
    return total.ravel()
