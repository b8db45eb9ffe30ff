"""Find what is wrong with a set of recordings before a classifier is trained on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from skaudio import audio
from skaudio.audio._failures import describe
from skaudio.audio._sources import in_order

__all__ = ["ClipCheck", "check_clips"]

# A peak below that of one step of 16 bits: digital silence, but for dither.
SILENT = 2**-15

# So many recordings are named in a sentence.
_MAX_NAMED = 3


@dataclass(frozen=True)
class ClipCheck:
    """What :func:`check_clips` found.

    Attributes
    ----------
    names : list of str
        Paths of the recordings, or their index in ``X``.
    durations : ndarray of shape (n_clips,)
        Seconds; nan for unreadable recordings.
    sample_rates : ndarray of shape (n_clips,)
        Rate of each recording in Hz, before it is resampled; nan for unreadable ones.
    class_counts : dict of str to int
        Recordings of each label; empty without labels.
    n_groups : int or None
        Number of groups; None without groups.
    unreadable : list of (int, str)
        Index and reason of the recordings that cannot be used.
    silent : list of int
        Indices of recordings without sound.
    duplicates : list of list of int
        Indices of recordings with equal samples, in whatever format and file they are.
    contradictions : list of list of int
        The duplicates that have different labels.
    leaks : list of list of int
        The duplicates that are in different groups, or in different parts of the data: the same
        recording is on both sides of a split.
    shared_groups : list of str
        Groups that are in several parts of the data.
    one_group : list of str
        Labels that occur in a single group.
    """

    names: list[str]
    durations: np.ndarray
    sample_rates: np.ndarray
    class_counts: dict[str, int]
    n_groups: int | None = None
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    silent: list[int] = field(default_factory=list)
    duplicates: list[list[int]] = field(default_factory=list)
    contradictions: list[list[int]] = field(default_factory=list)
    leaks: list[list[int]] = field(default_factory=list)
    shared_groups: list[str] = field(default_factory=list)
    one_group: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """List all that was found, in sentences; empty if nothing was.

        Returns
        -------
        list of str
            The problems, the worst first.
        """
        return list(self._problems())

    def as_dict(self) -> dict[str, Any]:
        """Convert to numbers, strings, lists and dictionaries, such as JSON has.

        Returns
        -------
        dict
            The attributes; recordings are named, and lengths and rates summarised.
        """
        readable = self.durations[np.isfinite(self.durations)]
        rates, counts = np.unique(
            self.sample_rates[np.isfinite(self.sample_rates)], return_counts=True
        )
        return {
            "n_clips": len(self.names),
            "n_groups": self.n_groups,
            "classes": self.class_counts,
            "seconds": {
                "total": float(readable.sum()),
                **(
                    {
                        "shortest": float(readable.min()),
                        "median": float(np.median(readable)),
                        "longest": float(readable.max()),
                    }
                    if len(readable)
                    else {}
                ),
            },
            "sample_rates": {
                f"{rate:g}": int(count) for rate, count in zip(rates, counts, strict=True)
            },
            "unreadable": {self.names[index]: reason for index, reason in self.unreadable},
            "silent": [self.names[index] for index in self.silent],
            **{
                kind: [[self.names[index] for index in same] for same in getattr(self, kind)]
                for kind in ("duplicates", "contradictions", "leaks")
            },
            "shared_groups": self.shared_groups,
            "one_group": self.one_group,
            "problems": self.problems,
        }

    def _problems(self) -> Iterator[str]:
        if self.unreadable:
            index, reason = self.unreadable[0]
            named = self._named(index for index, _ in self.unreadable)
            yield (
                f"Unreadable ({len(self.unreadable)}): {named}. "
                f"Reason for {self.names[index]}: {reason}."
            )
        if self.contradictions:
            yield (
                f"Same recording, different labels ({len(self.contradictions)}): "
                f"{self._pairs(self.contradictions)}. Remove the wrong files."
            )
        if self.leaks:
            yield (
                f"Same recording on both sides of a split ({len(self.leaks)}): "
                f"{self._pairs(self.leaks)}. Scores will be too high: remove the copies."
            )
        if self.shared_groups:
            yield (
                f"Same group in several parts ({len(self.shared_groups)}): "
                f"{first_few(self.shared_groups, ', ')}. Scores will be too high for new groups."
            )
        worse = [*self.contradictions, *self.leaks]
        if copies := [same for same in self.duplicates if same not in worse]:
            yield f"Copies of the same recording ({len(copies)}): {self._pairs(copies)}. " + (
                "Scores are too high if one is trained on and another is tested: remove the copies."
                if self.n_groups is None
                else "They share a group, so a split by groups keeps them together."
            )
        if self.silent:
            yield f"Silent ({len(self.silent)}): {self._named(self.silent)}."
        small = [f"{name} ({count})" for name, count in self.class_counts.items() if count < 5]
        if small:
            yield (
                f"Classes of fewer than 5 recordings: {', '.join(small)}. Five folds cannot have "
                "one of each in every test part."
            )
        if self.one_group:
            yield (
                f"Classes of a single group: {', '.join(self.one_group)}. A split by groups cannot "
                "train on some of their recordings and test others."
            )
        if len(self.class_counts) == 1:
            yield "There is only one class; a classifier needs two."
        if self.n_groups == 1:
            yield "There is only one group; a split by groups needs two."

    def _named(self, indices: Iterable[int]) -> str:
        return first_few([self.names[index] for index in indices], ", ")

    def _pairs(self, duplicates: Sequence[Sequence[int]]) -> str:
        return first_few([" = ".join(self.names[i] for i in same) for same in duplicates], "; ")


def check_clips(
    X: Iterable[Any],
    y: Sequence[Any] | np.ndarray | None = None,
    groups: Sequence[Any] | np.ndarray | None = None,
    *,
    parts: Sequence[Any] | np.ndarray | None = None,
    sample_rate: int = 16000,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> ClipCheck:
    """Decode all recordings, and find those that spoil a classifier or its evaluation.

    Parameters
    ----------
    X : iterable of recordings
        As transformers take them.
    y : array-like of shape (n_clips,), default=None
        Their labels.
    groups : array-like of shape (n_clips,), default=None
        Their speakers, machines or places.
    parts : array-like of shape (n_clips,), default=None
        The part of the data that each clip is in, such as "train" or "test".
    sample_rate : int, default=16000
        The rate that they will be resampled to, in Hz. Copies are compared at this rate.
    n_jobs : int, default=None
        Threads that decode at the same time, as joblib counts them; None means one.
    verbose : int, default=0
        Positive shows a progress bar.

    Returns
    -------
    ClipCheck
        Lengths, rates, counts and problems.

    See Also
    --------
    skaudio.audio.inspect : Describe each recording.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.datasets import check_clips
    >>> rng = np.random.default_rng(0)
    >>> clips = [rng.normal(size=800) for _ in range(10)]
    >>> check = check_clips([*clips, clips[0]], [*"aaaaabbbbb", "b"])
    >>> check.contradictions
    [[0, 10]]
    >>> print(check.problems[0])
    Same recording, different labels (1): X[0] (ndarray) = X[10] (ndarray). Remove the wrong files.
    """
    recordings = list(in_order(X, caller="check_clips"))
    check_consistent_length(recordings, y, groups, parts)
    inspected = audio.inspect(recordings, sample_rate=sample_rate, n_jobs=n_jobs, verbose=verbose)
    same: dict[bytes, list[int]] = {}
    for index, inspection in enumerate(inspected):
        if inspection.problem is None:
            same.setdefault(inspection.content, []).append(index)
    silent = [index for index, inspection in enumerate(inspected) if inspection.peak < SILENT]
    duplicates = [
        indices for indices in same.values() if len(indices) > 1 and indices[0] not in silent
    ]
    labels, counts = np.unique([] if y is None else np.asarray(y), return_counts=True)
    n_groups = None if groups is None else len(np.unique(groups))
    return ClipCheck(
        names=[describe(recording, index) for index, recording in enumerate(recordings)],
        durations=np.array([inspection.duration for inspection in inspected]),
        sample_rates=np.array([inspection.sample_rate for inspection in inspected]),
        class_counts=dict(zip(map(str, labels), counts.tolist(), strict=True)),
        n_groups=n_groups,
        unreadable=[
            (index, inspection.problem)
            for index, inspection in enumerate(inspected)
            if inspection.problem is not None
        ],
        silent=silent,
        duplicates=duplicates,
        contradictions=_different(duplicates, y),
        leaks=_different(duplicates, groups, parts),
        shared_groups=_with(groups, parts, several=True),
        one_group=_with(y, groups, several=False) if n_groups != 1 else [],
    )


def _different(duplicates: list[list[int]], *columns: Any) -> list[list[int]]:
    """Select the duplicates whose values differ in one of the columns."""
    known = [np.asarray(column) for column in columns if column is not None]
    return [
        same for same in duplicates if any(len(np.unique(values[same])) > 1 for values in known)
    ]


def _with(names: Any, others: Any, *, several: bool) -> list[str]:
    """List the names that occur with several others, or with one only."""
    if names is None or others is None:
        return []
    pairs = set(zip(map(str, np.asarray(names)), map(str, np.asarray(others)), strict=True))
    found, counts = np.unique([name for name, _ in sorted(pairs)], return_counts=True)
    return found[(counts > 1) == several].tolist()


def first_few(texts: Sequence[str], separator: str) -> str:
    """Join the first texts, and count the others.

    Parameters
    ----------
    texts : sequence of str
        What to name.
    separator : str
        What to write between two of them.

    Returns
    -------
    str
        Part of a sentence.
    """
    more = f" and {len(texts) - _MAX_NAMED} more" if len(texts) > _MAX_NAMED else ""
    return separator.join(texts[:_MAX_NAMED]) + more
