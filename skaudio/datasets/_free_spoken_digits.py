"""Free Spoken Digits: the ten digits in English, 50 times each, by six people.

Licence: CC BY-SA 4.0.

Z. Jackson, C. Souza, J. Flaks, Y. Pan, H. Nicolas and A. Thite, "Jakobovski/
free-spoken-digit-dataset: v1.0.9", Zenodo, 2020.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from skaudio._validation import StrOptions
from skaudio.datasets._download import RemoteArchive, data_home_path, fetch_archive
from skaudio.datasets._folder import as_bunch, check_names, check_parameter, quoted
from skaudio.exceptions import DatasetError

__all__ = ["fetch_free_spoken_digits"]

_CALLER = "fetch_free_spoken_digits"
_FOLDER = "free_spoken_digits"
_ARCHIVE = RemoteArchive(
    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/v1.0.9.tar.gz",
    "8bc44cde129d505cbbb6b365c09f80c663f2aa77578afc634e6141a2f87100c0",
    "<digit>_<speaker>_<index>.wav",
    root="free-spoken-digit-dataset-1.0.9/recordings",
)
_SPEAKERS = frozenset({"george", "jackson", "lucas", "nicolas", "theo", "yweweler"})
_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<index>\d+)\.wav", re.IGNORECASE)

# The first recordings of each digit by each speaker form the official test set.
_N_TEST = 5

_DESCR = """\
Free Spoken Digits
==================

Recordings of the ten digits in English (8 kHz, mono, 0.14 to 2.3 s), 50 of each digit by
each of six speakers.

This is the subset {subset!r}: {n_clips} recordings by {speakers}, in {folder!r}.

The subsets are the official ones: for each digit and speaker, recordings 0 to 4 are for
testing and the others for training. All speakers are in both; to evaluate a model on new
speakers, leave one speaker out, using the groups.

Licence: Creative Commons Attribution-ShareAlike 4.0 (CC BY-SA 4.0).

Z. Jackson, C. Souza, J. Flaks, Y. Pan, H. Nicolas and A. Thite, "Jakobovski/
free-spoken-digit-dataset: v1.0.9", Zenodo, 2020.
"""


class _Clip(NamedTuple):
    path: str
    digit: str
    speaker: str
    number: int


def fetch_free_spoken_digits(
    *,
    subset: str = "all",
    speakers: Collection[str] | None = None,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    shuffle: bool = True,
    random_state: Any = 0,
    return_X_y: bool = False,
) -> Any:
    """Load Free Spoken Digits, downloading it (12 MB) if necessary.

    ===============  =================
    Licence          CC BY-SA 4.0
    Digits           10
    Speakers         6
    Recordings       3,000
    Duration         0.14 to 2.3 s
    Sampling rate    8 kHz
    ===============  =================

    The recordings are in ``<data_home>/free_spoken_digits/``. Existing recordings are used
    without the network, even if the data set is incomplete. If a speaker is missing,
    the archive is downloaded and the missing speakers are added to the folder; the others
    are not changed.

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        Part of the official split: for each digit and speaker, recordings 0 to 4 are for
        testing. There is no validation subset.
    speakers : collection of str, default=None
        Speakers to load: "george", "jackson", "lucas", "nicolas", "theo", "yweweler".
        None loads all speakers in the folder, or the whole data set if there are none.
    data_home : str or PathLike, default=None
        Folder of the data sets, see :func:`get_data_home`.
    download_if_missing : bool, default=True
        False raises an error instead of downloading.
    shuffle : bool, default=True
        Shuffle the recordings, which are otherwise sorted by digit.
    random_state : int, RandomState instance or None, default=0
        Seed of the shuffle; the order is the same in every call unless None is passed.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    Bunch or (list, ndarray)
        A :class:`~sklearn.utils.Bunch` with the attributes:

        data : list of str
            Paths of the recordings.
        target : ndarray of shape (n_clips,)
            The digits, "0" to "9".
        target_names : list of str
            The digits, sorted.
        groups : ndarray of shape (n_clips,)
            The speakers, ``str``.
        DESCR : str
            Description of the data set, with licence and citation.

    Raises
    ------
    DatasetError
        If speakers are missing and cannot be fetched, or there is no recording of
        the subset. The message says what to do manually.

    Notes
    -----
    The training and test sets share all six speakers. To evaluate a model on new
    speakers, cross-validate with :class:`~sklearn.model_selection.LeaveOneGroupOut`.

    References
    ----------
    Z. Jackson, C. Souza, J. Flaks, Y. Pan, H. Nicolas and A. Thite, "Jakobovski/
    free-spoken-digit-dataset: v1.0.9", Zenodo, 2020.

    Examples
    --------
    This example uses a folder with two recordings instead of the download:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from skaudio.datasets import fetch_free_spoken_digits
    >>> with tempfile.TemporaryDirectory() as home:
    ...     folder = Path(home, "free_spoken_digits")
    ...     folder.mkdir()
    ...     for name in ("7_theo_4.wav", "7_theo_5.wav"):
    ...         (folder / name).touch()
    ...     digits = fetch_free_spoken_digits(subset="train", data_home=home)
    >>> digits.target.tolist(), digits.groups.tolist()
    (['7'], ['theo'])
    """
    _check_subset(subset)
    names = check_names(_CALLER, "speakers", speakers)
    folder = data_home_path(data_home) / _FOLDER
    _provide(names, folder, download_if_missing)
    clips = _select(folder, names, subset)
    groups = [clip.speaker for clip in clips]
    return as_bunch(
        [clip.path for clip in clips],
        [clip.digit for clip in clips],
        groups=groups,
        descr=_DESCR.format(
            subset=subset,
            n_clips=len(clips),
            speakers=", ".join(sorted(set(groups))),
            folder=str(folder),
        ),
        shuffle=shuffle,
        random_state=random_state,
        return_X_y=return_X_y,
    )


def _check_subset(subset: str) -> None:
    if subset == "validation":
        raise ValueError(
            f"The 'subset' parameter of {_CALLER} must be 'all', 'train' or 'test'. Got "
            "'validation' instead: Free Spoken Digits has no validation subset. Cross-validate "
            "on subset='train', with the speakers as groups."
        )
    check_parameter(_CALLER, "subset", subset, StrOptions({"all", "train", "test"}))


def _provide(speakers: list[str] | None, folder: Path, download_if_missing: bool) -> None:
    """Fetch the data set if the folder lacks one of the speakers."""
    present = sorted({clip.speaker for clip in _clips(folder)})
    missing = sorted(set(speakers) - set(present)) if speakers else []
    if present and not missing:
        return
    held = f"which has {quoted(present)}" if present else "which has no recordings"
    unknown = sorted(set(missing) - _SPEAKERS)
    if unknown:
        raise DatasetError(
            f"{_CALLER}: {quoted(unknown)} is neither a speaker of Free Spoken Digits nor in "
            f"the folder {str(folder)!r}, {held}. The speakers are {quoted(sorted(_SPEAKERS))}."
        )

    def is_missing(name: str) -> bool:
        match = _NAME.fullmatch(name)
        return match is not None and match["speaker"] not in present

    what = quoted(missing) if missing else "any speaker"
    fetch_archive(
        _ARCHIVE,
        folder,
        need=f"{_CALLER} found no recordings by {what} in {str(folder)!r}, {held}",
        download_if_missing=download_if_missing,
        keep=is_missing,
    )


def _select(folder: Path, speakers: list[str] | None, subset: str) -> list[_Clip]:
    clips = [clip for clip in _clips(folder) if speakers is None or clip.speaker in speakers]
    missing = sorted(set(speakers or []) - {clip.speaker for clip in clips})
    if missing or not clips:
        raise DatasetError(
            f"{_CALLER} fetched {_ARCHIVE.url}, but there are still no recordings by "
            f"{quoted(missing) or 'anyone'} in {str(folder)!r}."
        )
    chosen = [
        clip
        for clip in clips
        if subset == "all" or subset == ("test" if clip.number < _N_TEST else "train")
    ]
    if not chosen:
        raise DatasetError(
            f"The folder {str(folder)!r} has no recording of the subset {subset!r} among its "
            f"recordings by {quoted(sorted({clip.speaker for clip in clips}))}. To fetch the "
            "whole data set, pass another data_home or move this folder away: existing speakers "
            "are not changed."
        )
    return chosen


def _clips(folder: Path) -> list[_Clip]:
    """List all recordings of the folder by digit, speaker and index."""
    if not folder.is_dir():
        return []
    clips = []
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match:
            number = int(match["index"])
            clips.append(_Clip(os.fspath(path), match["digit"], match["speaker"], number))
    return sorted(clips, key=lambda clip: (clip.digit, clip.speaker, clip.number))
