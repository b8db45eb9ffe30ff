"""What espeak-ng says, as arrays.

Every call runs espeak-ng in a fresh process; ``_espeak_program.py`` says why.
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

# Each variant of espeak-ng (a throat) gets one of its English accents, so that a voice is
# a person: the same throat with two accents would leak from group to group.
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

# Speech ends where it stays 40 dB below its peak; a hundredth of a second is left around.
_SILENCE = 0.01
_MARGIN = SAMPLE_RATE // 100


class Utterance(NamedTuple):
    """What to say and how.

    Attributes
    ----------
    text : str
        The words.
    voice : str
        One of :func:`voices`.
    rate : int
        Speed, in words per minute, from 80 to 450.
    pitch : int
        Height of the voice, from 0 to 99.
    pitch_range : int
        Liveliness of the voice, from 0 (a monotone) to 99.
    seed : int
        For the noise in the voice.
    """

    text: str
    voice: str
    rate: int
    pitch: int
    pitch_range: int
    seed: int


def say_within(utterances: Sequence[Utterance], duration: float) -> list[np.ndarray]:
    """Say all utterances, and faster those that last longer than a clip.

    Parameters
    ----------
    utterances : sequence of Utterance
        What to say.
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
        long = [place for place, samples in enumerate(spoken) if len(samples) > longest]
        if not long:
            return spoken
        for place in long:
            # A little more than in proportion, since not everything gets shorter.
            rate = int(asked[place].rate * len(spoken[place]) / longest * 1.1) + 1
            asked[place] = asked[place]._replace(rate=min(rate, _MAX_RATE))
        again = _say([asked[place] for place in long])
        for place, samples in zip(long, again, strict=True):
            spoken[place] = _trim(samples)


def voices() -> list[str]:
    """Name the English voices of espeak-ng.

    Returns
    -------
    list of str
        Names such as ``en-us+f1``, an accent and a variant.
    """
    folder = Path(_loader().get_data_path(), "voices", "!v")
    variants = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    return [
        f"{_ACCENTS[place % len(_ACCENTS)]}+{variant}" for place, variant in enumerate(variants)
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
            f"{utterance.text!r} takes {len(samples) / SAMPLE_RATE:.2f} s even when spoken as "
            f"fast as can be, and a clip is {longest / SAMPLE_RATE:.2f} s. Pass a longer "
            "duration."
        )


def _say(utterances: Sequence[Utterance]) -> list[np.ndarray]:
    """Samples of each utterance at 22,050 Hz, from a fresh process of espeak-ng."""
    # From the folder of the data, by a short name: espeak-ng has 160 characters for it.
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
            f"espeak-ng could not speak ({reason.strip()}). Install it anew with "
            'pip install --force-reinstall "skaudio[demo]".'
        )
    encoded, spoken, start = done.stdout, [], 0
    for _ in utterances:
        n_samples = int(np.frombuffer(encoded, np.int32, 1, start)[0])
        spoken.append(np.frombuffer(encoded, np.int16, n_samples, start + 4))
        start += 4 + 2 * n_samples
    return spoken


def _trim(samples: np.ndarray) -> np.ndarray:
    """The word without the silence around it, full scale being 1."""
    loudness = np.abs(samples.astype(np.float32) / np.float32(2**15))
    loud = np.flatnonzero(loudness > _SILENCE * loudness.max(initial=0))
    if len(loud) == 0:
        return np.zeros(0, dtype=np.float32)
    first, last = max(loud[0] - _MARGIN, 0), loud[-1] + _MARGIN
    return samples[first:last].astype(np.float32) / np.float32(2**15)
