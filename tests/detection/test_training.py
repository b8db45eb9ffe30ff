"""Windows of long recordings to train on."""

import numpy as np
import pytest

from skaudio.audio import load
from skaudio.detection import Event, cut_windows

RATE = 16000
EVENTS = [(10.0, 10.5, "owl"), (20.0, 20.4, "fox"), (29.8, 30.0, "owl")]


@pytest.fixture(scope="module")
def recording():
    return np.random.default_rng(0).normal(0, 0.1, 30 * RATE).astype("float32")


def test_each_event_has_a_window_that_contains_it(recording):
    data, target = cut_windows([recording], [EVENTS], duration=1.0, random_state=0)
    assert target[:3].tolist() == ["owl", "fox", "owl"]
    for segment, (start, end, _) in zip(data, EVENTS, strict=False):
        assert segment.start <= start + 1e-9
        assert end <= segment.stop + 1e-9
        assert len(load(segment)) == RATE


def test_the_places_are_random_within_the_jitter(recording):
    many = [EVENTS[:1]] * 200
    data, _ = cut_windows([recording] * 200, many, duration=1.0, others=0, random_state=0)
    shifts = np.array([segment.start + 0.5 - 10.25 for segment in data])
    assert np.abs(shifts).max() <= 0.2
    assert shifts.std() == pytest.approx(0.4 / np.sqrt(12), rel=0.1)
    still, _ = cut_windows([recording], [EVENTS[:1]], duration=1.0, jitter=0, others=0)
    assert still[0].start == 9.75


def test_windows_between_events_contain_nearly_nothing_of_them(recording):
    data, target = cut_windows(
        [recording], [EVENTS], duration=1.0, others=20, label="other", random_state=0
    )
    between = [each for each, label in zip(data, target, strict=True) if label == "other"]
    assert len(between) == 60
    for segment in between:
        for start, end, _ in EVENTS:
            inside = min(end, segment.stop) - max(start, segment.start)
            assert inside <= 0.3 * (end - start) + 1e-9


def test_a_recording_full_of_events_has_no_windows_between(recording):
    full = [(second, second + 1.0, "owl") for second in range(30)]
    data, target = cut_windows([recording], [full], duration=1.0, random_state=0)
    assert len(data) == 30
    assert set(target) == {"owl"}


def test_a_recording_shorter_than_a_window_is_one(recording):
    data, target = cut_windows([recording[:8000]], [[(0.1, 0.2, "owl")]], duration=1.0)
    assert [len(load(segment)) for segment in data] == [8000]
    assert target.tolist() == ["owl"]


def test_the_same_seed_cuts_the_same_windows(recording):
    cuts = [
        cut_windows([recording], [EVENTS], duration=1.0, random_state=seed)[0] for seed in (0, 0, 1)
    ]
    starts = [[segment.start for segment in cut] for cut in cuts]
    assert starts[0] == starts[1] != starts[2]


def test_arrays_have_the_rate_that_is_given(recording):
    at_8000 = recording[: 15 * RATE]  # 30 seconds
    data, _ = cut_windows([at_8000], [EVENTS], duration=1.0, sample_rate=8000, random_state=0)
    assert data[1].start <= 20.0
    assert data[1].stop >= 20.4
    assert data[2].stop == 30
    assert all(len(load(segment, sample_rate=8000)) == 8000 for segment in data)


def test_points_are_not_between_events(recording):
    data, target = cut_windows(
        [recording[: 3 * RATE]], [[(1.0, 1.0, "click")]], duration=1.0, others=10, random_state=0
    )
    between = [each for each, label in zip(data, target, strict=True) if label == "unknown"]
    assert between
    assert not any(each.start <= 1.0 <= each.stop for each in between)


def test_events_that_cannot_be_those_of_the_recordings_are_refused(recording):
    with pytest.raises(ValueError, match="2 recordings, but lists of events for 1"):
        cut_windows([recording, recording], [EVENTS], duration=1.0)
    with pytest.raises(ValueError, match=r"end=101.* beyond the end of recordings\[1\], .* 30 s"):
        cut_windows([recording] * 2, [EVENTS, [(100.0, 101.0, "owl")]], duration=1.0)
    with pytest.raises(TypeError, match=r"tuple of start, end and label.* Got 10\.0 instead"):
        cut_windows([recording], [EVENTS[0]], duration=1.0)
    with pytest.raises(ValueError, match="all text or all numbers"):
        cut_windows([recording], [[(1.0, 2.0, 7)]], duration=1.0)


def test_a_data_frame_has_the_events_of_a_recording(recording):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(map(Event._make, (event + (1.0,) for event in EVENTS)))
    frame.insert(0, "file", "night.wav")
    expected = cut_windows([recording], [EVENTS], duration=1.0, random_state=0)[1]
    found = cut_windows([recording], [frame], duration=1.0, random_state=0)[1]
    assert found.tolist() == expected.tolist()
