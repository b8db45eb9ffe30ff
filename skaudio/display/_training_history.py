"""Learning curves of one or several networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skaudio.display._axes import MAX_LEGEND, one_axes
from skaudio.display._parameter import numbered

__all__ = ["TrainingHistoryDisplay"]


class TrainingHistoryDisplay:
    """Learning curves of networks: loss or accuracy against the epochs.

    Parameters
    ----------
    history : dict of str to list of float, or list of such dicts
        The `history_` of a fitted classifier; or those of several, as in the attribute
        `histories` of :class:`~skaudio.model_selection.Evaluation`.
    name : str or list of str, default=None
        Name of the classifier, for the title. With several histories, a single name means
        that they are folds of one classifier, and their mean is drawn in bold; a list with
        a name for each means that they are different runs, with a colour each.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    lines_ : list of matplotlib Line2D
        The curves of each history: training, then validation if it exists.
    mean_lines_ : list of matplotlib Line2D
        The means over the folds: training, then validation if it exists. Empty if the
        histories are not folds.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from skaudio import TrainingHistoryDisplay
    >>> history = {"accuracy": [0.5, 0.8, 0.9], "val_accuracy": [0.5, 0.7, 0.7]}
    >>> display = TrainingHistoryDisplay(history).plot()
    >>> [line.get_label() for line in display.lines_]
    ['training', 'validation']

    Two folds of one classifier, and their mean:

    >>> folds = [{"accuracy": [0.5, 0.75]}, {"accuracy": [0.5, 0.25]}]
    >>> display = TrainingHistoryDisplay(folds, name="ConvClassifier").plot()
    >>> display.mean_lines_[0].get_ydata()
    array([0.5, 0.5])
    """

    def __init__(self, history, *, name=None):
        self.history = history
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, metric="accuracy", name=None, ax=None, **line_kwargs):
        """Draw the history of a fitted classifier, of a pipeline that ends in one, or of a search.

        Parameters
        ----------
        estimator : classifier, Pipeline or search
            A fitted estimator; of a search, the best estimator is drawn.
        metric : {"accuracy", "loss"}, default="accuracy"
            The quantity to draw.
        name : str, default=None
            Title; None uses the class name of the classifier.
        ax : matplotlib Axes, default=None
            The axes to draw on; None creates a new figure.
        **line_kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        TrainingHistoryDisplay
            The display.
        """
        classifier = _classifier(estimator)
        display = cls(classifier.history_, name=name or type(classifier).__name__)
        return display.plot(metric=metric, ax=ax, **line_kwargs)

    @classmethod
    def from_estimators(cls, estimators, *, metric="accuracy", ax=None, **line_kwargs):
        """Draw the histories of several classifiers, with a colour each.

        Parameters
        ----------
        estimators : list of estimators, or dict of str to estimator
            Fitted classifiers, pipelines that end in one, or searches. The keys of a dict are the
            names in the legend; the estimators of a list are named after their classes, with
            a number if a class occurs twice.
        metric : {"accuracy", "loss"}, default="accuracy"
            The quantity to draw.
        ax : matplotlib Axes, default=None
            The axes to draw on; None creates a new figure.
        **line_kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.plot`, for each curve.

        Returns
        -------
        TrainingHistoryDisplay
            The display.
        """
        if hasattr(estimators, "fit"):
            raise ValueError(
                f"estimators is one {type(estimators).__name__}: expected a list or a dict of "
                "fitted estimators. For a single one use from_estimator."
            )
        if isinstance(estimators, Mapping):
            names, estimators = [str(name) for name in estimators], estimators.values()
        else:
            names = None
        classifiers = [_classifier(estimator) for estimator in estimators]
        if names is None:
            names = numbered([type(classifier).__name__ for classifier in classifiers])
        display = cls([classifier.history_ for classifier in classifiers], name=names)
        return display.plot(metric=metric, ax=ax, **line_kwargs)

    @classmethod
    def from_cv_results(cls, cv_results, *, metric="accuracy", name=None, ax=None, **line_kwargs):
        """Draw the histories of all folds of a cross-validation, and their mean in bold.

        Parameters
        ----------
        cv_results : dict
            The result of :func:`sklearn.model_selection.cross_validate` with
            ``return_estimator=True``.
        metric : {"accuracy", "loss"}, default="accuracy"
            The quantity to draw.
        name : str, default=None
            Title; None uses the class name of the classifier.
        ax : matplotlib Axes, default=None
            The axes to draw on; None creates a new figure.
        **line_kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.plot`, for each curve.

        Returns
        -------
        TrainingHistoryDisplay
            The display.
        """
        if not isinstance(cv_results, Mapping) or "estimator" not in cv_results:
            got = (
                f"a dict with {sorted(cv_results)}"
                if isinstance(cv_results, Mapping)
                else f"a {type(cv_results).__name__}"
            )
            raise ValueError(
                f"cv_results is {got}: expected the result of cross_validate, with the fitted "
                "estimators. Pass return_estimator=True to cross_validate."
            )
        classifiers = [_classifier(estimator) for estimator in cv_results["estimator"]]
        histories = [classifier.history_ for classifier in classifiers]
        display = cls(histories, name=name or type(classifiers[0]).__name__)
        return display.plot(metric=metric, ax=ax, **line_kwargs)

    def plot(self, *, metric="accuracy", ax=None, **line_kwargs):
        """Draw the curves.

        The mean over folds ends with the shortest of them: after that it would be one over
        other folds. If the legend has more than eight entries, it is left out.

        Parameters
        ----------
        metric : str, default="accuracy"
            A key of the history; the key with the prefix ``val_`` is drawn too if it exists.
        ax : matplotlib Axes, default=None
            The axes to draw on; None creates a new figure.
        **line_kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.plot`, for each curve.

        Returns
        -------
        TrainingHistoryDisplay
            The display.
        """
        histories = [self.history] if isinstance(self.history, Mapping) else list(self.history)
        if not histories:
            raise ValueError("There is no history: expected at least one.")
        for history in histories:
            if metric not in history:
                raise ValueError(f"The history has no {metric!r}; it has {sorted(history)}.")
        are_runs = self.name is not None and not isinstance(self.name, str)
        if are_runs and len(self.name) != len(histories):
            raise ValueError(
                f"There are {len(self.name)} names and {len(histories)} histories: expected a "
                "name for each, or one string for all."
            )
        ax = one_axes(ax)
        self.lines_, self.mean_lines_ = [], []
        if are_runs:
            handles = self._plot_runs(ax, histories, metric, line_kwargs)
        elif len(histories) > 1:
            handles = self._plot_folds(ax, histories, metric, line_kwargs)
        else:
            for key, label in _keys(metric, histories):
                self.lines_ += _draw(ax, histories[0][key], {"label": label}, line_kwargs)
            handles = self.lines_
        ax.set(xlabel="epoch", ylabel=metric, title=None if are_runs else self.name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        if len(handles) <= MAX_LEGEND:
            ax.legend(handles=handles)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _plot_runs(self, ax, histories, metric, line_kwargs):
        """A colour for each run, and dashes for its validation."""
        from matplotlib.lines import Line2D

        handles: list[Any] = []
        for index, (history, name) in enumerate(zip(histories, self.name, strict=True)):
            style = {"color": f"C{index}", "label": name}
            lines = _draw(ax, history[metric], style, line_kwargs)
            handles += lines
            if f"val_{metric}" in history:
                style |= {"linestyle": "--", "label": f"{name}, validation"}
                lines += _draw(ax, history[f"val_{metric}"], style, line_kwargs)
            self.lines_ += lines
        if len(self.lines_) > len(handles):
            handles.append(Line2D([], [], color="0.4", linestyle="--", label="validation"))
        return handles

    def _plot_folds(self, ax, histories, metric, line_kwargs):
        """Thin lines in one colour, and their mean in bold above them."""
        means = []
        for index, (key, label) in enumerate(_keys(metric, histories)):
            folds = [history[key] for history in histories if key in history]
            n_epochs = min(map(len, folds))
            mean = np.mean([values[:n_epochs] for values in folds], axis=0)
            means.append((mean, f"C{index}", f"{label} (mean of {len(folds)} folds)"))
        for history in histories:
            for index, (key, label) in enumerate(_keys(metric, histories)):
                if key in history:
                    style = {"color": f"C{index}", "linewidth": 1, "alpha": 0.4, "label": label}
                    self.lines_ += _draw(ax, history[key], style, line_kwargs)
        for mean, color, label in means:
            style = {"color": color, "linewidth": 3, "label": label}
            self.mean_lines_ += _draw(ax, mean, style, line_kwargs)
        return self.mean_lines_


def _classifier(estimator):
    """The classifier with the history: of a search the best one, of a pipeline its last step."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    classifier = estimator[-1] if hasattr(estimator, "steps") else estimator
    if not hasattr(classifier, "history_"):
        raise ValueError(
            f"{type(classifier).__name__} has no history_: expected a fitted classifier of "
            "skaudio, a pipeline that ends in one, or a search of them with refit."
        )
    return classifier


def _keys(metric, histories):
    """The keys to draw, and what they are."""
    pairs = (metric, "training"), (f"val_{metric}", "validation")
    return [pair for pair in pairs if any(pair[0] in history for history in histories)]


def _draw(ax, values, style, line_kwargs):
    """Draw one curve; `line_kwargs` may have matplotlib's short names, such as ``lw``."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    epochs = np.arange(1, len(values) + 1)
    return ax.plot(epochs, values, **{**style, **normalize_kwargs(line_kwargs, Line2D)})
