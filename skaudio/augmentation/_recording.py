"""Augmented recordings, and the recipes of their changes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from skaudio import audio
from skaudio.audio._failures import NAMELESS, Unusable, describe
from skaudio.audio._rates import n_samples_in
from skaudio.augmentation import _effects
from skaudio.augmentation._sound import Sound
from skaudio.exceptions import AudioError

__all__ = ["AugmentedRecording", "BackgroundNoise", "Recipe", "RoomImpulse"]

# A part of fingerprints, to be increased when the result of a recipe changes.
_VERSION = b"skaudio.augmentation 4"

# Filters need this much more input than output, in seconds.
_MARGIN = 0.1


class BackgroundNoise(NamedTuple):
    """Noise to add to a recording.

    Attributes
    ----------
    sound : recording or None
        The noise, as :func:`skaudio.audio.load` takes recordings; None is white noise.
    position : float
        Position of the excerpt, from 0 (the start) to 1. For white noise, every value gives
        different noise.
    snr : float
        Signal-to-noise ratio, in dB.
    """

    sound: Any
    position: float
    snr: float

    def excerpt(self, n_samples: int, *, sample_rate: int) -> np.ndarray:
        """Return the part of the noise that is added.

        Parameters
        ----------
        n_samples : int
            Length of the recording.
        sample_rate : int
            Its rate, in Hz.

        Returns
        -------
        ndarray of shape (n_samples,)
            The noise, at its original level.
        """
        if self.sound is None:
            return _effects.white_noise(n_samples, seed=int(self.position * 2**53))
        with _named("background noise"):
            sound = Sound.of(self.sound)
            return sound.excerpt(n_samples, position=self.position, sample_rate=sample_rate)


class RoomImpulse(NamedTuple):
    """A room whose reverberation is added to a recording.

    Attributes
    ----------
    sound : recording or None
        The impulse response, as :func:`skaudio.audio.load` takes recordings; None
        generates a synthetic one.
    reverberation_time : float
        Seconds until the sound of a synthetic room has decayed by 60 dB.
    seed : int
        Seed of a synthetic room.
    """

    sound: Any
    reverberation_time: float = 0.3
    seed: int = 0

    def response(self, *, sample_rate: int) -> np.ndarray:
        """Return the impulse response.

        Parameters
        ----------
        sample_rate : int
            The requested rate, in Hz.

        Returns
        -------
        ndarray of shape (n,)
            The response.
        """
        if self.sound is not None:
            with _named("room"):
                return Sound.of(self.sound).whole(sample_rate=sample_rate)
        return _effects.synthetic_impulse_response(
            sample_rate=sample_rate, reverberation_time=self.reverberation_time, seed=self.seed
        )


class Recipe(NamedTuple):
    """The effects that are applied to a recording, in this order; None skips an effect.

    Attributes
    ----------
    speed : float or None
        Speed factor; it also changes the pitch.
    shift : float or None
        Seconds of silence before the recording; negative cuts its beginning.
    room : RoomImpulse or None
        The room whose reverberation is added.
    noise : BackgroundNoise or None
        The noise that is added.
    gain : float or None
        Gain in dB, of the recording with its noise.
    effect : callable or None
        Any other effect: ``(samples, sample_rate) -> samples``, such as a
        :class:`SeededEffect`.
    """

    speed: float | None = None
    shift: float | None = None
    room: RoomImpulse | None = None
    noise: BackgroundNoise | None = None
    gain: float | None = None
    effect: Callable[[np.ndarray, int], np.ndarray] | None = None

    def source_duration(self, duration: float | None) -> float | None:
        """Return how much of the source a clip of some length needs.

        Parameters
        ----------
        duration : float or None
            Length of the clip in seconds; None means everything.

        Returns
        -------
        float or None
            Seconds to read.
        """
        if duration is None or (self.speed is None and self.shift is None):
            return duration
        return (duration + max(0.0, -(self.shift or 0.0)) + _MARGIN) * (self.speed or 1.0)

    def apply(
        self, samples: np.ndarray, *, sample_rate: int, duration: float | None = None
    ) -> np.ndarray:
        """Change a recording.

        Parameters
        ----------
        samples : ndarray of shape (n_samples,)
            The recording, ``float32``.
        sample_rate : int
            Its rate, in Hz.
        duration : float or None, default=None
            Cut the result to this many seconds. The levels of the noise and the room are
            relative to the remaining part. `effect` only gets this part.

        Returns
        -------
        ndarray of shape (n,)
            The changed recording.

        Raises
        ------
        AudioError
            If a sound cannot be used, or `effect` does not return a
            one-dimensional array of finite floats.
        """
        n_samples = None if duration is None else n_samples_in(duration, sample_rate)
        if self.speed is not None:
            samples = _effects.change_speed(samples, sample_rate=sample_rate, factor=self.speed)
        if self.shift is not None:
            samples = _effects.shift_time(samples, sample_rate=sample_rate, seconds=self.shift)
        samples = samples[:n_samples]
        if self.room is not None:
            response = self.room.response(sample_rate=sample_rate)
            samples = _effects.add_reverberation(samples, impulse_response=response)
        if self.noise is not None:
            noise = self.noise.excerpt(len(samples), sample_rate=sample_rate)
            samples = _effects.add_noise(samples, noise=noise, snr=self.noise.snr)
        if self.gain is not None:
            samples = _effects.change_gain(samples, decibels=self.gain)
        if self.effect is not None:
            samples = _transformed(samples, sample_rate, self.effect)[:n_samples]
        return samples

    def __repr__(self) -> str:
        items = self._asdict().items()
        given = ", ".join(f"{name}={value!r}" for name, value in items if value is not None)
        return f"{type(self).__name__}({given})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AugmentedRecording:
    """A recording and the recipe of its changes: a few hundred bytes until it is rendered.

    It can be used like any recording in `X`.

    Attributes
    ----------
    source : str, PathLike, bytes, file object, array-like or (array-like, float)
        The recording, as :func:`skaudio.audio.load` takes it.
    recipe : Recipe
        The changes.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.augmentation import AugmentedRecording, Recipe
    >>> faster = AugmentedRecording(np.ones(16000), Recipe(speed=1.25, gain=-6.0))
    >>> faster
    AugmentedRecording(ndarray, Recipe(speed=1.25, gain=-6.0))
    >>> faster.render(sample_rate=16000).shape
    (12800,)
    """

    source: Any
    recipe: Recipe

    def render(self, *, sample_rate: int, duration: float | None = None) -> np.ndarray:
        """Load the source and change it.

        Parameters
        ----------
        sample_rate : int
            The requested rate, in Hz; also that of a source without one.
        duration : float or None, default=None
            Maximum length of the result, in seconds. Only the necessary part of the source is
            read.

        Returns
        -------
        ndarray of shape (n_samples,)
            Mono samples, ``float32``.

        Raises
        ------
        AudioError
            If the source, the noise, the impulse response or the result of the effect
            cannot be used; the message names it. Exceptions of the effect itself are not
            changed, except for a note that names the recording.
        """
        samples = audio.load(
            self.source,
            sample_rate=sample_rate,
            duration=self.recipe.source_duration(duration),
        )
        try:
            return self.recipe.apply(samples, sample_rate=sample_rate, duration=duration)
        except AudioError as error:
            named = Unusable.because_of(error).named(describe(self.source))
            raise AudioError(named) from error
        except Exception as error:
            error.add_note(f"This happened when {self!r} was rendered.")
            raise

    def duration(self, *, sample_rate: int) -> float:
        """Measure the source, so that the learned length does not depend on the copies.

        Parameters
        ----------
        sample_rate : int
            The rate of an array that is given without one, in Hz.

        Returns
        -------
        float
            Seconds of the source, before any change.
        """
        return float(audio.durations([self.source], sample_rate=sample_rate)[0])

    def fingerprint(self) -> bytes:
        """Identify the rendered sound.

        Returns
        -------
        bytes
            16 bytes, from the content of the source, the exact values of the recipe and the
            content of its sounds. With an empty recipe it is the fingerprint of the source.

        Raises
        ------
        AudioError
            If the recipe has an effect: two callables of the same name may differ, so results
            for the recording must not be stored.
        """
        if self.recipe.effect is not None:
            reason = f"the result of {self.recipe.effect!r} cannot be known in advance"
            raise AudioError([(describe(self.source), reason)])
        source = audio.fingerprint(self.source)
        if self.recipe == Recipe():
            return source
        digest = hashlib.blake2b(_VERSION, digest_size=16)
        digest.update(source)
        digest.update(_exact(self.recipe).encode())
        return digest.digest()

    def __repr__(self) -> str:
        has_path = isinstance(self.source, str | os.PathLike)
        source = repr(os.fspath(self.source)) if has_path else type(self.source).__name__
        return f"{type(self).__name__}({source}, {self.recipe!r})"


def _transformed(
    samples: np.ndarray, sample_rate: int, effect: Callable[[np.ndarray, int], Any]
) -> np.ndarray:
    """Apply any callable, and check its result."""
    changed = effect(samples.copy(), sample_rate)  # it may work in place
    got = type(changed).__name__
    if isinstance(changed, np.ndarray):
        got = f"an array of {changed.dtype} of shape {changed.shape}"
        if changed.ndim == 1 and len(changed) and changed.dtype.kind == "f":
            with np.errstate(over="ignore"):
                changed = changed.astype(np.float32)
            if np.isfinite(changed).all():
                return changed
            got = "samples that are NaN or infinite"
    reason = f"{effect!r} returned {got}; expected finite floats of shape (n_samples,)"
    raise AudioError([(describe(samples), reason)])


@contextmanager
def _named(role: str) -> Iterator[None]:
    """Name sounds without a path by their role in error messages.

    Otherwise the message would seem to be about the recording to which they are added.
    """
    try:
        yield
    except AudioError as error:
        nameless = re.compile(rf"^{NAMELESS} \(")
        raise AudioError(
            [(nameless.sub(f"the {role} (", name), reason) for name, reason in error.failures]
        ) from error


def _exact(value: Any) -> str:
    """Encode a recipe as a string, such that different recipes have different strings."""
    if isinstance(value, Recipe | BackgroundNoise | RoomImpulse):
        return f"({','.join(map(_exact, value))})"
    if value is None or isinstance(value, Real):
        return "" if value is None else float(value).hex()
    return Sound.of(value).fingerprint().hex()
