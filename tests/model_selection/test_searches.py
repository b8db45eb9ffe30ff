"""Searching and cross-validating whole pipelines, as scikit-learn does it."""

import numpy as np
import pytest
import sklearn
from packaging.version import Version
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    check_cv,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.utils import shuffle

from skaudio import (
    ConvClassifier,
    LSTMClassifier,
    MFCCTransformer,
    PerceptronClassifier,
    Pipeline,
)

QUICK = {"epochs": 6, "learning_rate": 0.02, "random_state": 0}


def _model():
    return Pipeline(
        [
            ("features", MFCCTransformer(n_mfcc=13, hop_length=320)),
            ("classifier", PerceptronClassifier(**QUICK)),
        ]
    )


def test_sorted_labels_score_as_well_as_shuffled_ones(tone_files):
    paths, labels, _ = tone_files
    assert list(labels) == sorted(labels)
    grid = {"classifier__dropout": [0.0, 0.3]}
    by_class = GridSearchCV(_model(), grid, cv=3).fit(paths, labels)
    mixed = GridSearchCV(_model(), grid, cv=3).fit(*shuffle(paths, labels, random_state=0))
    assert by_class.best_score_ > 0.9
    assert mixed.best_score_ > 0.9
    assert isinstance(check_cv(by_class.cv, labels, classifier=True), StratifiedKFold)


def test_searches_features_sizes_and_architectures_in_two_processes(tone_files):
    paths, labels, _ = tone_files
    grid = [
        {"features__n_mfcc": [10], "features__delta_order": [0, 1]},
        {
            "classifier": [
                ConvClassifier(filters=(8,), **QUICK),
                LSTMClassifier(units=8, **QUICK),
            ],
        },
        {"classifier": [ConvClassifier(**QUICK)], "classifier__filters": [(4, 4)]},
    ]
    search = GridSearchCV(_model(), grid, cv=2, n_jobs=2, error_score="raise").fit(paths, labels)
    assert search.best_score_ > 0.9
    assert len(search.cv_results_["params"]) == 5
    assert search.predict(paths[:2]).tolist() == ["high", "high"]
    alone = GridSearchCV(_model(), grid, cv=2, error_score="raise").fit(paths, labels)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )


def test_cross_validates_by_speaker(tone_files):
    paths, labels, speakers = tone_files
    scores = cross_val_score(_model(), paths, labels, groups=speakers, cv=GroupKFold(5))
    assert scores.shape == (5,)
    assert scores.mean() > 0.9


def test_an_unknown_parameter_in_a_grid_is_named(tone_files):
    paths, labels, _ = tone_files
    with pytest.raises(ValueError, match="Invalid parameter 'drop_out'"):
        GridSearchCV(_model(), {"classifier__drop_out": [0.5]}, cv=3).fit(paths, labels)


# Inside scikit-learn's other estimators ---------------------------------------------------


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_calibrates(method, tone_files):
    if method == "temperature" and Version(sklearn.__version__) < Version("1.8"):
        pytest.skip("method='temperature' needs scikit-learn 1.8")
    paths, labels, _ = tone_files
    calibrated = CalibratedClassifierCV(_model(), method=method, cv=2).fit(paths, labels)
    probabilities = calibrated.predict_proba(paths)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert calibrated.score(paths, labels) > 0.9


def test_tunes_a_threshold(tone_files):
    paths, labels, _ = tone_files
    is_first = labels == labels[0]
    tuned = TunedThresholdClassifierCV(_model(), cv=2, scoring="balanced_accuracy")
    assert tuned.fit(paths, is_first).score(paths, is_first) > 0.9
    assert 0 <= tuned.best_threshold_ <= 1


def test_votes_and_stacks(tone_files):
    paths, labels, _ = tone_files
    members = [
        ("first", _model()),
        ("second", _model().set_params(classifier__random_state=1)),
        ("convolutional", _model().set_params(classifier=ConvClassifier(filters=(8,), **QUICK))),
    ]
    for voting in ("hard", "soft"):
        assert (
            VotingClassifier(members, voting=voting).fit(paths, labels).score(paths, labels) > 0.9
        )
    stacked = StackingClassifier(members[:2], cv=2).fit(paths, labels)
    assert stacked.score(paths, labels) > 0.9


def test_bags(tone_files):
    """Bags take arrays of features, not recordings: scikit-learn wants numbers there."""
    paths, labels, _ = tone_files
    X = MFCCTransformer(n_mfcc=13, hop_length=320).fit_transform(paths)
    flat = X.reshape(len(X), -1)
    bags = BaggingClassifier(PerceptronClassifier(**QUICK), n_estimators=3, random_state=0)
    assert bags.fit(flat, labels).score(flat, labels) > 0.9
    assert len({member.random_state for member in bags.estimators_}) == 3


def test_halves(tone_files):
    paths, labels, _ = tone_files
    search = HalvingGridSearchCV(
        _model(),
        {"classifier__dropout": [0.0, 0.2, 0.4]},
        resource="classifier__epochs",
        min_resources=2,
        max_resources=6,
        cv=2,
        random_state=0,
        error_score="raise",
    ).fit(paths, labels)
    assert search.best_estimator_["classifier"].n_iter_ == 6
    assert search.score(paths, labels) > 0.9


def test_predicts_out_of_fold(tone_files):
    paths, labels, speakers = tone_files
    predicted = cross_val_predict(_model(), paths, labels, cv=GroupKFold(2), groups=speakers)
    assert (predicted == labels).mean() > 0.9


def test_draws_a_learning_curve(tone_files):
    paths, labels, _ = tone_files
    sizes, _, scores = learning_curve(
        _model(), paths, labels, train_sizes=[0.5, 1.0], cv=2, shuffle=True, random_state=0
    )
    assert sizes.tolist() == [7, 15]
    assert scores[-1].mean() > 0.9


def test_finds_the_feature_that_counts():
    rng = np.random.default_rng(0)
    y = np.repeat(["low", "high"], 40)
    X = rng.normal(size=(80, 4))
    X[y == "high", 2] += 4
    classifier = PerceptronClassifier(**QUICK).fit(X, y)
    importance = permutation_importance(classifier, X, y, n_repeats=3, random_state=0)
    assert importance.importances_mean.argmax() == 2
    assert importance.importances_mean[2] > 0.2
