"""Transformers from recordings to feature sequences."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from tqdm.auto import tqdm

from skaudio import audio, dsp
from skaudio._validation import Interval, StrOptions, check_recordings
from skaudio.exceptions import AudioError

__all__ = ["MFCCTransformer"]

# Clips that are decoded and transformed together: enough to keep NumPy busy, few enough
# that the spectra of a block stay in the processor's cache.
_BLOCK = 16


class MFCCTransformer(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Turn recordings into mel-frequency cepstral coefficients.

    The values are those of :func:`librosa.feature.mfcc`, clip by clip: the features of
    a clip depend on that clip alone.

    Parameters
    ----------
    sample_rate : int, default=16000
        Every recording is resampled to this rate, in Hz. 16 kHz keeps the whole band of
        speech; librosa's default of 22,050 Hz would resample nearly every recording of
        speech without need.
    duration : float or None, default=None
        Length of a clip in seconds: longer recordings lose their end, shorter ones are
        followed by silence. None learns it in `fit`: recordings longer than four times
        the median are set aside, and of the others the shortest length that covers 95 %
        is taken. So one absurdly long recording does not decide it.
    n_mfcc : int, default=40
        Number of coefficients, at most `n_mels`. 13 to 20 are usual for hidden Markov
        models; convolutional networks gain from the finer detail.
    n_fft : int, default=512
        Length of the Fourier transform, in samples: 32 ms at 16 kHz.
    win_length : int or None, default=480
        Length of the analysis window, in samples, padded with zeros to `n_fft`: 30 ms at
        16 kHz, the usual choice for keyword spotting. None means `n_fft`.
    hop_length : int, default=160
        Samples from one frame to the next: 10 ms at 16 kHz.
    n_mels : int, default=64
        Number of mel bands.
    fmin : float, default=0.0
        Lowest frequency, in Hz.
    fmax : float or None, default=None
        Highest frequency, in Hz. None means half the sampling rate.
    window : str, float, tuple or array-like of shape (win_length,), default="hann"
        The analysis window, as :func:`scipy.signal.get_window` takes it.
    center : bool, default=True
        Centre frame ``t`` on sample ``t * hop_length``, padding the clip with zeros.
    top_db : float or None, default=80.0
        Dynamic range, in dB: what lies further below the loudest band of the same clip
        is raised to that floor. None keeps everything (down to -100 dB).
    dct_type : {1, 2, 3}, default=2
        Type of the discrete cosine transform.
    norm : {"ortho", None}, default="ortho"
        Normalisation of the discrete cosine transform.
    lifter : float, default=0
        Cepstral liftering; 0 means none.
    delta_order : {0, 1, 2}, default=0
        Append the derivatives along time up to this order: the output has
        ``n_mfcc * (1 + delta_order)`` coefficients. Convolutions and recurrent layers
        learn derivatives by themselves, hence 0.
    delta_width : int, default=9
        Frames over which a derivative is estimated; odd, at least 3.
    n_jobs : int or None, default=None
        Workers that decode and transform at the same time, as in scikit-learn. They are
        threads (decoding and Fourier transforms release the interpreter), unless
        :func:`joblib.parallel_config` says otherwise.
    verbose : int, default=0
        Show a progress bar when positive.

    Attributes
    ----------
    duration_ : float
        Length of every clip, in seconds: `duration`, or what was learned.
    n_samples_ : int
        Length of every clip, in samples at `sample_rate`.
    n_frames_ : int
        Number of frames of every clip.
    n_features_in_ : int
        Number of samples in a row. Only defined when `fit` was given a 2-D array.

    See Also
    --------
    librosa.feature.mfcc : The same for one waveform, transposed.
    skaudio.dsp.mfcc : The arithmetic.

    Notes
    -----
    `fit` learns the length of a clip and nothing else. With `duration` given it does not
    open any recording.

    Frames in the silence that follows a short recording are what librosa would compute
    for that silence. The classifiers of skaudio recognise such frames at the end of a
    clip; the recurrent ones mask them.

    References
    ----------
    S. Davis and P. Mermelstein, "Comparison of parametric representations for
    monosyllabic word recognition in continuously spoken sentences", IEEE Transactions
    on Acoustics, Speech, and Signal Processing 28(4), 357-366, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import MFCCTransformer
    >>> rng = np.random.default_rng(0)
    >>> clips = [rng.normal(size=16000), (rng.normal(size=6000), 8000)]
    >>> mfcc = MFCCTransformer(n_mfcc=13).fit(clips)
    >>> mfcc.duration_
    1.0
    >>> mfcc.transform(clips).shape
    (2, 101, 13)
    """

    _parameter_constraints = {
        "sample_rate": [Interval(Integral, 1, None, closed="left")],
        "duration": [Interval(Real, 0, None, closed="neither"), None],
        "n_mfcc": [Interval(Integral, 1, None, closed="left")],
        "n_fft": [Interval(Integral, 1, None, closed="left")],
        "win_length": [Interval(Integral, 1, None, closed="left"), None],
        "hop_length": [Interval(Integral, 1, None, closed="left")],
        "n_mels": [Interval(Integral, 1, None, closed="left")],
        "fmin": [Interval(Real, 0, None, closed="left")],
        "fmax": [Interval(Real, 0, None, closed="neither"), None],
        "window": [str, float, tuple, "array-like"],
        "center": ["boolean"],
        "top_db": [Interval(Real, 0, None, closed="left"), None],
        "dct_type": [Interval(Integral, 1, 3, closed="both")],
        "norm": [StrOptions({"ortho"}), None],
        "lifter": [Interval(Real, 0, None, closed="left")],
        "delta_order": [Interval(Integral, 0, 2, closed="both")],
        "delta_width": [Interval(Integral, 3, None, closed="left")],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        sample_rate=16000,
        duration=None,
        n_mfcc=40,
        n_fft=512,
        win_length=480,
        hop_length=160,
        n_mels=64,
        fmin=0.0,
        fmax=None,
        window="hann",
        center=True,
        top_db=80.0,
        dct_type=2,
        norm="ortho",
        lifter=0,
        delta_order=0,
        delta_width=9,
        n_jobs=None,
        verbose=0,
    ):
        self.sample_rate = sample_rate
        self.duration = duration
        self.n_mfcc = n_mfcc
        self.n_fft = n_fft
        self.win_length = win_length
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.window = window
        self.center = center
        self.top_db = top_db
        self.dct_type = dct_type
        self.norm = norm
        self.lifter = lifter
        self.delta_order = delta_order
        self.delta_width = delta_width
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X, y=None):
        """Learn the length of a clip; nothing else is learned.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, n_samples)
            Each recording is a path (``str`` or ``PathLike``), encoded bytes, an open
            binary file, a 1-D array of samples at `sample_rate`, or a pair
            ``(samples, sample_rate)``. WAV, FLAC, OGG and MP3 are read, at any rate,
            mono or not.
        y : array-like of shape (n_clips,), default=None
            Only its length is checked.

        Returns
        -------
        MFCCTransformer
            The fitted transformer.

        Raises
        ------
        AudioError
            Names the recordings that cannot be opened (only if `duration` is None).
        """
        self._validate_params()
        self._check_parameters_together()
        recordings = check_recordings(X, y, estimator=self)
        if self.duration is not None:
            self.duration_ = float(self.duration)
        else:
            seconds = audio.durations(recordings, sample_rate=self.sample_rate)
            self.duration_ = _typical_duration(seconds)
        # Rounded first: 0.3 s at 16 kHz is 4800 samples, not 4799 or 4801.
        self.n_samples_ = int(np.ceil(round(self.duration_ * self.sample_rate, 6)))
        self.n_frames_ = dsp.frame_count(
            self.n_samples_, n_fft=self.n_fft, hop_length=self.hop_length, center=self.center
        )
        if self.n_samples_ == 0:
            raise ValueError(f"A duration of {self.duration_:g} s is less than one sample.")
        if self.n_frames_ == 0:
            raise ValueError(
                f"Clips of {self.n_samples_} samples are shorter than one frame of "
                f"n_fft={self.n_fft}. Use longer clips, a smaller n_fft or center=True."
            )
        if self.delta_order and self.n_frames_ < self.delta_width:
            raise ValueError(
                f"Clips of {self.n_frames_} frames are shorter than "
                f"delta_width={self.delta_width}. Use longer clips, a smaller hop_length or a "
                "smaller delta_width."
            )
        if isinstance(recordings, np.ndarray):
            self.n_features_in_ = recordings.shape[1]
        elif hasattr(self, "n_features_in_"):
            del self.n_features_in_
        return self

    def transform(self, X):
        """Compute the features of each recording.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, n_samples)
            As in `fit`; the recordings may be of any length.

        Returns
        -------
        ndarray of shape (n_clips, n_frames, n_coefficients)
            The coefficients, ``float32``: `n_frames_` frames of ``n_mfcc * (1 + delta_order)``.

        Raises
        ------
        AudioError
            Names every recording that cannot be used, and why; up to ten, then a count.
        """
        check_is_fitted(self, "n_samples_")
        recordings = check_recordings(X, estimator=self)
        window = self._amplitude_window()
        mel = dsp.mel_filterbank(
            sample_rate=self.sample_rate,
            n_fft=self.n_fft,
            n_mels=self.n_mels,
            fmin=self.fmin,
            fmax=self._highest_frequency(),
        )
        basis = dsp.dct_basis(
            self.n_mels,
            self.n_mfcc,
            dct_type=self.dct_type,
            norm=self.norm,
            lifter=self.lifter,
        )

        def features_of(start):
            waveforms, failures = audio.load_batch(
                recordings[start : start + _BLOCK],
                sample_rate=self.sample_rate,
                n_samples=self.n_samples_,
                first_index=start,
            )
            if failures:
                return start, None, failures
            block = dsp.mfcc(
                waveforms,
                window=window,
                mel=mel,
                basis=basis,
                hop_length=self.hop_length,
                center=self.center,
                top_db=self.top_db,
            )
            return start, self._with_deltas(block), failures

        starts = range(0, len(recordings), _BLOCK)
        n_coefficients = self.n_mfcc * (1 + self.delta_order)
        features = np.empty((len(recordings), self.n_frames_, n_coefficients), np.float32)
        failures: list[tuple[str, str]] = []
        with tqdm(
            total=len(recordings), desc="MFCC", unit="clip", disable=not self.verbose
        ) as progress:
            blocks = joblib.Parallel(self.n_jobs, prefer="threads", return_as="generator")(
                joblib.delayed(features_of)(start) for start in starts
            )
            for start, block, failed in blocks:
                failures += failed
                if block is not None:
                    features[start : start + _BLOCK] = block
                progress.update(min(_BLOCK, len(recordings) - start))
        if failures:
            raise AudioError(failures)
        return features

    def get_feature_names_out(self, input_features=None):
        """Name the coefficients, the last axis of the output.

        Parameters
        ----------
        input_features : None
            Ignored; recordings have no feature names.

        Returns
        -------
        ndarray of shape (n_mfcc * (1 + delta_order),)
            ``mfcc0, mfcc1, ...``, then ``delta_mfcc0, ...``, ``delta2_mfcc0, ...``.
        """
        check_is_fitted(self, "n_samples_")
        prefixes = ("", "delta_", "delta2_")[: 1 + self.delta_order]
        names = [f"{prefix}mfcc{n}" for prefix in prefixes for n in range(self.n_mfcc)]
        return np.asarray(names, dtype=object)

    def set_output(self, *, transform=None):
        """Accept the default container only.

        Parameters
        ----------
        transform : {"default", None}, default=None
            Features have three axes and a data frame has two, so ``"pandas"`` and
            ``"polars"`` are refused.

        Returns
        -------
        MFCCTransformer
            The transformer itself.
        """
        if transform not in (None, "default"):
            raise ValueError(
                f"MFCCTransformer cannot put out {transform!r}: its features are "
                "(clips, frames, coefficients) and a data frame has two axes. "
                "Use 'default', or reshape the array first."
            )
        return self

    def _with_deltas(self, block: np.ndarray) -> np.ndarray:
        parts: Sequence[np.ndarray] = [block] + [
            dsp.deltas(block, width=self.delta_width, order=order)
            for order in range(1, self.delta_order + 1)
        ]
        return np.concatenate(parts, axis=2)

    def _amplitude_window(self) -> np.ndarray:
        window = dsp.amplitude_window(self.window, self.win_length or self.n_fft, self.n_fft)
        if not np.isfinite(window).all():
            raise ValueError("The window has weights that are NaN or infinite.")
        return window

    def _highest_frequency(self) -> float:
        return self.sample_rate / 2 if self.fmax is None else self.fmax

    def _check_parameters_together(self) -> None:
        if self.n_mfcc > self.n_mels:
            raise ValueError(
                f"n_mfcc={self.n_mfcc} coefficients cannot be made of n_mels={self.n_mels} mel "
                "bands: n_mfcc must be at most n_mels."
            )
        if self.win_length is not None and self.win_length > self.n_fft:
            raise ValueError(
                f"win_length={self.win_length} must be at most n_fft={self.n_fft}, the length of "
                "the frame that holds the window."
            )
        self._amplitude_window()
        nyquist = self.sample_rate / 2
        if not self.fmin < self._highest_frequency() <= nyquist:
            raise ValueError(
                f"Expected fmin < fmax <= sample_rate / 2 = {nyquist:g} Hz, got "
                f"fmin={self.fmin:g} and fmax={self._highest_frequency():g}."
            )
        if self.delta_width % 2 == 0:
            raise ValueError(f"delta_width must be odd, got {self.delta_width}.")
        if self.dct_type == 1 and self.norm == "ortho" and self.n_mels < 2:
            raise ValueError("dct_type=1 needs n_mels of at least 2, got 1.")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _typical_duration(seconds: np.ndarray) -> float:
    """The length that covers 95 % of the recordings, absurd ones set aside."""
    usual: Any = seconds[seconds <= 4 * np.median(seconds)]
    return float(np.quantile(usual, 0.95, method="higher"))
