"""Recordings that are to be changed: which one, and how."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from skaudio import audio
from skaudio.audio._failures import NAMELESS
from skaudio.audio._rates import n_samples_in
from skaudio.augmentation import _effects
from skaudio.augmentation._sound import Sound
from skaudio.exceptions import AudioError

__all__ = ["AugmentedRecording", "BackgroundNoise", "Recipe", "RoomImpulse"]

# Goes into fingerprints. To be raised when the same recipe begins to sound different.
_VERSION = b"skaudio.augmentation 3"

# Filters look this much further than the samples they make, in seconds.
_MARGIN = 0.1


class _BackgroundNoise(NamedTuple):
    sound: Sound | None
    place: float
    snr: float


class BackgroundNoise(_BackgroundNoise):
    """Noise to mix into a recording.

    Attributes
    ----------
    sound : recording or None
        The noise, as :func:`skaudio.audio.load` takes recordings; None is white noise.
    place : float
        Which part of it, from 0 (the start) to 1. Of white noise, which is endless, every
        place is another part.
    snr : float
        Signal-to-noise ratio, in dB.
    """

    __slots__ = ()

    def __new__(cls, sound: Any, place: float, snr: float) -> Self:
        return super().__new__(cls, _as_sound(sound), place, snr)

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]
        # A tuple's own _make, which _replace calls, passes __new__ by. mypy knows it by a
        # signature that nobody can write down, hence the ignored line.
        return cls(*iterable)

    def excerpt(self, n_samples: int, *, sample_rate: int) -> np.ndarray:
        """Take the part that is to be mixed in.

        Parameters
        ----------
        n_samples : int
            Length of the recording.
        sample_rate : int
            Its rate, in Hz.

        Returns
        -------
        ndarray of shape (n_samples,)
            The noise, at its own level.
        """
        if self.sound is None:
            return _effects.white_noise(n_samples, seed=int(self.place * 2**53))
        with _named("noise"):
            return self.sound.excerpt(n_samples, place=self.place, sample_rate=sample_rate)


class _RoomImpulse(NamedTuple):
    sound: Sound | None
    reverberation_time: float | None = None
    seed: int | None = None


class RoomImpulse(_RoomImpulse):
    """A room to put a recording into.

    Attributes
    ----------
    sound : recording or None
        The room's impulse response, as :func:`skaudio.audio.load` takes recordings; None
        makes one up.
    reverberation_time : float or None
        Seconds until the sound of a made-up room has fallen by 60 dB.
    seed : int or None
        Which made-up room.
    """

    __slots__ = ()

    def __new__(
        cls, sound: Any, reverberation_time: float | None = None, seed: int | None = None
    ) -> Self:
        return super().__new__(cls, _as_sound(sound), reverberation_time, seed)

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]
        # A tuple's own _make, which _replace calls, passes __new__ by. mypy knows it by a
        # signature that nobody can write down, hence the ignored line.
        return cls(*iterable)

    def response(self, *, sample_rate: int) -> np.ndarray:
        """Give the impulse response.

        Parameters
        ----------
        sample_rate : int
            The rate wanted, in Hz.

        Returns
        -------
        ndarray of shape (n,)
            The response.
        """
        if self.sound is not None:
            with _named("room"):
                return self.sound.whole(sample_rate=sample_rate)
        assert self.reverberation_time is not None
        assert self.seed is not None
        return _effects.synthetic_impulse_response(
            sample_rate=sample_rate, reverberation_time=self.reverberation_time, seed=self.seed
        )


class Recipe(NamedTuple):
    """What is to be done to a recording, in this order; None leaves something out.

    Attributes
    ----------
    speed : float or None
        How much faster it is played; pitch goes with it.
    pitch : float or None
        Semitones that it is raised by.
    vocal_tract : float or None
        How much higher its resonances lie.
    time_shift : float or None
        Seconds of silence before it; negative cuts its beginning.
    room : RoomImpulse or None
        The room it is put into.
    noise : BackgroundNoise or None
        The noise mixed in.
    gain : float or None
        Gain in dB, of the recording with its noise.
    """

    speed: float | None = None
    pitch: float | None = None
    vocal_tract: float | None = None
    time_shift: float | None = None
    room: RoomImpulse | None = None
    noise: BackgroundNoise | None = None
    gain: float | None = None

    def source_duration(self, duration: float | None) -> float | None:
        """Tell how much of the source a clip of some length needs.

        Parameters
        ----------
        duration : float or None
            Seconds wanted; None means everything.

        Returns
        -------
        float or None
            Seconds to read.
        """
        if duration is None or self[:4] == (None, None, None, None):
            return duration
        return (duration + max(0.0, -(self.time_shift or 0.0)) + _MARGIN) * (self.speed or 1.0)

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
            Cut the outcome to this many seconds. What is left decides the levels: that of
            the noise refers to it, and a room keeps its level.

        Returns
        -------
        ndarray of shape (n,)
            The changed recording.
        """
        if self.speed is not None:
            samples = _effects.change_speed(samples, sample_rate=sample_rate, factor=self.speed)
        if self.pitch is not None:
            samples = _effects.shift_pitch(samples, sample_rate=sample_rate, semitones=self.pitch)
        if self.vocal_tract is not None:
            samples = _effects.warp_vocal_tract(
                samples, sample_rate=sample_rate, factor=self.vocal_tract
            )
        if self.time_shift is not None:
            samples = _effects.shift_time(samples, sample_rate=sample_rate, seconds=self.time_shift)
        if duration is not None:
            samples = samples[: n_samples_in(duration, sample_rate)]
        if self.room is not None:
            response = self.room.response(sample_rate=sample_rate)
            samples = _effects.add_reverberation(samples, impulse_response=response)
        if self.noise is not None:
            noise = self.noise.excerpt(len(samples), sample_rate=sample_rate)
            samples = _effects.add_noise(samples, noise=noise, snr=self.noise.snr)
        if self.gain is not None:
            samples = _effects.change_gain(samples, decibels=self.gain)
        return samples

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_listed(self)})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AugmentedRecording:
    """A recording and what is to be done to it: a few hundred bytes until it is rendered.

    It may stand in `X` wherever a recording may.

    Attributes
    ----------
    source : str, PathLike, bytes, file object, array-like or (array-like, float)
        The recording, as :func:`skaudio.audio.load` takes it.
    recipe : Recipe
        What is to be done.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.augmentation import AugmentedRecording, Recipe
    >>> faster = AugmentedRecording(np.ones(16000), Recipe(speed=1.25, gain=-6.0))
    >>> faster
    AugmentedRecording(ndarray, speed=1.25, gain=-6.0)
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
            The rate wanted, in Hz; also that of a source without one.
        duration : float or None, default=None
            Longest outcome wanted, in seconds. No more of the source is read than it takes.

        Returns
        -------
        ndarray of shape (n_samples,)
            Mono samples, ``float32``.

        Raises
        ------
        AudioError
            When the source, the noise or the impulse response cannot be used; the message
            names the one that is at fault.
        """
        samples = audio.load(
            self.source,
            sample_rate=sample_rate,
            duration=self.recipe.source_duration(duration),
        )
        return self.recipe.apply(samples, sample_rate=sample_rate, duration=duration)

    def duration(self, *, sample_rate: int) -> float:
        """Measure the source, so that augmented copies do not decide how long clips are.

        Parameters
        ----------
        sample_rate : int
            The rate of a bare array, in Hz.

        Returns
        -------
        float
            Seconds of the source, before any change.
        """
        return float(audio.durations([self.source], sample_rate=sample_rate)[0])

    def fingerprint(self) -> bytes:
        """Tell it from others by what it will sound like.

        Returns
        -------
        bytes
            16 bytes, from the content of the source, the exact values of the recipe and the
            content of the sounds it mixes in. With an empty recipe it is the source's own.
        """
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
        changes = _listed(self.recipe)
        return f"{type(self).__name__}({source}{', ' if changes else ''}{changes})"


def _as_sound(source: Any) -> Sound | None:
    return source if source is None or isinstance(source, Sound) else Sound(source)


@contextmanager
def _named(role: str) -> Iterator[None]:
    """Name sounds without a path by what they are there for.

    The recording that they are mixed into would be taken for the broken one.
    """
    try:
        yield
    except AudioError as error:
        nameless = f"{NAMELESS} ("
        raise AudioError(
            [
                (f"the {role} ({name.removeprefix(nameless)}", reason)
                if name.startswith(nameless)
                else (name, reason)
                for name, reason in error.failures
            ]
        ) from error


def _listed(recipe: Recipe) -> str:
    return ", ".join(
        f"{name}={value!r}" for name, value in recipe._asdict().items() if value is not None
    )


def _exact(value: Any) -> str:
    """Write a recipe down such that only equal ones are written equally."""
    if isinstance(value, tuple):
        return f"({','.join(_exact(item) for item in value)})"
    if isinstance(value, Sound):
        return value.fingerprint().hex()
    return "" if value is None else float(value).hex()
