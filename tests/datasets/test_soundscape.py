"""Long recordings with known events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaudio import audio
from skaudio.datasets import make_soundscape
from skaudio.exceptions import AudioError

RATE = 8000
BEEP = np.sin(np.arange(4000)).astype("float32")
CLICK = np.concatenate([np.zeros(2000), BEEP[:1000], np.zeros(1000)]).astype("float32")


def make(clips=(BEEP, CLICK), labels=("beep", "click"), **options):
    defaults = {"duration": 60, "events_per_hour": 1200, "sample_rate": RATE, "random_state": 0}
    return make_soundscape(list(clips), list(labels), **{**defaults, **options})


def test_it_has_the_length_and_the_events_that_were_asked_for():
    soundscape = make()
    assert soundscape.data.shape == (60 * RATE,)
    assert soundscape.data.dtype == np.float32
    assert soundscape.sample_rate == RATE
    labels = [event.label for event in soundscape.events]
    assert (labels.count("beep"), labels.count("click")) == (10, 10)
    assert soundscape.events == sorted(soundscape.events)


def test_events_lie_where_the_sound_is():
    soundscape = make(snr_db=60, events_per_hour=300)
    noise = np.median(np.abs(soundscape.data))
    for event in soundscape.events:
        first, stop = (round(time * RATE) for time in (event.start, event.end))
        inside = np.abs(soundscape.data[first:stop]).mean()
        assert inside > 100 * noise
        assert stop - first == pytest.approx({"beep": 4000, "click": 1000}[event.label], abs=300)


@pytest.mark.parametrize("snr_db", [0, 10, 30])
def test_the_level_of_the_clips_is_as_far_above_the_noise_as_was_asked_for(snr_db):
    beeps = make([BEEP * 0.1, BEEP], ["beep", "beep"], snr_db=snr_db, duration=200)
    is_event = np.zeros(len(beeps.data), bool)
    for event in beeps.events:
        is_event[round(event.start * RATE) : round(event.end * RATE)] = True
    noise = np.mean(beeps.data[~is_event] ** 2)
    clips = np.mean(beeps.data[is_event] ** 2) - noise
    assert 10 * np.log10(clips / noise) == pytest.approx(snr_db, abs=1)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4500))
def test_clips_never_overlap_and_all_lie_inside(seed, events_per_hour):
    soundscape = make(random_state=seed, events_per_hour=events_per_hour)
    times = [time for event in soundscape.events for time in event[:2]]
    assert times == sorted(times)
    assert all(0 <= time <= 60 for time in times)


def test_each_clip_is_used_before_any_is_used_again():
    clips = [np.sin(pitch * np.arange(800)) for pitch in range(1, 31)]
    soundscape = make(clips, range(30), events_per_hour=2400)
    counts = np.bincount([event.label for event in soundscape.events], minlength=30)
    assert set(counts) == {1, 2}


def test_other_clips_are_heard_but_are_no_events():
    silent = make(events_per_hour=0)
    others = make(events_per_hour=0, others=[BEEP], others_per_hour=600, snr_db=40)
    assert silent.events == others.events == []
    assert others.data.std() > 0.1


def test_the_background_is_cut_at_random_from_recordings():
    hum = np.sin(0.01 * np.arange(20 * RATE)).astype("float32")
    one, other = (make([], [], background=[hum], random_state=seed).data for seed in (0, 1))
    assert np.corrcoef(np.abs(np.fft.rfft(one)), np.abs(np.fft.rfft(other)))[0, 1] > 0.5
    assert not np.array_equal(one, other)
    assert one.std() == pytest.approx(other.std(), rel=0.1)


def test_the_same_seed_gives_the_same_recording():
    np.testing.assert_array_equal(make().data, make().data)
    assert not np.array_equal(make().data, make(random_state=1).data)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not fit in a duration of 60 s"):
        make(events_per_hour=10000)
    with pytest.raises(ValueError, match="background has no recording with sound"):
        make(background=[np.zeros(RATE)])
    with pytest.raises(ValueError, match="duration' parameter of make_soundscape"):
        make(duration=0)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make(labels=["beep"])
    with pytest.raises(AudioError, match=r"missing\.wav"):
        make(["missing.wav"], ["beep"])


def test_clips_may_be_files_at_any_rate():
    clip = (np.repeat(BEEP, 2), 2 * RATE)
    expected = audio.load(clip, sample_rate=RATE)
    assert len(expected) == len(BEEP)
    assert len(make([clip], ["beep"]).events) == 20
