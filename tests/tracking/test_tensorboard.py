"""Event files of TensorBoard, read back."""

import joblib
import numpy as np
import pytest

from skaudio.tracking import TensorBoardRecorder

pytest.importorskip("tensorboard", reason="needs tensorboard")


def events(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def values(accumulator, tag):
    from tensorboard.util import tensor_util

    return {
        event.step: tensor_util.make_ndarray(event.tensor_proto).tolist()
        for event in accumulator.Tensors(tag)
    }


def test_a_search_is_a_folder_of_folders(make_search, clips, tmp_path):
    recorder = TensorBoardRecorder(tmp_path, group="dropout")
    search = make_search(recorder, return_train_score=True).fit(*clips)
    recorder.record(search)
    fits = [events(path) for path in (tmp_path / "dropout").iterdir() if path.is_dir()]
    assert len(fits) == 4
    scores = search.cv_results_
    found = sorted(values(fit, "accuracy")[0] for fit in fits)
    expected = sorted([*scores["split0_test_score"], *scores["split1_test_score"]])
    np.testing.assert_allclose(found, expected)
    found = sorted(values(fit, "train_accuracy")[0] for fit in fits)
    expected = sorted([*scores["split0_train_score"], *scores["split1_train_score"]])
    np.testing.assert_allclose(found, expected)
    for fit in fits:
        assert list(values(fit, "history/loss")) == [1, 2, 3]
        tags = fit.Tags()["tensors"]
        assert {"confusion_matrix", "classification_report"} < set(tags)
        parameters = fit.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        assert b"perceptronclassifier__dropout" in parameters
    model = joblib.load(tmp_path / "dropout" / "model.joblib")
    np.testing.assert_array_equal(model.predict_proba(clips[0]), search.predict_proba(clips[0]))
    whole = events(tmp_path / "dropout")
    assert values(whole, "best_score")[0] == pytest.approx(search.best_score_)
    assert "cv_results" in whole.Tags()["tensors"]
