"""Files of Weights & Biases, written without a network and read back."""

import json
import struct
import time
from collections import defaultdict

import joblib
import numpy as np
import pytest

from skaudio.tracking import WandbRecorder

wandb = pytest.importorskip("wandb", reason="needs wandb")


@pytest.fixture
def recorder(tmp_path):
    return WandbRecorder("words", group="dropout", folder=tmp_path)


def records(path):
    """Read the records of a file, which has the format of LevelDB's logs."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, at, data = path.read_bytes(), 7, b""
    while at + 7 <= len(content):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + 7])
        data += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or its last part
            record = Record()
            record.ParseFromString(data)
            yield record
            data = b""


def complete(path):
    """Read the records of a run that has ended; the last ones are written shortly after."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = list(records(path))
        if any(record.WhichOneof("record_type") == "exit" for record in found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{path} has no end")


def runs_of(folder):
    """Read all runs: their identity, configuration, history and summary."""
    runs = defaultdict(lambda: {"config": {}, "history": defaultdict(list), "summary": {}})
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        run = runs[path.stem.removeprefix("run-")]
        run["files"] = path.parent / "files"
        for record in complete(path):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                run.update(
                    group=record.run.run_group, job=record.run.job_type or run.get("job", "")
                )
                for item in record.run.config.update:
                    run["config"][item.key] = json.loads(item.value_json)
            for item in record.history.item if kind == "history" else ():
                run["history"]["/".join(item.nested_key)].append(json.loads(item.value_json))
            for item in record.summary.update if kind == "summary" else ():
                run["summary"][item.key] = json.loads(item.value_json)
    return runs


def test_a_search_is_a_group_of_runs(recorder, make_search, clips, tmp_path, capfd):
    with recorder:
        search = make_search(recorder, return_train_score=True).fit(*clips)
        recorder.record(search)
    assert capfd.readouterr() == ("", "")
    runs = runs_of(tmp_path)
    assert {run["group"] for run in runs.values()} == {"dropout"}
    fits = [run for run in runs.values() if run["job"] == "fit"]
    (whole,) = [run for run in runs.values() if run["job"] == "search"]
    assert len(fits) == 4

    scores = search.cv_results_
    found = sorted(run["summary"]["accuracy"] for run in fits)
    assert found == sorted([*scores["split0_test_score"], *scores["split1_test_score"]])
    training = {
        run["config"]["fit"]: run["summary"]["train_accuracy"]
        for run in runs.values()
        if run["job"] == "training scores"
    }
    assert training.keys() == {name for name, run in runs.items() if run in fits}
    found = sorted(training.values())
    assert found == sorted([*scores["split0_train_score"], *scores["split1_train_score"]])
    rates = [run["config"]["perceptronclassifier__dropout"] for run in fits]
    assert sorted(rates) == ["0.0", "0.0", "0.5", "0.5"]
    assert len({run["config"]["held_out"] for run in fits}) == 2
    for run in fits:
        assert run["history"]["epoch"] == [1, 2, 3]
        assert len(run["history"]["history/loss"]) == 3
        media = run["files"].rglob("media/*/*")
        assert {path.suffix for path in media} == {".png", ".json", ".html"}

    assert whole["summary"]["best_score"] == search.best_score_
    model = joblib.load(whole["files"] / "model.joblib")
    np.testing.assert_array_equal(model.predict_proba(clips[0]), search.predict_proba(clips[0]))


def test_a_run_of_the_user_stays(recorder, make_search, clips, tmp_path):
    settings = wandb.Settings(silent=True, console="off")
    with wandb.init(project="own", dir=tmp_path, mode="offline", settings=settings) as own:
        make_search(recorder, refit=False).fit(*clips)
        assert wandb.run is own
    assert len(runs_of(tmp_path)) == 5


@pytest.mark.slow
@pytest.mark.xdist_group("recording processes")
def test_processes_record_in_one_folder(recorder, make_search, clips, tmp_path):
    make_search(recorder, n_jobs=2, refit=False).fit(*clips)
    assert len(runs_of(tmp_path)) == 4
