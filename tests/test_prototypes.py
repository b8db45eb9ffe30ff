"""Prototypes: what they are, and the probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.utils.estimator_checks import parametrize_with_checks

from skaudio import PrototypeClassifier, UnknownRejector


@parametrize_with_checks([PrototypeClassifier()])
def test_scikit_learn_conformance(estimator, check):
    check(estimator)


def _cones(n_clips, spread, seed=0, n_classes=3, n_features=20):
    """Draw vectors around a direction of each class, of all lengths."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_clips) % n_classes
    X = np.eye(n_classes, n_features)[y] + spread * rng.normal(size=(n_clips, n_features))
    return X * rng.uniform(0.1, 10, size=(n_clips, 1)), y


def test_prototypes_are_mean_directions():
    X, y = _cones(30, 0.2)
    classifier = PrototypeClassifier().fit(X, y)
    directions = X / np.linalg.norm(X, axis=1, keepdims=True)
    means = np.stack([directions[y == label].mean(axis=0) for label in range(3)])
    np.testing.assert_allclose(classifier.decision_function(X), cosine_similarity(X, means))
    np.testing.assert_allclose(classifier.score_samples(X), cosine_similarity(X, means).max(axis=1))
    np.testing.assert_array_equal(classifier.predict(X), cosine_similarity(X, means).argmax(axis=1))


@given(st.floats(1e-3, 1e3), st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_the_length_of_a_vector_does_not_matter(factor, seed):
    X, y = _cones(12, 0.3, seed)
    factors = np.random.default_rng(seed).uniform(1, 1 + factor, size=(len(X), 1))
    one, other = PrototypeClassifier().fit(X, y), PrototypeClassifier().fit(X * factors, y)
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-4)


def test_the_temperature_is_that_of_clips_that_are_left_out():
    X, y = _cones(60, 0.5)
    classifier = PrototypeClassifier().fit(X, y)
    left_out = np.concatenate(
        [
            PrototypeClassifier(temperature=1.0)
            .fit(np.delete(X, clip, axis=0), np.delete(y, clip))
            .decision_function(X[[clip]])
            for clip in range(len(X))
        ]
    )
    grid = np.geomspace(0.01, 10, 200)
    losses = []
    for temperature in grid:
        e = np.exp((left_out - left_out.max(axis=1, keepdims=True)) / temperature)
        losses.append(log_loss(y, e / e.sum(axis=1, keepdims=True)))
    assert classifier.temperature_ == pytest.approx(grid[np.argmin(losses)], rel=0.05)
    assert classifier.temperature_ < PrototypeClassifier().fit(*_cones(60, 1.0)).temperature_


def test_one_clip_of_each_class_is_enough():
    X, y = _cones(3, 0.1)
    classifier = PrototypeClassifier().fit(X, y)
    assert classifier.temperature_ == 0.01
    X_new, y_new = _cones(300, 0.1, seed=1)
    assert classifier.score(X_new, y_new) == 1.0


def test_silence_is_like_no_class():
    X, y = _cones(30, 0.2)
    classifier = PrototypeClassifier().fit(X, y)
    assert classifier.score_samples(np.zeros((1, 20))).tolist() == [0.0]
    np.testing.assert_allclose(classifier.predict_proba(np.zeros((1, 20))), 1 / 3)


def test_unknown_directions_are_rejected():
    X, y = _cones(30, 0.1)
    rejector = UnknownRejector(PrototypeClassifier()).fit(X, y)
    new, _ = _cones(300, 0.1, seed=1)
    assert (rejector.predict(new) != -1).mean() > 0.9
    strangers = np.random.default_rng(2).normal(size=(300, 20)) + 5 * np.eye(20)[10]
    assert (rejector.predict(strangers) == -1).mean() > 0.95


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="at least 2 classes"):
        PrototypeClassifier().fit([[1.0], [2.0]], ["a", "a"])
