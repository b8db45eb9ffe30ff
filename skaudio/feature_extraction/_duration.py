"""The length of a clip, learned from the lengths of the recordings."""

from __future__ import annotations

import math
import warnings

import numpy as np

__all__ = ["typical_duration", "warn_of_cuts"]

# A learned clip length covers this share of the recordings. Up to one in ten are ignored if they
# are longer than this multiple of the median, such as whole concerts among words.
_COVERED = 0.95
_ABSURD = 4
_FEW = 0.1

# Lengths of clips, in seconds, up to powers of ten: preferred numbers (ISO 3, R10), a quarter
# apart. A clip may lose this share to the next smaller one, less than a frame of most clips.
_LENGTHS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.4, 8.0, 10.0)
_LOST = 0.005


def typical_duration(seconds: np.ndarray) -> float:
    """Return the length that covers 95 % of the recordings, without a few very long ones.

    It is rounded up, so that it is usually the same in all folds of a cross-validation, which
    can then share stored features.

    Parameters
    ----------
    seconds : ndarray of shape (n_clips,)
        Lengths of the recordings.

    Returns
    -------
    float
        The length of a clip, in seconds.
    """
    usual = np.sort(seconds[seconds <= _ABSURD * np.median(seconds)])
    if len(seconds) - len(usual) > max(1, _FEW * len(seconds)):
        usual = np.sort(seconds)  # they are too many to be exceptions
    longest = float(usual[int(np.ceil(_COVERED * len(usual))) - 1])
    return _rounded_up(longest * (1 - _LOST))


def _rounded_up(seconds: float) -> float:
    """Return the smallest preferred length that is at least this long."""
    unit = 10.0 ** math.floor(math.log10(max(seconds, 1e-3)))
    mantissa = next(length for length in _LENGTHS if length * unit >= seconds * (1 - 1e-9))
    return float(f"{mantissa * unit:.6g}")


def warn_of_cuts(seconds: np.ndarray, duration: float, *, caller: str) -> None:
    """Warn if more recordings than expected are longer than the length of a clip.

    Parameters
    ----------
    seconds : ndarray of shape (n_clips,)
        Lengths of the recordings.
    duration : float
        The learned length of a clip, in seconds.
    caller : str
        The transformer to name.
    """
    n_cut = int((seconds * (1 - _LOST) > duration).sum())
    if n_cut > (1 - _COVERED) * len(seconds):
        warnings.warn(
            f"{caller} learned a clip length of {duration:g} s, and {n_cut} of the "
            f"{len(seconds)} recordings are longer (up to {seconds.max():.3g} s); their ends will "
            "be cut. Set duration to choose the length, or split the long recordings with "
            "skaudio.audio.Segment.",
            stacklevel=4,  # the caller of fit or fit_transform
        )
