"""Events in the files of other programs."""

from __future__ import annotations

import csv
import io
import os
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from skaudio._tables import is_number, read_columns, timed, usual_name
from skaudio.detection._events import Event, as_events
from skaudio.exceptions import DatasetError

__all__ = ["read_events", "write_events"]

_RAVEN = (
    "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)",
    "High Freq (Hz)", "Annotation", "Score",
)  # fmt: skip
_FORMATS = ".txt (Audacity), .selections.txt (Raven), .csv or .TextGrid (Praat)"

# Praat's text format is a sequence of strings, numbers and flags. The names and indices of its long
# form carry no information.
_PRAAT_STRING, _PRAAT_FLAG = r'"((?:[^"]|"")*)"', "<exists>"
_PRAAT_NUMBER = r"(?<![\w\[])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_PRAAT_TOKEN = re.compile(f"{_PRAAT_STRING}|{_PRAAT_FLAG}|{_PRAAT_NUMBER}")


def read_events(path: str | os.PathLike) -> list[Event]:
    """Read the events that are marked in a file.

    Parameters
    ----------
    path : str or PathLike
        One of, recognised by the content:

        - a label track that Audacity exports;
        - a selection table of Raven;
        - a table with a header, separated by commas, semicolons or tabs, with columns for the
          start, the end (or ``onset`` and ``offset``) and the label, and perhaps a ``score``;
        - a TextGrid of Praat, of which all intervals and points with text are taken.

    Returns
    -------
    list of Event
        Start and end in seconds, label (``str``) and score, in the order of time.

    Raises
    ------
    DatasetError
        If the file cannot be read, or does not have these columns; the message names it.

    See Also
    --------
    skaudio.datasets.load_audio_table : Clips to train on from such tables.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skaudio.detection import read_events, write_events
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "night.txt")
    ...     write_events([(1.5, 2.25, "owl", 0.9)], path)
    ...     text, events = path.read_text(), read_events(path)
    >>> text
    '1.500000\\t2.250000\\towl\\n'
    >>> events
    [Event(start=1.5, end=2.25, label='owl', score=1.0)]
    """
    file = Path(path).expanduser()
    try:
        head = file.read_bytes()[:100]
    except OSError as error:
        raise DatasetError(f"The labels {str(file)!r} cannot be read ({error}).") from error
    if b"ooTextFile" in head.replace(b"\0", b""):
        events = _read_text_grid(file)
    else:
        events = _read_table(file)
    return sorted(events, key=lambda event: (event.start, event.end))


def write_events(
    events: Iterable[Any], path: str | os.PathLike, *, duration: float | None = None
) -> None:
    """Write events to a file that other programs open.

    Parameters
    ----------
    events : iterable of Event
        The events; tuples of start, end and label are sufficient.
    path : str or PathLike
        Where to. The name tells the format: ``.txt`` is a label track of Audacity, without
        scores; ``.selections.txt`` a selection table of Raven; ``.csv`` a table; ``.TextGrid`` a
        file of Praat, with a tier for each label.
    duration : float, default=None
        Length of the recording in seconds, which a TextGrid states. None takes the end of the last
        event.

    Raises
    ------
    ValueError
        If the name has another ending, or if Praat could not open a TextGrid of these events:
        without events and `duration`, or if events of a label overlap.
    """
    rows = sorted(as_events(events), key=lambda event: (event.start, event.end))
    name = Path(path).name.lower()
    if name.endswith(".selections.txt"):
        text = _raven(rows)
    elif name.endswith(".txt"):
        text = "".join(f"{row.start:.6f}\t{row.end:.6f}\t{_line(row.label)}\n" for row in rows)
    elif name.endswith(".csv"):
        text = _delimited([Event._fields, *rows], ",")
    elif name.endswith(".textgrid"):
        text = _text_grid(rows, duration)
    else:
        raise ValueError(f"The name of {os.fspath(path)!r} must end in {_FORMATS}.")
    Path(path).expanduser().write_text(text, encoding="utf-8", newline="")


def _read_table(file: Path) -> list[Event]:
    columns, start, stop = timed(read_columns(file))
    if not columns:  # nothing is marked
        return []
    start, stop = start or usual_name(columns, "start"), stop or usual_name(columns, "stop")
    label = usual_name(columns, "label")
    if start is None or stop is None or label is None:
        raise DatasetError(
            f"{str(file)!r} needs columns for start, end and label. It has {list(columns)}."
        )
    score = usual_name(columns, "score")
    scores = columns[score] if score is not None else ["1"] * len(columns[start])
    events = []
    cells = zip(columns[start], columns[stop], columns[label], scores, strict=True)
    for number, (begin, end, text, value) in enumerate(cells, 1):
        if not (is_number(begin) and is_number(end) and float(begin) <= float(end)):
            raise DatasetError(
                f"Row {number} of {str(file)!r} must begin before it ends, in seconds. It has "
                f"{begin!r} and {end!r}."
            )
        seen = float(value) if is_number(value) else 1.0
        events.append(Event(float(begin), float(end), text, seen))
    return events


def _read_text_grid(file: Path) -> list[Event]:
    data = file.read_bytes()
    encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
        found = _PRAAT_TOKEN.finditer(text)
        tokens = iter([match[1] if match[1] is not None else match[0] for match in found])
        header = [next(tokens) for _ in range(6)]  # two strings, two times, <exists>, tiers
        events = []
        for _ in range(int(header[5])):
            kind, _, _, _, n_rows = (next(tokens) for _ in range(5))
            for _ in range(int(n_rows)):
                begin = float(next(tokens))
                end = float(next(tokens)) if kind == "IntervalTier" else begin
                label = next(tokens).replace('""', '"').strip()
                if label:
                    events.append(Event(begin, end, label))
    except (StopIteration, ValueError, IndexError) as error:
        raise DatasetError(f"The TextGrid {str(file)!r} is cut or damaged.") from error
    return events


def _raven(rows: list[Event]) -> str:
    # Raven draws boxes; these have the frequencies of speech at 16 kHz.
    table: list[Any] = [_RAVEN]
    for number, row in enumerate(rows, 1):
        times = f"{row.start:.6f}", f"{row.end:.6f}"
        cells = _line(row.label), f"{row.score:.4f}"
        table.append((number, "Spectrogram 1", 1, *times, "0.0", "8000.0", *cells))
    return _delimited(table, "\t")


def _delimited(rows: Iterable[Iterable[Any]], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _text_grid(rows: list[Event], duration: float | None) -> str:
    end = max([0.0 if duration is None else duration, *(row.end for row in rows)])
    if not end:
        raise ValueError("A TextGrid without events needs the duration of the recording.")
    labels = sorted({_line(row.label) for row in rows})
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", f"{end:.6f}"]
    lines += ["<exists>", str(len(labels))]
    for label in labels:
        intervals, at = [], 0.0
        for row in rows:
            if _line(row.label) != label:
                continue
            if row.start < at or row.start == row.end:
                raise ValueError(
                    "Praat's intervals have a length, and those of a label do not overlap. "
                    f"Got {row} after {at:g} s. Write another format."
                )
            if row.start > at:  # what lies between events has no text
                intervals.append((at, row.start, ""))
            intervals.append((row.start, row.end, label))
            at = row.end
        intervals += [(at, end, "")] * (end > at)
        quoted = label.replace('"', '""')
        lines += ['"IntervalTier"', f'"{quoted}"', "0", f"{end:.6f}", str(len(intervals))]
        for start, stop, text in intervals:
            lines += [f"{start:.6f}", f"{stop:.6f}", f'"{quoted if text else text}"']
    return "\n".join(lines) + "\n"


def _line(label: Any) -> str:
    """Return a label as text without tabs and line ends, which separate cells and rows."""
    return " ".join(str(label).split())
