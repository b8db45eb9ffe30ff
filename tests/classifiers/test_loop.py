"""Trainings that continue, end early, or weigh their clips."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone

from skaudio import ConvClassifier, PerceptronClassifier

QUICK = {"epochs": 3, "learning_rate": 0.02, "random_state": 0}


# Warm start -----------------------------------------------------------------------------


def test_warm_start_goes_on_from_the_weights(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(warm_start=True, **QUICK).fit(X, y)
    halfway = classifier.history_["loss"][-1]
    classifier.fit(X, y)
    assert classifier.n_iter_ == len(classifier.history_["loss"]) == 6
    assert classifier.history_["loss"][3] < 1.2 * halfway
    with pytest.raises(ValueError, match=r"y has labels \['z'\] that are not in .*earlier fit"):
        classifier.fit(X, np.full(60, "z"))
    with pytest.raises(ValueError, match="was fitted on clips of shape"):
        classifier.fit(X[:, 1:], y)
    classifier.set_params(warm_start=False).fit(X, y)
    assert classifier.n_iter_ == 3


def test_warm_start_goes_on_after_keeping(sequences):
    X, y = sequences
    here = ConvClassifier(filters=(4,), warm_start=True, **QUICK).fit(X, y)
    there = pickle.loads(pickle.dumps(here))
    np.testing.assert_array_equal(here.fit(X, y).predict_proba(X), there.fit(X, y).predict_proba(X))


@pytest.mark.parametrize(
    ("first", "then"), [("sgd", "adam"), ("sgd", "rmsprop"), ("rmsprop", "sgd"), ("adam", "adamw")]
)
def test_another_optimizer_starts_afresh(first, then, sequences):
    X, y = sequences
    trained = PerceptronClassifier(optimizer=first, random_state=0).partial_fit(X, y)
    unmoved = pickle.loads(pickle.dumps(trained))
    unmoved._state.optimizer = None
    for classifier in (trained, unmoved):
        classifier.set_params(optimizer=then).partial_fit(X, y)
    assert trained.n_iter_ == 2
    np.testing.assert_array_equal(trained.predict_proba(X), unmoved.predict_proba(X))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_no_weight_decay_is_possible_with_all(optimizer, sequences):
    X, y = sequences
    settings = {**QUICK, "epochs": 1, "optimizer": optimizer}
    without = PerceptronClassifier(weight_decay=0, **settings).fit(X, y).predict_proba(X)
    much = PerceptronClassifier(weight_decay=5.0, **settings).fit(X, y).predict_proba(X)
    assert np.abs(without - much).max() > 1e-3


def test_a_last_update_that_diverges_is_told_too(sequences):
    classifier = PerceptronClassifier(
        epochs=1,
        batch_size=1000,
        learning_rate=1e38,
        optimizer="sgd",
        learning_rate_schedule="constant",
    )
    with pytest.raises(ValueError, match="Training diverged"):
        classifier.fit(*sequences)


def test_history_keeps_its_places(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(early_stopping=True, warm_start=True, **QUICK)
    classifier.fit(X, y).partial_fit(X, y).fit(X, y)
    history = classifier.history_
    assert {len(values) for values in history.values()} == {7}
    assert np.flatnonzero(np.isnan(history["val_loss"])).tolist() == [3]
    assert not np.isnan(history["loss"]).any()


# Weights --------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_clip_of_weight_two_counts_as_two_clips_do(optimizer, sequences):
    """Where it can: all clips in one batch, and nothing random about them."""
    X, y = sequences
    times = np.random.default_rng(0).integers(0, 4, size=60)
    classifier = ConvClassifier(
        filters=(4,),
        batch_norm=False,
        dropout=0,
        augmentation=None,
        batch_size=1000,
        optimizer=optimizer,
        epochs=5,
        learning_rate=0.01,
        random_state=0,
    )
    weighted = clone(classifier).fit(X, y, sample_weight=times * 7.0)
    repeated = clone(classifier).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-5)


def test_clips_of_weight_zero_do_not_balance_classes(sequences):
    X, y = sequences
    weights = np.ones(60)
    weights[:15] = 0
    classifier = PerceptronClassifier(class_weight="balanced", **QUICK)
    zero = clone(classifier).fit(X, y, sample_weight=weights).predict_proba(X)
    without = clone(classifier).fit(X[15:], y[15:]).predict_proba(X)
    np.testing.assert_allclose(zero, without, atol=1e-5)


def test_class_weights_go_from_call_to_call_of_partial_fit(sequences):
    X, y = sequences
    answers = []
    for weight in (1, 20):
        classifier = PerceptronClassifier(
            class_weight={"b": weight}, random_state=0, optimizer="sgd", learning_rate=0.01
        )
        for label in "abc" * 3:
            chosen = y == label
            classifier.partial_fit(X[chosen], y[chosen], classes=["a", "b", "c"])
        answers.append(classifier.predict_proba(X)[:, 1].mean())
    assert answers[1] > answers[0] + 0.02
    with pytest.raises(ValueError, match="'balanced' is not supported by partial_fit"):
        PerceptronClassifier(class_weight="balanced").partial_fit(X, y)


def test_weights_that_leave_nothing_are_an_error(sequences):
    X, y = sequences
    with pytest.raises(ValueError, match=r"at least one non-zero|All clips have weight zero"):
        PerceptronClassifier().fit(X, y, sample_weight=np.zeros(60))
    with pytest.raises(ValueError, match="All clips have weight zero"):
        PerceptronClassifier(class_weight={"a": 0}).fit(X, y, sample_weight=y == "a")
    with pytest.raises(ValueError, match="Negative values"):
        PerceptronClassifier().fit(X, y, sample_weight=np.full(60, -1.0))


# Ctrl-C -------------------------------------------------------------------------------------


class CtrlC(keras.callbacks.Callback):
    """Interrupts the training at an epoch."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.at:
            raise KeyboardInterrupt


def test_an_interrupted_training_keeps_what_it_learned(sequences):
    X, y = sequences
    undisturbed = PerceptronClassifier(**QUICK).fit(X, y).predict_proba(X)
    classifier = PerceptronClassifier(callbacks=CtrlC(2), **{**QUICK, "epochs": 50})
    with pytest.warns(UserWarning, match=r"interrupted after 2 epoch\(s\)") as record:
        classifier.fit(X, y)
    assert record[0].filename == __file__
    assert classifier.n_iter_ == len(classifier.history_["loss"]) == 2
    assert classifier.score(X, y) > 0.5
    np.testing.assert_array_equal(
        PerceptronClassifier(**QUICK).fit(X, y).predict_proba(X), undisturbed
    )


def test_a_training_that_is_interrupted_at_once_was_none(sequences):
    classifier = PerceptronClassifier(callbacks=CtrlC(0), **QUICK)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(*sequences)
    assert not classifier.initialized_


def test_other_sizes_have_no_effect_on_a_warm_start_and_warn(sequences):
    X, y = sequences
    classifier = ConvClassifier(filters=[4], warm_start=True, **QUICK).fit(X, y)
    classifier.set_params(filters=(np.int64(4),), epochs=1, learning_rate=0.01).fit(X, y)
    classifier.set_params(filters=(8,), standardize=False)
    for train in (classifier.fit, classifier.partial_fit):
        with pytest.warns(UserWarning, match="changed parameters filters, standardize have no"):
            train(X, y)
    assert classifier.model_.layers[-1].layers[1].filters == 4


def test_partial_fit_knows_the_labels_of_class_weight(sequences):
    X, y = sequences
    with pytest.raises(ValueError, match=r"class_weight has labels \['z'\] that are not in"):
        PerceptronClassifier(class_weight={"z": 2}).partial_fit(X, y)
