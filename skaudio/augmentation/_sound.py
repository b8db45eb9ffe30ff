"""Sounds for the augmentation of recordings: background noise and impulse responses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skaudio import audio
from skaudio.exceptions import AudioError

__all__ = ["Sound", "find_sounds"]


class Sound:
    """A recording that is used to change others.

    Only the part of a file that is needed is read, each time, since noise recordings may be
    hours long. Arrays stay in memory.

    Parameters
    ----------
    source : str, PathLike, bytes, file object, array-like or (array-like, float)
        The recording, as :func:`skaudio.audio.load` takes it.
    """

    __slots__ = ("_fingerprint", "_seconds", "_whole", "source")

    def __init__(self, source: Any):
        self.source = os.fspath(source) if isinstance(source, os.PathLike) else source
        self._whole: tuple[int, np.ndarray] | None = None
        self._fingerprint: bytes | None = None
        self._seconds: float | None = None

    @classmethod
    def of(cls, source: Any) -> Sound:
        """Convert a recording to a sound; a sound is returned unchanged.

        Parameters
        ----------
        source : recording or Sound
            The recording.

        Returns
        -------
        Sound
            The sound.
        """
        return source if isinstance(source, cls) else cls(source)

    def whole(self, *, sample_rate: int) -> np.ndarray:
        """Decode the whole recording.

        Parameters
        ----------
        sample_rate : int
            The requested rate, in Hz.

        Returns
        -------
        ndarray of shape (n,)
            Mono samples, ``float32``; do not modify them.

        Raises
        ------
        AudioError
            If it cannot be used; the message names it.
        """
        if isinstance(self.source, str):
            return audio.load(self.source, sample_rate=sample_rate)
        whole = self._whole  # read only once: other threads may replace it
        if whole is None or whole[0] != sample_rate:
            whole = self._whole = sample_rate, audio.load(self.source, sample_rate=sample_rate)
        return whole[1]

    def excerpt(self, n_samples: int, *, position: float, sample_rate: int) -> np.ndarray:
        """Return a part of the recording, or repeat it if it is too short.

        Parameters
        ----------
        n_samples : int
            The requested length.
        position : float
            Position of the part: 0 is the start of the recording, and just below 1 is the
            latest possible part.
        sample_rate : int
            The requested rate, in Hz.

        Returns
        -------
        ndarray of shape (n_samples,)
            Mono samples, ``float32``.

        Raises
        ------
        AudioError
            If it cannot be used; the message names it.
        """
        wanted = n_samples / sample_rate
        if isinstance(self.source, str) and self._duration(sample_rate) >= wanted:
            start = position * (self._duration(sample_rate) - wanted)
            sound = audio.load(self.source, sample_rate=sample_rate, offset=start, duration=wanted)
        else:
            sound = self.whole(sample_rate=sample_rate)
            start = int(position * max(1, len(sound) - n_samples + 1))
            sound = sound[start : start + n_samples]
        return sound if len(sound) == n_samples else np.resize(sound, n_samples)

    def fingerprint(self) -> bytes:
        """Identify the recording by its content.

        Returns
        -------
        bytes
            16 bytes.
        """
        if isinstance(self.source, str):
            return audio.fingerprint(self.source)
        if self._fingerprint is None:
            self._fingerprint = audio.fingerprint(self.source)
        return self._fingerprint

    def _duration(self, sample_rate: int) -> float:
        if self._seconds is None:
            self._seconds = float(audio.durations([self.source], sample_rate=sample_rate)[0])
        return self._seconds

    def __reduce__(self):
        return type(self), (self.source,)

    def __repr__(self) -> str:
        return repr(self.source) if isinstance(self.source, str) else type(self.source).__name__


def find_sounds(name: str, sources: Sequence[Any] | str | os.PathLike) -> list[Sound]:
    """List the sounds of a parameter, and check them without decoding.

    Parameters
    ----------
    name : str
        The parameter, for error messages.
    sources : sequence of recordings, str or PathLike
        Recordings; or the path of one; or a folder, of which all audio files are used,
        including those in sub-folders.

    Returns
    -------
    list of Sound
        At least one.

    Raises
    ------
    AudioError
        If sounds cannot be opened; the message names them.
    """
    if isinstance(sources, str | os.PathLike):
        folder = Path(sources)
        sources = _audio_files(folder) if folder.is_dir() else [os.fspath(sources)]
        if not sources:
            raise ValueError(f"{name}: the folder {str(folder)!r} has no audio files.")
    if len(sources) == 0:
        raise ValueError(f"{name} is an empty list. Pass recordings, or None for none.")
    sounds = [Sound(source) for source in sources]
    failures = []
    for index, sound in enumerate(sounds):
        try:
            audio.durations([sound.source], sample_rate=16000)
        except AudioError as error:
            is_path = isinstance(sound.source, str)
            failures.append((sound.source if is_path else f"{name}[{index}]", error.failures[0][1]))
    if failures:
        raise AudioError(failures)
    return sounds


def _audio_files(folder: Path) -> list[str]:
    return sorted(
        str(path)
        for path in folder.rglob("*")
        if not path.name.startswith(".") and path.is_file() and audio.is_audio(path)
    )
