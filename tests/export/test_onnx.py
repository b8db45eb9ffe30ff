"""Exported files compute what the pipeline computes."""

import logging

import numpy as np
import onnx
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudio import (
    BCResNetClassifier,
    ConvClassifier,
    CRNNClassifier,
    DistilledClassifier,
    DSCNNClassifier,
    EmbeddingTransformer,
    GRUClassifier,
    KerasNetworkClassifier,
    LogMelTransformer,
    LSTMClassifier,
    MFCCTransformer,
    PCENTransformer,
    PerceptronClassifier,
    Pipeline,
    PrototypeClassifier,
    TCResNetClassifier,
    UnknownRejector,
    WaveformAugmenter,
    _tensorflow,
)
from skaudio._tensorflow import keras
from skaudio.exceptions import ExportError
from skaudio.export import to_litert, to_onnx
from skaudio.export._front_end import FrontEnd
from skaudio.runtime import load

QUICK = {"epochs": 1, "random_state": 0}


def attention(input_shape, n_classes):
    """A network that none of skaudio's is like."""
    layers = keras.layers
    inputs = x = keras.Input(input_shape)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(n_classes, activation="softmax")(x))


def inexpressible(input_shape, n_classes):
    """A network with an operation that ONNX has not."""
    layers = keras.layers
    inputs = keras.Input(input_shape)
    numbers = keras.ops.cast(inputs, "int32")
    bits = keras.ops.bitwise_and(numbers, keras.ops.ones_like(numbers))
    x = layers.Flatten()(inputs + keras.ops.cast(bits, "float32"))
    return keras.Model(inputs, layers.Dense(n_classes, activation="softmax")(x))


LABELS = np.array(["a", "b", "c"] * 4)


@pytest.mark.parametrize(
    "transformer",
    [
        MFCCTransformer(),
        MFCCTransformer(norm=None, lifter=22, dct_type=3, top_db=None, n_fft=400, hop_length=97),
        MFCCTransformer(delta_order=2, normalize="mean_var", center=False, window="boxcar"),
        LogMelTransformer(top_db=30, fmin=300, fmax=4000, n_mels=12, normalize="mean"),
        LogMelTransformer(sample_rate=8000, n_fft=301, win_length=200, n_mels=20, delta_order=1),
        PCENTransformer(),
        PCENTransformer(gain=0.5, bias=1.0, power=0.3, time_constant=0.1, normalize="mean_var"),
    ],
)
def test_front_ends_equal_those_of_the_transformers(transformer, clips):
    expected = transformer.fit(clips).transform(clips)
    waveforms = np.pad(clips, ((0, 0), (0, transformer.n_samples_ - clips.shape[1])))
    features = np.asarray(FrontEnd(transformer._extractor())(waveforms))
    assert features.shape == expected.shape
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    "classifier",
    [
        BCResNetClassifier(depth_multiplier=0.25, **QUICK),
        ConvClassifier(filters=(8, 8), **QUICK),
        ConvClassifier(filters=(8, 8), conv_dim=2, global_pooling=None, dense_units=8, **QUICK),
        CRNNClassifier(filters=(4,), units=8, **QUICK),
        DSCNNClassifier(depth_multiplier=0.25, **QUICK),
        GRUClassifier(units=8, **QUICK),
        KerasNetworkClassifier(attention, **QUICK),
        LSTMClassifier(units=8, bidirectional=False, n_layers=2, **QUICK),
        PerceptronClassifier(dense_units=8, **QUICK),
        TCResNetClassifier(global_pooling="statistics", **QUICK),
    ],
)
def test_files_equal_pipelines(classifier, clips, tmp_path):
    pipeline = Pipeline([MFCCTransformer(), classifier]).fit(clips, LABELS)
    export = to_onnx(pipeline, tmp_path / "model.onnx", X=clips)
    assert export.n_clips == 12
    assert export.largest_difference < 1e-5
    assert export.n_bytes == (tmp_path / "model.onnx").stat().st_size
    model = load(tmp_path / "model.onnx")
    np.testing.assert_allclose(model.predict_proba(clips), pipeline.predict_proba(clips), atol=1e-5)
    np.testing.assert_array_equal(model.predict(clips), pipeline.predict(clips))


def test_only_standard_operators_and_no_layer_for_training(clips, tmp_path):
    pipeline = Pipeline([MFCCTransformer(), ConvClassifier(filters=(4,), **QUICK)])
    to_onnx(pipeline.fit(clips, LABELS), tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    operators = {node.op_type for node in model.graph.node}
    assert {node.domain for node in model.graph.node} == {""}
    assert not operators & {"Loop", "If", "Scan", "Dropout", "RandomUniform", "STFT", "DFT"}
    batch, n_samples = model.graph.input[0].type.tensor_type.shape.dim
    assert (batch.dim_param, n_samples.dim_value) == ("n_clips", 6400)


@pytest.mark.parametrize("knows_others", [False, True])
def test_the_threshold_is_inside(knows_others, clips, tmp_path):
    labels = np.where(LABELS == "c", "unknown", LABELS) if knows_others else LABELS
    pipeline = Pipeline([MFCCTransformer(), ConvClassifier(filters=(4,), **QUICK)])
    pipeline.fit(clips, labels)
    rejector = UnknownRejector(pipeline, keep=0.5, cv="prefit", refit=False).fit(clips, labels)
    to_onnx(rejector, tmp_path / "model.onnx", X=clips)
    model = load(tmp_path / "model.onnx")
    expected = rejector.predict(clips)
    assert {"unknown"} < set(expected)
    np.testing.assert_array_equal(model.predict(clips), expected)
    np.testing.assert_allclose(model.predict_proba(clips), rejector.predict_proba(clips), atol=1e-5)


def test_a_known_class_without_held_out_clips_is_not_unknown(clips, tmp_path):
    pipeline = Pipeline([MFCCTransformer(), ConvClassifier(filters=(4,), **QUICK)])
    pipeline.fit(clips, LABELS)
    labels = np.array(["a", "b"] * 6)  # none of "c"
    rejector = UnknownRejector(pipeline, keep=1.0, cv="prefit", refit=False).fit(clips, labels)
    rejector.threshold_ -= 0.01  # rounding may reject a clip with just this score
    to_onnx(rejector, tmp_path / "model.onnx", X=clips)
    expected = rejector.predict(clips)
    assert "c" in pipeline.predict(clips)
    assert set(expected) <= {"a", "b"}
    np.testing.assert_array_equal(load(tmp_path / "model.onnx").predict(clips), expected)


def test_another_threshold_is_found(clips, tmp_path, monkeypatch):
    pipeline = Pipeline([MFCCTransformer(), ConvClassifier(filters=(4,), **QUICK)])
    pipeline.fit(clips, LABELS)
    rejector = UnknownRejector(pipeline, keep=0.5, cv="prefit", refit=False).fit(clips, LABELS)
    monkeypatch.setattr(UnknownRejector, "predict", lambda self, X: np.repeat("a", len(X)))
    with pytest.raises(ExportError, match=r"other labels than UnknownRejector for \d+ of 12"):
        to_onnx(rejector, tmp_path / "model.onnx", X=clips)
    assert not list(tmp_path.iterdir())


def test_labels_and_windows_of_numpys_types(clips, tmp_path):
    X = np.random.default_rng(0).normal(size=(12, 9)).astype(np.float32)
    classifier = PerceptronClassifier(**QUICK)
    for labels in (np.arange(12) % 2, np.arange(12) % 2 == 1, np.arange(12) % 2 + 0.0):
        to_onnx(classifier.fit(X, labels), tmp_path / "model.onnx")
        predicted = load(tmp_path / "model.onnx").predict(X)
        assert predicted.dtype == labels.dtype
        np.testing.assert_array_equal(predicted, classifier.predict(X))
    window = list(np.hanning(480).astype(np.float32))
    pipeline = Pipeline([MFCCTransformer(window=window), PerceptronClassifier(**QUICK)])
    pipeline.fit(clips, np.arange(12) % 2)
    rejector = UnknownRejector(pipeline, unknown_label=np.int64(9), cv="prefit", refit=False)
    to_onnx(rejector.fit(clips, np.arange(12) % 2), tmp_path / "model.onnx")
    assert load(tmp_path / "model.onnx").contract.unknown_label == 9


def test_networks_that_onnx_cannot_express_are_named(clips, tmp_path):
    pipeline = Pipeline([MFCCTransformer(), KerasNetworkClassifier(inexpressible, **QUICK)])
    pipeline.fit(clips, LABELS)
    with pytest.raises(ExportError, match="KerasNetworkClassifier could not be exported; no file"):
        to_onnx(pipeline, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_paths_are_checked_first(clips, tmp_path):
    unfitted = MFCCTransformer()
    with pytest.raises(FileNotFoundError, match=r"The folder of .*model\.onnx does not exist"):
        to_onnx(unfitted, tmp_path / "nowhere" / "model.onnx")
    with pytest.raises(IsADirectoryError, match=r"is a folder\. Name the file"):
        to_onnx(unfitted, tmp_path)


def test_searches_samplers_students_and_scikit_learns_pipelines(clips, tmp_path):
    classifier = PerceptronClassifier(**QUICK)
    estimators = [
        make_pipeline(MFCCTransformer(), classifier),
        Pipeline([WaveformAugmenter(random_state=0), MFCCTransformer(), classifier]),
        GridSearchCV(
            Pipeline([MFCCTransformer(), classifier]), {"mfcctransformer__n_mfcc": [9]}, cv=2
        ),
        DistilledClassifier(
            Pipeline([MFCCTransformer(), classifier]), Pipeline([MFCCTransformer(), classifier])
        ),
    ]
    for estimator in estimators:
        export = to_onnx(estimator.fit(clips, LABELS), tmp_path / "model.onnx", X=clips)
        assert export.largest_difference < 1e-5


@pytest.mark.parametrize("shape", [(20, 6), (9,)])
def test_a_classifier_alone_takes_features(shape, tmp_path):
    X = np.random.default_rng(0).normal(3, 2, size=(12, *shape)).astype(np.float32)
    classifier = PerceptronClassifier(**QUICK).fit(X, np.arange(12) % 2)
    to_onnx(classifier, tmp_path / "model.onnx")
    model = load(tmp_path / "model.onnx")
    assert (model.contract.input, model.sample_rate) == ("features", None)
    np.testing.assert_allclose(model.predict_proba(X), classifier.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(model.predict(X), classifier.predict(X))
    with pytest.raises(ValueError, match=r"Expected an array of shape \(n_clips, .* got \(12, 1"):
        model.predict(X.reshape(12, 1, -1, 1))
    with pytest.raises(ValueError, match=r"Expected features of shape \(n_clips, .* got \(11, "):
        model.predict(X[1:, 1:])
    with pytest.raises(ValueError, match="The features contain NaN or infinity"):
        model.predict(np.full_like(X, np.nan))


def test_the_file_says_what_it_is(clips, tmp_path):
    transformer = MFCCTransformer(n_mfcc=13, duration=0.25, memory=tmp_path / "store")
    pipeline = Pipeline([transformer, ConvClassifier(filters=(4,), **QUICK)]).fit(clips, LABELS)
    to_onnx(pipeline, tmp_path / "model.onnx")
    contract = load(tmp_path / "model.onnx").contract
    assert contract.classes == ["a", "b", "c"]
    assert (contract.input, contract.shape, contract.sample_rate) == ("waveforms", [4000], 16000)
    assert contract.front_end["name"] == "MFCCTransformer"
    assert (contract.front_end["n_mfcc"], contract.front_end["hop_length"]) == (13, 160)
    assert "memory" not in contract.front_end
    assert contract.network["n_parameters"] == pipeline[-1].network_summary_.n_parameters
    assert contract.training["n_epochs"] == 1
    assert contract.training["loss"] == pipeline[-1].history_["loss"][-1]
    assert {"skaudio", "tensorflow"} <= set(contract.versions)


@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        (MFCCTransformer(align="trim"), ValueError, r"align='trim' of MFCCTransformer cannot be"),
        (MFCCTransformer(loudness=-23), ValueError, "loudness=-23 of MFCCTransformer cannot be"),
        (EmbeddingTransformer(pooling="mean"), TypeError, "EmbeddingTransformer cannot be export"),
    ],
)
def test_what_cannot_be_exported_is_named(step, error, message, clips, tmp_path):
    pipeline = Pipeline([step, PerceptronClassifier(**QUICK)]).fit(clips, LABELS)
    with pytest.raises(error, match=message):
        to_onnx(pipeline, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_other_classifiers_and_steps_are_named(clips, tmp_path):
    features = MFCCTransformer().fit_transform(clips).mean(axis=1)
    with pytest.raises(TypeError, match=r"PrototypeClassifier cannot be exported\. Expected a fit"):
        to_onnx(PrototypeClassifier().fit(features, LABELS), tmp_path / "model.onnx")
    between = make_pipeline(StandardScaler(), PerceptronClassifier(**QUICK)).fit(features, LABELS)
    with pytest.raises(TypeError, match="StandardScaler cannot be exported"):
        to_onnx(between, tmp_path / "model.onnx")


def test_a_file_that_computes_something_else_is_not_left(clips, tmp_path, monkeypatch):
    pipeline = Pipeline([MFCCTransformer(), ConvClassifier(filters=(4,), **QUICK)])
    pipeline.fit(clips, LABELS)
    (tmp_path / "model.onnx").write_bytes(b"an earlier one")
    real = type(pipeline).predict_proba
    monkeypatch.setattr(type(pipeline), "predict_proba", lambda self, X: real(self, X) + 2e-4)
    with pytest.raises(ExportError, match=r"differ by up to 0\.0002 from those of Pipeline"):
        to_onnx(pipeline, tmp_path / "model.onnx", X=clips)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"an earlier one"]


def test_nothing_is_printed_and_loggers_stay(clips, tmp_path, capfd, monkeypatch):
    # As if skaudio had imported TensorFlow: another test may have done so.
    monkeypatch.setattr(_tensorflow, "_CATCHES", True)
    pipeline = Pipeline([MFCCTransformer(), GRUClassifier(units=4, **QUICK)]).fit(clips, LABELS)
    capfd.readouterr()
    to_onnx(pipeline, tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("tf2onnx").disabled


@pytest.mark.parametrize(("write", "suffix"), [(to_onnx, ".onnx"), (to_litert, ".tflite")])
def test_convolutions_of_integers(tones, tmp_path, write, suffix):
    clips, labels = tones
    classifier = ConvClassifier(filters=(64, 256, 256), epochs=5, random_state=0)
    pipeline = Pipeline([MFCCTransformer(n_mfcc=13), classifier]).fit(clips, labels)
    made = write(pipeline, tmp_path / f"model{suffix}", X=clips, y=labels, quantize="int8")
    # A byte for each, and the matrices of the features; with floats it would be more than four.
    assert made.n_bytes < 3 * pipeline[-1].model_.count_params()
    assert made.agreement > 0.9
    assert made.accuracy > 0.9
    assert made.estimator_accuracy == pipeline.score(clips, labels)
    assert 0 < made.largest_difference < 0.3


def test_the_file_of_integers_has_standard_operators_and_says_what_it_is(tones, tmp_path):
    clips, labels = tones
    classifier = ConvClassifier(filters=(8,), epochs=1, random_state=0)
    pipeline = Pipeline([MFCCTransformer(n_mfcc=13), classifier]).fit(clips, labels)
    made = to_onnx(pipeline, tmp_path / "model.onnx", X=clips, quantize="int8")
    model = onnx.load(made.path)
    assert [operators.domain for operators in model.opset_import] == [""]
    assert {node.domain for node in model.graph.node} == {""}
    quantized = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    assert quantized
    assert not any("front_end" in node.name for node in quantized)
    contract = load(made.path).contract
    assert contract.network["quantization"] == "int8"
    assert contract.training["class_counts"] == [15, 15]


@pytest.mark.parametrize(
    ("classifier", "options", "message"),
    [
        (LSTMClassifier(units=2, epochs=1), {"quantize": "int8"}, "LSTMClassifier is recurrent"),
        (PerceptronClassifier(epochs=1), {"quantize": "int8"}, "has no convolution"),
        (ConvClassifier(filters=4, epochs=1), {"quantize": "int4"}, "must be 'int8' or None"),
        (ConvClassifier(filters=4, epochs=1), {"quantize": "int8", "X": None}, "needs X"),
        (ConvClassifier(filters=4, epochs=1), {"X": None, "y": ["a"]}, "pass X, too"),
    ],
)
def test_what_cannot_be_quantized_is_refused(sequences, tmp_path, classifier, options, message):
    X, y = sequences
    classifier = clone(classifier).fit(X, y)
    with pytest.raises(ValueError, match=message):
        to_onnx(classifier, tmp_path / "model.onnx", **{"X": X, **options})
    assert list(tmp_path.iterdir()) == []
