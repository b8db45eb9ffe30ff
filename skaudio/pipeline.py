"""A pipeline that names its steps and supports samplers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from numbers import Real
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn import pipeline as sklearn_pipeline
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, has_fit_parameter

from skaudio.rejection import UnknownRejector

__all__ = ["Pipeline"]

# Their fit takes ``groups`` for the splits, although they are not in its signature.
_TAKE_GROUPS = GridSearchCV, RandomizedSearchCV, UnknownRejector


def _super_has(method):
    """Check that scikit-learn's pipeline has a method, with its own error."""

    def check(self):
        getattr(super(Pipeline, self), method)
        return True

    return check


class Pipeline(sklearn_pipeline.Pipeline):
    """Scikit-learn's pipeline, with support for steps without names and for samplers.

    A sampler is a step with ``fit_resample``, such as
    :class:`~skaudio.WaveformAugmenter`. It changes the number of clips when the pipeline is
    fitted, and is skipped when the pipeline predicts, scores or transforms. Samplers
    must come before the transformers; :class:`imblearn.pipeline.Pipeline` accepts them
    anywhere.

    Everything else works as in :class:`sklearn.pipeline.Pipeline`. You can also use skaudio's
    transformers and classifiers in scikit-learn's own ``Pipeline`` and ``make_pipeline``.

    Parameters
    ----------
    steps : list of estimators or of (str, estimator)
        The steps. Estimators without names are named as by
        :func:`sklearn.pipeline.make_pipeline`: with the class name in lower
        case, and a number if a class occurs twice. Names may also be omitted in
        ``set_params``.
    transform_input : list of str, default=None
        As in :class:`sklearn.pipeline.Pipeline`.
    memory : str or object with the joblib.Memory interface, default=None
        As in :class:`sklearn.pipeline.Pipeline`. Samplers are not cached.
    verbose : bool, default=False
        As in :class:`sklearn.pipeline.Pipeline`.

    See Also
    --------
    sklearn.pipeline.make_pipeline : Names steps in the same way.
    imblearn.pipeline.Pipeline : Also accepts samplers between transformers.

    Notes
    -----
    Parameters of `fit` with one value per clip, such as ``convclassifier__sample_weight``, are
    resampled with the clips, by the sampler's ``sample_indices_``. As in scikit-learn's
    cross-validation, these are the parameters of the same length as `X`.
    Copies of held-out clips are never used for training. A step that holds out some of its
    clips, for early stopping or by its ``cv``, gets ``groups``, each a clip and its copies,
    unless you pass others: skaudio's classifiers, :class:`~skaudio.UnknownRejector`,
    and searches whose ``cv`` is a splitter by groups; with metadata routing all steps that
    request ``groups``. Other steps that hold out clips, such as
    :class:`sklearn.calibration.CalibratedClassifierCV`, raise an error. Use them around the
    whole pipeline: ``CalibratedClassifierCV(Pipeline([...]))``.
    :class:`imblearn.pipeline.Pipeline` does none of this.

    With a sampler, `fit_transform` and `fit_predict` return one row for each clip *after*
    sampling, as in imbalanced-learn.

    Examples
    --------
    >>> from skaudio import ConvClassifier, MFCCTransformer, Pipeline
    >>> model = Pipeline([MFCCTransformer(), ConvClassifier()])
    >>> [name for name, _ in model.steps]
    ['mfcctransformer', 'convclassifier']
    >>> model.set_params(convclassifier__dropout=0.5)["convclassifier"].dropout
    0.5
    """

    def __init__(self, steps, *, transform_input=None, memory=None, verbose=False):
        super().__init__(steps, transform_input=transform_input, memory=memory, verbose=verbose)

    def __setattr__(self, name, value):
        # Steps are named on every assignment: in the constructor, set_params or a search.
        super().__setattr__(name, _named(value) if name == "steps" else value)

    def fit(self, X, y=None, **params):
        """Apply the samplers, fit the transformers one after the other, then the last step.

        Parameters
        ----------
        X : sequence of recordings, or any other input of the first step
            Training clips.
        y : array-like of shape (n_clips,), default=None
            Their labels.
        **params : dict
            As in :class:`sklearn.pipeline.Pipeline`: ``step__parameter``, or parameters
            requested by metadata routing. Samplers only get the former.

        Returns
        -------
        Pipeline
            The fitted pipeline.

        Raises
        ------
        ValueError
            If a step after a sampler holds out clips and does not take ``groups``.
        """
        X, y, params = self._resample(X, y, params)
        return super().fit(X, y, **params)

    @available_if(_super_has("fit_transform"))
    def fit_transform(self, X, y=None, **params):
        """Fit all steps, and transform the resampled clips.

        Parameters
        ----------
        X : sequence of recordings, or any other input of the first step
            Training clips.
        y : array-like of shape (n_clips,), default=None
            Their labels.
        **params : dict
            As in `fit`.

        Returns
        -------
        ndarray
            The clips, including the augmented copies, transformed by all steps.
        """
        X, y, params = self._resample(X, y, params)
        return super().fit_transform(X, y, **params)

    @available_if(_super_has("fit_predict"))
    def fit_predict(self, X, y=None, **params):
        """Fit all steps, and predict for the resampled clips.

        Parameters
        ----------
        X : sequence of recordings, or any other input of the first step
            Training clips.
        y : array-like of shape (n_clips,), default=None
            Their labels.
        **params : dict
            As in `fit`.

        Returns
        -------
        ndarray
            The predictions for the clips, including the augmented copies.
        """
        X, y, params = self._resample(X, y, params)
        return super().fit_predict(X, y, **params)

    def _resample(self, X: Any, y: Any, params: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
        """Apply the samplers to the clips and to all parameters with one value per clip."""
        self._validate_params()
        self._validate_steps()
        taken = []  # for each sampler, the indices of its output clips in its input
        for name, step in self.steps[:-1]:
            if not _is_sampler(step):
                continue
            own = {key: params[key] for key in params if key.startswith(f"{name}__")}
            params = {key: value for key, value in params.items() if key not in own}
            before = X
            X, y = step.fit_resample(
                X, y, **{key.removeprefix(f"{name}__"): value for key, value in own.items()}
            )
            # Parameters in transform_input have their own clips.
            others = params.keys() - set(self.transform_input or ())
            params |= {key: _resampled(key, params[key], name, step, before) for key in others}
            taken.append(getattr(step, "sample_indices_", None))
        return X, y, params | self._groups(taken, params, X)

    def _groups(self, taken: list[Any], params: dict[str, Any], X: Any) -> dict[str, Any]:
        """Make ``groups`` of copies for steps that hold out clips, or raise an error."""
        if not taken:
            return {}
        is_known = all(indices is not None for indices in taken)
        clips = reduce(lambda clips, indices: clips[indices], taken) if is_known else []
        if is_known and len(np.unique(clips)) == len(clips):
            return {}
        groups = {}
        for name, step in self.steps:
            for path, estimator, around in _holding_out(name, step, _num_samples(X)):
                if not is_known:
                    raise ValueError(
                        f"{type(estimator).__name__} ({path!r}) holds out some of the clips that "
                        "it is fitted to, but a sampler of the pipeline has no sample_indices_, "
                        "so that copies of a clip are unknown. Remove one of the two."
                    )
                key = _groups_parameter(path, estimator, around)
                if key is None:
                    is_last = step is self.steps[-1][1]
                    raise ValueError(_no_groups(path, estimator, step if is_last else None))
                if params.get(key) is None:
                    groups[key] = clips
        return groups

    def _validate_steps(self):
        """Check the order of the samplers, and let scikit-learn check the other steps."""
        transformer = None
        for name, step in self.steps[:-1]:
            if _is_sampler(step) and transformer is not None:
                raise TypeError(
                    f"The sampler {name!r} comes after the transformer {transformer!r}. Put "
                    "samplers first, or use imblearn.pipeline.Pipeline, which takes them anywhere."
                )
            if not _is_sampler(step) and step is not None and step != "passthrough":
                transformer = name
        name, last = self.steps[-1] if self.steps else ("", None)
        if _is_sampler(last):
            raise TypeError(
                f"The sampler {name!r} is the last step, so no step would use its output. Put "
                "it before the other steps, or call its fit_resample."
            )
        others = [(name, "passthrough" if _is_sampler(step) else step) for name, step in self.steps]
        sklearn_pipeline.Pipeline(others[:-1] + list(self.steps[-1:]))._validate_steps()

    def _iter(self, with_final=True, filter_passthrough=True):
        """Skip the samplers when scikit-learn iterates over the steps."""
        steps = super()._iter(with_final=with_final, filter_passthrough=filter_passthrough)
        return (item for item in steps if not _is_sampler(item[2]))


def _is_sampler(step: Any) -> bool:
    return hasattr(step, "fit_resample") and not hasattr(step, "transform")


def _resampled(key: str, value: Any, name: str, sampler: Any, X: Any) -> Any:
    """Resample a parameter with one value per clip in the same way as the clips."""
    is_scalar = isinstance(value, str | bytes | dict) or not hasattr(value, "__len__")
    if is_scalar or getattr(value, "ndim", 1) == 0 or len(value) != _num_samples(X):
        return value
    if not hasattr(sampler, "sample_indices_"):
        raise ValueError(
            f"{key!r} has one value per clip, but the sampler {name!r} "
            f"({type(sampler).__name__}) cannot resample it, since it has no "
            "sample_indices_. Remove one of the two."
        )
    return _safe_indexing(value, sampler.sample_indices_)


def _holding_out(name: str, step: Any, n_clips: int) -> Iterator[tuple[str, Any, list[Any]]]:
    """Find estimators that hold out clips: path, estimator, and the estimators around it."""
    if _is_sampler(step) or not _is_estimator(step):
        return
    inside = {name: step} | {f"{name}__{key}": value for key, value in step.get_params().items()}
    inside = {path: value for path, value in inside.items() if _is_estimator(value)}
    for path, estimator in inside.items():
        around = [inside[outer] for outer in inside if path.startswith(f"{outer}__")]
        if _holds_out(estimator, n_clips):
            yield path, estimator, around
        for candidate in _candidates(estimator, n_clips):
            yield f"{path}__estimator", candidate, [*around, estimator]


def _is_estimator(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def _holds_out(estimator: Any, n_clips: int) -> bool:
    params = estimator.get_params(deep=False)
    if "cv" in params:
        return not isinstance(params["cv"], str)  # "prefit"
    if "early_stopping" in params:
        is_auto = params["early_stopping"] == "auto"  # HistGradientBoostingClassifier's
        return n_clips > 10_000 if is_auto else bool(params["early_stopping"])
    if params.get("n_iter_no_change") is not None and "validation_fraction" in params:
        return True  # GradientBoostingClassifier
    # Forests and bagging, SciKeras, skorch.
    return any(params.get(name) for name in ("oob_score", "validation_split", "train_split"))


def _candidates(search: Any, n_clips: int) -> Iterator[Any]:
    """Find candidates of a search that hold out clips although its estimator does not."""
    grids = getattr(search, "param_grid", getattr(search, "param_distributions", []))
    for grid in [grids] if isinstance(grids, dict) else grids:
        for key, values in grid.items():
            if key.split("__")[-1] in ("cv", "early_stopping", "n_iter_no_change"):
                yield search.estimator
            for value in values if isinstance(values, list | tuple) else []:
                yield from (found for _, found, _ in _holding_out(key, value, n_clips))


def _groups_parameter(path: str, estimator: Any, around: list[Any]) -> str | None:
    """Return the parameter of the pipeline's fit that passes groups to an estimator, if any."""
    has_cv = hasattr(estimator, "cv")
    routing = get_routing_for_object(estimator.cv if has_cv else estimator)
    request = None
    if isinstance(estimator, UnknownRejector) and isinstance(estimator.cv, Real | None):
        request = True  # it splits by groups if there are any
    elif isinstance(routing, MetadataRequest):
        request = (routing.split if has_cv else routing.fit).requests.get("groups")
    if get_config()["enable_metadata_routing"]:
        return "groups" if request is True else request or None
    takes = has_fit_parameter(estimator, "groups") or isinstance(estimator, _TAKE_GROUPS)
    is_reached = all(isinstance(outer, sklearn_pipeline.Pipeline) for outer in around)
    return f"{path}__groups" if takes and is_reached and (request or not has_cv) else None


def _no_groups(path: str, estimator: Any, outer: Any) -> str:
    """Explain that an estimator does not take groups, and what to do."""
    if outer is None:
        remedy = "Remove the sampler or this step"
    elif outer is estimator and not hasattr(estimator, "cv"):
        can_request = has_fit_parameter(estimator, "groups")
        remedy = "Call its set_fit_request(groups=True)" if can_request else "Turn that off"
    else:
        name = type(outer).__name__
        remedy = f"Put the whole pipeline inside it, such as {name}(Pipeline([...]))"
        if outer is estimator and isinstance(estimator, _TAKE_GROUPS):
            remedy += ", or set its cv to a splitter by groups, such as StratifiedGroupKFold()"
    return (
        f"{type(estimator).__name__} ({path!r}) holds out some of the clips that it is fitted to, "
        "and does not take groups that keep the copies of a clip together: it would be evaluated "
        f"on copies of its training clips. {remedy}."
    )


def _named(steps):
    """Name the steps without names; return the list itself if all have names.

    ``clone`` checks that the parameter is the same object that it passed.
    """
    if not isinstance(steps, list | tuple) or all(isinstance(step, tuple) for step in steps):
        return steps
    bare = [step for step in steps if not isinstance(step, tuple)]
    names = iter([name for name, _ in sklearn_pipeline.make_pipeline(*bare).steps])
    return [step if isinstance(step, tuple) else (next(names), step) for step in steps]
