"""Train a small classifier to follow a better one."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skaudio._fit_callbacks import CallbackSupportMixin, fit_as_task, teardown_of_callbacks
from skaudio._validation import as_it_was_if_it_fails, check_labels
from skaudio.audio._sources import in_order

__all__ = ["DistilledClassifier"]


def _student_has(method):
    def has(self):
        getattr(getattr(self, "student_", self.student), method)
        return True

    return has


class DistilledClassifier(CallbackSupportMixin, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Train a small classifier, the student, on clips that a better one, the teacher, labels.

    The teacher learns from the labelled clips, and predicts the labels of unlabelled ones. The
    student learns from all of them, and alone makes the predictions. A teacher on
    :class:`~skaudio.EmbeddingTransformer` needs few labelled clips; a student on MFCCs needs
    more, but is smaller and faster.

    Parameters
    ----------
    student : classifier
        Usually a pipeline from recordings to labels. A
        :class:`~skaudio.augmentation.WaveformAugmenter` in it also multiplies the unlabelled
        clips.
    teacher : classifier
        Usually another such pipeline. If it is already fitted, wrap it in
        :class:`sklearn.frozen.FrozenEstimator`.
    unlabeled : sequence of recordings, or array-like of shape (n_clips, n_features), default=None
        The unlabelled clips: of the same kind as `X` in `fit`, and similar to the recordings
        to be predicted. For words, :func:`~skaudio.datasets.make_spoken_words` makes some. None
        uses no unlabelled clips: the student then learns the given labels.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    student_ : classifier
        The fitted student.
    teacher_ : classifier
        The fitted teacher.
    unlabeled_target_ : ndarray of shape (n_unlabeled,)
        The labels that the teacher predicted.
    n_features_in_ : int
        Number of features. Only defined if `student_` has it.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features. Only defined if `student_` has them.

    See Also
    --------
    sklearn.semi_supervised.SelfTrainingClassifier : The classifier is its own teacher.

    Notes
    -----
    The unlabelled clips are a parameter of the constructor, so that a search or a
    cross-validation does not split them. Their labels are the teacher's predictions; those of the
    labelled clips stay, whatever the teacher predicts for them.

    A pickle contains the teacher and the unlabelled clips. If you only need the predictions, save
    `student_`.

    References
    ----------
    G. Hinton, O. Vinyals and J. Dean, "Distilling the knowledge in a neural network",
    arXiv:1503.02531, 2015. (With probabilities instead of labels.)

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.svm import SVC
    >>> from skaudio import DistilledClassifier
    >>> rng = np.random.default_rng(0)
    >>> unlabeled = rng.normal(size=(200, 2))
    >>> X = [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    >>> y = ["left", "left", "right", "right"]
    >>> teacher = KNeighborsClassifier(1)
    >>> student = DistilledClassifier(SVC(), teacher, unlabeled=unlabeled).fit(X, y)
    >>> student.predict([[-0.3, 0.1], [0.4, -2.0]]).tolist()
    ['left', 'right']
    """

    _parameter_constraints = {
        "student": "no_validation",
        "teacher": "no_validation",
        "unlabeled": "no_validation",
    }

    def __init__(self, student, teacher, *, unlabeled=None):
        self.student = student
        self.teacher = teacher
        self.unlabeled = unlabeled

    def fit(self, X, y):
        """Fit the teacher, predict the unlabelled clips, and fit the student to all clips.

        Parameters
        ----------
        X : sequence of recordings, or what else both classifiers take
            Labelled clips.
        y : array-like of shape (n_clips,)
            Their labels.

        Returns
        -------
        DistilledClassifier
            The fitted classifier.
        """
        self._validate_params()
        with as_it_was_if_it_fails(self), teardown_of_callbacks(self):
            return self._fit(X, y)

    def _fit(self, X, y):
        y = check_labels(X, y)
        fit = self._init_callback_context(max_subtasks=2)
        fit.call_on_fit_task_begin(estimator=self, X=X, y=y)
        task = fit.subcontext(task_name="teacher")
        self.teacher_ = fit_as_task(task, clone(self.teacher), X, y, caller=self)
        self.unlabeled_target_ = y[:0]
        if self.unlabeled is not None:
            self.unlabeled_target_ = self.teacher_.predict(self.unlabeled)
            others = np.setdiff1d(self.unlabeled_target_, y)
            if len(others):
                raise ValueError(
                    f"The teacher predicts {others.tolist()}, which are not labels in y: "
                    f"{np.unique(y).tolist()}. Use one that was fitted to the same labels."
                )
            X = _joined(X, self.unlabeled)
            y = np.concatenate([y, self.unlabeled_target_])
        task = fit.subcontext(task_name="student")
        self.student_ = fit_as_task(task, clone(self.student), X, y, caller=self)
        fit.call_on_fit_task_end(estimator=self, X=X, y=y)
        self.classes_ = self.student_.classes_
        return self

    def predict(self, X):
        """Predict with the student.

        Parameters
        ----------
        X : sequence of recordings, or what else the student takes
            Clips.

        Returns
        -------
        ndarray of shape (n_clips,)
            Labels.
        """
        check_is_fitted(self)
        return self.student_.predict(X)

    @available_if(_student_has("predict_proba"))
    def predict_proba(self, X):
        """Compute the probabilities of the student.

        Parameters
        ----------
        X : sequence of recordings, or what else the student takes
            Clips.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            Probabilities, in the order of `classes_`.
        """
        check_is_fitted(self)
        return self.student_.predict_proba(X)

    @available_if(_student_has("decision_function"))
    def decision_function(self, X):
        """Compute the decision function of the student.

        Parameters
        ----------
        X : sequence of recordings, or what else the student takes
            Clips.

        Returns
        -------
        ndarray of shape (n_clips,) or (n_clips, n_classes)
            As the student defines it.
        """
        check_is_fitted(self)
        return self.student_.decision_function(X)

    @property
    def n_features_in_(self):
        """Number of features, if the student has it.

        Returns
        -------
        int
            Number of features.
        """
        check_is_fitted(self)
        return self.student_.n_features_in_

    @property
    def feature_names_in_(self):
        """Feature names, if the student has them.

        Returns
        -------
        ndarray of shape (n_features,)
            Names.
        """
        check_is_fitted(self)
        return self.student_.feature_names_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.student).input_tags
        return tags


def _joined(X: Any, others: Any) -> Any:
    """Join two collections of clips; no clip changes its type, which determines full scale."""
    if hasattr(X, "iloc") and hasattr(others, "iloc"):
        import pandas as pd

        return pd.concat([X, others], ignore_index=True)
    if scipy.sparse.issparse(X) and scipy.sparse.issparse(others):
        return scipy.sparse.vstack([X, others], format="csr")
    are_arrays = isinstance(X, np.ndarray) and isinstance(others, np.ndarray)
    if are_arrays and X.dtype == others.dtype and X.shape[1:] == others.shape[1:]:
        return np.concatenate([X, others])
    return [*in_order(X, caller="DistilledClassifier"), *in_order(others, caller="unlabeled")]
