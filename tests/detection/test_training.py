"""Windows of long recordings to train on."""

import numpy as np
import pytest

from skaudio.audio import load
from skaudio.detection import cut_windows

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


def test_every_recording_needs_a_list_of_events(recording):
    with pytest.raises(ValueError, match="shorter than argument 1"):
        cut_windows([recording, recording], [EVENTS], duration=1.0)
