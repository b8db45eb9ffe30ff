"""The only import of matplotlib, and the axes to draw on."""

from __future__ import annotations

from skaudio.exceptions import MissingDependencyError

MAX_LEGEND = 8  # longer legends hide the plot, and their colours are hard to tell apart


def import_pyplot():
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingDependencyError(
            "Plotting needs matplotlib: pip install matplotlib (or skaudio[demo])."
        ) from error
    return plt


def one_axes(ax):
    plt = import_pyplot()
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    return ax
