"""The pipeline step that adds changed copies of the training clips."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skaudio._validation import Interval, check_recordings
from skaudio.augmentation._recording import (
    AugmentedRecording,
    BackgroundNoise,
    Recipe,
    RoomImpulse,
)
from skaudio.augmentation._sound import Sound, find_sounds

__all__ = ["WaveformAugmenter"]

_PROBABILITY = [Interval(Real, 0, 1, closed="both")]
_RANGE = ["array-like"]
_SOUNDS = ["array-like", str, os.PathLike, None]

# What the two numbers of each range must lie between: low <= high is always asked for.
_BOUNDS = {
    "speed": (0.1, 10.0),
    "pitch": (-48.0, 48.0),
    "vocal_tract": (0.5, 2.0),
    "time_shift": (-3600.0, 3600.0),
    "reverberation_time": (0.01, 30.0),
    "snr": (-100.0, 100.0),
    "gain": (-100.0, 100.0),
}


class WaveformAugmenter(BaseEstimator):
    """Add randomly changed copies of the training clips, before features are computed.

    It follows imbalanced-learn's convention for steps that change the number of samples: a
    pipeline calls `fit_resample` when it is fitted, and passes the step over when it
    predicts. So held-out folds are never changed. It works in :class:`skaudio.Pipeline` and
    in :class:`imblearn.pipeline.Pipeline`; scikit-learn's own pipeline has no such steps
    and refuses it.

    Each effect has a range that its strength is drawn from, evenly, and a probability that
    a copy has it at all; 0 turns it off. By default a copy has another speed and nothing
    else. The order is that of nature: the voice, the moment, the room, the noise, the gain.

    Parameters
    ----------
    n_copies : int, default=1
        Changed copies of each clip, besides the clip itself: training on one takes twice as
        long. With a few hundred clips, 3 are worth their time. 0 adds none.
    speed : (float, float), default=(0.9, 1.1)
        How much faster a clip is played; its pitch goes with it. The range is that of
        Kaldi's recipes, which found it to be the best single effect for speech [1]_.
    speed_probability : float, default=1.0
        Probability of another speed. Every copy has one; the clip itself is there, too.
    pitch : (float, float), default=(-2.0, 2.0)
        Semitones that all frequencies are raised by, at the same length.
    pitch_probability : float, default=0.0
        Probability of another pitch. Off, since it costs several times as much as `speed`,
        and helps no more.
    vocal_tract : (float, float), default=(0.9, 1.1)
        How much higher the resonances of the voice lie, as with a shorter vocal tract, at
        the same pitch [2]_. The range is the paper's.
    vocal_tract_probability : float, default=0.0
        Probability of another vocal tract. Off, since `speed` moves resonances as well, and
        not all sounds are voices.
    time_shift : (float, float), default=(-0.1, 0.1)
        Seconds of silence before the clip; negative cuts its beginning. A tenth of a second
        is what one-second recordings of words bear; a clip that is shorter than the shift
        is lost.
    time_shift_probability : float, default=0.0
        Probability of a shift. Off, since skaudio's classifiers shift the features
        themselves, anew in each epoch.
    room : list of recordings, str, PathLike, "synthetic" or None, default=None
        Impulse responses of rooms: recordings, a file, or a folder of files.
        ``"synthetic"`` makes rooms up. None, since most recordings have a room already.
    reverberation_time : (float, float), default=(0.1, 0.5)
        Of synthetic rooms: seconds until sound has fallen by 60 dB, from an office to a
        living room.
    room_probability : float, default=0.5
        Probability of a room, if there are any.
    noise : list of recordings, str, PathLike, "white" or None, default=None
        Background noise: recordings, a file, or a folder of files, such as the
        ``_background_noise_`` of Speech Commands. A random part of a random one is mixed
        in. ``"white"`` needs no recording. None, since noise helps where it resembles the
        noise to come.
    snr : (float, float), default=(5.0, 30.0)
        Signal-to-noise ratio in dB, over the whole clip: from loud to hardly heard.
    noise_probability : float, default=0.8
        Probability of noise, if there is any; 0.8 is usual for keyword spotting.
    gain : (float, float), default=(-6.0, 6.0)
        Change of the level, in dB: half to double the amplitude. Nothing is clipped.
    gain_probability : float, default=0.0
        Probability of another level. Off: turn it on if the recordings to come are made at
        other levels.
    random_state : int, RandomState instance or None, default=None
        Seed of all draws. An integer gives the same recipes in every fit: the recipe of a
        clip follows from the seed and the clip's place in `X`. The effects draw apart from
        each other, so that a change of one leaves the draws of the others.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (n_clips * (1 + n_copies),)
        For each clip that came out of `fit_resample`, its place in `X`.
    noise_sounds_ : list
        The noise that is drawn from; empty if there is none or it is white.
    room_sounds_ : list
        The impulse responses that are drawn from.
    n_features_in_ : int
        Number of samples in a row. Only defined when `X` was a 2-D array.

    See Also
    --------
    skaudio.Pipeline : Applies it when fitting, and only then.
    skaudio.augmentation.AugmentedRecording : What the copies are.

    Notes
    -----
    The copies are light: the recording and the numbers that were drawn, a few hundred bytes.
    Whoever reads them, such as :class:`~skaudio.MFCCTransformer`, renders the sound.

    A classifier with ``early_stopping=True`` holds out clips of those that it is given. A
    copy of a clip may then be on one side and the clip on the other.

    References
    ----------
    .. [1] T. Ko, V. Peddinti, D. Povey and S. Khudanpur, "Audio augmentation for speech
       recognition", Interspeech 2015, 3586-3589.
    .. [2] N. Jaitly and G. E. Hinton, "Vocal tract length perturbation (VTLP) improves
       speech recognition", ICML Workshop on Deep Learning for Audio, Speech and Language,
       2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import WaveformAugmenter
    >>> clips = np.random.default_rng(0).normal(size=(2, 16000))
    >>> augmenter = WaveformAugmenter(n_copies=2, random_state=0)
    >>> X, y = augmenter.fit_resample(clips, ["yes", "no"])
    >>> len(X), y.tolist()
    (6, ['yes', 'no', 'yes', 'no', 'yes', 'no'])
    >>> augmenter.sample_indices_.tolist()
    [0, 1, 0, 1, 0, 1]
    """

    _parameter_constraints = {
        "n_copies": [Interval(Integral, 0, None, closed="left")],
        "speed": _RANGE,
        "speed_probability": _PROBABILITY,
        "pitch": _RANGE,
        "pitch_probability": _PROBABILITY,
        "vocal_tract": _RANGE,
        "vocal_tract_probability": _PROBABILITY,
        "time_shift": _RANGE,
        "time_shift_probability": _PROBABILITY,
        "room": _SOUNDS,
        "reverberation_time": _RANGE,
        "room_probability": _PROBABILITY,
        "noise": _SOUNDS,
        "snr": _RANGE,
        "noise_probability": _PROBABILITY,
        "gain": _RANGE,
        "gain_probability": _PROBABILITY,
        "random_state": ["random_state"],
    }

    # What imbalanced-learn's is_sampler reads.
    _estimator_type = "sampler"

    def __init__(
        self,
        *,
        n_copies=1,
        speed=(0.9, 1.1),
        speed_probability=1.0,
        pitch=(-2.0, 2.0),
        pitch_probability=0.0,
        vocal_tract=(0.9, 1.1),
        vocal_tract_probability=0.0,
        time_shift=(-0.1, 0.1),
        time_shift_probability=0.0,
        room=None,
        reverberation_time=(0.1, 0.5),
        room_probability=0.5,
        noise=None,
        snr=(5.0, 30.0),
        noise_probability=0.8,
        gain=(-6.0, 6.0),
        gain_probability=0.0,
        random_state=None,
    ):
        self.n_copies = n_copies
        self.speed = speed
        self.speed_probability = speed_probability
        self.pitch = pitch
        self.pitch_probability = pitch_probability
        self.vocal_tract = vocal_tract
        self.vocal_tract_probability = vocal_tract_probability
        self.time_shift = time_shift
        self.time_shift_probability = time_shift_probability
        self.room = room
        self.reverberation_time = reverberation_time
        self.room_probability = room_probability
        self.noise = noise
        self.snr = snr
        self.noise_probability = noise_probability
        self.gain = gain
        self.gain_probability = gain_probability
        self.random_state = random_state

    def fit(self, X, y=None):
        """Check the parameters and find the noise and the rooms; nothing is learned.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, n_samples)
            Recordings as :class:`~skaudio.MFCCTransformer` takes them. They are not opened.
        y : array-like of shape (n_clips,), default=None
            Labels; only their number is checked.

        Returns
        -------
        WaveformAugmenter
            The fitted augmenter.

        Raises
        ------
        AudioError
            Names the noise recordings and impulse responses that cannot be opened.
        """
        self._fit(X, y)
        return self

    def fit_resample(self, X, y=None):
        """Add the changed copies.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, n_samples)
            The training clips, as in `fit`.
        y : array-like of shape (n_clips,), default=None
            Their labels.

        Returns
        -------
        X_resampled : list of length n_clips * (1 + n_copies)
            The clips as they were given, in their order; then one copy of each, in the same
            order; then the next. So more copies only add to the end, and features that were
            kept for fewer are found again.
        y_resampled : ndarray of shape (n_clips * (1 + n_copies),) or None
            Their labels.
        """
        recordings = list(self._fit(X, y))  # the rows of an array as objects, made once
        n_clips = len(recordings)
        recipes = self._draw_recipes(n_clips)
        self.sample_indices_ = np.tile(np.arange(n_clips), 1 + self.n_copies)
        copies = [
            AugmentedRecording(recordings[index], recipe)
            for index, recipe in zip(self.sample_indices_[n_clips:].tolist(), recipes, strict=True)
        ]
        labels = None if y is None else np.asarray(y)[self.sample_indices_]
        return [*recordings, *copies], labels

    def _fit(self, X: Any, y: Any) -> Sequence[Any]:
        self._validate_params()
        for name, bounds in _BOUNDS.items():
            _check_range(name, getattr(self, name), *bounds)
        recordings = check_recordings(X, y, estimator=self)
        self.noise_sounds_ = self._find("noise", made_up="white")
        self.room_sounds_ = self._find("room", made_up="synthetic")
        if isinstance(recordings, np.ndarray):
            self.n_features_in_ = recordings.shape[1]
        elif hasattr(self, "n_features_in_"):
            del self.n_features_in_
        return recordings

    def _find(self, name: str, *, made_up: str) -> list[Sound]:
        sources = getattr(self, name)
        if sources is None or (isinstance(sources, str) and sources == made_up):
            return []
        if not isinstance(sources, str | os.PathLike):
            sources = check_recordings(sources, estimator=self)
        return find_sounds(name, sources)

    def _draw_recipes(self, n_clips: int) -> list[Recipe]:
        """Draw round by round, each effect from a generator of its own.

        RandomState, whose numbers stay the same from one release of NumPy to the next.
        """
        rng = check_random_state(self.random_state)
        seeds = rng.randint(2**31 - 1, size=len(Recipe._fields))
        generators = [np.random.RandomState(seed) for seed in seeds]
        recipes: list[Recipe] = []
        for _ in range(self.n_copies):
            columns = [
                self._draw(name, generator, n_clips)
                for name, generator in zip(Recipe._fields, generators, strict=True)
            ]
            recipes += map(Recipe._make, zip(*columns, strict=True))
        return recipes

    def _draw(self, name: str, rng: np.random.RandomState, n_clips: int) -> list[Any]:
        """Draw one effect for each clip of a round; None where it does not happen."""
        happens = rng.random_sample(n_clips) < getattr(self, f"{name}_probability")
        values: list[Any] | None
        if name == "noise":
            values = self._draw_noise(rng, n_clips)
        elif name == "room":
            values = self._draw_rooms(rng, n_clips)
        else:
            values = _uniform(rng, getattr(self, name), n_clips).tolist()
        if values is None:
            return [None] * n_clips
        return [v if drawn else None for v, drawn in zip(values, happens.tolist(), strict=True)]

    def _draw_noise(self, rng: np.random.RandomState, n_clips: int) -> list[BackgroundNoise] | None:
        if self.noise is None:
            return None
        sounds: Sequence[Sound | None] = self.noise_sounds_ or [None]
        which = rng.randint(len(sounds), size=n_clips).tolist()
        places = rng.random_sample(n_clips).tolist()
        ratios = _uniform(rng, self.snr, n_clips).tolist()
        return [
            BackgroundNoise(sounds[index], place, snr)
            for index, place, snr in zip(which, places, ratios, strict=True)
        ]

    def _draw_rooms(self, rng: np.random.RandomState, n_clips: int) -> list[RoomImpulse] | None:
        if self.room is None:
            return None
        if self.room_sounds_:
            which = rng.randint(len(self.room_sounds_), size=n_clips).tolist()
            return [RoomImpulse(self.room_sounds_[index]) for index in which]
        seconds = _uniform(rng, self.reverberation_time, n_clips).tolist()
        seeds = rng.randint(2**31 - 1, size=n_clips).tolist()
        return [RoomImpulse(None, time, seed) for time, seed in zip(seconds, seeds, strict=True)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "sampler"
        tags.input_tags.string = True
        return tags


def _uniform(rng: np.random.RandomState, limits: Any, n_clips: int) -> np.ndarray:
    low, high = limits
    return rng.uniform(low, high, size=n_clips)


def _check_range(name: str, value: Any, lowest: float, highest: float) -> None:
    numbers = list(value) if np.ndim(value) == 1 else []
    are_real = all(isinstance(n, Real) and not isinstance(n, bool) for n in numbers)
    if len(numbers) == 2 and are_real and lowest <= numbers[0] <= numbers[1] <= highest:
        return
    raise ValueError(
        f"The {name!r} parameter of WaveformAugmenter must be a pair (low, high) with "
        f"{lowest:g} <= low <= high <= {highest:g}. Got {value!r} instead."
    )
