"""The named families: their papers' sizes, every input shape, saving, the layers of their own."""

import json

import numpy as np
import pytest

from skaudio._tensorflow import keras, tf
from skaudio.architectures import (
    SubSpectralNormalization,
    bc_resnet,
    crnn,
    ds_cnn,
    network_summary,
    tc_resnet,
)

FAMILIES = [crnn, ds_cnn, tc_resnet, bc_resnet]
each_family = pytest.mark.parametrize("build", FAMILIES)


def _clips(input_shape, n_clips=4):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_clips, *input_shape)).astype(np.float32)


@each_family
@pytest.mark.parametrize("input_shape", [(1, 1), (1, 5), (3, 1), (7, 13), (20, 6), (300, 80)])
def test_probabilities_for_any_shape(build, input_shape):
    model = build(input_shape, 5)
    probabilities = np.asarray(model(_clips(input_shape)))
    assert model.output_shape == (None, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)


@each_family
def test_weights_follow_from_the_seed(build):
    first, again, other = (build((20, 6), 3, seed=seed).get_weights() for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    drawn = [w for w in first if len(np.unique(w)) > 1]
    redrawn = [w for w in other if len(np.unique(w)) > 1]
    for a, b in zip(drawn, redrawn, strict=True):
        assert not np.array_equal(a, b)
    assert len({w.tobytes() for w in drawn}) == len(drawn)  # no two layers alike


@each_family
def test_a_configuration_builds_the_same_network(build):
    model = build((20, 6), 3)
    config = json.loads(json.dumps(model.get_config()))
    again = keras.Model.from_config(config)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(_clips((20, 6))), model(_clips((20, 6))))
    assert network_summary(again).macs == network_summary(model).macs


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own
@each_family
def test_a_saved_network_is_the_same(build, tmp_path):
    model = build((20, 6), 3)
    model.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(again(_clips((20, 6))), model(_clips((20, 6))))


@each_family
def test_every_weight_gets_a_gradient(build):
    model = build((20, 6), 3)
    with tf.GradientTape() as tape:
        loss = keras.ops.mean(keras.ops.log(model(_clips((20, 6)), training=True)[:, 0]))
    for weight, gradient in zip(
        model.trainable_weights, tape.gradient(loss, model.trainable_weights), strict=True
    ):
        assert gradient is not None, weight.path


@pytest.mark.parametrize("build", [ds_cnn, tc_resnet, bc_resnet])
def test_multipliers_scale_width_and_depth(build):
    sizes = {
        name: build((20, 6), 3, **{name: 2}).count_params() / build((20, 6), 3).count_params()
        for name in ("width_multiplier", "depth_multiplier")
    }
    assert 2 < sizes["width_multiplier"] < 4
    assert 1.5 < sizes["depth_multiplier"] < 3
    build((20, 6), 3, width_multiplier=0.001, depth_multiplier=0.001)  # one filter, one block


def test_ds_cnn_is_as_large_as_the_small_one_of_the_paper():
    summary = network_summary(ds_cnn((49, 10), 12, time_stride=2, coefficient_stride=2))
    positions = 25 * 5
    assert summary.macs == positions * 64 * (10 * 4 + 4 * (9 + 64)) + 64 * 12
    assert round(2 * summary.macs / 1e6, 1) == 5.3  # 5.4 M operations with the biases


@pytest.mark.parametrize(
    ("width", "depth", "thousands"), [(1, 1, 66), (1.5, 1, 145), (1, 2, 137), (1.5, 2, 305)]
)
def test_tc_resnet_is_as_large_as_in_the_paper(width, depth, thousands):
    model = tc_resnet((98, 40), 12, width_multiplier=width, depth_multiplier=depth)
    assert round(model.count_params() / 1000) == thousands


@pytest.mark.parametrize(
    ("tau", "thousands"), [(1, 9.2), (1.5, 17.2), (2, 27.3), (3, 54.2), (6, 188), (8, 321)]
)
def test_bc_resnet_is_as_large_as_in_the_paper(tau, thousands):
    summary = network_summary(bc_resnet((101, 40), 12, width_multiplier=tau, time_stride=1))
    assert summary.n_trainable_parameters / 1000 == pytest.approx(thousands, rel=0.005)


@pytest.mark.parametrize(
    ("time_stride", "kernel_size", "activation"),
    [(1, 1, "relu"), (1, 5, "sigmoid"), (2, 4, "relu"), (4, 5, "sigmoid"), (7, 4, "relu")],
)
def test_a_crnn_sees_all_frames_that_sound_and_no_others(time_stride, kernel_size, activation):
    sizes = {"time_stride": time_stride, "kernel_size": kernel_size, "activation": activation}
    sizes |= {"filters": (4, 3), "units": 4}
    clips = _clips((12, 3), 8)
    model = crnn((12, 3), 2, **sizes)
    silent = clips.copy()
    silent[:, 8:] = 5
    for n_frames in (10, 11):
        shorter = crnn((n_frames, 3), 2, **sizes)
        np.testing.assert_allclose(model(silent), shorter(silent[:, :n_frames]), atol=1e-6)
    unpadded = crnn((8, 3), 2, **sizes)
    np.testing.assert_allclose(model(silent), unpadded(clips[:, :8]), atol=1e-6)
    if kernel_size >= time_stride:  # else the filters skip frames
        changed = silent.copy()
        changed[:, 7] += 1
        differences = np.abs(np.asarray(model(silent)) - np.asarray(model(changed)))
        assert differences.min() > 1e-7


def test_padding_decides_nothing_in_the_training_of_a_crnn_either():
    clips = _clips((8, 3), 6)
    updated = []
    for n_padding in (0, 3, 8):
        model = crnn((8 + n_padding, 3), 2, filters=(4,), units=4, dropout=0)
        padded = np.pad(clips, ((0, 0), (0, n_padding), (0, 0)), constant_values=3)
        model(padded, training=True)  # moves the statistics of the normalisation
        updated.append(model.get_weights())
    for others in updated[1:]:
        for a, b in zip(updated[0], others, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("n_coefficients", [1, 4, 10, 13])
def test_sub_spectral_normalisation_is_batch_normalisation_of_each_band(n_coefficients):
    x = np.random.default_rng(0).normal(2, 3, size=(8, 7, n_coefficients, 2)).astype(np.float32)
    x *= np.arange(1, n_coefficients + 1)[:, None]
    layer = SubSpectralNormalization(3, momentum=0.9)
    in_training = np.asarray(layer(x, training=True))
    after = np.asarray(layer(x))
    bands = np.array_split(np.arange(n_coefficients), min(3, n_coefficients))
    edges = layer._band
    for band in range(len(bands)):
        chosen = edges == band
        reference = keras.layers.BatchNormalization(momentum=0.9)
        expected = np.asarray(reference(x[:, :, chosen], training=True))
        np.testing.assert_allclose(in_training[:, :, chosen], expected, atol=1e-5)
        np.testing.assert_allclose(after[:, :, chosen], reference(x[:, :, chosen]), atol=1e-4)
    sizes = np.bincount(edges)
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(edges) >= 0).all()


def test_a_frozen_sub_spectral_normalisation_stays():
    layer = SubSpectralNormalization(2)
    x = _clips((3, 4, 2))
    layer(x, training=True)
    layer.trainable = False
    before = [np.asarray(weight) for weight in layer.weights]
    layer(x, training=True)
    for weight, kept in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(weight, kept)
