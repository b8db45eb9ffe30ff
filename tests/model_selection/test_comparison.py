"""Comparisons of classifiers on the same folds."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skaudio.model_selection import Comparison, Evaluation, compare


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = np.repeat(["cat", "dog"], 60)
    X = rng.normal(size=(120, 3)) + (y == "dog")[:, None]
    return X, y, np.tile(np.arange(12), 10)


MODELS = {"line": LogisticRegression(), "tree": DecisionTreeClassifier(max_depth=1)}


def evaluation(y_true, y_pred, groups=None):
    y_true = np.asarray(y_true)
    indices = np.arange(len(y_true))
    return Evaluation(
        indices, y_true, np.asarray(y_pred), None, np.unique(y_true), indices * 0, groups
    )


def test_all_repetitions_are_of_the_same_clips(data):
    X, y, groups = data
    found = compare(MODELS, X, y, groups=groups, cv=4, n_repeats=3).evaluations
    assert [len(evaluations) for evaluations in found.values()] == [3, 3]
    for line, tree in zip(*found.values(), strict=True):
        assert np.array_equal(line.indices, tree.indices)
        assert np.array_equal(line.folds, tree.folds)
        for fold in range(4):
            inside = set(groups[line.indices[line.folds == fold]])
            assert not inside & set(groups[line.indices[line.folds != fold]])


def test_folds_of_a_number_differ_between_repetitions(data):
    X, y, _ = data
    one, two = compare(MODELS, X, y, cv=3, n_repeats=2).evaluations["line"]
    assert not np.array_equal(one.indices, two.indices)


@pytest.mark.parametrize("cv", [GroupKFold(3), list(KFold(3).split(np.zeros(120)))])
def test_given_folds_stay(cv, data):
    X, y, groups = data
    one, two = compare(MODELS, X, y, groups=groups, cv=cv, n_repeats=2).evaluations["line"]
    assert np.array_equal(one.indices, two.indices)


def test_the_seed_repeats_everything(data):
    X, y, _ = data
    models = {"a": DummyClassifier(strategy="stratified"), "b": MODELS["tree"]}
    runs = [compare(models, X, y, random_state=seed) for seed in (0, 0, 1)]
    accuracies = [run.accuracy("a") for run in runs]
    assert accuracies[0] == accuracies[1] != accuracies[2]


def test_repetitions_have_other_seeds_in_every_part_of_an_estimator(data):
    X, y, _ = data

    class Noted(DummyClassifier):
        seen = []

        def fit(self, X, y, sample_weight=None):
            self.seen.append(self.random_state)
            return super().fit(X, y, sample_weight)

    members = [("one", Noted(random_state=1)), ("two", Noted(random_state=2))]
    models = {"a": make_pipeline(StandardScaler(), VotingClassifier(members)), "b": MODELS["line"]}
    compare(models, X, y, cv=2, n_repeats=2)
    seeds = Noted.seen
    assert len(seeds) == 2 * 2 * 2
    assert len(set(seeds)) == 4  # two members, two repetitions
    assert members[0][1].random_state == 1


def test_the_difference_is_that_of_all_repetitions():
    y = np.array(["cat", "dog"] * 20)
    wrong = np.where(y == "cat", "dog", "cat")
    half = np.where(np.arange(40) < 20, y, wrong)
    comparison = Comparison(
        {
            "good": [evaluation(y, y), evaluation(y, y)],
            "mixed": [evaluation(y, half), evaluation(y, y)],
        }
    )
    difference, low, high = comparison.difference("good", "mixed")
    assert difference == 0.25
    assert 0 < low < 0.25 < high < 0.5
    assert comparison.difference("mixed", "good") == pytest.approx((-0.25, -high, -low), abs=0.02)


def test_few_groups_give_a_wider_interval_than_many_clips():
    y = np.array(["cat", "dog"] * 20)
    half = np.where(np.arange(40) < 20, y, "neither")
    widths = []
    for groups in (None, np.arange(40) // 10):
        pair = {"good": [evaluation(y, y, groups)], "half": [evaluation(y, half, groups)]}
        _, low, high = Comparison(pair).difference("good", "half")
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]


def test_names_must_differ(data):
    X, y, _ = data
    with pytest.raises(ValueError, match="a name of its own for each"):
        compare([("a", DummyClassifier()), ("a", LogisticRegression())], X, y)


def test_the_table_says_what_cannot_be_distinguished(data):
    X, y, _ = data
    models = {
        "line": MODELS["line"],
        "again": LogisticRegression(C=1.01),
        "none": DummyClassifier(),
    }
    lines = str(compare(models, X, y, n_repeats=1)).splitlines()
    assert lines[0].split() == ["accuracy", "difference", "from", "line", "fit", "(s)"]
    assert "not distinguishable" in lines[2]
    assert "worse" in lines[3]


def test_errors(data):
    X, y, _ = data
    with pytest.raises(ValueError, match=r"at least two estimators, got 1\. To evaluate a single"):
        compare({"line": MODELS["line"]}, X, y)
    with pytest.raises(ValueError, match=r"n_repeats must be an int of at least 1\. Got 0"):
        compare(MODELS, X, y, n_repeats=0)
    with pytest.raises(ValueError, match=r"no 'shrub'; the classifiers are \['line', 'tree'\]"):
        compare(MODELS, X, y, cv=2, n_repeats=1).difference("line", "shrub")
