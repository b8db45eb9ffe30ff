"""A folder of recordings, one sub-folder per class."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skaudio.audio import is_audio
from skaudio.exceptions import DatasetError

__all__ = [
    "as_bunch",
    "check_names",
    "check_parameter",
    "class_folders",
    "list_clips",
    "load_audio_folder",
    "quoted",
    "speakers_of",
]

# Files of operating systems, which are skipped without a warning.
_SYSTEM_FILES = {"__MACOSX", "desktop.ini", "Thumbs.db"}

# The folder of long noise recordings in Speech Commands, which is not a word.
_NOT_A_CLASS = "_background_noise_"

# File names that contain the speaker, as in Speech Commands and in Free Spoken Digits.
_NAME_PATTERNS = (
    re.compile(r"(?P<speaker>.+)_nohash_\d+"),
    re.compile(r"\d_(?P<speaker>[^_]+)_\d+"),
)


def load_audio_folder(
    folder: str | os.PathLike,
    *,
    categories: Collection[str] | None = None,
    groups: str | re.Pattern | None = None,
    shuffle: bool = True,
    random_state: Any = 0,
    return_X_y: bool = False,
) -> Any:
    """List the recordings of a folder that has one sub-folder per class.

    The names of the sub-folders are the labels::

        folder/
            cat/
                one.wav
                two.flac
            dog/
                three.wav

    All files below a sub-folder belong to its class, at any depth; links to other
    folders are followed. A file is audio if it has the extension of an audio or a video format
    (see :func:`skaudio.audio.is_audio`), or if it contains sound. Files that are not audio, and
    audio files next to the sub-folders, are skipped with a warning that counts them. Hidden
    files and folders (``.name``), files of operating systems (``Thumbs.db``, ``__MACOSX``), and
    the folder ``_background_noise_`` of Speech Commands, which is not a class, are skipped
    without a warning.

    Parameters
    ----------
    folder : str or PathLike
        The folder. ``~`` stands for the user's home.
    categories : collection of str, default=None
        Sub-folders to load; None loads all of them.
    groups : str or re.Pattern, default=None
        A regular expression that finds the group of a recording, such as its speaker, in its path
        relative to `folder` (with ``/`` between the folders): the first parenthesised part, or
        the whole match. None recognises the two forms of file names that are described below.
    shuffle : bool, default=True
        Shuffle the recordings, which are otherwise sorted by class: an unshuffled
        :class:`~sklearn.model_selection.KFold` would then train without some classes.
    random_state : int, RandomState instance or None, default=0
        Seed of the shuffle. As in :func:`sklearn.datasets.load_files`, the order is the same
        in every call unless None is passed.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    Bunch or (list, ndarray)
        A :class:`~sklearn.utils.Bunch` with the attributes:

        data : list of str
            Paths of the recordings; absolute if `folder` is.
        target : ndarray of shape (n_clips,)
            Their labels, ``str``.
        target_names : list of str
            The classes, sorted.
        groups : ndarray of shape (n_clips,), or None
            What `groups` finds, ``str``. Without it their speakers, if every file is named
            ``<speaker>_nohash_<number>`` as in Speech Commands, or every file
            ``<digit>_<speaker>_<number>`` as in Free Spoken Digits. Otherwise None.
        DESCR : str
            Description of the data set.

    Raises
    ------
    DatasetError
        If the folder is missing or has no classes, if a class has no audio files, or if `groups`
        finds nothing in a path.

    Warns
    -----
    UserWarning
        If files were skipped; ``DESCR`` counts them, too.

    See Also
    --------
    sklearn.datasets.load_files : The same for text.

    Examples
    --------
    >>> import tempfile
    >>> from skaudio.datasets import load_audio_folder, make_spoken_words
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = make_spoken_words(
    ...         ["cat", "dog"], n_clips=3, folder=folder, random_state=0
    ...     )
    ...     loaded = load_audio_folder(folder)
    >>> len(loaded.data), loaded.target_names
    (6, ['cat', 'dog'])
    >>> sorted(loaded.data) == sorted(made.data)
    True
    """
    root = Path(folder).expanduser()
    wanted = check_names("load_audio_folder", "categories", categories)
    names = _classes(root, wanted)
    skipped: list[str] = []
    paths, target = list_clips(root, names, skipped=skipped)
    if categories is None:
        skipped += filter(is_audio, _loose_files(root))
    counts = ", ".join(f"{name} ({target.count(name)})" for name in names)
    descr = f"{len(paths)} recordings of {len(names)} classes in {str(root)!r}: {counts}."
    if skipped:
        examples = quoted(os.path.relpath(path, root) for path in skipped[:3])
        message = (
            f"{len(skipped)} files were skipped: they are not audio, or not in a sub-folder "
            f"(such as {examples})."
        )
        warnings.warn(f"{str(root)!r}: {message}", stacklevel=2)
        descr += f" {message}"
    return as_bunch(
        paths,
        target,
        groups=speakers_of(paths) if groups is None else _groups_of(paths, root, groups),
        descr=descr,
        shuffle=shuffle,
        random_state=random_state,
        return_X_y=return_X_y,
    )


def as_bunch(
    recordings: Sequence[Any],
    target: Sequence[Any],
    *,
    groups: Sequence[Any] | np.ndarray | None,
    folds: Any = ...,
    descr: str,
    shuffle: bool,
    random_state: Any,
    return_X_y: bool,
) -> Any:
    """Make the return value of a loader.

    Parameters
    ----------
    recordings : sequence
        Paths or segments.
    target : sequence
        Their labels.
    groups : sequence, or None
        Their speakers.
    folds : sequence or None, default=Ellipsis
        Their folds; by default, the Bunch has no such attribute.
    descr : str
        Description of the data set.
    shuffle : bool
        Whether to shuffle.
    random_state : int, RandomState instance or None
        Seed of the shuffle.
    return_X_y : bool
        Whether to return ``(data, target)`` only.

    Returns
    -------
    Bunch or (list, ndarray)
        As in :func:`load_audio_folder`.
    """
    order = np.arange(len(recordings))
    if shuffle:
        check_random_state(random_state).shuffle(order)
    data = [recordings[index] for index in order.tolist()]
    labels = np.asarray(target)[order]
    if return_X_y:
        return data, labels
    columns = {"groups": groups} | ({} if folds is ... else {"folds": folds})
    return Bunch(
        data=data,
        target=labels,
        target_names=sorted(set(target)),
        DESCR=descr,
        **{
            name: None if column is None else np.asarray(column)[order]
            for name, column in columns.items()
        },
    )


def class_folders(folder: Path) -> list[str]:
    """List the sub-folders that are classes.

    Parameters
    ----------
    folder : Path
        Where to look.

    Returns
    -------
    list of str
        Sorted; empty if there is no such folder.
    """
    if not folder.is_dir():
        return []
    return sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and not _is_hidden(entry.name) and entry.name != _NOT_A_CLASS
    )


def list_clips(
    folder: Path, names: Iterable[str], *, skipped: list[str] | None = None
) -> tuple[list[str], list[str]]:
    """List the recordings of some classes.

    Parameters
    ----------
    folder : Path
        The folder that has a sub-folder for each class.
    names : iterable of str
        The classes.
    skipped : list of str, default=None
        A list to which the files that are not audio are added.

    Returns
    -------
    paths : list of str
        The recordings, in the order of the classes, sorted within each class.
    target : list of str
        Their labels.

    Raises
    ------
    DatasetError
        If a class has no audio files.
    """
    paths: list[str] = []
    target: list[str] = []
    for name in names:
        # By the names of folders and files, whatever the separator of the system.
        files = sorted(_visible_files(folder / name), key=lambda path: path.split(os.sep))
        clips: list[str] = []
        others: list[str] = []
        for path in files:
            (clips if is_audio(path) else others).append(path)
        if not clips:
            raise DatasetError(_no_audio(folder, name, files))
        if skipped is not None:
            skipped += others
        paths += clips
        target += [name] * len(clips)
    return paths, target


def speakers_of(paths: Iterable[str]) -> np.ndarray | None:
    """Read the speakers from the names of the files.

    Parameters
    ----------
    paths : iterable of str
        The recordings.

    Returns
    -------
    ndarray of shape (n_clips,), or None
        The speakers; None unless one pattern matches every name.
    """
    stems = [os.path.splitext(os.path.basename(path))[0] for path in paths]
    for pattern in _NAME_PATTERNS:
        matches = [pattern.fullmatch(stem) for stem in stems]
        if all(matches):
            return np.array([match["speaker"] for match in matches if match])
    return None


def check_names(caller: str, parameter: str, names: Any) -> list[str] | None:
    """Check a parameter that lists words, speakers or classes.

    Parameters
    ----------
    caller : str
        Name of the function, for the message.
    parameter : str
        Name of the parameter, for the message.
    names : object
        The value.

    Returns
    -------
    list of str, or None
        Sorted, without duplicates; None for None.
    """
    if names is None:
        return None
    listed = isinstance(names, Collection) and not isinstance(names, str | bytes)
    if listed and len(names) and all(isinstance(name, str) and name.strip() for name in names):
        # Also convert NumPy's strings, which are str too.
        return sorted({str(name) for name in names})
    raise ValueError(
        f"The {parameter!r} parameter of {caller} must be a non-empty list of str. "
        f"Got {names!r} instead."
    )


def check_parameter(caller: str, parameter: str, value: Any, constraint: Any) -> None:
    """Check a parameter against one of scikit-learn's constraints.

    Parameters
    ----------
    caller : str
        Name of the function, for the message.
    parameter : str
        Name of the parameter, for the message.
    value : object
        The value.
    constraint : Interval or StrOptions
        The constraint.
    """
    if not constraint.is_satisfied_by(value):
        raise ValueError(
            f"The {parameter!r} parameter of {caller} must be {constraint}. Got {value!r} instead."
        )


def quoted(names: Iterable[str]) -> str:
    """Format names for a message.

    Parameters
    ----------
    names : iterable of str
        The names.

    Returns
    -------
    str
        Such as ``'bed', 'cat'``.
    """
    return ", ".join(repr(name) for name in names)


def _classes(folder: Path, wanted: list[str] | None) -> list[str]:
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise DatasetError(
            f"The folder {str(folder)!r} {problem} (looked from {os.getcwd()!r}). Expected a "
            "folder with one sub-folder per class."
        )
    found = class_folders(folder)
    if not found:
        n_loose = sum(is_audio(path) for path in _loose_files(folder))
        raise DatasetError(
            f"The folder {str(folder)!r} has no sub-folders; {n_loose} recordings are in it "
            "directly. Expected one sub-folder per class, named after the label."
        )
    missing = sorted(set(wanted or []) - set(found))
    if missing:
        raise DatasetError(
            f"The folder {str(folder)!r} has no sub-folder {quoted(missing)}. "
            f"It has {quoted(found)}."
        )
    return found if wanted is None else wanted


def _groups_of(paths: Sequence[str], root: Path, pattern: str | re.Pattern) -> np.ndarray:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            "The 'groups' parameter of load_audio_folder must be a regular expression. "
            f"Got {pattern!r} instead: {error}."
        ) from error
    names = [Path(path).relative_to(root).as_posix() for path in paths]
    matches = [compiled.search(name) for name in names]
    without = [name for name, match in zip(names, matches, strict=True) if match is None]
    if without:
        raise DatasetError(
            f"The pattern {compiled.pattern!r} finds no group in {len(without)} of {len(names)} "
            f"paths, such as {quoted(without[:3])}."
        )
    whole_or_part = min(1, compiled.groups)
    return np.array([match[whole_or_part] or "" for match in matches if match])


def _extension(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _SYSTEM_FILES


def _loose_files(folder: Path) -> list[str]:
    return sorted(
        str(entry) for entry in folder.iterdir() if entry.is_file() and not _is_hidden(entry.name)
    )


def _visible_files(folder: Path) -> Iterator[str]:
    seen = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        # A link may point to one of its parents.
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not _is_hidden(name)]
        yield from (os.path.join(parent, name) for name in files if not _is_hidden(name))


def _no_audio(folder: Path, name: str, files: Sequence[str]) -> str:
    found = "it is empty"
    if files:
        endings = sorted({_extension(path) or "no extension" for path in files})
        found = f"it has {len(files)} files of other types ({', '.join(endings)})"
    return (
        f"The class {name!r} has no recordings: there is no audio in {str(folder / name)!r}; "
        f"{found}. Expected files such as .wav, .flac, .ogg or .mp3. Add some, remove the "
        "folder, or list the classes to load."
    )
