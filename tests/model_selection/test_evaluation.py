"""What a classifier predicts for clips that it was not trained on, and how sure that is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.svm import LinearSVC

from skaudio import ConvClassifier
from skaudio.model_selection import Evaluation

X, y = make_classification(90, n_informative=4, n_classes=3, flip_y=0.2, random_state=0)
GROUPS = np.arange(90) % 9
X_ODD = np.arange(90) % 2 == 1


def _evaluation(is_right, groups=None):
    """An evaluation of a given outcome."""
    n = len(is_right)
    return Evaluation(
        indices=np.arange(n),
        y_true=np.ones(n, int),
        y_pred=np.asarray(is_right).astype(int),
        probabilities=None,
        classes=np.array([0, 1]),
        folds=np.zeros(n, int),
        groups=groups,
    )


def test_predictions_are_those_of_scikit_learns_cross_validation():
    cv = StratifiedKFold(3)
    found = Evaluation.from_cross_validation(LogisticRegression(), X, y, cv=cv)
    expected = cross_val_predict(LogisticRegression(), X, y, cv=cv, method="predict_proba")
    assert_allclose(found.probabilities, expected[found.indices])
    np.testing.assert_array_equal(found.y_true, y[found.indices])
    assert sorted(found.indices) == list(range(90))
    assert len(found.fit_times) == 3


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_processes_change_nothing(n_jobs):
    found = Evaluation.from_cross_validation(LogisticRegression(), X, y, n_jobs=n_jobs)
    one = Evaluation.from_cross_validation(LogisticRegression(), X, y)
    assert_allclose(found.probabilities, one.probabilities)
    np.testing.assert_array_equal(found.folds, one.folds)


@pytest.mark.parametrize(
    ("cv", "n_folds"), [(5, 5), (None, 5), (np.int64(4), 4), (20, 9), (LeaveOneGroupOut(), 9)]
)
def test_a_group_is_in_one_fold_only(cv, n_folds):
    found = Evaluation.from_cross_validation(LogisticRegression(), X, y, groups=GROUPS, cv=cv)
    assert all(len(set(found.folds[found.groups == group])) == 1 for group in range(9))
    assert found.is_by_group
    assert len(found.fit_times) == n_folds


@pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
def test_a_split_that_ignores_groups_is_known_as_such():
    cv = StratifiedKFold(5)
    found = Evaluation.from_cross_validation(LogisticRegression(), X, y, groups=GROUPS, cv=cv)
    assert not found.is_by_group
    assert not Evaluation.from_cross_validation(LogisticRegression(), X, y).is_by_group


def test_one_group_cannot_be_split():
    with pytest.raises(ValueError, match="only one group"):
        Evaluation.from_cross_validation(LogisticRegression(), X, y, groups=["a"] * 90)


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_columns_and_series_are_taken():
    pandas = pytest.importorskip("pandas")
    expected = Evaluation.from_cross_validation(LogisticRegression(), X, y, groups=GROUPS)
    frame = pandas.DataFrame({"y": y, "group": GROUPS}, index=np.arange(90)[::-1])
    for labels in (frame["y"], frame[["y"]], y[:, None], list(y)):
        found = Evaluation.from_cross_validation(
            LogisticRegression(), X, labels, groups=frame["group"]
        )
        assert found.accuracy == expected.accuracy
        assert found.interval() == expected.interval()


def test_parameters_of_fit_are_divided_like_the_clips():
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=GroupKFold(3))
    found = Evaluation.from_cross_validation(
        search, X, y, groups=GROUPS, params={"groups": GROUPS}, refit=True
    )
    assert len(found.fit_times) == 5
    assert found.estimator.best_params_["C"] in (0.1, 1)


def test_labels_of_another_type_are_an_error():
    with pytest.raises(ValueError, match="Convert the labels to the same type"):
        Evaluation.from_estimator(LogisticRegression().fit(X, y), X, y.astype(str))


def test_a_split_may_test_some_clips_only():
    cv = PredefinedSplit(np.where(np.arange(90) < 60, -1, 0))
    found = Evaluation.from_cross_validation(LogisticRegression(), X, y, cv=cv)
    assert found.indices.tolist() == list(range(60, 90))


def test_a_class_that_a_fold_was_not_trained_on_has_no_probability():
    cv = PredefinedSplit(np.where((y == 2) | (np.arange(90) % 5 == 0), 0, 1))
    found = Evaluation.from_cross_validation(LogisticRegression(), X, y, cv=cv)
    assert found.classes.tolist() == [0, 1, 2]
    assert (found.probabilities[found.folds == 0, 2] == 0).all()
    assert_allclose(found.probabilities.sum(axis=1), 1)


def test_a_classifier_needs_no_probabilities():
    found = Evaluation.from_cross_validation(LinearSVC(), X, y)
    assert found.probabilities is None
    assert len(found.mistakes) == round(90 * (1 - found.accuracy))


def test_the_most_confident_mistakes_come_first():
    found = Evaluation.from_cross_validation(LogisticRegression(), X, y)
    confidence = found.probabilities.max(axis=1)[found.mistakes]
    assert (np.diff(confidence) <= 0).all()
    assert (found.y_true != found.y_pred)[found.mistakes].all()


def test_no_fold_is_begun_when_the_time_is_over():
    found = Evaluation.from_cross_validation(DummyClassifier(), X, y, cv=5, max_time=0)
    assert len(found.fit_times) == 1
    assert set(found.folds) == {0}
    found = Evaluation.from_cross_validation(DummyClassifier(), X, y, cv=5, max_time=60)
    assert len(found.fit_times) == 5


def test_histories_of_networks_are_kept_and_a_bar_is_shown(sequences, capsys):
    features, labels = sequences
    classifier = ConvClassifier(filters=4, epochs=2, random_state=0)
    found = Evaluation.from_cross_validation(classifier, features, labels, cv=2, verbose=1)
    assert [len(history["loss"]) for history in found.histories] == [2, 2]
    assert "Training" in capsys.readouterr().err


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_refit_fits_all_clips(n_jobs):
    found = Evaluation.from_cross_validation(LogisticRegression(), X, y, refit=True, n_jobs=n_jobs)
    assert_allclose(found.estimator.coef_, LogisticRegression().fit(X, y).coef_)
    assert len(found.fit_times) == 5
    assert Evaluation.from_cross_validation(LogisticRegression(), X, y).estimator is None


def test_a_fitted_classifier_is_evaluated_as_it_is():
    fitted = LogisticRegression().fit(X[:60], y[:60])
    found = Evaluation.from_estimator(fitted, X[60:], y[60:])
    assert found.accuracy == fitted.score(X[60:], y[60:])
    assert found.fit_times == []


def test_scores_of_classes():
    found = _evaluation([1, 1, 0, 1])
    zero, one = found.class_scores()
    assert (zero.n_clips, one.n_clips) == (0, 4)
    assert (one.precision, one.recall, one.f1_spread) == (1, 0.75, None)
    assert found.balanced_accuracy == 0.75  # labels without clips do not count


def test_folds_without_a_class_say_nothing_about_its_spread():
    cv = PredefinedSplit(np.where(y == 2, 0, np.arange(90) % 3))
    found = Evaluation.from_cross_validation(DummyClassifier(strategy="prior"), X, y, cv=cv)
    assert [row.f1_spread is None for row in found.class_scores()] == [False, False, True]


def test_the_interval_of_clips_is_wilsons():
    """8 of 10: the value of Newcombe (1998) and of R's prop.test without correction."""
    assert_allclose(_evaluation([1] * 8 + [0] * 2).interval(), (0.4902, 0.9433), atol=1e-4)
    low, high = _evaluation([1] * 100).interval()
    assert (high, round(low, 3)) == (1, 0.963)


def test_clips_that_agree_within_their_group_count_once():
    of_groups = np.repeat([1] * 80 + [0] * 20, 10)
    clustered = _evaluation(of_groups, groups=np.repeat(np.arange(100), 10)).interval()
    assert_allclose(clustered, _evaluation([1] * 80 + [0] * 20).interval(), atol=4e-3)


def test_clips_that_are_tested_again_count_once():
    once = _evaluation([1] * 80 + [0] * 20)
    again = _evaluation(np.tile([1] * 80 + [0] * 20, 10))
    again = replace(again, indices=np.tile(np.arange(100), 10))
    assert_allclose(again.interval(), once.interval(), atol=4e-3)


def test_groups_without_a_mistake_count_once_and_one_group_says_nothing():
    right = np.ones(600, int)
    low, high = _evaluation(right, groups=np.arange(600) % 3).interval()
    assert low < 0.5
    assert high == 1
    assert _evaluation(right, groups=np.zeros(600)).interval() == (0, 1)


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 10), st.floats(0.5, 0.99))
def test_the_interval_contains_the_accuracy(is_right, n_groups, confidence):
    evaluation = _evaluation(is_right, groups=np.arange(len(is_right)) % n_groups)
    low, high = evaluation.interval(confidence)
    assert 0 <= low <= evaluation.accuracy
    assert evaluation.accuracy <= high <= 1


@pytest.mark.parametrize("n_groups", [3, 5, 8, 40])
@pytest.mark.parametrize("concentration", [2.0, 20.0])
def test_the_interval_has_its_confidence_where_groups_differ(n_groups, concentration):
    """1,000 sets of groups of 30 clips, whose accuracies are drawn from a beta distribution."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(n_groups), 30)
    covered = []
    for _ in range(1000):
        rates = rng.beta(0.8 * concentration, 0.2 * concentration, size=n_groups)
        is_right = rng.random(len(groups)) < rates[groups]
        low, high = _evaluation(is_right, groups=groups).interval()
        covered.append(low <= 0.8 <= high)
    # With few groups it contains the accuracy more often.
    assert 0.92 <= np.mean(covered) <= (0.985 if n_groups >= 8 else 1)


@pytest.mark.parametrize("n_groups", [2, 3, 6, 20])
def test_the_interval_of_a_difference_has_its_confidence_where_groups_differ(n_groups):
    """1,000 sets of groups of 30 clips, in which one of two equal classifiers is better."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(n_groups), 30)
    covered = []
    for _ in range(1000):
        shifts = rng.normal(0, 0.1, n_groups)[groups]
        good, bad = (rng.random(len(groups)) < 0.7 + sign * shifts / 2 for sign in (1, -1))
        pair = [_evaluation(is_right, groups=groups) for is_right in (good, bad)]
        _, low, high = pair[0].difference(pair[1])
        covered.append(low <= 0 <= high)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_a_single_group_says_nothing_about_others():
    good, bad = (_evaluation(right, groups=np.zeros(10)) for right in ([1] * 10, [1] * 9 + [0]))
    assert good.difference(bad) == (pytest.approx(0.1), -1, 1)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_clips_without_a_group_are_named(missing):
    groups = [0, 1, missing] * (len(y) // 3) + [0] * (len(y) % 3)
    with pytest.raises(ValueError, match=r"clips have no group, such as the one at index 2"):
        Evaluation.from_cross_validation(LogisticRegression(), X, y, groups=groups)


def test_two_classifiers_are_compared_on_the_same_clips():
    good = Evaluation.from_cross_validation(LogisticRegression(), X, y, groups=GROUPS)
    bad = Evaluation.from_cross_validation(DummyClassifier(), X, y, groups=GROUPS)
    difference, low, high = good.difference(bad)
    assert difference == pytest.approx(good.accuracy - bad.accuracy)
    assert 0 < low < difference < high
    assert good.difference(good) == (0, 0, 0)
    fitted = DummyClassifier().fit(X, y)
    with pytest.raises(ValueError, match="not of the same clips"):
        good.difference(Evaluation.from_estimator(fitted, X, y))
    one, other = (Evaluation.from_estimator(fitted, X[part], y[part]) for part in (X_ODD, ~X_ODD))
    with pytest.raises(ValueError, match="not of the same clips"):
        one.difference(other)
