"""The scorer that records what it scores."""

from __future__ import annotations

import importlib
import warnings
from abc import ABCMeta, abstractmethod
from typing import Any
from weakref import WeakKeyDictionary

from sklearn.base import BaseEstimator, is_classifier
from sklearn.metrics import check_scoring, get_scorer, make_scorer

from skaudio.tracking._fit import Fit, described

__all__ = ["Recorder", "imported"]

_KEEP = "predictions"  # the name of a scorer that keeps them


class Recorder(BaseEstimator, metaclass=ABCMeta):
    """Base class: a scorer, and a context that is the record of a search."""

    def __call__(self, estimator, X, y, **params):
        """Score a fitted estimator, and record it.

        Parameters
        ----------
        estimator : estimator
            The fitted estimator.
        X : sequence of recordings, or array-like
            Held-out clips.
        y : array-like of shape (n_clips,)
            Their labels.
        **params : dict
            For the scorers, such as ``sample_weight``.

        Returns
        -------
        float or dict of str to float
            The score of `scoring`, or several scores.
        """
        scores, predicted = _scored(estimator, X, y, self.scoring, params)
        runs = vars(self).setdefault("_runs", WeakKeyDictionary())
        try:
            if estimator in runs:  # with return_train_score, the second call is for these
                training = {f"train_{name}": value for name, value in scores.items()}
                self._add_scores(runs[estimator], training)
            else:
                runs[estimator] = self._write(described(estimator, X, y, predicted, scores))
        except Exception as error:  # of whatever library: the score must not be lost
            warnings.warn(
                f"The fit of {type(estimator).__name__} could not be recorded by "
                f"{type(self).__name__}: {error!r}. Its score is kept.",
                RuntimeWarning,
                stacklevel=2,
            )
        name = self.scoring if isinstance(self.scoring, str) else "score"
        is_several = isinstance(self.scoring, dict | list | tuple | set) or [*scores] != [name]
        return scores if is_several else scores[name]

    def _accept_sample_weight(self):
        """Return whether scikit-learn may pass ``sample_weight``."""
        named = self.scoring.values() if isinstance(self.scoring, dict) else self.scoring
        several = isinstance(self.scoring, dict | list | tuple | set)
        scorers = [
            get_scorer(scorer) if isinstance(scorer, str) else scorer
            for scorer in (named if several else [self.scoring])
        ]
        return all(
            hasattr(scorer, "_accept_sample_weight") and scorer._accept_sample_weight()
            for scorer in scorers
        )

    def record(self, search):
        """Record the result of a search.

        Its best parameters, its best score and the table of its results; and with `log_model`
        the best estimator, if the search has ``refit``.

        Parameters
        ----------
        search : GridSearchCV or another search
            The fitted search.
        """
        model = getattr(search, "best_estimator_", None) if self.log_model else None
        self._write_search(search, model)

    def __enter__(self):
        self._begin()
        return self

    def __exit__(self, kind, error, traceback):
        self._finish(failed=kind is not None)

    def __getstate__(self):
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_runs"}

    @abstractmethod
    def _begin(self) -> None:
        """Create what processes that record at the same time share."""

    @abstractmethod
    def _write(self, fit: Fit) -> Any:
        """Record a fit as a run of its own; return what identifies the run."""

    @abstractmethod
    def _add_scores(self, run: Any, scores: dict[str, float]) -> None:
        """Add scores to a run."""

    @abstractmethod
    def _write_search(self, search: Any, model: Any) -> None:
        """Record a search, and an estimator if it is not None."""

    def _finish(self, *, failed: bool) -> None:
        """End the record of the search, if it has one."""


def _scored(
    estimator: Any, X: Any, y: Any, scoring: Any, params: dict[str, Any]
) -> tuple[dict[str, float], Any]:
    """Score a classifier, and return its predictions as well, which are computed only once."""
    if isinstance(scoring, dict | list | tuple | set):
        named = scoring if isinstance(scoring, dict) else {name: name for name in scoring}
    else:
        named = {scoring if isinstance(scoring, str) else "score": scoring}
    scorers = {name: check_scoring(estimator, scorer) for name, scorer in named.items()}
    predicted = []

    def keep(y_true, y_pred, **params):
        predicted.append(y_pred)
        return 0.0

    if is_classifier(estimator):
        scorers[_KEEP] = make_scorer(keep)
    scores = check_scoring(estimator, scorers)(estimator, X, y, **params)
    scores.pop(_KEEP, None)
    only = next(iter(scores.values()))
    scores = only if isinstance(only, dict) else scores  # of a callable that returns several
    return {name: float(score) for name, score in scores.items()}, (predicted or [None])[0]


def imported(library: str, extra: str, recorder: Any) -> Any:
    """Import a library, or tell how to install it.

    Parameters
    ----------
    library : str
        Name of the module.
    extra : str
        The extra of skaudio that installs it.
    recorder : object
        The recorder that needs it.

    Returns
    -------
    module
        The library.
    """
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise ImportError(
            f"{type(recorder).__name__} needs {error.name}, which is not installed: "
            f'pip install "skaudio[{extra}]".'
        ) from error
