"""Networks alone: shapes, sizes, seeds, masks. No training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skaudio.architectures import (
    BatchNormalization,
    Dropout,
    PaddingMask,
    Standardize,
    TimePooling,
    convolutional,
    padding_mask,
    perceptron,
    recurrent,
    tc_resnet,
)

BUILDERS = [
    perceptron,
    convolutional,
    lambda *args, **kwargs: convolutional(*args, conv_dim=2, filters=(4, 4), **kwargs),
    recurrent,
    lambda *args, **kwargs: recurrent(*args, cell="gru", n_layers=2, **kwargs),
]


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("input_shape", [(101, 40), (1, 7), (3, 1)])
def test_probabilities_for_any_shape(build, input_shape):
    X = np.random.default_rng(0).normal(size=(4, *input_shape)).astype(np.float32)
    probabilities = np.asarray(build(input_shape, 5)(X))
    assert probabilities.shape == (4, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("build", BUILDERS)
def test_weights_follow_from_the_seed(build):
    first, again, other = (build((20, 6), 3, seed=seed).get_weights() for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    kernels = [w for w in first if w.ndim == 2 and w.shape == first[0].shape]
    assert len({w.tobytes() for w in kernels}) == len(kernels)  # no two layers alike


def test_sizes_are_what_was_asked():
    model = convolutional((101, 40), 3, filters=(8, 16), kernel_size=3, dense_units=(32,))
    # without biases, then scale, offset, mean and variance of the normalisation
    blocks = 3 * 40 * 8 + 4 * 8 + 3 * 8 * 16 + 4 * 16
    statistics = 3 * (40 + 8 + 16)  # of the features and of each block
    assert model.count_params() == blocks + (statistics * 32 + 32) + (32 * 3 + 3)
    assert perceptron((10, 4), 3, dense_units=(5,)).count_params() == 40 * 5 + 5 + 5 * 3 + 3


def test_two_axes_take_fewer_filters():
    def filters(**kwargs):
        layers = convolutional((20, 6), 3, **kwargs).layers
        return tuple(layer.filters for layer in layers if hasattr(layer, "filters"))

    assert filters() == (64, 96, 128)
    assert filters(conv_dim=2) == (24, 32, 48)
    assert filters(conv_dim=2, filters=(4,)) == (4,)


@pytest.mark.parametrize("pooling", ["statistics", "average", "max"])
@pytest.mark.parametrize("conv_dim", [1, 2])
def test_pooling_forgets_the_time_of_a_sound_and_not_its_pitch(conv_dim, pooling):
    model = convolutional(
        (24, 12), 3, conv_dim=conv_dim, filters=(4,), pool_size=1, global_pooling=pooling
    )
    clip = np.zeros((1, 24, 12), np.float32)
    clip[:, 9:12, 3:6] = np.random.default_rng(0).normal(size=(3, 3))
    for layer in model.layers:
        if isinstance(layer, PaddingMask):
            layer.mask = np.ones((1, 24), bool)  # the silence at the end, too
    probabilities, later, higher = (
        np.asarray(model(np.roll(clip, shift, axis))) for shift, axis in [(0, 1), (4, 1), (3, 2)]
    )
    np.testing.assert_allclose(later, probabilities, atol=1e-6)
    assert np.abs(higher - probabilities).max() > 1e-3


@pytest.mark.parametrize("statistic", ["average", "max", "statistics"])
def test_pooling_leaves_out_the_padding(statistic):
    clips = np.random.default_rng(0).normal(size=(3, 9, 4)).astype(np.float32)
    pool = TimePooling(statistic)
    mask = np.arange(9) < np.array([[9], [6], [1]])
    values = np.asarray(pool(clips, mask=mask))
    for row, clip, n_frames in zip(values, clips, (9, 6, 1), strict=True):
        frames = clip[:n_frames]
        expected = {
            "average": frames.mean(axis=0),
            "max": frames.max(axis=0),
            "statistics": np.r_[
                frames.mean(axis=0), np.sqrt(frames.var(axis=0) + 1e-4), frames.max(axis=0)
            ],
        }
        np.testing.assert_allclose(row, expected[statistic], atol=1e-6)
    np.testing.assert_array_equal(pool(clips), pool(clips, mask=mask | True))


def test_statistics_are_those_of_the_features_and_of_every_block():
    clips = np.random.default_rng(0).normal(size=(2, 16, 3)).astype(np.float32)
    clips[:, 10:] = 0
    model = convolutional((16, 3), 2, filters=(4, 5), dropout=0.0)
    head = keras.Model(model.input, model.layers[-1].input)
    vectors = np.asarray(head(clips))
    assert vectors.shape == (2, 3 * (3 + 4 + 5))
    # Those before the last block are scaled.
    np.testing.assert_allclose(vectors[:, :3], 0.2 * clips[:, :10].mean(axis=1), atol=1e-6)
    names = type_of(model, "MaxPooling1D")
    first, last = (keras.Model(model.input, model.get_layer(name).output) for name in names)
    of_first = np.asarray(first(clips))[:, :5]  # of two frames each
    np.testing.assert_allclose(vectors[:, 9:13], 0.2 * of_first.mean(axis=1), atol=1e-6)
    of_last = np.asarray(last(clips))[:, :3]  # of four frames each, the last of padding as well
    np.testing.assert_allclose(vectors[:, 21:26], of_last.mean(axis=1), atol=1e-6)


def type_of(model, kind):
    return [layer.name for layer in model.layers if type(layer).__name__ == kind]


@pytest.mark.parametrize("build", [convolutional, tc_resnet])
@pytest.mark.parametrize("pooling", ["statistics", "average", "max"])
def test_networks_with_each_pooling_are_rebuilt_from_their_configuration(build, pooling):
    clips = np.random.default_rng(0).normal(size=(2, 16, 3)).astype(np.float32)
    model = build((16, 3), 2, global_pooling=pooling)
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(model(clips), again(clips))


def test_padding_is_the_run_of_equal_frames_at_the_end():
    clips = np.random.default_rng(0).normal(size=(5, 6, 3)).astype(np.float32)
    clips[1, 4:] = clips[1, 4]  # two equal frames
    clips[2, 1:4] = 0  # silence in the middle
    clips[3] = 7  # silence throughout
    clips[4, 3:] = 0
    clips[4, 3:] += 1e-7 * clips[0, 3:]  # rounding
    sounding = np.asarray(padding_mask(clips)).sum(axis=1)
    assert sounding.tolist() == [6, 4, 6, 1, 3]


def test_padding_is_the_same_after_scale_and_offset():
    clips = np.random.default_rng(0).normal(size=(2, 9, 3)).astype(np.float32)
    clips[0, 5:] = clips[0, 5]
    expected = np.asarray(padding_mask(clips))
    np.testing.assert_array_equal(padding_mask(clips * [1, 50, 0.02] + 3), expected)


def test_a_single_frame_is_never_padding():
    assert np.asarray(padding_mask(np.zeros((2, 1, 4)))).all()


@pytest.mark.parametrize("offset", [0, 1e2, 1e4, -1e6])
def test_padding_is_found_at_any_offset(offset):
    clips = np.random.default_rng(0).normal(size=(5, 12, 4)).astype(np.float32)
    clips *= max(1, abs(offset) * 1e-4)  # what single precision can tell apart there
    clips[:, 9:] = clips[:, 9:10]
    expected = np.arange(12) < 9
    np.testing.assert_array_equal(padding_mask(clips + np.float32(offset)), [expected] * 5)


def test_a_mask_that_is_set_is_used():
    clips = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    clips[:, 3:] = 0
    given = np.array([[True, False, True, True, True]] * 2)
    np.testing.assert_array_equal(PaddingMask()(clips), padding_mask(clips))
    layer = PaddingMask(2)
    layer.mask = given
    np.testing.assert_array_equal(layer(clips), given[:, ::2])


def test_a_recurrent_network_sees_all_frames_that_sound_and_no_others():
    rng = np.random.default_rng(0)
    clips = rng.normal(size=(8, 12, 3)).astype(np.float32)
    for pooling in ("average", "last"):
        model = recurrent((12, 3), 2, units=4, recurrent_pooling=pooling)
        changed = clips.copy()
        changed[:, 6] += 1
        assert (np.abs(np.asarray(model(clips)) - np.asarray(model(changed))) > 1e-6).all()
        silent = clips.copy()
        silent[:, 8:] = 0
        ten = recurrent((10, 3), 2, units=4, recurrent_pooling=pooling)
        np.testing.assert_allclose(model(silent), ten(silent[:, :10]), atol=1e-6)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_is_that_of_keras(rate):
    values = np.random.default_rng(0).normal(size=(8, 5, 6, 16)).astype(np.float32)
    pairs = [
        (Dropout(rate, seed=3), keras.layers.Dropout(rate, seed=3)),
        (
            Dropout(rate, seed=3, noise_shape=(None, 1, 1, None)),
            keras.layers.SpatialDropout2D(rate, seed=3),
        ),
    ]
    for ours, theirs in pairs:
        for _ in range(2):  # drawn anew each time
            np.testing.assert_allclose(
                ours(values, training=True), theirs(values, training=True), rtol=1e-6
            )
        np.testing.assert_array_equal(ours(values), values)


@pytest.mark.parametrize("rate", [-0.1, 1, 30])
def test_dropout_takes_shares_alone(rate):
    with pytest.raises(ValueError, match=f"less than 1, got {rate}"):
        convolutional((8, 3), 2, dropout=rate)


@pytest.mark.parametrize("shape", [(8, 3), (6, 5, 3), (4, 5, 6, 3), (1, 1, 3), (1, 2, 3)])
def test_batch_normalization_is_that_of_keras(shape):
    rng = np.random.default_rng(0)
    ours, theirs = BatchNormalization(), keras.layers.BatchNormalization(momentum=0.9)
    weights = [rng.normal(1, 0.1, 3).astype(np.float32) for _ in range(2)]
    for layer in (ours, theirs):
        layer.build((None, *shape[1:]))
        layer.set_weights([*weights, np.zeros(3), np.ones(3)])

    @tf.function
    def step(layer, values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = layer(values, training=True)
            loss = tf.reduce_sum(outputs * tf.cos(tf.range(3, dtype=tf.float32) + outputs))
        return outputs, *tape.gradient(loss, [values, layer.gamma, layer.beta])

    for _ in range(2):  # the moving statistics move on
        values = keras.ops.convert_to_tensor(rng.normal(2, 3, size=shape).astype(np.float32))
        results = []
        for layer in (ours, theirs):
            outputs = step(layer, values)
            results.append([*outputs, *layer.get_weights(), layer(values)])
        for mine, reference in zip(*results, strict=True):
            np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("settings", [{"trainable": False}, {"dtype": "mixed_float16"}])
def test_batch_normalization_frozen_or_in_another_type_is_that_of_keras(settings):
    values = np.random.default_rng(0).normal(2, 3, size=(4, 6, 3)).astype(np.float32)
    layers = (
        BatchNormalization(**settings),
        keras.layers.BatchNormalization(momentum=0.9, **settings),
    )
    ours, theirs = (layer(values, training=True) for layer in layers)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)
    for mine, reference in zip(*(layer.get_weights() for layer in layers), strict=True):
        np.testing.assert_array_equal(mine, reference)


def test_batch_normalization_does_not_look_behind_a_mask():
    values = np.random.default_rng(0).normal(2, 3, size=(4, 6, 3)).astype(np.float32)
    mask = np.arange(6) < np.array([[6], [4], [2], [1]])
    layers = BatchNormalization(), BatchNormalization()
    inputs = values, np.where(mask[:, :, None], values, 9)
    one, other = (
        layer(x, mask=mask, training=True)[mask] for layer, x in zip(layers, inputs, strict=True)
    )
    np.testing.assert_allclose(one, other, rtol=1e-5)
    assert np.abs(layers[0].moving_mean).min() > 0
    for a, b in zip(*(layer.get_weights() for layer in layers), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_a_saved_batch_normalization_comes_back():
    layer = BatchNormalization(momentum=0.5, epsilon=0.1, name="norm")
    again = BatchNormalization.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.momentum, again.epsilon, again.name) == (0.5, 0.1, "norm")


@pytest.mark.parametrize("per_coefficient", [False, True])
def test_standardize_learns_from_the_frames_that_sound(per_coefficient):
    rng = np.random.default_rng(0)
    clips = rng.normal([5, 5, 0], [3, 3, 0.3], size=(50, 12, 3)).astype(np.float32)
    clips[:, :, 1] = 4  # constant: says nothing
    padded = np.concatenate([clips, np.full((50, 8, 3), -500, np.float32)], axis=1)
    layer = Standardize()
    layer.build(padded.shape)
    layer.set_statistics(padded, per_coefficient=per_coefficient)
    sound = np.asarray(layer(clips))
    np.testing.assert_allclose(sound.mean(axis=(0, 1)), 0, atol=1e-4)
    np.testing.assert_array_equal(sound[:, :, 1], 0)
    deviation = sound[:, :, [0, 2]].std(axis=(0, 1))
    if per_coefficient:
        np.testing.assert_allclose(deviation, 1, atol=1e-4)
    else:
        own = clips[:, :, [0, 2]].std(axis=(0, 1))
        np.testing.assert_allclose(deviation, own / np.sqrt(np.mean(own**2)), rtol=1e-4)


@pytest.mark.parametrize("per_coefficient", [False, True])
def test_standardize_makes_nothing_of_nothing(per_coefficient):
    clips = np.full((3, 5, 2), 7, np.float32)
    layer = Standardize()
    layer.build(clips.shape)
    layer.set_statistics(clips, per_coefficient=per_coefficient)
    np.testing.assert_array_equal(np.asarray(layer(clips)), 0)
