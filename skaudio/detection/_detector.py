"""Find the sounds that a classifier knows in recordings of any length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from skaudio import audio
from skaudio._progress import progress_bar
from skaudio.audio import Segment
from skaudio.detection._events import Event, paired
from skaudio.detection._scanner import Scanner, is_number
from skaudio.detection._scoring import false_alarms
from skaudio.detection._training import check_inside, is_between
from skaudio.detection._tuning import ErrorTradeoff, error_tradeoff, tuned

try:
    from sklearn.base import BaseEstimator
except ImportError:  # exported models run without scikit-learn
    BaseEstimator = object

__all__ = ["SoundDetector", "WindowScores"]

_BLOCK_SECONDS = 10.0


class WindowScores(NamedTuple):
    """The scores of the windows of a recording.

    Attributes
    ----------
    values : ndarray of shape (n_windows, n_labels)
        Smoothed probabilities of the labels of the detector.
    times : ndarray of shape (n_windows,)
        The middle of each window, in seconds.
    duration : float
        Length of the recording, in seconds.
    labels : tuple
        The labels of the columns.
    """

    values: np.ndarray
    times: np.ndarray
    duration: float
    labels: tuple


class SoundDetector(BaseEstimator):
    """Find the sounds that a classifier knows in recordings of any length.

    The classifier sees windows of the length of its clips, one each `hop` seconds. Its
    probabilities are smoothed over time. An event is a run of windows that reach half of the
    threshold of a label, if one of them reaches the threshold.
    Memory does not grow with the length of the recording.

    Parameters
    ----------
    estimator : estimator or skaudio.runtime.Model
        A fitted pipeline that begins with a transformer of skaudio, a search over one, an
        :class:`~skaudio.UnknownRejector` or another meta-estimator around one; or an exported
        model, which needs no TensorFlow. Windows that a rejector rejects have the score 0. With
        several transformers, windows have the length of the longest clips.
    hop : float, default=0.1
        Time between two windows in seconds, rounded to a multiple of the transformer's frames, and
        at most the length of a clip. The times of events are no more precise than this; the time of
        computation is inversely proportional to it.
    threshold : float or dict of label to float, default=0.5
        The lowest score of an event. `tune` chooses one for each label; 0.5 is only a start, since
        a classifier has seen clips, not what is between them.
    smoothing : float, default=None
        Scores are averaged over this time, in seconds, so that single windows do not become false
        alarms. None takes three tenths of the length of a clip; 0 does not smooth.
    min_gap : float, default=0.3
        Events of the same label with a shorter gap between them are joined, in seconds.
    min_duration : float, default=0.0
        Events of fewer windows than begin in this time are dropped, in seconds.
    labels : sequence of labels, default=None
        The labels to detect. None takes all classes except ``"unknown"``, the name of what is none
        of them, or what the estimator's `unknown_label` says instead.
    min_level : float or None, default=-80.0
        Windows below this level are silence, with the score 0: the root mean square in dB relative
        to full scale. They are not classified where all windows of a batch are silent. None
        classifies silence like everything else.
    batch_size : int, default=32
        Windows that are classified together.
    verbose : int, default=0
        Show a progress bar if positive.

    Attributes
    ----------
    thresholds_ : dict of label to float
        The thresholds that are used. Only defined after `tune`.
    tuning_ : Tuning
        What the thresholds are based on. Only defined after `tune`.

    See Also
    --------
    skaudio.datasets.make_soundscape : Long recordings with known events.
    score_events : Compare found events with true ones.

    Notes
    -----
    The features of a window are exactly those that the transformer computes for a clip with these
    samples: the zeros beyond its ends (`center`), and `top_db`, `normalize` and `loudness`, refer
    to the window. Frames of the mel spectrogram that are the same in several windows are computed
    once. With ``align`` the sound is moved within each window, which makes the times of events less
    precise. Windows are not kept by ``memory``.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
    >>> from skaudio.detection import SoundDetector
    >>> rng = np.random.default_rng(0)
    >>> hum = np.sin(0.2 * np.arange(4000))
    >>> clips = [rng.normal(0, 0.1, 4000) + hum * (n % 2) for n in range(20)]
    >>> pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    >>> pipeline = pipeline.fit(clips, ["noise", "hum"] * 10)
    >>> recording = rng.normal(0, 0.1, 5 * 16000)
    >>> recording[32000:48000] += np.resize(hum, 16000)
    >>> detector = SoundDetector(pipeline, labels=["hum"])
    >>> [(round(event.start), round(event.end)) for event in detector.detect(recording)]
    [(2, 3)]
    """

    def __init__(
        self,
        estimator,
        *,
        hop=0.1,
        threshold=0.5,
        smoothing=None,
        min_gap=0.3,
        min_duration=0.0,
        labels=None,
        min_level=-80.0,
        batch_size=32,
        verbose=0,
    ):
        self.estimator = estimator
        self.hop = hop
        self.threshold = threshold
        self.smoothing = smoothing
        self.min_gap = min_gap
        self.min_duration = min_duration
        self.labels = labels
        self.min_level = min_level
        self.batch_size = batch_size
        self.verbose = verbose

    @property
    def labels_(self) -> list[Any]:
        """The labels that are detected, in the order of the columns of scores.

        Returns
        -------
        list
            The labels.
        """
        return Scanner(self).labels

    @property
    def sample_rate_(self) -> int:
        """Rate of the clips that the classifier takes, in Hz.

        Returns
        -------
        int
            The rate.
        """
        return Scanner(self).sample_rate

    def detect(self, recording) -> list[Event]:
        """Find the events in a recording.

        Parameters
        ----------
        recording : recording
            As :func:`skaudio.audio.load` takes it: a path, bytes, an open file, samples, ...; or
            the result of `score_windows`, for several thresholds.

        Returns
        -------
        list of Event
            Start and end in seconds, label and score, in the order of their starts. As a table:
            ``pandas.DataFrame(events)``.

        Raises
        ------
        AudioError
            If the recording cannot be used; the message names it.
        """
        scanner = Scanner(self)
        if not isinstance(recording, WindowScores):
            blocks = self._blocks(recording, scanner.sample_rate)
            return sorted(self._found(scanner, scanner.scores(blocks)), key=_time)
        scanner.check_scores(recording)
        scanner.n_read = round(recording.duration * scanner.sample_rate)
        return sorted(self._found(scanner, [recording.values]), key=_time)

    def stream(self, blocks, *, sample_rate=None, batch_size=1) -> Iterator[Event]:
        """Find events while a recording arrives.

        The events are those of `detect`, whatever the lengths of the blocks.

        Parameters
        ----------
        blocks : iterable of array-like of shape (n_samples,)
            Successive samples, in blocks of any lengths: floats in [-1, 1], or integers as in PCM
            files.
        sample_rate : int, default=None
            Their rate in Hz; None is that of the classifier's clips.
        batch_size : int, default=1
            Windows that are classified together. More take less time, but events are found later,
            by up to ``batch_size * hop`` seconds.

        Yields
        ------
        Event
            Each event as soon as it has ended: when its score has been below half of the threshold
            for `min_gap` seconds.
        """
        scanner = Scanner(self, batch_size=batch_size)
        rate = scanner.sample_rate if sample_rate is None else sample_rate
        blocks = audio.resample_blocks(blocks, from_rate=rate, to_rate=scanner.sample_rate)
        yield from self._found(scanner, scanner.scores(blocks))

    def score_windows(self, recording) -> WindowScores:
        """Compute the smoothed scores of a recording.

        Parameters
        ----------
        recording : recording
            As in `detect`.

        Returns
        -------
        WindowScores
            The scores, the time of each window and the length of the recording. It can be passed to
            `detect`, `tune` and `error_tradeoff` in place of the recording, as long as `labels` and
            `hop` are the same.
        """
        scanner = Scanner(self)
        if isinstance(recording, WindowScores):
            scanner.check_scores(recording)
            return recording
        parts = list(scanner.scores(self._blocks(recording, scanner.sample_rate)))
        values = np.concatenate(parts)
        times = np.arange(len(values)) * scanner.hop + scanner.duration / 2
        duration = scanner.n_read / scanner.sample_rate
        return WindowScores(values, times, duration, tuple(scanner.labels))

    def tune(self, recordings, events, *, max_false_per_hour=1.0) -> SoundDetector:
        """Choose the thresholds that keep false alarms rare.

        The allowed false alarms in these recordings are shared equally by the labels. The threshold
        of each label is the lowest one with fewer than its share, rounded down. So the expected
        rate in similar recordings is at most `max_false_per_hour`. They should not be those that
        the classifier was trained on.

        Parameters
        ----------
        recordings : sequence of recordings
            Long recordings, as in `detect`.
        events : sequence of sequence of Event
            What is in each recording: all events of the labels that are detected. Tuples of start,
            end and label are sufficient.
        max_false_per_hour : float, default=1.0
            The highest rate of false alarms, of all labels together, which share it equally.

        Returns
        -------
        SoundDetector
            The detector itself, with `thresholds_` and `tuning_`.

        Raises
        ------
        ValueError
            If there are events, but none of the labels that are detected, or if one lies beyond the
            end of its recording.

        Warns
        -----
        UserWarning
            If the recordings are too short for that rate: for one false alarm of each label at
            least.
        """
        if not (is_number(max_false_per_hour) and 0 < max_false_per_hour < math.inf):
            raise ValueError(
                f"max_false_per_hour must be a positive number. Got {max_false_per_hour!r} instead."
            )
        scanner = Scanner(self)
        scores, events = self._scored(recordings, events, scanner)
        self.thresholds_, self.tuning_ = tuned(
            scores, events, scanner.labels, scanner.finder, max_false_per_hour
        )
        return self

    def error_tradeoff(self, recordings, events) -> list[ErrorTradeoff]:
        """Count misses and false alarms at many thresholds.

        Parameters
        ----------
        recordings : sequence of recordings
            Long recordings, as in `detect`.
        events : sequence of sequence of Event
            What is in each recording, as in `tune`.

        Returns
        -------
        list of ErrorTradeoff
            For each label thresholds, rates of misses, and false alarms an hour;
            :class:`~skaudio.DetectionErrorTradeoffDisplay` draws them.
        """
        scanner = Scanner(self)
        scores, events = self._scored(recordings, events, scanner)
        used = {label: self.threshold_of(label) for label in scanner.labels}
        return error_tradeoff(scores, events, scanner.finder, used)

    def mine(self, recordings, events=None, *, label="unknown"):
        """Collect the false alarms in recordings as clips to train on.

        Train again with these clips: they are the sounds that the classifier takes for others.

        Parameters
        ----------
        recordings : sequence of recordings
            Recordings as in `detect`, but for open files.
        events : sequence of sequence of Event, default=None
            What is in each recording; None means that none of the labels occurs.
        label : object, default="unknown"
            Label of the clips. Training data with clips of no class usually call them
            ``"unknown"``; see :class:`~skaudio.UnknownRejector`.

        Returns
        -------
        data : list of Segment
            For each false alarm the window around its middle, the highest score first; without
            windows that contain more than 30 % of an event, of whatever label.
        target : ndarray of shape (n_clips,)
            `label` for each.
        """
        recordings = list(recordings)
        pairs = paired(recordings, [[]] * len(recordings) if events is None else events)
        scanner = Scanner(self)
        mined = []
        for recording, true in zip(*pairs, strict=True):
            if isinstance(recording, WindowScores):
                raise TypeError("mine cuts clips from recordings. Got scores of windows instead.")
            scores = self.score_windows(recording)
            last = scores.duration - scanner.duration
            for event in false_alarms(true, self.detect(scores)):
                start = max(0.0, min(last, (event.start + event.end - scanner.duration) / 2))
                stop = min(start + scanner.duration, scores.duration)
                if is_between(start, stop, true):
                    mined.append((event.score, Segment(recording, start, stop)))
        mined.sort(key=lambda item: -item[0])
        return [segment for _, segment in mined], np.array([label] * len(mined))

    def threshold_of(self, label) -> float:
        """Return the threshold that is used for a label.

        Parameters
        ----------
        label : object
            The label.

        Returns
        -------
        float
            The lowest score of an event: that of `thresholds_` after `tune`, else of `threshold`.
        """
        thresholds = getattr(self, "thresholds_", self.threshold)
        if not isinstance(thresholds, Mapping):
            return float(thresholds)
        if label not in thresholds:
            raise ValueError(
                f"There is no threshold for the label {label!r}, only for {list(thresholds)}. "
                + ("Call tune again." if hasattr(self, "thresholds_") else "Set threshold.")
            )
        return float(thresholds[label])

    # Steps -----------------------------------------------------------------------------------

    def _scored(
        self, recordings: Any, events: Any, scanner: Scanner
    ) -> tuple[list[WindowScores], list[list[Event]]]:
        """Compute the scores of recordings, and check their events."""
        recordings, events = paired(recordings, events)
        names = {event.label for row in events for event in row}
        if names and names.isdisjoint(scanner.labels):
            raise ValueError(
                "None of the events has a label that is detected: they have "
                f"{sorted(names, key=str)}, the detector {scanner.labels}. (Labels that are read "
                "from files are text.)"
            )
        scores = [self.score_windows(recording) for recording in recordings]
        check_inside(events, [each.duration for each in scores])
        return scores, events

    def _found(self, scanner: Scanner, scores: Iterable[np.ndarray]) -> Iterator[Event]:
        finders = [scanner.finder(label, self.threshold_of(label)) for label in scanner.labels]
        for part in scores:
            for finder, column in zip(finders, part.T, strict=True):
                yield from finder.update(column)
        for finder in finders:
            yield from finder.finish(scanner.n_read / scanner.sample_rate)

    def _blocks(self, recording: Any, sample_rate: int) -> Iterator[np.ndarray]:
        blocks = audio.blocks(recording, sample_rate=sample_rate, duration=_BLOCK_SECONDS)
        if not self.verbose:
            yield from blocks
            return
        seconds = float(audio.durations([recording], sample_rate=sample_rate)[0])
        with progress_bar(total=round(seconds), desc="Listening", unit=" s of audio") as progress:
            for block in blocks:
                yield block
                progress.update(min(round(len(block) / sample_rate), progress.total - progress.n))


def _time(event: Event) -> tuple[float, float]:
    return event.start, event.end
