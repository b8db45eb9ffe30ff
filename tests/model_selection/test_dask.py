"""Searches on a cluster of processes, some of which die."""

import os
import signal
import threading
import time
from contextlib import contextmanager

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
from skaudio.datasets import make_spoken_words
from skaudio.exceptions import AudioError
from skaudio.model_selection import ResumableSearch

distributed = pytest.importorskip("distributed", reason="needs distributed")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dask")]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    options = {"local_directory": tmp_path_factory.mktemp("dask"), "dashboard_address": None}
    with (
        distributed.LocalCluster(2, threads_per_worker=1, memory_limit=None, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    return make_spoken_words(
        ["cat", "dog"], n_clips=64, folder=tmp_path_factory.mktemp("words"), random_state=0
    )


def make_search(**parameters):
    """Make a search of two candidates in two folds."""
    classifier = PerceptronClassifier(epochs=2, augmentation=None, random_state=0)
    pipeline = Pipeline([MFCCTransformer(), classifier])
    grid = {"perceptronclassifier__dropout": [0.0, 0.5]}
    search = GridSearchCV(pipeline, grid, cv=2, scoring="neg_log_loss", error_score="raise")
    return search.set_params(**parameters)


def scores(search):
    return [search.cv_results_[f"split{fold}_test_score"] for fold in range(2)]


@pytest.fixture(scope="module")
def expected(words):
    """The scores without a cluster."""
    return scores(make_search(refit=False).fit(words.data, words.target))


def fit_on(client, search, words):
    with joblib.parallel_config("dask"):
        return search.fit(words.data, words.target)


@contextmanager
def one_is_killed(client):
    """Kill a worker as soon as it works."""
    pids = client.run(os.getpid)
    killed = []

    def kill():
        busy = ()
        while not busy:
            busy = [worker for worker, tasks in client.processing().items() if tasks]
        data = client.has_what()  # what joblib has sent to one worker only
        killed.append(pids[max(busy, key=lambda worker: len(data[worker]))])
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    thread.join()
    assert killed
    client.wait_for_workers(2)  # another one takes its place
    assert killed[0] not in client.run(os.getpid).values()


def test_a_cluster_finds_the_same_scores(client, words, expected):
    search = fit_on(client, make_search(), words)
    np.testing.assert_allclose(scores(search), expected, atol=1e-5)
    assert search.predict(words.data).shape == (128,)


def test_features_have_threads_of_their_own_in_a_worker(client, words, expected, tmp_path):
    """They are not tasks of the cluster: a fit with the store's lock would wait for other fits."""
    kept = {"n_jobs": 2, "memory": tmp_path}
    search = make_search(refit=False)
    search.estimator.set_params(**{f"mfcctransformer__{name}": kept[name] for name in kept})
    np.testing.assert_allclose(scores(fit_on(client, search, words)), expected, atol=1e-5)

    def backend():
        from skaudio.feature_extraction._extraction import extraction_workers

        return type(extraction_workers(10, 2)._backend).__name__

    assert client.submit(backend).result() == "ThreadingBackend"


def test_a_worker_without_the_recordings_names_one(client, words, tmp_path):
    folder = os.getcwd()
    words = {**words, "data": [os.path.relpath(path) for path in words.data]}
    client.run(os.chdir, tmp_path)
    try:
        with joblib.parallel_config("dask"), pytest.raises(AudioError) as caught:
            make_search(refit=False).fit(words["data"], words["target"])
    finally:
        client.run(os.chdir, folder)
    assert any(os.path.basename(path) in str(caught.value) for path in words["data"])


def test_a_killed_worker_does_not_change_the_scores(client, words, expected):
    # joblib keeps an array of labels or indices on one worker only, but sends lists with every fit.
    folds = StratifiedKFold(2).split(words.data, words.target)
    folds = [(train.tolist(), test.tolist()) for train, test in folds]
    with one_is_killed(client), joblib.parallel_config("dask"):
        search = make_search(refit=False, cv=folds).fit(words.data, words.target.tolist())
    np.testing.assert_allclose(scores(search), expected, atol=1e-5)


def test_a_killed_worker_loses_no_record(client, words, expected, tmp_path):
    with one_is_killed(client):
        search = fit_on(client, ResumableSearch(make_search(refit=False), tmp_path), words)
    np.testing.assert_allclose(scores(search), expected, atol=1e-5)
    assert len(list(tmp_path.glob("*.json"))) == 4


def test_workers_may_come_while_it_runs(client, words, expected):
    client.cluster.scale(1)
    deadline = time.monotonic() + 20
    while len(client.scheduler_info()["workers"]) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    adaptive = client.cluster.adapt(minimum=1, maximum=2, interval="100ms")
    try:
        search = fit_on(client, make_search(refit=False), words)
    finally:
        adaptive.stop()
    np.testing.assert_allclose(scores(search), expected, atol=1e-5)
