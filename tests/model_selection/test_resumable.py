import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
from skaudio.datasets import make_spoken_words
from skaudio.model_selection import ResumableSearch

FITS = []  # of the estimator below: its parameter and the number of clips


class Threshold(ClassifierMixin, BaseEstimator):
    """Predict class 1 above a threshold, and remember every fit."""

    def __init__(self, threshold=0.0, epochs=1, verbose=0):
        self.threshold = threshold
        self.epochs = epochs
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        FITS.append((self.threshold, len(X)))
        self.classes_ = np.unique(y)
        self.weight_ = 0 if sample_weight is None else float(np.sum(sample_weight))
        return self

    def predict(self, X):
        check_is_fitted(self)
        return (self.decision_function(X) > 0).astype(int)

    def decision_function(self, X):
        return np.asarray(X)[:, 0] - self.threshold / 10 * self.epochs


@pytest.fixture(autouse=True)
def _no_fits():
    FITS.clear()


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    return X, (X[:, 0] + 0.5 * rng.normal(size=60) > 0).astype(int)


GRID = {"threshold": [-2.0, 0.0, 1.0, 3.0]}
SEARCHES = [
    GridSearchCV(Threshold(), GRID, cv=3),
    RandomizedSearchCV(Threshold(), GRID, n_iter=3, cv=3, random_state=0),
    HalvingGridSearchCV(Threshold(), GRID, cv=3, random_state=0, min_resources=12),
    HalvingGridSearchCV(Threshold(), GRID, cv=3, resource="epochs", max_resources=4),
    HalvingRandomSearchCV(Threshold(), GRID, n_candidates=3, cv=3, random_state=0),
]


def _scores(search):
    return {name: value for name, value in search.cv_results_.items() if "time" not in name}


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: type(search).__name__)
def test_equal_to_the_search_and_nothing_is_repeated(search, data, tmp_path):
    expected = search.fit(*data)
    FITS.clear()
    first = ResumableSearch(search, tmp_path).fit(*data)
    n_fits = len(FITS)
    assert n_fits > 1
    again = ResumableSearch(search, tmp_path).fit(*data)
    assert len(FITS) == n_fits + 1  # the best one, on all clips
    for found in (first, again):
        assert found.best_params_ == expected.best_params_
        assert found.best_score_ == expected.best_score_
        assert found.score(*data) == expected.score(*data)
        for method in ("predict", "decision_function"):
            X = data[0]
            np.testing.assert_array_equal(getattr(found, method)(X), getattr(expected, method)(X))
        for name, value in _scores(expected).items():
            np.testing.assert_array_equal(_scores(found)[name], value, err_msg=name)
        assert type(found.best_estimator_) is Threshold
        assert type(found.search_.estimator) is Threshold


def test_only_new_candidates_and_folds_are_fitted(data, tmp_path):
    def run(thresholds, folds):
        FITS.clear()
        grid = {"threshold": thresholds}
        search = GridSearchCV(Threshold(), grid, cv=folds, refit=False)
        ResumableSearch(search, tmp_path).fit(*data)
        return [threshold for threshold, _ in FITS]

    assert run([0.0, 1.0], 3) == [0.0] * 3 + [1.0] * 3
    assert run([0.0, 1.0, 2.0], 3) == [2.0] * 3
    assert run([0.0], 4) == [0.0] * 4
    assert run([0.0, 2.0], 3) == []


def test_everything_that_determines_a_score_counts(data, tmp_path):
    X, y = data

    def n_fits(X=X, y=y, scoring=None, estimator=None, **params):
        FITS.clear()
        estimator = estimator or Threshold()
        cv = StratifiedKFold(2)
        search = GridSearchCV(estimator, {"threshold": [0.0]}, cv=cv, scoring=scoring, refit=False)
        ResumableSearch(search, tmp_path).fit(X, y, **params)
        return len(FITS)

    assert n_fits() == 2
    assert n_fits() == 0
    assert n_fits(estimator=Threshold(verbose=3)) == 0
    assert n_fits(estimator=Threshold(epochs=2)) == 2
    assert n_fits(scoring="balanced_accuracy") == 2
    assert n_fits(scoring=lambda model, X, y: 1.0) == 2
    assert n_fits(scoring=lambda model, X, y: 2.0) == 2  # the same but for a constant
    assert n_fits(scoring=lambda model, X, y: 2.0) == 0
    changed = X.copy()
    changed[7, 1] += 1e-9
    assert n_fits(X=changed) == 2  # it is in the training or the test clips of each fold
    assert n_fits(y=1 - y) == 2
    assert n_fits(sample_weight=np.ones(len(X))) == 2
    assert n_fits(sample_weight=np.ones(len(X))) == 0


def _constant_score(model, X, y, value=0.0):
    return value


def _with_default(value):
    def score(model, X, y, value=value):
        return value

    return score


def _enclosing(value):
    def score(model, X, y):
        return value

    return score


class _Held:
    def __init__(self, value):
        self.value = value

    def score(self, model, X, y):
        return self.value


@pytest.mark.parametrize(
    "make",
    [
        _with_default,
        _enclosing,
        lambda value: functools.partial(_constant_score, value=value),
        lambda value: _Held(value).score,
        lambda value: make_scorer(lambda true, predicted: value),
    ],
    ids=["default", "closure", "partial", "method", "scorer"],
)
def test_functions_are_known_by_what_they_compute_with(make, data, tmp_path):
    best = []
    for value in (0.1, 0.9, 0.1):
        search = GridSearchCV(Threshold(), GRID, cv=2, scoring=make(value))
        best.append(ResumableSearch(search, tmp_path).fit(*data).best_score_)
    assert best == [0.1, 0.9, 0.1]
    assert len(FITS) == 2 * 8 + 3


def test_what_a_clone_keeps_is_known_by_its_state(data, tmp_path):
    X, y = data
    one, other = (LogisticRegression().fit(X, labels) for labels in (y, 1 - y))
    found = [
        ResumableSearch(
            GridSearchCV(make_pipeline(StandardScaler(), FrozenEstimator(each)), {}, cv=2), tmp_path
        )
        .fit(X, y)
        .best_score_
        for each in (one, other, one)
    ]
    assert found[0] == found[2] > found[1]
    assert len(list(tmp_path.iterdir())) == 4


def test_files_that_parameters_name_are_known_by_content(data, tmp_path):
    path = tmp_path / "threshold.txt"
    for text, n_fits in (("1", 9), ("2", 9), ("1", 1)):
        path.write_text(text)
        FITS.clear()
        search = GridSearchCV(_Noted(note=str(path)), GRID, cv=2)
        ResumableSearch(search, tmp_path / "records").fit(*data)
        assert len(FITS) == n_fits


class _Noted(Threshold):
    def __init__(self, threshold=0.0, epochs=1, verbose=0, note=None):
        super().__init__(threshold, epochs, verbose)
        self.note = note


def test_a_code_has_the_same_key_in_every_process():
    program = (
        "from skaudio.model_selection._resumable import _described;"
        "print(_described(lambda x: x in {'a', 'b', 'c', 'd'}))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_the_names_of_columns_count(data, tmp_path):
    pandas = pytest.importorskip("pandas")
    for columns in ("ab", "ba"):
        FITS.clear()
        frame = pandas.DataFrame(data[0][:, :2], columns=[*columns])
        ResumableSearch(GridSearchCV(Threshold(), GRID, cv=2), tmp_path).fit(frame, data[1])
        assert len(FITS) == 9


def test_what_cannot_be_identified_is_named(data, tmp_path):
    class Local:
        def __call__(self, model, X, y):
            return 0.0

    search = GridSearchCV(Threshold(), GRID, cv=2, scoring=Local())
    with pytest.raises(TypeError, match=r"cannot tell whether .*Local.* is the same"):
        ResumableSearch(search, tmp_path).fit(*data)


def test_a_function_that_chooses_sees_the_times_of_the_fits(data, tmp_path):
    seen = []

    def first(results):
        seen.append(results["mean_fit_time"].tolist())
        return 0

    search = GridSearchCV(Threshold(), GRID, cv=2, refit=first)
    for _ in range(2):
        found = ResumableSearch(search, tmp_path).fit(*data)
        assert found.best_index_ == 0
        assert found.search_.refit is first
    assert seen[0] == seen[1]


def test_a_score_that_fails_does_not_take_the_others_along(data, tmp_path):
    def fails(model, X, y):
        raise ValueError("no score")

    scoring = {"accuracy": "accuracy", "bad": fails}
    search = GridSearchCV(Threshold(), GRID, cv=2, scoring=scoring, refit="accuracy")
    with pytest.warns(UserWarning, match=r"(?s)Scoring failed.*no score|non-finite"):
        expected = search.fit(*data).best_score_
    with pytest.warns(UserWarning, match=r"(?s)Scoring failed.*no score|non-finite"):
        found = ResumableSearch(search, tmp_path).fit(*data)
    assert found.best_score_ == expected
    assert np.isnan(found.cv_results_["mean_test_bad"]).all()
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="no score"):
        ResumableSearch(search.set_params(error_score="raise"), tmp_path).fit(*data)


def test_recordings_are_known_by_content(tmp_path):
    words = make_spoken_words(["cat", "dog"], n_clips=6, random_state=0)
    pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(epochs=1, random_state=0)])
    search = GridSearchCV(pipeline, {"perceptronclassifier__dense_units": [(4,), (8,)]}, cv=2)
    first = ResumableSearch(search, tmp_path).fit(words.data, words.target)
    files = {path.name for path in tmp_path.iterdir()}
    assert len(files) == 4
    search.set_params(estimator__mfcctransformer__n_jobs=2)
    copies = [clip.copy() for clip in words.data]
    again = ResumableSearch(search, str(tmp_path)).fit(copies, words.target)
    assert {path.name for path in tmp_path.iterdir()} == files
    assert again.best_score_ == first.best_score_
    assert list(again.predict(copies[:2])) == list(first.predict(words.data[:2]))
    assert again.predict_proba(copies[:2]).shape == (2, 2)


def test_several_scores_and_those_of_training(data, tmp_path):
    search = GridSearchCV(
        Threshold(), GRID, cv=3, scoring=["accuracy", "f1"], refit="f1", return_train_score=True
    )
    expected = search.fit(*data)
    without = GridSearchCV(Threshold(), GRID, cv=3, scoring=["accuracy", "f1"], refit=False)
    ResumableSearch(without, tmp_path).fit(*data)
    for n_fits in (13, 1):  # first the scores of training are computed, then they are on record
        FITS.clear()
        found = ResumableSearch(search, tmp_path).fit(*data)
        for name, value in _scores(expected).items():
            np.testing.assert_array_equal(_scores(found)[name], value, err_msg=name)
        assert found.score(*data) == expected.score(*data)
        assert len(FITS) == n_fits


def test_groups_reach_the_splitter(data, tmp_path):
    search = GridSearchCV(Threshold(), GRID, cv=GroupKFold(3))
    groups = np.arange(60) % 7
    expected = search.fit(*data, groups=groups)
    found = ResumableSearch(search, tmp_path).fit(*data, groups=groups)
    assert found.best_score_ == expected.best_score_


def test_metadata_is_routed(data, tmp_path):
    from sklearn import config_context
    from sklearn.metrics import accuracy_score, make_scorer

    X, y = data
    metadata = {"groups": np.arange(60) % 7, "sample_weight": np.linspace(0.1, 1, 60)}
    with config_context(enable_metadata_routing=True):
        estimator = Threshold().set_fit_request(sample_weight=True)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        search = GridSearchCV(estimator, GRID, cv=GroupKFold(3), scoring=scorer)
        expected = search.fit(X, y, **metadata)
        for _ in range(2):
            found = ResumableSearch(search, tmp_path).fit(X, y, **metadata)
            assert found.best_score_ == expected.best_score_
            assert found.best_estimator_.weight_ == expected.best_estimator_.weight_
        assert len(list(tmp_path.glob("*.json"))) == 12
        # Inside another estimator, they reach the search as well.
        nested, expected = (
            cross_validate(each, X, y, cv=GroupKFold(2), params=metadata, error_score="raise")
            for each in (ResumableSearch(search, tmp_path / "nested"), search)
        )
        np.testing.assert_array_equal(nested["test_score"], expected["test_score"])


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_parallel_backends(backend, data, tmp_path):
    import joblib

    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, cv=4, n_jobs=2)
    expected = search.fit(*data)
    with joblib.parallel_config(backend):
        found = ResumableSearch(search, tmp_path).fit(*data)
    assert found.best_score_ == expected.best_score_
    assert len(list(tmp_path.glob("*.json"))) == 12


def test_times_are_those_of_the_fits(data, tmp_path):
    search = GridSearchCV(Threshold(), GRID, cv=3)
    first = ResumableSearch(search, tmp_path).fit(*data)
    for path in tmp_path.glob("*.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "fit_time": 100.0}))
    again = ResumableSearch(search, tmp_path).fit(*data)
    assert max(first.cv_results_["mean_fit_time"]) < 1
    assert list(again.cv_results_["mean_fit_time"]) == [100.0] * 4


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b'{"scores": {}}'])
def test_damaged_records_are_replaced(damage, data, tmp_path):
    search = GridSearchCV(Threshold(), GRID, cv=3, refit=False)
    ResumableSearch(search, tmp_path).fit(*data)
    FITS.clear()
    next(tmp_path.glob("*.json")).write_bytes(damage)
    ResumableSearch(search, tmp_path).fit(*data)
    assert len(FITS) == 1


def test_scikit_learns_grammar(data, tmp_path):
    resumable = ResumableSearch(GridSearchCV(Threshold(), GRID, cv=3), tmp_path)
    assert is_classifier(resumable)
    assert not hasattr(resumable, "classes_")
    assert not hasattr(resumable, "predict_proba")
    with pytest.raises(NotFittedError, match="not fitted yet"):
        resumable.predict(data[0])
    assert cross_val_score(resumable, *data, cv=2).shape == (2,)
    with pytest.raises(TypeError, match=r"takes a search .* got Threshold"):
        ResumableSearch(Threshold(), tmp_path).fit(*data)


KILLED = """
import sys, time
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV
from skaudio.model_selection import ResumableSearch

class Slow(ClassifierMixin, BaseEstimator):
    def __init__(self, threshold=0.0):
        self.threshold = threshold
    def fit(self, X, y):
        time.sleep(0.05)
        with open(sys.argv[2], "a") as file:
            file.write("fit\\n")
        self.classes_ = np.unique(y)
        return self
    def predict(self, X):
        return (X[:, 0] > self.threshold).astype(int)

X = np.random.default_rng(0).normal(size=(40, 2))
y = (X[:, 0] > 0.3).astype(int)
search = GridSearchCV(Slow(), {"threshold": np.linspace(-1, 1, 8)}, cv=3, refit=False)
print("started", flush=True)
if sys.argv[1] == "plain":
    print(list(search.fit(X, y).cv_results_["mean_test_score"]))
else:
    print(list(ResumableSearch(search, sys.argv[1]).fit(X, y).cv_results_["mean_test_score"]))
"""


def test_killed_searches_go_on(tmp_path):
    """SKAUDIO_KILL_ROUNDS sets the number of rounds."""
    rounds = int(os.environ.get("SKAUDIO_KILL_ROUNDS", "2"))
    script = tmp_path / "search.py"
    script.write_text(KILLED)

    def start(folder, log):
        command = [sys.executable, str(script), str(folder), str(log)]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert run.stdout.readline() == "started\n"
        return run

    expected = start("plain", tmp_path / "plain.log").communicate()[0]
    rng = np.random.default_rng(0)
    for index in range(rounds):
        folder, log = tmp_path / f"folder{index}", tmp_path / f"{index}.log"
        run = start(folder, log)
        time.sleep(rng.uniform(0.1, 1.2))
        run.send_signal(signal.SIGKILL)
        run.wait()
        run.stdout.close()
        assert start(folder, log).communicate()[0] == expected
        n_fits = len(Path(log).read_text().splitlines())
        assert 24 <= n_fits <= 25  # the fit that was running may be repeated
