"""Recordings and groups that are on both sides of a split."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
import scipy.sparse
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_consistent_length

from skaudio._progress import progress_bar
from skaudio.audio._bytes import BYTES, PATHS
from skaudio.audio._failures import Unusable, describe
from skaudio.audio._recording import read
from skaudio.audio._samples import split_pair
from skaudio.audio._sources import in_order
from skaudio.datasets._check import SILENT, first_few
from skaudio.dsp import amplitude_window, mel_filterbank, mel_spectrogram
from skaudio.exceptions import AudioError
from skaudio.model_selection._evaluation import Evaluation, check_groups

__all__ = ["LeakValue", "SplitCheck", "check_split", "leak_value"]

# Recordings are compared at this rate (Hz), and no more of them than this (seconds).
_RATE = 8000
_MAX_SECONDS = 60

# Fingerprints: how the energy of 16 mel bands, of which the upper 40 dB count, varies at 32
# frequencies. Where a sound begins changes only the phase, which is left out.
_N_FFT, _HOP, _N_MELS, _RANGE = 256, 128, 16, 40.0
_WINDOW = amplitude_window("hann", _N_FFT, _N_FFT)
_MEL = scipy.sparse.csc_array(
    mel_filterbank(sample_rate=_RATE, n_fft=_N_FFT, n_mels=_N_MELS, fmin=100, fmax=3800)
)
_MODULATIONS = np.arange(1, 33) / 2

# Pairs whose fingerprints have this cosine are compared sample by sample, of every clip the best
# few; so many clips are compared at once (a block of 10,000 columns takes 10 MB).
_CANDIDATE, _MAX_CANDIDATES, _BLOCK = 0.75, 8, 256


@dataclass(frozen=True, eq=False, repr=False)
class SplitCheck:
    """What :func:`check_split` found.

    Attributes
    ----------
    names : list of str
        Paths of the recordings, or their index in ``X``.
    n_folds : int
        Number of folds that were checked.
    copies : list of list of int
        Indices of recordings with equal samples, in whatever format they are, of which some are
        trained on and some tested in the same fold; a single index if that recording itself is on
        both sides.
    near_copies : list of (int, int, float)
        Pairs of other recordings of the same sound that are on both sides, and their correlation
        (0 to 1), the highest first.
    shared_groups : list of str
        Groups that are on both sides of a fold, sorted.
    silent : list of int
        Recordings without sound below 4 kHz, which are not compared.
    """

    names: list[str]
    n_folds: int
    copies: list[list[int]] = field(default_factory=list)
    near_copies: list[tuple[int, int, float]] = field(default_factory=list)
    shared_groups: list[str] = field(default_factory=list)
    silent: list[int] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """List all leaks, in sentences; empty if there are none.

        Returns
        -------
        list of str
            The problems, the worst first.
        """
        return list(self._problems())

    def __str__(self) -> str:
        checked = f"{len(self.names)} recordings, {self.n_folds} folds"
        if self.silent:
            checked += f" ({len(self.silent)} without sound below 4 kHz were not compared)"
        return "\n".join([f"{checked}:", *self.problems] if self.problems else [f"{checked}: ok."])

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{len(getattr(self, kind))} {kind}"
            for kind in ("copies", "near_copies", "shared_groups")
        )
        return f"<SplitCheck of {len(self.names)} recordings, {self.n_folds} folds: {counts}>"

    def _problems(self) -> Iterator[str]:
        if self.copies:
            named = [" = ".join(self.names[i] for i in same) for same in self.copies]
            yield (
                f"Same recording on both sides of a fold ({len(named)}): {first_few(named, '; ')}. "
                "Scores will be too high: remove the copies, or keep them together with groups."
            )
        if self.near_copies:
            named = [f"{self.names[i]} ~ {self.names[j]}" for i, j, _ in self.near_copies]
            yield (
                "Same sound, at another level or rate or encoded again, on both sides of a fold "
                f"({len(named)}): {first_few(named, '; ')}. Listen to them: if they are copies, "
                "remove them, or keep them together with groups."
            )
        if self.shared_groups:
            yield (
                f"Same group on both sides of a fold ({len(self.shared_groups)}): "
                f"{first_few(self.shared_groups, ', ')}. Scores will be too high for new groups: "
                "use a splitter such as StratifiedGroupKFold."
            )


class LeakValue(NamedTuple):
    """What :func:`leak_value` measured.

    Attributes
    ----------
    random : float
        Accuracy in random folds, 0 to 1.
    by_group : float
        Accuracy in folds of whole groups, 0 to 1.
    difference : float
        By how much the first is higher.
    interval : (float, float)
        The ends of its 95 % interval, see :meth:`Evaluation.difference`.
    """

    random: float
    by_group: float
    difference: float
    interval: tuple[float, float]


def check_split(
    X: Iterable[Any],
    y: Any = None,
    groups: Any = None,
    cv: Any = None,
    *,
    threshold: float = 0.9,
    sample_rate: int = 16000,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> SplitCheck:
    """Find recordings and groups that are trained on and tested in the same fold.

    Such leaks make scores too high: the classifier is asked about sounds that it has heard. Three
    kinds are found: recordings with equal samples; the same sound at another level, at another
    sampling rate, or encoded again, as MP3 for example; and groups.

    Parameters
    ----------
    X : iterable of recordings
        As transformers take them.
    y : array-like of shape (n_clips,), default=None
        Their labels, for splitters that use them.
    groups : array-like of shape (n_clips,), default=None
        Their speakers, machines or places. They are given to the splitter, and checked.
    cv : int, cross-validation generator or iterable, default=None
        The split, as scikit-learn takes it. A number makes the folds that ``GridSearchCV(cv=5)``
        makes, which are stratified if there are labels, and do not consider groups; None means 5.
        A single split is ``[(train_indices, test_indices)]``.
    threshold : float, default=0.9
        Correlation from which two recordings count as the same sound, above 0 and at most 1. The
        default lies between MP3s of 64 kbit/s and different recordings of one word by one speaker.
        Strokes on the same drum may be above it.
    sample_rate : int, default=16000
        Rate of arrays that are given without one, in Hz; the default is that of transformers.
    n_jobs : int, default=None
        Threads that read recordings at the same time, as joblib counts them; None means one.
    verbose : int, default=0
        Positive shows a progress bar.

    Returns
    -------
    SplitCheck
        The leaks; ``problems`` has them in sentences.

    Raises
    ------
    AudioError
        If recordings cannot be used; the message names them.
    ValueError
        If the lengths differ, a parameter is out of range, or there are no folds.

    Warns
    -----
    UserWarning
        One, with all problems, if there are any.

    See Also
    --------
    skaudio.datasets.check_clips : Find copies, broken and silent recordings, whatever the split.
    leak_value : Measure how much a leak of groups changes the accuracy.

    Notes
    -----
    Every recording is read once, at 8 kHz: what is above 4 kHz, such as the calls of many insects
    and bats, is not heard, and sounds that are mostly above may be taken for others. Its
    fingerprint describes how the energy of 16 mel bands varies with time; level, and silence before
    and after the sound, do not change it. Pairs with similar fingerprints are read again, and
    compared by the peak of the cross-correlation of their waveforms, whose differences between
    samples are taken, so that hum does not count. Memory grows with the number of recordings (2 kB
    each, and 8 bytes for each fold), not with their length.

    Sounds that were cut, stretched, mixed with others or recorded by two microphones are not found,
    and of recordings longer than a minute only those that are alike in the first minute. For every
    recording, only the 8 most similar ones that follow it are compared.

    References
    ----------
    J. Haitsma and T. Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002. (Energies
    of bands, compared before anything that takes longer.)

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.model_selection import check_split
    >>> clips = list(np.random.default_rng(0).normal(size=(10, 8000)))
    >>> check_split(clips, [*"aaaaabbbbb"], cv=5)
    <SplitCheck of 10 recordings, 5 folds: 0 copies, 0 near_copies, 0 shared_groups>
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # the same problems are a warning
    ...     check = check_split([*clips, clips[0] / 10], [*"aaaaabbbbb", "b"], cv=5)
    >>> [(first, second) for first, second, correlation in check.near_copies]
    [(0, 10)]
    """
    if not 0 < threshold <= 1:
        raise ValueError(
            "The threshold parameter of check_split must be a number above 0, and at most 1. "
            f"Got {threshold!r} instead."
        )
    recordings = list(in_order(X, caller="check_split"))
    y = None if y is None else column_or_1d(y)
    groups = check_groups(groups)
    check_consistent_length(recordings, y, groups)
    sides = _Sides.of(check_cv(cv, y, classifier=y is not None), recordings, y, groups)
    prints = _fingerprints(recordings, sample_rate, n_jobs, verbose)
    silent = [index for index, (content, _) in enumerate(prints) if not content]
    known: dict[Any, int] = {}
    numbers = np.array(
        [
            known.setdefault(content or index, len(known))
            for index, (content, _) in enumerate(prints)
        ]
    )

    @lru_cache(maxsize=64)
    def waveform(index: int) -> np.ndarray:
        return _read(recordings[index], sample_rate)[: _MAX_SECONDS * _RATE]

    near = []
    for i, j in _candidates(np.array([vector for _, vector in prints]), numbers, sides):
        if _are_equal(waveform(i), waveform(j)):
            numbers[numbers == numbers[j]] = numbers[i]
        elif (correlation := _correlation(waveform(i), waveform(j))) >= threshold:
            near.append((i, j, correlation))
    check = SplitCheck(
        names=[describe(recording, index) for index, recording in enumerate(recordings)],
        n_folds=sides.train.shape[1],
        copies=[same for same in _members(numbers).values() if sides.are_both(same)],
        near_copies=sorted(near, key=lambda pair: -pair[2]),
        shared_groups=sorted(
            str(group)
            for group, indices in _members([] if groups is None else groups).items()
            if sides.are_both(indices)
        ),
        silent=silent,
    )
    if check.problems:
        warnings.warn(" ".join(check.problems), UserWarning, stacklevel=2)
    return check


def leak_value(estimator: Any, X: Any, y: Any, groups: Any, cv: int = 5) -> LeakValue:
    """Measure how much too high the accuracy is if groups are on both sides of the folds.

    Parameters
    ----------
    estimator : classifier or Pipeline
        What is evaluated, twice, with `cv` fits each. It is cloned.
    X : sequence of recordings, or what else `estimator` takes
        Clips.
    y : array-like of shape (n_clips,)
        Their labels.
    groups : array-like of shape (n_clips,)
        Their speakers, machines or places.
    cv : int, default=5
        Number of shuffled, stratified folds, reduced to the number of groups. Five is what
        scikit-learn's searches use.

    Returns
    -------
    LeakValue
        Both accuracies, and their difference with its interval.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skaudio.model_selection import leak_value
    >>> rng = np.random.default_rng(0)
    >>> groups = np.repeat(np.arange(20), 5)
    >>> X = rng.normal(size=(20, 2))[groups] + 0.01 * rng.normal(size=(100, 2))
    >>> value = leak_value(KNeighborsClassifier(1), X, groups % 2, groups)
    >>> value.random, value.by_group < 0.8
    (1.0, True)
    """
    groups = check_groups(groups)
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError("There is only one group; a split by groups needs two.")
    parameters = {
        "n_splits": min(cv, n_groups),
        "shuffle": True,
        "random_state": 0,
    }
    evaluations = []
    for splitter, by in (
        (StratifiedKFold(**parameters), None),
        (StratifiedGroupKFold(**parameters), groups),
    ):
        found = Evaluation.from_cross_validation(estimator, X, y, groups=by, cv=splitter)
        order = np.argsort(found.indices)
        columns = ("indices", "y_true", "y_pred", "folds")
        in_order_of_X = {name: getattr(found, name)[order] for name in columns}
        evaluations.append(replace(found, groups=groups, probabilities=None, **in_order_of_X))
    difference, low, high = evaluations[0].difference(evaluations[1])
    random, by_group = (each.accuracy for each in evaluations)
    return LeakValue(random, by_group, difference, (low, high))


class _Sides(NamedTuple):
    """Which clips are trained on, and which are tested, in each fold: (n_clips, n_folds)."""

    train: np.ndarray
    test: np.ndarray

    @classmethod
    def of(cls, splitter: Any, X: Any, y: Any, groups: Any) -> _Sides:
        with warnings.catch_warnings():
            # Groups are given to be checked, whether or not the splitter uses them.
            warnings.filterwarnings("ignore", "The groups parameter is ignored", UserWarning)
            splits = list(splitter.split(X, y, groups))
        if not splits:
            raise ValueError("There are no folds to check: cv has made none.")
        sides = np.zeros((2, len(X), len(splits)), np.float32)
        for fold, split in enumerate(splits):
            for side, indices in zip(sides, split, strict=True):
                side[indices, fold] = 1
        return cls(*sides)

    # Check whether some of the clips are trained on, and some tested, in one fold.
    def are_both(self, indices: Any) -> bool:
        return bool((self.train[indices].max(0) * self.test[indices].max(0)).any())

    # Check the same of each pair of two clips.
    def between(self, rows: slice, columns: slice) -> np.ndarray:
        there = self.train[rows] @ self.test[columns].T
        return there + self.test[rows] @ self.train[columns].T > 0


def _fingerprints(
    recordings: Sequence[Any], sample_rate: int, n_jobs: int | None, verbose: int
) -> list[tuple[bytes, np.ndarray]]:
    """Read recordings, and return the hash of the samples (empty for silence) and a unit vector."""
    failures: list[tuple[str, str]] = []

    def one(index: int) -> tuple[bytes, np.ndarray]:
        try:
            samples = _read(recordings[index], sample_rate)
        except Unusable as error:
            failures.extend(error.named(describe(recordings[index], index)))
            return b"", np.zeros(_N_MELS * len(_MODULATIONS), np.float32)
        content = blake2b(samples.tobytes(), digest_size=16).digest()
        return b"" if _is_silent(samples) else content, _fingerprint(
            samples[: _MAX_SECONDS * _RATE]
        )

    indices = progress_bar(
        range(len(recordings)), desc="Reading", unit="recording", disable=verbose < 1
    )
    found = Parallel(n_jobs, prefer="threads")(delayed(one)(index) for index in indices)
    if failures:
        raise AudioError(failures)
    return found


def _read(recording: Any, sample_rate: int) -> np.ndarray:
    is_encoded = isinstance(recording, PATHS + BYTES) or hasattr(recording, "read")
    if not is_encoded and split_pair(recording)[1] is None:
        # Arrays have no rate of their own, nor have segments of arrays.
        recording = (read(recording, sample_rate=sample_rate), sample_rate)
    return read(recording, sample_rate=_RATE)


def _is_silent(samples: np.ndarray) -> bool:
    return bool(np.abs(samples).max() < SILENT)


def _fingerprint(samples: np.ndarray) -> np.ndarray:
    """Describe how the bands vary, as a unit vector; zeros for silence."""
    energies = mel_spectrogram(samples[None], window=_WINDOW, mel=_MEL, hop_length=_HOP)[0]
    peak = energies.max()
    if _is_silent(samples) or peak <= 0:
        return np.zeros(_N_MELS * len(_MODULATIONS), np.float32)
    # Zero where nothing is heard, so that silence before and after the sound adds nothing.
    decibels = 10 * np.log10(np.maximum(energies / peak, 10 ** (-_RANGE / 10))) + _RANGE
    cosines, sines = _oscillations(len(decibels))
    strengths = np.hypot(cosines @ decibels, sines @ decibels)
    strengths /= strengths.mean(axis=1, keepdims=True) + 1e-6
    vector = (strengths - strengths.mean()).ravel()
    return (vector / (np.linalg.norm(vector) + 1e-12)).astype(np.float32)


@lru_cache(maxsize=8)
def _oscillations(n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    phases = 2 * np.pi * _MODULATIONS[:, None] * np.arange(n_frames) * (_HOP / _RATE)
    return np.cos(phases).astype(np.float32), np.sin(phases).astype(np.float32)


def _candidates(
    vectors: np.ndarray, numbers: np.ndarray, sides: _Sides
) -> Iterator[tuple[int, int]]:
    """List the pairs on both sides that may be the same sound, but have other samples."""
    n = len(vectors)
    for start in range(0, n, _BLOCK):
        rows, columns = slice(start, start + _BLOCK), slice(start, n)
        cosines = vectors[rows] @ vectors[columns].T
        cosines[numbers[rows, None] == numbers[columns]] = 0
        cosines[~sides.between(rows, columns)] = 0
        cosines[np.tril_indices_from(cosines)] = 0  # each pair once
        for row in np.flatnonzero(cosines.max(axis=1) >= _CANDIDATE):
            best = np.argsort(-cosines[row], kind="stable")[:_MAX_CANDIDATES]
            for column in best[cosines[row, best] >= _CANDIDATE]:
                yield start + int(row), start + int(column)


def _members(values: Iterable[Any]) -> dict[Any, list[int]]:
    """List the indices of each value."""
    members: dict[Any, list[int]] = {}
    for index, value in enumerate(values):
        members.setdefault(value, []).append(index)
    return members


def _are_equal(first: np.ndarray, second: np.ndarray) -> bool:
    """Compare two waveforms to 16 bits: resampled in blocks or at once, the last bits differ."""
    return (
        len(first) == len(second) < _MAX_SECONDS * _RATE
        and float(np.abs(first - second).max()) < SILENT / 2
    )


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the highest correlation of two waveforms at any lag, also between two samples."""
    first, second = np.diff(first), np.diff(second)
    norm = np.sqrt(np.dot(first, first) * np.dot(second, second))
    if norm == 0:
        return 0.0
    n = scipy.fft.next_fast_len(len(first) + len(second), real=True)
    spectrum = scipy.fft.rfft(first, n) * scipy.fft.rfft(second, n).conj()
    # A codec may delay by half a sample, which makes the correlation of high notes vanish. So look
    # at half samples, and then at sixteenths beside the highest.
    lag = int(np.abs(scipy.fft.irfft(spectrum, 2 * n)).argmax()) / 2
    phases = 2j * np.pi / n * np.arange(len(spectrum))
    turned, turn = spectrum * np.exp(phases * (lag - 0.5)), np.exp(phases / 16)
    peak = 0.0
    for _ in range(17):
        peak = max(peak, abs(2 * turned.real.sum() - turned[0].real) / n)
        turned *= turn
    return min(1.0, float(peak / norm))
