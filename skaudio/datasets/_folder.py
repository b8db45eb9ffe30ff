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

# What systems leave behind: nobody misses it, and nobody wants to read about it.
_LITTER = {"__MACOSX", "desktop.ini", "Thumbs.db"}

# Beside its words, Speech Commands has a folder of long noise recordings. Not a word.
_NOT_A_CLASS = "_background_noise_"

# How names tell the speaker: Speech Commands' way and Free Spoken Digits' way.
_NAME_PATTERNS = (
    re.compile(r"(?P<speaker>.+)_nohash_\d+"),
    re.compile(r"\d_(?P<speaker>[^_]+)_\d+"),
)


def load_audio_folder(
    folder: str | os.PathLike,
    *,
    categories: Collection[str] | None = None,
    shuffle: bool = True,
    random_state: Any = 0,
    return_X_y: bool = False,
) -> Any:
    """List the recordings of a folder that has one sub-folder per class.

    The layout, of which the names of the sub-folders are the labels::

        folder/
            cat/
                one.wav
                two.flac
            dog/
                three.wav

    All files below a sub-folder belong to its class, however deep they lie; links to other
    folders are followed. A file is audio if it has an extension of an audio or a video format
    (see :func:`skaudio.audio.is_audio`), or, whatever its name, if there is sound in it. Files
    that are not audio, and audio that lies beside the sub-folders, are left out with a warning
    that counts them. Left out in silence are hidden files and folders (``.name``), what
    systems leave behind (``Thumbs.db``, ``__MACOSX``), and the folder ``_background_noise_`` of
    Speech Commands, which is no class.

    Parameters
    ----------
    folder : str or PathLike
        The folder. ``~`` stands for the user's home.
    categories : collection of str, default=None
        Sub-folders to load; None loads all of them.
    shuffle : bool, default=True
        Shuffle the recordings, which otherwise come class by class: an unshuffled
        :class:`~sklearn.model_selection.KFold` would then train without some classes.
    random_state : int, RandomState instance or None, default=0
        Order of the shuffle. As in :func:`sklearn.datasets.load_files` it is fixed
        unless None is passed.
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
            Their speakers, ``str``, where the names tell: when every file is named
            ``<speaker>_nohash_<number>`` as in Speech Commands, or every file
            ``<digit>_<speaker>_<number>`` as in Free Spoken Digits. Otherwise None.
        DESCR : str
            What was found.

    Raises
    ------
    DatasetError
        When the folder is missing, holds no class, or a class holds no audio.

    Warns
    -----
    UserWarning
        When files were left out; ``DESCR`` counts them too.

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
    left_out: list[str] = []
    paths, target = list_clips(root, names, left_out=left_out)
    if categories is None:
        left_out += filter(is_audio, _loose_files(root))
    counts = ", ".join(f"{name} ({target.count(name)})" for name in names)
    descr = f"{len(paths)} recordings of {len(names)} classes in {str(root)!r}: {counts}."
    if left_out:
        examples = quoted(os.path.relpath(path, root) for path in left_out[:3])
        omission = (
            f"{len(left_out)} files were left out: they are not audio, or lie beside the "
            f"sub-folders (such as {examples})."
        )
        warnings.warn(f"{str(root)!r}: {omission}", stacklevel=2)
        descr += f" {omission}"
    return as_bunch(
        paths,
        target,
        groups=speakers_of(paths),
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
    """Put a list of recordings into the form that every loader returns.

    Parameters
    ----------
    recordings : sequence
        Paths or segments.
    target : sequence
        Their labels.
    groups : sequence, or None
        Their speakers.
    folds : sequence or None, default=Ellipsis
        Their folds; where nothing is given, the Bunch has no such attribute.
    descr : str
        What the data set is.
    shuffle : bool
        Whether to shuffle.
    random_state : int, RandomState instance or None
        Order of the shuffle.
    return_X_y : bool
        Whether to return ``(data, target)`` only.

    Returns
    -------
    Bunch or (list, ndarray)
        As :func:`load_audio_folder` describes it.
    """
    order = np.arange(len(recordings))
    if shuffle:
        check_random_state(random_state).shuffle(order)
    data = [recordings[place] for place in order.tolist()]
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
    """Name the sub-folders that are classes.

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
    folder: Path, names: Iterable[str], *, left_out: list[str] | None = None
) -> tuple[list[str], list[str]]:
    """List the recordings of some classes.

    Parameters
    ----------
    folder : Path
        The folder that has a sub-folder for each class.
    names : iterable of str
        The classes.
    left_out : list of str, default=None
        Is extended by the files that are not audio.

    Returns
    -------
    paths : list of str
        The recordings, in the order of the classes, sorted within.
    target : list of str
        Their labels.

    Raises
    ------
    DatasetError
        When a class holds no audio.
    """
    paths: list[str] = []
    target: list[str] = []
    for name in names:
        # By the names of folders and files, whatever the system parts them with.
        files = sorted(_visible_files(folder / name), key=lambda path: path.split(os.sep))
        clips: list[str] = []
        others: list[str] = []
        for path in files:
            (clips if is_audio(path) else others).append(path)
        if not clips:
            raise DatasetError(_no_audio(folder, name, files))
        if left_out is not None:
            left_out += others
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
        The speakers; None unless one pattern fits every name.
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
        What the user passed.

    Returns
    -------
    list of str, or None
        Sorted, each name once; None for None.
    """
    if names is None:
        return None
    listed = isinstance(names, Collection) and not isinstance(names, str | bytes)
    if listed and len(names) and all(isinstance(name, str) and name.strip() for name in names):
        # NumPy's strings are str too.
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
        What the user passed.
    constraint : Interval or StrOptions
        What it must satisfy.
    """
    if not constraint.is_satisfied_by(value):
        raise ValueError(
            f"The {parameter!r} parameter of {caller} must be {constraint}. Got {value!r} instead."
        )


def quoted(names: Iterable[str]) -> str:
    """List names in a message.

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
            f"The folder {str(folder)!r} has no sub-folders; {n_loose} recordings lie in it "
            "directly. Expected one sub-folder per class, named by its label."
        )
    missing = sorted(set(wanted or []) - set(found))
    if missing:
        raise DatasetError(
            f"The folder {str(folder)!r} has no sub-folder {quoted(missing)}. "
            f"It has {quoted(found)}."
        )
    return found if wanted is None else wanted


def _extension(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _LITTER


def _loose_files(folder: Path) -> list[str]:
    return sorted(
        str(entry) for entry in folder.iterdir() if entry.is_file() and not _is_hidden(entry.name)
    )


def _visible_files(folder: Path) -> Iterator[str]:
    seen = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        # A link may lead back to where it lies.
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not _is_hidden(name)]
        yield from (os.path.join(parent, name) for name in files if not _is_hidden(name))


def _no_audio(folder: Path, name: str, files: Sequence[str]) -> str:
    held = "it is empty"
    if files:
        endings = sorted({_extension(path) or "no extension" for path in files})
        held = f"it has {len(files)} files of other kinds ({', '.join(endings)})"
    return (
        f"The class {name!r} has no recordings: there is no audio in {str(folder / name)!r}; "
        f"{held}. Expected files such as .wav, .flac, .ogg or .mp3. Add some, remove the "
        "folder, or choose the classes to load by name."
    )
