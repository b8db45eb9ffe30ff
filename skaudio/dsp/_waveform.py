"""Loudness of waveforms, and the interval that contains sound."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal

__all__ = ["LOWEST_RATE_OF_LOUDNESS", "loudness", "sounding_interval", "unpadded_lengths"]


# At lower rates the filter for the ear, which rises at 1.7 kHz, does not fit.
LOWEST_RATE_OF_LOUDNESS = 4000


def loudness(samples: np.ndarray, *, sample_rate: float) -> float:
    """Measure the perceived loudness of a recording.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        Mono samples.
    sample_rate : float
        Sampling rate in Hz, at least 4000.

    Returns
    -------
    float
        Integrated loudness in LUFS, dB relative to full scale after the filter for the
        ear: the mean power of the blocks of 0.4 s above -70 LUFS, without those that are
        10 LU or more below the mean of these. A recording shorter than 0.4 s is one block.
        The loudness of silence is ``-inf``.

    References
    ----------
    Recommendation ITU-R BS.1770-5, "Algorithms to measure audio programme loudness and
    true-peak audio level", 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import loudness
    >>> t = np.arange(48000) / 48000
    >>> round(loudness(np.sin(2 * np.pi * 997 * t), sample_rate=48000), 1)
    -3.0
    """
    if sample_rate < LOWEST_RATE_OF_LOUDNESS:
        raise ValueError(
            f"Loudness is measured at {LOWEST_RATE_OF_LOUDNESS} Hz or more, got {sample_rate} Hz."
        )
    if len(samples) == 0:
        return -np.inf
    filtered = scipy.signal.sosfilt(_k_weighting(sample_rate), samples.astype(np.float64))
    length = min(len(filtered), round(0.4 * sample_rate))
    starts = np.arange(0, len(filtered) - length + 1, max(1, length // 4))
    energy = np.concatenate([[0.0], np.cumsum(filtered**2)])
    block = np.maximum(energy[starts + length] - energy[starts], 0.0) / length
    block = block[_lufs(block) > -70.0]
    if len(block) == 0:
        return -np.inf
    block = block[_lufs(block) > _lufs(block.mean()) - 10.0]
    return float(_lufs(block.mean()))


def _lufs(power: Any) -> Any:
    with np.errstate(divide="ignore"):
        return -0.691 + 10 * np.log10(power)


def _k_weighting(sample_rate: float) -> np.ndarray:
    """The K weighting: a shelf for the head above 1.7 kHz, a high pass at 38 Hz.

    The recommendation gives coefficients for 48 kHz; these are computed from the
    corresponding analogue filters, for any rate.
    """
    shelf_gain = 10 ** (3.999843853973347 / 20)
    half_gain = shelf_gain**0.4996667741545416
    k, q = np.tan(np.pi * 1681.974450955533 / sample_rate), 0.7071752369554196
    norm = 1 + k / q + k**2
    shelf = [
        (shelf_gain + half_gain * k / q + k**2) / norm,
        2 * (k**2 - shelf_gain) / norm,
        (shelf_gain - half_gain * k / q + k**2) / norm,
        1.0,
        2 * (k**2 - 1) / norm,
        (1 - k / q + k**2) / norm,
    ]
    k, q = np.tan(np.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    norm = 1 + k / q + k**2
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k**2 - 1) / norm, (1 - k / q + k**2) / norm]
    return np.array([shelf, high_pass])


def sounding_interval(
    samples: np.ndarray, *, top_db: float = 40.0, frame_length: int = 400, hop_length: int = 160
) -> tuple[int, int]:
    """Find the beginning and the end of the sound, by its energy.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        Mono samples.
    top_db : float, default=40.0
        Frames whose power is no more than this far below that of the loudest frame are
        sound.
    frame_length : int, default=400
        Length of a frame in samples: 25 ms at 16 kHz.
    hop_length : int, default=160
        Samples between two frames: 10 ms at 16 kHz.

    Returns
    -------
    (int, int)
        Start and end: the sound is ``samples[start:end]``. For silence this is the whole
        clip.

    See Also
    --------
    librosa.effects.trim : The same interval, with other defaults.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import sounding_interval
    >>> clip = np.zeros(8000)
    >>> clip[3200:4800] = 0.5
    >>> sounding_interval(clip)
    (3040, 5120)
    """
    if len(samples) == 0:
        return 0, 0
    padded = np.pad(np.asarray(samples, dtype=np.float64), frame_length // 2)
    energy = np.concatenate([[0.0], np.cumsum(padded**2)])
    starts = np.arange(0, len(padded) - frame_length + 1, hop_length)
    power = (energy[starts + frame_length] - energy[starts]) / frame_length
    sounding = np.flatnonzero(power > power.max() * 10 ** (-top_db / 10))
    if len(sounding) == 0:
        return 0, len(samples)
    return int(sounding[0]) * hop_length, min(len(samples), int(sounding[-1] + 1) * hop_length)


def unpadded_lengths(waveforms: np.ndarray) -> np.ndarray:
    """Measure clips without the zeros at their ends.

    Parameters
    ----------
    waveforms : ndarray of shape (n_clips, n_samples)
        The clips.

    Returns
    -------
    ndarray of shape (n_clips,)
        Samples up to the last one that is not zero.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.dsp import unpadded_lengths
    >>> unpadded_lengths(np.array([[0.5, 0.0, 0.1, 0.0], [0.0, 0.0, 0.0, 0.0]])).tolist()
    [3, 0]
    """
    is_sound = waveforms != 0
    after_last = waveforms.shape[1] - is_sound[:, ::-1].argmax(axis=1)
    return np.where(is_sound.any(axis=1), after_last, 0)
