"""Plots of features and of training, in the form of scikit-learn's displays.

Create a display with ``from_...``, or draw it with ``plot``; matplotlib is imported inside
`plot`, so that the rest of skaudio works without it. For a confusion matrix use
:class:`sklearn.metrics.ConfusionMatrixDisplay`.
"""

from __future__ import annotations

import numpy as np

from skaudio.exceptions import MissingDependencyError

__all__ = ["MFCCDisplay", "TrainingHistoryDisplay"]


def _axes(ax):
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingDependencyError(
            "Plotting needs matplotlib: pip install matplotlib (or skaudio[demo])."
        ) from error
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    return ax


class MFCCDisplay:
    """One clip's features as an image: time from left to right, coefficients upwards.

    Parameters
    ----------
    features : ndarray of shape (n_frames, n_coefficients)
        The features of one clip.
    duration : float, default=None
        Length of the clip in seconds, for the time axis; None counts frames.
    label : str, default=None
        Title of the plot.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    image_ : matplotlib AxesImage
        The image.

    Examples
    --------
    >>> import numpy as np
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from skaudio import MFCCDisplay, MFCCTransformer
    >>> clips = np.random.default_rng(0).normal(size=(1, 16000))
    >>> display = MFCCDisplay.from_estimator(
    ...     MFCCTransformer().fit(clips), clips[0], label="noise"
    ... )
    >>> display.ax_.get_title()
    'noise'
    """

    def __init__(self, features, *, duration=None, label=None):
        self.features = features
        self.duration = duration
        self.label = label

    @classmethod
    def from_estimator(cls, transformer, recording, *, label=None, ax=None, **image_kwargs):
        """Compute the features of one recording and draw them.

        Parameters
        ----------
        transformer : MFCCTransformer
            A fitted transformer.
        recording : str, PathLike, bytes, file object, array-like or (array-like, float)
            One recording, of any type that the transformer takes in a list.
        label : str, default=None
            Title of the plot.
        ax : matplotlib Axes, default=None
            The axes to draw on; None creates a new figure.
        **image_kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.imshow`.

        Returns
        -------
        MFCCDisplay
            The display.
        """
        features = transformer.transform([recording])[0]
        display = cls(features, duration=transformer.duration_, label=label)
        return display.plot(ax=ax, **image_kwargs)

    def plot(self, ax=None, **image_kwargs):
        """Draw the image.

        The colour scale covers the middle 96 % of the values, without the first coefficient:
        this is the loudness, which has a far larger range.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on; None creates a new figure.
        **image_kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.imshow`.

        Returns
        -------
        MFCCDisplay
            The display.
        """
        ax = _axes(ax)
        n_frames, n_coefficients = self.features.shape
        width = n_frames if self.duration is None else self.duration
        rest = self.features[:, 1:] if n_coefficients > 1 else self.features
        low, high = np.percentile(rest, [2, 98])
        style = {
            "aspect": "auto",
            "origin": "lower",
            "cmap": "magma",
            "extent": (0, width, -0.5, n_coefficients - 0.5),
            "vmin": low,
            "vmax": high,
        }
        self.image_ = ax.imshow(self.features.T, **{**style, **image_kwargs})
        ax.set(xlabel="frame" if self.duration is None else "time (s)", ylabel="coefficient")
        if self.label is not None:
            ax.set_title(self.label)
        self.ax_, self.figure_ = ax, ax.figure
        return self


class TrainingHistoryDisplay:
    """Learning curves of a network: loss or accuracy against the epochs.

    Parameters
    ----------
    history : dict of str to list of float
        The `history_` of a fitted classifier.
    name : str, default=None
        Name of the classifier, for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    lines_ : list of matplotlib Line2D
        The curves: training, then validation if it exists.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from skaudio import TrainingHistoryDisplay
    >>> history = {"accuracy": [0.5, 0.8, 0.9], "val_accuracy": [0.5, 0.7, 0.7]}
    >>> display = TrainingHistoryDisplay(history).plot()
    >>> [line.get_label() for line in display.lines_]
    ['training', 'validation']
    """

    def __init__(self, history, *, name=None):
        self.history = history
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, metric="accuracy", name=None, ax=None, **line_kwargs):
        """Draw the history of a fitted classifier or of a pipeline that ends in one.

        Parameters
        ----------
        estimator : classifier or Pipeline
            A fitted estimator.
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
        classifier = estimator[-1] if hasattr(estimator, "steps") else estimator
        if not hasattr(classifier, "history_"):
            raise ValueError(
                f"{type(classifier).__name__} has no history_: expected a fitted classifier of "
                "skaudio, or a pipeline that ends in one."
            )
        display = cls(classifier.history_, name=name or type(classifier).__name__)
        return display.plot(metric=metric, ax=ax, **line_kwargs)

    def plot(self, *, metric="accuracy", ax=None, **line_kwargs):
        """Draw the curves.

        Parameters
        ----------
        metric : str, default="accuracy"
            A key of the history; the key with the prefix ``val_`` is drawn too if it exists.
        ax : matplotlib Axes, default=None
            The axes to draw on; None creates a new figure.
        **line_kwargs : dict
            Passed to :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        TrainingHistoryDisplay
            The display.
        """
        if metric not in self.history:
            raise ValueError(f"The history has no {metric!r}; it has {sorted(self.history)}.")
        ax = _axes(ax)
        self.lines_ = []
        for key, label in ((metric, "training"), (f"val_{metric}", "validation")):
            if key in self.history:
                values = self.history[key]
                epochs = np.arange(1, len(values) + 1)
                style = {"label": label, **line_kwargs}
                self.lines_ += ax.plot(epochs, values, **style)
        ax.set(xlabel="epoch", ylabel=metric, title=self.name)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
