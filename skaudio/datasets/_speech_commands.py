"""Speech Commands: one-second recordings of single words by about two thousand people.

Licence: CC BY 4.0.

P. Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition",
arXiv:1804.03209, 2018.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from skaudio._validation import StrOptions
from skaudio.datasets._download import RemoteArchive, data_home_path, fetch_archive
from skaudio.datasets._folder import (
    as_bunch,
    check_names,
    check_parameter,
    class_folders,
    list_clips,
    quoted,
)
from skaudio.exceptions import DatasetError

__all__ = ["fetch_speech_commands"]

_CALLER = "fetch_speech_commands"
_LAYOUT = "<word>/<speaker>_nohash_<number>.wav"

_WORDS_TEXT = (
    "bed bird cat dog down eight five four go happy house left marvin nine no off on one right "
    "seven sheila six stop three tree two up wow yes zero"
)
_WORDS = frozenset(_WORDS_TEXT.split())


class _Release(NamedTuple):
    archive: RemoteArchive
    folder: str
    words: frozenset[str]


_RELEASES = {
    "0.01": _Release(
        RemoteArchive(
            "http://download.tensorflow.org/data/speech_commands_v0.01.tar.gz",
            "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
            _LAYOUT,
        ),
        "speech_commands",
        _WORDS,
    ),
    "0.02": _Release(
        RemoteArchive(
            "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
            "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
            _LAYOUT,
        ),
        "speech_commands_v0.02",
        _WORDS | {"backward", "follow", "forward", "learn", "visual"},
    ),
}

# Speakers are assigned by hash, so that they stay in the same subset when recordings
# are added. The constants are those of the data set.
_MAX_PER_CLASS = 2**27 - 1
_VALIDATION_PERCENTAGE = 10
_TEST_PERCENTAGE = 10

_DESCR = """\
Speech Commands v{version}
=====================

Recordings of single English words, one second each (16 kHz, mono, 16 bit), by about two
thousand people with their own microphones.

This is the subset {subset!r}: {n_clips} recordings of {words}, in {folder!r}.

The subsets are the official ones, by the hash of the speaker's name: about 80 % of the
speakers are for training, 10 % for validation and 10 % for testing.

Licence: Creative Commons Attribution 4.0 (CC BY 4.0).

P. Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition",
arXiv:1804.03209, 2018.
"""


def fetch_speech_commands(
    words: Collection[str] | None = None,
    *,
    version: str = "0.01",
    subset: str = "all",
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    shuffle: bool = True,
    random_state: Any = 0,
    return_X_y: bool = False,
) -> Any:
    """Load Speech Commands, downloading it if necessary.

    ===============  =============================
    Licence          CC BY 4.0
    Words            30 (v0.01), 35 (v0.02)
    Recordings       64,727 (v0.01), 105,829 (v0.02)
    Duration         1 s, some a little shorter
    Sampling rate    16 kHz
    ===============  =============================

    The recordings are in ``<data_home>/speech_commands/<word>/`` (v0.01) or in
    ``<data_home>/speech_commands_v0.02/<word>/``: the releases share most recordings, so
    in a common folder copies of training clips could be among the test clips.
    Existing recordings are used without the network, even if the data set is incomplete.
    If a word is missing, the archive (1.5 or 2.4 GB) is downloaded and all missing words
    are added to the folder; the others are not changed.

    Parameters
    ----------
    words : collection of str, default=None
        Words to load. None loads all words in the folder, or the whole data set if there
        are none.
    version : {"0.01", "0.02"}, default="0.01"
        Release of the data set. v0.01 is the one that early tutorials used; v0.02
        has five more words and fewer bad recordings.
    subset : {"all", "train", "validation", "test"}, default="all"
        Part of the official split, by speaker: about 80, 10 and 10 % of them.
    data_home : str or PathLike, default=None
        Folder of the data sets, see :func:`get_data_home`.
    download_if_missing : bool, default=True
        False raises an error instead of downloading.
    shuffle : bool, default=True
        Shuffle the recordings, which are otherwise sorted by word.
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
            The words spoken, ``str``.
        target_names : list of str
            The words, sorted.
        groups : ndarray of shape (n_clips,)
            The speakers, ``str``.
        DESCR : str
            Description of the data set, with licence and citation.

    Raises
    ------
    DatasetError
        If words are missing and cannot be fetched, or there is no recording of the
        subset. The message says what to do manually.

    See Also
    --------
    load_audio_folder : The same for your own recordings.

    References
    ----------
    P. Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition",
    arXiv:1804.03209, 2018.

    Examples
    --------
    This example uses a folder with two recordings instead of the download:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from skaudio.datasets import fetch_speech_commands
    >>> with tempfile.TemporaryDirectory() as home:
    ...     for name in ("bed/3a3ee7ed_nohash_0.wav", "cat/0a7c2a8d_nohash_0.wav"):
    ...         path = Path(home, "speech_commands", name)
    ...         path.parent.mkdir(parents=True)
    ...         path.touch()
    ...     commands = fetch_speech_commands(["bed", "cat"], data_home=home, shuffle=False)
    >>> commands.target.tolist(), commands.groups.tolist()
    (['bed', 'cat'], ['3a3ee7ed', '0a7c2a8d'])
    """
    check_parameter(_CALLER, "version", version, StrOptions(set(_RELEASES)))
    check_parameter(_CALLER, "subset", subset, StrOptions({"all", "train", "validation", "test"}))
    release = _RELEASES[version]
    folder = data_home_path(data_home) / release.folder
    names = check_names(_CALLER, "words", words)
    _provide(names, folder, version, download_if_missing)
    clips = _select(folder, names or class_folders(folder), subset)
    target = [word for _, word, _ in clips]
    return as_bunch(
        [path for path, _, _ in clips],
        target,
        groups=[speaker for _, _, speaker in clips],
        descr=_DESCR.format(
            version=version,
            subset=subset,
            n_clips=len(clips),
            words=", ".join(sorted(set(target))),
            folder=str(folder),
        ),
        shuffle=shuffle,
        random_state=random_state,
        return_X_y=return_X_y,
    )


def _provide(
    words: list[str] | None, folder: Path, version: str, download_if_missing: bool
) -> None:
    """Fetch the data set if the folder lacks one of the words."""
    release = _RELEASES[version]
    present = class_folders(folder)
    missing = sorted(set(words) - set(present)) if words else []
    if present and not missing:
        return
    held = f"which has {quoted(present)}" if present else "which has no words"
    unknown = sorted(set(missing) - release.words)
    if unknown:
        raise DatasetError(
            f"{_CALLER}: {quoted(unknown)} is neither a word of Speech Commands v{version} nor "
            f"in the folder {str(folder)!r}, {held}. The words of v{version} are "
            f"{quoted(sorted(release.words))}."
        )
    what = quoted(missing) if missing else "any word"
    fetch_archive(
        release.archive,
        folder,
        need=f"{_CALLER} found no recordings of {what} in {str(folder)!r}, {held}",
        download_if_missing=download_if_missing,
    )


def _select(folder: Path, words: list[str], subset: str) -> list[tuple[str, str, str]]:
    """List path, word and speaker of every recording in a subset."""
    clips = []
    for path, word in zip(*list_clips(folder, words), strict=True):
        speaker, mark, _ = os.path.basename(path).partition("_nohash_")
        if not mark:
            raise DatasetError(
                f"The speaker of {path!r} is unknown: files of Speech Commands are named "
                "<speaker>_nohash_<number>.wav. load_audio_folder reads files with other names."
            )
        if subset in ("all", subset_of(speaker)):
            clips.append((path, word, speaker))
    if not clips:
        raise DatasetError(
            f"The folder {str(folder)!r} has no recording of the subset {subset!r} among its "
            f"recordings of {quoted(words)}. To fetch the whole data set, pass another data_home "
            "or move this folder away: existing words are not changed."
        )
    return clips


def subset_of(speaker: str) -> str:
    """Find the part of the official split that a speaker is in.

    Parameters
    ----------
    speaker : str
        What precedes ``_nohash_`` in the file names.

    Returns
    -------
    {"train", "validation", "test"}
        The part.
    """
    digest = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16)
    percentage = digest % (_MAX_PER_CLASS + 1) * (100.0 / _MAX_PER_CLASS)
    if percentage < _VALIDATION_PERCENTAGE:
        return "validation"
    if percentage < _VALIDATION_PERCENTAGE + _TEST_PERCENTAGE:
        return "test"
    return "train"
