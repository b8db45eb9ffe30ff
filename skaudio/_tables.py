"""Tables of times and labels: delimited text, Audacity's label tracks, Raven's selections."""

from __future__ import annotations

import csv
import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skaudio.exceptions import DatasetError

__all__ = ["Columns", "is_number", "read_columns", "timed", "usual_name"]

# Common names of columns, in lower case.
_USUAL_NAMES = {
    "path": (
        "path", "file_path", "filepath", "filename", "file_name", "file", "slice_file_name",
        "recording", "audio", "wav", "begin path", "begin file",
    ),
    "label": (
        "label", "category", "class", "class_name", "species", "annotation", "word", "event_label",
        "common name",
    ),
    "group": ("group", "speaker"),
    "fold": ("fold", "split"),
    "start": ("start", "onset", "begin", "start_time", "start_s", "start (s)"),
    "stop": ("stop", "end", "offset", "stop_time", "end_time", "end_s", "end (s)"),
    "score": ("score", "confidence", "probability"),
}  # fmt: skip

# Raven's column names. Its times continue over all files of a view, the offset does not.
_RAVEN_START, _RAVEN_STOP = "Begin Time (s)", "End Time (s)"
_RAVEN_OFFSET, _RAVEN_SELECTION = "File Offset (s)", "Selection"
_AUDACITY_COLUMNS = ("start", "stop", "label")

Columns = dict[str, list[Any]]


def read_columns(file: Path) -> Columns:
    """Read a table whose cells are separated by tabs, semicolons or commas.

    Parameters
    ----------
    file : Path
        A text file. Without a header it is a label track of Audacity, whose columns are called
        start, stop and label.

    Returns
    -------
    dict of str to list of str
        The cells of each column; no columns if the file is empty.

    Raises
    ------
    DatasetError
        If it cannot be read, or if a row has more cells than the header.
    """
    try:
        data = file.read_bytes()
        encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
        lines = data.decode(encoding).splitlines()
    except FileNotFoundError as error:
        raise DatasetError(
            f"The table {str(file)!r} does not exist (looked from {os.getcwd()!r})."
        ) from error
    except OSError as error:
        raise DatasetError(f"The table {str(file)!r} cannot be read ({error}).") from error
    except UnicodeError as error:
        raise DatasetError(
            f"The table {str(file)!r} is not UTF-8 text ({error}). Save it as UTF-8."
        ) from error
    # Audacity writes frequency ranges in separate lines, which begin with a backslash.
    lines = [line for line in lines if line.strip() and not line.startswith("\\")]
    if not lines:
        return {}
    cells = lines[0].split("\t")
    if len(cells) > 1 and is_number(cells[0]) and is_number(cells[1]):
        # A label track, whose labels may contain anything else, quotes as well.
        header: Sequence[str] = _AUDACITY_COLUMNS
        rows = [[], *(line.split("\t", 2) for line in lines)]
    else:
        rows = list(csv.reader(lines, delimiter=max("\t;,", key=lines[0].count)))
        header = [cell.strip() for cell in rows[0]]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) > len(header):
            raise DatasetError(
                f"Row {number} of {str(file)!r} has {len(row)} cells, the header has {len(header)}."
            )
        row.extend([""] * (len(header) - len(row)))
    return {name: [row[index].strip() for row in rows[1:]] for index, name in enumerate(header)}


def timed(columns: Columns) -> tuple[Columns, str | None, str | None]:
    """Find the times in a table of Audacity or Raven.

    Parameters
    ----------
    columns : dict of str to list of str
        The table.

    Returns
    -------
    columns : dict of str to list of str
        The same, without rows that Raven repeats, and with times from the start of the file.
    start, stop : str or None
        The columns with the times in seconds; None for other tables.
    """
    if columns.keys() >= {_RAVEN_START, _RAVEN_STOP}:
        columns = _without_other_views(columns)
        if _RAVEN_OFFSET in columns:
            columns = _from_start_of_file(columns)
        return columns, _RAVEN_START, _RAVEN_STOP
    if tuple(columns) == _AUDACITY_COLUMNS:
        return columns, "start", "stop"
    return columns, None, None


def usual_name(columns: Columns, role: str) -> str | None:
    """Find a column by the names that are common for it.

    Parameters
    ----------
    columns : dict of str to list of str
        The table.
    role : {"path", "label", "group", "fold", "start", "stop", "score"}
        What the column means.

    Returns
    -------
    str or None
        Its name, or None if there is none.
    """
    by_name = {column.lower(): column for column in reversed(columns)}
    return next((by_name[usual] for usual in _USUAL_NAMES[role] if usual in by_name), None)


def is_number(cell: Any) -> bool:
    """Return whether a cell is a finite number.

    Parameters
    ----------
    cell : object
        The cell.

    Returns
    -------
    bool
        Whether it can be converted.
    """
    try:
        return bool(np.isfinite(float(cell)))
    except (TypeError, ValueError):
        return False


def _without_other_views(columns: Columns) -> Columns:
    # Raven writes a selection once for each view, the waveform and the spectrogram.
    if _RAVEN_SELECTION not in columns:
        return columns
    firsts = np.sort(np.unique(columns[_RAVEN_SELECTION], return_index=True)[1])
    return {name: [cells[index] for index in firsts] for name, cells in columns.items()}


def _from_start_of_file(columns: Columns) -> Columns:
    times = zip(
        *(columns[name] for name in (_RAVEN_START, _RAVEN_STOP, _RAVEN_OFFSET)), strict=True
    )
    starts, stops = [], []
    for begin, end, offset in times:
        starts.append(offset)
        stops.append(str(float(offset) + float(end) - float(begin)) if is_number(offset) else end)
    return {**columns, _RAVEN_START: starts, _RAVEN_STOP: stops}
