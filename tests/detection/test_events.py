"""Events in the scores of windows, whatever the parts in which they arrive."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaudio.detection import Event
from skaudio.detection._events import EventFinder, Smoothing
from skaudio.detection._windows import windows

SCORES = st.lists(st.sampled_from([0.0, 0.2, 0.6, 0.9, 1.0]), min_size=1, max_size=60)
CUTS = st.lists(st.integers(0, 60), max_size=6)


def parts(values, cuts):
    return np.split(np.asarray(values), sorted(min(cut, len(values)) for cut in cuts))


def find(scores, cuts=(), threshold=0.5, **options):
    finder = EventFinder("owl", threshold, hop=0.5, duration=2.0, **options)
    found = [event for part in parts(scores, cuts) for event in finder.update(part)]
    return found + finder.finish((len(scores) - 1) * 0.5 + 2.0)


def test_an_event_lies_around_the_middles_of_its_windows():
    # Windows begin at 0, 0.5, ..., and their middles are 1, 1.5, ...
    assert find([0, 0, 0.6, 0.9, 0, 0]) == [Event(1.75, 2.75, "owl", 0.9)]


def test_the_first_and_the_last_window_stand_for_the_ends_of_the_recording():
    assert find([0.6, 0, 0, 0.7]) == [Event(0.0, 1.25, "owl", 0.6), Event(2.25, 3.5, "owl", 0.7)]
    assert find([0.6]) == [Event(0.0, 2.0, "owl", 0.6)]


def test_a_score_that_equals_the_threshold_is_an_event():
    assert len(find([0, 0.5, 0])) == 1


def test_an_event_is_as_long_as_half_of_the_threshold_is_reached():
    scores = [0, 0.3, 0.6, 0.4, 0.7, 0.24, 0.3, 0]
    assert find(scores) == [Event(1.25, 3.25, "owl", 0.7)]
    assert find([0, 0.49, 0.3, 0]) == []


@pytest.mark.parametrize(("min_gap", "n_events"), [(0.0, 2), (1.0, 2), (1.1, 1)])
def test_events_with_shorter_gaps_are_joined(min_gap, n_events):
    assert len(find([0, 0.9, 0, 0, 0.6, 0], min_gap=min_gap)) == n_events


@pytest.mark.parametrize(("min_duration", "n_events"), [(0.5, 2), (0.6, 1), (1.5, 0)])
def test_shorter_events_are_dropped(min_duration, n_events):
    assert len(find([0, 0.9, 0, 0, 0.6, 0.6, 0], min_duration=min_duration)) == n_events


@given(SCORES, CUTS, st.sampled_from([0.0, 0.5, 1.0, 1.6]), st.sampled_from([0.0, 0.5, 1.1]))
def test_events_do_not_depend_on_the_parts(scores, cuts, min_gap, min_duration):
    options = {"min_gap": min_gap, "min_duration": min_duration}
    assert find(scores, cuts, **options) == find(scores, **options)


@given(SCORES, st.sampled_from([0.0, 0.7, 1.6]))
def test_events_are_in_order_apart_and_above_the_threshold(scores, min_gap):
    found = find(scores, min_gap=min_gap)
    for event, following in itertools.pairwise(found):
        assert following.start - event.end >= min_gap - 1e-9
    assert all(event.score >= 0.5 and event.start < event.end for event in found)
    assert bool(found) == any(score >= 0.5 for score in scores)


@given(SCORES, CUTS, st.sampled_from([1, 3, 5]))
def test_smoothing_is_a_mean_of_the_neighbours_that_exist(scores, cuts, width):
    smoothing = Smoothing(width)
    table = np.stack([scores, scores[::-1]], axis=1)
    found = [smoothing.update(part) for part in parts(table, cuts) if len(part)]
    found = np.concatenate([*found, smoothing.finish()])
    reach = width // 2
    means = [table[max(0, row - reach) : row + reach + 1].mean(axis=0) for row in range(len(table))]
    np.testing.assert_allclose(found, means)


@given(
    n=st.integers(1, 400),
    cuts=CUTS,
    n_samples=st.integers(1, 60),
    step=st.integers(1, 60),
    batch_size=st.integers(1, 7),
)
def test_windows_are_those_of_the_padded_recording(n, cuts, n_samples, step, batch_size):
    step = min(step, n_samples)
    recording = np.arange(1, n + 1, dtype=np.float32)
    blocks = [block for block in parts(recording, cuts) if len(block)]
    cut = list(windows(blocks, n_samples=n_samples, step=step, batch_size=batch_size))
    found = np.concatenate([batch for batch, _ in cut])
    n_windows = 1 + max(0, -(-(n - n_samples) // step))
    padded = np.pad(recording, (0, n_samples + step))
    expected = [padded[step * w : step * w + n_samples] for w in range(n_windows)]
    np.testing.assert_array_equal(found, expected)
    assert cut[-1][1] == n
    assert all(len(batch) == batch_size for batch, _ in cut[:-1])


def test_no_samples_have_no_windows():
    assert list(windows([], n_samples=4, step=2, batch_size=3)) == []
