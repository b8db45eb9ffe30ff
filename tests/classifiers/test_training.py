"""The craft of training: held-out clips, schedule, mixing, callbacks, weights."""

import pickle

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skaudio import ConvClassifier, PerceptronClassifier
from skaudio._tensorflow import tf
from skaudio.classifiers._network import mixed
from skaudio.classifiers._training import batch_count, hold_out, learning_rate_at

QUICK = {"epochs": 3, "learning_rate": 0.02, "random_state": 0}


# Held-out clips -------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.9, 0.99])
def test_every_class_is_on_both_sides(fraction):
    codes = np.repeat([0, 1, 2], [55, 3, 2])
    sides = hold_out(codes, None, fraction=fraction, classes=list("abc"), seed=0)
    for places in sides:
        assert set(codes[places]) == {0, 1, 2}
    assert sorted(np.concatenate(sides)) == list(range(60))


@given(n_groups=st.integers(2, 12), fraction=st.floats(0.05, 0.5), seed=st.integers(0, 2**31 - 2))
def test_groups_stay_together(n_groups, fraction, seed):
    groups = np.arange(120) % n_groups
    codes = np.arange(120) // n_groups % 2
    chosen, held_out = hold_out(codes, groups, fraction=fraction, classes=["a", "b"], seed=seed)
    assert not set(groups[chosen]) & set(groups[held_out])
    assert sorted(np.concatenate([chosen, held_out])) == list(range(120))
    assert len(held_out) > 0
    assert set(codes[chosen]) == {0, 1}


@given(fraction=st.floats(0.05, 0.5), seed=st.integers(0, 2**31 - 2))
def test_the_share_is_met_class_by_class(fraction, seed):
    codes = np.repeat([0, 1, 2], [100, 40, 10])
    _, held_out = hold_out(codes, None, fraction=fraction, classes=list("abc"), seed=seed)
    np.testing.assert_allclose(
        np.bincount(codes[held_out]), fraction * np.array([100, 40, 10]), atol=1
    )


def test_large_groups_are_held_out_one_at_a_time():
    groups = np.arange(60) % 3
    _, held_out = hold_out(np.arange(60) % 2, groups, fraction=0.1, classes=["a", "b"], seed=0)
    assert len(set(groups[held_out])) == 1


def test_groups_that_cannot_be_held_out_are_an_error(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(early_stopping=True, **QUICK)
    for groups in (np.full(60, "anna"), y):
        with pytest.raises(ValueError, match=r"groups \['a.*'\] has all clips of a class,"):
            classifier.fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier.fit(X, y, groups=[1, 2, 3])


def test_groups_arrive_by_metadata_routing(sequences):
    X, y = sequences
    groups = np.arange(60) % 3
    seen = []

    class Spy(PerceptronClassifier):
        def fit(self, X, y, sample_weight=None, groups=None):
            seen.append(groups)
            return super().fit(X, y, sample_weight=sample_weight, groups=groups)

    with config_context(enable_metadata_routing=True):
        classifier = Spy(early_stopping=True, validation_fraction=0.5, epochs=1)
        classifier.set_fit_request(groups=True, sample_weight=False)
        pipeline = make_pipeline(FunctionTransformer(), classifier)
        cross_validate(pipeline, X, y, cv=GroupKFold(3), params={"groups": groups})
    assert [len(np.unique(part)) for part in seen] == [2, 2, 2]


# Schedule and batches -------------------------------------------------------------------


def test_the_cosine_warms_up_falls_and_stays():
    rates = [learning_rate_at(p, highest=2.0, schedule="cosine") for p in np.linspace(0, 1.5, 301)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(2.0)
    assert np.argmax(rates) == 10  # a twentieth
    assert (np.diff(rates[10:201]) < 0).all()
    assert rates[200:] == pytest.approx([0.02] * 101)
    assert learning_rate_at(0.3, highest=2.0, schedule="constant") == 2.0


@given(n_clips=st.integers(1, 10_000), batch_size=st.integers(1, 256) | st.just("auto"))
def test_no_batch_is_larger_than_asked(n_clips, batch_size):
    n_batches = batch_count(n_clips, batch_size)
    largest = 64 if batch_size == "auto" else batch_size
    assert -(-n_clips // n_batches) <= largest
    assert n_batches <= n_clips


# Mixing ---------------------------------------------------------------------------------


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
        {"time_stretch": 0.9},
        {"frequency_stretch": 0.9},
        {"equalizer": 0.9},
        {"noise": 1.5},
        {"mixup": 0.9},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_training_sees_it_and_prediction_does_not(changes, sequences):
    X, y = sequences
    plain = ConvClassifier(
        filters=(4,), time_shift=0, time_mask=0, coefficient_mask=0, dropout=0, **QUICK
    ).fit(X, y)
    changed = clone(plain).set_params(**changes).fit(X, y)
    assert changed.history_["loss"][-1] != pytest.approx(plain.history_["loss"][-1], abs=1e-4)
    # The same weights without the layer give the same answers.
    plain._state.weights[:] = changed._state.weights
    plain._state._tensors = None
    np.testing.assert_array_equal(plain.predict_proba(X), changed.predict_proba(X))


# Callbacks ------------------------------------------------------------------------------


class Counter(keras.callbacks.Callback):
    """Counts what it is told of, and stops after so many epochs."""

    def __init__(self, stop_after=100):
        super().__init__()
        self.stop_after = stop_after
        self.told = []

    def on_train_begin(self, logs=None):
        self.told.append("begin")

    def on_train_batch_end(self, batch, logs=None):
        self.told.append(batch)

    def on_epoch_end(self, epoch, logs=None):
        self.told.append(sorted(logs))
        self.model.stop_training = epoch + 1 == self.stop_after

    def on_train_end(self, logs=None):
        self.told.append("end")


class Rates(keras.callbacks.Callback):
    """Notes what the model drops, and what it decays by."""

    def on_train_begin(self, logs):
        rates = [layer.rate for layer in self.model.layers if hasattr(layer, "rate")]
        self.seen = [*rates, self.model.optimizer.weight_decay]


def test_callbacks_see_the_settings_of_their_own_classifier(sequences):
    X, y = sequences
    for rate, decay in [(0.3, 0.1), (0.6, 0.2), (0.3, 0.2)]:
        classifier = ConvClassifier(
            filters=(4,), dropout=rate, weight_decay=decay, callbacks=Rates(), **QUICK
        ).fit(X, y)
        assert classifier.callbacks_[0].seen == [rate, decay]


class Decay(keras.callbacks.Callback):
    """Sets another weight decay."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def on_train_begin(self, logs):
        self.model.optimizer.weight_decay = self.value


@pytest.mark.parametrize(("own", "set_to"), [(0.0, 5.0), (5.0, None), (5.0, 0.0)])
def test_callbacks_may_set_the_weight_decay_of_their_fit(own, set_to, sequences):
    X, y = sequences
    classifier = PerceptronClassifier(**QUICK)
    expected = clone(classifier).set_params(weight_decay=set_to or 0.0).fit(X, y)
    told = clone(classifier).set_params(weight_decay=own, callbacks=Decay(set_to)).fit(X, y)
    np.testing.assert_array_equal(told.predict_proba(X), expected.predict_proba(X))
    after = clone(classifier).set_params(weight_decay=own).fit(X, y)
    assert np.abs(after.predict_proba(X) - told.predict_proba(X)).max() > 1e-3


class Schedule(keras.callbacks.Callback):
    """Gives the optimizer a schedule, in place of the number that each update sets."""

    def on_train_begin(self, logs):
        self.model.optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(0.1, 10)


def test_a_callback_that_spoils_the_optimizer_spoils_no_other_fit(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(**QUICK)
    expected = clone(classifier).fit(X, y).predict_proba(X)
    with pytest.raises(TypeError, match="learning rate is not settable"):
        clone(classifier).set_params(callbacks=Schedule()).fit(X, y)
    np.testing.assert_array_equal(clone(classifier).fit(X, y).predict_proba(X), expected)


def test_callbacks_are_told_and_may_stop(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(callbacks=[Counter(2)], batch_size=30, **QUICK).fit(X, y)
    (used,) = classifier.callbacks_
    one_epoch = [0, 1, ["accuracy", "loss"]]
    assert used.told == ["begin", *one_epoch, *one_epoch, "end"]
    assert classifier.n_iter_ == 2


def test_callbacks_are_never_shared(sequences):
    X, y = sequences
    mine = Counter()
    first = PerceptronClassifier(callbacks=mine, **QUICK)
    second = clone(first)
    assert second.callbacks is not mine
    first.fit(X, y)
    told = list(first.callbacks_[0].told)
    second.fit(X, y)
    assert mine.told == []
    assert first.callbacks_[0].told == told == second.callbacks_[0].told
    first.fit(X, y)
    assert first.callbacks_[0].told == told


# Keras' own callback asks NumPy for a copy in a way that is going out of use.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_callbacks_may_set_the_learning_rate_unless_the_schedule_does(sequences):
    X, y = sequences
    stop = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-12)
    settings = {**QUICK, "callbacks": [stop], "dropout": 0.0}
    still = PerceptronClassifier(learning_rate_schedule="constant", **settings).fit(X, y)
    assert np.ptp(still.history_["loss"]) < 1e-4
    moving = PerceptronClassifier(learning_rate_schedule="cosine", **settings).fit(X, y)
    assert np.ptp(moving.history_["loss"]) > 1e-2


def test_a_classifier_with_callbacks_can_be_kept(sequences):
    X, y = sequences
    stopping = keras.callbacks.EarlyStopping("loss", restore_best_weights=True)
    classifier = PerceptronClassifier(callbacks=[stopping], **QUICK).fit(X, y)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))
    again.fit(X, y)


def test_callbacks_that_hold_files_do_not_keep_a_classifier_from_travelling(sequences, tmp_path):
    X, y = sequences
    logger = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    classifier = PerceptronClassifier(callbacks=[logger], **QUICK).fit(X, y)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_a_callback_may_stop_within_an_epoch(sequences):
    class Stop(keras.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1
            self.model.stop_training = True

    classifier = PerceptronClassifier(callbacks=Stop(), batch_size=10, **QUICK).fit(*sequences)
    assert classifier.callbacks_[0].batches == 1
    assert classifier.n_iter_ == 1


def test_what_is_not_a_callback_is_an_error(sequences):
    with pytest.raises(TypeError, match=r"must be a keras.callbacks.Callback .*Got 'early' inst"):
        PerceptronClassifier(callbacks=["early"]).fit(*sequences)


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
        time_shift=0,
        time_mask=0,
        coefficient_mask=0,
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
    with pytest.raises(ValueError, match="'balanced' is not for partial_fit"):
        PerceptronClassifier(class_weight="balanced").partial_fit(X, y)


def test_weights_that_leave_nothing_are_an_error(sequences):
    X, y = sequences
    with pytest.raises(ValueError, match="at least one non-zero"):
        PerceptronClassifier().fit(X, y, sample_weight=np.zeros(60))
    with pytest.raises(ValueError, match="All clips have weight zero"):
        PerceptronClassifier(class_weight={"a": 0}).fit(X, y, sample_weight=y == "a")
    with pytest.raises(ValueError, match="Negative values"):
        PerceptronClassifier().fit(X, y, sample_weight=np.full(60, -1.0))
