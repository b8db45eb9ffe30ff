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

# Seeds are drawn below this.
_SEEDS = 2**31 - 1

# What the two numbers of each range must lie between: low <= high is always asked for.
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
    pipeline calls `fit_resample` when it is fitted, and passes the step over when it
    predicts. So held-out folds are never changed. It works in :class:`skaudio.Pipeline` and
    in :class:`imblearn.pipeline.Pipeline`; scikit-learn's own pipeline has no such steps
    and refuses it.

    Each effect has a range that its strength is drawn from, evenly, and a probability that
    a copy has it at all; 0 turns it off. By default a copy has another speed and nothing
    else. The order is that of nature: the voice, the moment, the room, the noise, the gain;
    an `effect` of other make comes last.

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
    shift : (float, float), default=(-0.1, 0.1)
        Seconds of silence before the clip; negative cuts its beginning. A tenth of a second
        is what one-second recordings of words bear; a clip that is shorter than the shift
        is lost.
    shift_probability : float, default=0.0
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
    effect : callable, default=None
        Any other effect, ``(samples, sample_rate) -> samples``: a function, or an object of
        audiomentations. It gets ``float32`` samples of shape (n_samples,), as long as the
        clip that is wanted at most, and their rate, an ``int``; it returns finite floats of
        shape (n,). See the notes.
    effect_probability : float, default=1.0
        Probability of the effect, if there is one. 1, since such libraries have
        probabilities of their own.
    random_state : int, RandomState instance or None, default=None
        Seed of all draws. An integer gives the same recipes in every fit: the recipe of a
        clip follows from the seed and the clip's place in `X`. The effects draw apart from
        each other, so that a change of one leaves the draws of the others.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (n_clips * (1 + n_copies),)
        For each clip that came out of `fit_resample`, its place in `X`.
    noise_ : list
        The noise that is drawn from; empty if there is none or it is white.
    room_ : list
        The impulse responses that are drawn from; empty if there are none or they are made up.
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

    What `effect` draws from Python's :mod:`random` and from NumPy's global generator follows
    from `random_state`: both are seeded while it is called, and then as they were. So it is
    called by one thread at a time. Worker processes need one that can be pickled. Features of
    its clips are not kept by the transformers' ``memory``: what a callable does cannot be told
    beforehand, and it may be another one of the same name.

    Whoever holds out clips of those that it is given, such as a classifier with
    ``early_stopping=True``, may have a clip on one side and its copy on the other.
    :class:`skaudio.Pipeline` prevents it; :class:`imblearn.pipeline.Pipeline` cannot.

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

    # What imbalanced-learn's is_sampler reads.
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
        self.noise_ = self._find("noise", made_up="white")
        self.room_ = self._find("room", made_up="synthetic")
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
        """Draw copy by copy, each effect from a generator of its own.

        RandomState, whose numbers stay the same from one release of NumPy to the next.
        """
        seeds = check_random_state(self.random_state).randint(_SEEDS, size=len(Recipe._fields))
        generators = dict(zip(Recipe._fields, map(np.random.RandomState, seeds), strict=True))
        # One for all copies, so that it is sent to a worker once, not with every clip.
        effect = Portable(self.effect)
        return [
            Recipe(*(self._draw(name, rng, effect) for name, rng in generators.items()))
            for _ in range(n_clips * self.n_copies)
        ]

    def _draw(self, name: str, rng: np.random.RandomState, effect: Portable) -> Any:
        """Draw what happens to one copy; None where it does not happen."""
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
