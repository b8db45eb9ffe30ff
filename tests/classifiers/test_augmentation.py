"""What training sees, and prediction does not."""

import pickle

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from skaudio import (
    ConvClassifier,
    FeatureAugmentation,
    KerasNetworkClassifier,
    PerceptronClassifier,
)
from skaudio._tensorflow import tf
from skaudio.architectures import PaddingMask
from skaudio.classifiers._augmentation import RandomOffset
from skaudio.classifiers._graphs import mixed

QUICK = {"epochs": 3, "learning_rate": 0.02, "random_state": 0}
NOTHING = {"time_shift": 0, "time_mask": 0, "coefficient_mask": 0, "coefficient_offset": 0}


@given(alpha=st.floats(0.01, 8), seed=st.integers(0, 1000))
def test_a_mixed_clip_lies_between_two_clips_and_nearer_its_own(alpha, seed):
    features = np.arange(12, dtype=np.float32)[:, None, None] * np.ones((1, 3, 2), np.float32)
    targets = np.eye(12, dtype=np.float32)
    weights = np.arange(1, 13, dtype=np.float32)
    X, Y, W = mixed(
        tf.constant(features), tf.constant(targets), tf.constant(weights), alpha, (seed, 1)
    )
    X, Y, W = np.asarray(X), np.asarray(Y), np.asarray(W)
    np.testing.assert_allclose(Y.sum(axis=1), 1, rtol=1e-5)
    assert ((Y > 0).sum(axis=1) <= 2).all()
    shares = Y * W[:, None] / weights
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert (np.diag(shares) >= 0.5 - 1e-5).all()
    np.testing.assert_allclose(X[:, 0, 0], shares @ np.arange(12), atol=1e-4)


def test_a_mixed_label_counts_as_much_as_its_clip():
    """The loss is the sum of what each of the two clips would add, not of cross terms."""
    rng = np.random.default_rng(0)
    features, log_p = rng.normal(size=(2, 1, 1)), np.log(rng.dirichlet(np.ones(2), 2))
    features, targets = features.astype(np.float32), np.eye(2, dtype=np.float32)
    weights = np.array([50, 1], np.float32)
    _, Y, W = mixed(*map(tf.constant, (features, targets, weights)), 8.0, (0, 1))
    _, Y1, _ = mixed(*map(tf.constant, (features, targets, np.ones(2, "f"))), 8.0, (0, 1))
    loss = -np.asarray(W) * (np.asarray(Y) * log_p).sum(axis=1)
    np.testing.assert_allclose(loss, -(np.asarray(Y1) * weights * log_p).sum(axis=1), rtol=1e-5)
    assert 0.5 < np.diag(Y1).min() < 1


@pytest.mark.parametrize(
    "changes",
    [
        {"time_shift": 0.5},
        {"time_mask": 0.9},
        {"coefficient_mask": 0.9},
        {"coefficient_offset": 2},
        {"noise_std": 1.5},
        {"mixup": 0.9},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_training_sees_it_and_prediction_does_not(changes, sequences):
    X, y = sequences
    plain = ConvClassifier(
        filters=(4,), augmentation=FeatureAugmentation(**NOTHING), dropout=0, **QUICK
    ).fit(X, y)
    none = clone(plain).set_params(augmentation=None).fit(X, y)
    np.testing.assert_array_equal(plain.predict_proba(X), none.predict_proba(X))
    augmentation = FeatureAugmentation(**{**NOTHING, **changes})
    changed = clone(plain).set_params(augmentation=augmentation).fit(X, y)
    assert changed.history_["loss"][-1] != pytest.approx(plain.history_["loss"][-1], abs=1e-4)
    # The same weights without the layer give the same answers.
    plain._state.weights[:] = changed._state.weights
    plain._state._tensors = None
    np.testing.assert_array_equal(plain.predict_proba(X), changed.predict_proba(X))


def test_offsets_are_constant_in_a_clip_and_vary_as_its_frames_do():
    rng = np.random.default_rng(0)
    root = np.array([[3, 0, 0], [0, 0.5, 0.5], [0, 0, 0]])  # of a level, and of two bands together
    clips = 5 * rng.normal(size=(3000, 1, 3)) + rng.normal(size=(3000, 40, 3)) @ root
    clips[::2, 30:] = 30  # padding, which has no part in the covariance
    clips = clips.astype(np.float32)
    layer = RandomOffset(0.5, 0, 3)
    weights = np.ones(3000)
    layer.set_statistics(clips / 2, weights, standardize=lambda features: 2 * features)
    added = np.asarray(layer(clips, training=True)) - clips
    np.testing.assert_allclose(added, np.repeat(added[:, :1], 40, axis=1), atol=1e-5)
    limited = np.array([[1, 0, 0], [0, 0.25, 0.25], [0, 0.25, 0.25]])  # the level to one
    np.testing.assert_allclose(np.cov(added[:, 0], rowvar=False), 0.25 * limited, atol=0.02)
    assert np.abs(added.mean(axis=(0, 1))).max() < 0.03
    np.testing.assert_array_equal(layer(clips), clips)


def test_offsets_weight_clips():
    rng = np.random.default_rng(0)
    clips = rng.normal(size=(20, 400, 2)).astype(np.float32) * [0.2, 0.6]
    clips[10:] = clips[10:, :, ::-1]
    layer, first = RandomOffset(1.0, 0, 2), RandomOffset(1.0, 0, 2)
    layer.set_statistics(clips, np.repeat([1, 1e-9], 10), standardize=np.asarray)
    first.set_statistics(clips[:10], np.ones(10), standardize=np.asarray)
    np.testing.assert_allclose(layer.root, first.root, atol=1e-6)


def test_offsets_are_there_when_they_are_turned_on_later(sequences):
    X, y = sequences
    none = FeatureAugmentation(**NOTHING)
    offset = FeatureAugmentation(**{**NOTHING, "coefficient_offset": 2})
    histories = []
    for augmentation in (none, offset):
        classifier = ConvClassifier(
            filters=(4,), augmentation=none, dropout=0, warm_start=True, **QUICK
        ).fit(X, y)
        histories.append(classifier.set_params(augmentation=augmentation).fit(X, y).history_)
    assert histories[0]["loss"][-1] != pytest.approx(histories[1]["loss"][-1], abs=1e-4)


def test_the_default_is_an_augmentation_with_its_defaults(sequences):
    X, y = sequences
    default = ConvClassifier(filters=(4,), **QUICK).fit(X, y)
    named = clone(default).set_params(augmentation=FeatureAugmentation()).fit(X, y)
    np.testing.assert_array_equal(default.predict_proba(X), named.predict_proba(X))


def test_single_effects_are_parameters():
    classifier = ConvClassifier().set_params(augmentation__time_mask=0.5)
    assert classifier.augmentation.time_mask == 0.5
    assert classifier.get_params()["augmentation__time_shift"] == 0.1
    assert clone(classifier).set_params(augmentation__mixup=0.2).augmentation.mixup == 0.2
    assert classifier.augmentation.mixup == 0.0
    with pytest.raises(ValueError, match=r"Use augmentation=FeatureAugmentation\(...\)"):
        PerceptronClassifier().set_params(augmentation__mixup=0.2)
    with pytest.raises(ValueError, match="Invalid parameter 'time_stretch'"):
        ConvClassifier().set_params(augmentation__time_stretch=0.2)


@pytest.mark.parametrize("name", ["time_shift", "time_mask", "coefficient_mask"])
def test_an_augmentation_is_checked_in_fit(name, sequences):
    augmentation = FeatureAugmentation(**{name: 1.5})
    with pytest.raises(ValueError, match=f"The '{name}' parameter of FeatureAugmentation must"):
        ConvClassifier(augmentation=augmentation).fit(*sequences)


@keras.saving.register_keras_serializable(package="tests")
class Doubled(keras.layers.Layer):
    """Doubles features in training."""

    def call(self, inputs, training=False):
        return 2 * inputs if training else inputs


def test_layers_of_ones_own_see_standardised_features_in_training_alone(sequences):
    X, y = sequences
    doubling = Doubled()
    settings = {"dropout": 0.0, "label_smoothing": 0.0, **QUICK}
    doubled = PerceptronClassifier(augmentation=doubling, **settings).fit(X, y)
    by_hand = PerceptronClassifier(standardize=False, **settings)
    standardised = (X - X.mean(axis=(0, 1))) / np.sqrt(X.var(axis=(0, 1)).mean())
    by_hand.fit(2 * standardised, y)
    np.testing.assert_allclose(
        doubled.predict_proba(X), by_hand.predict_proba(standardised), atol=1e-3
    )
    assert not doubling.built
    again = pickle.loads(pickle.dumps(clone(doubled).fit(X, y)))
    np.testing.assert_array_equal(again.predict_proba(X), doubled.predict_proba(X))


def test_layers_that_have_no_seed_get_one(sequences):
    X, y = sequences
    noisy = ConvClassifier(
        filters=(4,), augmentation=[keras.layers.GaussianNoise(0.5), Doubled()], **QUICK
    )
    first, second = (clone(noisy).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    plain = clone(noisy).set_params(augmentation=Doubled()).fit(X, y).predict_proba(X)
    assert np.abs(plain - first).max() > 1e-4


@keras.saving.register_keras_serializable(package="tests")
class Fading(keras.layers.Layer):
    """Makes features smaller and smaller in training."""

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(), initializer="ones", trainable=False)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        self.gain.assign(self.gain * 0.9)
        return inputs * self.gain


def test_what_a_layer_remembers_starts_anew_in_each_fit(sequences):
    X, y = sequences
    fading = ConvClassifier(filters=(4,), augmentation=Fading(), **QUICK)
    first, second = (clone(fading).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_what_is_no_layer_is_an_error(sequences):
    with pytest.raises(TypeError, match=r"'augmentation' parameter .*Got 0.5 among them"):
        ConvClassifier(augmentation=[0.5]).fit(*sequences)
    with pytest.raises(ValueError, match="must not change the shape of the features"):
        ConvClassifier(augmentation=keras.layers.Cropping1D(1)).fit(*sequences)
    with pytest.raises(ValueError, match="'augmentation' parameter of ConvClassifier"):
        ConvClassifier(augmentation="strong").fit(*sequences)


def test_partial_fit_continues_the_draws(sequences):
    X, y = sequences
    here = ConvClassifier(filters=(4,), learning_rate_schedule="constant", **QUICK)
    there = clone(here)
    expected = here.fit(X, y).predict_proba(X)
    for _ in range(3):
        there = pickle.loads(pickle.dumps(there.partial_fit(X, y)))
    np.testing.assert_allclose(there.predict_proba(X), expected, atol=1e-6)


@keras.saving.register_keras_serializable(package="tests")
class HideEnd(keras.layers.Layer):
    """Hides the last half of each clip in training."""

    def call(self, inputs, training=False):
        n_frames = inputs.shape[1]
        shown = np.arange(n_frames) < n_frames // 2
        return inputs * shown[None, :, None].astype(np.float32) if training else inputs


def by_length(input_shape, n_classes):
    """A network that sees which frames are padding, and nothing else."""
    inputs = keras.Input(input_shape)
    mask = keras.ops.cast(PaddingMask()(inputs), "float32")
    return keras.Model(inputs, keras.layers.Dense(n_classes, "softmax")(mask))


def test_hidden_frames_do_not_pass_for_padding(sequences):
    X, y = sequences
    X = X.copy()
    X[y == "b", 15:] = 0
    plain = KerasNetworkClassifier(by_length, augmentation=None, **QUICK).fit(X, y)
    hidden = clone(plain).set_params(augmentation=HideEnd()).fit(X, y)
    assert hidden.history_ == plain.history_
    assert plain.predict_proba(X)[y == "b"].std(axis=0).max() < 1e-6
    assert np.abs(plain.predict_proba(X[:1]) - plain.predict_proba(X[20:21])).max() > 0.01
