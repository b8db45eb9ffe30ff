"""What every classifier promises, on small feature sequences."""

import pickle
import random

import keras
import numpy as np
import pytest
from scikeras.wrappers import KerasClassifier
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold, check_cv
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skaudio import (
    ConvClassifier,
    FeatureAugmentation,
    GRUClassifier,
    LSTMClassifier,
    PerceptronClassifier,
)
from skaudio.classifiers._hold_out import hold_out

QUICK = {"epochs": 12, "learning_rate": 0.02, "random_state": 0}
STILL = FeatureAugmentation(time_shift=0, time_mask=0)
CLASSIFIERS = [
    PerceptronClassifier(**QUICK),
    ConvClassifier(filters=(8,), **QUICK),
    LSTMClassifier(units=16, bidirectional=False, dropout=0, **{**QUICK, "learning_rate": 0.05}),
    GRUClassifier(units=16, bidirectional=False, dropout=0, **{**QUICK, "learning_rate": 0.05}),
]
each_classifier = pytest.mark.parametrize(
    "classifier", CLASSIFIERS, ids=lambda classifier: type(classifier).__name__
)


@each_classifier
def test_learns_string_labels_and_gives_them_back(classifier, sequences):
    X, y = sequences
    fitted = clone(classifier).fit(X, y)
    assert isinstance(fitted, KerasClassifier)
    assert fitted.classes_.tolist() == ["a", "b", "c"]
    assert fitted.score(X, y) > 0.9
    assert set(fitted.predict(X)) <= set(y)
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (60, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_array_equal(fitted.classes_[probabilities.argmax(axis=1)], fitted.predict(X))
    assert len(fitted.history_["loss"]) == len(fitted.history_["accuracy"]) == fitted.n_iter_ == 12


@each_classifier
def test_is_a_classifier_to_scikit_learn(classifier, sequences):
    _, y = sequences
    for estimator in (classifier, make_pipeline(FunctionTransformer(), classifier)):
        assert is_classifier(estimator)
        assert isinstance(check_cv(3, y, classifier=is_classifier(estimator)), StratifiedKFold)


@each_classifier
def test_a_seed_decides_everything_and_disturbs_nothing(classifier, sequences):
    X, y = sequences
    first = clone(classifier).set_params(epochs=2).fit(X, y).predict_proba(X)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 -- the global generator is what must stay untouched
    keras.utils.set_random_seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    drawn_before = keras.random.uniform((3,)).numpy()
    keras.utils.set_random_seed(1)
    second = clone(classifier).set_params(epochs=2).fit(X, y).predict_proba(X)
    after = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    np.testing.assert_array_equal(first, second)
    assert before == after
    np.testing.assert_array_equal(keras.random.uniform((3,)).numpy(), drawn_before)
    other = clone(classifier).set_params(epochs=2, random_state=1).fit(X, y)
    assert not np.array_equal(other.predict_proba(X), first)


@each_classifier
def test_a_batch_is_predicted_like_its_clips(classifier, sequences):
    X, y = sequences
    fitted = clone(classifier).set_params(epochs=1).fit(X, y)
    many = np.tile(X, (5, 1, 1))  # more than one batch
    together = fitted.predict_proba(many)
    alone = np.concatenate([fitted.predict_proba(clip[None]) for clip in X])
    np.testing.assert_allclose(together[:60], alone, atol=1e-5)
    np.testing.assert_allclose(together[240:], alone, atol=1e-5)


def test_refitting_starts_afresh(sequences):
    X, y = sequences
    classifier = ConvClassifier(filters=(8,), epochs=2, random_state=0)
    first = classifier.fit(X, y).predict_proba(X)
    classifier.fit(X[:, :10], np.where(y == "a", "yes", "no"))
    assert classifier.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(classifier.fit(X, y).predict_proba(X), first)
    assert len(classifier.history_["loss"]) == 2


def test_bad_input_leaves_a_fitted_classifier_as_it_was(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(epochs=1, random_state=0).fit(X, y)
    expected = classifier.predict(X)
    with pytest.raises(ValueError, match="needs at least 2 classes"):
        classifier.fit(X, np.full(60, "a"))
    np.testing.assert_array_equal(classifier.predict(X), expected)


def test_a_fit_that_fails_late_is_as_if_it_had_not_been(sequences):
    X, y = sequences
    rare = y.astype(object)
    rare[0] = "rare"
    classifier = PerceptronClassifier(epochs=1, early_stopping=True, random_state=0)
    with pytest.raises(ValueError, match="class 'rare' has 1 clip"):
        classifier.fit(X, rare)
    with pytest.raises(NotFittedError):
        classifier.predict(X)
    pickle.loads(pickle.dumps(classifier))
    expected = classifier.fit(X, y).predict_proba(X)
    for features, labels in ((X, rare), (X[:, :5], rare), (X[:, :5], np.full(60, "a"))):
        with pytest.raises(ValueError, match="class"):
            classifier.fit(features, labels)
        np.testing.assert_array_equal(classifier.predict_proba(X), expected)


@pytest.mark.parametrize("classifier", [ConvClassifier(filters=4), PerceptronClassifier()])
def test_a_training_that_diverges_says_so(classifier, sequences):
    diverging = clone(classifier).set_params(epochs=2, learning_rate=1e30)
    with pytest.raises(
        ValueError, match=r"Training diverged: .* smaller learning_rate than 1e\+30"
    ):
        diverging.fit(*sequences)


@pytest.mark.parametrize(
    "classifier",
    [
        ConvClassifier(filters=np.int64(4), kernel_size=np.int64(3), pool_size=np.int64(2)),
        ConvClassifier(filters=np.array([4, 4]), dense_units=np.int64(4)),
        GRUClassifier(units=np.int64(4), n_layers=np.int64(1)),
    ],
)
def test_sizes_may_be_numpy_integers_as_searches_draw_them(classifier, sequences):
    clone(classifier).set_params(epochs=np.int64(1), batch_size=np.int64(32)).fit(*sequences)


@pytest.mark.parametrize(
    "parameters",
    [{"filters": (3.7,)}, {"filters": ()}, {"filters": {4: 1}}, {"dense_units": [[8]]}]
    + [{"dense_units": True}, {"filters": ("a",)}, {"dense_units": (0,)}]
    + [{"standardize": "coefficient"}],
)
def test_parameters_are_checked_one_by_one(parameters, sequences):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        ConvClassifier(**parameters).fit(*sequences)


def test_standardisation_is_part_of_the_network(sequences):
    X, y = sequences
    names = [layer.name for layer in clone(CLASSIFIERS[0]).fit(X, y).model_.layers]
    assert "standardize" in names
    raw = clone(CLASSIFIERS[0]).set_params(standardize=False).fit(X, y)
    assert "standardize" not in [layer.name for layer in raw.model_.layers]


UNITS = np.array([1, 10, 100, 1, 1, 1e-3], np.float32)


@pytest.mark.parametrize(
    ("standardize", "units"), [(True, np.float32(100)), ("per_coefficient", UNITS)]
)
def test_units_and_offsets_do_not_matter(standardize, units, sequences):
    X, y = sequences
    classifier = PerceptronClassifier(standardize=standardize, **QUICK)
    plain = clone(classifier).fit(X, y).predict_proba(X)
    scaled = X * units + 50
    moved = clone(classifier).fit(scaled, y).predict_proba(scaled)
    np.testing.assert_allclose(moved, plain, atol=1e-2)


def test_coefficients_keep_their_proportions(sequences):
    X, y = sequences
    scaled = X * UNITS
    classifier = PerceptronClassifier(**QUICK).fit(scaled, y)
    layer = classifier.model_.get_layer("standardize")
    scales = np.asarray(layer.scale)
    np.testing.assert_array_equal(scales, np.full(6, scales[0]))
    own = clone(classifier).set_params(standardize="per_coefficient").fit(scaled, y)
    scales = np.asarray(own.model_.get_layer("standardize").scale)
    np.testing.assert_allclose(scales * scaled.std(axis=(0, 1)), np.ones(6), rtol=1e-3)


def test_columns_of_plain_features_have_units_of_their_own(sequences):
    X, y = sequences
    plain = X.mean(axis=1)
    classifier = PerceptronClassifier(**QUICK)
    one = clone(classifier).fit(plain, y).predict_proba(plain)
    scaled = plain * UNITS
    np.testing.assert_allclose(
        clone(classifier).fit(scaled, y).predict_proba(scaled), one, atol=1e-3
    )


def test_class_weight_moves_the_answers(sequences):
    X, y = sequences
    noise = np.random.default_rng(0).normal(size=X.shape)
    plain = PerceptronClassifier(**QUICK).fit(noise, y).predict(noise)
    weighted = PerceptronClassifier(class_weight={"a": 50}, **QUICK).fit(noise, y).predict(noise)
    assert (weighted == "a").mean() > (plain == "a").mean()
    balanced = PerceptronClassifier(class_weight="balanced", **QUICK).fit(X, y)
    assert balanced.score(X, y) > 0.9


def test_a_weight_of_zero_leaves_a_clip_out(sequences):
    X, y = sequences
    wrong = y.copy()
    wrong[:5] = "c"
    weights = np.ones(60)
    weights[:5] = 0
    given = weights.copy()
    weighted = ConvClassifier(filters=(8,), **QUICK).fit(X, wrong, sample_weight=weights)
    without = ConvClassifier(filters=(8,), **QUICK).fit(X[5:], wrong[5:])
    np.testing.assert_allclose(weighted.predict_proba(X), without.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(weights, given)


def test_early_stopping_keeps_the_best_epoch(sequences):
    X, y = sequences
    classifier = ConvClassifier(
        filters=(8,),
        epochs=200,
        early_stopping=True,
        validation_fraction=0.2,
        patience=3,
        random_state=0,
        learning_rate=0.05,
        learning_rate_schedule="constant",
    ).fit(X, y)
    losses = classifier.history_["val_loss"]
    assert classifier.n_iter_ == len(losses) < 200
    assert int(np.argmin(losses)) == len(losses) - 1 - 3
    codes = np.searchsorted(classifier.classes_, y)
    _, held_out = hold_out(y, None, fraction=0.2, seed=classifier._seed)
    smoothed = 0.9 * np.eye(3)[codes[held_out]] + 0.1 / 3
    loss = -(smoothed * np.log(classifier.predict_proba(X[held_out]))).sum(axis=1).mean()
    assert loss == pytest.approx(min(losses), rel=1e-4)  # the weights are those of that epoch


def test_early_stopping_needs_two_clips_of_a_class(sequences):
    X, y = sequences
    labels = np.where(y == "b", "a", y).astype(object)
    labels[30] = "rare"
    with pytest.raises(ValueError, match=r"class 'rare' has 1 clip\(s\); at least 2 are needed"):
        ConvClassifier(early_stopping=True).fit(X, labels)


def test_early_stopping_holds_out_every_class_of_a_tiny_set(sequences):
    X, y = sequences
    chosen = [0, 1, 20, 21, 40, 41]
    classifier = PerceptronClassifier(early_stopping=True, epochs=2, random_state=0)
    classifier.fit(X[chosen], y[chosen])
    assert len(classifier.history_["val_loss"]) == 2


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_every_optimizer_learns(optimizer, schedule, sequences):
    X, y = sequences
    classifier = PerceptronClassifier(
        optimizer=optimizer, learning_rate_schedule=schedule, **QUICK
    ).fit(X, y)
    assert classifier.history_["loss"][-1] < classifier.history_["loss"][0]


def test_partial_fit_goes_on_where_it_stopped(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(learning_rate_schedule="constant", random_state=0)
    for _ in range(3):
        classifier.partial_fit(X[::2], y[::2], classes=["a", "b", "c"])
    whole = PerceptronClassifier(learning_rate_schedule="constant", random_state=0, epochs=3)
    whole.fit(X[::2], y[::2])
    assert classifier.n_iter_ == 3
    np.testing.assert_allclose(classifier.predict_proba(X), whole.predict_proba(X), atol=1e-6)
    with pytest.raises(ValueError, match="not the same as on the last call"):
        classifier.partial_fit(X, y, classes=["a", "b"])
    with pytest.raises(ValueError, match=r"y has labels \['z'\]"):
        classifier.partial_fit(X[:1], ["z"])


def test_partial_fit_still_learns_after_the_schedule_has_ended(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(epochs=2, random_state=0).fit(X, y)
    before = classifier.predict_proba(X)
    after = classifier.partial_fit(X, y).predict_proba(X)
    assert np.abs(after - before).max() > 1e-5


def test_plain_features_are_one_frame(sequences):
    X, y = sequences
    flat = X.reshape(60, -1)
    classifier = ConvClassifier(filters=(16,), **QUICK).fit(flat, y)
    assert classifier.input_shape_ == (120,)
    assert classifier.model_.input_shape == (None, 1, 120)
    assert classifier.score(flat, y) > 0.9


@pytest.mark.parametrize(
    "parameters",
    [
        {"conv_dim": 2, "filters": (4, 8), "kernel_size": 3},
        {"filters": 8, "dense_units": 16, "global_pooling": None, "batch_norm": False},
        {"filters": [8], "dense_units": (16, 8), "global_pooling": "max", "conv_dropout": 0.1},
        {"conv_dim": 2, "filters": (4,), "global_pooling": None, "activation": "gelu"},
    ],
)
def test_every_size_of_a_convolutional_network_is_a_parameter(parameters, sequences):
    X, y = sequences
    classifier = ConvClassifier(dropout=0.1, **parameters, **{**QUICK, "epochs": 30}).fit(X, y)
    assert classifier.score(X, y) > 0.7


@pytest.mark.parametrize(
    "parameters",
    [
        {"bidirectional": True, "n_layers": 2},
        {"recurrent_pooling": "last", "dense_units": 8},
    ],
)
def test_every_size_of_a_recurrent_network_is_a_parameter(parameters, sequences):
    X, y = sequences
    classifier = LSTMClassifier(units=16, dropout=0.1, **parameters, **QUICK).fit(X, y)
    assert classifier.score(X, y) > 0.7


@pytest.mark.parametrize("kind", [LSTMClassifier, GRUClassifier])
@pytest.mark.parametrize("pooling", ["average", "last"])
def test_padding_further_changes_nothing(kind, pooling, sequences):
    """Trained and asked on the same clips, with 4 or with 15 frames of padding."""
    X, y = sequences
    answers = []
    for n_padding in (4, 15):
        padded = np.pad(X, ((0, 0), (0, n_padding), (0, 0)))
        classifier = kind(
            units=4,
            epochs=2,
            recurrent_pooling=pooling,
            augmentation=STILL,
            random_state=0,
        )
        answers.append(classifier.fit(padded, y).predict_proba(padded))
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)


def test_progress_is_shown_only_when_asked(capfd, sequences):
    X, y = sequences
    PerceptronClassifier(epochs=1).fit(X, y)
    assert capfd.readouterr() == ("", "")
    PerceptronClassifier(epochs=2, verbose=1).fit(X, y)
    assert "PerceptronClassifier: 100%" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (["a.wav", "b.wav"], ["a", "b"], r"takes features, got str \('a.wav'\). Put a trans"),
        (np.zeros((4, 3, 2, 1)), list("abab"), r"expected \(n_clips, n_frames, n_coefficients\)"),
        (np.zeros((4, 3, 2)), list("aba"), "inconsistent numbers of samples"),
        (np.zeros((4, 3, 2)), [0.1, 0.2, 0.3, 0.4], "Unknown label type"),
        (np.full((4, 3, 2), np.nan), list("abab"), "contains NaN"),
        (np.zeros((4, 3, 2)), list("aaaa"), "needs at least 2 classes, got 1 class: 'a'"),
    ],
)
def test_bad_input_says_what_is_wrong(X, y, message):
    with pytest.raises(ValueError, match=message):
        ConvClassifier(epochs=1).fit(X, y)


def test_another_clip_length_says_so(sequences):
    X, y = sequences
    classifier = PerceptronClassifier(epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"fitted on clips of shape \(20, 6\).*got .*\(19, 6\)"):
        classifier.predict(X[:, 1:])
    with pytest.raises(ValueError, match=r"got .*\(19, 6\)"):
        classifier.predict(X[:2, 1:].tolist())
    with pytest.raises(ValueError, match=r"got clips of shape \(6,\)"):
        classifier.predict(X[:, 0])


def test_predict_before_fit_is_not_fitted(sequences):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        ConvClassifier().predict(sequences[0])


@pytest.mark.parametrize(
    "parameters",
    [
        {"epochs": 0},
        {"dropout": 1.0},
        {"optimizer": "adagrad"},
        {"batch_size": "big"},
        {"global_pooling": "sum"},
        {"conv_dim": 3},
        {"validation_fraction": 1.0},
    ],
)
def test_parameters_are_checked_in_fit(parameters, sequences):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"The {name!r} parameter of ConvClassifier must be"):
        ConvClassifier(**parameters).fit(*sequences)


def test_an_unknown_parameter_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"Invalid parameter 'drop_out'.*'dropout'"):
        ConvClassifier().set_params(drop_out=0.5)
