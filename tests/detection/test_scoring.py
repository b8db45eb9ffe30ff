"""Hits, misses and false alarms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaudio.detection import Event, score_events
from skaudio.detection._scoring import false_alarms, poisson_interval

TIMES = st.integers(0, 200).map(lambda time: time / 10)
EVENTS = st.lists(
    st.builds(
        lambda start, length, label: Event(start, start + length, label),
        TIMES,
        st.integers(1, 20).map(lambda length: length / 10),
        st.sampled_from(["owl", "fox"]),
    ),
    max_size=12,
)


def counts(true, found, **options):
    total = score_events([true], [found], duration=3600, **options).total
    return total.n_hits, total.n_misses, total.n_false


def test_an_event_that_overlaps_is_a_hit():
    true = [Event(1, 2, "owl"), Event(5, 6, "owl")]
    assert counts(true, [Event(1.5, 2.5, "owl")]) == (1, 1, 0)


def test_an_event_of_another_label_is_a_false_alarm():
    assert counts([Event(1, 2, "owl")], [Event(1, 2, "fox")]) == (0, 1, 1)


def test_the_overlap_counts_on_both_sides():
    true = [Event(0, 10, "owl")]
    assert counts(true, [Event(9.5, 10.5, "owl")], overlap=0.1) == (0, 1, 0)
    assert counts(true, [Event(9, 10.5, "owl")], overlap=0.1) == (1, 0, 0)
    assert counts(true, [Event(9, 10.5, "owl")], overlap=0.7) == (0, 1, 1)
    # Several parts together cover it.
    halves = [Event(0, 5, "owl"), Event(5, 9, "owl")]
    assert counts(true, halves, overlap=0.7) == (1, 0, 0)


def test_a_point_only_has_to_lie_in_an_event():
    point, around, other = Event(1, 1, "owl"), Event(0.8, 1.3, "owl"), Event(4, 5, "owl")
    assert counts([point], [around, other]) == (1, 0, 1)
    assert counts([around], [point]) == (1, 0, 0)
    assert counts([point], [Event(1, 1, "owl"), Event(2, 2, "owl")]) == (1, 0, 1)
    assert counts([other], [point]) == (0, 1, 1)


def test_numbers_and_text_may_be_labels_side_by_side():
    rows = score_events([[(1, 2, "owl"), (1, 2, 7)]], [[]], duration=60).labels
    assert [row.label for row in rows] == [7, "owl"]


def test_with_a_collar_begin_and_end_count():
    true = [Event(1, 2, "owl"), Event(5, 9, "owl")]
    found = [Event(1.2, 2.2, "owl"), Event(5.1, 9.7, "owl"), Event(1.1, 2.0, "owl")]
    assert counts(true, found, collar=0.2) == (2, 0, 1)
    assert counts(true, found, collar=0.2, offset_share=0.1) == (1, 1, 2)


def test_rates_have_the_exact_interval_of_poisson():
    scores = score_events([[]], [[Event(1, 2, "owl")] * 4], duration=2 * 3600)
    assert scores.total.false_per_hour == 2.0
    # Garwood's interval for a count of 4, from the tables of Pearson and Hartley.
    np.testing.assert_allclose(scores.total.false_per_hour_interval(), (0.545, 5.12), atol=0.005)
    assert poisson_interval(0) == pytest.approx((0.0, 3.689), abs=1e-3)


def test_the_table_shows_each_label_and_all():
    lines = str(score_events([[(0, 1, "owl")]], [[(0, 1, "owl"), (4, 5, "fox")]], duration=60))
    assert [line.split()[0] for line in lines.splitlines()] == ["label", "fox", "owl", "all"]


@given(EVENTS, EVENTS)
def test_false_alarms_are_those_that_are_counted(true, found):
    assert len(false_alarms(true, found)) == counts(true, found)[2]


@pytest.mark.parametrize("options", [{}, {"overlap": 0.7}, {"collar": 0.3}])
@given(EVENTS)
def test_the_truth_is_perfect_and_nothing_is_all_misses(options, true):
    apart = [event for n, event in enumerate(true) if event not in true[:n]]
    assert counts(apart, apart, **options) == (len(apart), 0, 0)
    assert counts(apart, [], **options) == (0, len(apart), 0)


def random_events(rng):
    """True events of two labels, and found ones that are near most of them."""
    true, found = [], []
    for label, n_events in (("owl", 8), ("fox", 5)):
        times = np.sort(rng.choice(10000, 2 * n_events, replace=False)) / 100
        end = 0.0
        for start, stop in times.reshape(-1, 2):
            true.append(Event(start, stop, label))
            if rng.uniform() < 0.2:
                continue
            begin = max(end, round(start + rng.normal(0, 0.3), 2))
            end = round(max(begin + 0.05, stop + rng.normal(0, 0.4)), 2)
            found.append(Event(begin, end, label))
            end += 0.01
    return true, found


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"overlap": 0.1}, (1005, 23)),
        ({"overlap": 0.5}, (956, 46)),
        ({"overlap": 0.7}, (882, 94)),
        ({"collar": 0.2}, (455, 578)),
        ({"collar": 0.5, "offset_share": 0.0}, (728, 305)),
    ],
)
def test_counts_are_those_of_sed_scores_eval(options, expected):
    """Hits and false alarms of 100 recordings, counted with sed_scores_eval 0.0.4."""
    rng = np.random.default_rng(0)
    total = np.zeros(2, int)
    for _ in range(100):
        hits, _, false = counts(*random_events(rng), **options)
        total += hits, false
    assert tuple(total) == expected


def test_bad_events_are_refused():
    with pytest.raises(ValueError, match="must begin before it ends"):
        score_events([[(2, 1, "owl")]], [[]], duration=60)
    with pytest.raises(ValueError, match="1 lists of true and 2"):
        score_events([[]], [[], []], duration=60)
    with pytest.raises(ValueError, match="duration must be positive"):
        score_events([[]], [[]], duration=0)
