"""One shelf of the store: the rows that one recipe makes."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence

import filelock
import numpy as np

from skaudio.store import _segment
from skaudio.store._segment import Damaged, Segment

__all__ = ["Shelf", "listed"]

# Small segments come of predicting a few clips at a time. From so many on they are
# joined, so that opening a shelf does not mean opening thousands of files.
_MANY = 64
_SMALL = 4 * 2**20  # bytes

# Seconds that a process waits while another one computes; then it computes for itself.
_PATIENCE = 60.0


class _Index:
    """What this process knows of a shelf: segments never change, so it is read once."""

    def __init__(self) -> None:
        self.segments: dict[str, Segment] = {}
        self.places: dict[bytes | None, tuple[str, int]] = {}
        self.lock = threading.Lock()

    def add(self, segment: Segment) -> None:
        # What was written last is found first.
        self.segments[segment.path] = segment
        for row, fingerprint in enumerate(segment.fingerprints):
            self.places[fingerprint] = (segment.path, row)

    def refresh(self, folder: str) -> None:
        """Learn of the segments that came and went since the last look.

        Parameters
        ----------
        folder : str
            The shelf's folder.
        """
        present = {entry.path for entry in listed(folder, _segment.SUFFIX)}
        gone = self.segments.keys() - present
        if gone:
            self.segments = {p: s for p, s in self.segments.items() if p not in gone}
            self.places = {key: at for key, at in self.places.items() if at[0] not in gone}
        for path in sorted(present - self.segments.keys()):
            try:
                self.add(_segment.open_segment(path))
            except Damaged:
                _unlink(path)
            except OSError:
                continue  # deleted since it was listed


_indexes: dict[str, _Index] = defaultdict(_Index)
if hasattr(os, "register_at_fork"):
    # A lock that another thread held at the fork would be held for ever in the child.
    os.register_at_fork(after_in_child=_indexes.clear)


class Shelf:
    """The rows of one recipe, in a folder of their own.

    Parameters
    ----------
    folder : str
        The folder; it is made if it is not there.
    """

    def __init__(self, folder: str):
        self.folder = os.path.abspath(folder)
        self._waits = True
        with contextlib.suppress(OSError):  # one may only read here; writing will say so
            os.makedirs(self.folder, exist_ok=True)

    def load(
        self, fingerprints: Sequence[bytes | None], out: np.ndarray, places: Sequence[int]
    ) -> list[int]:
        """Copy what is there to its place.

        Parameters
        ----------
        fingerprints : sequence of (bytes or None)
            What the rows are known by; None is never there.
        out : ndarray of shape (n, ...)
            One row for each fingerprint.
        places : sequence of int
            The rows that are wanted.

        Returns
        -------
        list of int
            The places of those that are missing.
        """
        index = _indexes[self.folder]
        with index.lock:
            index.refresh(self.folder)
            wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
            for place in places:
                at = index.places.get(fingerprints[place])
                if at is not None:
                    wanted[at[0]].append((at[1], place))
            segments = [(index.segments[path], rows) for path, rows in wanted.items()]
        found: set[int] = set()
        row_nbytes = out.nbytes // max(1, len(out))
        for segment, rows in segments:
            if segment.row_nbytes != row_nbytes:
                continue
            with contextlib.suppress(OSError):  # another user's file
                os.utime(segment.path)  # used now: to be forgotten last
            try:
                found.update(_segment.read(segment, rows, out))
            except Damaged:
                # One bad row costs its whole segment, and with it nothing stays to be
                # stumbled over.
                _unlink(segment.path)
            except OSError:
                continue  # another process deleted it
        return [place for place in places if place not in found]

    def save(self, fingerprints: Sequence[bytes], rows: np.ndarray) -> None:
        """Keep rows; a warning if the disk refuses.

        Parameters
        ----------
        fingerprints : sequence of bytes of length n_rows
            What to know them by.
        rows : ndarray of shape (n_rows, ...)
            The rows.
        """
        if len(rows) == 0:
            return
        index = _indexes[self.folder]
        try:
            segment = _segment.write(self.folder, fingerprints, rows)
        except OSError as error:
            warnings.warn(
                f"The features could not be kept in {self.folder}: {error}. "
                "They are computed again when they are needed.",
                RuntimeWarning,
                stacklevel=4,  # whoever called transform
            )
            return
        with index.lock:
            index.add(segment)
        with contextlib.suppress(OSError):
            self._join_small()

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from computing the same rows at the same time.

        Nothing depends on it but time: without the lock, on a file system that has none
        or after a minute of waiting for a process that hangs, a row may be computed twice.
        """
        lock = filelock.FileLock(os.path.join(self.folder, "lock"), timeout=_PATIENCE)
        if self._waits:
            try:
                lock.acquire()
            # Its Timeout is an OSError, too.
            except (OSError, NotImplementedError):
                self._waits = False
        try:
            yield
        finally:
            lock.release()  # does nothing if it was not acquired

    def _join_small(self) -> None:
        """Copy the rows of many small segments to one, then delete them."""
        small = []
        for entry in listed(self.folder, _segment.SUFFIX):
            with contextlib.suppress(OSError):  # another process was quicker
                facts = entry.stat()
                if facts.st_size < _SMALL:
                    small.append((facts.st_mtime_ns, entry.path))
        if len(small) < _MANY:
            return
        joined: dict[bytes, np.ndarray] = {}
        copied = []
        for _, path in sorted(small):
            try:
                joined |= _rows_of(path)
            except Damaged:
                _unlink(path)
            except OSError:
                continue  # it cannot be read now, and stays as it is
            else:
                copied.append(path)
        if not joined:
            return
        whole = _segment.write(self.folder, list(joined), np.stack(list(joined.values())))
        last_used = max(used for used, _ in small)
        os.utime(whole.path, ns=(last_used, last_used))
        for path in copied:
            _unlink(path)


def _rows_of(path: str) -> dict[bytes, np.ndarray]:
    segment = _segment.open_segment(path)
    rows = np.empty((len(segment.crcs), segment.row_nbytes), dtype=np.uint8)
    wanted = [(row, row) for row in range(len(rows))]
    return {segment.fingerprints[row]: rows[row] for row in _segment.read(segment, wanted, rows)}


def listed(folder: str, suffix: str) -> list[os.DirEntry[str]]:
    """List the files of a folder that end in a suffix.

    Parameters
    ----------
    folder : str
        The folder; if it is not there, it has none.
    suffix : str
        How their names end.

    Returns
    -------
    list of os.DirEntry
        The files.
    """
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name.endswith(suffix)]
    except OSError:
        return []


def _unlink(path: str) -> None:
    with contextlib.suppress(OSError):  # another process was quicker, or still reads it
        os.unlink(path)
