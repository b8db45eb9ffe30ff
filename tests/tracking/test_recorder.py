"""Recorders are scorers, whatever they write to."""

import pickle
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate

from skaudio import MFCCTransformer, tracking
from skaudio.model_selection import ResumableSearch
from skaudio.tracking._fit import best
from skaudio.tracking._recorder import Recorder


class ListRecorder(Recorder):
    """Records in a list of the class, which clones and pickles share."""

    written = []

    def __init__(self, *, scoring="accuracy", fails=False):
        self.scoring = scoring
        self.fails = fails

    def _begin(self):
        self.written.append("begin")

    def _write(self, fit):
        if self.fails:
            raise OSError("the disk is full")
        self.written.append(fit.scores.copy())
        return len(self.written) - 1

    def _add_scores(self, run, scores):
        self.written[run].update(scores)

    def _write_search(self, search, model):
        self.written.append(model)

    def _finish(self, *, failed):
        self.written.append("failed" if failed else "finished")


@pytest.fixture(autouse=True)
def _empty(monkeypatch):
    monkeypatch.setattr(ListRecorder, "written", [])


def test_every_fit_is_a_run(make_search, clips):
    search = make_search(ListRecorder()).fit(*clips)
    plain = make_search("accuracy").fit(*clips)
    columns = ("split0_test_score", "split1_test_score")
    for column in columns:
        np.testing.assert_array_equal(search.cv_results_[column], plain.cv_results_[column])
    scores = np.transpose([search.cv_results_[column] for column in columns]).ravel()
    assert [run["accuracy"] for run in ListRecorder.written] == scores.tolist()


def test_training_scores_belong_to_the_same_run(make_search, clips):
    make_search(ListRecorder(), return_train_score=True).fit(*clips)
    assert len(ListRecorder.written) == 4
    assert all(set(run) == {"accuracy", "train_accuracy"} for run in ListRecorder.written)


@pytest.mark.parametrize(
    ("scoring", "names"),
    [
        (["accuracy", "balanced_accuracy"], {"accuracy", "balanced_accuracy"}),
        ({"a": "accuracy"}, {"a"}),
        (make_scorer(accuracy_score), {"score"}),
        (lambda estimator, X, y: {"a": 0.5, "b": 1.0}, {"a", "b"}),
        (None, {"score"}),
    ],
    ids=["list", "dict", "scorer", "several", "default"],
)
def test_scores(scoring, names, make_search, clips):
    make_search(ListRecorder(scoring=scoring), refit=False).fit(*clips)
    assert set(ListRecorder.written[0]) == names


def test_cross_validation_records_too(make_search, clips):
    cross_validate(make_search("accuracy").estimator, *clips, cv=3, scoring=ListRecorder())
    assert len(ListRecorder.written) == 3


def test_a_fit_on_record_is_not_recorded_again(make_search, clips, tmp_path):
    search = ResumableSearch(make_search(ListRecorder()), tmp_path).fit(*clips)
    again = ResumableSearch(make_search(ListRecorder()), tmp_path).fit(*clips)
    assert len(ListRecorder.written) == 4
    assert again.best_score_ == search.best_score_


def test_a_score_is_kept_if_it_cannot_be_recorded(make_search, clips):
    with pytest.warns(RuntimeWarning, match=r"could not be recorded by ListRecorder: OSError"):
        search = make_search(ListRecorder(fails=True)).fit(*clips)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("scoring", ["accuracy", ["accuracy", "f1"]])
def test_sample_weights_reach_the_scorer(scoring):
    rng = np.random.default_rng(0)
    X, y, weights = rng.normal(size=(60, 2)), rng.integers(2, size=60), rng.uniform(0.1, 1, size=60)
    found, expected = (
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2, scoring=each, refit=False)
        .fit(X, y, sample_weight=weights)
        .cv_results_
        for each in (ListRecorder(scoring=scoring), scoring)
    )
    for name in expected:
        if name.startswith("split"):
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_search_without_a_best_score_is_recorded():
    X, y = np.arange(20.0)[:, None], np.arange(20) > 9
    options = {"scoring": ["accuracy", "f1"], "cv": StratifiedKFold(2)}
    for refit, params, score in ((False, {}, None), (lambda results: 1, {"C": 1}, None)):
        search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, refit=refit, **options)
        assert best(search.fit(X, y)) == (params, score)


def test_the_context_tells_how_it_ended():
    with ListRecorder():
        pass
    with pytest.raises(KeyError), ListRecorder():
        raise KeyError
    assert ListRecorder.written == ["begin", "finished", "begin", "failed"]


def test_copies_have_the_parameters_only(make_search, clips):
    recorder = ListRecorder(scoring=["accuracy"])
    make_search(recorder, refit=False).fit(*clips)
    for copy in (clone(recorder), pickle.loads(pickle.dumps(recorder))):
        assert vars(copy).keys() == {"scoring", "fails"} | (
            vars(copy).keys() & {"_sklearn_version"}
        )
        assert copy.scoring == ["accuracy"]


@pytest.mark.parametrize(
    ("recorder", "library", "extra"),
    [
        (tracking.MLflowRecorder(), "mlflow", "mlflow"),
        (tracking.WandbRecorder(), "wandb", "wandb"),
        (tracking.TensorBoardRecorder("unused"), "tensorboard", "tensorboard"),
    ],
)
def test_a_missing_library_is_named(recorder, library, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    message = rf'{type(recorder).__name__} needs {library}.* pip install "skaudio\[{extra}\]"'
    with pytest.raises(ImportError, match=message), recorder:
        pass


def test_features_of_held_out_clips_are_computed_once(make_search, clips, monkeypatch):
    n_clips = []
    transform = MFCCTransformer.transform

    def counting(self, X):
        n_clips.append(len(X))
        return transform(self, X)

    monkeypatch.setattr(MFCCTransformer, "transform", counting)
    make_search(ListRecorder(scoring=["accuracy", "f1_macro"]), refit=False).fit(*clips)
    assert n_clips == [12] * 4
