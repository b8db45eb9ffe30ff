"""A table of recordings or segments."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any

from skaudio._tables import Columns, is_number, read_columns, timed, usual_name
from skaudio.audio import Segment, is_audio
from skaudio.datasets._folder import as_bunch, quoted
from skaudio.exceptions import DatasetError

__all__ = ["load_audio_table"]


def load_audio_table(
    table: Any,
    *,
    path: str | None = None,
    label: str | None = None,
    group: str | None = None,
    fold: str | None = None,
    start: str | None = None,
    stop: str | None = None,
    folder: str | os.PathLike | None = None,
    shuffle: bool = False,
    random_state: Any = 0,
    return_X_y: bool = False,
) -> Any:
    """List the recordings, or the segments of recordings, in a table.

    The table has a row for each clip: the CSV file of a data set, the label track that Audacity
    exports, Raven's selection table, the ``metadata.csv`` of an audio folder, or a data frame.

    Parameters
    ----------
    table : str, PathLike or DataFrame
        A text file whose columns are separated by commas, semicolons or tabs, or a pandas or
        polars data frame. Without a header it is read as a label track of Audacity: the
        times at which a label begins and ends, and its text.
    path : str, default=None
        The column of the paths; or a pattern with columns in braces, such as
        ``"../audio/{filename}"`` or ``"audio/fold{fold}/{slice_file_name}"``; or the path of
        a single recording for all rows. None uses a column with a common name
        (``path``, ``filename``, ``file_name``, ...), or, for labels of Audacity and Raven, the
        recording of the same name in the folder of the table.
    label : str, default=None
        The column of the labels. None uses one with a common name (``label``,
        ``category``, ``class``, ``species``, ...).
    group : str, default=None
        The column of the speakers, or of other groups that must not be split. None uses
        ``group`` or ``speaker``, if it exists.
    fold : str, default=None
        The column of the data set's own folds. None uses ``fold`` or ``split``, if it
        exists.
    start, stop : str, default=None
        The columns of the times at which a clip begins and ends in its recording, in seconds.
        None uses whole recordings, except for the labels of Audacity and Raven.
    folder : str or PathLike, default=None
        The folder of relative paths. None means the folder of the table; for a data frame, the
        working directory.
    shuffle : bool, default=False
        Shuffle the rows. By default they keep their order, so that they match other columns
        of the table.
    random_state : int, RandomState instance or None, default=0
        Seed of the shuffle.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    Bunch or (list, ndarray)
        A :class:`~sklearn.utils.Bunch` with the attributes:

        data : list of str or of Segment
            Paths of the recordings, or their :class:`~skaudio.audio.Segment`.
        target : ndarray of shape (n_clips,)
            Their labels: ``str`` from a file, unchanged from a data frame.
        target_names : list
            The classes, sorted.
        groups, folds : ndarray of shape (n_clips,), or None
            The values of those columns.
        DESCR : str
            Description of the data set.

    Raises
    ------
    DatasetError
        If the table or a column is missing, if a row has no label or no times, or if
        recordings are missing; the message names them.

    See Also
    --------
    load_audio_folder : The same for a folder with one sub-folder per class.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skaudio.datasets import load_audio_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("day.wav", "night.wav"):
    ...         Path(folder, name).touch()
    ...     _ = Path(folder, "night.txt").write_text("1.5\\t2.25\\towl\\n7\\t8.5\\tfox\\n")
    ...     labels = load_audio_table(Path(folder, "night.txt"))
    ...     _ = Path(folder, "clips.csv").write_text(
    ...         "filename,fold,category\\nday.wav,1,lark\\nnight.wav,2,owl\\n"
    ...     )
    ...     clips = load_audio_table(Path(folder, "clips.csv"))
    >>> [(segment.start, segment.stop) for segment in labels.data], labels.target.tolist()
    ([(1.5, 2.25), (7.0, 8.5)], ['owl', 'fox'])
    >>> clips.target.tolist(), clips.folds.tolist()
    (['lark', 'owl'], ['1', '2'])
    """
    columns, root, name = _read(table, folder)
    if start is None and stop is None:
        columns, start, stop = timed(columns)
    labels = _column(columns, name, "label", label)
    assert labels is not None
    paths = [os.path.normpath(root / path) for path in _paths(columns, name, path, table)]
    _check_rows(labels, paths, name, root)
    clips: list[Any] = paths
    if start is not None or stop is not None:
        starts, stops = (
            _seconds(columns, name, "start", start),
            _seconds(columns, name, "stop", stop),
        )
        clips = [_segment(*row, name) for row in zip(paths, starts, stops, strict=True)]
    n_recordings = len(set(paths))
    return as_bunch(
        clips,
        labels,
        groups=_column(columns, name, "group", group),
        folds=_column(columns, name, "fold", fold),
        descr=f"{len(clips)} clips of {n_recordings} recordings, listed in {name}.",
        shuffle=shuffle,
        random_state=random_state,
        return_X_y=return_X_y,
    )


def _read(table: Any, folder: str | os.PathLike | None) -> tuple[Columns, Path, str]:
    root = Path() if folder is None else Path(folder).expanduser()
    if hasattr(table, "columns"):
        columns = {str(column): list(table[column]) for column in table.columns}
        return columns, root, "the data frame"
    if not isinstance(table, str | os.PathLike):
        raise TypeError(
            "load_audio_table expects the path of a table or a data frame, got "
            f"{type(table).__name__}."
        )
    file = Path(table).expanduser()
    columns = read_columns(file)
    if not columns:
        raise DatasetError(f"The table {str(file)!r} is empty.")
    return columns, file.parent if folder is None else root, repr(str(file))


def _column(columns: Columns, table: str, role: str, name: str | None) -> list[Any] | None:
    """Find a column by the given name, or by a common one."""
    if name is not None:
        if name not in columns:
            raise DatasetError(
                f"{table[0].upper()}{table[1:]} has no column {name!r}, got as {role}. It has "
                f"{quoted(columns)}."
            )
        return columns[name]
    found = usual_name(columns, role)
    if found is None and role == "label":
        raise DatasetError(
            f"No column of {table} has a common name for labels. Choose one with label=...; it has "
            f"{quoted(columns)}."
        )
    return None if found is None else columns[found]


def _paths(columns: Columns, name: str, path: str | None, table: Any) -> list[str]:
    n_rows = len(next(iter(columns.values())))
    if path is None:
        path = usual_name(columns, "path")
        if path is None:
            recording = _recording_of_same_name(table)
            if recording is None:
                raise DatasetError(
                    f"No column of {name} has a common name for paths, and there is no recording "
                    f"of the same name. Pass path=...; it has {quoted(columns)}."
                )
            return [recording] * n_rows
    if path in columns:
        return [str(cell) for cell in columns[path]]
    try:
        rows = zip(*columns.values(), strict=True)
        return [path.format_map(dict(zip(columns, row, strict=True))) for row in rows]
    except (KeyError, ValueError, IndexError) as error:
        raise DatasetError(
            f"The pattern path={path!r} does not match {name} ({error!r}). It has the columns "
            f"{quoted(columns)}."
        ) from error


def _recording_of_same_name(table: Any) -> str | None:
    """Find night.wav for night.txt and for night.Table.1.selections.txt."""
    if hasattr(table, "columns"):
        return None
    file = Path(table).expanduser()
    stem = file.stem
    while stem:
        for other in sorted(file.parent.glob(f"{glob.escape(stem)}.*")):
            if other.stem == stem and other != file and is_audio(other):
                return other.name
        stem = stem.rpartition(".")[0]
    return None


def _check_rows(labels: list[Any], paths: list[str], name: str, root: Path) -> None:
    if not labels:
        raise DatasetError(f"There are no rows in {name}.")
    # A missing cell of a data frame is None or not equal to itself.
    unlabelled = [
        row for row, label in enumerate(labels, 1) if label is None or label != label or label == ""
    ]
    if unlabelled:
        raise DatasetError(
            f"{len(unlabelled)} rows of {name} have no label, such as row {unlabelled[0]}. Add "
            "labels or remove the rows."
        )
    missing = [path for path in dict.fromkeys(paths) if not os.path.exists(path)]
    if missing:
        raise DatasetError(
            f"{len(missing)} of the {len(set(paths))} recordings in {name} do not exist, "
            f"such as {missing[0]!r}. Paths are relative to {str(root.absolute())!r}: see the "
            "parameters path and folder."
        )


def _seconds(columns: Columns, table: str, role: str, name: str | None) -> list[float | None]:
    if name is None:
        return [None] * len(next(iter(columns.values())))
    cells = _column(columns, table, role, name)
    assert cells is not None
    for row, cell in enumerate(cells, 1):
        if not is_number(cell):
            raise DatasetError(
                f"Row {row} of {table} has {cell!r} in the column {name!r}; expected seconds."
            )
    return [float(cell) for cell in cells]


def _segment(path: str, start: float | None, stop: float | None, table: str) -> Segment:
    try:
        return Segment(path, start or 0.0, stop)
    except ValueError as error:
        raise DatasetError(f"{error} Correct or remove that row of {table}.") from error
