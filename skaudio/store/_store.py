"""The store as a whole: a folder of shelves, kept below a size."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from numbers import Integral
from pathlib import Path
from typing import Any

import platformdirs

from skaudio.store import _segment
from skaudio.store._shelf import Shelf, listed

__all__ = ["FeatureStore"]

# Seconds after which a temporary file has lost its writer.
_STALE = 3600.0

_PREFIX = "features-"


class FeatureStore:
    """Keep feature rows in a folder, so that no clip is transformed twice.

    Give it to the `memory` parameter of a transformer to choose the folder and its size;
    a path or True there is short for a store with the other defaults.

    Parameters
    ----------
    location : str or PathLike, default=None
        The folder, made when it is first needed. None is the user's cache directory
        (``~/.cache/skaudio/features`` on Linux).
    size_limit : int, default=8589934592
        Bytes that the rows may take; 8 GiB are half a million clips of one second with
        the default features. What was used longest ago goes first.

    See Also
    --------
    skaudio.MFCCTransformer : Its `memory` parameter takes a store.

    Notes
    -----
    Several processes may use one folder at the same time. A process that dies, a full
    disk and a damaged file cost a computation, never a wrong row: rows are written to
    files that are moved into place when they are whole and never changed afterwards, and
    each row has a checksum.

    Well-kept libraries were measured first, in microseconds to write and to read a row of
    16 kB (``examples/benchmarks/stores.py``): joblib.Memory 783 and 346, diskcache 304 and
    24, SQLite 35 and 17, a file for each row 107 and 53, this store 18 and 17 with its
    checksums. LMDB took 10 and 8, but a truncated file ended the process, and a changed byte
    went unnoticed.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skaudio import MFCCTransformer
    >>> from skaudio.store import FeatureStore
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> clips = np.random.default_rng(0).normal(size=(3, 8000))
    >>> features = MFCCTransformer(memory=store).fit_transform(clips)
    >>> store.nbytes() > features.nbytes
    True
    >>> store.clear()
    >>> store.nbytes()
    0
    """

    def __init__(self, location: Any = None, *, size_limit: int = 8 * 2**30):
        self.location = location
        self.size_limit = size_limit

    def __repr__(self) -> str:
        return f"FeatureStore({str(self.path)!r}, size_limit={self.size_limit})"

    @property
    def path(self) -> Path:
        """The folder.

        Returns
        -------
        pathlib.Path
            Where everything is kept.
        """
        if self.location is None:
            return platformdirs.user_cache_path("skaudio") / "features"
        return Path(self.location).expanduser()

    def nbytes(self) -> int:
        """Add up the sizes of the files that hold rows.

        Returns
        -------
        int
            Their size in bytes.
        """
        return sum(size for _, size, _ in self._segments())

    def clear(self) -> None:
        """Forget all rows."""
        # Only what the store wrote: the folder may be one that the user also uses.
        for _, _, path in self._segments():
            with contextlib.suppress(OSError):
                os.unlink(path)
        self._clear_leftovers()

    def _shelf(self, recipe: str) -> Shelf:
        """Open the rows of one recipe, a name for all that makes a row but the recording."""
        is_int = isinstance(self.size_limit, Integral) and not isinstance(self.size_limit, bool)
        if not is_int or self.size_limit <= 0:
            raise ValueError(f"size_limit must be a positive int, got {self.size_limit!r}.")
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(
                f"The feature store needs a folder; {str(self.path)!r} is a file."
            )
        return Shelf(str(self.path / (_PREFIX + recipe)))

    def _trim(self) -> None:
        """Keep the size limit: delete the rows that were used longest ago."""
        segments = sorted(self._segments())
        excess = sum(size for _, size, _ in segments) - self.size_limit
        for _, size, path in segments:
            if excess <= 0:
                break
            with contextlib.suppress(OSError):  # another process was quicker
                os.unlink(path)
            excess -= size
        self._clear_leftovers()

    def _clear_leftovers(self) -> None:
        """Delete temporary files, unless so young that another process may be writing."""
        for shelf in self._shelves():
            for entry in listed(shelf, _segment.TEMPORARY):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat().st_mtime > _STALE:
                        os.unlink(entry.path)

    def _shelves(self) -> list[str]:
        try:
            with os.scandir(self.path) as entries:
                return [entry.path for entry in entries if entry.name.startswith(_PREFIX)]
        except OSError:
            return []

    def _segments(self) -> Iterator[tuple[int, int, str]]:
        """Time of the last use, size and path of every segment."""
        for shelf in self._shelves():
            for entry in listed(shelf, _segment.SUFFIX):
                with contextlib.suppress(OSError):
                    facts = entry.stat()
                    yield facts.st_mtime_ns, facts.st_size, entry.path
