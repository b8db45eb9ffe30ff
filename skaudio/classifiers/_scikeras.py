"""SciKeras' classifier, made to keep scikit-learn's rules: the one place that knows SciKeras.

What is left of it is the type, and its interface: `fit`, `partial_fit`, `initialize`,
`model_`, `history_`, `classes_`, `current_epoch`.
"""

from __future__ import annotations

from typing import Any

from scikeras.wrappers import KerasClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import ClassifierTags


class SciKerasClassifier(KerasClassifier):
    """A ``KerasClassifier`` whose parameters are those of its constructor's signature."""

    # What SciKeras reads as parameters, and skaudio does not offer as such.
    model = None
    build_fn = None
    loss = None

    # SciKeras reads parameters off the instance's attributes, and rewrites set_params and
    # repr to match; its score validates y against the dtype of the training labels.
    _get_param_names: Any = classmethod(BaseEstimator._get_param_names.__func__)
    set_params = BaseEstimator.set_params
    __repr__ = BaseEstimator.__repr__
    score = ClassifierMixin.score

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # SciKeras has ClassifierMixin on the wrong side, so its tags never arrive.
        tags.estimator_type = "classifier"
        tags.classifier_tags = ClassifierTags()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        return tags

    def __sklearn_is_fitted__(self):
        return self.initialized_
