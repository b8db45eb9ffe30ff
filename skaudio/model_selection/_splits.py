"""Groups and official splits that the paths of the recordings state."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from sklearn.model_selection import BaseCrossValidator

from skaudio.audio import Segment
from skaudio.audio._sources import in_order
from skaudio.datasets._speech_commands import subset_of

__all__ = ["OfficialSplit", "groups_from_paths"]

_RULES = {
    "speech_commands": re.compile(r"(.+)_nohash_\d+"),
    "label_speaker_index": re.compile(r"[^_]+_(.+)_\d+"),
}
_FORMS = {
    "speech_commands": "<speaker>_nohash_<number>.wav",
    "label_speaker_index": "<label>_<speaker>_<index>.wav",
}

# Where the fold is in a path, what it looks like, and how many there are.
_FOLDS = {
    "esc50": (re.compile(r"(?:.*/)?([1-5])-\d+-[A-Z]+-\d+\.\w+"), "1-100032-A-0.wav", 5),
    "urbansound8k": (
        re.compile(r"(?:.*/)?fold(10|[1-9])/[^/]+"),
        "fold3/7061-6-0-0.wav",
        10,
    ),
}
_NAMES = ["esc50", "speech_commands", "urbansound8k"]
_SUBSETS = {"testing": "test", "validation": "validation"}


def groups_from_paths(
    paths: Iterable[Any], rule: str | re.Pattern | Callable[[Any], Any]
) -> np.ndarray:
    r"""Read the group of each recording, such as its speaker, from its path.

    Parameters
    ----------
    paths : iterable of str, bytes, PathLike or Segment
        The recordings; of a segment, the path of its file.
    rule : str, re.Pattern or callable
        One of:

        - ``"speech_commands"``: files are named ``<speaker>_nohash_<number>``, as in Speech
          Commands;
        - ``"label_speaker_index"``: files are named ``<label>_<speaker>_<index>``, as in Free
          Spoken Digits. The label and the index have no ``_``, the speaker may;
        - a regular expression, which is searched in the whole path, with ``/`` between the
          folders. The group is its part named ``group``; without such a name the first named
          part, without names the first parenthesised part;
        - a function of the path, as it is in `paths`, that returns the group.

    Returns
    -------
    ndarray of shape (n_clips,)
        The groups, ``str``, for the splitters of scikit-learn that keep groups together.

    Raises
    ------
    ValueError
        If the rule finds no group in a path, which is named, or if it is no regular expression
        with a parenthesised part.
    TypeError
        If `rule` or an item of `paths` is of another type, such as an array of samples.

    See Also
    --------
    skaudio.datasets.load_audio_folder : List recordings and groups of a folder.
    check_split : Find groups that are on both sides of a fold.

    Examples
    --------
    >>> from skaudio.model_selection import groups_from_paths
    >>> groups_from_paths(["bed/3a3ee7ed_nohash_0.wav"], "speech_commands").tolist()
    ['3a3ee7ed']
    >>> groups_from_paths(
    ...     ["data/ada/cat-1.wav", "data/bob/cat-7.wav"], r"(\w+)/cat"
    ... ).tolist()
    ['ada', 'bob']
    """
    listed = list(in_order(paths, caller="groups_from_paths"))
    names = [_path(path, index, "groups_from_paths") for index, path in enumerate(listed)]
    if callable(rule):
        return _as_groups(
            [rule(path) for path in listed], names, f"the function {rule!r}", "a name"
        )
    if isinstance(rule, str) and rule in _RULES:
        matches = [_RULES[rule].fullmatch(PurePosixPath(name).stem) for name in names]
        found = [match and match[1] for match in matches]
        return _as_groups(found, names, f"the rule {rule!r}", f"names such as {_FORMS[rule]}")
    pattern = _compiled(rule)
    part = next((p for p in ["group", *pattern.groupindex] if p in pattern.groupindex), 1)
    found = [match and match[part] for match in map(pattern.search, names)]
    return _as_groups(found, names, f"the pattern {pattern.pattern!r}", "a match")


class OfficialSplit(BaseCrossValidator):
    """The split that the authors of a data set made, read from the paths of the recordings.

    A splitter of scikit-learn: pass it as ``cv`` to searches, to
    :func:`~sklearn.model_selection.cross_validate` or to :class:`Evaluation`. `X` may be any part
    of the data set, in any order; labels and groups are ignored.

    Parameters
    ----------
    name : {"esc50", "speech_commands", "urbansound8k"}
        The data set:

        - ``"esc50"``: ESC-50, and its part ESC-10: five folds. The fold is the first number of
          the file name, as in ``1-100032-A-0.wav``;
        - ``"speech_commands"``: one split, by speaker. Files are named
          ``<speaker>_nohash_<number>.wav``; the SHA-1 hash of the speaker determines the part;
        - ``"urbansound8k"``: ten folds. The fold is the folder, as in ``fold3/7061-6-0-0.wav``.
    subset : {"testing", "validation"}, default="testing"
        The part of Speech Commands that is tested; the rest of ``"training"`` is trained on, and
        the other part is left out. The default is the one that published results are of; use
        ``"validation"`` to choose parameters. Other data sets have no such parts.

    See Also
    --------
    sklearn.model_selection.PredefinedSplit : Folds that are given as numbers.
    groups_from_paths : Read groups from paths.
    check_split : Check that a split has no leaks.

    Notes
    -----
    Folds without recordings in `X` are left out. So ``get_n_splits`` needs `X`, unless all folds
    are meant.

    References
    ----------
    K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia, 2015.

    J. Salamon, C. Jacoby and J. P. Bello, "A Dataset and Taxonomy for Urban Sound Research", ACM
    Multimedia, 2014.

    P. Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition",
    arXiv:1804.03209, 2018.

    Examples
    --------
    >>> from skaudio.model_selection import OfficialSplit
    >>> paths = ["1-100032-A-0.wav", "1-110389-A-0.wav", "2-114280-A-0.wav"]
    >>> for train, test in OfficialSplit("esc50").split(paths):
    ...     print(train.tolist(), test.tolist())
    [2] [0, 1]
    [0, 1] [2]
    """

    def __init__(self, name: str, subset: str = "testing"):
        self.name = name
        self.subset = subset

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """List the clips of training and test for each fold.

        Parameters
        ----------
        X : sequence of str, bytes, PathLike or Segment
            Paths of the recordings.
        y : object, default=None
            Ignored.
        groups : object, default=None
            Ignored.

        Yields
        ------
        train : ndarray of shape (n_training_clips,)
            Indices in `X`.
        test : ndarray of shape (n_test_clips,)
            Indices in `X`.

        Raises
        ------
        ValueError
            If a path does not state its part, or a side of the split is empty.
        TypeError
            If `X` has no paths.
        """
        parts = self._parts(X)
        for part in self._tested(parts):
            kept = parts == "train" if self.name == "speech_commands" else parts != part
            train, test = np.flatnonzero(kept), np.flatnonzero(parts == part)
            for side, indices in (("train on", train), ("test", test)):
                if not len(indices):
                    held = ", ".join(f"{p} ({np.sum(parts == p)})" for p in np.unique(parts))
                    raise ValueError(
                        f"There are no recordings to {side} in the official split of "
                        f"{self.name!r}. X must have recordings of both sides. It has parts: "
                        f"{held}. Pass more of the data set"
                        + (", or another subset." if self.name == "speech_commands" else ".")
                    )
            yield train, test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Count the folds.

        Parameters
        ----------
        X : sequence of str, bytes, PathLike or Segment, default=None
            Paths of the recordings; None counts the folds of the whole data set.
        y : object, default=None
            Ignored.
        groups : object, default=None
            Ignored.

        Returns
        -------
        int
            Number of folds that have recordings.
        """
        self._check()
        if self.name == "speech_commands":
            return 1
        return _FOLDS[self.name][2] if X is None else len(self._tested(self._parts(X)))

    def _check(self) -> None:
        for parameter, allowed in (("name", _NAMES), ("subset", list(_SUBSETS))):
            if (value := getattr(self, parameter)) not in allowed:
                raise ValueError(
                    f"The {parameter!r} parameter of OfficialSplit must be one of {allowed}. "
                    f"Got {value!r} instead."
                )

    def _parts(self, X: Any) -> np.ndarray:
        """Read the part that each recording is in."""
        self._check()
        if X is None:
            raise ValueError("OfficialSplit reads the split from paths. Pass them as X.")
        if self.name == "speech_commands":
            speakers = groups_from_paths(X, "speech_commands")
            return np.array([subset_of(speaker) for speaker in speakers])
        pattern, example, _ = _FOLDS[self.name]
        listed = list(in_order(X, caller="OfficialSplit"))
        names = [_path(path, index, "OfficialSplit") for index, path in enumerate(listed)]
        found = [match and match[1] for match in map(pattern.fullmatch, names)]
        return _as_groups(
            found, names, f"the official split of {self.name!r}", f"paths such as {example}"
        ).astype(int)

    def _tested(self, parts: np.ndarray) -> list[Any]:
        if self.name == "speech_commands":
            return [_SUBSETS[self.subset]]
        return np.unique(parts).tolist()


def _path(item: Any, index: int, caller: str) -> str:
    """Return the path of a recording, with / between the folders."""
    source = item.source if isinstance(item, Segment) else item
    is_path = isinstance(source, str | os.PathLike)
    # Encoded sound is bytes as well; a path has no zero bytes, and is short.
    if not is_path and not (
        isinstance(source, bytes) and len(source) < 4096 and b"\0" not in source
    ):
        raise TypeError(
            f"{caller} reads the names of files. Expected paths (str, bytes or PathLike), got "
            f"{type(source).__name__} at index {index}. Pass the paths of the recordings, or use "
            "a splitter of scikit-learn with groups that you know."
        )
    return os.fsdecode(source).replace("\\", "/")


def _compiled(rule: Any) -> re.Pattern:
    expected = (
        f"The 'rule' parameter of groups_from_paths must be one of {sorted(_RULES)}, a regular "
        "expression with a parenthesised part, or a function."
    )
    if not isinstance(rule, str) and not (
        isinstance(rule, re.Pattern) and isinstance(rule.pattern, str)
    ):
        raise TypeError(f"{expected} Got {rule!r} instead.")
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise ValueError(f"{expected} Got {rule!r} instead: {error}.") from error
    if not pattern.groups:
        raise ValueError(f"{expected} Got {pattern.pattern!r}, which has no such part.")
    return pattern


def _as_groups(found: list[Any], names: list[str], rule: str, expected: str) -> np.ndarray:
    without = [name for name, group in zip(names, found, strict=True) if group in (None, "")]
    if without:
        named = ", ".join(map(repr, without[:3])) + " and others" * (len(without) > 3)
        raise ValueError(
            f"{rule[0].upper()}{rule[1:]} finds nothing in {len(without)} of {len(names)} paths: "
            f"{named}. Expected {expected}. Remove these paths, or change the rule."
        )
    return np.array([str(group) for group in found], dtype=str)
