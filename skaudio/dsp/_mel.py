"""The mel scale, its filters, and mel spectrograms."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from skaudio.dsp._spectrum import frame_count, frames, power_spectrum

__all__ = ["are_overlapping", "mel_filterbank", "mel_frequencies", "mel_spectrogram"]

# Bytes of the spectra that are computed together, about 500 frames at n_fft=512. With half
# of it, threads spent their time waiting for the interpreter lock; with twice as much, the
# system allocated new memory for every block, and the time of a frame doubled.
_CHUNK = 2**20


def mel_frequencies(n: int, *, fmin: float, fmax: float) -> np.ndarray:
    """Compute frequencies that are evenly spaced on the mel scale.

    The scale is that of Slaney's Auditory Toolbox, librosa's default: linear below
    1 kHz (200/3 Hz per mel), logarithmic above (27 mels for a factor of 6.4).

    Parameters
    ----------
    n : int
        Number of frequencies.
    fmin, fmax : float
        The first and the last one, in Hz.

    Returns
    -------
    ndarray of shape (n,)
        Frequencies in Hz, equal to :func:`librosa.mel_frequencies`.

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


def mel_spectrogram(
    waveforms: np.ndarray,
    *,
    window: np.ndarray,
    mel: np.ndarray | scipy.sparse.sparray,
    hop_length: int,
    center: bool = True,
    power: float = 2.0,
    dtype: type = np.float32,
) -> np.ndarray:
    """Sum the spectrum of each frame into mel bands.

    Parameters
    ----------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips, ``float32``.
    window : ndarray of shape (n_fft,)
        From :func:`amplitude_window`.
    mel : ndarray or sparse array of shape (n_fft // 2 + 1, n_mels)
        From :func:`mel_filterbank`. A sparse array saves the conversion.
    hop_length : int
        Samples between two frames.
    center : bool, default=True
        Pad by ``n_fft // 2`` zeros on both sides.
    power : {1.0, 2.0}, default=2.0
        Exponent of the magnitudes that are summed: 1 for amplitude, 2 for power.
    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
        Precision of the transform, as in :func:`power_spectrogram`.

    Returns
    -------
    ndarray of shape (n_clips, n_frames, n_mels)
        :func:`librosa.feature.melspectrogram` of each clip, transposed.

    Notes
    -----
    Windows of one long recording, made by :func:`numpy.lib.stride_tricks.sliding_window_view`
    with a step that is a multiple of `hop_length`, share their frames: each one is computed once,
    except those at the ends of a window, which see the zeros beyond it.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import amplitude_window, mel_filterbank, mel_spectrogram
    >>> noise = np.random.default_rng(0).normal(size=(2, 8000)).astype(np.float32)
    >>> mel = mel_filterbank(sample_rate=8000, n_fft=512, n_mels=40, fmin=0, fmax=4000)
    >>> window = amplitude_window("hann", 400, 512)
    >>> mel_spectrogram(noise, window=window, mel=mel, hop_length=80).shape
    (2, 101, 40)
    """
    # Each bin of the spectrum is in at most two bands, so a sparse product is faster than
    # a dense one, and its order of additions does not depend on the number of frames.
    bands = mel if scipy.sparse.issparse(mel) else scipy.sparse.csc_array(mel)

    def summed(clips: np.ndarray) -> np.ndarray:
        return _summed(clips, window.astype(dtype), bands, hop_length, center, power)

    step = waveforms.strides[0] // waveforms.itemsize
    if not are_overlapping(waveforms) or step % hop_length:
        return summed(waveforms)
    n_fft, n_samples = len(window), waveforms.shape[1]
    n_frames = frame_count(n_samples, n_fft=n_fft, hop_length=hop_length, center=center)
    # Frames before `first`, and those from `last`, reach beyond their window.
    first = -(-(n_fft // 2) // hop_length) if center else 0
    last = (n_samples + n_fft // 2 - n_fft) // hop_length + 1 if center else n_frames
    if last <= 2 * first:
        return summed(waveforms)
    whole = np.lib.stride_tricks.as_strided(
        waveforms, (1, step * (len(waveforms) - 1) + n_samples), writeable=False
    )
    # Frame j of window w is frame w * step / hop_length + j of the whole.
    shared = np.lib.stride_tricks.sliding_window_view(summed(whole)[0], n_frames, axis=0)
    energies = shared[:: step // hop_length].transpose(0, 2, 1).copy()
    if center:
        length = (first - 1) * hop_length + n_fft - n_fft // 2
        energies[:, :first] = summed(waveforms[:, :length])[:, :first]
        start = (last - first) * hop_length
        energies[:, last:] = summed(waveforms[:, start:])[:, first:]
    return energies


def are_overlapping(clips: np.ndarray) -> bool:
    """Check whether clips are windows of one recording that overlap by half or more.

    Parameters
    ----------
    clips : ndarray of shape (n_clips, n_samples)
        The clips.

    Returns
    -------
    bool
        Whether each clip begins within the first half of the one before, in the same memory.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import are_overlapping
    >>> windows = np.lib.stride_tricks.sliding_window_view(np.arange(9.0), 4)
    >>> are_overlapping(windows), are_overlapping(windows.copy())
    (True, False)
    """
    step, itemsize = clips.strides
    return itemsize == clips.itemsize and 0 < 2 * step <= clips.shape[1] * itemsize


def _summed(
    waveforms: np.ndarray,
    window: np.ndarray,
    bands: scipy.sparse.sparray,
    hop_length: int,
    center: bool,
    power: float,
) -> np.ndarray:
    n_fft = len(window)
    n_frames = frame_count(waveforms.shape[1], n_fft=n_fft, hop_length=hop_length, center=center)
    summed = np.empty((len(waveforms), n_frames, bands.shape[1]), dtype=np.float32)
    most_frames = max(1, _CHUNK // (bands.shape[0] * 2 * window.itemsize))
    most_clips = max(1, most_frames // max(1, n_frames))
    scratch = np.empty((most_clips, min(most_frames, n_frames), n_fft), window.dtype)
    for clip in range(0, len(waveforms), most_clips):
        cut = frames(
            waveforms[clip : clip + most_clips], n_fft=n_fft, hop_length=hop_length, center=center
        )
        for frame in range(0, n_frames, most_frames):
            part = cut[:, frame : frame + most_frames]
            rows, columns, _ = part.shape
            spectrum = power_spectrum(part, window, scratch=scratch[:rows, :columns])
            if power == 1.0:
                np.sqrt(spectrum, out=spectrum)
            flat = spectrum.reshape(rows * columns, -1)
            here = np.s_[clip : clip + rows, frame : frame + columns]
            summed[here] = (flat @ bands).reshape(rows, columns, -1)
    return summed
