"""A second classifier that is only asked about some clips."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from skaudio import CascadeClassifier, MFCCTransformer, PerceptronClassifier, Pipeline


@parametrize_with_checks([CascadeClassifier(LogisticRegression(), GaussianNB())])
def test_scikit_learn_conformance(estimator, check):
    check(estimator)


class Counting(ClassifierMixin, BaseEstimator):
    """A classifier that remembers what it was asked."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        self.asked_ = X
        return np.tile(np.eye(len(self.classes_))[0], (len(X), 1))


def circle(n_clips=300, seed=0):
    X = np.random.default_rng(seed).normal(size=(n_clips, 2))
    return X, np.where(X[:, 0] > 1, "cat", np.where(X[:, 1] > 1, "dog", "unknown"))


def test_the_second_is_asked_about_what_the_first_takes_for_a_sound():
    X, y = circle()
    cascade = CascadeClassifier(LogisticRegression(), Counting(), threshold=0.3).fit(X, y)
    first = cascade.first_.predict_proba(X)
    found = cascade.predict_proba(X)
    is_asked = first[:, :2].max(axis=1) >= 0.3
    assert 0 < is_asked.sum() < len(X)
    np.testing.assert_array_equal(cascade.second_.asked_, X[is_asked])
    np.testing.assert_array_equal(found[~is_asked], first[~is_asked])
    np.testing.assert_allclose(found[is_asked], (first[is_asked] + [1, 0, 0]) / 2)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_with_a_threshold_of_zero_it_is_the_mean():
    X, y = circle()
    cascade = CascadeClassifier(LogisticRegression(), GaussianNB(), threshold=0).fit(X, y)
    both = [model.predict_proba(X) for model in (cascade.first_, cascade.second_)]
    np.testing.assert_allclose(cascade.predict_proba(X), np.mean(both, axis=0))


def test_without_an_unknown_class_the_second_is_asked_about_all():
    X, y = circle()
    cascade = CascadeClassifier(LogisticRegression(), Counting(), unknown_label=None, threshold=1)
    cascade.fit(X, y).predict(X)
    assert len(cascade.second_.asked_) == len(X)


def test_nobody_is_asked_about_nothing():
    X, y = circle()
    cascade = CascadeClassifier(LogisticRegression(), Counting()).fit(X, y)
    assert cascade.predict(np.full((3, 2), -5.0)).tolist() == ["unknown"] * 3
    assert not hasattr(cascade.second_, "asked_")


def test_two_that_err_differently_are_better_than_either():
    X, y = circle(2000)
    test, expected = circle(2000, seed=1)
    # Each sees one of the two features well.
    noise = np.random.default_rng(2).normal(0, 1, X.shape)
    models = [GaussianNB().fit(X + noise * which, y) for which in ([1, 0], [0, 1])]
    cascade = CascadeClassifier(*map(FrozenEstimator, models), threshold=0.1).fit(X, y)
    scores = [model.score(test, expected) for model in (cascade, *models)]
    assert scores[0] > max(scores[1:])


def test_it_takes_recordings_tables_and_searches(tones):
    clips, labels = tones
    mfcc = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    cascade = CascadeClassifier(mfcc, mfcc, unknown_label="low").fit(list(clips), labels)
    assert cascade.score(list(clips), labels) == 1
    X, y = circle()
    table = pd.DataFrame(X, columns=["a", "b"])
    search = GridSearchCV(
        CascadeClassifier(LogisticRegression(), GaussianNB()),
        {"threshold": [0.1, 0.5], "first__C": [1, 10]},
        cv=3,
    )
    assert search.fit(table, y).best_estimator_.feature_names_in_.tolist() == ["a", "b"]


def test_both_must_have_the_same_classes():
    X, y = circle()
    frozen = FrozenEstimator(LogisticRegression().fit(X, y == "cat"))
    with pytest.raises(ValueError, match="must have the same classes"):
        CascadeClassifier(LogisticRegression(), frozen).fit(X, y)
    with pytest.raises(ValueError, match="'threshold' parameter of CascadeClassifier"):
        CascadeClassifier(LogisticRegression(), GaussianNB(), threshold=2).fit(X, y)
