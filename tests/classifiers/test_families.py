"""What the classifiers named after papers promise, on small feature sequences."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skaudio import (
    BCResNetClassifier,
    ConvClassifier,
    CRNNClassifier,
    DSCNNClassifier,
    FeatureAugmentation,
    TCResNetClassifier,
)
from skaudio.architectures import NetworkSummary

QUICK = {"epochs": 12, "learning_rate": 0.02, "random_state": 0}
CLASSIFIERS = [
    BCResNetClassifier(depth_multiplier=0.25, **QUICK),
    CRNNClassifier(filters=8, units=16, time_stride=2, **QUICK),
    DSCNNClassifier(
        width_multiplier=0.25, depth_multiplier=0.5, time_stride=2, coefficient_stride=2, **QUICK
    ),
    TCResNetClassifier(width_multiplier=0.5, **QUICK),
]
each_classifier = pytest.mark.parametrize(
    "classifier", CLASSIFIERS, ids=lambda classifier: type(classifier).__name__
)


@each_classifier
def test_learns_and_survives_a_pickle(classifier, sequences):
    X, y = sequences
    fitted = clone(classifier).fit(X, y)
    assert fitted.score(X, y) > 0.9
    expected = fitted.predict_proba(X)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert again.network_summary_.macs == fitted.network_summary_.macs
    refitted = clone(classifier).fit(X, y)
    np.testing.assert_array_equal(refitted.predict_proba(X), expected)


@each_classifier
def test_a_batch_is_predicted_like_its_clips(classifier, sequences):
    X, y = sequences
    fitted = clone(classifier).set_params(epochs=1).fit(X, y)
    together = fitted.predict_proba(X)
    alone = np.concatenate([fitted.predict_proba(clip[None]) for clip in X[:5]])
    np.testing.assert_allclose(together[:5], alone, atol=1e-5)


@each_classifier
def test_plain_features_are_one_frame(classifier, sequences):
    X, y = sequences
    fitted = clone(classifier).set_params(epochs=1).fit(X.reshape(60, -1), y)
    assert fitted.model_.input_shape == (None, 1, 120)
    assert fitted.predict(X.reshape(60, -1)).shape == (60,)


@pytest.mark.parametrize(
    "classifier",
    [
        BCResNetClassifier(
            width_multiplier=0.5, depth_multiplier=0.2, n_bands=2, time_stride=3, conv_dropout=0
        ),
        CRNNClassifier(
            filters=(4, 4), cell="lstm", n_layers=2, bidirectional=False, units=4, dense_units=8
        ),
        CRNNClassifier(filters=[4], recurrent_pooling="last", pool_size=1),
        DSCNNClassifier(width_multiplier=0.1, depth_multiplier=1.5, activation="gelu"),
        TCResNetClassifier(width_multiplier=0.2, depth_multiplier=2, kernel_size=3),
        CRNNClassifier(filters=np.int64(4), units=np.int64(4), time_stride=np.int64(2)),
        TCResNetClassifier(width_multiplier=np.float64(0.2), depth_multiplier=np.int64(1)),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
def test_every_size_is_a_parameter(classifier, sequences):
    X, y = sequences
    fitted = clone(classifier).set_params(epochs=1, random_state=0).fit(X, y)
    assert pickle.loads(pickle.dumps(fitted)).predict_proba(X).shape == (60, 3)


@pytest.mark.parametrize("time_stride", [1, 4])
def test_padding_further_changes_nothing_in_a_convolutional_recurrent_network(
    time_stride, sequences
):
    """Trained and asked on the same clips, with 4 or with 15 frames of padding."""
    X, y = sequences
    answers = []
    for n_padding in (4, 15):
        padded = np.pad(X, ((0, 0), (0, n_padding), (0, 0)))
        classifier = CRNNClassifier(
            filters=(4, 4),
            units=4,
            time_stride=time_stride,
            epochs=2,
            augmentation=FeatureAugmentation(time_shift=0, time_mask=0),
            random_state=0,
        )
        answers.append(classifier.fit(padded, y).predict_proba(padded))
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)


def test_network_summary_needs_a_fitted_classifier(sequences):
    classifier = ConvClassifier(filters=(4,), kernel_size=3, epochs=1, random_state=0)
    with pytest.raises(NotFittedError):
        _ = classifier.network_summary_
    assert not hasattr(classifier, "network_summary_")
    summary = classifier.fit(*sequences).network_summary_
    assert isinstance(summary, NetworkSummary)
    assert summary.macs == 20 * 3 * 6 * 4 + 3 * (6 + 4) * 3
    assert summary.n_trainable_parameters == 3 * 6 * 4 + 2 * 4 + 3 * (6 + 4) * 3 + 3
    # ... and the moving statistics, and the mean and scale of each coefficient
    assert summary.n_parameters == summary.n_trainable_parameters + 2 * 4 + 2 * 6


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (BCResNetClassifier, {"width_multiplier": 0}),
        (TCResNetClassifier, {"depth_multiplier": -1.0}),
        (DSCNNClassifier, {"time_stride": 0}),
        (CRNNClassifier, {"cell": "rnn"}),
    ],
)
def test_parameters_are_checked_in_fit(kind, parameters, sequences):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"The {name!r} parameter of {kind.__name__} must be"):
        kind(**parameters).fit(*sequences)
