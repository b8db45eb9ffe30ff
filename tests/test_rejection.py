"""Answers that are "unknown"."""

import pickle

import imblearn.pipeline
import numpy as np
import pandas as pd
import pytest
import sklearn
from imblearn.over_sampling import RandomOverSampler
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    TunedThresholdClassifierCV,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer
from sklearn.utils.estimator_checks import parametrize_with_checks

from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline, UnknownRejector

EXPECTED_FAILED_CHECKS = {
    "check_classifiers_classes": "-1 is a label there, and unknown_label must then be given",
}


@pytest.fixture(scope="module")
def blobs():
    """Three classes in the plane, far apart, and groups."""
    rng = np.random.default_rng(0)
    centres = np.array([[4, 0], [-2, 3.5], [-2, -3.5]])
    codes = np.arange(300) % 3
    return centres[codes] + rng.normal(size=(300, 2)), np.array(["a", "b", "c"])[codes]


# The checks expect answers that are in classes_, so nothing is to be rejected.
@parametrize_with_checks(
    [UnknownRejector(LogisticRegression(), cv=2, keep=1.0)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILED_CHECKS,
)
def test_scikit_learn_conformance(estimator, check):
    check(estimator)


def test_rejects_what_lies_between_the_classes(blobs):
    X, y = blobs
    rejector = UnknownRejector(LogisticRegression()).fit(X, y)
    assert rejector.classes_.tolist() == ["a", "b", "c"]
    assert rejector.predict([[4, 0], [-2, 3.5], [-2, -3.5]]).tolist() == ["a", "b", "c"]
    assert rejector.predict([[0, 0], [-2, 0]]).tolist() == ["unknown", "unknown"]
    is_sure = rejector.score_samples(X) >= rejector.threshold_
    np.testing.assert_array_equal(rejector.predict(X) != "unknown", is_sure)


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("cv", [5, 0.5])
def test_keeps_the_share_that_was_asked_for(keep, cv, blobs):
    X, y = blobs
    rejector = UnknownRejector(LogisticRegression(), keep=keep, cv=cv, random_state=0).fit(X, y)
    scores = rejector.held_out_scores_
    assert len(scores) == (300 if cv == 5 else 150)
    assert (scores >= rejector.threshold_).mean() == pytest.approx(keep, abs=0.01)
    kept = rejector.predict(X) != "unknown"
    assert kept.mean() == pytest.approx(keep, abs=0.05 if cv == 5 else 0.2)


def test_the_threshold_is_chosen_on_clips_that_were_held_out(blobs):
    X, y = blobs

    class Memory(LogisticRegression):
        """Sure of what it was fitted to, and of nothing else."""

        def fit(self, X, y, sample_weight=None):
            self.seen_ = {tuple(row) for row in X}
            return super().fit(X, y, sample_weight)

        def predict_proba(self, X):
            probabilities = super().predict_proba(X)
            is_new = np.array([tuple(row) not in self.seen_ for row in np.asarray(X)])
            return np.where(is_new[:, None], 1 / 3, probabilities)

    rejector = UnknownRejector(Memory()).fit(X, y)
    np.testing.assert_allclose(rejector.held_out_scores_, 1 / 3)


def test_groups_are_held_out_whole(blobs):
    X, y = blobs
    groups = np.arange(300) // 30
    held_out = []

    class Spy(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            held_out.append(set(sample_weight))
            return super().fit(X, y)

    for cv in (5, 0.3, GroupKFold(5)):
        held_out.clear()
        rejector = UnknownRejector(Spy(), cv=cv, random_state=0)
        rejector.fit(X, y, groups=groups, sample_weight=groups)
        assert len(held_out) == (2 if cv == 0.3 else 6)
        for kept in held_out[:-1]:
            assert len(kept) in (7, 8)  # whole groups
        assert len(held_out[-1]) == 10  # the refit


def test_metadata_is_routed(blobs):
    X, y = blobs
    groups = np.arange(300) // 30
    with sklearn.config_context(enable_metadata_routing=True):
        inner = LogisticRegression().set_fit_request(sample_weight=True)
        for cv in (GroupKFold(5), 5):
            rejector = UnknownRejector(inner, cv=cv).fit(
                X, y, groups=groups, sample_weight=np.ones(300)
            )
            assert len(rejector.held_out_scores_) == 300
        with pytest.raises(TypeError, match="unexpected argument"):
            UnknownRejector(inner).fit(X, y, strength=3)


def test_groups_are_routed_through_a_cross_validation(blobs):
    X, y = blobs
    groups = np.arange(300) // 30
    inner_groups = []

    class Spy(UnknownRejector):
        def _splits(self, X, y, groups):
            inner_groups.append(groups)
            return super()._splits(X, y, groups)

    with sklearn.config_context(enable_metadata_routing=True):
        for cv in (3, 0.3, GroupKFold(3)):
            cross_validate(
                Spy(LogisticRegression(), cv=cv),
                X,
                y,
                cv=GroupKFold(2),
                params={"groups": groups},
                error_score="raise",
            )
    assert [len(np.unique(part)) for part in inner_groups] == [5] * 6


def test_a_class_of_unknown_clips_helps_and_is_never_known(blobs):
    X, y = blobs
    others = np.random.default_rng(1).normal([8, 8], 1, size=(60, 2))
    plain = UnknownRejector(LogisticRegression()).fit(X, y)
    assert (plain.predict(others) != "unknown").mean() > 0.5
    taught = UnknownRejector(LogisticRegression())
    taught.fit(np.concatenate([X, others]), np.concatenate([y, np.full(60, "unknown")]))
    assert taught.classes_.tolist() == ["a", "b", "c"]
    assert len(taught.held_out_scores_) == 300
    assert (taught.predict(others) == "unknown").all()


def test_a_clip_that_the_classifier_calls_unknown_stays_so():
    """Also where the threshold is low, since the known classes are hard to tell apart."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    X[200:] += 1.0
    y = np.array(["a", "b", "c", "d"])[np.arange(400) % 4].astype("<U7")
    y[200:] = "unknown"
    rejector = UnknownRejector(LogisticRegression(), keep=0.9).fit(X, y)
    inner = rejector.estimator_.predict(X)
    assert (rejector.predict(X)[inner == "unknown"] == "unknown").all()
    assert (rejector.score_samples(X)[inner == "unknown"] == 0).all()


@pytest.mark.parametrize("taught", [False, True])
def test_probabilities_are_those_of_the_known_classes(taught, blobs):
    X, y = blobs
    if taught:
        X = np.concatenate([X, np.random.default_rng(1).normal([8, 8], 1, size=(60, 2))])
        y = np.concatenate([y, np.full(60, "unknown")])
    rejector = UnknownRejector(LogisticRegression()).fit(X, y)
    probabilities = rejector.predict_proba(X)
    assert probabilities.shape == (len(X), len(rejector.classes_)) == (len(X), 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    inner = rejector.estimator_.predict_proba(X)[:, :3]
    np.testing.assert_allclose(probabilities, inner / inner.sum(axis=1, keepdims=True))
    kept = rejector.predict(X) != "unknown"
    best = rejector.classes_[probabilities.argmax(axis=1)]
    assert 0 < kept.sum() < len(X)
    np.testing.assert_array_equal(rejector.predict(X)[kept], best[kept])


def test_probabilities_where_the_classifier_leaves_nothing_to_the_known():
    X = np.array([[-1.0], [0.0], [500.0], [501.0]] * 3)
    y = np.array(["a", "b", "unknown", "unknown"] * 3)
    rejector = UnknownRejector(LogisticRegression(C=100), cv=3).fit(X, y)
    assert (rejector.estimator_.predict_proba([[1e5]])[:, :2] == 0).all()
    np.testing.assert_allclose(rejector.predict_proba([[1e5]]), [[0.5, 0.5]])


def test_the_decision_function_is_about_the_known_classes(blobs):
    X, y = blobs
    rejector = UnknownRejector(LogisticRegression()).fit(X, y)
    decisions = rejector.decision_function(X)
    np.testing.assert_allclose(np.exp(decisions), rejector.predict_proba(X))
    two = y != "c"
    rejector = UnknownRejector(LogisticRegression(), keep=1.0).fit(X[two], y[two])
    expected = rejector.estimator_.decision_function(X)
    np.testing.assert_allclose(rejector.decision_function(X), expected, atol=1e-6)


def test_areas_under_curves(blobs):
    X, y = blobs
    # Between known classes, by scikit-learn's scorers: the classifier's own.
    two = y != "c"
    for scoring, X_, y_ in (("roc_auc_ovr", X, y), ("roc_auc", X[two], y[two])):
        inner = cross_val_score(LogisticRegression(), X_, y_, scoring=scoring)
        ours = cross_val_score(UnknownRejector(LogisticRegression()), X_, y_, scoring=scoring)
        np.testing.assert_allclose(ours, inner)

    # Between known and unknown clips, by the scores.
    others = np.random.default_rng(1).normal(0, 0.3, size=(60, 2))
    X, y = np.concatenate([X, others]), np.concatenate([y, np.full(60, "unknown")])

    def area(rejector, X, y):
        return roc_auc_score(y != "unknown", rejector.score_samples(X))

    taught = cross_val_score(UnknownRejector(LogisticRegression()), X, y, scoring=area)
    not_taught = UnknownRejector(LogisticRegression()).fit(X[:300], y[:300])
    assert taught.min() > 0.8
    assert area(not_taught, X, y) > 0.95


def test_it_has_the_attributes_of_a_classifier(blobs):
    X, y = blobs
    rejector = UnknownRejector(LogisticRegression())
    assert sklearn.base.is_classifier(rejector)
    assert not hasattr(rejector, "n_features_in_")
    rejector.fit(pd.DataFrame(X, columns=["left", "right"]), y)
    assert rejector.n_features_in_ == 2
    assert rejector.feature_names_in_.tolist() == ["left", "right"]
    named = pd.DataFrame([[4.0, 0.0], [0.0, 0.0]], columns=["left", "right"])
    # What is rightly called unknown counts as right.
    assert rejector.score(named, ["a", "unknown"]) == 1
    assert not hasattr(UnknownRejector(LogisticRegression()).fit(X, y), "feature_names_in_")


def test_few_held_out_clips_are_kept_as_asked(blobs):
    X, y = blobs
    for n in (12, 30):
        rejector = UnknownRejector(LogisticRegression(), keep=0.95, cv=3).fit(X[:n], y[:n])
        assert (rejector.held_out_scores_ >= rejector.threshold_).mean() >= 0.95


def test_a_fit_that_fails_leaves_it_as_it_was(blobs):
    X, y = blobs
    rejector = UnknownRejector(LogisticRegression())
    bad = np.array(["x", "y", "z"])[np.arange(300) % 3]
    for _ in range(2):
        with pytest.raises(ValueError, match="NaN"):
            rejector.fit(np.full_like(X, np.nan), bad)
        if not hasattr(rejector, "estimator_"):
            with pytest.raises(NotFittedError):
                rejector.predict(X)
            rejector.fit(X, y)
    assert rejector.predict([[4, 0]]).tolist() == ["a"]


def test_labels_may_be_numbers(blobs):
    X, y = blobs
    numbers = np.searchsorted(["a", "b", "c"], y)
    rejector = UnknownRejector(LogisticRegression()).fit(X, numbers)
    assert rejector.predict([[4, 0], [0, 0]]).tolist() == [0, -1]
    other = UnknownRejector(LogisticRegression(), unknown_label=99).fit(X, numbers)
    assert other.predict([[0, 0]]).tolist() == [99]
    small = UnknownRejector(LogisticRegression()).fit(X, numbers.astype(np.uint8))
    assert small.predict([[4, 0], [0, 0]]).tolist() == [0, -1]
    with pytest.raises(ValueError, match="-1 is a label in y"):
        UnknownRejector(LogisticRegression()).fit(X, numbers - 1)
    meant = UnknownRejector(LogisticRegression(), unknown_label=-1).fit(X, numbers - 1)
    assert meant.classes_.tolist() == [0, 1]


def test_a_long_name_for_the_unknown_is_not_cut(blobs):
    rejector = UnknownRejector(LogisticRegression(), unknown_label="none of these").fit(*blobs)
    assert rejector.predict([[0, 0]]).tolist() == ["none of these"]


def test_a_fitted_classifier_and_a_single_split(blobs):
    X, y = blobs
    inner = LogisticRegression().fit(X[::2], y[::2])
    rejector = UnknownRejector(inner, cv="prefit", refit=False).fit(X[1::2], y[1::2])
    assert rejector.estimator_ is inner
    assert len(rejector.held_out_scores_) == 150
    once = UnknownRejector(LogisticRegression(), cv=0.2, refit=False, random_state=0).fit(X, y)
    third, fourth = np.sort(once.held_out_scores_)[2:4]
    assert third < once.threshold_ < fourth  # of 60 clips: 0.05 * (60 + 1/3) + 1/3 is 3.35
    with pytest.raises(ValueError, match="With cv='prefit' nothing is fitted: set"):
        UnknownRejector(inner, cv="prefit").fit(X, y)
    with pytest.raises(ValueError, match=r"nothing is fitted: omit \['sample_weight'\]"):
        UnknownRejector(inner, cv="prefit", refit=False).fit(X, y, sample_weight=np.ones(300))
    with pytest.raises(NotFittedError):
        UnknownRejector(LogisticRegression(), cv="prefit", refit=False).fit(X, y)
    with pytest.raises(ValueError, match="cv=5, which makes 5 splits"):
        UnknownRejector(LogisticRegression(), refit=False).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        ({"keep": 1.1}, None, "The 'keep' parameter of UnknownRejector must be"),
        ({"unknown_label": 3}, None, "unknown_label=3 must be of the same type.*'a'"),
        ({}, np.arange(300) % 2 == 0, "Labels must be strings or numbers, got bool"),
        ({}, np.array(["unknown", "none"])[np.arange(300) % 2], "No held-out clip|at least"),
    ],
)
def test_mistakes_are_told(parameters, y, message, blobs):
    X, labels = blobs
    y = labels if y is None else y
    if "none" in y:
        parameters = {"unknown_label": "none", "cv": [(np.arange(300), np.arange(1, 300, 2))]}
    with pytest.raises(ValueError, match=message):
        UnknownRejector(LogisticRegression(), **parameters).fit(X, y)


def test_a_class_that_a_fold_lacks_is_told(blobs):
    X, y = blobs
    by_class = [(np.flatnonzero(y != label), np.flatnonzero(y == label)) for label in "abc"]
    with pytest.raises(ValueError, match=r"not fitted to any clip of the classes \['a'\]"):
        UnknownRejector(LogisticRegression(), cv=by_class).fit(X, y)


def test_works_among_scikit_learns_others(blobs):
    X, y = blobs
    calibrated = UnknownRejector(CalibratedClassifierCV(LogisticRegression(), cv=2)).fit(X, y)
    assert calibrated.predict([[4, 0], [0, 0]]).tolist() == ["a", "unknown"]
    search = GridSearchCV(
        UnknownRejector(LogisticRegression()),
        {"estimator__C": [0.1, 1], "keep": [0.8, 0.95]},
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["keep"] == 0.95
    assert cross_val_score(search.best_estimator_, X, y).mean() > 0.85
    two = y != "c"
    tuned = TunedThresholdClassifierCV(LogisticRegression(), cv=3, scoring="balanced_accuracy")
    assert UnknownRejector(tuned).fit(X[two], y[two]).predict([[4, 0]]).tolist() == ["a"]


def test_rejects_noise_behind_a_pipeline(tone_files):
    paths, labels, speakers = tone_files
    model = Pipeline([MFCCTransformer(n_mfcc=13), PerceptronClassifier(epochs=20, random_state=0)])
    rejector = UnknownRejector(model, keep=0.8, cv=3, n_jobs=1, random_state=0)
    rejector.fit(paths, labels, groups=speakers)
    known = rejector.predict(paths)
    assert set(known) <= {"high", "low", "unknown"}
    assert (known == labels).mean() > 0.7
    again = pickle.loads(pickle.dumps(rejector))
    np.testing.assert_array_equal(again.predict(paths), known)
    assert sklearn.base.is_classifier(rejector)


class _Given(LogisticRegression):
    """A classifier whose scores are the first feature."""

    def score_samples(self, X):
        return np.asarray(X)[:, 0]


def test_the_scores_of_the_classifier_are_used_if_it_has_some(blobs):
    X, y = blobs
    rejector = UnknownRejector(_Given(), keep=0.9).fit(X, y)
    np.testing.assert_array_equal(np.sort(rejector.held_out_scores_), np.sort(X[:, 0]))
    np.testing.assert_array_equal(rejector.score_samples(X), X[:, 0])
    is_known = X[:, 0] >= rejector.threshold_
    np.testing.assert_array_equal(rejector.predict(X) != "unknown", is_known)
    assert is_known.mean() == pytest.approx(0.9, abs=0.005)
    # A clip that the classifier was trained to call unknown has the lowest score of all.
    trained = UnknownRejector(_Given()).fit(
        np.concatenate([X, [[9, 0]] * 50]), [*y, *["unknown"] * 50]
    )
    assert trained.predict([[9, 0]]).tolist() == ["unknown"]
    assert trained.score_samples(np.array([[9.0, 0]])) < -1e300
    assert np.isfinite(trained.score_samples(X)).all()


def test_features_are_computed_once_for_the_scores_of_a_pipeline(blobs):
    X, y = blobs
    calls = []

    def counted(X):
        calls.append(len(X))
        return X

    pipeline = make_pipeline(FunctionTransformer(counted), _Given())
    rejector = UnknownRejector(pipeline).fit(X, y)
    calls.clear()
    rejector.predict(X)
    assert calls == [300]
    assert rejector.score_samples(X).tolist() == X[:, 0].tolist()


def test_a_sampler_may_stand_before_a_classifier_with_scores(blobs):
    X, y = blobs
    for pipeline in (
        Pipeline([RandomOverSampler(random_state=0), _Given()]),
        imblearn.pipeline.make_pipeline(Normalizer(), RandomOverSampler(), _Given()),
    ):
        rejector = UnknownRejector(pipeline, cv=3).fit(X, y)
        assert (rejector.predict(X) != "unknown").mean() > 0.5


@pytest.mark.parametrize("n_clips", [15, 100])
def test_the_threshold_and_its_interval_hold_on_average(n_clips):
    """For scores that are drawn from one distribution, of which any serves."""
    rng = np.random.default_rng(0)
    accepted, is_inside = [], []
    inner = _Given().fit([[0.0], [1.0]], [0, 1])
    rejector = UnknownRejector(inner, cv="prefit", refit=False, keep=0.9)
    for _ in range(500):
        scores = rng.random((n_clips, 1))
        rejector.fit(scores, np.arange(n_clips) % 2)
        share = 1 - rejector.threshold_  # of the uniform distribution
        low, high = rejector.keep_interval_
        accepted.append(share)
        is_inside.append(low <= share <= high)
    assert np.median(accepted) == pytest.approx(0.9, abs=0.01)
    assert np.mean(is_inside) == pytest.approx(0.95, abs=0.03)
