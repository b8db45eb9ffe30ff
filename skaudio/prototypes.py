"""A classifier for few clips, by similarity to a prototype of each class."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import normalize
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skaudio._fit_callbacks import CallbackSupportMixin, teardown_of_callbacks
from skaudio._validation import Interval, as_it_was_if_it_fails

__all__ = ["PrototypeClassifier"]

# The least temperature. A few clips are often all predicted correctly, and then the log loss
# always falls with the temperature.
_LEAST = 0.01


class PrototypeClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Classify by the cosine similarity to the mean of each class.

    It is meant for the vectors of :class:`~skaudio.EmbeddingTransformer`, and one to ten clips of
    each class. Inside
    :class:`~skaudio.UnknownRejector` it also tells unknown sounds from known ones, since a clip
    that differs from all classes is similar to no prototype.

    Parameters
    ----------
    temperature : float, default=None
        Divides the similarities before the softmax of `predict_proba`; it does not change the
        predicted labels. None chooses the one with the least log loss when each training clip is
        left out of its prototype, at least 0.01; if no class has two clips, 0.01.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features. Only defined if all are strings.
    prototypes_ : ndarray of shape (n_classes, n_features)
        Mean direction of each class, of unit length.
    temperature_ : float
        The temperature used.

    See Also
    --------
    sklearn.neighbors.NearestCentroid : Uses distances instead of similarities.
    sklearn.linear_model.LogisticRegression : Better with many clips, after
        :class:`~sklearn.preprocessing.Normalizer` and with ``C=10``.

    Notes
    -----
    Each vector, and then each mean, is scaled to unit length.

    References
    ----------
    J. Snell, K. Swersky and R. Zemel, "Prototypical networks for few-shot learning", NIPS 2017.
    (Prototypes; with Euclidean distances and a network trained for them.)

    Examples
    --------
    >>> from skaudio import PrototypeClassifier
    >>> classifier = PrototypeClassifier().fit([[1, 0], [0, 1]], ["cat", "dog"])
    >>> classifier.predict([[3, 1]]).tolist()
    ['cat']
    >>> classifier.score_samples([[3, 0], [1, 1], [-1, 0]]).round(2).tolist()
    [1.0, 0.71, 0.0]
    """

    _parameter_constraints = {"temperature": [Interval(Real, 0, None, closed="neither"), None]}

    def __init__(self, *, temperature=None):
        self.temperature = temperature

    def fit(self, X, y):
        """Compute the prototypes.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_features)
            Vectors.
        y : array-like of shape (n_clips,)
            Their labels.

        Returns
        -------
        PrototypeClassifier
            The fitted classifier.
        """
        self._validate_params()
        with as_it_was_if_it_fails(self), teardown_of_callbacks(self):
            return self._fit(X, y)

    def _fit(self, X, y):
        task = self._init_callback_context().call_on_fit_task_begin(estimator=self, X=X, y=y)
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"PrototypeClassifier needs clips of at least 2 classes; the data contains only "
                f"one class: {self.classes_[0]!r}."
            )
        X = normalize(X)
        sums = np.stack([X[codes == code].sum(axis=0) for code in range(len(self.classes_))])
        self.prototypes_ = normalize(sums)
        chosen = self.temperature
        self.temperature_ = _calibrated(X, codes, sums) if chosen is None else float(chosen)
        task.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def predict(self, X):
        """Predict the class of the most similar prototype.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_features)
            Vectors.

        Returns
        -------
        ndarray of shape (n_clips,)
            Labels.
        """
        similarities = self._similarities(X)
        return self.classes_[similarities.argmax(axis=1)]

    def predict_proba(self, X):
        """Compute a softmax of the similarities.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_features)
            Vectors.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            Probabilities, in the order of `classes_`.
        """
        similarities = self._similarities(X)
        return softmax(similarities / self.temperature_, axis=1)

    def decision_function(self, X):
        """Compute the similarities to the prototypes.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_features)
            Vectors.

        Returns
        -------
        ndarray of shape (n_clips,) or (n_clips, n_classes)
            Cosines. For two classes, their difference, which is positive for ``classes_[1]``.
        """
        similarities = self._similarities(X)
        if len(self.classes_) == 2:
            return similarities[:, 1] - similarities[:, 0]
        return similarities

    def score_samples(self, X):
        """Compute the similarity to the most similar prototype.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_features)
            Vectors.

        Returns
        -------
        ndarray of shape (n_clips,)
            Cosines: 1 in the direction of a prototype, low for a sound like none of the classes.
        """
        return self._similarities(X).max(axis=1)

    def _similarities(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        return normalize(X) @ self.prototypes_.T


def _calibrated(X: np.ndarray, codes: np.ndarray, sums: np.ndarray) -> float:
    """Return the temperature with the least log loss of clips left out of their prototypes.

    Rows of `X` have unit length; `sums` are those of the classes.
    """
    has_others = np.bincount(codes)[codes] > 1
    if not has_others.any():
        return _LEAST
    X, codes = X[has_others], codes[has_others]
    similarities = X @ normalize(sums).T
    clips = np.arange(len(X))
    similarities[clips, codes] = (X * normalize(sums[codes] - X)).sum(axis=1)

    def loss(logarithm):
        return -log_softmax(similarities / np.exp(logarithm), axis=1)[clips, codes].mean()

    bounds = np.log([_LEAST, 10])  # at 10, all classes are almost equally probable
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
