"""A pipeline step that adds augmented copies of the training clips."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skaudio._validation import Interval, check_recordings
from skaudio.augmentation._callable import Portable, SeededEffect
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

# Seeds are smaller than this.
_SEEDS = 2**31 - 1

# Limits of the two numbers of each range; low <= high is checked for all.
_BOUNDS = {
    "speed": (0.1, 10.0),
    "shift": (-3600.0, 3600.0),
    "reverberation_time": (0.01, 30.0),
    "snr": (-100.0, 100.0),
    "gain": (-100.0, 100.0),
}


class WaveformAugmenter(BaseEstimator):
    """Add randomly changed copies of the training clips, before features are computed.

    It follows imbalanced-learn's convention for steps that change the number of samples: a
    pipeline calls `fit_resample` when it is fitted, and skips the step when it
    predicts. So held-out folds are never augmented. It works in :class:`skaudio.Pipeline` and
    in :class:`imblearn.pipeline.Pipeline`; scikit-learn's own pipeline does not support
    such steps.

    Each effect has a range from which its strength is drawn uniformly, and a probability of
    being applied to a copy; 0 turns it off. By default only the speed is changed. Effects
    are applied in their physical order: the voice, the time, the room, the noise, the gain;
    a user-defined `effect` comes last.

    Parameters
    ----------
    n_copies : int, default=1
        Copies of each clip, in addition to the clip itself. With one, training takes twice as
        long. With a few hundred clips, 3 are worth the time. 0 adds none.
    speed : (float, float), default=(0.9, 1.1)
        Speed factor; it also changes the pitch. The range is that of
        Kaldi's recipes, which found it to be the best single effect for speech [1]_.
    speed_probability : float, default=1.0
        Probability of a change of speed. 1, since the original clip is always used, too.
    shift : (float, float), default=(-0.1, 0.1)
        Seconds of silence before the clip; negative cuts its beginning. A tenth of a second
        suits one-second recordings of words; of a clip that is shorter than the shift, only
        silence is left.
    shift_probability : float, default=0.0
        Probability of a shift. Off, since skaudio's classifiers shift the features
        themselves, differently in each epoch.
    room : list of recordings, str, PathLike, "synthetic" or None, default=None
        Impulse responses of rooms: recordings, a file, or a folder of files.
        ``"synthetic"`` generates rooms. None, since most recordings are made in rooms anyway.
    reverberation_time : (float, float), default=(0.1, 0.5)
        Time in which the sound of synthetic rooms decays by 60 dB, in seconds: from an office
        to a living room.
    room_probability : float, default=0.5
        Probability of a room, if `room` is given.
    noise : list of recordings, str, PathLike, "white" or None, default=None
        Background noise: recordings, a file, or a folder of files, such as the
        ``_background_noise_`` of Speech Commands. A random part of a random one is
        added. ``"white"`` needs no recording. None, since noise helps if it resembles the
        noise of future recordings.
    snr : (float, float), default=(5.0, 30.0)
        Signal-to-noise ratio in dB, over the whole clip: from loud to hardly audible noise.
    noise_probability : float, default=0.8
        Probability of noise, if `noise` is given; 0.8 is usual for keyword spotting.
    gain : (float, float), default=(-6.0, 6.0)
        Change of the level, in dB: half to double the amplitude. Nothing is clipped.
    gain_probability : float, default=0.0
        Probability of a change of level. Off: turn it on if future recordings have other
        levels.
    effect : callable, default=None
        Any other effect, ``(samples, sample_rate) -> samples``: a function, or an object of
        audiomentations. It gets ``float32`` samples of shape (n_samples,), at most as long as
        the requested clip, and their rate, an ``int``; it returns finite floats of
        shape (n,). See the notes.
    effect_probability : float, default=1.0
        Probability of the effect, if `effect` is given. 1, since such libraries have their
        own probabilities.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers. An integer gives the same recipes in every fit: the recipe
        of a copy depends on the seed and the index of the clip in `X`. Each effect has its own
        generator, so that changing one does not affect the others.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (n_clips * (1 + n_copies),)
        For each clip returned by `fit_resample`, its index in `X`.
    noise_ : list
        The noise recordings; empty if there is no noise or it is white.
    room_ : list
        The impulse responses; empty if there are no rooms or they are synthetic.
    n_features_in_ : int
        Number of samples in a row. Only defined when `X` was a 2-D array.

    See Also
    --------
    skaudio.Pipeline : Applies it only when fitting.
    skaudio.augmentation.AugmentedRecording : The type of the copies.

    Notes
    -----
    A copy holds the recording and the random numbers that were drawn, a few hundred bytes.
    The sound is rendered when it is read, for example by :class:`~skaudio.MFCCTransformer`.

    Random numbers that `effect` takes from Python's :mod:`random` and NumPy's global generator
    are determined by `random_state`: both are seeded for the call and restored afterwards.
    Therefore only one thread at a time calls it. For worker processes it must be picklable.
    The transformers' ``memory`` does not store features of its clips, since a callable cannot
    be identified by its name.

    A step that holds out some of its clips, such as a classifier with
    ``early_stopping=True``, might train on copies of held-out clips.
    :class:`skaudio.Pipeline` prevents this; :class:`imblearn.pipeline.Pipeline` does not.

    References
    ----------
    .. [1] T. Ko, V. Peddinti, D. Povey and S. Khudanpur, "Audio augmentation for speech
       recognition", Interspeech 2015, 3586-3589.

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
        "shift": _RANGE,
        "shift_probability": _PROBABILITY,
        "room": _SOUNDS,
        "reverberation_time": _RANGE,
        "room_probability": _PROBABILITY,
        "noise": _SOUNDS,
        "snr": _RANGE,
        "noise_probability": _PROBABILITY,
        "gain": _RANGE,
        "gain_probability": _PROBABILITY,
        "effect": [callable, None],
        "effect_probability": _PROBABILITY,
        "random_state": ["random_state"],
    }

    # For imbalanced-learn's is_sampler.
    _estimator_type = "sampler"

    def __init__(
        self,
        *,
        n_copies=1,
        speed=(0.9, 1.1),
        speed_probability=1.0,
        shift=(-0.1, 0.1),
        shift_probability=0.0,
        room=None,
        reverberation_time=(0.1, 0.5),
        room_probability=0.5,
        noise=None,
        snr=(5.0, 30.0),
        noise_probability=0.8,
        gain=(-6.0, 6.0),
        gain_probability=0.0,
        effect=None,
        effect_probability=1.0,
        random_state=None,
    ):
        self.n_copies = n_copies
        self.speed = speed
        self.speed_probability = speed_probability
        self.shift = shift
        self.shift_probability = shift_probability
        self.room = room
        self.reverberation_time = reverberation_time
        self.room_probability = room_probability
        self.noise = noise
        self.snr = snr
        self.noise_probability = noise_probability
        self.gain = gain
        self.gain_probability = gain_probability
        self.effect = effect
        self.effect_probability = effect_probability
        self.random_state = random_state

    def fit(self, X, y=None):
        """Check the parameters and list noise and rooms; nothing is learned.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, n_samples)
            Recordings, as in :class:`~skaudio.MFCCTransformer`. They are not opened.
        y : array-like of shape (n_clips,), default=None
            Labels; only their number is checked.

        Returns
        -------
        WaveformAugmenter
            The fitted augmenter.

        Raises
        ------
        AudioError
            If noise recordings or impulse responses cannot be opened; the message names them.
        """
        self._fit(X, y)
        return self

    def fit_resample(self, X, y=None):
        """Add the augmented copies.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, n_samples)
            The training clips, as in `fit`.
        y : array-like of shape (n_clips,), default=None
            Their labels.

        Returns
        -------
        X_resampled : list of length n_clips * (1 + n_copies)
            The original clips, in their order; then one copy of each, in the same
            order; then the next. So more copies are added at the end, and stored features of
            the first ones are used again.
        y_resampled : ndarray of shape (n_clips * (1 + n_copies),) or None
            Their labels.
        """
        recordings = list(self._fit(X, y))  # creates the rows of an array only once
        self.sample_indices_ = np.tile(np.arange(len(recordings)), 1 + self.n_copies)
        recipes = self._draw_recipes(len(recordings))
        copies = map(AugmentedRecording, recordings * self.n_copies, recipes)
        labels = None if y is None else np.asarray(y)[self.sample_indices_]
        return [*recordings, *copies], labels

    def _fit(self, X: Any, y: Any) -> Sequence[Any]:
        self._validate_params()
        for name, bounds in _BOUNDS.items():
            _check_range(name, getattr(self, name), *bounds)
        recordings = check_recordings(X, y, estimator=self)
        self.noise_ = self._find("noise", synthetic="white")
        self.room_ = self._find("room", synthetic="synthetic")
        if isinstance(recordings, np.ndarray):
            self.n_features_in_ = recordings.shape[1]
        elif hasattr(self, "n_features_in_"):
            del self.n_features_in_
        return recordings

    def _find(self, name: str, *, synthetic: str) -> list[Sound]:
        sources = getattr(self, name)
        if sources is None or (isinstance(sources, str) and sources == synthetic):
            return []
        if not isinstance(sources, str | os.PathLike):
            sources = check_recordings(sources, estimator=self)
        return find_sounds(name, sources)

    def _draw_recipes(self, n_clips: int) -> list[Recipe]:
        """Draw copy by copy, with a separate generator for each effect.

        RandomState, because its numbers are the same in all releases of NumPy.
        """
        seeds = check_random_state(self.random_state).randint(_SEEDS, size=len(Recipe._fields))
        generators = dict(zip(Recipe._fields, map(np.random.RandomState, seeds), strict=True))
        # The same object for all copies, so that it is sent to a worker only once.
        effect = Portable(self.effect)
        return [
            Recipe(*(self._draw(name, rng, effect) for name, rng in generators.items()))
            for _ in range(n_clips * self.n_copies)
        ]

    def _draw(self, name: str, rng: np.random.RandomState, effect: Portable) -> Any:
        """Draw one effect of a copy; None if it is not applied."""
        choice, probability = getattr(self, name), getattr(self, f"{name}_probability")
        if choice is None or not probability or rng.random_sample() >= probability:
            return None
        if name == "room":
            if self.room_:
                return RoomImpulse(self.room_[rng.randint(len(self.room_))])
            return RoomImpulse(None, rng.uniform(*self.reverberation_time), rng.randint(_SEEDS))
        if name == "noise":
            sounds = self.noise_
            sound = sounds[rng.randint(len(sounds))] if sounds else None
            return BackgroundNoise(sound, rng.random_sample(), rng.uniform(*self.snr))
        if name == "effect":
            return SeededEffect(effect, rng.randint(_SEEDS))
        return rng.uniform(*choice)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "sampler"
        tags.input_tags.string = True
        return tags


def _check_range(name: str, value: Any, lowest: float, highest: float) -> None:
    numbers = list(value) if np.ndim(value) == 1 else []
    are_real = all(isinstance(n, Real) and not isinstance(n, bool) for n in numbers)
    if len(numbers) == 2 and are_real and lowest <= numbers[0] <= numbers[1] <= highest:
        return
    raise ValueError(
        f"The {name!r} parameter of WaveformAugmenter must be a pair (low, high) with "
        f"{lowest:g} <= low <= high <= {highest:g}. Got {value!r} instead."
    )
