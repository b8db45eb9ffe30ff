"""Store rows of features in an SQLite database, by a key of all that determines them."""

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

# The user may have other files in the same folder.
_NAME = "skaudio-features"

# With the default features a row fills a page. Its metadata is in a separate table, so that
# recording a use does not rewrite the row. There is no write-ahead log: with one connection for
# each call it takes twice the time, and it cannot be read in a read-only folder.
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

_COUNT = "select count(*) from entries join rows on rows.rowid = id where key in ({})"

# Seconds that a process waits for another one, before it computes the rows itself.
_PATIENCE = 60.0

# Seconds within which another use of a row is not recorded.
_RECENT = 3600

# Keys in one query; SQLite allows at least 999. Others may write between two queries.
_MOST_KEYS = 500

# If SQLite's message quotes a damaged file, Python may fail to decode it.
_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)

# Held during all uses of SQLite, so that a process never forks during one: the child would
# inherit connections and locks of threads that it does not have.
_one_at_a_time = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_one_at_a_time.acquire,
        after_in_parent=_one_at_a_time.release,
        after_in_child=_one_at_a_time.release,
    )

# Locks that are held, and the process that holds them. After a fork, SQLite treats the locks of
# the parent as the child's, and nothing would release them.
_held: dict[Path, int] = {}


class FeatureStore:
    """Store features in a folder, so that each clip is transformed only once.

    Pass it as the `memory` parameter of a transformer to choose the folder and its size;
    a path or True is short for a store with the other parameters at their defaults.

    Parameters
    ----------
    location : str or PathLike, default=None
        The folder, created when it is first needed. None means the user's cache directory
        (``~/.cache/skaudio/features`` on Linux).
    size_limit : int, default=8589934592
        Maximum size of the rows, in bytes; 8 GiB hold half a million clips of one second
        with the default features. The least recently used rows are deleted first.

    See Also
    --------
    skaudio.MFCCTransformer : Its `memory` parameter accepts a store.

    Notes
    -----
    The rows are in an SQLite database, ``skaudio-features.sqlite3``, which several processes and
    threads can use at the same time. If a process is killed, the disk is full or a file is
    damaged, rows are computed again, but never wrong: each row has a checksum, and a damaged
    database is deleted and replaced. A power failure may damage it, since writes are not synced.

    Microseconds to write and to read a row of 16 kB (``examples/benchmarks/stores.py``): 22 and
    13, joblib.Memory 1351 and 184, diskcache 138 and 16, a file for each row 30 and 20. SQLite
    alone, in one connection and without checksums, takes 12 and 15. LMDB takes 7 and 6, but a
    truncated file crashed the process, and a changed byte was not detected.

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
            The folder of the database and its locks.
        """
        if self.location is None:
            return platformdirs.user_cache_path("skaudio") / "features"
        return Path(self.location).expanduser()

    @property
    def _file(self) -> Path:
        return self.path / f"{_NAME}.sqlite3"

    def nbytes(self) -> int:
        """Return the size of the database file.

        Returns
        -------
        int
            Its size in bytes.
        """
        with contextlib.suppress(FileNotFoundError):
            return self._file.stat().st_size
        return 0

    def clear(self) -> None:
        """Delete all rows and the files of the store, but no other files in the folder.

        A process that is transforming at this time continues, with a new database.

        Raises
        ------
        PermissionError
            If a file cannot be deleted: the folder is read-only or, on Windows, another
            process is using the store at this moment.
        """
        if not self.path.is_dir():
            return
        try:
            with self._transaction("exclusive"):  # no one else reads or writes now
                self._delete_files()
        except (*_ERRORS, PermissionError):  # damaged, or open on Windows
            self._delete_files()
        for lock in self.path.glob(f"{_NAME}-{'[0-9a-f]' * 32}.lock"):
            lock.unlink(missing_ok=True)

    def _load(
        self, keys: Sequence[bytes | None], out: np.ndarray, indices: Sequence[int]
    ) -> list[int]:
        """Fill the rows of `out` at `indices`; return the indices of those that are missing.

        Rows without a key are always missing.
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
            for query, some in _queries(_SELECT, known):
                with self._transaction("deferred") as database:
                    # Damage may change anything, even types.
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
            # Unreadable rows are computed; if they cannot be stored either, saving warns.
            self._discard_if_damaged(error)
        return [index for index in indices if index not in found]

    def _save(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        """Store rows, or warn if that fails."""
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
                f"The features could not be stored in {self.path}: {error}. "
                "They are computed again when they are needed.",
                RuntimeWarning,
                stacklevel=5,  # the caller of transform or fit_transform
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
            # With a damaged index, rows cannot be found although they were written.
            counts = [database.execute(*query).fetchone()[0] for query in _queries(_COUNT, keys)]
            if sum(counts) < len({*keys}):
                raise sqlite3.DatabaseError("stored rows are not found")
            # Enforce the size limit: delete the least recently used rows.
            while _nbytes(database) > self.size_limit:
                oldest = database.execute(
                    "select key from entries order by used limit 1"
                ).fetchall()
                _delete_rows(database, oldest)
                if database.executemany("delete from entries where key = ?", oldest).rowcount < 1:
                    break

    @contextlib.contextmanager
    def _lock(self, name: str, waits: bool) -> Iterator[bool]:
        """Prevent other processes from computing the same rows; yield whether this succeeded.

        The lock only saves time: without it, on a file system that does not support locks or
        after waiting a minute for a process that hangs, a row may be computed twice.
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
        """Open the database for one transaction; no connection stays open afterwards."""
        with contextlib.suppress(OSError):  # then SQLite raises, as it cannot open the file
            self.path.mkdir(parents=True, exist_ok=True)
        with (
            _one_at_a_time,
            contextlib.closing(
                sqlite3.connect(self._file, timeout=_PATIENCE, isolation_level=None)
            ) as database,
        ):
            database.text_factory = bytes  # a damaged type must not raise a decoding error
            # Do not wait for the disk, and do not overwrite deleted rows.
            database.executescript("pragma synchronous = off; pragma secure_delete = off")
            ((version,),) = database.execute("pragma user_version")
            if version != 1:
                database.executescript(_SCHEMA)
            database.execute(f"begin {kind}")
            yield database
            database.execute("commit")

    def _discard_if_damaged(self, error: Exception) -> bool:
        """Delete a damaged database; return whether to try again with a new one."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if code in (sqlite3.SQLITE_READONLY_DBMOVED, sqlite3.SQLITE_IOERR_DELETE_NOENT):
            return True  # another process deleted the files after they were opened
        # A full disk, a file in use or a row that is too long is not damage. But tables that
        # differ from the schema are, and so is a writable file that SQLite takes for read-only.
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
        # Write-ahead mode is not used, but one changed bit in the file turns it on.
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{self._file}{suffix}").unlink(missing_ok=True)

    def _check(self) -> None:
        is_int = isinstance(self.size_limit, Integral) and not isinstance(self.size_limit, bool)
        if not is_int or self.size_limit <= 0:
            raise ValueError(f"size_limit must be a positive int, got {self.size_limit!r}.")
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(
                f"The feature store needs a folder, but {str(self.path)!r} is a file."
            )


def _acquire(path: Path, deadline: float) -> sqlite3.Connection:
    """Lock a file by a write transaction in an empty database, which ends with its process."""
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


def _queries(query: str, keys: Sequence[bytes]) -> Iterator[tuple[str, Sequence[bytes]]]:
    """Complete a query for some keys at a time."""
    for start in range(0, len(keys), _MOST_KEYS):
        some = keys[start : start + _MOST_KEYS]
        yield query.format(", ".join("?" * len(some))), some


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
