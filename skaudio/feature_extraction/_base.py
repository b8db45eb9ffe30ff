"""Base class of the transformers: reading, clip length, workers and the store."""

from __future__ import annotations

import importlib.metadata
import os
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skaudio import audio, dsp
from skaudio._fit_callbacks import CallbackSupportMixin, ClipTasks, teardown_of_callbacks
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
from skaudio.feature_extraction._duration import typical_duration, warn_of_cuts
from skaudio.feature_extraction._extraction import Extraction, as_slice, extraction_workers
from skaudio.feature_extraction._extractor import Extractor
from skaudio.store import FeatureStore

__all__ = ["AudioTransformer"]

# Clips that are stored together: at most these are lost if a process is killed.
_SAVED = 512

# Increase this when the same parameters lead to different features, so that stored ones are no
# longer used.
_REVISION = 3


class AudioTransformer(
    CallbackSupportMixin,
    TransformerMixin,
    BaseEstimator,
    metaclass=ABCMeta,
    auto_wrap_output_keys=None,
):
    """Base class of the transformers from recordings to features.

    A subclass defines what depends on the length of a clip (`_set_lengths`), how features are
    computed (`_extractor`), their shape (`_clip_shape`) and their names.
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "sample_rate": [Interval(Integral, 1, None, closed="left")],
        "duration": [Interval(Real, 0, None, closed="neither"), None],
        "align": [StrOptions({"trim", "center"}), None],
        "trim_db": [Interval(Real, 0, None, closed="neither")],
        "loudness": [Interval(Real, -100, 20, closed="both"), None],
        "memory": [str, os.PathLike, "boolean", FeatureStore, HasMethods("cache"), None],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    # Parameters that do not change the features. The duration does, but through n_samples_,
    # which is also set when it is learned.
    _without_effect = frozenset({"duration", "memory", "n_jobs", "verbose"})

    def __init_subclass__(cls, **kwargs):
        # Features have three axes, so set_config(transform_output="pandas") must not wrap them.
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)

    @abstractmethod
    def _set_lengths(self) -> None:
        """Set what depends on `duration_` and `n_samples_`, `n_frames_` among it."""

    @abstractmethod
    def _extractor(self) -> Extractor:
        """Return what computes the features of a few recordings; it can be pickled."""

    @abstractmethod
    def _clip_shape(self) -> tuple[int, ...]:
        """Return the shape of the features of one clip."""

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
            bands are empty because they lie between the frequencies of the Fourier transform.
        """
        self._validate_params()
        recordings = check_recordings(X, y, estimator=self)
        with as_it_was_if_it_fails(self), teardown_of_callbacks(self):
            task = self._init_callback_context()
            task.call_on_fit_task_begin(estimator=self, X=recordings, y=y)
            self._fit(recordings)
            task.call_on_fit_task_end(estimator=self, X=recordings, y=y)
        return self

    def _fit(self, recordings: Any) -> None:
        self._check_parameters_together()  # before recordings are opened
        if self.duration is not None:
            self.duration_ = float(self.duration)
        else:
            seconds = audio.durations(recordings, sample_rate=self.sample_rate)
            self.duration_ = self._default_duration(seconds)
            warn_of_cuts(seconds, self.duration_, caller=type(self).__name__)
        # Round first, so that 0.3 s at 16 kHz are 4800 samples, not 4799 or 4801.
        self.n_samples_ = int(np.ceil(round(self.duration_ * self.sample_rate, 6)))
        if self.n_samples_ == 0:
            raise ValueError(f"A duration of {self.duration_:g} s is less than one sample.")
        self._set_lengths()
        if isinstance(recordings, np.ndarray):
            self.n_features_in_ = recordings.shape[1]
        elif hasattr(self, "n_features_in_"):
            del self.n_features_in_

    def _default_duration(self, seconds: np.ndarray) -> float:
        return typical_duration(seconds)

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
        ndarray
            The features, as in `transform`.
        """
        self._validate_params()
        recordings = check_recordings(X, y, estimator=self)
        with teardown_of_callbacks(self):
            tasks = ClipTasks(self, recordings, y)
            with as_it_was_if_it_fails(self):
                self._fit(recordings)
            features = self._compute(recordings, tasks.update)
            tasks.end()
        return features

    def transform(self, X):
        """Compute the features of each recording.

        Parameters
        ----------
        X : iterable of recordings, or array-like of shape (n_clips, n_samples)
            As in `fit`; the recordings can have any length.

        Returns
        -------
        ndarray of shape (n_clips, n_frames, n_coefficients), or (n_clips, n_coefficients)
            The features, ``float32``: `n_frames_` frames, or with pooling over time one vector,
            of the coefficients that `get_feature_names_out` returns.

        Raises
        ------
        AudioError
            If recordings cannot be used. The message names up to ten of them, with reasons.
        """
        check_is_fitted(self, "n_samples_")
        return self._compute(check_recordings(X, estimator=self))

    def _compute(
        self, recordings: Sequence[Any], on_clips: Callable[[int], None] = lambda n_clips: None
    ) -> np.ndarray:
        """Compute features, and call a function with the number of clips that are done."""
        features = np.empty((len(recordings), *self._clip_shape()), np.float32)
        extractor = self._extractor()
        # Windows of a long recording, such as those of a SoundDetector, share what they can in one
        # thread, and are not worth storing.
        is_shared = extractor.overlapping(recordings) is not None
        store = None if is_shared else _as_store(self.memory)
        with (
            progress_bar(
                total=len(recordings),
                desc=type(self).__name__.removesuffix("Transformer"),
                unit="clip",
                disable=not self.verbose,
            ) as progress,
            extraction_workers(1 if is_shared else len(recordings), self.n_jobs) as workers,
        ):

            def advance(n_clips: int) -> None:
                progress.update(n_clips)
                on_clips(n_clips)

            extract = Extraction(extractor, recordings, features, workers, advance)
            if store is None:
                extract(range(len(recordings)))
            else:
                self._extract_missing(extract, store)
        if extract.failures:
            raise AudioError(extract.failures)
        return features

    def _extract_missing(self, extract: Extraction, store: FeatureStore) -> None:
        """Load features from the store; compute and store those that it does not have."""
        recipe = self._recipe()
        keys = [_key(recipe, recording) for recording in extract.recordings]
        missing = store._load(keys, extract.features, range(len(keys)))
        extract.advance(len(keys) - len(missing))
        firsts, repeats = _without_repeats(missing, keys)
        waits = True
        for start in range(0, len(firsts), _SAVED):
            part = firsts[start : start + _SAVED]
            # After waiting without success, do not wait again.
            with store._lock(recipe, waits) as waits:
                # Another process may have stored some while this one waited.
                still = store._load(keys, extract.features, part)
                extract.advance(len(part) - len(still))
                done = [index for index in extract(still) if keys[index] is not None]
                store._save([keys[index] for index in done], extract.features[as_slice(done)])
        still = store._load(keys, extract.features, repeats)
        extract.advance(len(repeats) - len(still))
        extract(still)

    def _recipe(self) -> str:
        """Return a hash of everything that affects the features of a recording."""
        parameters = {
            name: getattr(self, f"{name}_", value)  # resolved lengths in samples
            for name, value in self.get_params().items()
            if name not in self._without_effect
        }
        front_end = self._recipe_of_front_end()
        return joblib.hash((front_end, parameters, self.n_samples_, _versions()))

    def _recipe_of_front_end(self) -> tuple[Any, ...]:
        return type(self).__module__, type(self).__qualname__, _REVISION

    def set_output(self, *, transform=None):
        """Set the output container, which must be the default.

        Parameters
        ----------
        transform : {"default", None}, default=None
            Sequences have three axes and a data frame has two, so ``"pandas"`` and
            ``"polars"`` raise an error. If they are set by :func:`sklearn.set_config`, the
            features are still an array.

        Returns
        -------
        AudioTransformer
            The transformer itself.
        """
        if transform not in (None, "default"):
            raise ValueError(
                f"{type(self).__name__} cannot output {transform!r}, only arrays: sequences "
                "(clips, frames, coefficients) have three axes and a data frame has two. "
                "Use 'default'."
            )
        return self

    def _check_parameters_together(self) -> None:
        if self.loudness is not None and self.sample_rate < dsp.LOWEST_RATE_OF_LOUDNESS:
            raise ValueError(
                f"loudness needs a sample_rate of at least {dsp.LOWEST_RATE_OF_LOUDNESS} Hz, "
                f"got {self.sample_rate}."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


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


@lru_cache(maxsize=1)
def _versions() -> tuple[str, ...]:
    """Return the versions of skaudio and the libraries that compute features."""
    libraries = ("av", "numpy", "scipy", "soxr")
    return (__version__, *(importlib.metadata.version(library) for library in libraries))
