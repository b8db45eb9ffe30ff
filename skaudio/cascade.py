"""Ask a slow classifier only about the clips that a fast one takes for known."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import _safe_indexing, get_tags, indexable
from sklearn.utils.validation import check_is_fitted

from skaudio._fit_callbacks import CallbackSupportMixin, fit_as_task, teardown_of_callbacks
from skaudio._validation import Interval, as_it_was_if_it_fails, check_labels

__all__ = ["CascadeClassifier"]


class CascadeClassifier(CallbackSupportMixin, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Ask a second classifier about the clips that the first takes for one of the sounds.

    In long recordings nearly all windows are none of the sounds, and a fast classifier says so of
    most. The mean of two classifiers that err differently, such as a network on MFCCs and a
    regression on :class:`~skaudio.EmbeddingTransformer`, finds more than the network alone, but the
    second one takes long. Here it only has to judge what the first one has found.

    Parameters
    ----------
    first : classifier
        Usually a pipeline from recordings to labels, which is fast. If it is already fitted, wrap
        it in :class:`sklearn.frozen.FrozenEstimator`.
    second : classifier
        Usually another such pipeline, which may be slow.
    threshold : float, default=0.2
        The second classifier is asked about clips for which the first has this probability of one
        of the sounds at least. With the default, the clips that it does not see could reach 0.6 in
        the mean at most. 0 asks about all clips, and the result is that of
        :class:`~sklearn.ensemble.VotingClassifier` with ``voting="soft"``.
    unknown_label : str, int or None, default="unknown"
        The label of clips that are none of the sounds. Without clips of this label, the second
        classifier is asked about all.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    first_, second_ : classifier
        The fitted classifiers.
    n_features_in_ : int
        Number of features. Only defined if `first_` has it.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features. Only defined if `first_` has them.

    See Also
    --------
    skaudio.detection.SoundDetector : Finds sounds in long recordings.
    sklearn.ensemble.VotingClassifier : The mean of several classifiers for all clips.

    References
    ----------
    P. Viola and M. Jones, "Rapid object detection using a boosted cascade of simple features",
    CVPR 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skaudio import CascadeClassifier
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = np.where(np.hypot(*(X - 1).T) < 1, "cat", "unknown")
    >>> cascade = CascadeClassifier(LogisticRegression(), LogisticRegression(C=10)).fit(
    ...     X, y
    ... )
    >>> cascade.predict([[1, 1], [-1, 0]]).tolist()
    ['cat', 'unknown']
    """

    _parameter_constraints = {
        "first": "no_validation",
        "second": "no_validation",
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "unknown_label": "no_validation",
    }

    def __init__(self, first, second, *, threshold=0.2, unknown_label="unknown"):
        self.first = first
        self.second = second
        self.threshold = threshold
        self.unknown_label = unknown_label

    def fit(self, X, y):
        """Fit both classifiers to the same clips.

        Parameters
        ----------
        X : sequence of recordings, or what else both classifiers take
            Clips.
        y : array-like of shape (n_clips,)
            Their labels.

        Returns
        -------
        CascadeClassifier
            The fitted classifier.
        """
        self._validate_params()
        with as_it_was_if_it_fails(self), teardown_of_callbacks(self):
            return self._fit(X, y)

    def _fit(self, X, y):
        y = check_labels(X, y)
        fit = self._init_callback_context(max_subtasks=2)
        fit.call_on_fit_task_begin(estimator=self, X=X, y=y)
        task = fit.subcontext(task_name="first")
        self.first_ = fit_as_task(task, clone(self.first), X, y, caller=self)
        task = fit.subcontext(task_name="second")
        self.second_ = fit_as_task(task, clone(self.second), X, y, caller=self)
        fit.call_on_fit_task_end(estimator=self, X=X, y=y)
        if not np.array_equal(self.first_.classes_, self.second_.classes_):
            raise ValueError(
                "Both classifiers must have the same classes. The first has "
                f"{np.asarray(self.first_.classes_).tolist()}, the second "
                f"{np.asarray(self.second_.classes_).tolist()}."
            )
        self.classes_ = self.first_.classes_
        return self

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : sequence of recordings, or what else both classifiers take
            Clips.

        Returns
        -------
        ndarray of shape (n_clips,)
            Labels.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X):
        """Compute the probability of each class.

        Parameters
        ----------
        X : sequence of recordings, or what else both classifiers take
            Clips.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            The means of both classifiers, or for clips that the first takes for none of the sounds
            its own; in the order of `classes_`.
        """
        check_is_fitted(self)
        (X,) = indexable(X)
        probabilities = np.array(self.first_.predict_proba(X))
        is_sound = np.asarray(self.classes_ != self.unknown_label)
        asked = np.arange(len(probabilities))
        if not is_sound.all():
            asked = np.flatnonzero(probabilities[:, is_sound].max(axis=1) >= self.threshold)
        if len(asked):
            others = self.second_.predict_proba(_safe_indexing(X, asked))
            probabilities[asked] = (probabilities[asked] + others) / 2
        return probabilities

    @property
    def n_features_in_(self):
        """Number of features, if the first classifier has it.

        Returns
        -------
        int
            Number of features.
        """
        check_is_fitted(self)
        return self.first_.n_features_in_

    @property
    def feature_names_in_(self):
        """Feature names, if the first classifier has them.

        Returns
        -------
        ndarray of shape (n_features,)
            Names.
        """
        check_is_fitted(self)
        return self.first_.feature_names_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.first).input_tags
        tags.input_tags.sparse &= get_tags(self.second).input_tags.sparse
        return tags
