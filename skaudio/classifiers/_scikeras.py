"""SciKeras' classifier, adapted to scikit-learn's conventions: the only use of SciKeras.

What remains is the type and its interface: `fit`, `partial_fit`, `initialize`,
`model_`, `history_`, `classes_`, `current_epoch`.
"""

from __future__ import annotations

from typing import Any

from scikeras.wrappers import KerasClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import ClassifierTags


class SciKerasClassifier(KerasClassifier):
    """A ``KerasClassifier`` whose parameters are those of its constructor's signature."""

    # SciKeras reads these as parameters; skaudio does not have them.
    model = None
    build_fn = None
    loss = None

    # SciKeras gets parameters from the attributes of the instance, and changes set_params and
    # repr accordingly; its score validates y against the dtype of the training labels.
    _get_param_names: Any = classmethod(BaseEstimator._get_param_names.__func__)
    set_params = BaseEstimator.set_params
    __repr__ = BaseEstimator.__repr__
    score = ClassifierMixin.score

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # SciKeras has ClassifierMixin on the wrong side, so its tags are not used.
        tags.estimator_type = "classifier"
        tags.classifier_tags = ClassifierTags()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        return tags

    def __sklearn_is_fitted__(self):
        return self.initialized_
