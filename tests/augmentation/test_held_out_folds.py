"""The proof that augmentation stays in the training folds, in both pipelines.

A spy stands between the augmenter and the classifier and writes down, in files, since folds
may run in other processes, what it was asked to do with which clips.
"""

import itertools
import pickle
import uuid
from pathlib import Path

import imblearn.pipeline
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.preprocessing import FunctionTransformer

from skaudio import MFCCTransformer, Pipeline, WaveformAugmenter
from skaudio.augmentation import AugmentedRecording

CV = StratifiedKFold(3, shuffle=True, random_state=0)


class Spy(MFCCTransformer):
    """The transformer, which reports."""

    def __init__(self, log=None, duration=0.3, n_mfcc=13):
        super().__init__(duration=duration, n_mfcc=n_mfcc)
        self.log = log

    def fit_transform(self, X, y=None):
        features = self.fit(X, y)._features(X)
        self._report("fit", X, features, y)
        return features

    def transform(self, X):
        features = self._features(X)
        self._report("predict", X, features)
        return features

    def _features(self, X):
        return MFCCTransformer.transform(self, X)

    def _report(self, when, X, features, y=None):
        event = {"when": when, "features": features, "y": y}
        event["augmented"] = [isinstance(clip, AugmentedRecording) for clip in X]
        event["paths"] = [getattr(clip, "source", clip) for clip in X]
        Path(self.log, f"{uuid.uuid4()}.pickle").write_bytes(pickle.dumps(event))


def _flatten(features):
    return features.reshape(len(features), -1)


# Worker processes cannot import the tests; what belongs to __main__ is sent by value.
for sent in [Spy, _flatten, *(thing for thing in vars(Spy).values() if callable(thing))]:
    sent.__module__ = "__main__"


def _model(pipeline, log, n_copies=2):
    return pipeline(
        [
            (
                "augment",
                WaveformAugmenter(n_copies=n_copies, noise="white", random_state=0),
            ),
            ("mfcc", Spy(log=str(log))),
            ("flat", FunctionTransformer(_flatten)),
            ("classifier", LogisticRegression(C=1e-6, max_iter=50)),
        ]
    )


def _events(log):
    events = [pickle.loads(path.read_bytes()) for path in Path(log).iterdir()]
    return [[event for event in events if event["when"] == when] for when in ("fit", "predict")]


@pytest.fixture(params=[Pipeline, imblearn.pipeline.Pipeline], ids=["skaudio", "imblearn"])
def pipeline(request):
    return request.param


@pytest.fixture
def untouched(tone_files):
    """The features of every clip by itself, by its path."""
    paths, _, _ = tone_files
    features = MFCCTransformer(duration=0.3, n_mfcc=13).fit_transform(paths)
    return dict(zip(paths, features, strict=True))


def _assert_held_out_clips_are_untouched(predicted, untouched):
    for event in predicted:
        assert not any(event["augmented"])
        for path, features in zip(event["paths"], event["features"], strict=True):
            np.testing.assert_array_equal(features, untouched[path])


def _assert_training_clips_are_augmented(fitted, untouched, labels, n_train, n_copies):
    for event in fitted:
        assert len(event["features"]) == (1 + n_copies) * n_train
        assert event["augmented"] == [False] * n_train + [True] * n_train * n_copies
        assert event["paths"] == event["paths"][:n_train] * (1 + n_copies)
        assert event["y"].tolist() == [labels[path] for path in event["paths"]]
        originals = [untouched[path] for path in event["paths"][:n_train]]
        np.testing.assert_array_equal(event["features"][:n_train], originals)
        for path, copy in zip(event["paths"][n_train:], event["features"][n_train:], strict=True):
            assert not np.array_equal(copy, untouched[path])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_cross_validation(pipeline, n_jobs, tone_files, untouched, tmp_path):
    paths, labels, _ = tone_files
    outcome = cross_validate(
        _model(pipeline, tmp_path), paths, labels, cv=CV, n_jobs=n_jobs, error_score="raise"
    )
    assert outcome["test_score"].mean() > 0.9
    fitted, predicted = _events(tmp_path)
    _assert_held_out_clips_are_untouched(predicted, untouched)
    by_path = dict(zip(paths, labels, strict=True))
    _assert_training_clips_are_augmented(fitted, untouched, by_path, n_train=20, n_copies=2)
    # Each held-out fold was scored once, and none of its clips was in any form trained on.
    assert sorted(path for event in predicted for path in event["paths"]) == sorted(paths)
    trained = [frozenset(event["paths"]) for event in fitted]
    held_out = [frozenset(paths) - frozenset(event["paths"]) for event in predicted]
    assert sorted(map(sorted, trained)) == sorted(map(sorted, held_out))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(pipeline, n_jobs, tone_files, untouched, tmp_path):
    paths, labels, _ = tone_files
    grid = {"augment__n_copies": [0, 1, 2]}
    search = GridSearchCV(
        _model(pipeline, tmp_path), grid, cv=CV, n_jobs=n_jobs, error_score="raise"
    ).fit(paths, labels)
    fitted, predicted = _events(tmp_path)
    _assert_held_out_clips_are_untouched(predicted, untouched)
    n_refitted = 30 * (1 + search.best_params_["augment__n_copies"])
    sizes = sorted(len(event["paths"]) for event in fitted)
    assert sizes == sorted([20, 40, 60] * 3 + [n_refitted])
    assert [len(event["paths"]) for event in predicted] == [10] * 9
    # The same clips in the same fold get the same recipes: copies are found in a larger set.
    by_clips = {}
    for event in fitted:
        by_clips.setdefault(tuple(event["paths"][:20]), []).append(event["features"])
    for sets in by_clips.values():
        sets.sort(key=len)
        for smaller, larger in itertools.pairwise(sets):
            np.testing.assert_array_equal(larger[: len(smaller)], smaller)


def test_a_search_over_having_it_at_all(pipeline, tone_files, untouched, tmp_path):
    paths, labels, _ = tone_files
    grid = {"augment": ["passthrough", WaveformAugmenter(random_state=1)]}
    search = GridSearchCV(_model(pipeline, tmp_path), grid, cv=CV, error_score="raise")
    search.fit(paths, labels)
    fitted, predicted = _events(tmp_path)
    _assert_held_out_clips_are_untouched(predicted, untouched)
    n_refitted = 30 if search.best_params_["augment"] == "passthrough" else 60
    sizes = sorted(len(event["paths"]) for event in fitted)
    assert sizes == sorted([20, 20, 20, 40, 40, 40, n_refitted])


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function", "score"]
)
def test_no_method_but_fit_augments(pipeline, method, tone_files, untouched, tmp_path):
    paths, labels, _ = tone_files
    model = _model(pipeline, tmp_path).fit(paths, labels)
    arguments = (paths, labels) if method == "score" else (paths,)
    getattr(model, method)(*arguments)
    fitted, predicted = _events(tmp_path)
    assert len(fitted) == len(predicted) == 1
    _assert_held_out_clips_are_untouched(predicted, untouched)
    assert len(predicted[0]["paths"]) == len(paths)


def test_transform_passes_it_over_and_fit_transform_does_not(
    pipeline, tone_files, untouched, tmp_path
):
    paths, labels, _ = tone_files
    model = pipeline(_model(pipeline, tmp_path).steps[:2])
    assert model.fit_transform(paths, labels).shape == (90, 31, 13)
    expected = [untouched[path] for path in paths]
    np.testing.assert_array_equal(model.transform(paths), expected)
