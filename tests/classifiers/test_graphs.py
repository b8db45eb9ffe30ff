"""Compiled networks are shared by classifiers of one design, and nothing else of them is."""

import gc
import threading
import weakref

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict

from skaudio import ConvClassifier, FeatureAugmentation, LSTMClassifier, PerceptronClassifier
from skaudio.classifiers import _graphs
from skaudio.classifiers._graphs import CompiledNetwork

CLASSIFIER = ConvClassifier(filters=(4,), epochs=2, random_state=0)


@pytest.fixture
def compilations(monkeypatch):
    """The graphs compiled during a test, which starts with none."""
    monkeypatch.setattr(_graphs, "_networks", type(_graphs._networks)())
    counted = []
    for name, method in (("train", "Update.__init__"), ("predict", "CompiledNetwork._trace")):
        owner, attribute = method.split(".")
        original = getattr(getattr(_graphs, owner), attribute)

        def counting(*args, _original=original, _name=name, **kwargs):
            counted.append(_name)
            return _original(*args, **kwargs)

        monkeypatch.setattr(getattr(_graphs, owner), attribute, counting)
    return counted


def test_folds_and_seeds_are_compiled_once(compilations, sequences):
    X, y = sequences
    for seed in range(3):
        for part in (slice(None), slice(0, 60, 2)):
            clone(CLASSIFIER).set_params(random_state=seed).fit(X[part], y[part]).predict(X)
    assert sorted(compilations) == ["predict", "train"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"learning_rate": 0.1}, []),
        ({"epochs": 3, "batch_size": 7, "label_smoothing": 0.0}, []),
        ({"learning_rate_schedule": "constant"}, []),
        ({"class_weight": "balanced", "early_stopping": True}, []),
        ({"optimizer": "sgd"}, ["train"]),
        ({"augmentation__mixup": 0.2}, ["train"]),
        ({"augmentation__time_mask": 0.5}, []),
        ({"augmentation__time_mask": 0.0}, ["train"]),
        ({"augmentation": None}, ["train"]),
        ({"augmentation": FeatureAugmentation()}, []),
        ({"weight_decay": 0.1}, []),
        ({"weight_decay": 0.0}, []),
        ({"standardize": "per_coefficient"}, []),
        ({"dropout": 0.5}, []),
        ({"dropout": 0.0}, ["predict", "train"]),
        ({"conv_dropout": 0.5}, ["predict", "train"]),
    ],
)
def test_only_what_changes_the_graph_compiles_again(parameters, expected, compilations, sequences):
    X, y = sequences
    clone(CLASSIFIER).fit(X, y).predict(X)
    compilations.clear()
    clone(CLASSIFIER).set_params(**parameters).fit(X, y).predict(X)
    assert sorted(compilations) == expected


def test_each_drops_its_own_share(compilations, sequences):
    """One compiled network trains at every rate, whatever was trained before."""
    X, y = sequences
    alone, other = (clone(CLASSIFIER).set_params(dropout=rate).fit(X, y) for rate in (0.5, 0.1))
    again = clone(alone).fit(X, y)
    assert compilations == ["train"]
    np.testing.assert_array_equal(again.predict_proba(X), alone.predict_proba(X))
    assert np.abs(other.predict_proba(X) - alone.predict_proba(X)).max() > 1e-3
    for classifier, rate in [(alone, 0.5), (other, 0.1)]:
        rates = [
            layer.rate for layer in classifier.model_.layers[-1].layers if hasattr(layer, "rate")
        ]
        assert rates == [rate]


@pytest.mark.parametrize(
    "strength", ["time_shift", "coefficient_offset", "noise_std", "time_mask", "coefficient_mask"]
)
def test_each_is_augmented_by_its_own_strength(strength, compilations, sequences):
    """One compiled network trains at every strength, whatever was trained before."""
    X, y = sequences
    weak, strong = (
        clone(CLASSIFIER).set_params(augmentation=FeatureAugmentation(**{strength: value}))
        for value in (0.1, 0.5)
    )
    alone = clone(strong).fit(X, y).predict_proba(X)
    different = weak.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(strong.fit(X, y).predict_proba(X), alone)
    assert compilations.count("train") == 1
    assert np.abs(different - alone).max() > 1e-6


def test_few_networks_are_kept(compilations, sequences):
    X, y = sequences
    for units in range(1, 13):
        PerceptronClassifier(dense_units=units, epochs=1).fit(X, y)
    assert len(_graphs._networks) == 8


def test_networks_are_given_back(compilations, monkeypatch, sequences):
    """A network that is neither kept nor used by a classifier is gone."""
    X, y = sequences
    made = []

    def keeping_track(self, model, _original=CompiledNetwork.__init__):
        made.append(weakref.ref(self))
        _original(self, model)

    monkeypatch.setattr(CompiledNetwork, "__init__", keeping_track)
    for units in range(1, 13):
        PerceptronClassifier(dense_units=units, epochs=1).fit(X, y).predict(X)
    gc.collect()
    assert len(made) == 12
    assert sum(network() is not None for network in made) == 8


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_the_graphs_are_given_back_with_their_network(optimizer, sequences):
    """TensorFlow itself holds none of them."""
    X, y = sequences
    _graphs._networks.clear()
    classifier = clone(CLASSIFIER).set_params(optimizer=optimizer).fit(X, y)
    classifier.predict(X)
    network = classifier._network
    (update,) = network._updates.values()
    graphs = [weakref.ref(owner._graph.graph) for owner in (network, update)]
    _graphs._networks.clear()
    del classifier, network, update
    gc.collect()
    assert [graph() for graph in graphs] == [None, None]


def test_classifiers_of_one_design_keep_their_own_weights(sequences):
    X, y = sequences
    first = clone(CLASSIFIER).fit(X, y)
    expected = first.predict_proba(X)
    second = clone(CLASSIFIER).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(second.predict_proba(X), expected)
    np.testing.assert_array_equal(first.predict_proba(X), expected)


def test_the_model_is_a_copy(sequences):
    X, y = sequences
    classifier = clone(CLASSIFIER).fit(X, y)
    expected = classifier.predict_proba(X)
    np.testing.assert_allclose(
        classifier.model_.predict(X.astype("float32"), verbose=0), expected, atol=1e-6
    )
    assert classifier.model_ is classifier.model_
    classifier.model_.set_weights([0 * w for w in classifier.model_.get_weights()])
    np.testing.assert_array_equal(classifier.predict_proba(X), expected)
    loss, accuracy = classifier.model_.evaluate(
        X.astype("float32"), np.eye(3)[np.searchsorted(classifier.classes_, y)], verbose=0
    )
    assert np.isfinite(loss)
    assert 0 <= accuracy <= 1


def test_initialize_builds_without_training(sequences):
    X, y = sequences
    classifier = clone(CLASSIFIER).initialize(X, y)
    assert classifier.initialized_
    assert classifier.current_epoch == 0
    assert classifier.predict_proba(X).shape == (60, 3)
    fitted = clone(CLASSIFIER).set_params(warm_start=True).initialize(X, y).fit(X, y)
    np.testing.assert_array_equal(
        fitted.predict_proba(X), clone(CLASSIFIER).fit(X, y).predict_proba(X)
    )


def test_threads_train_and_predict_without_disturbing_each_other(sequences):
    X, y = sequences
    seeds = range(4)
    expected = [
        clone(CLASSIFIER).set_params(random_state=seed).fit(X, y).predict_proba(X) for seed in seeds
    ]

    def fit(seed):
        classifier = clone(CLASSIFIER).set_params(random_state=seed).fit(X, y)
        return [classifier.predict_proba(X) for _ in range(20)]

    parallel = joblib.Parallel(n_jobs=4, prefer="threads", require="sharedmem")
    for answers, right in zip(
        parallel(joblib.delayed(fit)(seed) for seed in seeds), expected, strict=True
    ):
        for answer in answers:
            np.testing.assert_array_equal(answer, right)


def test_many_threads_may_ask_a_loaded_classifier_first(compilations, sequences):
    X, y = sequences
    classifier = clone(CLASSIFIER).fit(X, y)
    expected = classifier.predict_proba(X)
    _graphs._networks.clear()
    classifier._network = None
    barrier = threading.Barrier(8)
    answers = []

    def ask():
        barrier.wait()
        answers.append(classifier.predict_proba(X))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)
    assert compilations.count("predict") == 2


def test_a_callback_may_fit_a_classifier_of_the_same_design(sequences):
    X, y = sequences
    inner = clone(CLASSIFIER)

    class FitsAnother(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            inner.fit(X, y)

    outer = clone(CLASSIFIER).set_params(callbacks=[FitsAnother()]).fit(X, y)
    expected = clone(CLASSIFIER).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(outer.predict_proba(X), expected)


def test_one_seed_one_result_wherever_it_runs(sequences):
    X, y = sequences
    classifier = LSTMClassifier(units=4, bidirectional=False, epochs=2, random_state=0)
    here, there = (
        cross_val_predict(classifier, X, y, cv=3, n_jobs=n_jobs, method="predict_proba")
        for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(here, there)
