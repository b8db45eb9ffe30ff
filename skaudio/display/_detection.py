"""What a detector found in a recording, and how often it is wrong."""

from __future__ import annotations

import numpy as np

from skaudio import audio
from skaudio.display._axes import MAX_LEGEND, import_pyplot, one_axes

__all__ = ["DetectionDisplay", "DetectionErrorTradeoffDisplay"]

# Length of a frame of the spectrogram, in seconds, and its range in dB.
_FRAME, _RANGE_DB = 0.032, 80

# More points than a screen has columns only take time.
_MAX_POINTS = 4000


class DetectionDisplay:
    """A recording as waveform and spectrogram, with scores, found and true events.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        The recording, or a part of it.
    sample_rate : int
        Its rate in Hz.
    scores : WindowScores
        The scores of its windows.
    labels : list
        The labels of the columns of the scores.
    thresholds : list of float
        The threshold of each label.
    found : list of Event
        What was found.
    true : list of Event, default=None
        What is in it; None if that is not known.
    start : float, default=0.0
        When the part begins in the recording, in seconds.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (3,) or (4,)
        Waveform, spectrogram and scores, and events, if the true ones are known.
    figure_ : matplotlib Figure
        The figure of `axes_`.

    See Also
    --------
    DetectionErrorTradeoffDisplay : How often events are missed, against false alarms.

    Examples
    --------
    >>> import numpy as np
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from skaudio import (
    ...     DetectionDisplay,
    ...     MFCCTransformer,
    ...     PerceptronClassifier,
    ...     Pipeline,
    ... )
    >>> from skaudio.detection import SoundDetector
    >>> rng = np.random.default_rng(0)
    >>> clips = rng.normal(0, 0.1, (20, 4000))
    >>> clips[::2] += np.sin(0.2 * np.arange(4000))
    >>> pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    >>> pipeline = pipeline.fit(clips, ["hum", "unknown"] * 10)
    >>> display = DetectionDisplay.from_detector(SoundDetector(pipeline), clips.ravel())
    >>> [ax.get_ylabel() for ax in display.axes_]
    ['samples', 'frequency (kHz)', 'score']
    """

    def __init__(
        self, samples, sample_rate, scores, *, labels, thresholds, found, true=None, start=0.0
    ):
        self.samples = samples
        self.sample_rate = sample_rate
        self.scores = scores
        self.labels = labels
        self.thresholds = thresholds
        self.found = found
        self.true = true
        self.start = start

    @classmethod
    def from_detector(cls, detector, recording, *, events=None, start=0.0, stop=None):
        """Detect events in a recording and draw them.

        Parameters
        ----------
        detector : SoundDetector
            The detector.
        recording : recording
            As :func:`skaudio.audio.load` takes it.
        events : sequence of Event, default=None
            What is in the whole recording.
        start : float, default=0.0
            When the part to draw begins, in seconds.
        stop : float, default=None
            When it ends; None is the end of the recording. Only the part is read.

        Returns
        -------
        DetectionDisplay
            The display.
        """
        part = audio.Segment(recording, start, stop)
        labels, sample_rate = detector.labels_, detector.sample_rate_
        samples = audio.load(part, sample_rate=sample_rate)
        scores = detector.score_windows((samples, sample_rate))
        true = None
        if events is not None:
            inside = [event for event in events if event[1] > start]
            inside = [event for event in inside if event[0] < start + scores.duration]
            true = [(event[0] - start, event[1] - start, event[2]) for event in inside]
        display = cls(
            samples,
            sample_rate,
            scores,
            labels=labels,
            thresholds=[detector.threshold_of(label) for label in labels],
            found=detector.detect(scores),
            true=true,
            start=start,
        )
        return display.plot()

    def plot(self, axes=None):
        """Draw the panels.

        Parameters
        ----------
        axes : array of matplotlib Axes, of shape (3,) or (4,), default=None
            The axes to draw on, one for each panel; None creates a new figure.

        Returns
        -------
        DetectionDisplay
            The display.
        """
        plt = import_pyplot()
        n_panels = 3 if self.true is None else 4
        if axes is None:
            heights = [1, 2, 1.5, 0.3 + 0.25 * len(self.labels)][:n_panels]
            _, axes = plt.subplots(
                n_panels,
                figsize=(10, 1.5 * sum(heights)),
                sharex=True,
                height_ratios=heights,
                layout="constrained",
            )
        self.axes_ = np.asarray(axes)
        self.figure_ = self.axes_[0].figure
        self._plot_samples(self.axes_[0])
        self._plot_spectrogram(self.axes_[1])
        self._plot_scores(self.axes_[2])
        if self.true is not None:
            self._plot_events(self.axes_[3])
        self.axes_[-1].set_xlabel("time (s)")
        for ax in self.axes_:
            ax.set_xlim(self.start, self.start + self.scores.duration)
        return self

    def _plot_samples(self, ax):
        step = max(1, len(self.samples) // _MAX_POINTS)
        whole = self.samples[: len(self.samples) // step * step].reshape(-1, step)
        times = self.start + np.arange(len(whole)) * step / self.sample_rate
        ax.fill_between(times, whole.min(axis=1), whole.max(axis=1), color="0.4", linewidth=0.5)
        ax.set(ylabel="samples")

    def _plot_spectrogram(self, ax):
        n_fft = max(2, round(_FRAME * self.sample_rate))
        n_overlap = max(0, n_fft - max(n_fft // 2, len(self.samples) // _MAX_POINTS))
        end = self.start + self.scores.duration
        with np.errstate(divide="ignore"):
            power, _, _, image = ax.specgram(
                self.samples,
                NFFT=n_fft,
                Fs=self.sample_rate / 1000,
                noverlap=n_overlap,
                cmap="magma",
                xextent=(self.start, end),
            )
        if power.max() > 0:
            image.set_clim(10 * np.log10(power.max()) - _RANGE_DB, None)
        ax.set(ylabel="frequency (kHz)")

    def _plot_scores(self, ax):
        times = self.start + self.scores.times
        for column, label in enumerate(self.labels):
            color = f"C{column}"
            ax.plot(times, self.scores.values[:, column], color=color, label=str(label))
            ax.axhline(self.thresholds[column], color=color, linestyle=":", linewidth=1)
            for event in self.found:
                if event.label == label:
                    span = self.start + event.start, self.start + event.end
                    ax.axvspan(*span, color=color, alpha=0.2, linewidth=0)
        ax.set(ylabel="score", ylim=(0, 1.05))
        if len(self.labels) <= MAX_LEGEND:
            ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

    def _plot_events(self, ax):
        for row, label in enumerate(self.labels):
            for events, offset, style in (
                (self.true, 0.02, {"facecolor": "none", "edgecolor": f"C{row}"}),
                (self.found, -0.38, {"facecolor": f"C{row}", "edgecolor": "none"}),
            ):
                spans = [(self.start + e[0], e[1] - e[0]) for e in events if e[2] == label]
                ax.broken_barh(spans, (row + offset, 0.36), **style)
        ax.set(ylabel="true (frame)\nand found", yticks=range(len(self.labels)))
        ax.set_yticklabels([str(label) for label in self.labels])
        ax.set_ylim(len(self.labels) - 0.5, -0.5)


class DetectionErrorTradeoffDisplay:
    """How often events are missed, against false alarms an hour, at all thresholds.

    Parameters
    ----------
    curves : list of ErrorTradeoff
        A curve for each label.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    lines_ : list of matplotlib Line2D
        The curves.

    See Also
    --------
    sklearn.metrics.DetCurveDisplay : The same for clips.

    References
    ----------
    A. Martin, G. Doddington, T. Kamm, M. Ordowski and M. Przybocki, "The DET curve in assessment of
    detection task performance", Eurospeech 1997, 1895-1898.

    Examples
    --------
    >>> import numpy as np
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from skaudio import DetectionErrorTradeoffDisplay
    >>> from skaudio.detection import ErrorTradeoff
    >>> curve = ErrorTradeoff(
    ...     "owl",
    ...     np.array([0.9, 0.5]),
    ...     np.array([0.4, 0.1]),
    ...     np.array([0, 2]),
    ...     (0.9, 0.4, 0),
    ... )
    >>> DetectionErrorTradeoffDisplay([curve]).plot().ax_.get_xlabel()
    'false alarms an hour'
    """

    def __init__(self, curves):
        self.curves = curves

    @classmethod
    def from_detector(cls, detector, recordings, events, *, ax=None):
        """Detect events in recordings at all thresholds, and draw how often they are wrong.

        Parameters
        ----------
        detector : SoundDetector
            The detector.
        recordings : sequence of recordings
            Long recordings.
        events : sequence of sequence of Event
            What is in each.
        ax : matplotlib Axes, default=None
            The axes to draw on; None creates a new figure.

        Returns
        -------
        DetectionErrorTradeoffDisplay
            The display, with a point for each threshold of the detector.
        """
        return cls(detector.error_tradeoff(recordings, events)).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on; None creates a new figure.

        Returns
        -------
        DetectionErrorTradeoffDisplay
            The display.
        """
        ax = one_axes(ax)
        self.lines_ = []
        for index, curve in enumerate(self.curves):
            style = {"color": f"C{index}", "drawstyle": "steps-post", "label": str(curve.label)}
            self.lines_ += ax.plot(curve.false_per_hour, curve.miss_rate, **style)
            _, miss_rate, false_per_hour = curve.used
            ax.plot(false_per_hour, miss_rate, "o", color=f"C{index}")
        ax.set_xscale("symlog", linthresh=1)  # linear from 0 to 1
        ax.set(xlabel="false alarms an hour", ylabel="share of events missed", ylim=(0, 1))
        ax.set_xlim(left=0)
        ax.grid(alpha=0.3)
        if len(self.curves) <= MAX_LEGEND:
            ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
