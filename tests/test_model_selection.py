"""Searching and cross-validating whole pipelines, as scikit-learn does it."""

import numpy as np
import pytest
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
    check_cv,
    cross_val_score,
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
                PerceptronClassifier(**QUICK),
                ConvClassifier(filters=(8,), **QUICK),
                LSTMClassifier(units=8, **QUICK),
            ],
        },
        {"classifier": [ConvClassifier(**QUICK)], "classifier__filters": [(4,), (4, 4)]},
    ]
    search = GridSearchCV(_model(), grid, cv=3, n_jobs=2, error_score="raise").fit(paths, labels)
    assert search.best_score_ > 0.9
    assert len(search.cv_results_["params"]) == 7
    assert search.predict(paths[:2]).tolist() == ["high", "high"]
    alone = GridSearchCV(_model(), grid, cv=3, error_score="raise").fit(paths, labels)
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
