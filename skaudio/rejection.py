"""Reject clips of unknown classes."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.special import betaincinv
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import (
    GroupShuffleSplit,
    StratifiedGroupKFold,
    StratifiedShuffleSplit,
    check_cv,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, assert_all_finite, column_or_1d, get_tags, indexable
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params, _num_samples, check_is_fitted

from skaudio._fit_callbacks import CallbackSupportMixin, fit_as_task, teardown_of_callbacks
from skaudio._validation import Interval, StrOptions, as_it_was_if_it_fails

__all__ = ["UnknownRejector"]


class UnknownRejector(CallbackSupportMixin, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Predict "unknown" for clips that differ from the training clips.

    A classifier predicts one of the labels that it was trained on for every clip, even for
    another word, a door or silence. This meta-estimator accepts the prediction of a classifier
    only if its score reaches a threshold. The score is that of the classifier's
    ``score_samples``, if it has this method, such as the similarity of
    :class:`~skaudio.PrototypeClassifier`; otherwise the probability of the most probable class.
    The threshold is chosen on held-out training clips, so that a given share of them is
    accepted; no unknown clips are needed.

    Parameters
    ----------
    estimator : classifier
        It must have ``predict_proba``. It can be a pipeline, or calibrated by
        :class:`sklearn.calibration.CalibratedClassifierCV`.
    keep : float, default=0.95
        Share of the held-out clips that is accepted, at most 1. With a larger share, more known
        clips and more unknown clips are accepted.
    unknown_label : str, int or None, default=None
        The label of rejected clips. None means ``"unknown"`` if labels are strings and
        -1 if they are numbers. Clips with this label in `y` are a class for `estimator`,
        and are not used for the threshold.
    cv : int, float, cross-validation generator, iterable or "prefit", default=5
        How clips are held out, as in
        :class:`sklearn.model_selection.TunedThresholdClassifierCV`: in folds; a share that is
        held out once; or "prefit", if `estimator` is already fitted, to other clips than
        those passed to `fit`. With ``groups``, folds consist of whole groups, and a share is a
        share of the groups.
    refit : bool, default=True
        Whether `estimator` is finally fitted to all clips. False uses the one that was fitted
        without the held-out clips, which requires a single split.
    n_jobs : int or None, default=None
        Number of folds fitted at the same time.
    random_state : int, RandomState instance or None, default=None
        Seed of the splits if `cv` is a number and clips are shuffled: with a share or with
        groups.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The known labels, sorted.
    estimator_ : classifier
        The fitted classifier.
    held_out_scores_ : ndarray of shape (n_held_out_clips,)
        Scores of the held-out clips of known classes, to change the threshold without a fit:
        ``rejector.threshold_ = np.quantile(rejector.held_out_scores_, 0.1)``,
        which does not change `keep_interval_`.
    keep_interval_ : tuple of (float, float)
        What the number of held-out clips says about the share of known clips that the threshold
        accepts: a 95 % interval [1]_. With 15 clips it is 0.77 to 1.00, with 150 clips 0.91 to
        0.98. It counts clips as independent: several of a speaker say less.
    n_features_in_ : int
        Number of features. Only defined if `estimator_` has it.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features. Only defined if `estimator_` has them.
    threshold_ : float
        Clips with a lower score are unknown. It is a quantile of `held_out_scores_`, whose method
        ("median_unbiased") has no bias that depends on the distribution of the scores. With 13
        held-out clips or fewer, at the default `keep`, it is the lowest score.
    unknown_label_ : str or int
        The label of these clips.

    See Also
    --------
    sklearn.model_selection.TunedThresholdClassifierCV : Choose a threshold between two classes.

    Notes
    -----
    ``roc_auc_score(y != "unknown", rejector.score_samples(X))`` measures how well the scores
    separate known from unknown clips, for all thresholds. `predict_proba` and
    `decision_function` have values for the known classes only, as scorers such as ``"roc_auc"``
    and ``"roc_auc_ovr"`` expect.

    The more similar unknown clips are to known ones, the fewer are rejected. With three short
    words, other short words are hard to reject and noise is easy:
    ``examples/benchmarks/rejection.py`` measures both.

    References
    ----------
    .. [1] V. Vovk, "Conditional validity of inductive conformal predictors", ACML 2012, 475-490.
       (The interval is that of its beta distribution.)

    D. Hendrycks and K. Gimpel, "A baseline for detecting misclassified and
    out-of-distribution examples in neural networks", ICLR 2017. (The probability as score.)

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skaudio import UnknownRejector
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(3, 1, (50, 2)), rng.normal(-3, 1, (50, 2))])
    >>> y = np.repeat(["cat", "dog"], 50)
    >>> rejector = UnknownRejector(LogisticRegression(), keep=0.9).fit(X, y)
    >>> rejector.predict([[3, 3], [-3, -3], [3, -3]]).tolist()
    ['cat', 'dog', 'unknown']
    """

    _parameter_constraints = {
        "estimator": "no_validation",
        "keep": [Interval(Real, 0, 1, closed="right")],
        "unknown_label": [str, Integral, None],
        "cv": ["cv_object", StrOptions({"prefit"}), Interval(Real, 0, 1, closed="neither")],
        "refit": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        *,
        keep=0.95,
        unknown_label=None,
        cv=5,
        refit=True,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.keep = keep
        self.unknown_label = unknown_label
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X, y, **params):
        """Choose the threshold on held-out clips, and fit the classifier.

        Parameters
        ----------
        X : sequence of recordings, or what else `estimator` takes
            Training clips.
        y : array-like of shape (n_clips,)
            Their labels, strings or numbers.
        **params : dict
            ``groups`` for the splits, such as speakers; all others are passed to the ``fit``
            of `estimator`. With scikit-learn's metadata routing, those that were requested.

        Returns
        -------
        UnknownRejector
            The fitted rejector.
        """
        self._validate_params()
        with as_it_was_if_it_fails(self), teardown_of_callbacks(self):
            return self._fit(X, y, params)

    def _fit(self, X, y, params):
        X, y = indexable(X, column_or_1d(y, warn=True))
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        self.unknown_label_ = self._choose_label(y)
        is_known = y != self.unknown_label_
        self.classes_ = np.unique(y[is_known])
        if self.cv == "prefit":
            if self.refit:
                raise ValueError("With cv='prefit' nothing is fitted: set refit=False.")
            if params:
                raise ValueError(f"With cv='prefit' nothing is fitted: omit {sorted(params)}.")
            check_is_fitted(self.estimator)
            self.estimator_ = self.estimator
            scores = self._scores(self.estimator, _safe_indexing(X, np.flatnonzero(is_known)))
        else:
            scores = self._fit_folds(X, y, is_known, *self._route(params))
        if not len(scores):
            raise ValueError(
                "No held-out clip is of a known class, but such clips are needed for the threshold."
            )
        self.held_out_scores_ = scores
        self.threshold_ = float(np.quantile(scores, 1 - self.keep, method="median_unbiased"))
        rank = np.clip((1 - self.keep) * (len(scores) + 1 / 3) + 1 / 3, 1, len(scores))
        low, high = betaincinv(len(scores) + 1 - rank, rank, [0.025, 0.975])
        self.keep_interval_ = float(low), float(high)
        return self

    def predict(self, X):
        """Predict the most probable known class, or that a clip is unknown.

        Parameters
        ----------
        X : sequence of recordings, or what else `estimator` takes
            Clips.

        Returns
        -------
        ndarray of shape (n_clips,)
            Labels: those of `classes_`, or `unknown_label_`.
        """
        check_is_fitted(self)
        probabilities, is_sure = self._decide(X)
        answers = self.classes_[probabilities.argmax(axis=1)]
        # An array, so that the types are promoted: -1 does not fit in uint8 labels.
        return np.where(is_sure, answers, np.asarray(self.unknown_label_))

    def predict_proba(self, X):
        """Compute the probabilities of the known classes, given that the clip is of one of them.

        The probability that a clip is unknown cannot be learned from known clips:
        `score_samples` only ranks clips by the confidence of the classifier.

        Parameters
        ----------
        X : sequence of recordings, or what else `estimator` takes
            Clips.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            In the order of `classes_`. Each row sums to 1, also if `predict` labels the clip as
            unknown. They are those of the classifier; if it was trained on `unknown_label`, they
            are normalised without that class.
        """
        check_is_fitted(self)
        return self._normalized(self._judge(self.estimator_, X)[0])

    def score_samples(self, X):
        """Compute the score that is compared with the threshold.

        Parameters
        ----------
        X : sequence of recordings, or what else `estimator` takes
            Clips.

        Returns
        -------
        ndarray of shape (n_clips,)
            The classifier's ``score_samples`` or the probability of the most probable known
            class, to be compared with `threshold_`. If the classifier was trained on
            `unknown_label` and that class is the most probable one, the lowest score: 0 for
            probabilities, otherwise the lowest number.
        """
        check_is_fitted(self)
        return self._judge(self.estimator_, X)[1]

    def decision_function(self, X):
        """Compute the confidence in each known class, given that the clip is of one of them.

        Parameters
        ----------
        X : sequence of recordings, or what else `estimator` takes
            Clips.

        Returns
        -------
        ndarray of shape (n_clips,) or (n_clips, n_classes)
            Logarithms of `predict_proba`; for two classes their difference, which is positive
            for ``classes_[1]``.
        """
        with np.errstate(divide="ignore"):
            logarithms = np.log(self.predict_proba(X))
        return logarithms[:, 1] - logarithms[:, 0] if logarithms.shape[1] == 2 else logarithms

    @property
    def n_features_in_(self):
        """Number of features, if the classifier has it.

        Returns
        -------
        int
            Number of features.
        """
        check_is_fitted(self)
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self):
        """Feature names, if the classifier has them.

        Returns
        -------
        ndarray of shape (n_features,)
            Names.
        """
        check_is_fitted(self)
        return self.estimator_.feature_names_in_

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        Returns
        -------
        MetadataRouter
            Routes the parameters of `fit` to the classifier and to the splitter.
        """
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        to_split = MethodMapping().add(caller="fit", callee="split")
        # If cv is a number, a splitter that takes groups represents the one made in fit.
        splitter = self.cv if hasattr(self.cv, "split") else StratifiedGroupKFold()
        return (
            MetadataRouter(owner=self)
            .add(estimator=self.estimator, method_mapping=to_fit)
            .add(splitter=splitter, method_mapping=to_split)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags

    # Steps ------------------------------------------------------------------------------

    def _known_probabilities(self, X):
        """Return the probabilities of the known classes, zero for rejected clips."""
        probabilities, is_sure = self._decide(X)
        return self._normalized(probabilities) * is_sure[:, None]

    def _decide(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities of the known classes, and which clips are not rejected."""
        probabilities, scores = self._judge(self.estimator_, X)
        return probabilities, (scores >= self.threshold_) & (scores > _lowest(self.estimator_))

    def _normalized(self, known: np.ndarray) -> np.ndarray:
        if len(self.estimator_.classes_) > len(self.classes_):
            known += np.finfo(known.dtype).tiny  # if all are zero, they become equal
            known /= known.sum(axis=1, keepdims=True)
        return known

    def _choose_label(self, y: np.ndarray) -> Any:
        is_number = y.dtype.kind in "iuf"
        if not is_number and y.dtype.kind not in "UO":
            raise ValueError(
                f"Labels must be strings or numbers, got {y.dtype}, which has no value for "
                "unknown clips."
            )
        if self.unknown_label is None and is_number and -1 in y:
            raise ValueError(
                "-1 is a label in y, but it is also the default label of unknown clips. Set "
                "unknown_label to another number, or to -1 if that is what it means in y."
            )
        if self.unknown_label is None:
            return -1 if is_number else "unknown"
        if is_number != isinstance(self.unknown_label, Integral):
            raise ValueError(
                f"unknown_label={self.unknown_label!r} must be of the same type as the labels, "
                f"such as {y[:1].tolist()[0]!r}."
            )
        return self.unknown_label

    def _route(self, params: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Separate the parameters for the classifier from the groups for the splits."""
        if _routing_enabled():
            routed = process_routing(self, "fit", **params)
            return dict(routed.estimator.fit), routed.splitter.split.get("groups")
        return {name: params[name] for name in params if name != "groups"}, params.get("groups")

    def _splits(self, X: Any, y: np.ndarray, groups: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        cv, seed = self.cv, self.random_state
        if isinstance(cv, Real) and not isinstance(cv, Integral):
            Shuffle = StratifiedShuffleSplit if groups is None else GroupShuffleSplit
            cv = Shuffle(n_splits=1, test_size=cv, random_state=seed)
        elif groups is not None and (cv is None or isinstance(cv, Integral)):
            cv = StratifiedGroupKFold(cv or 5, shuffle=True, random_state=seed)
        cv = check_cv(cv, y, classifier=True)
        splits = list(cv.split(np.zeros(_num_samples(X)), y, groups))
        if not self.refit and len(splits) != 1:
            raise ValueError(
                "refit=False requires a single split: set cv to a share, such as 0.2. "
                f"Got cv={self.cv!r}, which makes {len(splits)} splits."
            )
        return splits

    def _fit_folds(self, X, y, is_known, params, groups):
        """Fit the classifier in each split, and score the held-out clips."""
        splits = self._splits(X, y, groups)
        n_tasks = len(splits) + self.refit
        fit = self._init_callback_context(max_subtasks=n_tasks)
        fit.call_on_fit_task_begin(estimator=self, X=X, y=y)
        # All tasks are created before one is sent to another process.
        tasks = [fit.subcontext(task_name="fold") for _ in splits]
        folds = Parallel(n_jobs=self.n_jobs)(
            delayed(self._fit_fold)(X, y, is_known, train, test, params, task)
            for (train, test), task in zip(splits, tasks, strict=True)
        )
        if self.refit:
            task = fit.subcontext(task_name="refit")
            self.estimator_ = fit_as_task(task, clone(self.estimator), X, y, caller=self, **params)
        else:
            self.estimator_ = folds[0][0]
        fit.call_on_fit_task_end(estimator=self, X=X, y=y)
        return np.concatenate([scores for _, scores in folds])

    def _fit_fold(self, X, y, is_known, train, test, params, task):
        params = _check_method_params(X, params, indices=train)
        clips = _safe_indexing(X, train)
        estimator = fit_as_task(task, clone(self.estimator), clips, y[train], caller=self, **params)
        return estimator, self._scores(estimator, _safe_indexing(X, test[is_known[test]]))

    def _scores(self, estimator: Any, X: Any) -> np.ndarray:
        if not _num_samples(X):
            return np.empty(0)
        return self._judge(estimator, X)[1]

    def _judge(self, estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities of the known classes, and the scores."""
        has_scores = hasattr(estimator, "score_samples")
        is_pipeline = has_scores and isinstance(estimator, Pipeline) and len(estimator) > 1
        if is_pipeline and hasattr(estimator[:-1], "transform"):  # a sampler at the end has not
            # Two methods of the last step are called, but features are computed once.
            X, estimator = estimator[:-1].transform(X), estimator[-1]
        probabilities = np.asarray(estimator.predict_proba(X))
        missing = np.setdiff1d(self.classes_, estimator.classes_)
        if len(missing):
            raise ValueError(
                f"The classifier was not fitted to any clip of the classes {missing.tolist()}. "
                "Add clips of them, from several groups if there are groups, so that each "
                "training fold has some, or choose another cv."
            )
        known = probabilities[:, np.searchsorted(estimator.classes_, self.classes_)]
        best = np.asarray(estimator.classes_)[probabilities.argmax(axis=1)]
        scores = estimator.score_samples(X) if has_scores else known.max(axis=1)
        scores = np.asarray(scores, np.float64)
        return known, np.where(best == self.unknown_label_, _lowest(estimator), scores)


def _lowest(estimator: Any) -> float:
    return float(np.finfo(float).min) if hasattr(estimator, "score_samples") else 0.0
