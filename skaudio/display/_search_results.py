"""What each parameter of a search did to the score."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from skaudio.display._axes import MAX_LEGEND, import_pyplot, one_axes
from skaudio.display._parameter import MAX_TICKS, Parameter, scale_of

__all__ = ["SearchResultsDisplay"]

_KINDS = "params", "map", "time"
_MAX_CELLS = 64  # of a map that has the scores written in it


class SearchResultsDisplay:
    """The candidates of a search: their scores against parameters or time.

    Candidates without a finite score, because their fit failed, are left out; the title says
    how many.

    Parameters
    ----------
    cv_results : dict of str to array of shape (n_candidates,)
        The `cv_results_` of a fitted search.
    params : str or list of str, default=None
        The parameters to draw, with their full names, such as ``convclassifier__dropout``.
        None draws those with more than one value, since others cannot change the score.
    metric : str, default="mean_test_score"
        A key of `cv_results` that begins with ``mean_``. The default exists in every search
        that has a single metric.
    name : str, default=None
        Title of the plot; None has no title.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (n_panels,)
        The axes of the plot: one for each parameter, or a single one for a map or times.
    figure_ : matplotlib Figure
        The figure of `axes_`.
    points_ : list of matplotlib PathCollection
        The candidates: for each panel, one collection for each iteration of a halving search,
        or a single one. Empty for a map of cells.
    means_ : list of matplotlib ErrorbarContainer
        For `points_` of parameters: the mean and the spread at each value.
    image_ : matplotlib AxesImage or PathCollection, or None
        The map: cells, or points if the candidates do not form a grid.
    n_left_out_ : int
        Candidates without a finite score.

    See Also
    --------
    sklearn.model_selection.ValidationCurveDisplay : Fits and draws for a single parameter.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skaudio import SearchResultsDisplay
    >>> grid = {"max_depth": [1, 2, 4, 8], "criterion": ["gini", "entropy"]}
    >>> search = GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=3)
    >>> search = search.fit(*load_iris(return_X_y=True))
    >>> display = SearchResultsDisplay.from_search(search)
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['criterion', 'max_depth']
    >>> display.axes_[1].get_xscale()
    'log'
    >>> display = display.plot(kind="map")
    >>> display.image_.get_array().shape
    (4, 2)
    """

    def __init__(self, cv_results, *, params=None, metric="mean_test_score", name=None):
        self.cv_results = cv_results
        self.params = params
        self.metric = metric
        self.name = name

    @classmethod
    def from_search(
        cls,
        search,
        *,
        params=None,
        metric="mean_test_score",
        kind="params",
        name=None,
        ax=None,
    ):
        """Draw the results of a fitted search.

        Parameters
        ----------
        search : GridSearchCV, RandomizedSearchCV or a halving search
            A fitted search; anything with scikit-learn's `cv_results_`.
        params : str or list of str, default=None
            The parameters to draw; None draws those with more than one value.
        metric : str, default="mean_test_score"
            A key of `cv_results_` that begins with ``mean_``.
        kind : {"params", "map", "time"}, default="params"
            As in :meth:`plot`.
        name : str, default=None
            Title of the plot; None has no title.
        ax : matplotlib Axes or array of Axes, default=None
            As in :meth:`plot`.

        Returns
        -------
        SearchResultsDisplay
            The display.
        """
        try:
            cv_results = search.cv_results_
        except AttributeError as error:
            if hasattr(search, "refit") or isinstance(error, NotFittedError):
                raise NotFittedError(
                    f"This {type(search).__name__} is not fitted: expected a fitted search. "
                    "Call fit first."
                ) from error
            raise ValueError(
                f"{type(search).__name__} has no cv_results_: expected a fitted search, such as "
                "GridSearchCV. For a dict of results use SearchResultsDisplay(cv_results).plot()."
            ) from error
        display = cls(cv_results, params=params, metric=metric, name=name)
        return display.plot(kind=kind, ax=ax)

    def plot(self, *, kind="params", ax=None):
        """Draw the candidates.

        Numbers have an axis of numbers, which is logarithmic if this distributes them more
        evenly; a few numbers that would be too close to each other are drawn at equal
        distances. Other values are categories, in the order of the search; estimators have the
        name of their class, with a number if it occurs twice.

        Parameters
        ----------
        kind : {"params", "map", "time"}, default="params"
            ``"params"`` draws a panel for each parameter, with a point for each candidate. At
            each value there is the mean over the candidates that have it, with the standard
            deviation of this mean over the folds. Each iteration of a halving search has its
            own colour and means, since scores of different resources are not comparable.
            ``"map"`` draws the mean score for each pair of values of two parameters: as cells,
            or as points if both have numbers and few of the cells would be filled. Candidates
            of a halving search count with their last iteration. ``"time"`` draws the score
            against the mean time of a fit, in seconds; with a single parameter in `params` its
            values have different colours.
        ax : matplotlib Axes or array of Axes, default=None
            The axes to draw on, for ``"params"`` as many as there are parameters; None creates
            a new figure.

        Returns
        -------
        SearchResultsDisplay
            The display.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind is {kind!r}: expected one of {list(_KINDS)}.")
        score = self._scores()
        is_kept = np.isfinite(score)
        self.n_left_out_ = int(np.sum(~is_kept))
        if not is_kept.any():
            raise ValueError(
                f"None of the {len(score)} candidates has a finite {self.metric!r}: expected at "
                'least one. Set error_score="raise" in the search to see why the fits failed.'
            )
        self.points_: list[Any] = []
        self.means_: list[Any] = []
        self.image_ = None
        if kind == "time":
            axes = [one_axes(ax)]
            self._plot_time(axes[0], score)
        elif kind == "map":
            parameters = [self._parameter(name) for name in self._names()]
            if len(parameters) != 2:
                raise ValueError(
                    f"A map needs two parameters, got {[each.name for each in parameters]}: "
                    "choose two of them with params=[..., ...]."
                )
            axes = [one_axes(ax)]
            self._plot_map(axes[0], *parameters, score)
        else:
            parameters = [self._parameter(name) for name in self._names()]
            axes = _panels(ax, len(parameters), ylabel=_words(self.metric))
            for panel, parameter in zip(axes, parameters, strict=True):
                self._plot_parameter(panel, parameter, score)
            if "iter" in self.cv_results:
                _legend(axes[0], self.means_[: len(self._iterations())])
        self.axes_ = np.array(axes, dtype=object)
        self.figure_ = axes[0].figure
        self._write_title(is_new=ax is None)
        return self

    def _scores(self):
        """The score of each candidate, NaN where it failed."""
        if not isinstance(self.cv_results, Mapping) or "params" not in self.cv_results:
            raise ValueError(
                f"cv_results is a {type(self.cv_results).__name__} without the key 'params': "
                "expected the cv_results_ of a fitted search."
            )
        known = [key for key in self.cv_results if key.startswith("mean_")]
        if self.metric not in known:
            raise ValueError(f"metric is {self.metric!r}: expected one of {sorted(known)}.")
        return np.asarray(self.cv_results[self.metric], dtype=float)

    def _names(self):
        """The parameters to draw."""
        known = [key.removeprefix("param_") for key in self.cv_results if key.startswith("param_")]
        if self.params is None:
            names = [name for name in known if len(self._parameter(name).labels) > 1]
            if not names:
                raise ValueError(
                    f"No parameter has more than one value, of {known}: expected a search with "
                    "several. Name those to draw in params."
                )
            return names
        names = [self.params] if isinstance(self.params, str) else list(self.params)
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise ValueError(
                f"params has {unknown or 'no name'}: expected parameters of the search, with "
                f"their full names: {known}."
            )
        return names

    def _parameter(self, name):
        return Parameter.of(name, self.cv_results[f"param_{name}"])

    def _iterations(self):
        """The candidates of each iteration of a halving search; all of them in other searches."""
        if "iter" not in self.cv_results:
            return [(np.ones(len(self.cv_results["params"]), dtype=bool), None)]
        iterations = np.asarray(self.cv_results["iter"])
        resources = np.asarray(self.cv_results["n_resources"])
        masks = [iterations == iteration for iteration in np.unique(iterations)]
        return [(mask, f"n_resources = {resources[mask][0]}") for mask in masks]

    def _folds(self):
        """The scores of each fold, of shape (n_folds, n_candidates)."""
        pattern = rf"split\d+_{re.escape(self.metric.removeprefix('mean_'))}"
        keys = [key for key in self.cv_results if re.fullmatch(pattern, key)]
        return np.array([np.asarray(self.cv_results[key], dtype=float) for key in keys])

    def _plot_parameter(self, ax, parameter, score):
        """Each candidate, and the mean and spread at each value."""
        folds = self._folds()
        iterations = self._iterations()
        for index, (mask, label) in enumerate(iterations):
            color = _color(index, len(iterations))
            is_drawn = mask & np.isfinite(score) & np.isfinite(parameter.positions)
            at = parameter.positions[is_drawn]
            # Categories have room for the iterations beside each other.
            shift = 0.15 * (index - (len(iterations) - 1) / 2)
            shift = shift if parameter.scale == "category" else 0
            style = {"color": color, "s": 16, "alpha": 0.35, "linewidth": 0}
            self.points_.append(ax.scatter(at + shift, score[is_drawn], **style))
            values = np.unique(at)
            at_values = [is_drawn & (parameter.positions == value) for value in values]
            means = [score[chosen].mean() for chosen in at_values]
            spreads = None
            if len(folds):
                spreads = [folds[:, chosen].mean(axis=1).std() for chosen in at_values]
            style = {"color": color, "fmt": "o", "capsize": 3, "zorder": 3, "label": label}
            if len(values) > MAX_TICKS and parameter.scale != "category":
                # As from a random search: a line would join candidates that differ in others.
                style |= {"markersize": 4, "capsize": 0, "elinewidth": 0.7}
            elif parameter.scale != "category":
                style |= {"linestyle": "-"}
            self.means_.append(ax.errorbar(values + shift, means, yerr=spreads, **style))
        parameter.write(ax.xaxis)
        ax.set_xlabel(parameter.label)

    def _plot_map(self, ax, across, upwards, score):
        """The mean score for each pair of values."""
        is_kept = (
            np.isfinite(score) & np.isfinite(across.positions) & np.isfinite(upwards.positions)
        )
        if "iter" in self.cv_results:
            names = [str(params) for params in self.cv_results["params"]]
            is_kept &= [name not in names[index + 1 :] for index, name in enumerate(names)]
        shape = len(upwards.labels), len(across.labels)
        is_grid = shape[0] * shape[1] <= 4 * len(score)
        if is_grid or "category" in (across.scale, upwards.scale):
            across, upwards = across.evenly(), upwards.evenly()
            cells = np.full(shape, np.nan)
            for row, column in np.ndindex(shape):
                chosen = is_kept & (upwards.positions == row) & (across.positions == column)
                if chosen.any():
                    cells[row, column] = score[chosen].mean()
            self.image_ = ax.imshow(cells, origin="lower", aspect="auto", cmap="viridis")
            ax.set_facecolor("0.9")  # cells without a candidate
            if cells.size <= _MAX_CELLS and np.isfinite(cells).any():
                _write_cells(ax, cells, self.image_.norm)
        else:
            self.image_ = ax.scatter(
                across.positions[is_kept], upwards.positions[is_kept], c=score[is_kept], s=50
            )
        across.write(ax.xaxis)
        upwards.write(ax.yaxis)
        ax.set(xlabel=across.label, ylabel=upwards.label)
        ax.figure.colorbar(self.image_, ax=ax, label=_words(self.metric))

    def _plot_time(self, ax, score):
        """The score against the mean time of a fit."""
        seconds = np.asarray(self.cv_results["mean_fit_time"], dtype=float)
        groups, is_ordered, title = self._iterations(), True, None
        if self.params is not None and len(self._names()) == 1:
            parameter = self._parameter(*self._names())
            positions = parameter.evenly().positions
            groups = [(positions == index, each) for index, each in enumerate(parameter.labels)]
            if np.isnan(positions).any():
                groups.append((np.isnan(positions), "(not set)"))
            is_ordered = parameter.scale != "category"
            title = parameter.label
        for index, (mask, label) in enumerate(groups):
            chosen = mask & np.isfinite(score)
            color = _color(index, len(groups)) if is_ordered else f"C{index}"
            style = {"color": color, "s": 30, "alpha": 0.7, "label": label, "lw": 0}
            self.points_.append(ax.scatter(seconds[chosen], score[chosen], **style))
        if scale_of(seconds[np.isfinite(score)], least_ratio=10) == "log":
            ax.set_xscale("log")
        ax.set(xlabel="mean fit time (s)", ylabel=_words(self.metric))
        if len(groups) > 1:
            _legend(ax, self.points_, title)

    def _write_title(self, *, is_new):
        lines = [] if self.name is None else [self.name]
        if self.n_left_out_:
            n_candidates = len(self.cv_results["params"])
            lines.append(f"Without a score: {self.n_left_out_} of {n_candidates} candidates")
        if is_new and len(self.axes_) > 1:
            self.figure_.suptitle("\n".join(lines) or None)
        elif lines:
            self.axes_[0].set_title("\n".join(lines))


def _words(key):
    return key.replace("_", " ")


def _color(index, n_colors):
    """The first colour, or dark to light for an ordered series."""
    if n_colors == 1:
        return "C0"
    import matplotlib as mpl

    return mpl.colormaps["viridis"](0.8 * index / (n_colors - 1))


def _legend(ax, handles, title=None):
    if len(handles) <= MAX_LEGEND:
        ax.legend(handles=handles, title=title)


def _write_cells(ax, cells, norm):
    """Write the scores, all with the decimals that give the largest three digits."""
    largest = np.nanmax(np.abs(cells))
    decimals = max(0, 2 - int(np.floor(np.log10(largest)))) if largest else 0
    for (row, column), score in np.ndenumerate(cells):
        if np.isfinite(score):
            color = "black" if norm(score) > 0.6 else "white"
            ax.text(column, row, f"{score:.{decimals}f}", ha="center", va="center", color=color)


def _panels(ax, n_panels, *, ylabel):
    """Axes for small multiples, with the scores of each row at its left."""
    plt = import_pyplot()
    if ax is not None:
        axes = list(np.atleast_1d(np.asarray(ax, dtype=object)).flat)
        if len(axes) != n_panels:
            raise ValueError(
                f"ax has {len(axes)} axes: expected {n_panels}, one for each parameter. Choose "
                "the parameters with params, or leave ax=None."
            )
        for panel in axes:
            panel.set_ylabel(ylabel)
        return axes
    n_columns = 2 if n_panels == 4 else min(n_panels, 3)
    n_rows = -(-n_panels // n_columns)
    size = (max(3.2 * n_columns, 4.8), 3.2 * n_rows)
    _, grid = plt.subplots(
        n_rows, n_columns, figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for panel in grid[:, 0]:
        panel.set_ylabel(ylabel)
    for unused in grid.flat[n_panels:]:
        unused.remove()
    return list(grid.flat[:n_panels])
