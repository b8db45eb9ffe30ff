"""Records in a database of MLflow, read back."""

import json

import joblib
import numpy as np
import pytest

from skaudio.tracking import MLflowRecorder

mlflow = pytest.importorskip("mlflow", reason="needs mlflow")

# What MLflow does with SQLAlchemy 2.1.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


def in_folder(folder):
    return MLflowRecorder(f"sqlite:///{folder}/runs.db", experiment="words", group="dropout")


@pytest.fixture
def recorder(tmp_path):
    return in_folder(tmp_path)


@pytest.fixture(scope="module")
def recorded(make_search, clips, tmp_path_factory):
    """A recorded search: the recorder, the search, its run, and those of its fits."""
    with in_folder(tmp_path_factory.mktemp("mlflow")) as recorder:
        search = make_search(recorder, return_train_score=True).fit(*clips)
        recorder.record(search)
    (parent,), fits = runs_of(recorder)
    return recorder, search, parent, fits


def runs_of(recorder):
    client = mlflow.MlflowClient(recorder.tracking_uri)
    experiment = client.get_experiment_by_name(recorder.experiment)
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    return parents, [run for run in runs if run not in parents]


def artifact(recorder, run, name, folder):
    client = mlflow.MlflowClient(recorder.tracking_uri)
    return client.download_artifacts(run.info.run_id, name, folder)


def test_fits_are_nested_runs(recorded):
    _, search, parent, fits = recorded
    assert parent.info.run_name == "dropout"
    assert len(fits) == 4
    assert {run.data.tags["mlflow.parentRunId"] for run in fits} == {parent.info.run_id}
    assert {run.info.status for run in (parent, *fits)} == {"FINISHED"}
    scores = search.cv_results_
    found = sorted(run.data.metrics["accuracy"] for run in fits)
    assert found == sorted([*scores["split0_test_score"], *scores["split1_test_score"]])
    found = sorted(run.data.metrics["train_accuracy"] for run in fits)
    assert found == sorted([*scores["split0_train_score"], *scores["split1_train_score"]])


def test_fits_have_parameters_and_folds(recorded):
    *_, fits = recorded
    params = [run.data.params for run in fits]
    rates = [p["perceptronclassifier__dropout"] for p in params]
    assert sorted(rates) == ["0.0", "0.0", "0.5", "0.5"]
    assert params[0]["mfcctransformer__n_mfcc"] == "40"
    assert params[0]["n_held_out"] == "12"
    folds = {run.data.tags["skaudio.held_out"] for run in fits}
    assert len(folds) == 2


def test_fits_have_curves(recorded):
    recorder, _, _, fits = recorded
    client = mlflow.MlflowClient(recorder.tracking_uri)
    history = client.get_metric_history(fits[0].info.run_id, "history/loss")
    assert [point.step for point in history] == [1, 2, 3]


def test_fits_have_a_confusion_matrix_and_a_report(recorded, tmp_path):
    recorder, _, _, fits = recorded
    picture = artifact(recorder, fits[0], "confusion_matrix.png", tmp_path)
    with open(picture, "rb") as file:
        assert file.read(4) == b"\x89PNG"
    with open(artifact(recorder, fits[0], "confusion_matrix.json", tmp_path)) as file:
        table = json.load(file)
    assert table["labels"] == ["cat", "dog"]
    assert np.sum(table["counts"]) == 12
    right = np.trace(table["counts"]) / 12
    assert right == pytest.approx(fits[0].data.metrics["accuracy"])
    with open(artifact(recorder, fits[0], "classification_report.txt", tmp_path)) as file:
        assert "precision" in file.read()


def test_the_search_has_the_best_model(recorded, clips, tmp_path):
    recorder, search, parent, _ = recorded
    assert parent.data.metrics["best_score"] == search.best_score_
    best = parent.data.tags["best.perceptronclassifier__dropout"]
    assert best == str(search.best_params_["perceptronclassifier__dropout"])
    model = joblib.load(artifact(recorder, parent, "model/model.joblib", tmp_path))
    np.testing.assert_array_equal(model.predict_proba(clips[0]), search.predict_proba(clips[0]))
    with open(artifact(recorder, parent, "cv_results.csv", tmp_path)) as file:
        assert len(file.readlines()) == 3


def test_a_continued_search_continues_its_run(recorder, make_search, clips):
    for _ in range(2):
        with recorder:
            make_search(recorder).fit(*clips)
    parents, fits = runs_of(recorder)
    assert len(parents) == 1
    assert len(fits) == 8


def test_a_run_of_the_user_stays(recorder, make_search, clips):
    mlflow.set_tracking_uri(recorder.tracking_uri)
    try:
        with mlflow.start_run() as own:
            make_search(recorder, refit=False).fit(*clips)
            assert mlflow.active_run().info.run_id == own.info.run_id
        assert mlflow.get_run(own.info.run_id).data.metrics == {}
    finally:
        mlflow.set_tracking_uri(None)


@pytest.mark.slow
@pytest.mark.xdist_group("recording processes")
def test_processes_record_in_one_database(recorder, make_search, clips, capfd):
    with recorder:
        make_search(recorder, n_jobs=2).fit(*clips)
    (parent,), fits = runs_of(recorder)
    assert len(fits) == 4
    assert {run.data.tags["mlflow.parentRunId"] for run in fits} == {parent.info.run_id}
    assert capfd.readouterr() == ("", "")


def test_a_failure_is_recorded_as_one(recorder, make_search, clips, monkeypatch):
    monkeypatch.setattr(MLflowRecorder, "_fill", lambda *_: 1 / 0)
    with pytest.warns(RuntimeWarning, match="could not be recorded"):
        make_search(recorder, refit=False).fit(*clips)
    _, fits = runs_of(recorder)
    assert {run.info.status for run in fits} == {"FAILED"}
