"""Long recordings, made of clips and noise, whose events are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_consistent_length

from skaudio import audio, dsp
from skaudio._validation import Interval
from skaudio.datasets._folder import check_parameter
from skaudio.detection import Event

__all__ = ["make_soundscape"]

_CALLER = "make_soundscape"

# The sound of a clip begins and ends where it is this far below its loudest part, in dB.
_TOP_DB = 30.0

# Seconds: of the fades at the ends of a clip, of those between two pieces of the background, and
# of noise that is made at once.
_FADE, _CROSSFADE, _NOISE = 0.01, 1.0, 60.0

# Root mean square of the clips, if there are none to take it from.
_LEVEL = 0.05


def make_soundscape(
    clips: Iterable[Any],
    labels: Sequence[Any],
    *,
    duration: float = 60.0,
    events_per_hour: float = 120.0,
    others: Iterable[Any] = (),
    others_per_hour: float = 1500.0,
    background: Iterable[Any] | None = None,
    snr_db: float = 10.0,
    sample_rate: int = 16000,
    random_state: Any = None,
) -> Bunch:
    """Make a long recording of clips, other clips and noise, at random times.

    It is for tuning and testing a :class:`~skaudio.detection.SoundDetector`: real recordings with
    labels are better, but rare. Clips do not overlap. Each one is used before any is used again.

    Parameters
    ----------
    clips : sequence of recordings
        Clips of the sounds to detect, as :func:`skaudio.audio.load` takes them.
    labels : sequence of shape (n_clips,)
        Their labels.
    duration : float, default=60.0
        Length in seconds.
    events_per_hour : float, default=120.0
        Clips in an hour.
    others : sequence of recordings, default=()
        Clips of other sounds, which are not events.
    others_per_hour : float, default=1500.0
        Other clips in an hour, if there are any. The default is talk with short pauses.
    background : sequence of recordings, default=None
        Recordings of noise, of which random parts follow each other. None makes pink noise.
    snr_db : float, default=10.0
        Level of each clip's sound above that of the background, in dB. Clips have the median of
        their own levels.
    sample_rate : int, default=16000
        Rate in Hz.
    random_state : int, RandomState instance or None, default=None
        Seed of everything random.

    Returns
    -------
    Bunch
        A :class:`~sklearn.utils.Bunch` with the attributes:

        data : ndarray of shape (n_samples,)
            The recording, ``float32``.
        events : list of Event
            Start, end and label of each clip of `clips`, where its sound is no more than 30 dB
            below its loudest part, in the order of time.
        sample_rate : int
            The rate in Hz.

    Raises
    ------
    AudioError
        If a clip cannot be used.
    ValueError
        If the clips are longer than the recording.

    See Also
    --------
    skaudio.detection.SoundDetector : Finds the events.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.datasets import make_soundscape
    >>> beep = np.sin(0.3 * np.arange(8000))
    >>> soundscape = make_soundscape(
    ...     [beep], ["beep"], duration=60, events_per_hour=180, random_state=0
    ... )
    >>> soundscape.data.shape, [event.label for event in soundscape.events]
    ((960000,), ['beep', 'beep', 'beep'])
    """
    rng = check_random_state(random_state)
    clips, labels, others = list(clips), np.asarray(labels).tolist(), list(others)
    check_consistent_length(clips, labels)
    rate = Interval(Real, 0, None, closed="left")
    check_parameter(_CALLER, "duration", duration, Interval(Real, 0, None, closed="neither"))
    check_parameter(_CALLER, "sample_rate", sample_rate, Interval(Integral, 1, None, closed="left"))
    check_parameter(_CALLER, "events_per_hour", events_per_hour, rate)
    check_parameter(_CALLER, "others_per_hour", others_per_hour, rate)
    check_parameter(_CALLER, "snr_db", snr_db, Interval(Real, -200, 200, closed="both"))
    hours = duration / 3600
    n_clips = round(events_per_hour * hours) if clips else 0
    n_others = round(others_per_hour * hours) if others else 0
    chosen = [("event", index) for index in _draw(len(clips), n_clips, rng)]
    chosen += [("other", index) for index in _draw(len(others), n_others, rng)]
    sounds = [
        _Sound((clips if kind == "event" else others)[index], sample_rate) for kind, index in chosen
    ]
    n_samples = round(duration * sample_rate)
    order = rng.permutation(len(sounds))
    starts = _starts([len(sounds[index].samples) for index in order], n_samples, duration, rng)
    level = float(np.median([sound.level for sound in sounds])) if sounds else _LEVEL
    mixed = _noise(background, n_samples, sample_rate, rng)
    mixed *= np.float32(level * 10 ** (-snr_db / 20))
    events = []
    for index, start in zip(order, starts, strict=True):
        sound, (kind, clip) = sounds[index], chosen[index]
        mixed[start : start + len(sound.samples)] += sound.samples * np.float32(level / sound.level)
        if kind == "event":
            first, stop = ((start + at) / sample_rate for at in sound.interval)
            events.append(Event(round(first, 6), round(stop, 6), labels[clip]))
    return Bunch(data=mixed, events=events, sample_rate=sample_rate)


class _Sound:
    """A clip, its level, and where in it the sound is."""

    def __init__(self, recording: Any, sample_rate: int):
        samples = audio.load(recording, sample_rate=sample_rate)
        self.interval = dsp.sounding_interval(samples, top_db=_TOP_DB)
        first, stop = self.interval
        power = float(np.mean(np.square(samples[first:stop]))) if stop > first else 0.0
        self.level = max(power, 1e-12) ** 0.5
        n_fade = min(round(_FADE * sample_rate), len(samples) // 2)
        fade = np.linspace(0, 1, n_fade, endpoint=False, dtype=np.float32)
        self.samples = samples.copy()
        self.samples[:n_fade] *= fade
        self.samples[len(samples) - n_fade :] *= fade[::-1]


def _draw(n_clips: int, n_wanted: int, rng: Any) -> list[int]:
    """Draw clips, each as often as the others or once more."""
    n_rounds = -(-n_wanted // max(1, n_clips))
    return [int(index) for _ in range(n_rounds) for index in rng.permutation(n_clips)][:n_wanted]


def _starts(lengths: list[int], n_samples: int, duration: float, rng: Any) -> list[int]:
    """Place clips one after the other, with random gaps."""
    n_free = n_samples - sum(lengths)
    if n_free < 0:
        raise ValueError(
            f"{len(lengths)} clips of {sum(lengths) / n_samples * duration:.3g} s together do not "
            f"fit in a duration of {duration:g} s. Use fewer clips an hour."
        )
    gaps = np.sort(rng.randint(0, n_free + 1, len(lengths)))
    before = np.cumsum([0, *lengths[:-1]]) if lengths else np.empty(0, int)
    return [int(gap + length) for gap, length in zip(gaps, before, strict=True)]


def _noise(background: Any, n_samples: int, sample_rate: int, rng: Any) -> np.ndarray:
    """Return noise with a root mean square of 1, of random parts of the background."""
    if background is None:
        recordings = [_pink_noise(round(_NOISE * sample_rate), rng)]
    else:
        recordings = [audio.load(recording, sample_rate=sample_rate) for recording in background]
        recordings = [part for part in recordings if part.any()]
        if not recordings:
            raise ValueError("The background has no recording with sound. Pass None for noise.")
    noise = np.zeros(n_samples, np.float32)
    n_fade = round(_CROSSFADE * sample_rate)
    at = -n_fade
    while at < n_samples:
        part = recordings[rng.randint(len(recordings))]
        part = np.roll(part, rng.randint(len(part))) / np.sqrt(np.mean(np.square(part)))
        # The powers of two parts add up to 1 in a crossfade.
        fade = np.sqrt(np.linspace(0, 1, min(n_fade, len(part) // 2), dtype=np.float32))
        part[: len(fade)] *= fade
        part[len(part) - len(fade) :] *= fade[::-1]
        first, stop = max(0, at), min(n_samples, at + len(part))
        noise[first:stop] += part[first - at : stop - at]
        at += len(part) - len(fade)
    return noise


def _pink_noise(n_samples: int, rng: Any) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    return np.fft.irfft(spectrum, n_samples).astype(np.float32)
