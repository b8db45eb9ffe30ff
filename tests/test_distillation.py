"""A student that follows a teacher."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from skaudio import (
    DistilledClassifier,
    MFCCTransformer,
    PerceptronClassifier,
    Pipeline,
    WaveformAugmenter,
)


@parametrize_with_checks(
    [
        DistilledClassifier(LogisticRegression(), LogisticRegression()),
        DistilledClassifier(SVC(), KNeighborsClassifier(3)),
    ]
)
def test_scikit_learn_conformance(estimator, check):
    check(estimator)


def _moons(n_clips, seed):
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, np.pi, n_clips)
    y = np.arange(n_clips) % 2
    X = np.stack([np.cos(angles) * (1 - 2 * y) + y, np.sin(angles) * (1 - 2 * y) + y / 2], axis=1)
    return X + 0.05 * rng.normal(size=X.shape), np.array(["under", "over"])[y]


def test_the_student_learns_from_the_labels_of_the_teacher():
    X, y = _moons(6, 0)
    unlabeled, truth = _moons(400, 1)
    test, expected = _moons(400, 2)
    teacher = SVC(C=100, gamma=2).fit(*_moons(400, 3))
    student = KNeighborsClassifier(1)
    frozen = FrozenEstimator(teacher)
    distilled = DistilledClassifier(student, frozen, unlabeled=unlabeled).fit(X, y)
    np.testing.assert_array_equal(distilled.unlabeled_target_, teacher.predict(unlabeled))
    assert (distilled.unlabeled_target_ == truth).mean() > 0.95
    alone = DistilledClassifier(student, frozen).fit(X, y)
    assert len(alone.unlabeled_target_) == 0
    np.testing.assert_array_equal(alone.predict(test), student.fit(X, y).predict(test))
    assert distilled.score(test, expected) > alone.score(test, expected) + 0.05
    np.testing.assert_array_equal(distilled.predict(test), distilled.student_.predict(test))
    np.testing.assert_array_equal(
        distilled.predict_proba(test), distilled.student_.predict_proba(test)
    )


def test_the_given_labels_stay_even_if_the_teacher_differs():
    X, y = np.arange(6.0).reshape(-1, 1), np.array(["a", "b"] * 3)
    teacher = DummyClassifier(strategy="constant", constant="a")
    distilled = DistilledClassifier(KNeighborsClassifier(1), teacher, unlabeled=[[9.0]]).fit(X, y)
    assert distilled.predict([*X.tolist(), [9.0]]).tolist() == [*y, "a"]


def test_unlabeled_clips_are_in_every_fold_and_candidate():
    X, y = _moons(40, 0)
    unlabeled, _ = _moons(40, 1)  # as many as there are labelled clips
    seen = []

    class Counting(KNeighborsClassifier):
        def fit(self, X, y):
            seen.append(len(X))
            return super().fit(X, y)

    distilled = DistilledClassifier(Counting(1), SVC(), unlabeled=unlabeled)
    assert cross_val_score(distilled, X, y, cv=4).mean() > 0.5
    assert seen == [30 + 40] * 4
    seen.clear()
    GridSearchCV(distilled, {"student__n_neighbors": [1, 3]}, cv=4, refit=False).fit(X, y)
    assert seen == [30 + 40] * 8


def test_methods_are_those_of_the_student():
    X, y = _moons(20, 0)
    distilled = DistilledClassifier(SVC(), KNeighborsClassifier())
    assert not hasattr(distilled, "predict_proba")
    with pytest.raises(NotFittedError):
        distilled.predict(X)
    decisions = distilled.fit(X, y).decision_function(X)
    np.testing.assert_array_equal(decisions, distilled.student_.decision_function(X))
    frame = pd.DataFrame(X, columns=["a", "b"])
    distilled.set_params(unlabeled=frame + 0.01)
    assert distilled.fit(frame, y).feature_names_in_.tolist() == ["a", "b"]
    assert distilled.n_features_in_ == 2
    distilled.set_params(unlabeled=scipy.sparse.csr_array(X))
    assert distilled.fit(scipy.sparse.csr_array(X), y).score(X, y) > 0.5


def test_a_teacher_of_other_labels_is_refused():
    X, y = _moons(20, 0)
    teacher = FrozenEstimator(SVC().fit(X, np.where(y == "over", "above", "under")))
    distilled = DistilledClassifier(SVC(), teacher, unlabeled=X)
    with pytest.raises(ValueError, match=r"predicts \['above'\], which are not labels in y: \['ov"):
        distilled.fit(X, y)


def _tones(n_clips, seed, dtype=np.float32):
    rng = np.random.default_rng(seed)
    y = np.arange(n_clips) % 2
    times = np.arange(4000) / 16000
    X = [np.sin(2 * np.pi * (500 + 1500 * label + 50 * rng.normal()) * times) for label in y]
    if dtype is np.int16:
        X = [20000 * clip for clip in X]
    return [clip.astype(dtype) for clip in X], np.array(["low", "high"])[y]


def test_recordings_of_several_kinds_keep_their_full_scale():
    X, y = _tones(10, 0)
    unlabeled, _ = _tones(30, 1, np.int16)
    test, expected = _tones(20, 2)
    teacher = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    student = Pipeline(
        [WaveformAugmenter(random_state=0), MFCCTransformer(), PerceptronClassifier(random_state=0)]
    )
    distilled = DistilledClassifier(student, teacher, unlabeled=np.stack(unlabeled))
    assert distilled.fit(np.stack(X), y).score(test, expected) == 1.0
    assert distilled.unlabeled_target_.tolist() == ["low", "high"] * 15
