"""Clips that early stopping holds out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.model_selection import GroupKFold, StratifiedShuffleSplit, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skaudio import PerceptronClassifier
from skaudio.classifiers._hold_out import hold_out

QUICK = {"epochs": 3, "learning_rate": 0.02, "random_state": 0}


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_every_class_is_on_both_sides(fraction):
    codes = np.repeat([0, 1, 2], [35, 15, 10])
    sides = hold_out(codes, None, fraction=fraction, seed=0)
    for indices in sides:
        assert set(codes[indices]) == {0, 1, 2}
    assert sorted(np.concatenate(sides)) == list(range(60))


@given(n_groups=st.integers(2, 12), fraction=st.floats(0.05, 0.5), seed=st.integers(0, 2**31 - 2))
def test_groups_stay_together(n_groups, fraction, seed):
    groups = np.arange(120) % n_groups
    codes = np.arange(120) // n_groups % 2
    chosen, held_out = hold_out(codes, groups, fraction=fraction, seed=seed)
    assert not set(groups[chosen]) & set(groups[held_out])
    assert sorted(np.concatenate([chosen, held_out])) == list(range(120))
    assert len(held_out) > 0
    assert set(codes[chosen]) == {0, 1}


@given(fraction=st.floats(0.05, 0.5), seed=st.integers(0, 2**31 - 2))
def test_the_share_is_met_class_by_class(fraction, seed):
    codes = np.repeat([0, 1, 2], [100, 40, 10])
    _, held_out = hold_out(codes, None, fraction=fraction, seed=seed)
    share = len(held_out) / 150
    assert fraction <= share <= fraction + 1 / 150
    np.testing.assert_allclose(
        np.bincount(codes[held_out], minlength=3), share * np.array([100, 40, 10]), atol=1
    )


def test_large_groups_are_held_out_one_at_a_time():
    groups = np.arange(60) % 3
    _, held_out = hold_out(np.arange(60) % 2, groups, fraction=0.1, seed=0)
    assert len(set(groups[held_out])) == 1


def test_groups_that_cannot_be_held_out_are_an_error(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(early_stopping=True, **QUICK)
    for groups in (np.full(60, "anna"), y):
        with pytest.raises(ValueError, match=r"groups \['a.*'\] has all clips of a class,"):
            classifier.fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier.fit(X, y, groups=[1, 2, 3])


def test_groups_arrive_by_metadata_routing(sequences):
    X, y = sequences
    groups = np.arange(60) % 3
    seen = []

    class Spy(PerceptronClassifier):
        def fit(self, X, y, sample_weight=None, groups=None):
            seen.append(groups)
            return super().fit(X, y, sample_weight=sample_weight, groups=groups)

    with config_context(enable_metadata_routing=True):
        classifier = Spy(early_stopping=True, validation_fraction=0.5, epochs=1)
        classifier.set_fit_request(groups=True, sample_weight=False)
        pipeline = make_pipeline(FunctionTransformer(), classifier)
        cross_validate(pipeline, X, y, cv=GroupKFold(3), params={"groups": groups})
    assert [len(np.unique(part)) for part in seen] == [2, 2, 2]


def test_a_class_that_groups_allow_to_hold_out_is_held_out():
    """Classes a and b come from everybody, c from two of 22."""
    y = np.array(list("a" * 10 + "b" * 10) * 20 + list("a" * 10 + "b" * 10 + "c" * 5) * 2)
    groups = np.repeat(np.arange(22), [20] * 20 + [25] * 2)
    for seed in range(100):
        chosen, held_out = hold_out(y, groups, fraction=0.1, seed=seed)
        assert set(y[held_out]) == set(y[chosen]) == {"a", "b", "c"}
        assert 0.05 < len(held_out) / len(y) < 0.2
        assert not set(groups[chosen]) & set(groups[held_out])


def test_a_share_of_classes_without_groups_is_that_of_scikit_learn():
    y = np.repeat(["a", "b"], [80, 20])
    for got, expected in zip(
        hold_out(y, None, fraction=0.25, seed=3),
        next(StratifiedShuffleSplit(1, test_size=25, random_state=3).split(y, y)),
        strict=True,
    ):
        np.testing.assert_array_equal(got, expected)
