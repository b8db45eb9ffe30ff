"""Exported models without TensorFlow, whole or not at all."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile

import skaudio
from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
from skaudio.detection import SoundDetector
from skaudio.exceptions import AudioError, ModelFileError
from skaudio.export import to_onnx
from skaudio.runtime import load
from skaudio.runtime._contract import FORMAT_VERSION, sealed, unsealed

# All that the runtime needs beside the standard library.
NEEDED = ("skaudio", "numpy", "av", "soxr", "lazy_loader", "wrapt", "onnxruntime")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A pipeline, its file, and clips."""
    rng = np.random.default_rng(0)
    clips = rng.normal(scale=0.1, size=(70, 4000)).astype(np.float32)
    classifier = PerceptronClassifier(epochs=2, random_state=0)
    pipeline = Pipeline([MFCCTransformer(), classifier]).fit(clips, np.arange(70) % 3)
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    to_onnx(pipeline, path)
    return pipeline, path, clips


def test_it_takes_what_the_pipeline_takes(exported, tmp_path):
    pipeline, path, clips = exported
    soundfile.write(tmp_path / "a.flac", clips[0], 16000)
    soundfile.write(tmp_path / "b.wav", np.stack([clips[1], clips[2]], axis=1)[:3000], 44100)
    recordings = [
        tmp_path / "a.flac",
        str(tmp_path / "b.wav"),
        (tmp_path / "a.flac").read_bytes(),
        (clips[3], 8000),
        clips[4][:900],
    ]
    model = load(path)
    np.testing.assert_allclose(
        model.predict_proba(recordings), pipeline.predict_proba(recordings), atol=1e-5
    )
    np.testing.assert_array_equal(model.predict(clips), pipeline.predict(clips))
    assert model.classes_.dtype.kind == "i"
    assert model.sample_rate == 16000


def test_unreadable_recordings_are_named_by_their_index(exported):
    model = load(exported[1])
    clips = list(exported[2])
    clips[65] = b"no audio"
    with pytest.raises(AudioError, match=r"X\[65\]"):
        model.predict(clips)
    with pytest.raises(ValueError, match="X is empty"):
        model.predict([])


def test_threads_share_a_model(exported):
    _, path, clips = exported
    model = load(path, n_threads=2)
    expected = model.predict_proba(clips)
    results = [None] * 4

    def predict(index):
        results[index] = model.predict_proba(clips)

    threads = [threading.Thread(target=predict, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_it_runs_where_nothing_else_is_installed(exported, tmp_path):
    """An environment of links to the packages that the runtime needs, and no others."""
    pipeline, path, clips = exported
    site = tmp_path / "site"
    site.mkdir()
    for name in NEEDED:
        package = Path(importlib.util.find_spec(name).origin).parent
        (site / name).symlink_to(package)
        libraries = package.parent / f"{name}.libs"
        if libraries.exists():
            (site / libraries.name).symlink_to(libraries)
    soundfile.write(tmp_path / "clip.flac", clips[0], 16000)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from skaudio.runtime import load\n"
        f"model, clip = load({str(path)!r}), {str(tmp_path / 'clip.flac')!r}\n"
        "from skaudio.detection import SoundDetector\n"
        "found = SoundDetector(model, threshold=0.1).detect(clip)\n"
        "import json; print(json.dumps([model.predict_proba([clip]).tolist(), len(found)]))\n"
        "for name in ('tensorflow', 'sklearn', 'scipy', 'joblib', 'librosa', 'onnx', 'tqdm'):\n"
        "    try: __import__(name)\n"
        "    except ImportError: continue\n"
        "    print(name, 'is installed')"
    )
    environment = {name: v for name, v in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    probabilities, n_found = json.loads(run.stdout)
    expected = pipeline.predict_proba([tmp_path / "clip.flac"])
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert n_found == len(SoundDetector(pipeline, threshold=0.1).detect(clips[0]))


def test_any_damage_is_found_before_anything_is_loaded(exported, tmp_path, monkeypatch):
    data = exported[1].read_bytes()
    rng = np.random.default_rng(0)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # it would be an ImportError
    path = tmp_path / "damaged.onnx"
    for case in range(1000):
        if case % 2:
            damaged = data[: rng.integers(len(data))]
        else:
            damaged = bytearray(data)
            damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match="damaged or changed since it was exported"):
            load(path)


def test_foreign_models_and_newer_formats_are_refused(exported, tmp_path):
    path = tmp_path / "model.onnx"
    model = onnx.load_from_string(unsealed(exported[1].read_bytes(), path="model"))

    def refused(message):
        path.write_bytes(sealed(model.SerializeToString()))
        with pytest.raises(ModelFileError, match=message):
            load(path)

    described = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps({**described, "format_version": FORMAT_VERSION + 1})
    refused(rf"has format version {FORMAT_VERSION + 1}.*Install a newer one")
    model.metadata_props[0].value = json.dumps({**described, "classes": ["a"]})
    refused("does not match its model")
    model.metadata_props[0].value = json.dumps({**described, "classes": 3})
    refused("classes and shape must be lists")
    model.metadata_props[0].value = "[" * 100_000
    refused("cannot be read")
    model.metadata_props[0].value = "{}"
    refused("The description of .* cannot be read")
    del model.metadata_props[:]
    refused("not one of skaudio")
    model.graph.node[0].op_type = "Nothing"
    refused("ONNX Runtime cannot load")
    model.graph.node[0].op_type = "MatMul"
    del model.graph.node[:]
    refused("ONNX Runtime cannot load")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="is not a model of skaudio"):
        load(path)


def test_later_releases_may_say_more(exported, tmp_path):
    model = onnx.load_from_string(unsealed(exported[1].read_bytes(), path="model"))
    described = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps({**described, "mood": "good"})
    (tmp_path / "model.onnx").write_bytes(sealed(model.SerializeToString()))
    assert load(tmp_path / "model.onnx").contract == load(exported[1]).contract


def test_weights_in_other_files_are_not_read(exported, tmp_path, monkeypatch):
    model = onnx.load_from_string(unsealed(exported[1].read_bytes(), path="model"))
    onnx.save(
        model, tmp_path / "m.onnx", save_as_external_data=True, location="w", size_threshold=0
    )
    model = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    (tmp_path / "model.onnx").write_bytes(sealed(model.SerializeToString()))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError, match="ONNX Runtime cannot load"):
        load("model.onnx")


def test_a_single_clip_is_not_taken_for_recordings(exported):
    model = load(exported[1])
    with pytest.raises(ValueError, match=r"shape \(n_clips, n_samples\), got \(4000,\)\. Pass a"):
        model.predict(exported[2][0])


def test_the_version_is_that_of_the_package(exported):
    assert load(exported[1]).contract.versions["skaudio"] == skaudio.__version__
