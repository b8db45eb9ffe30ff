"""The values of a searched parameter, and where they are on an axis."""

from __future__ import annotations

from numbers import Real
from typing import NamedTuple

import numpy as np

MAX_TICKS = 8  # up to so many numbers are written at their ticks
_MAX_LETTERS = 18  # of a category's name


class Parameter(NamedTuple):
    """A parameter of the search, and where its values are on an axis."""

    name: str
    positions: np.ndarray  # of each candidate; NaN if it does not have the parameter
    ticks: np.ndarray  # of each value
    labels: list[str]
    scale: str  # "linear", "log", "even" (numbers at equal distances) or "category"

    @classmethod
    def of(cls, name, column):
        """From a column of `cv_results_`, masked where a candidate has no such parameter."""
        column = np.ma.asarray(column)
        is_there = ~np.ma.getmaskarray(column)
        values = np.ma.getdata(column)
        positions = np.full(len(values), np.nan)
        if all(_is_number(value) for value in values[is_there]):
            positions[is_there] = values[is_there]
            ticks = np.unique(positions[is_there])
            labels = [f"{tick:g}" for tick in ticks]
            parameter = cls(name, positions, ticks, labels, scale_of(ticks))
            return parameter.evenly() if parameter.is_crowded() else parameter
        keys = [repr(value) for value in values]
        first = dict.fromkeys(key for key, is_one in zip(keys, is_there, strict=True) if is_one)
        place = {key: index for index, key in enumerate(first)}
        positions[is_there] = [place[key] for key in np.array(keys, dtype=object)[is_there]]
        labels = numbered([_short(values[keys.index(key)]) for key in first])
        return cls(name, positions, np.arange(len(labels)), labels, "category")

    @property
    def label(self):
        """The name, in two lines if it is long."""
        if len(self.name) <= 28:
            return self.name
        return "__\n".join(self.name.rsplit("__", 1))

    def is_crowded(self):
        """Tell whether the numbers at a few ticks would overlap."""
        if not 1 < len(self.ticks) <= MAX_TICKS:
            return False
        ticks = np.log(self.ticks) if self.scale == "log" else self.ticks
        letters = max(map(len, self.labels))
        return np.diff(ticks).min() / np.ptp(ticks) < 0.03 * letters

    def evenly(self):
        """The same with the values at 0, 1, 2, ..."""
        if self.scale in ("category", "even"):
            return self
        positions = np.searchsorted(self.ticks, self.positions).astype(float)
        positions[np.isnan(self.positions)] = np.nan
        return self._replace(positions=positions, ticks=np.arange(len(self.ticks)), scale="even")

    def write(self, axis):
        """Set scale and ticks of one of matplotlib's axes."""
        is_x = axis.axis_name == "x"
        if self.scale == "log":
            (axis.axes.set_xscale if is_x else axis.axes.set_yscale)("log")
        if self.scale in ("linear", "log") and len(self.ticks) > MAX_TICKS:
            return
        step = -(-len(self.ticks) // 16) if self.scale == "even" else 1
        axis.set_ticks(self.ticks[::step], labels=self.labels[::step])
        axis.set_ticks([], minor=True)
        if self.scale == "category" and is_x:
            axis.axes.set_xlim(-0.5, len(self.ticks) - 0.5)
            if sum(map(len, self.labels)) > 24:
                for label in axis.get_ticklabels():
                    label.set(rotation=30, horizontalalignment="right", rotation_mode="anchor")


def numbered(names):
    """Add a number to those names that occur more than once."""
    return [
        f"{name} {names[: index + 1].count(name)}" if names.count(name) > 1 else name
        for index, name in enumerate(names)
    ]


def _is_number(value):
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return False
    return bool(np.isfinite(float(value)))


def scale_of(values, *, least_ratio=4):
    """``"log"`` if the values are nearer to equal distances there than on a linear scale."""
    values = np.unique(values)
    if len(values) < 3 or values[0] <= 0 or values[-1] < least_ratio * values[0]:
        return "linear"

    def unevenness(x):
        return np.abs((x - x[0]) / np.ptp(x) - np.linspace(0, 1, len(x))).max()

    return "log" if unevenness(np.log(values)) < unevenness(values) else "linear"


def _short(value):
    """A short name of a category."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str):
        text = value
    elif hasattr(value, "get_params") or hasattr(value, "__name__"):
        text = getattr(value, "__name__", type(value).__name__)
    elif _is_number(value):
        text = f"{value:g}"
    else:
        text = repr(value)
        is_own = type(value).__module__ != "builtins"
        if text.startswith("<") or (is_own and len(text) > _MAX_LETTERS):
            text = type(value).__name__
    return text if len(text) <= _MAX_LETTERS + 4 else f"{text[:_MAX_LETTERS]}..."
