"""Searches that go on where they were stopped."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import pickle
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, get_tags, indexable
from sklearn.utils.metadata_routing import _routing_enabled, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_method_params, check_is_fitted

from skaudio import audio
from skaudio._fit_callbacks import CallbackSupportMixin, fit_as_task, teardown_of_callbacks

__all__ = ["ResumableSearch"]

# Parameters that scikit-learn's convention keeps from changing a result.
_WITHOUT_EFFECT = {"n_jobs", "verbose", "memory"}

# The attributes of a search that a ResumableSearch has as well.
_LEARNED = (
    "best_estimator_",
    "best_index_",
    "best_params_",
    "best_score_",
    "classes_",
    "cv_results_",
    "multimetric_",
    "n_splits_",
    "refit_time_",
    "scorer_",
)


def _search_has(method):
    def check(self):
        getattr(self.search_ if hasattr(self, "search_") else self.search, method)
        return True

    return check


class ResumableSearch(CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator):
    """A search that keeps the scores of every finished fit in a folder.

    Run the same program again after the search was interrupted or killed: fits whose scores are in
    the folder are not repeated. The same holds for a search with more candidates or more folds, and
    for several processes that use the folder at the same time.

    A fit is known by what determines its scores: the estimator and its parameters, the content of
    the recordings or features and of files that parameters name, the labels, the split, the scorer,
    and the versions of skaudio, scikit-learn, TensorFlow and NumPy. Parameters named ``n_jobs``,
    ``verbose`` and ``memory`` are left out, since they do not change scores by scikit-learn's
    convention. Functions are known by their code, defaults and the variables that they enclose, but
    not by the functions that they call; classes by their names. After a change of those, use
    another folder. Set ``random_state`` of the estimator and of the splitter: otherwise every split
    is a new one.

    Parameters
    ----------
    search : GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV or HalvingRandomSearchCV
        The search. It is cloned before it is fitted. With several machines, all must reach
        `folder`.
    folder : str or PathLike
        Folder of the scores, one small JSON file for each fit; created if it does not exist.
        Files are written under another name and then renamed, so that a killed process does not
        leave half a record.

    Attributes
    ----------
    search_ : estimator
        The fitted clone of `search`. Times in its `cv_results_` are those of the original fits.
        (With halving on ``resource="n_samples"`` those of this run.)
    best_estimator_ : estimator
        The best candidate, fitted to all clips, if the search has ``refit``.
    best_params_ : dict
        Its parameters.
    best_score_ : float
        Its mean score over the folds.
    best_index_ : int
        Its index in `cv_results_`.
    cv_results_ : dict of str to ndarray
        Scores and times of all candidates and folds.
    classes_ : ndarray of shape (n_classes,)
        The labels, of a classifier with ``refit``.
    multimetric_ : bool
        Whether there are several scores.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds of the fit to all clips.
    scorer_ : callable
        The scorer of `search`.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : A search over a grid.

    Notes
    -----
    Scores are kept, not models: the best estimator is always fitted again, if the search has
    ``refit``. Fits that fail are repeated.

    Two searches that run at the same time share what is finished, not what is running. To use
    several processes for one search, give it `n_jobs`, or a backend of joblib.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
    >>> from skaudio.datasets import make_spoken_words
    >>> from skaudio.model_selection import ResumableSearch
    >>> words = make_spoken_words(["cat", "dog"], n_clips=10, random_state=0)
    >>> pipeline = Pipeline(
    ...     [MFCCTransformer(), PerceptronClassifier(epochs=3, random_state=0)]
    ... )
    >>> search = GridSearchCV(pipeline, {"perceptronclassifier__dropout": [0.0, 0.5]}, cv=2)
    >>> folder = tempfile.TemporaryDirectory()
    >>> first = ResumableSearch(search, folder.name).fit(words.data, words.target)
    >>> again = ResumableSearch(search, folder.name).fit(words.data, words.target)
    >>> bool(first.best_score_ == again.best_score_)
    True
    >>> folder.cleanup()
    """

    def __init__(self, search, folder):
        self.search = search
        self.folder = folder

    def fit(self, X, y=None, **params):
        """Run the search, without the fits that are in the folder.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, ...)
            Recordings, as every transformer takes them, or features.
        y : array-like of shape (n_clips,), default=None
            Labels.
        **params : dict
            As in the `fit` of `search`: ``groups``, for the splitter, and parameters for the `fit`
            of the estimator.

        Returns
        -------
        ResumableSearch
            The fitted search.
        """
        for name in ("estimator", "scoring", "cv", "refit", "error_score"):
            if not hasattr(self.search, name):
                raise TypeError(
                    "ResumableSearch takes a search of scikit-learn, such as GridSearchCV, got "
                    f"{type(self.search).__name__}, which has no parameter {name!r}."
                )
        own = clone(self.search)
        X, y = indexable(X, y)
        if _routing_enabled():
            routed = process_routing(own, "fit", **params)
            split_params = routed.splitter.split
            others = {*routed.estimator.fit, *routed.scorer.score}
        else:
            split_params = {"groups": params.get("groups")}
            others = params.keys() - {"groups"}
        params = {name: params[name] for name in params if name in others}
        cv = check_cv(own.cv, y, classifier=is_classifier(own.estimator))
        # Lists, not arrays: with Dask, joblib keeps each array on one worker, and the search would
        # fail if that worker is killed. Lists are sent with every fit.
        splits = [
            tuple(np.asarray(side).tolist() for side in split)
            for split in cv.split(X, y, **split_params)
        ]
        scorer = check_scoring(own.estimator, own.scoring, raise_exc=own.error_score == "raise")
        runs = _Runs(self.folder, X, y, [_digest(clip) for clip in _clips(X)], own.scoring)
        search = clone(own).set_params(
            estimator=_RecordedEstimator(own.estimator, runs),
            scoring=_RecordedScorer(scorer, own.error_score),
            cv=splits,
        )
        restored = (own.estimator, runs, splits, y, params)
        if callable(own.refit):  # it may choose by the times

            def choose(results):
                self._restore_times(results, *restored)
                return own.refit(results)

            search.set_params(refit=choose)
        clips = list(range(len(runs.digests)))
        labels = None if y is None else np.asarray(y).tolist()
        with teardown_of_callbacks(self):
            fit = self._init_callback_context(max_subtasks=1)
            fit.call_on_fit_task_begin(estimator=self, X=X, y=y)
            task = fit.subcontext(task_name="search")
            fit_as_task(task, search, clips, labels, caller=self, **params)
            fit.call_on_fit_task_end(estimator=self, X=X, y=y)
        self._restore_times(search.cv_results_, *restored)
        search.set_params(estimator=own.estimator, scoring=own.scoring, cv=own.cv, refit=own.refit)
        search.scorer_ = scorer
        if hasattr(search, "best_estimator_"):
            search.best_estimator_ = search.best_estimator_.estimator
        self.search_ = search
        for name in _LEARNED:
            if hasattr(search, name):  # some only with refit
                setattr(self, name, getattr(search, name))
        return self

    def _restore_times(self, results, estimator, runs, splits, y, params):
        """Replace the times of looking scores up by those of the fits."""
        clips = np.arange(len(runs.digests))
        parts = [
            (
                clips[train],
                None if y is None else _safe_indexing(y, train),
                _check_method_params(clips, params, train),
            )
            for train, _ in splits
        ]
        for index, candidate in enumerate(results["params"]):
            tried = clone(estimator).set_params(**clone(candidate, safe=False))
            records = [runs.read(runs.key(tried, *part)) for part in parts]
            if all(records):
                for name in ("fit_time", "score_time"):
                    times = [record[name] for record in records]
                    results[f"mean_{name}"][index] = np.mean(times)
                    results[f"std_{name}"][index] = np.std(times)

    @available_if(_search_has("predict"))
    def predict(self, X):
        """Predict labels with the best estimator.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, ...)
            Recordings or features.

        Returns
        -------
        ndarray of shape (n_clips,)
            Labels.
        """
        return self._fitted_search().predict(X)

    @available_if(_search_has("predict_proba"))
    def predict_proba(self, X):
        """Predict probabilities with the best estimator.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, ...)
            Recordings or features.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        return self._fitted_search().predict_proba(X)

    @available_if(_search_has("decision_function"))
    def decision_function(self, X):
        """Compute the decision function of the best estimator.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, ...)
            Recordings or features.

        Returns
        -------
        ndarray of shape (n_clips,) or (n_clips, n_classes)
            Confidences, as the estimator defines them.
        """
        return self._fitted_search().decision_function(X)

    def score(self, X, y=None, **params):
        """Score the best estimator with the scorer of the search.

        Parameters
        ----------
        X : sequence of recordings, or array-like of shape (n_clips, ...)
            Recordings or features.
        y : array-like of shape (n_clips,), default=None
            Labels.
        **params : dict
            For the scorer, as in the `score` of the search.

        Returns
        -------
        float
            The score.
        """
        return self._fitted_search().score(X, y, **params)

    def get_metadata_routing(self):
        """Get the metadata routing of the search.

        Returns
        -------
        MetadataRouter
            Routes the parameters of `fit` as the search does.
        """
        return self.search.get_metadata_routing()

    def _fitted_search(self):
        check_is_fitted(self, "search_")
        return self.search_

    def __sklearn_tags__(self):
        return get_tags(self.search)


# Running a search ---------------------------------------------------------------------------


class _RecordedEstimator(CallbackSupportMixin, BaseEstimator):
    """The estimator of a search, which is only fitted if there is no record of its scores.

    It takes the indices of clips instead of clips. Its parameters are those of the estimator.
    """

    def __init__(self, estimator, runs):
        self.estimator = estimator
        self.runs = runs

    def get_params(self, deep=True):
        return self.estimator.get_params(deep)

    def set_params(self, **params):
        self.estimator.set_params(**params)
        return self

    def get_metadata_routing(self):
        return self.estimator.get_metadata_routing()

    def __sklearn_clone__(self):
        return _RecordedEstimator(clone(self.estimator), self.runs)

    def __sklearn_tags__(self):
        return get_tags(self.estimator)

    def fit(self, X, y=None, **params):
        y = self.runs.labels_of(X)
        self._training = X, y, params
        self._key = self.runs.key(self.estimator, X, y, params)
        self._record = self.runs.read(self._key)
        self._fit(is_needed=self._record is None)
        return self

    def _fit(self, is_needed=True):
        indices, y, params = self._training
        with teardown_of_callbacks(self):
            fit = self._init_callback_context(max_subtasks=int(is_needed))
            fit.call_on_fit_task_begin(estimator=self)
            if is_needed:
                started = time.perf_counter()
                clips = _safe_indexing(self.runs.X, indices)
                task = fit.subcontext(task_name="fit")
                fit_as_task(task, self.estimator, clips, y, caller=self, **params)
                known = self._record or {"scores": {}}  # it may have scores of other clips
                self._record = {**known, "fit_time": time.perf_counter() - started}
                self._is_fitted = True
            fit.call_on_fit_task_end(estimator=self)

    # Look up the score for these clips, or compute and keep it.
    def score_with(self, scorer, indices, params):
        y = self.runs.labels_of(indices)
        clips = joblib.hash((self.runs.hash_of(indices, y), _described(params)))
        if clips not in self._record["scores"]:
            if not getattr(self, "_is_fitted", False):  # the record has other scores only
                self._fit()
            started = time.perf_counter()
            score = scorer(self.estimator, *_arguments(self.runs.X, indices, y), **params)
            self._record.setdefault("score_time", time.perf_counter() - started)
            if isinstance(score, dict):
                if any(isinstance(value, str) for value in score.values()):
                    return score  # a traceback
                score = {name: float(value) for name, value in score.items()}
            else:
                score = float(score)
            self._record["scores"][clips] = score
            self.runs.write(self._key, self._record)
        return self._record["scores"][clips]


class _RecordedScorer:
    """The scorer of a search, which takes the estimator above."""

    def __init__(self, scorer, error_score):
        self.scorer = scorer
        self.error_score = error_score

    def __call__(self, estimator, X, y=None, **params):
        scores = estimator.score_with(self.scorer, X, params)
        for name, value in scores.items() if isinstance(scores, dict) else ():
            if isinstance(value, str):  # as scikit-learn does with its own scorers
                warnings.warn(
                    f"Scoring failed. The score {name!r} on this train-test partition will be set "
                    f"to {self.error_score}. Details:\n{value}",
                    UserWarning,
                    stacklevel=2,
                )
                scores = {**scores, name: self.error_score}
        return scores

    def __getattr__(self, name):
        # What a search asks a scorer for: the parameters that it takes.
        if name in ("get_metadata_routing", "_accept_sample_weight"):
            return getattr(self.scorer, name)
        raise AttributeError(name)


class _Runs:
    """The records in a folder, and the clips that they are about."""

    def __init__(self, folder, X, y, digests, scoring):
        self.folder = Path(folder).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.X = X
        self.y = y
        self.digests = np.array(digests)
        packages = ("skaudio", "scikit-learn", "tensorflow", "numpy")
        columns = [str(name) for name in getattr(X, "columns", ())]
        self._same = [_described(scoring), columns, [version(package) for package in packages]]

    # Return labels as they were passed, in an array or Series.
    def labels_of(self, indices):
        return None if self.y is None else _safe_indexing(self.y, indices)

    # Identify clips and their labels.
    def hash_of(self, indices, y):
        return joblib.hash((list(self.digests[indices]), None if y is None else np.asarray(y)))

    # Identify a fit.
    def key(self, estimator, indices, y, params):
        parts = [*self._same, _described(estimator), self.hash_of(indices, y), _described(params)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    # Return a record, or None if there is none, or a damaged one.
    def read(self, key):
        try:
            record = json.loads((self.folder / f"{key}.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        is_record = isinstance(record, dict) and {"scores", "fit_time", "score_time"} <= set(record)
        return record if is_record else None

    # Write a record; a reader finds all of it or nothing.
    def write(self, key, record):
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "w") as file:
                json.dump(record, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.folder / f"{key}.json")
        except BaseException:
            os.unlink(name)
            raise


# Identifying --------------------------------------------------------------------------------


def _clips(X):
    """Iterate over the rows of a data frame or array, or the items of a sequence."""
    return X.to_numpy() if hasattr(X, "to_numpy") else X


def _digest(clip):
    """Identify a recording by its content, or other data by their values."""
    if isinstance(clip, str | os.PathLike) and os.path.isfile(clip):
        return audio.fingerprint(Path(clip).read_bytes()).hex()  # the same on all machines
    is_recording = isinstance(clip, str | bytes | os.PathLike | tuple)
    is_waveform = isinstance(clip, np.ndarray) and clip.ndim == 1 and clip.dtype.kind in "fiu"
    if is_recording or is_waveform or hasattr(clip, "read"):
        return audio.fingerprint(clip).hex()
    return joblib.hash(clip)


def _described(value):
    """Describe a value by what determines results, as JSON that is the same in all processes."""
    if isinstance(value, FrozenEstimator):  # a clone keeps what it has learned
        return ["frozen", _hash(value.estimator)]
    if hasattr(value, "get_params") and not isinstance(value, type):
        params = value.get_params(deep=False)
        own = {k: _described(params[k]) for k in sorted(params) if k not in _WITHOUT_EFFECT}
        return [f"{type(value).__module__}.{type(value).__qualname__}", own]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(_described, value)]
    if isinstance(value, dict):
        return {str(key): _described(value[key]) for key in sorted(value, key=str)}
    # A separator such as "/" or "." is a path, too, but not the name of a file or folder.
    if isinstance(value, str | os.PathLike) and Path(value).name and os.path.exists(value):
        return [str(value), *_content(Path(value))]
    if inspect.isfunction(value):  # it may be edited between two runs
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        held = _described([value.__defaults__, value.__kwdefaults__, cells])
        return [value.__module__, value.__qualname__, *_code(value.__code__), held]
    if inspect.ismethod(value):
        return [_described(value.__func__), _described(value.__self__)]
    if isinstance(value, functools.partial):
        return ["partial", *map(_described, (value.func, value.args, value.keywords))]
    if hasattr(value, "_score_func"):  # what make_scorer returns
        return [type(value).__qualname__, _described(vars(value))]
    return _hash(value)


def _hash(value):
    try:
        return joblib.hash(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(
            f"ResumableSearch cannot tell whether {value!r} is the same in another run, since it "
            f"cannot be pickled ({error}). Define it in a module, or at the top of a script."
        ) from error


def _content(path):
    """Identify a file, or all files in a folder, by their content."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    return [
        (each.name, _digest_of_file(each, each.stat().st_mtime_ns, each.stat().st_size))
        for each in files
    ]


@functools.lru_cache(maxsize=100_000)
def _digest_of_file(path, modified, size):
    """Read a file once, as long as it is not changed."""
    return _digest(path)


def _code(code):
    """Describe what compiled code does, without the lines that it is on."""
    return [code.co_code.hex(), code.co_names, [_constant(each) for each in code.co_consts]]


def _constant(value):
    if inspect.iscode(value):
        return _code(value)
    # The order of a set is another one in each process.
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def _arguments(X, indices, y):
    clips = _safe_indexing(X, indices)
    return (clips,) if y is None else (clips, y)
