"""Features of one clip as an image."""

from __future__ import annotations

import numpy as np

from skaudio.display._axes import one_axes

__all__ = ["MFCCDisplay"]


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
        ax = one_axes(ax)
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
