"""LiteRT files compute what the pipeline computes."""

import json
import zipfile
from functools import partial

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from skaudio import (
    ConvClassifier,
    GRUClassifier,
    MFCCTransformer,
    Pipeline,
    UnknownRejector,
    _tensorflow,
)
from skaudio.exceptions import ExportError
from skaudio.export import _litert, to_litert
from skaudio.runtime import Contract

QUICK = {"epochs": 1, "random_state": 0}
LABELS = np.array(["a", "b", "c"] * 4)


def test_files_equal_pipelines(clips, tmp_path, capfd, monkeypatch):
    # As if skaudio had imported TensorFlow: another test may have done so.
    monkeypatch.setattr(_tensorflow, "_CATCHES", True)
    pipeline = Pipeline([MFCCTransformer(), ConvClassifier(filters=(4,), **QUICK)])
    pipeline.fit(clips, LABELS)
    rejector = UnknownRejector(pipeline, keep=0.5, cv="prefit", refit=False).fit(clips, LABELS)
    path = tmp_path / "model.tflite"
    capfd.readouterr()
    export = to_litert(rejector, path, X=clips)
    assert capfd.readouterr() == ("", "")
    assert (export.n_clips, export.n_bytes) == (12, path.stat().st_size)
    assert export.largest_difference < 1e-5
    assert list(tmp_path.iterdir()) == [path]

    run = partial(Interpreter(str(path)).get_signature_runner(), waveforms=clips[3][None])
    assert run()["probabilities"] == pytest.approx(rejector.predict_proba(clips[3:4]), abs=1e-5)
    label = "unknown" if run()["index"] < 0 else rejector.classes_[run()["index"][0]]
    assert label == rejector.predict(clips[3:4])[0]

    described = zipfile.ZipFile(path).read("skaudio.json").decode()
    contract = Contract.from_json(described, path="model.tflite")
    assert contract.threshold == rejector.threshold_
    assert "ai-edge-litert" in json.loads(described)["versions"]


def test_a_classifier_alone_takes_features(tmp_path):
    X = np.random.default_rng(0).normal(3, 2, size=(12, 20, 6)).astype(np.float32)
    classifier = GRUClassifier(units=4, **QUICK).fit(X, LABELS)
    assert to_litert(classifier, tmp_path / "model.tflite", X=X).largest_difference < 1e-5


def test_a_failed_conversion_says_why_and_leaves_nothing(clips, tmp_path, monkeypatch):
    pipeline = Pipeline([MFCCTransformer(), ConvClassifier(filters=(4,), **QUICK)])
    pipeline.fit(clips, LABELS)
    monkeypatch.setattr(_litert, "_CONVERT", "raise SystemExit('no such operator')")
    with pytest.raises(ExportError, match=r"exit code 1.*\n.*no such operator"):
        to_litert(pipeline, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())
