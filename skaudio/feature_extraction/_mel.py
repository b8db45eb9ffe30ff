"""Base class of the transformers to mel bands, and what follows from them."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real

import numpy as np
import scipy
from sklearn.utils.validation import check_is_fitted

from skaudio import dsp
from skaudio._validation import Interval, StrOptions
from skaudio.feature_extraction._base import AudioTransformer
from skaudio.feature_extraction._extractor import Extractor

__all__ = ["MelTransformer"]

# Default hop in ms: 10 is usual for keyword spotting. Longer clips have about 150 frames, up to a
# hop of 32, usual for environmental sounds. The window is three hops.
_LEAST_HOP_MS, _LARGEST_HOP_MS, _FRAMES = 10, 32, 150
_HOPS_IN_WINDOW = 3


class MelTransformer(AudioTransformer):
    """Base class of the transformers from recordings to sequences of mel bands or cepstra.

    A subclass defines how features are computed from waveforms (`_front_end`) and the names
    of the coefficients (`_band_names`).
    """

    _parameter_constraints = {
        **AudioTransformer._parameter_constraints,
        "n_fft": [Interval(Integral, 1, None, closed="left"), None],
        "win_length": [Interval(Integral, 1, None, closed="left"), None],
        "hop_length": [Interval(Integral, 1, None, closed="left"), None],
        "n_mels": [Interval(Integral, 1, None, closed="left")],
        "fmin": [Interval(Real, 0, None, closed="left")],
        "fmax": [Interval(Real, 0, None, closed="neither"), None],
        "window": [str, float, tuple, "array-like"],
        "center": ["boolean"],
        "delta_order": [Interval(Integral, 0, 2, closed="both")],
        "delta_width": [Interval(Integral, 3, None, closed="left")],
        "normalize": [StrOptions({"mean", "mean_var"}), None],
    }

    @abstractmethod
    def _front_end(self, window: np.ndarray, mel: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from waveforms to bands, which can be pickled."""

    @abstractmethod
    def _band_names(self) -> list[str]:
        """Return the names of the bands or coefficients, without derivatives."""

    def _set_lengths(self) -> None:
        self._set_frame_lengths()
        self._amplitude_window()  # whose weights must fit the length
        self._warn_of_empty_bands()
        self.n_frames_ = dsp.frame_count(
            self.n_samples_, n_fft=self.n_fft_, hop_length=self.hop_length_, center=self.center
        )
        self._check_clip_length()

    def _check_clip_length(self) -> None:
        if self.n_frames_ == 0:
            raise ValueError(
                f"Clips of {self.n_samples_} samples are shorter than one frame of "
                f"n_fft={self.n_fft_}. Use longer clips, a smaller n_fft or center=True."
            )
        if self.delta_order and self.n_frames_ < self.delta_width:
            raise ValueError(
                f"Clips of {self.n_frames_} frames are shorter than "
                f"delta_width={self.delta_width}. Use longer clips, a smaller hop_length or a "
                "smaller delta_width."
            )

    def _clip_shape(self) -> tuple[int, ...]:
        return self.n_frames_, len(self._band_names()) * (1 + self.delta_order)

    def _extractor(self) -> Extractor:
        return Extractor(
            front_end=self._front_end(self._amplitude_window(), self._mel_filterbank()),
            sample_rate=self.sample_rate,
            n_samples=self.n_samples_,
            align=self.align,
            trim_db=self.trim_db,
            loudness=self.loudness,
            finish=_Finish(
                n_fft=self.n_fft_,
                hop_length=self.hop_length_,
                center=self.center,
                delta_order=self.delta_order,
                delta_width=self.delta_width,
                normalize=self.normalize,
            ),
        )

    def get_feature_names_out(self, input_features=None):
        """Get the names of the coefficients, the last axis of the output.

        Parameters
        ----------
        input_features : None
            Ignored; recordings have no feature names.

        Returns
        -------
        ndarray of shape (n_coefficients,)
            For example ``mfcc0, mfcc1, ...``, then ``delta_mfcc0, ...``,
            ``delta2_mfcc0, ...``.
        """
        check_is_fitted(self, "n_samples_")
        prefixes = ("", "delta_", "delta2_")[: 1 + self.delta_order]
        names = [prefix + name for prefix in prefixes for name in self._band_names()]
        return np.asarray(names, dtype=object)

    def _amplitude_window(self) -> np.ndarray:
        make = _amplitude_window if isinstance(self.window, str) else dsp.amplitude_window
        window = make(self.window, self.win_length_, self.n_fft_)
        if not np.isfinite(window).all():
            raise ValueError("The window must have finite weights, but some are NaN or infinite.")
        return window

    def _mel_filterbank(self) -> scipy.sparse.csc_array:
        return _mel_filterbank(
            self.sample_rate, self.n_fft_, self.n_mels, self.fmin, self._highest_frequency()
        )

    def _highest_frequency(self) -> float:
        return self.sample_rate / 2 if self.fmax is None else self.fmax

    def _set_frame_lengths(self) -> None:
        """Set the lengths in samples; those that are None depend on rate and duration."""
        hop_ms = min(max(1000 * self.duration_ / _FRAMES, _LEAST_HOP_MS), _LARGEST_HOP_MS)
        hop = max(1, int(hop_ms * int(self.sample_rate) / 1000))
        window = int(self.win_length or _HOPS_IN_WINDOW * hop)
        self.hop_length_ = int(self.hop_length or hop)
        self.n_fft_ = int(self.n_fft or 1 << (window - 1).bit_length())
        self.win_length_ = int(self.win_length or min(window, self.n_fft_))

    def _check_parameters_together(self) -> None:
        super()._check_parameters_together()
        if self.win_length and self.n_fft and self.win_length > self.n_fft:
            raise ValueError(
                f"win_length={self.win_length} must be at most n_fft={self.n_fft}, the length of "
                "the frame that contains the window."
            )
        nyquist = self.sample_rate / 2
        if not self.fmin < self._highest_frequency() <= nyquist:
            raise ValueError(
                f"Expected fmin < fmax <= sample_rate / 2 = {nyquist:g} Hz, got "
                f"fmin={self.fmin:g} and fmax={self._highest_frequency():g}."
            )
        if self.delta_width % 2 == 0:
            raise ValueError(f"delta_width must be odd, got {self.delta_width}.")

    def _warn_of_empty_bands(self) -> None:
        n_empty = int((np.diff(self._mel_filterbank().indptr) == 0).sum())
        if n_empty:
            warnings.warn(
                f"{n_empty} of the n_mels={self.n_mels} mel bands of {type(self).__name__} are "
                f"empty: they lie between the frequencies of n_fft={self.n_fft_}, which are "
                f"{self.sample_rate / self.n_fft_:.3g} Hz apart. Use fewer n_mels or a larger "
                "n_fft.",
                stacklevel=5,
            )


@dataclass(frozen=True)
class _Finish:
    """Append derivatives and normalise; the attributes are those of the transformers."""

    n_fft: int
    hop_length: int
    center: bool
    delta_order: int
    delta_width: int
    normalize: str | None

    def __call__(self, features: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        derivatives = [
            dsp.deltas(features, width=self.delta_width, order=order)
            for order in range(1, self.delta_order + 1)
        ]
        if derivatives:
            features = np.concatenate([features, *derivatives], axis=2)
        if self.normalize is not None:
            n_sounding = [self._n_frames(length) for length in lengths]
            features = dsp.normalize(features, n_sounding, variance=self.normalize == "mean_var")
        return features

    def _n_frames(self, length: int) -> int:
        """Return the number of frames of a recording without the silence that pads it."""
        own = dsp.frame_count(
            int(length), n_fft=self.n_fft, hop_length=self.hop_length, center=self.center
        )
        return max(1, own)


# Without the cache these would take half a millisecond, and one clip takes one.
_amplitude_window = lru_cache(maxsize=8)(dsp.amplitude_window)


@lru_cache(maxsize=8)
def _mel_filterbank(
    sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> scipy.sparse.csc_array:
    return scipy.sparse.csc_array(
        dsp.mel_filterbank(
            sample_rate=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax
        )
    )
