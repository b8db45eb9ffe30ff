"""Effects on recordings, as pure functions of their samples.

Samples are mono ``float32``. Random numbers are passed as arguments, so that the functions
are deterministic. Effects are applied in their physical order: the speaker (speed), the time
(shift), the room, the noise at the microphone, its gain.
"""

from __future__ import annotations

import numpy as np
import scipy.signal
import soxr

from skaudio import audio

__all__ = [
    "add_noise",
    "add_reverberation",
    "change_gain",
    "change_speed",
    "shift_time",
    "synthetic_impulse_response",
    "white_noise",
]

# The reverberation of a synthetic room is this far below the direct sound, in dB, as at about
# two metres from the microphone in a living room.
_DIRECT_TO_REVERBERANT = 3.0


def change_speed(samples: np.ndarray, *, sample_rate: int, factor: float) -> np.ndarray:
    """Play a recording faster or slower, with another pitch.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        The recording.
    sample_rate : int
        Its rate, in Hz.
    factor : float
        Speed: 1.1 shortens the recording by a tenth and raises all frequencies by a tenth.

    Returns
    -------
    ndarray of shape (ceil(n_samples / factor),)
        The recording at the same rate.

    References
    ----------
    T. Ko, V. Peddinti, D. Povey and S. Khudanpur, "Audio augmentation for speech
    recognition", Interspeech 2015, 3586-3589.
    """
    resampled = soxr.resample(samples, sample_rate * factor, sample_rate, quality="HQ")
    return audio.fit_length(resampled, int(np.ceil(len(samples) / factor)))


def shift_time(samples: np.ndarray, *, sample_rate: int, seconds: float) -> np.ndarray:
    """Add silence before a recording, or cut its beginning.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        The recording.
    sample_rate : int
        Its rate, in Hz.
    seconds : float
        Positive: the silence that is added, which makes the recording longer.
        Negative: the length that is cut; the same length of silence is added at the end.

    Returns
    -------
    ndarray of shape (n_samples + max(0, shift),)
        The shifted recording.
    """
    shift = round(seconds * sample_rate)
    if shift >= 0:
        return np.concatenate([np.zeros(shift, samples.dtype), samples])
    return audio.fit_length(samples[-shift:], len(samples))


def add_reverberation(samples: np.ndarray, *, impulse_response: np.ndarray) -> np.ndarray:
    """Add the reverberation of a room to a recording.

    The direct sound, the largest sample of the impulse response, keeps its position
    in time; the recording keeps its length and its level (root mean square).

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        The recording.
    impulse_response : ndarray of shape (n,)
        The room's response to an impulse, at the rate of the recording.

    Returns
    -------
    ndarray of shape (n_samples,)
        The recording in that room.

    References
    ----------
    T. Ko, V. Peddinti, D. Povey, M. L. Seltzer and S. Khudanpur, "A study on data
    augmentation of reverberant speech for robust speech recognition", ICASSP 2017,
    5220-5224.
    """
    direct = int(np.argmax(np.abs(impulse_response)))
    response = impulse_response[direct : direct + len(samples)]
    wet = scipy.signal.fftconvolve(samples, response)[: len(samples)]
    before, after = _power(samples), _power(wet)
    if after == 0:
        return samples
    return (wet * np.sqrt(before / after)).astype(np.float32)


def synthetic_impulse_response(
    *, sample_rate: int, reverberation_time: float, seed: int
) -> np.ndarray:
    """Make the response of a synthetic room: an impulse, then exponentially decaying noise.

    Parameters
    ----------
    sample_rate : int
        The rate, in Hz.
    reverberation_time : float
        Seconds until the noise has decayed by 60 dB (RT60).
    seed : int
        Seed of the noise.

    Returns
    -------
    ndarray of shape (n,)
        An impulse of one, and noise of half its energy (3 dB below) that lasts
        `reverberation_time`.

    References
    ----------
    J.-D. Polack, "La transmission de l'énergie sonore dans les salles", Université du Maine,
    1988.
    """
    n_samples = max(1, round(reverberation_time * sample_rate))
    noise = white_noise(n_samples, seed=seed)
    noise *= np.exp(np.linspace(0, np.log(1e-3), n_samples, dtype=np.float32))
    noise *= np.float32(10 ** (-_DIRECT_TO_REVERBERANT / 20)) / np.float32(np.sqrt(_energy(noise)))
    return np.concatenate([np.ones(1, np.float32), noise])


def add_noise(samples: np.ndarray, *, noise: np.ndarray, snr: float) -> np.ndarray:
    """Add noise at a given signal-to-noise ratio.

    Both powers are means over the whole recording. If the recording or the noise is silent,
    the recording is returned unchanged.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        The recording.
    noise : ndarray of shape (n_samples,)
        The noise, at any level.
    snr : float
        Signal-to-noise ratio, in dB.

    Returns
    -------
    ndarray of shape (n_samples,)
        The sum.
    """
    signal_power, noise_power = _power(samples), _power(noise)
    if signal_power == 0 or noise_power == 0:
        return samples
    scale = np.sqrt(signal_power / noise_power) * 10 ** (-snr / 20)
    return samples + np.float32(scale) * noise


def white_noise(n_samples: int, *, seed: int) -> np.ndarray:
    """Draw normally distributed samples.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    seed : int
        Seed: the same seed gives the same noise.

    Returns
    -------
    ndarray of shape (n_samples,)
        Noise of variance one, ``float32``.
    """
    return np.random.default_rng(seed).standard_normal(n_samples, dtype=np.float32)


def change_gain(samples: np.ndarray, *, decibels: float) -> np.ndarray:
    """Make a recording louder or softer; nothing is clipped.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        The recording.
    decibels : float
        Gain, in dB: 20 multiplies the samples by ten.

    Returns
    -------
    ndarray of shape (n_samples,)
        The recording at another level.
    """
    return samples * np.float32(10 ** (decibels / 20))


def _power(samples: np.ndarray) -> float:
    return _energy(samples) / max(len(samples), 1)


def _energy(samples: np.ndarray) -> float:
    # Without np.dot and np.linalg.norm: the last bits of BLAS depend on its number of threads.
    return float(np.square(samples, dtype=np.float64).sum())
