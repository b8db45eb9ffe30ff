"""A pipeline that names its steps by itself, and augments when it is fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import get_config
from sklearn import pipeline as sklearn_pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, has_fit_parameter

__all__ = ["Pipeline"]


def _scikit_learns_has(method):
    """Offer a method when scikit-learn's pipeline offers it, with its own refusal."""

    def check(self):
        getattr(super(Pipeline, self), method)
        return True

    return check


class Pipeline(sklearn_pipeline.Pipeline):
    """Scikit-learn's pipeline, which also takes bare steps and samplers.

    A sampler is a step with ``fit_resample``, such as
    :class:`~skaudio.WaveformAugmenter`. It changes the number of clips when the pipeline is
    fitted, and is passed over when the pipeline predicts, scores or transforms. Samplers
    stand before the transformers; for other places there is
    :class:`imblearn.pipeline.Pipeline`.

    Everything else is :class:`sklearn.pipeline.Pipeline`. scikit-learn's own
    ``Pipeline`` and ``make_pipeline`` work with skaudio's transformers and classifiers just
    as well.

    Parameters
    ----------
    steps : list of estimators or of (str, estimator)
        The steps. Bare estimators get the names that
        :func:`sklearn.pipeline.make_pipeline` would give them: the class name in lower
        case, with a number where a class comes twice. They may be bare in ``set_params``,
        too.
    transform_input : list of str, default=None
        As in :class:`sklearn.pipeline.Pipeline`.
    memory : str or object with the joblib.Memory interface, default=None
        As in :class:`sklearn.pipeline.Pipeline`. Samplers are not cached.
    verbose : bool, default=False
        As in :class:`sklearn.pipeline.Pipeline`.

    See Also
    --------
    sklearn.pipeline.make_pipeline : Names steps in the same way.
    imblearn.pipeline.Pipeline : Takes samplers between transformers, too.

    Notes
    -----
    What is given to `fit` clip by clip, such as ``convclassifier__sample_weight``, follows
    the clips through a sampler by its ``sample_indices_``. As in scikit-learn's
    cross-validation, a parameter is taken to be given clip by clip if it is as long as `X`.
    When the last step stops early and takes ``groups``, and none are given, each clip and its
    copies are one: no copy of a held-out clip is trained on. With metadata routing, which
    passes on only what was requested, that is left to you.

    With a sampler `fit_transform` and `fit_predict` give one row for each clip *after*
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

    def __setattr__(self, name, value):
        # By the constructor, set_params, a search or hand: bare steps are named as they come.
        super().__setattr__(name, _named(value) if name == "steps" else value)

    def fit(self, X, y=None, **params):
        """Apply the samplers, fit the transformers one after the other, then the last step.

        Parameters
        ----------
        X : sequence of recordings, or what else the first step takes
            Training clips.
        y : array-like of shape (n_clips,), default=None
            Their labels.
        **params : dict
            As in :class:`sklearn.pipeline.Pipeline`: ``step__parameter``, or what was
            requested by metadata routing. Samplers get the former only.

        Returns
        -------
        Pipeline
            The fitted pipeline.
        """
        X, y, params = self._resample(X, y, params)
        return super().fit(X, y, **params)

    @available_if(_scikit_learns_has("fit_transform"))
    def fit_transform(self, X, y=None, **params):
        """Fit all steps, and transform the clips that came out of the samplers.

        Parameters
        ----------
        X : sequence of recordings, or what else the first step takes
            Training clips.
        y : array-like of shape (n_clips,), default=None
            Their labels.
        **params : dict
            As in `fit`.

        Returns
        -------
        ndarray
            What the last step makes of the clips, the changed copies among them.
        """
        X, y, params = self._resample(X, y, params)
        return super().fit_transform(X, y, **params)

    @available_if(_scikit_learns_has("fit_predict"))
    def fit_predict(self, X, y=None, **params):
        """Fit all steps, and predict for the clips that came out of the samplers.

        Parameters
        ----------
        X : sequence of recordings, or what else the first step takes
            Training clips.
        y : array-like of shape (n_clips,), default=None
            Their labels.
        **params : dict
            As in `fit`.

        Returns
        -------
        ndarray
            What the last step predicts for the clips, the changed copies among them.
        """
        X, y, params = self._resample(X, y, params)
        return super().fit_predict(X, y, **params)

    def _resample(self, X: Any, y: Any, params: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
        """Let the samplers act, and whatever is given clip by clip follow."""
        self._validate_params()
        self._validate_steps()
        groups = self._own_groups(X, params)
        params = params | groups
        for name, step in self.steps[:-1]:
            if not _is_sampler(step):
                continue
            own = {key: params[key] for key in params if key.startswith(f"{name}__")}
            params = {key: value for key, value in params.items() if key not in own}
            before = X
            X, y = step.fit_resample(
                X, y, **{key.removeprefix(f"{name}__"): value for key, value in own.items()}
            )
            if not hasattr(step, "sample_indices_"):
                params = {key: params[key] for key in params if key not in groups}
            # What is transformed like X has clips of its own.
            follows = params.keys() - set(self.transform_input or ())
            params |= {key: _follow(key, params[key], name, step, before) for key in follows}
        return X, y, params

    def _own_groups(self, X: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Make a group of each clip, so that early stopping keeps its copies together."""
        samplers = [step for _, step in self.steps[:-1] if _is_sampler(step)]
        name, last = self.steps[-1]
        is_wanted = (
            getattr(last, "early_stopping", False)
            and has_fit_parameter(last, "groups")
            and f"{name}__groups" not in params
            and not get_config()["enable_metadata_routing"]
        )
        if not is_wanted or not samplers:
            return {}
        return {f"{name}__groups": np.arange(_num_samples(X))}

    def _validate_steps(self):
        """Let scikit-learn check the other steps, and where the samplers stand."""
        transformer = None
        for name, step in self.steps[:-1]:
            if _is_sampler(step) and transformer is not None:
                raise TypeError(
                    f"The sampler {name!r} stands behind the transformer {transformer!r}. Put "
                    "samplers first, or use imblearn.pipeline.Pipeline, which takes them anywhere."
                )
            if not _is_sampler(step) and step is not None and step != "passthrough":
                transformer = name
        name, last = self.steps[-1] if self.steps else ("", None)
        if _is_sampler(last):
            raise TypeError(
                f"The sampler {name!r} is the last step, and nothing would be fitted on what it "
                "gives. Put it before the other steps, or call its fit_resample."
            )
        others = [(name, "passthrough" if _is_sampler(step) else step) for name, step in self.steps]
        scikit_learns = sklearn_pipeline.Pipeline(others[:-1] + list(self.steps[-1:]))
        scikit_learns._validate_steps()

    def _iter(self, with_final=True, filter_passthrough=True):
        """Pass the samplers over, in all that scikit-learn does with the steps."""
        steps = super()._iter(with_final=with_final, filter_passthrough=filter_passthrough)
        return (item for item in steps if not _is_sampler(item[2]))


def _is_sampler(step: Any) -> bool:
    return hasattr(step, "fit_resample") and not hasattr(step, "transform")


def _follow(key: str, value: Any, name: str, sampler: Any, X: Any) -> Any:
    """Repeat what is given clip by clip as the sampler repeated the clips."""
    is_one_thing = isinstance(value, str | bytes | dict) or not hasattr(value, "__len__")
    if is_one_thing or getattr(value, "ndim", 1) == 0 or len(value) != _num_samples(X):
        return value
    if not hasattr(sampler, "sample_indices_"):
        raise ValueError(
            f"{key!r} is given clip by clip, and the sampler {name!r} "
            f"({type(sampler).__name__}) does not say which clips it took: it has no "
            "sample_indices_. Leave one of the two out."
        )
    return _safe_indexing(value, sampler.sample_indices_)


def _named(steps):
    """Name the bare steps; the list itself comes back if there are none.

    ``clone`` compares the parameter with what it handed in, by identity.
    """
    if not isinstance(steps, list | tuple) or all(isinstance(step, tuple) for step in steps):
        return steps
    bare = [step for step in steps if not isinstance(step, tuple)]
    names = iter([name for name, _ in sklearn_pipeline.make_pipeline(*bare).steps])
    return [step if isinstance(step, tuple) else (next(names), step) for step in steps]
