"""Thresholds and trade-off curves, from scores that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaudio.detection import Event, WindowScores
from skaudio.detection._events import EventFinder
from skaudio.detection._scoring import false_alarms
from skaudio.detection._tuning import error_tradeoff, find_events, tuned

HOUR = 36000  # windows of a tenth of a second


def finder(label, threshold):
    return EventFinder(label, threshold, hop=0.1, duration=0.1)


def recording(peaks, n_windows=HOUR):
    """Scores with single windows that reach these heights, ten seconds apart."""
    values = np.zeros((n_windows, 1))
    values[100 * np.arange(1, len(peaks) + 1), 0] = peaks
    return WindowScores(values, np.arange(n_windows) * 0.1 + 0.05, n_windows / 10, ("owl",))


def at(index):
    return Event(index * 10, index * 10 + 0.1, "owl")


def test_one_less_than_the_allowed_number_is_left():
    scores = recording([0.9, 0.8, 0.7, 0.6, 0.5])
    for rate, n_left in ((1, 0), (2, 1), (4.9, 3)):
        thresholds, tuning = tuned([scores], [[]], ["owl"], finder, rate)
        assert tuning.scores.total.n_false == n_left
        heights = [0.9, 0.8, 0.7, 0.6, 0.5]
        assert heights[n_left] < thresholds["owl"] < ([1.0, *heights])[n_left]


def test_events_that_are_true_do_not_raise_the_threshold():
    scores = recording([0.9, 0.8, 0.7, 0.6])
    thresholds, tuning = tuned([scores], [[at(1), at(2), at(4)]], ["owl"], finder, 1)
    assert 0.7 < thresholds["owl"] < 0.8
    assert (tuning.scores.total.n_hits, tuning.scores.total.n_true) == (2, 3)


def test_without_false_alarms_the_threshold_is_low():
    thresholds, _ = tuned([recording([0.9, 0.8])], [[at(1), at(2)]], ["owl"], finder, 1)
    assert thresholds["owl"] < 0.8


def test_a_threshold_at_which_everything_is_one_event_is_not_chosen():
    values = np.full((HOUR, 1), 0.1)
    values[100 * np.arange(1, 200), 0] = np.linspace(0.3, 0.9, 199)
    scores = recording([])._replace(values=values)
    thresholds, tuning = tuned([scores], [[at(199)]], ["owl"], finder, 10)
    assert thresholds["owl"] > 0.8
    assert tuning.scores.total.n_hits == 1


def test_the_labels_share_the_allowed_rate():
    one, other = recording([0.9, 0.8, 0.7]), recording([0.5, 0.4, 0.3])
    both = one._replace(values=np.hstack([one.values, other.values]))
    thresholds, tuning = tuned([both], [[]], ["owl", "fox"], finder, 4)
    assert tuning.scores.total.n_false == 2
    assert 0.8 < thresholds["owl"] < 0.9
    assert 0.4 < thresholds["fox"] < 0.5


@given(
    st.lists(st.floats(0.06, 1), max_size=30),
    st.lists(st.floats(0.06, 1), max_size=30),
    st.integers(1, 20),
)
def test_the_expected_rate_is_kept(heard, unheard, rate):
    """The count above the threshold is below the allowed one, whatever the scores."""
    thresholds, _ = tuned([recording(heard)], [[]], ["owl"], finder, rate)
    events = find_events(recording(heard), 0, finder("owl", thresholds["owl"]))
    assert len(false_alarms([], events)) < rate
    more = find_events(recording(unheard), 0, finder("owl", thresholds["owl"]))
    assert len(more) == sum(height >= thresholds["owl"] for height in unheard)


def test_a_promised_rate_holds_on_average_for_unheard_hours():
    rng = np.random.default_rng(0)

    def hours(n_hours):
        n_peaks = rng.poisson(20, n_hours)
        return [recording(np.clip(rng.beta(2, 3, n), 0.06, 1)) for n in n_peaks]

    rates = []
    for _ in range(40):
        thresholds, _ = tuned(hours(5), [[]] * 5, ["owl"], finder, 2)
        found = [find_events(each, 0, finder("owl", thresholds["owl"])) for each in hours(5)]
        rates.append(sum(map(len, found)) / 5)
    assert np.mean(rates) == pytest.approx(2, abs=3 * np.std(rates) / np.sqrt(40))


def test_too_few_hours_warn():
    with pytest.warns(UserWarning, match="0.1 hours are too few.*Use 1 hours or more"):
        tuned([recording([0.9], HOUR // 10)], [[]], ["owl"], finder, 1)


def test_the_curve_goes_from_all_missed_to_all_found():
    scores = recording([0.9, 0.8, 0.7, 0.6])
    (curve,) = error_tradeoff([scores], [[at(1), at(4)]], finder, {"owl": 0.65})
    assert curve.label == "owl"
    # The thresholds between find no more.
    assert curve.thresholds.tolist() == [0.9, 0.6]
    assert curve.miss_rate.tolist() == [0.5, 0.0]
    assert curve.false_per_hour.tolist() == [0, 2]
    assert curve.used == (0.65, 0.5, 2)


def test_a_curve_without_scores_is_empty():
    (curve,) = error_tradeoff([recording([])], [[at(1)]], finder, {"owl": 0.5})
    assert len(curve.thresholds) == len(curve.miss_rate) == 0
    assert curve.used == (0.5, 1, 0)


def test_a_label_without_events_has_no_curve():
    assert error_tradeoff([recording([0.9])], [[]], finder, {"owl": 0.5}) == []
