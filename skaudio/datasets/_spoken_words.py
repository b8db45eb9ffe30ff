"""Synthetic speech: words spoken by espeak-ng in many voices.

espeak-ng (licence: GPL 3) is part of the package espeakng-loader, which is only installed by
``pip install "skaudio[demo]"``.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile
from sklearn.utils import Bunch, check_random_state

from skaudio import audio
from skaudio._validation import Interval
from skaudio.datasets import _espeak
from skaudio.datasets._folder import check_names, check_parameter
from skaudio.exceptions import DatasetError

__all__ = ["make_spoken_words"]

_CALLER = "make_spoken_words"

# Ranges of the random values, around espeak-ng's defaults of 175 words per minute, 50 and 50.
_RATES = (130, 200)
_PITCHES = (25, 75)
_PITCH_RANGES = (30, 70)
_PEAKS_DB = (-18.0, -1.0)

_DESCR = """\
Spoken words, synthetic
=======================

This is synthetic speech, made by the speech synthesiser espeak-ng for examples and tests.
Accuracy on it says little about accuracy on human speech.

{n_clips} clips of {duration:g} s at {sample_rate} Hz: {words}. Each is one word at a
random position in the clip, of random speed, pitch and level, {noise}.
They are spoken in {n_voices} voices (the groups), each an English accent and a variant of
espeak-ng.
"""


def make_spoken_words(
    words: Collection[str],
    n_clips: int = 50,
    *,
    sample_rate: int = 16000,
    duration: float = 1.0,
    snr_db: float | tuple[float, float] | None = (5.0, 30.0),
    n_voices: int | None = None,
    folder: str | os.PathLike | None = None,
    shuffle: bool = True,
    random_state: Any = None,
    return_X_y: bool = False,
) -> Any:
    """Make clips of spoken words with a speech synthesiser.

    This is synthetic speech, for examples and tests that need neither a download nor a
    microphone. espeak-ng says each word in many voices and at random speeds, pitches and
    levels; it is then put at a random position in the clip, and noise is added.

    Parameters
    ----------
    words : collection of str
        English words. Each is a class.
    n_clips : int, default=50
        Number of clips of each word. The default is enough to classify a few words, and
        takes a fraction of a second.
    sample_rate : int, default=16000
        Sampling rate, in Hz. Rates above 22,050 Hz are not useful, since the speech has no
        frequencies above 11,025 Hz.
    duration : float, default=1.0
        Length of a clip, in seconds. Words that would be longer are spoken faster.
    snr_db : float, (float, float) or None, default=(5.0, 30.0)
        Signal-to-noise ratio during the word, in dB; drawn from the range for each clip.
        The noise is white, pink or in between. None adds no noise. The
        default range is that from a busy room to a quiet one.
    n_voices : int, default=None
        Number of different voices. All words are spoken in the same voices, and all voices
        are used equally often, as far as possible. None uses a new voice for each clip of a
        word, up to about a hundred; use fewer for group-wise
        cross-validation with several clips of each word in a group.
    folder : str or PathLike, default=None
        Write the clips as 16-bit WAV files ``<folder>/<word>/<voice>_nohash_<n>.wav``, for
        :func:`load_audio_folder` to read. The folder is created; it must not already
        contain a folder of any of the words.
    shuffle : bool, default=True
        Shuffle the clips, which are otherwise sorted by word.
    random_state : int, RandomState instance or None, default=None
        Seed of everything that is random. The same int gives the same samples with the
        same version of espeak-ng.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    Bunch or (ndarray or list, ndarray)
        A :class:`~sklearn.utils.Bunch` with the attributes:

        data : ndarray of shape (n_words * n_clips, n_samples), or list of str
            The clips, ``float32``; with `folder` the paths of the files, which have the
            same samples.
        target : ndarray of shape (n_words * n_clips,)
            The words, ``str``.
        target_names : list of str
            The words, sorted.
        groups : ndarray of shape (n_words * n_clips,)
            The voices, ``str``.
        sample_rate : int
            Sampling rate, in Hz.
        DESCR : str
            Description of the data set.

    Raises
    ------
    MissingDependencyError
        If espeak-ng is not installed. ``pip install "skaudio[demo]"`` installs it.

    Notes
    -----
    espeak-ng is licensed under the GPL 3. It is not part of skaudio, which runs it as a
    separate program.

    Examples
    --------
    >>> from skaudio.datasets import make_spoken_words
    >>> spoken = make_spoken_words(["cat", "dog"], n_clips=5, random_state=0)
    >>> spoken.data.shape, spoken.target_names
    ((10, 16000), ['cat', 'dog'])
    >>> len(set(spoken.groups))
    5
    """
    names = _check(words, n_clips, sample_rate, duration, n_voices, folder)
    snr_range = _snr_range(snr_db)
    rng = check_random_state(random_state)
    utterances = _draw(names, n_clips, n_voices, rng)
    if shuffle:
        rng.shuffle(utterances)
    spoken = _espeak.say_within(utterances, duration)
    n_samples = round(duration * sample_rate)
    clips = np.stack([_clip(word, sample_rate, n_samples, snr_range, rng) for word in spoken])
    target = np.array([utterance.text for utterance in utterances])
    groups = np.array([_label(utterance.voice) for utterance in utterances])
    # The array has the same samples as the files, which have 16 bits.
    data: Any = clips.astype(np.float32) / np.float32(2**15)
    if folder is not None:
        data = _write(Path(folder).expanduser(), clips, target, groups, sample_rate)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=names,
        groups=groups,
        sample_rate=sample_rate,
        DESCR=_describe(target, groups, sample_rate, duration, snr_range),
    )


def _check(
    words: Any, n_clips: Any, sample_rate: Any, duration: Any, n_voices: Any, folder: Any
) -> list[str]:
    names = check_names(_CALLER, "words", words)
    if names is None:
        raise ValueError(
            f"The 'words' parameter of {_CALLER} must be a non-empty list of str. Got None instead."
        )
    check_parameter(_CALLER, "n_clips", n_clips, Interval(Integral, 1, None, closed="left"))
    rates = Interval(Integral, 1000, None, closed="left")
    check_parameter(_CALLER, "sample_rate", sample_rate, rates)
    check_parameter(_CALLER, "duration", duration, Interval(Real, 0, None, closed="neither"))
    if n_voices is not None:
        check_parameter(_CALLER, "n_voices", n_voices, Interval(Integral, 1, None, closed="left"))
    if folder is not None:
        _check_folder(names, Path(folder).expanduser())
    return names


def _check_folder(names: Sequence[str], folder: Path) -> None:
    """Check that the words can name folders, and that these do not exist yet."""
    for name in names:
        if not re.fullmatch(r"\w([\w' -]*\w)?", name) or name.startswith("_"):
            raise ValueError(
                f"The word {name!r} cannot name a folder; expected letters, digits, spaces, "
                "hyphens or apostrophes. With folder=None any text can be spoken."
            )
        if (folder / name).exists():
            raise DatasetError(
                f"{str(folder / name)!r} exists already, and clips of two calls would be mixed. "
                "Remove it or pass another folder."
            )


def _snr_range(snr_db: Any) -> tuple[float, float] | None:
    if snr_db is None:
        return None
    ends: Any = (snr_db, snr_db) if isinstance(snr_db, Real) else snr_db
    are_numbers = np.shape(ends) == (2,) and all(isinstance(end, Real) for end in ends)
    if are_numbers and -100 <= ends[0] <= ends[1] <= 100:
        return float(ends[0]), float(ends[1])
    raise ValueError(
        f"The 'snr_db' parameter of {_CALLER} must be a number of dB from -100 to 100, a pair "
        f"(low, high) of such numbers, or None for no noise. Got {snr_db!r} instead."
    )


def _describe(
    target: np.ndarray,
    groups: np.ndarray,
    sample_rate: int,
    duration: float,
    snr_range: tuple[float, float] | None,
) -> str:
    noise = "without noise"
    if snr_range is not None:
        noise = f"in noise at {snr_range[0]:g} to {snr_range[1]:g} dB SNR"
    return _DESCR.format(
        n_clips=len(target),
        duration=duration,
        sample_rate=sample_rate,
        words=", ".join(np.unique(target)),
        noise=noise,
        n_voices=len(set(groups)),
    )


def _draw(
    words: Sequence[str], n_clips: int, n_voices: int | None, rng: np.random.RandomState
) -> list[_espeak.Utterance]:
    """Draw the voice and the parameters of each clip, word by word."""
    every = _espeak.voices()
    if n_voices is not None and n_voices > len(every):
        raise ValueError(
            f"The 'n_voices' parameter of {_CALLER} must be at most {len(every)}, the number of "
            f"English voices of espeak-ng. Got {n_voices} instead."
        )
    voices = rng.permutation(every)[: n_voices or n_clips]
    return [
        _espeak.Utterance(
            text=word,
            voice=str(voices[clip % len(voices)]),
            rate=int(rng.randint(*_RATES)),
            pitch=int(rng.randint(*_PITCHES)),
            pitch_range=int(rng.randint(*_PITCH_RANGES)),
            seed=int(rng.randint(2**31 - 1)),
        )
        for word in words
        for clip in range(n_clips)
    ]


def _label(voice: str) -> str:
    # One variant is called "Mr serious"; avoid spaces in file names.
    return voice.replace(" ", "-")


def _clip(
    word: np.ndarray,
    sample_rate: int,
    n_samples: int,
    snr_range: tuple[float, float] | None,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Put a word at a random position in a noisy clip of 16-bit samples."""
    word = audio.load((word, _espeak.SAMPLE_RATE), sample_rate=sample_rate)[:n_samples]
    word = word * (10 ** (rng.uniform(*_PEAKS_DB) / 20) / np.abs(word).max())
    start = rng.randint(n_samples - len(word) + 1)
    clip = np.zeros(n_samples)
    clip[start : start + len(word)] = word
    if snr_range is not None:
        power = np.mean(word**2) / 10 ** (rng.uniform(*snr_range) / 10)
        clip += np.sqrt(power) * _noise(n_samples, rng)
    # Loud noise may exceed full scale; scaling the whole clip preserves the ratio.
    clip /= max(1.0, np.abs(clip).max())
    return np.round(clip * (2**15 - 1)).astype(np.int16)


def _noise(n_samples: int, rng: np.random.RandomState) -> np.ndarray:
    """Make noise of power 1 whose spectrum falls by 0 (white) to 3 dB (pink) per octave."""
    spectrum = np.fft.rfft(rng.normal(size=n_samples))
    frequency = np.maximum(np.arange(len(spectrum)), 1)
    noise = np.fft.irfft(spectrum / frequency ** (rng.uniform(0, 1) / 2), n_samples)
    return noise / np.sqrt(np.mean(noise**2))


def _write(
    folder: Path,
    clips: np.ndarray,
    target: np.ndarray,
    groups: np.ndarray,
    sample_rate: int,
) -> list[str]:
    """Write the clips for load_audio_folder; return the paths."""
    paths = []
    count: Counter = Counter()
    for clip, word, voice in zip(clips, target, groups, strict=True):
        path = folder / word / f"{voice}_nohash_{count[word, voice]}.wav"
        count[word, voice] += 1
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, sample_rate, clip)  # int16
        paths.append(os.fspath(path))
    return paths
