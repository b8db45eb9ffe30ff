"""Examples that the gallery does not run."""

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name):
    """Import an example without running it."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_optuna_ends_trials_early(monkeypatch):
    pytest.importorskip("optuna", reason="needs optuna")
    monkeypatch.delenv("SKAUDIO_DATA", raising=False)
    example = load("tune_with_optuna")

    def no_network(*args, **kwargs):
        raise example.DatasetError("not in tests")

    monkeypatch.setattr(example, "fetch_speech_commands", no_network)
    study = example.tune(n_clips=9, n_trials=8, epochs=4)
    states = [trial.state.name for trial in study.trials]
    epochs = [len(trial.intermediate_values) for trial in study.trials]
    assert set(states) == {"COMPLETE", "PRUNED"}
    for state, n_epochs in zip(states, epochs, strict=True):
        assert n_epochs == 4 if state == "COMPLETE" else 3 <= n_epochs <= 4
    assert study.best_trial.state.name == "COMPLETE"


# What MLflow does with SQLAlchemy 2.1.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_runs_are_recorded(tmp_path, capsys):
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow")
    pytest.importorskip("wandb", reason="needs wandb")
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    load("record_runs").main(tmp_path, n_clips=4, epochs=1)
    assert capsys.readouterr().out.count("best accuracy") == 3
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("words").experiment_id
    runs = client.search_runs([experiment])
    assert len(runs) == 5
    fits = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert all("accuracy" in run.data.metrics for run in fits)
    assert len(list(tmp_path.glob("mlflow-artifacts/words/*/artifacts/confusion_matrix.png"))) == 4
    pictures = tmp_path.glob("wandb/offline-run-*/files/media/images/confusion_matrix*.png")
    assert len(list(pictures)) == 4
    assert len(list((tmp_path / "tensorboard").glob("dropout/*/events*"))) == 4
