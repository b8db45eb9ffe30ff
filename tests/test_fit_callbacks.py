"""scikit-learn's callbacks in every estimator, and without ``sklearn.callback``."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skaudio import (
    ConvClassifier,
    DistilledClassifier,
    EmbeddingTransformer,
    LogMelTransformer,
    MFCCTransformer,
    PCENTransformer,
    PerceptronClassifier,
    Pipeline,
    PrototypeClassifier,
    UnknownRejector,
)
from skaudio.exceptions import AudioError
from skaudio.model_selection import ResumableSearch

sklearn_callback = pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")

RATE = 16000
QUICK = {"epochs": 3, "random_state": 0, "augmentation": None}


class Diary:
    """A callback that notes all that it is told."""

    max_propagation_depth = None

    def __init__(self, stops_at=None):
        self.stops_at = stops_at
        self.notes = []

    def setup(self, estimator, context):
        self.notes.append(("setup", type(estimator).__name__))

    def teardown(self, estimator, context):
        self.notes.append(("teardown", type(estimator).__name__))

    def on_fit_task_begin(self, estimator, context):
        self.notes.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None):
        self.notes.append(("end", context.task_name))
        return context.task_name == "epoch" and context.task_id == self.stops_at

    def count(self, *note):
        return self.notes.count(note)


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, RATE // 4)).astype(np.float32), np.repeat(["cat", "dog"], 6)


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    y = np.repeat(["cat", "dog"], 10)
    return rng.normal(size=(20, 10, 4)) + (y == "dog")[:, None, None], y


def pipeline():
    return Pipeline([MFCCTransformer(), PerceptronClassifier(**QUICK)])


def test_a_classifier_reports_its_epochs(features):
    diary = Diary()
    ConvClassifier(filters=(4,), **QUICK).set_callbacks(diary).fit(*features)
    assert diary.notes == [
        ("setup", "ConvClassifier"),
        ("begin", "fit"),
        *[("begin", "epoch"), ("end", "epoch")] * 3,
        ("end", "fit"),
        ("teardown", "ConvClassifier"),
    ]


def test_a_callback_can_end_the_training(features):
    classifier = PerceptronClassifier(**QUICK).set_callbacks(Diary(stops_at=1)).fit(*features)
    assert classifier.n_iter_ == 2


def test_callbacks_predict_with_the_classifier_as_it_is_after_each_epoch(features):
    monitor = sklearn_callback.ScoringMonitor(scoring="neg_log_loss")
    classifier = PerceptronClassifier(**QUICK).set_callbacks(monitor).fit(*features)
    scores = [row["neg_log_loss"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    shorter = [
        PerceptronClassifier(**QUICK, learning_rate_schedule="constant").set_params(epochs=n)
        for n in (1, 2, 3)
    ]
    constant = clone(shorter[-1]).set_callbacks(monitor)
    assert len(set(scores)) == 3
    constant.fit(*features)
    scores = [row["neg_log_loss"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    X, y = features
    for score, classifier in zip(scores, shorter, strict=True):
        probabilities = classifier.fit(X, y).predict_proba(X)
        right = probabilities[np.arange(len(y)), (y == "dog").astype(int)]
        assert score == pytest.approx(np.log(right).mean())


def test_callbacks_do_not_change_what_is_learned(features):
    monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
    followed = PerceptronClassifier(**QUICK).set_callbacks(monitor).fit(*features)
    alone = PerceptronClassifier(**QUICK).fit(*features)
    assert np.array_equal(followed.predict_proba(features[0]), alone.predict_proba(features[0]))


@pytest.mark.parametrize("Transformer", [MFCCTransformer, LogMelTransformer, PCENTransformer])
def test_a_transformer_reports_its_clips(Transformer, clips):
    diary = Diary()
    transformer = Transformer().set_callbacks(diary)
    transformer.fit_transform(*clips)
    assert diary.count("begin", "clips") == diary.count("end", "clips") == 12
    assert diary.notes[0][0] == "setup"
    assert diary.notes[-2:] == [("end", "fit"), ("teardown", Transformer.__name__)]
    diary.notes.clear()
    transformer.fit(*clips).transform(clips[0])
    name = Transformer.__name__
    assert diary.notes == [("setup", name), ("begin", "fit"), ("end", "fit"), ("teardown", name)]


def test_an_embedding_reports_its_clips(clips):
    pytest.importorskip("onnxruntime")
    diary = Diary()
    EmbeddingTransformer(duration=1.0).set_callbacks(diary).fit_transform(*clips)
    assert diary.count("end", "clips") == 12


@pytest.mark.parametrize("memory", [False, True])
def test_many_clips_are_at_most_a_hundred_tasks(memory, tmp_path):
    diary = Diary()
    X = np.random.default_rng(0).normal(size=(250, 400)).astype(np.float32)
    X[240:] = X[:10]  # repeats take another way through the store
    transformer = MFCCTransformer(n_mels=8, n_mfcc=4, memory=tmp_path if memory else None)
    transformer.set_callbacks(diary)
    for _ in range(2):
        diary.notes.clear()
        transformer.fit_transform(X)
        assert diary.count("end", "clips") == 100


def test_all_levels_of_a_search_are_reported(clips):
    diary = Diary()
    search = GridSearchCV(pipeline(), {"perceptronclassifier__dropout": [0.0, 0.5]}, cv=2)
    search.set_callbacks(diary).fit(*clips)
    assert diary.count("end", "epoch") == (2 * 2 + 1) * 3
    assert diary.count("end", "clips") == 4 * 6 + 12
    assert diary.count("setup", "GridSearchCV") == diary.count("teardown", "GridSearchCV") == 1


@pytest.mark.slow
def test_processes_report_to_the_search(clips):
    monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
    followed = pipeline()
    followed[-1].set_callbacks(monitor)
    grid = {"perceptronclassifier__dropout": [0.0, 0.5]}
    GridSearchCV(followed, grid, cv=2, n_jobs=2).fit(*clips)
    epochs = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(epochs) == (2 * 2 + 1) * 3


def test_a_resumed_search_only_reports_what_it_fits(clips, tmp_path):
    diary = Diary()
    grid = {"perceptronclassifier__dropout": [0.0, 0.5]}
    search = ResumableSearch(GridSearchCV(pipeline(), grid, cv=2), tmp_path).set_callbacks(diary)
    search.fit(*clips)
    assert diary.count("end", "epoch") == (2 * 2 + 1) * 3
    diary.notes.clear()
    search.fit(*clips)
    assert diary.count("end", "epoch") == 3  # the best candidate is fitted again
    assert diary.count("setup", "ResumableSearch") == 1
    assert diary.count("teardown", "ResumableSearch") == 1


def test_meta_estimators_report_what_they_fit(clips):
    diary = Diary()
    UnknownRejector(pipeline(), cv=2).set_callbacks(diary).fit(*clips)
    assert diary.count("end", "epoch") == 3 * 3
    diary.notes.clear()
    DistilledClassifier(pipeline(), pipeline(), unlabeled=clips[0]).set_callbacks(diary).fit(*clips)
    assert diary.count("end", "epoch") == 2 * 3
    diary.notes.clear()
    teacher = FrozenEstimator(pipeline().fit(*clips))
    DistilledClassifier(pipeline(), teacher).set_callbacks(diary).fit(*clips)
    assert diary.count("end", "epoch") == 3


def test_one_progress_bar_shows_all_levels(clips, capsys, monkeypatch):
    pytest.importorskip("rich", reason="needs rich")
    monkeypatch.setenv("COLUMNS", "200")
    bar = sklearn_callback.ProgressBar(max_propagation_depth=None)
    grid = {"perceptronclassifier__dropout": [0.0, 0.5]}
    GridSearchCV(pipeline(), grid, cv=2).set_callbacks(bar).fit(*clips)
    shown = capsys.readouterr().out
    assert shown.count("MFCCTransformer - fit") == shown.count("PerceptronClassifier - fit") == 5


def test_prototypes_report_one_task():
    diary = Diary()
    PrototypeClassifier().set_callbacks(diary).fit([[1, 0], [0, 1]], ["cat", "dog"])
    assert [what for what, _ in diary.notes] == ["setup", "begin", "end", "teardown"]


def test_a_failed_fit_tears_down_and_leaves_nothing(clips, features, tmp_path):
    missing = [tmp_path / "missing.wav"]
    cases = [
        (MFCCTransformer(duration=0.1), "fit_transform", missing, None, AudioError),
        (MFCCTransformer(), "fit_transform", missing, None, AudioError),
        (MFCCTransformer(), "fit", missing, None, AudioError),
        (PerceptronClassifier(learning_rate=1e30, **QUICK), "fit", *features, ValueError),
        (UnknownRejector(pipeline()), "fit", missing * 10, ["a", "b"] * 5, AudioError),
        (DistilledClassifier(pipeline(), pipeline()), "fit", missing, ["a"], AudioError),
        (PrototypeClassifier(), "fit", [[1, 0]], ["a"], ValueError),
    ]
    for estimator, method, X, y, Error in cases:
        diary = Diary()
        estimator.set_callbacks(diary)
        before = set(vars(estimator))
        with pytest.raises(Error):
            getattr(estimator, method)(X, y)
        name = type(estimator).__name__
        assert diary.count("setup", name) == diary.count("teardown", name) == 1, name
        learned = {"duration_", "n_samples_"} if method == "fit_transform" else set()
        left = set(vars(estimator)) - before
        assert not any(attribute.startswith("_") for attribute in left - learned), (name, left)


def test_without_callbacks_in_scikit_learn():
    code = """if True:
        import sys
        import numpy as np
        import sklearn.model_selection, sklearn.pipeline  # before callbacks are hidden
        callback, sys.modules["sklearn.callback"] = sys.modules["sklearn.callback"], None
        from skaudio import MFCCTransformer, PerceptronClassifier, UnknownRejector
        sys.modules["sklearn.callback"] = callback

        X = np.random.default_rng(0).normal(size=(12, 4000)).astype(np.float32)
        y = ["cat", "dog"] * 6
        features = MFCCTransformer().fit_transform(X, y)
        classifier = PerceptronClassifier(epochs=2, random_state=0)
        print(hasattr(classifier, "set_callbacks"))
        print(UnknownRejector(classifier, cv=2).fit(features, y).estimator_.n_iter_)
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "2"]
