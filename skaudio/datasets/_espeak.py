"""Speech of espeak-ng as arrays.

Every call runs espeak-ng in a new process; ``_espeak_program.py`` explains why.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skaudio.exceptions import MissingDependencyError

__all__ = ["SAMPLE_RATE", "Utterance", "say_within", "voices"]

SAMPLE_RATE = 22050  # espeak-ng's own, in Hz

_PROGRAM = Path(__file__).with_name("_espeak_program.py")
_MAX_RATE = 450  # words per minute

# Each variant of espeak-ng gets one of its English accents, so that a voice is like a
# person: the same variant with two accents would leak between groups.
_ACCENTS = (
    "en",
    "en-us",
    "en-gb-scotland",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-029",
    "en-us-nyc",
)

# Speech is trimmed where it stays 40 dB below its peak, with a margin of 10 ms.
_SILENCE = 0.01
_MARGIN = SAMPLE_RATE // 100


class Utterance(NamedTuple):
    """Text and voice of an utterance.

    Attributes
    ----------
    text : str
        The words.
    voice : str
        One of :func:`voices`.
    rate : int
        Speed, in words per minute, from 80 to 450.
    pitch : int
        Pitch of the voice, from 0 to 99.
    pitch_range : int
        Variation of the pitch, from 0 (a monotone) to 99.
    seed : int
        Seed of the noise in the voice.
    """

    text: str
    voice: str
    rate: int
    pitch: int
    pitch_range: int
    seed: int


def say_within(utterances: Sequence[Utterance], duration: float) -> list[np.ndarray]:
    """Say all utterances, and repeat those that are longer than a clip faster.

    Parameters
    ----------
    utterances : sequence of Utterance
        The utterances.
    duration : float
        Length of a clip, in seconds.

    Returns
    -------
    list of ndarray of shape (n,)
        Each utterance without the silence around it: ``float32`` samples in [-1, 1).
    """
    longest = int(duration * SAMPLE_RATE)
    asked = list(utterances)
    spoken = [_trim(samples) for samples in _say(asked)]
    while True:
        for utterance, samples in zip(asked, spoken, strict=True):
            _check_spoken(utterance, samples, longest)
        too_long = [index for index, samples in enumerate(spoken) if len(samples) > longest]
        if not too_long:
            return spoken
        for index in too_long:
            # More than in proportion, since not everything becomes shorter.
            rate = int(asked[index].rate * len(spoken[index]) / longest * 1.1) + 1
            asked[index] = asked[index]._replace(rate=min(rate, _MAX_RATE))
        again = _say([asked[index] for index in too_long])
        for index, samples in zip(too_long, again, strict=True):
            spoken[index] = _trim(samples)


def voices() -> list[str]:
    """List the English voices of espeak-ng.

    Returns
    -------
    list of str
        Names such as ``en-us+f1``, an accent and a variant.
    """
    folder = Path(_loader().get_data_path(), "voices", "!v")
    variants = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    return [
        f"{_ACCENTS[index % len(_ACCENTS)]}+{variant}" for index, variant in enumerate(variants)
    ]


def _loader() -> Any:
    try:
        import espeakng_loader
    except ImportError as error:
        raise MissingDependencyError(
            "Synthetic speech needs espeak-ng, a speech synthesiser (licence: GPL 3). Install it "
            'with pip install "skaudio[demo]".'
        ) from error
    return espeakng_loader


def _check_spoken(utterance: Utterance, samples: np.ndarray, longest: int) -> None:
    if len(samples) == 0:
        raise ValueError(f"espeak-ng says nothing for {utterance.text!r}; expected English words.")
    if len(samples) > longest and utterance.rate >= _MAX_RATE:
        raise ValueError(
            f"{utterance.text!r} takes {len(samples) / SAMPLE_RATE:.2f} s even at the highest "
            f"speed, and a clip is {longest / SAMPLE_RATE:.2f} s. Pass a longer duration."
        )


def _say(utterances: Sequence[Utterance]) -> list[np.ndarray]:
    """Return the samples of each utterance at 22,050 Hz, from a new process of espeak-ng."""
    # A relative path, since espeak-ng limits paths to 160 characters.
    folder, data = os.path.split(os.path.abspath(_loader().get_data_path()))
    library = os.path.abspath(_loader().get_library_path())
    request = {"library": library, "data": data, "utterances": utterances}
    done = subprocess.run(
        [sys.executable, "-I", "-S", os.path.abspath(_PROGRAM)],
        input=json.dumps(request).encode(),
        capture_output=True,
        check=False,
        cwd=folder,
    )
    if done.returncode != 0:
        lines = [f"exit code {done.returncode}", *done.stderr.decode(errors="replace").split("\n")]
        reason = [line for line in lines if line.strip()][-1]
        raise MissingDependencyError(
            f"espeak-ng could not speak ({reason.strip()}). Reinstall it with "
            'pip install --force-reinstall "skaudio[demo]".'
        )
    encoded, spoken, start = done.stdout, [], 0
    for _ in utterances:
        n_samples = int(np.frombuffer(encoded, np.int32, 1, start)[0])
        spoken.append(np.frombuffer(encoded, np.int16, n_samples, start + 4))
        start += 4 + 2 * n_samples
    return spoken


def _trim(samples: np.ndarray) -> np.ndarray:
    """Remove the silence around a word, and scale full scale to 1."""
    loudness = np.abs(samples.astype(np.float32) / np.float32(2**15))
    loud = np.flatnonzero(loudness > _SILENCE * loudness.max(initial=0))
    if len(loud) == 0:
        return np.zeros(0, dtype=np.float32)
    first, last = max(loud[0] - _MARGIN, 0), loud[-1] + _MARGIN
    return samples[first:last].astype(np.float32) / np.float32(2**15)
