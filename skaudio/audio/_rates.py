"""Resample between sampling rates, within limits."""

from __future__ import annotations

import math

import numpy as np
import soxr

from skaudio.audio._failures import Unusable

# With a header that states 1 Hz, every sample would become 16,000. No real recording has a
# rate so far from the requested one.
_MAX_RATIO = 256

# At a rate far below the requested one, a small file may become larger than memory.
_USUAL_RATIO = 16
_MAX_RESAMPLED = 2**26

# The resampling filter looks ahead, and a clip's last samples must not depend on where
# reading stopped: 256 samples at the slower rate leave differences below 1e-6.
_LOOK_AHEAD_SECONDS = 0.1
_LOOK_AHEAD_SAMPLES = 256


def n_samples_in(duration: float, sample_rate: int) -> int:
    """Count the samples of a clip."""
    # Rounded first: 0.07 s at 100 Hz are 7 samples, but the product is slightly larger.
    return max(1, math.ceil(round(duration * sample_rate, 6)))


def check_rate(rate: float, sample_rate: int) -> None:
    """Check that a rate is plausible, and not a mistake or from a damaged header."""
    if not sample_rate / _MAX_RATIO <= rate <= sample_rate * _MAX_RATIO:
        raise Unusable(
            f"its sampling rate is {rate:g} Hz, which is too far from sample_rate={sample_rate} "
            f"(more than {_MAX_RATIO} times)"
        )


def n_frames_needed(n_samples: int, sample_rate: int, rate: float) -> int:
    """Count the frames that a clip depends on."""
    if rate == sample_rate:
        return n_samples
    look_ahead = max(_LOOK_AHEAD_SECONDS, _LOOK_AHEAD_SAMPLES / min(rate, sample_rate))
    return math.ceil((n_samples / sample_rate + look_ahead) * rate)


def resample(samples: np.ndarray, rate: float, sample_rate: int) -> np.ndarray:
    """Resample as librosa does: soxr, high quality, the length rounded up."""
    if rate == sample_rate:
        return samples
    n_samples = math.ceil(len(samples) * sample_rate / rate)
    if n_samples > max(_MAX_RESAMPLED, _USUAL_RATIO * len(samples)):
        raise Unusable(
            f"its {len(samples)} samples at {rate:g} Hz would become {n_samples} at {sample_rate} "
            "Hz; read a part of it, e.g. with a duration"
        )
    resampled = soxr.resample(samples, rate, sample_rate, quality="HQ")[:n_samples]
    return np.pad(resampled, (0, n_samples - len(resampled)))  # soxr may round the length down
