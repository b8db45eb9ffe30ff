"""Networks of one's own, which are treated like skaudio's."""

import os
import pickle
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skaudio import ConvClassifier, KerasNetworkClassifier
from skaudio.architectures import convolutional
from skaudio.classifiers import _graphs

QUICK = {"epochs": 5, "learning_rate": 0.02, "random_state": 0}


def small(input_shape, n_classes, units=8, dropout=0.2):
    """Layers of Keras alone, without seeds."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv1D(units, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(dropout),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


def test_a_network_of_skaudio_is_trained_as_by_its_own_classifier(sequences):
    X, y = sequences
    own = ConvClassifier(filters=(4,), **QUICK).fit(X, y)
    same = KerasNetworkClassifier(convolutional, {"filters": (4,)}, **QUICK).fit(X, y)
    np.testing.assert_array_equal(own.predict_proba(X), same.predict_proba(X))


def test_a_seed_decides_what_keras_draws(sequences):
    X, y = sequences
    first, again = (KerasNetworkClassifier(small, **QUICK).fit(X, y) for _ in range(2))
    other = KerasNetworkClassifier(small, **{**QUICK, "random_state": 1}).fit(X, y)
    assert first.score(X, y) > 0.9
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert np.abs(first.predict_proba(X) - other.predict_proba(X)).max() > 1e-3


def test_parameters_of_the_network_are_parameters_of_the_classifier(sequences):
    X, y = sequences
    given = {"units": 4}
    classifier = KerasNetworkClassifier(small, given, **QUICK)
    assert classifier.get_params()["network_params__units"] == 4
    changed = clone(classifier).set_params(network_params__units=6, network_params__dropout=0.0)
    assert changed.network_params == {"units": 6, "dropout": 0.0}
    assert given == classifier.network_params == {"units": 4}
    search = GridSearchCV(classifier, {"network_params__units": [2, np.int64(16)]}, cv=2)
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    units = search.best_params_["network_params__units"]
    assert search.best_estimator_.model_.layers[-1].layers[0].filters == units


def test_folds_share_one_compiled_network(sequences, monkeypatch):
    X, y = sequences
    monkeypatch.setattr(_graphs, "_networks", type(_graphs._networks)())
    for seed in range(3):
        KerasNetworkClassifier(small, **{**QUICK, "random_state": seed}).fit(X[seed:], y[seed:])
    (network,) = _graphs._networks.values()
    assert len(network._updates) == 1


MODULE = """
    import keras

    @keras.saving.register_keras_serializable(package="own")
    class Scaled(keras.layers.Layer):
        def call(self, inputs):
            return 3 * inputs

    @keras.saving.register_keras_serializable(package="own")
    def halved(x):
        return x / 2

    def network(input_shape, n_classes):
        inputs = keras.Input(input_shape)
        x = keras.layers.Flatten()(Scaled()(inputs))
        x = keras.layers.Dense(4, activation=halved)(x)
        return keras.Model(inputs, keras.layers.Dense(n_classes, activation="softmax")(x))
"""
ELSEWHERE = """
import sys, pickle, numpy as np
model, X, y = pickle.load(open(sys.argv[1], "rb"))
np.save(sys.argv[2], [model.predict_proba(X), model.fit(X, y).predict_proba(X)])
"""


def test_layers_and_functions_of_ones_own_are_found_in_a_fresh_process(
    sequences, tmp_path, monkeypatch
):
    X, y = sequences
    (tmp_path / "networks_of_mine.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.syspath_prepend(tmp_path)
    from networks_of_mine import network

    model = KerasNetworkClassifier(network, **QUICK).fit(X, y)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps((model, X, y)))
    files = [str(tmp_path / name) for name in ("model.pickle", "answers.npy")]
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *files],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(np.load(files[1]), [expected, expected])


class Unregistered(keras.layers.Layer):
    """Keras does not know it by a name."""

    def call(self, inputs):
        return 2 * inputs


class WithTrainStep(keras.Model):
    """A model that wants to be trained in a way of its own."""

    def train_step(self, data):
        raise NotImplementedError


def with_train_step(input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(inputs)
    return WithTrainStep(inputs, keras.layers.Dense(n_classes, activation="softmax")(x))


def random_always(input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(inputs), training=True)
    return keras.Model(inputs, keras.layers.Dense(n_classes, activation="softmax")(x))


def two_outputs(input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, [keras.layers.Dense(n_classes, "softmax")(x) for _ in range(2)])


def adapted(input_shape, n_classes):
    layer = keras.layers.Normalization()
    layer.adapt(np.full((2, *input_shape), 5.0))
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(layer(inputs))
    return keras.Model(inputs, keras.layers.Dense(n_classes, activation="softmax")(x))


class WithCounter(keras.layers.Layer):
    """Has a weight of integers."""

    def build(self, input_shape):
        self.count = self.add_weight(shape=(), dtype="int32", initializer="ones", trainable=False)

    def call(self, inputs):
        return inputs * keras.ops.cast(self.count, "float32")


def with_integers(input_shape, n_classes):
    layers = [keras.Input(input_shape), WithCounter(), keras.layers.Flatten()]
    return keras.Sequential([*layers, keras.layers.Dense(n_classes, activation="softmax")])


def plain_function(x):
    return x / 2


def with_function(input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Dense(4, activation=plain_function)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(n_classes, activation="softmax")(x))


def not_registered(input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(Unregistered()(inputs))
    return keras.Model(inputs, keras.layers.Dense(n_classes, activation="softmax")(x))


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (lambda shape, n, width: None, ValueError, "missing a required argument: 'width'"),
        (lambda shape, n: None, TypeError, "must return a keras.Model. Got NoneType"),
        (lambda shape, n: small(shape, n + 1), ValueError, r"has shape \(2, 4\), but \(2, 3\)"),
        (
            lambda shape, n: keras.Sequential(
                [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(n)]
            ),
            ValueError,
            "must return probabilities",
        ),
        (with_function, ValueError, "register_keras_serializable"),
        (with_integers, ValueError, "must have weights of floats only"),
        (with_train_step, ValueError, "own train_step, which would not be called"),
        (adapted, ValueError, r"pass mean and variance instead of adapt\(\)"),
        (random_always, ValueError, "a layer is random in prediction, too"),
        (two_outputs, ValueError, "shape of several outputs, but"),
    ],
)
def test_a_network_that_cannot_serve_says_why(network, error, message, sequences):
    with pytest.raises(error, match=message):
        KerasNetworkClassifier(network).fit(*sequences)


def test_layers_need_not_be_registered(sequences):
    X, y = sequences
    fitted = KerasNetworkClassifier(not_registered, **QUICK).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("dtype", ["float16", "float64", "mixed_float16"])
def test_a_network_may_choose_its_types(dtype, sequences):
    def network(input_shape, n_classes):
        layers = keras.layers
        dense = layers.Dense(n_classes, "softmax", dtype=dtype)
        return keras.Sequential([keras.Input(input_shape), layers.Flatten(), dense])

    X, y = sequences
    fitted = KerasNetworkClassifier(network, **QUICK).fit(X, y)
    assert fitted.score(X, y) > 0.9
    np.testing.assert_allclose(
        fitted.model_.predict(X, verbose=0), fitted.predict_proba(X), atol=0.01
    )


def test_a_network_that_is_given_twice_learns_nothing_from_fold_to_fold(sequences):
    X, y = sequences
    network = small(X.shape[1:], 3)
    before = network.get_weights()
    classifier = KerasNetworkClassifier(lambda input_shape, n_classes: network, **QUICK)
    first, second = (classifier.fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    for weights, others in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, others)


def test_regularizers_count_in_the_loss(sequences):
    def network(input_shape, n_classes, penalty=0.0):
        layers = keras.layers
        regularizer = keras.regularizers.L2(penalty)
        dense = layers.Dense(n_classes, "softmax", kernel_regularizer=regularizer, name="dense")
        return keras.Sequential([keras.Input(input_shape), layers.Flatten(), dense])

    X, y = sequences
    sizes = [
        np.abs(
            KerasNetworkClassifier(network, {"penalty": penalty}, **QUICK)
            .fit(X, y)
            .model_.layers[-1]
            .layers[-1]
            .kernel
        ).mean()
        for penalty in (0.0, 10.0)
    ]
    assert sizes[1] < 0.2 * sizes[0]


def test_a_network_may_have_no_weights(sequences):
    def network(input_shape, n_classes):
        inputs = keras.Input(input_shape)
        pooled = keras.layers.GlobalAveragePooling1D()(inputs)[:, :n_classes]
        return keras.Model(inputs, keras.layers.Softmax()(pooled))

    X, y = sequences
    classifier = KerasNetworkClassifier(network, standardize=False, **QUICK)
    assert classifier.fit(X, y).score(X, y) > 0.9


def test_a_network_may_be_made_of_a_fitted_one(sequences):
    X, y = sequences
    first = ConvClassifier(filters=(4,), epochs=1, random_state=0).fit(X, y)

    def network(input_shape, n_classes):
        body = first.model_.layers[-1]
        body.trainable = False
        layers = [keras.Input(input_shape), body, keras.layers.Dense(n_classes, "softmax")]
        return keras.Sequential(layers)

    expected = first.predict_proba(X)
    KerasNetworkClassifier(network, **QUICK).fit(X, y).predict(X)
    np.testing.assert_array_equal(first.predict_proba(X), expected)


def test_a_parameter_that_the_network_lacks_is_named(sequences):
    classifier = KerasNetworkClassifier(small).set_params(network_params__width=3)
    with pytest.raises(ValueError, match="unexpected keyword argument 'width'"):
        classifier.fit(*sequences)
