"""Feature rows in an SQLite database, known by what determines them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import warnings
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

__all__ = ["FeatureStore"]

# The folder may be one that the user also uses.
_NAME = "skaudio-features"

# With the default features a row fills a page. What is known of it has a table of its own, so
# that writing down a use rewrites no row. No write-ahead log: where connections last for one
# call it takes twice the time, and it cannot be read in a folder that is read-only.
_SCHEMA = """
    pragma page_size = 16384;
    pragma auto_vacuum = full;
    begin immediate;
    create table if not exists rows (row blob);
    create table if not exists entries (
        key blob primary key, id integer, used real, checksum integer
    ) without rowid;
    create index if not exists by_use on entries (used);
    pragma user_version = 1;
    commit;
"""

_SELECT = """
    select key, row, checksum, used < ? from entries join rows on rows.rowid = id
    where key in ({})
"""

# Seconds that a process waits for another one; then it computes for itself.
_PATIENCE = 60.0

# Seconds: a row that is used again so soon is not written down as used.
_RECENT = 3600

# Keys in one query; SQLite takes 999 at least. Others may write between two queries.
_MOST_KEYS = 500

# A message in which SQLite quotes a damaged file may be more than Python can decode.
_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)

# Held around all that is done with SQLite, so that a process forks between two calls, never
# within one: the child would inherit connections and locks of threads that it does not have.
_one_at_a_time = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_one_at_a_time.acquire,
        after_in_parent=_one_at_a_time.release,
        after_in_child=_one_at_a_time.release,
    )

# Locks that are held, and the process that holds them. After a fork SQLite takes those of the
# parent for the child's own, which nobody would release.
_held: dict[Path, int] = {}


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
    The rows are in an SQLite database, ``skaudio-features.sqlite3``, that several processes and
    threads may use at the same time. A process that dies, a full disk and a damaged file cost a
    computation, never a wrong row: each row has a checksum, and a database that is damaged is
    deleted and begun anew. A power failure may damage it, since nothing waits for the disk.

    Microseconds to write and to read a row of 16 kB (``examples/benchmarks/stores.py``): 22 and
    13, joblib.Memory 1351 and 184, diskcache 138 and 16, a file for each row 30 and 20. SQLite
    alone, in one connection and without checksums, takes 12 and 15. LMDB takes 7 and 6, but a
    truncated file ended the process, and a changed byte went unnoticed.

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

    @property
    def _file(self) -> Path:
        return self.path / f"{_NAME}.sqlite3"

    def nbytes(self) -> int:
        """Tell the size of the file that holds the rows.

        Returns
        -------
        int
            Its size in bytes.
        """
        with contextlib.suppress(FileNotFoundError):
            return self._file.stat().st_size
        return 0

    def clear(self) -> None:
        """Forget all rows and delete the store's files; others in the folder stay.

        A process that is transforming at this time goes on, in a new file.

        Raises
        ------
        PermissionError
            If a file cannot be deleted: the folder is read-only or, on Windows, another
            process is using the store at this moment.
        """
        if not self.path.is_dir():
            return
        try:
            with self._transaction("exclusive"):  # nobody else reads or writes now
                self._delete_files()
        except (*_ERRORS, PermissionError):  # damaged; or Windows, which deletes no open file
            self._delete_files()
        for lock in self.path.glob(f"{_NAME}-{'[0-9a-f]' * 32}.lock"):
            lock.unlink(missing_ok=True)

    def _load(
        self, keys: Sequence[bytes | None], out: np.ndarray, indices: Sequence[int]
    ) -> list[int]:
        """Fill the rows of `out` at `indices`; return the indices of those that are missing.

        What has no key is never there.
        """
        self._check()
        wanted: dict[bytes, list[int]] = defaultdict(list)
        for index in indices:
            key = keys[index]
            if key is not None:
                wanted[key].append(index)
        known = list(wanted)
        view = out.data.cast("B")
        nbytes = out.nbytes // len(out)
        now = time.time()
        found: set[int] = set()
        aging = []
        try:
            for start in range(0, len(known), _MOST_KEYS):
                some = known[start : start + _MOST_KEYS]
                query = _SELECT.format(", ".join("?" * len(some)))
                with self._transaction("deferred") as database:
                    # Damage may change anything, types as well.
                    for key, row, checksum, is_aging in database.execute(
                        query, (now - _RECENT, *some)
                    ):
                        is_row = key in wanted and isinstance(row, bytes) and len(row) == nbytes
                        if not is_row or _checksum(key, row) != checksum:
                            continue
                        for index in wanted[key]:
                            view[index * nbytes : (index + 1) * nbytes] = row
                        found.update(wanted[key])
                        if is_aging:
                            aging.append((now, key))
            if aging:
                with self._transaction("immediate") as database:
                    database.executemany("update entries set used = ? where key = ?", aging)
        except _ERRORS as error:
            # What could not be read is computed; if it cannot be kept either, saving says so.
            self._discard_if_damaged(error)
        return [index for index in indices if index not in found]

    def _save(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        """Keep rows; a warning if the disk refuses."""
        if len(keys) == 0:
            return
        try:
            try:
                self._write(keys, rows)
            except _ERRORS as error:
                if not self._discard_if_damaged(error):
                    raise
                self._write(keys, rows)
        except (*_ERRORS, OverflowError) as error:  # the last for a row of more than 2 GiB
            warnings.warn(
                f"The features could not be kept in {self.path}: {error}. "
                "They are computed again when they are needed.",
                RuntimeWarning,
                stacklevel=4,  # whoever called transform
            )

    def _write(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        contents = [row.data for row in rows]
        now = time.time()
        with self._transaction("immediate") as database:
            _delete_rows(database, [(key,) for key in keys])
            ((last,),) = database.execute("select coalesce(max(rowid), 0) from rows")
            ids = range(last + 1, last + 1 + len(keys))
            database.executemany(
                "insert into rows (rowid, row) values (?, ?)", zip(ids, contents, strict=True)
            )
            database.executemany(
                "insert or replace into entries values (?, ?, ?, ?)",
                [(k, i, now, _checksum(k, r)) for k, i, r in zip(keys, ids, contents, strict=True)],
            )
            # Keep the size limit: delete what was used longest ago.
            while _nbytes(database) > self.size_limit:
                oldest = database.execute(
                    "select key from entries order by used limit 1"
                ).fetchall()
                _delete_rows(database, oldest)
                if database.executemany("delete from entries where key = ?", oldest).rowcount < 1:
                    break

    @contextlib.contextmanager
    def _lock(self, name: str, waits: bool) -> Iterator[bool]:
        """Keep other processes from computing the same rows; tell whether that succeeded.

        Nothing depends on it but time: without the lock, on a file system that has none
        or after a minute of waiting for a process that hangs, a row may be computed twice.
        """
        path = self.path / f"{_NAME}-{name}.lock"
        lock = None
        with contextlib.suppress(sqlite3.DatabaseError):
            lock = _acquire(path, time.monotonic() + (_PATIENCE if waits else 0))
        try:
            yield lock is not None
        finally:
            if lock is not None:
                with _one_at_a_time:
                    del _held[path]
                    lock.close()

    @contextlib.contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        """Open the database for one transaction; there is no connection between two."""
        with contextlib.suppress(OSError):  # SQLite says that it cannot open the file
            self.path.mkdir(parents=True, exist_ok=True)
        with (
            _one_at_a_time,
            contextlib.closing(
                sqlite3.connect(self._file, timeout=_PATIENCE, isolation_level=None)
            ) as database,
        ):
            database.text_factory = bytes  # a damaged type must not end in a decoding error
            # Nobody waits for the disk, or overwrites what is deleted.
            database.executescript("pragma synchronous = off; pragma secure_delete = off")
            ((version,),) = database.execute("pragma user_version")
            if version != 1:
                database.executescript(_SCHEMA)
            database.execute(f"begin {kind}")
            yield database
            database.execute("commit")

    def _discard_if_damaged(self, error: Exception) -> bool:
        """Delete a damaged database; tell whether to try again with a new one."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if code in (sqlite3.SQLITE_READONLY_DBMOVED, sqlite3.SQLITE_IOERR_DELETE_NOENT):
            return True  # another process deleted the files after they were opened
        # A full disk, a file in use, a row that is too long. But tables that are not those of the
        # schema are damage, and so is a file that only says of itself that it is read-only.
        is_refused = isinstance(error, sqlite3.OperationalError | sqlite3.DataError)
        is_writable = code == sqlite3.SQLITE_READONLY and os.access(self._file, os.W_OK)
        if is_refused and code != sqlite3.SQLITE_ERROR and not is_writable:
            return False
        try:
            self._delete_files()
        except OSError:
            return False
        return True

    def _delete_files(self) -> None:
        # Write-ahead mode is not used, but one wrong bit in the file turns it on.
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{self._file}{suffix}").unlink(missing_ok=True)

    def _check(self) -> None:
        is_int = isinstance(self.size_limit, Integral) and not isinstance(self.size_limit, bool)
        if not is_int or self.size_limit <= 0:
            raise ValueError(f"size_limit must be a positive int, got {self.size_limit!r}.")
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(
                f"The feature store needs a folder; {str(self.path)!r} is a file."
            )


def _acquire(path: Path, deadline: float) -> sqlite3.Connection:
    """Lock a file: a write transaction in an empty database, which ends with its process."""
    while True:
        with _one_at_a_time:
            lock = sqlite3.connect(path, timeout=0, isolation_level=None)
            try:
                lock.executescript("pragma journal_mode = off; begin immediate")
                _held[path] = os.getpid()
                return lock
            except sqlite3.DatabaseError as error:
                lock.close()
                is_busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
                is_inherited = _held.get(path, os.getpid()) != os.getpid()
                if not is_busy or is_inherited or time.monotonic() >= deadline:
                    raise
        time.sleep(0.05)


def _delete_rows(database: sqlite3.Connection, keys: Sequence[tuple[bytes]]) -> None:
    query = "delete from rows where rowid = (select id from entries where key = ?)"
    database.executemany(query, keys)


def _checksum(key: bytes, row: Any) -> int:
    return zlib.crc32(row, zlib.crc32(key))


def _nbytes(database: sqlite3.Connection) -> int:
    ((nbytes,),) = database.execute(
        "select (page_count - freelist_count) * page_size "
        "from pragma_page_count, pragma_freelist_count, pragma_page_size"
    )
    return nbytes
