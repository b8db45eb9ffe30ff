"""What networks cost, against sums done by hand and against TensorFlow's profiler."""

from inspect import signature

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skaudio.architectures import (
    LayerSummary,
    Standardize,
    bc_resnet,
    convolutional,
    crnn,
    ds_cnn,
    network_summary,
    perceptron,
    recurrent,
    tc_resnet,
)


def _model(*stack, shape=(7, 6)):
    return keras.Sequential([keras.Input(shape), *stack])


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (layers.Dense(5), (6,), 6 * 5),
        (layers.Dense(5), (7, 6), 7 * 6 * 5),
        (layers.Conv1D(5, 3, padding="same"), (7, 6), 7 * 3 * 6 * 5),
        (layers.Conv1D(5, 3, strides=2), (7, 6), 3 * 3 * 6 * 5),
        (layers.Conv1D(4, 3, groups=2), (7, 6), 5 * 3 * 3 * 4),
        (layers.Conv2D(5, (3, 2), dilation_rate=2), (7, 6, 4), (3 * 4) * (3 * 2) * 4 * 5),
        (layers.DepthwiseConv1D(3, depth_multiplier=2), (7, 6), 5 * 3 * 6 * 2),
        (layers.DepthwiseConv2D((3, 1)), (7, 6, 4), (5 * 6) * 3 * 4),
        (layers.SeparableConv1D(5, 3, depth_multiplier=2), (7, 6), 5 * (3 * 12 + 12 * 5)),
        (layers.SeparableConv2D(5, 3), (7, 6, 4), (5 * 4) * (9 * 4 + 4 * 5)),
        (layers.LSTM(5), (7, 6), 7 * 4 * (6 * 5 + 5 * 5)),
        (layers.GRU(5, return_sequences=True), (7, 6), 7 * 3 * (6 * 5 + 5 * 5)),
        (layers.SimpleRNN(5), (7, 6), 7 * (6 * 5 + 5 * 5)),
        (layers.Bidirectional(layers.GRU(5)), (7, 6), 2 * 7 * 3 * (6 * 5 + 5 * 5)),
        (layers.EinsumDense("...x,xy->...y", 5), (7, 6), 7 * 6 * 5),
        (layers.EinsumDense("abc,cde->abde", (7, 2, 5)), (7, 6), 7 * 6 * 2 * 5),
        (layers.EinsumDense("abcd,cde->abe", (7, 5)), (7, 2, 3), 7 * 2 * 3 * 5),
        (layers.BatchNormalization(), (7, 6), 0),
        (layers.LayerNormalization(), (7, 6), 0),
        (Standardize(), (7, 6), 0),
        (layers.MaxPooling1D(), (7, 6), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, layers.Layer) else str(value),
)
def test_multiply_accumulates_by_hand(layer, shape, macs):
    summary = network_summary(_model(layer, shape=shape))
    assert summary.macs == macs
    assert summary.n_parameters == sum(np.asarray(w).size for w in layer.weights)


def test_attention_by_hand():
    query, source = keras.Input((7, 6)), keras.Input((5, 4))
    own = layers.MultiHeadAttention(2, 3)(query, query)
    other = layers.MultiHeadAttention(2, 3, value_dim=8)(query, source)
    summary = network_summary(keras.Model([query, source], [own, other]))
    assert [layer.macs for layer in summary.layers if layer.macs] == [
        4 * 7 * 6 * 6 + 2 * 7 * 7 * 6,
        7 * 6 * 6 + 5 * 4 * 6 + 5 * 4 * 16 + 7 * 16 * 6 + 7 * 5 * (6 + 16),
    ]


def test_totals_and_layers_agree():
    model = keras.Sequential(
        [keras.Input((7, 6)), layers.BatchNormalization(), keras.Sequential([layers.Dense(3)])]
    )
    summary = network_summary(model)
    batch_normalization, dense = summary.layers
    assert isinstance(dense, LayerSummary)
    assert (dense.kind, dense.output_shape) == ("Dense", (7, 3))
    assert (dense.n_parameters, dense.macs) == (6 * 3 + 3, 7 * 6 * 3)
    assert (batch_normalization.n_parameters, batch_normalization.macs) == (4 * 6, 0)
    assert summary.n_parameters == 24 + 21
    assert summary.n_trainable_parameters == 12 + 21
    assert summary.n_bytes == 4 * 45
    lines = str(summary).splitlines()
    assert lines[-2].split() == ["total", "45", "126"]
    assert lines[-1] == "33 trainable parameters, 180 bytes"
    assert len(lines) == 7


def _multiplications_of_tensorflow(model):
    """Half the floating-point operations of matrix products and convolutions."""
    function = tf.function(lambda features: model(features, training=False))
    graph = function.get_concrete_function(
        tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    ).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    counted = 0
    for kind in ("MatMul", "Conv2D", "DepthwiseConv2dNative"):
        options |= {"account_type_regexes": [kind], "show_name_regexes": [".*"]}
        profile = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
        counted += sum(node.total_float_ops for node in _nodes(profile) if node.name == kind)
    return counted // 2


def _nodes(profile):
    yield profile
    for child in profile.children:
        yield from _nodes(child)


@pytest.mark.parametrize(
    "build",
    [
        perceptron,
        convolutional,
        lambda *shape: convolutional(*shape, conv_dim=2, filters=(4, 8)),
        ds_cnn,
        tc_resnet,
    ],
)
def test_tensorflow_counts_the_same(build):
    model = build((51, 20), 3)
    assert network_summary(model).macs == _multiplications_of_tensorflow(model)


def test_recurrent_networks_cost_by_the_frame():
    for build in (recurrent, crnn):
        once, twice = (network_summary(build((n, 6), 3)).macs for n in (20, 40))
        assert 1.9 < twice / once < 2.1
    assert network_summary(bc_resnet((20, 6), 3)).macs > 0


UNKNOWN = [
    (layers.Conv1DTranspose(3, 3), "Conv1DTranspose is not one of the supported types"),
    (layers.TimeDistributed(layers.Dense(3)), "TimeDistributed is not one of"),
    (layers.PReLU(), "PReLU is not one of"),
]
if "use_gate" in signature(layers.MultiHeadAttention).parameters:  # not in Keras 3.9
    UNKNOWN.append((layers.MultiHeadAttention(1, 2, use_gate=True), "without gates"))


@pytest.mark.parametrize(("layer", "message"), UNKNOWN)
def test_what_cannot_be_counted_is_an_error(layer, message):
    features = keras.Input((7, 6))
    is_attention = isinstance(layer, layers.MultiHeadAttention)
    outputs = layer(features, features) if is_attention else layer(features)
    with pytest.raises(ValueError, match=message):
        network_summary(keras.Model(features, outputs))


def test_products_of_two_branches_are_an_error():
    features = keras.Input((7, 6))
    with pytest.raises(ValueError, match="Dot is not one of the supported types"):
        network_summary(keras.Model(features, layers.Dot(2)([features, features])))


def test_a_layer_called_twice_is_an_error():
    features = keras.Input((7, 6))
    dense = layers.Dense(6)
    with pytest.raises(ValueError, match="is called 2 times"):
        network_summary(keras.Model(features, dense(dense(features))))


def test_an_open_shape_is_an_error():
    with pytest.raises(ValueError, match="Give the model a fixed input shape"):
        network_summary(_model(layers.LSTM(3), shape=(None, 6)))


def test_other_recurrent_cells_in_both_directions_are_an_error():
    cells = layers.RNN([layers.LSTMCell(3), layers.LSTMCell(3)])
    with pytest.raises(ValueError, match="RNN inside Bidirectional"):
        network_summary(_model(layers.Bidirectional(cells)))
