"""Base class of the transformers: reading, clip length, workers and the store."""

from __future__ import annotations

import contextlib
import importlib.metadata
import math
import os
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
import scipy
from joblib.parallel import get_active_backend
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skaudio import audio, dsp
from skaudio._progress import progress_bar
from skaudio._validation import (
    HasMethods,
    Interval,
    StrOptions,
    as_it_was_if_it_fails,
    check_recordings,
)
from skaudio._version import __version__
from skaudio.exceptions import AudioError
from skaudio.feature_extraction._extractor import Extractor
from skaudio.store import FeatureStore

__all__ = ["AudioTransformer"]

# The maximum size of one task: 128 clips, or as many samples as in 131 seconds at 16 kHz. This
# makes the overhead of a task small. Each worker gets several tasks, so that all finish at about
# the same time.
_MOST_CLIPS = 128
_MOST_SAMPLES = 2**21
_TASKS_PER_WORKER = 4

# Clips that are stored together: at most these are lost if a process is killed.
_SAVED = 512

# Increase this when the same parameters lead to different features, so that stored ones are no
# longer used.
_REVISION = 2

# A learned clip length covers this share of the recordings. Up to one in ten are ignored if they
# are longer than this multiple of the median, such as whole concerts among words.
_COVERED = 0.95
_ABSURD = 4
_FEW = 0.1

# Lengths of clips, in seconds, up to powers of ten: preferred numbers (ISO 3, R10), a quarter
# apart. A clip may lose this share to the next smaller one, less than a frame of most clips.
_LENGTHS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.4, 8.0, 10.0)
_LOST = 0.005

# Default hop in ms: 10 is usual for keyword spotting. Longer clips have about 150 frames, up to a
# hop of 32, usual for environmental sounds. The window is three hops.
_LEAST_HOP_MS, _LARGEST_HOP_MS, _FRAMES = 10, 32, 150
_HOPS_IN_WINDOW = 3

# Parameters that do not change the features. The duration does, but through n_samples_, which
# is also set when it is learned.
_WITHOUT_EFFECT = {"duration", "memory", "n_jobs", "verbose"}


class AudioTransformer(
    TransformerMixin, BaseEstimator, metaclass=ABCMeta, auto_wrap_output_keys=None
):
    """Base class of the transformers from recordings to feature sequences.

    A subclass defines how features are computed from waveforms (`_front_end`) and the names
    of the coefficients (`_band_names`).
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "sample_rate": [Interval(Integral, 1, None, closed="left")],
        "duration": [Interval(Real, 0, None, closed="neither"), None],
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
        "align": [StrOptions({"trim", "center"}), None],
        "trim_db": [Interval(Real, 0, None, closed="neither")],
        "loudness": [Interval(Real, -100, 20, closed="both"), None],
        "memory": [str, os.PathLike, "boolean", FeatureStore, HasMethods("cache"), None],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init_subclass__(cls, **kwargs):
        # Features have three axes, so set_config(transform_output="pandas") must not wrap them.
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)

    @abstractmethod
    def _front_end(self, window: np.ndarray, mel: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from waveforms to bands, which can be pickled."""

    @abstractmethod
    def _band_names(self) -> list[str]:
        """Return the names of the bands or coefficients, without derivatives."""

    def fit(self, X, y=None):
        """Learn the length of a clip, and nothing else.

        Parameters
        ----------
        X : iterable of recordings, or array-like of shape (n_clips, n_samples)
            A list, a Series or an iterator, but not a set or a dict, whose order may not match
            that of the labels. Each recording is a path (``str`` or ``PathLike``), encoded
            bytes, an open binary file, a 1-D array of samples at `sample_rate`, a pair
            ``(samples, sample_rate)``, a :class:`~skaudio.audio.Segment` or an output of
            :class:`~skaudio.augmentation.WaveformAugmenter`. Files can be WAV, FLAC, OGG, MP3,
            M4A and others that FFmpeg decodes, at any rate, with any number of channels.
        y : array-like of shape (n_clips,), default=None
            Only its length is checked.

        Returns
        -------
        AudioTransformer
            The fitted transformer.

        Raises
        ------
        AudioError
            If recordings cannot be opened; the message names them. Only if `duration` is None.

        Warns
        -----
        UserWarning
            If more than 5 % of the recordings are longer than the learned length, or if mel
            bands are empty because they lie between the bins of the Fourier transform.
        """
        self._validate_params()
        with as_it_was_if_it_fails(self):
            return self._fit(X, y)

    def _fit(self, X: Any, y: Any) -> AudioTransformer:
        self._check_parameters_together()  # before recordings are opened
        recordings = check_recordings(X, y, estimator=self)
        if self.duration is not None:
            self.duration_ = float(self.duration)
        else:
            seconds = audio.durations(recordings, sample_rate=self.sample_rate)
            self.duration_ = _typical_duration(seconds)
            self._warn_of_cuts(seconds)
        # Round first, so that 0.3 s at 16 kHz are 4800 samples, not 4799 or 4801.
        self.n_samples_ = int(np.ceil(round(self.duration_ * self.sample_rate, 6)))
        self._set_frame_lengths()
        self._amplitude_window()  # whose weights must fit the length
        self._warn_of_empty_bands()
        self.n_frames_ = dsp.frame_count(
            self.n_samples_, n_fft=self.n_fft_, hop_length=self.hop_length_, center=self.center
        )
        self._check_clip_length()
        if isinstance(recordings, np.ndarray):
            self.n_features_in_ = recordings.shape[1]
        elif hasattr(self, "n_features_in_"):
            del self.n_features_in_
        return self

    def fit_transform(self, X, y=None):
        """Learn the length of a clip, and compute the features of the same recordings.

        Parameters
        ----------
        X : iterable of recordings, or array-like of shape (n_clips, n_samples)
            As in `fit`. An iterator is read once.
        y : array-like of shape (n_clips,), default=None
            Only its length is checked.

        Returns
        -------
        ndarray of shape (n_clips, n_frames, n_coefficients)
            The features, as in `transform`.
        """
        return super().fit_transform(list(X) if isinstance(X, Iterator) else X, y)

    def transform(self, X):
        """Compute the features of each recording.

        Parameters
        ----------
        X : iterable of recordings, or array-like of shape (n_clips, n_samples)
            As in `fit`; the recordings can have any length.

        Returns
        -------
        ndarray of shape (n_clips, n_frames, n_coefficients)
            The features, ``float32``: `n_frames_` frames of the coefficients that
            `get_feature_names_out` returns.

        Raises
        ------
        AudioError
            If recordings cannot be used. The message names up to ten of them, with reasons.
        """
        check_is_fitted(self, "n_samples_")
        recordings = check_recordings(X, estimator=self)
        n_coefficients = len(self._band_names()) * (1 + self.delta_order)
        features = np.empty((len(recordings), self.n_frames_, n_coefficients), np.float32)
        store = _as_store(self.memory)
        with (
            progress_bar(
                total=len(recordings),
                desc=type(self).__name__.removesuffix("Transformer"),
                unit="clip",
                disable=not self.verbose,
            ) as progress,
            self._workers(len(recordings)) as workers,
        ):
            extract = _Extraction(self._extractor(), recordings, features, workers, progress)
            if store is None:
                extract(range(len(recordings)))
            else:
                self._extract_missing(extract, store)
        if extract.failures:
            raise AudioError(extract.failures)
        return features

    def _workers(self, n_clips: int) -> Any:
        """Return workers, or none for a single clip, to save the time to start them."""
        if n_clips == 1:
            return contextlib.nullcontext()
        return joblib.Parallel(self.n_jobs, prefer="threads", return_as=_return_as())

    def _extract_missing(self, extract: _Extraction, store: FeatureStore) -> None:
        """Load features from the store; compute and store those that it does not have."""
        recipe = self._recipe()
        keys = [_key(recipe, recording) for recording in extract.recordings]
        missing = store._load(keys, extract.features, range(len(keys)))
        extract.progress.update(len(keys) - len(missing))
        firsts, repeats = _without_repeats(missing, keys)
        waits = True
        for start in range(0, len(firsts), _SAVED):
            part = firsts[start : start + _SAVED]
            # After waiting without success, do not wait again.
            with store._lock(recipe, waits) as waits:
                # Another process may have stored some while this one waited.
                still = store._load(keys, extract.features, part)
                extract.progress.update(len(part) - len(still))
                done = [index for index in extract(still) if keys[index] is not None]
                store._save([keys[index] for index in done], extract.features[_as_slice(done)])
        still = store._load(keys, extract.features, repeats)
        extract.progress.update(len(repeats) - len(still))
        extract(still)

    def _recipe(self) -> str:
        """Return a hash of everything that affects the features of a recording."""
        parameters = {
            name: getattr(self, f"{name}_", value)  # resolved lengths in samples
            for name, value in self.get_params().items()
            if name not in _WITHOUT_EFFECT
        }
        front_end = (type(self).__module__, type(self).__qualname__, _REVISION)
        return joblib.hash((front_end, parameters, self.n_samples_, _versions()))

    def _extractor(self) -> Extractor:
        return Extractor(
            front_end=self._front_end(self._amplitude_window(), self._mel_filterbank()),
            sample_rate=self.sample_rate,
            n_samples=self.n_samples_,
            n_fft=self.n_fft_,
            hop_length=self.hop_length_,
            center=self.center,
            align=self.align,
            trim_db=self.trim_db,
            loudness=self.loudness,
            delta_order=self.delta_order,
            delta_width=self.delta_width,
            normalize=self.normalize,
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

    def set_output(self, *, transform=None):
        """Set the output container, which must be the default.

        Parameters
        ----------
        transform : {"default", None}, default=None
            Features have three axes and a data frame has two, so ``"pandas"`` and
            ``"polars"`` raise an error. If they are set by :func:`sklearn.set_config`, the
            features are still an array.

        Returns
        -------
        AudioTransformer
            The transformer itself.
        """
        if transform not in (None, "default"):
            raise ValueError(
                f"{type(self).__name__} cannot output {transform!r}: its features are "
                "(clips, frames, coefficients) and a data frame has two axes. "
                "Use 'default', or reshape the array first."
            )
        return self

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
        if self.loudness is not None and self.sample_rate < dsp.LOWEST_RATE_OF_LOUDNESS:
            raise ValueError(
                f"loudness needs a sample_rate of at least {dsp.LOWEST_RATE_OF_LOUDNESS} Hz, "
                f"got {self.sample_rate}."
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
                stacklevel=4,
            )

    def _warn_of_cuts(self, seconds: np.ndarray) -> None:
        n_cut = int((seconds * (1 - _LOST) > self.duration_).sum())
        if n_cut > (1 - _COVERED) * len(seconds):
            warnings.warn(
                f"{type(self).__name__} learned a clip length of {self.duration_:g} s, and "
                f"{n_cut} of the {len(seconds)} recordings are longer (up to {seconds.max():.3g} s)"
                "; their ends will be cut. Set duration to choose the length, or split the long "
                "recordings with skaudio.audio.Segment.",
                stacklevel=4,
            )

    def _check_clip_length(self) -> None:
        if self.n_samples_ == 0:
            raise ValueError(f"A duration of {self.duration_:g} s is less than one sample.")
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


class _Extraction:
    """The computation of one call of `transform`, and its failures.

    Parameters
    ----------
    extractor : Extractor
        Computes the features of a task.
    recordings : sequence
        All of `X`.
    features : ndarray of shape (n_clips, n_frames, n_coefficients)
        The array to fill.
    workers : joblib.Parallel or None
        The workers; None uses the current thread.
    progress : tqdm
        The progress bar.
    """

    def __init__(self, extractor, recordings, features, workers, progress):
        self.extractor = extractor
        self.recordings = recordings
        self.features = features
        self.workers = workers
        self.progress = progress
        self.failures: list[tuple[str, str]] = []

    def __call__(self, indices: Sequence[int]) -> list[int]:
        """Fill the rows at `indices`; return the indices of the usable recordings."""
        if not indices:
            return []
        if self.workers is None:
            return self._keep([indices], [self.extractor(self.recordings, indices)])
        n_tasks = _TASKS_PER_WORKER * joblib.effective_n_jobs(self.workers.n_jobs)
        most = min(_MOST_CLIPS, _MOST_SAMPLES // self.extractor.n_samples, len(indices) // n_tasks)
        n_together = max(1, most)
        tasks = [indices[at : at + n_together] for at in range(0, len(indices), n_together)]
        # Some backends return all results at the end: limit how many they hold at once.
        n_at_once = len(tasks) if self.workers.return_generator else 4 * n_tasks
        good: list[int] = []
        for start in range(0, len(tasks), max(1, n_at_once)):
            good += self._work(tasks[start : start + n_at_once])
        return good

    def _work(self, tasks: Sequence[Sequence[int]]) -> list[int]:
        recordings = ([self.recordings[index] for index in task] for task in tasks)
        work = zip(recordings, tasks, strict=True)
        return self._keep(tasks, self.workers(joblib.delayed(self.extractor)(*w) for w in work))

    def _keep(self, tasks: Sequence[Sequence[int]], blocks: Iterable[Any]) -> list[int]:
        good: list[int] = []
        for task, (rows, usable, failures) in zip(tasks, blocks, strict=True):
            self.features[_as_slice(task)] = rows
            self.failures += failures
            good += [index for index, ok in zip(task, usable, strict=True) if ok]
            self.progress.update(len(task))
        return good


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


def _return_as() -> str:
    backend, _ = get_active_backend(prefer="threads")
    return "generator" if getattr(backend, "supports_return_generator", False) else "list"


def _without_repeats(
    indices: Sequence[int], keys: Sequence[bytes | None]
) -> tuple[list[int], list[int]]:
    """Split indices into those of first occurrences of recordings, and of repeats."""
    seen: set[bytes | None] = set()
    firsts: list[int] = []
    repeats: list[int] = []
    for index in indices:
        known = keys[index] is not None and keys[index] in seen
        (repeats if known else firsts).append(index)
        seen.add(keys[index])
    return firsts, repeats


def _key(recipe: str, recording: Any) -> bytes | None:
    """Return the key of the features, or None if the recording is unusable."""
    try:
        return bytes.fromhex(recipe) + audio.fingerprint(recording)
    except AudioError:
        return None


def _as_slice(indices: Sequence[int]) -> Any:
    """Return a slice if the indices are consecutive, which avoids a copy."""
    if len(indices) and indices[-1] - indices[0] == len(indices) - 1:
        return slice(indices[0], indices[-1] + 1)
    return indices


def _as_store(memory: Any) -> FeatureStore | None:
    if isinstance(memory, bool | np.bool_):
        return FeatureStore() if memory else None
    if isinstance(memory, FeatureStore):
        return memory
    memory = getattr(memory, "location", memory)  # a joblib.Memory has it
    if memory is None:
        return None
    if not os.fspath(memory):
        raise ValueError("The memory parameter must name a folder. Got '' instead.")
    return FeatureStore(memory)


def _typical_duration(seconds: np.ndarray) -> float:
    """Return the length that covers 95 % of the recordings, without a few very long ones.

    It is rounded up, so that it is usually the same in all folds of a cross-validation, which
    can then share stored features.
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


@lru_cache(maxsize=1)
def _versions() -> tuple[str, ...]:
    """Return the versions of skaudio and the libraries that compute features."""
    libraries = ("av", "numpy", "scipy", "soxr")
    return (__version__, *(importlib.metadata.version(library) for library in libraries))
