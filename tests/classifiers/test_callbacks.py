"""Keras callbacks, as Keras' users know them."""

import collections
import pickle
import queue
import threading

import keras
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import FunctionTransformer

from skaudio import ConvClassifier, PerceptronClassifier, Pipeline

# Keras asks NumPy for copies of its variables in a way that is going out of use.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

QUICK = {"epochs": 3, "learning_rate": 0.02, "random_state": 0}


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
        rates = [layer.rate for layer in self.model.layers[-1].layers if hasattr(layer, "rate")]
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


# Keras' contract ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: keras.callbacks.EarlyStopping("val_accuracy", patience=1),
        lambda folder: keras.callbacks.ReduceLROnPlateau("accuracy", patience=1),
        lambda folder: keras.callbacks.ModelCheckpoint(
            folder / "best.keras", monitor="val_accuracy", save_best_only=True
        ),
    ],
)
def test_callbacks_may_watch_the_accuracy(make, sequences, tmp_path):
    """Of which Keras finds out by the compiled metrics that larger is better."""
    callback = make(tmp_path)
    classifier = PerceptronClassifier(
        callbacks=callback, early_stopping=True, learning_rate_schedule="constant", **QUICK
    ).fit(*sequences)
    (used,) = classifier.callbacks_
    assert used.monitor_op(1.0, 0.0)
    assert not used.monitor_op(0.0, 1.0)


class Evaluates(keras.callbacks.Callback):
    """Evaluates the model by itself."""

    def __init__(self, X, targets):
        super().__init__()
        self.X, self.targets, self.accuracies = X, targets, []

    def on_epoch_end(self, epoch, logs=None):
        self.accuracies.append(self.model.evaluate(self.X, self.targets, verbose=0)[1])


def test_the_model_that_callbacks_see_can_be_evaluated(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(
        callbacks=Evaluates(X, np.repeat(np.eye(3), 20, axis=0)), **QUICK
    ).fit(X, y)
    assert classifier.callbacks_[0].accuracies[-1] == pytest.approx(classifier.score(X, y))


class Logs(keras.callbacks.Callback):
    """Adds to the logs, in the last epoch other things than before."""

    def on_epoch_end(self, epoch, logs=None):
        logs["seen" if epoch < 2 else "last"] = epoch


def test_what_callbacks_log_is_in_the_history(sequences):
    both = [Logs(), keras.callbacks.History()]
    classifier = PerceptronClassifier(callbacks=both, **QUICK).fit(*sequences)
    assert classifier.callbacks_[1].history["loss"] == classifier.history_["loss"]
    np.testing.assert_array_equal(classifier.history_["seen"], [0, 1, np.nan])
    np.testing.assert_array_equal(classifier.history_["last"], [np.nan, np.nan, 2])


EVENTS = [
    f"{kind}{end}"
    for kind in ("train_", "test_", "predict_", "epoch_", "train_batch_", "test_batch_")
    for end in ("begin", "end")
] + ["predict_batch_begin", "predict_batch_end"]


class Events(keras.callbacks.Callback):
    """Writes down every event."""

    def __init__(self):
        super().__init__()
        self.events = []

    for _event in EVENTS:
        exec(f"def on_{_event}(self, *values): self.events.append(({_event!r}, values[-1]))")


def test_every_event_comes_in_the_order_of_keras(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(callbacks=Events(), batch_size=30, **QUICK)
    classifier.set_params(epochs=1).fit(X, y, X_val=X[:10], y_val=y[:10])
    (used,) = classifier.callbacks_
    classifier.predict(X)
    assert used.model is classifier.model_
    names = [name for name, _ in used.events]
    batch = ["train_batch_begin", "train_batch_end"]
    validation = ["test_begin", "test_batch_begin", "test_batch_end", "test_end"]
    prediction = ["predict_begin", "predict_batch_begin", "predict_batch_end", "predict_end"]
    assert names == [
        *("train_begin", "epoch_begin", *batch, *batch, *validation, "epoch_end", "train_end"),
        *prediction,
    ]
    by_name = dict(used.events)
    assert set(by_name["epoch_end"]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert set(by_name["test_end"]) == {"loss", "accuracy"}
    assert by_name["predict_batch_end"]["outputs"].shape == (60, 3)


class Interrupts(keras.callbacks.Callback):
    """Ends the process's work at an epoch, as a crash would."""

    def __init__(self, at):
        super().__init__()
        self.at, self.epochs = at, []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(epoch)
        if epoch == self.at:
            raise RuntimeError("crash")


def test_backup_and_restore_resumes_at_its_epoch(sequences, tmp_path):
    def classifier(at):
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        return PerceptronClassifier(
            callbacks=[backup, Interrupts(at)],
            dropout=0.0,
            optimizer="sgd",
            learning_rate_schedule="constant",
            **{**QUICK, "epochs": 6},
        )

    with pytest.raises(RuntimeError, match="crash"):
        classifier(4).fit(*sequences)
    resumed = classifier(None).fit(*sequences)
    assert resumed.callbacks_[1].epochs == [4, 5]
    whole = clone(resumed).set_params(callbacks=None).fit(*sequences)
    assert resumed.history_["loss"] == pytest.approx(whole.history_["loss"][4:], rel=0.2)


class Reports(keras.callbacks.Callback):
    """Reports to something that must not be copied."""

    def __init__(self, to, lock):
        super().__init__()
        self.to, self.lock = to, lock

    def on_epoch_end(self, epoch, logs=None):
        with self.lock:
            self.to.put(logs["loss"])


def test_what_callbacks_refer_to_is_not_copied(sequences):
    """As a trial of Optuna, a queue, a progress bar; nor by cross-validation."""
    X, y = sequences
    received = queue.Queue()
    classifier = PerceptronClassifier(callbacks=[Reports(received, threading.Lock())], **QUICK)
    classifier.fit(X, y)
    assert received.qsize() == 3
    cross_val_score(classifier, X, y, cv=2)
    assert received.qsize() == 9


class Partner(keras.callbacks.Callback):
    """Keeps another callback, and collections of several kinds."""

    def __init__(self, other):
        super().__init__()
        self.other = other
        self.seen = {"deque": collections.deque(), "count": collections.Counter()}

    def on_epoch_end(self, epoch, logs=None):
        self.seen["deque"].append(list(self.other.told))
        self.seen["count"][epoch] += 1


def test_callbacks_that_know_each_other_do_so_as_copies(sequences):
    counter = Counter()
    partner = Partner(counter)
    classifier = PerceptronClassifier(callbacks=[partner, counter], batch_size=60, **QUICK)
    for _ in range(2):
        used = classifier.fit(*sequences).callbacks_
        assert used[0].other is used[1]
        assert len(used[0].seen["deque"]) == len(used[0].seen["count"]) == 3
        assert used[0].seen["deque"][1] != []
    assert not partner.seen["deque"]
    assert not partner.seen["count"]


class Freezes(keras.callbacks.Callback):
    """Freezes the network, and takes the loss from the logs."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.layers[-1].trainable = False
        del logs["loss"]


def test_callbacks_that_freeze_layers_or_empty_the_logs_spoil_nothing(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(**QUICK)
    expected = clone(classifier).fit(X, y)
    frozen = clone(classifier).set_params(callbacks=Freezes()).fit(X, y)
    assert len(frozen.history_["loss"]) == 3
    trained = frozen.network_summary_.n_trainable_parameters
    assert trained == expected.network_summary_.n_trainable_parameters
    np.testing.assert_array_equal(
        clone(classifier).fit(X, y).predict_proba(X), expected.predict_proba(X)
    )


def test_one_callback_may_be_given_twice(sequences):
    counter = Counter()
    classifier = PerceptronClassifier(callbacks=[counter, counter], **QUICK).fit(*sequences)
    assert classifier.callbacks_[0] is classifier.callbacks_[1]
    assert classifier.callbacks_[0].told.count("begin") == 2


def test_a_failed_backup_leaves_nothing_to_other_trainings(sequences, tmp_path):
    class Fails(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model._initial_epoch = 2  # as BackupAndRestore does
            raise RuntimeError("crash")

    classifier = PerceptronClassifier(callbacks=Fails(), **QUICK)
    with pytest.raises(RuntimeError, match="crash"):
        classifier.fit(*sequences)
    assert classifier.set_params(callbacks=Counter()).fit(*sequences).n_iter_ == 3


def test_clones_have_callbacks_of_their_own(sequences):
    single, several = Counter(), [Counter(), Counter()]
    assert clone(PerceptronClassifier(callbacks=several)).callbacks[0] is not several[0]
    copied = clone(PerceptronClassifier(callbacks=single))
    copied.fit(*sequences)
    assert single.told == []
    with config_context(enable_metadata_routing=True):
        request = PerceptronClassifier(callbacks=single).set_fit_request(groups=True)
        assert clone(request).get_metadata_routing().fit.requests["groups"] is True


def test_validation_clips_can_be_given(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(early_stopping=True, **QUICK)
    classifier.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    smoothed = 0.9 * np.eye(3)[np.searchsorted(classifier.classes_, y[1::2])] + 0.1 / 3
    best = -(smoothed * np.log(classifier.predict_proba(X[1::2]))).sum(axis=1).mean()
    assert best == pytest.approx(min(classifier.history_["val_loss"]), rel=1e-4)
    for wrong, message in [
        ({"X_val": X}, "must be given together"),
        ({"X_val": X[:1], "y_val": ["z"]}, r"y_val has labels \['z'\] that are not in"),
        ({"X_val": X[:, 1:], "y_val": y}, "was fitted on clips of shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            clone(classifier).fit(X, y, **wrong)


def test_a_pipeline_transforms_validation_clips(sequences):
    X, y = sequences
    with config_context(enable_metadata_routing=True):
        classifier = PerceptronClassifier(**QUICK).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline(
            [FunctionTransformer(lambda X: X[:, :10]), classifier], transform_input=["X_val"]
        )
        pipeline.fit(X, y, X_val=X[:30], y_val=y[:30])
    assert len(pipeline[-1].history_["val_loss"]) == 3
