"""Read the bytes of an encoded recording from a path, memory or an open file.

The readers have the same methods. They read only the requested bytes, so that reading the
first second of a long recording is fast.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import threading
from typing import Any

from skaudio.audio._failures import Unusable

# Windows translates line ends in files that are not opened as binary. Opening a named
# pipe must not wait for its writer.
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)

PATHS = (str, os.PathLike)
BYTES = (bytes, bytearray, memoryview)
_MAX_NAME = 4096  # bytes; no system allows longer paths
_TEXT_MODE = "the file is open in text mode; open it with mode 'rb'"
_NOT_REGULAR = "it is not a regular file, and a recording is read more than once"

# Threads that use the same open file share its position. The lock is chosen by the address of
# the file, since not every file object can be hashed or weakly referenced. Two files that share
# a lock only wait for each other.
_LOCKS = [threading.RLock() for _ in range(61)]


class PathReader:
    """A reader of a path."""

    __slots__ = ("_descriptor", "_path")

    def __init__(self, path: Any):
        self._path = os.fspath(path)
        try:
            self._descriptor = os.open(path, _FLAGS)
        except (OSError, ValueError) as error:
            raise Unusable(explain_unreadable(self._path, error)) from error

    def read_at(self, start: int, n_bytes: int) -> bytes:
        try:
            os.lseek(self._descriptor, start, os.SEEK_SET)
            data = os.read(self._descriptor, n_bytes)
            # Systems limit the size of one read.
            while len(data) < n_bytes and (more := os.read(self._descriptor, n_bytes - len(data))):
                data += more
        except OSError as error:
            raise Unusable(explain_unreadable(self._path, error)) from error
        if not data and not start:
            raise Unusable(explain_unreadable(self._path, None))
        return data

    def size(self) -> int:
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unusable(_NOT_REGULAR)
        return status.st_size

    def close(self) -> None:
        os.close(self._descriptor)


class BytesReader:
    """A reader of an encoded recording in memory, or of a part of it."""

    __slots__ = ("_view",)

    def __init__(self, encoded: bytes | bytearray | memoryview):
        self._view = memoryview(contiguous(encoded))
        if not self._view:
            raise Unusable("it is empty (0 bytes)")
        if len(self._view) <= _MAX_NAME and _is_existing_path(bytes(self._view)):
            name = os.fsdecode(bytes(self._view))
            raise Unusable(
                f"bytes must be the content of a recording, but {name!r} is the name of a file; "
                "pass the name as str, os.fsdecode(name)"
            )

    def read_at(self, start: int, n_bytes: int) -> memoryview:
        return self._view[start : start + n_bytes]

    def size(self) -> int:
        return len(self._view)

    def close(self) -> None:
        pass


class FileReader:
    """A reader of an open binary file, which reads from its start and restores its position.

    Readers of the same file in other threads wait until this one is closed.
    """

    __slots__ = ("_before", "_file", "_lock")

    def __init__(self, file: Any):
        if isinstance(file, io.TextIOBase):
            raise Unusable(_TEXT_MODE)
        self._file = file
        self._lock = _LOCKS[id(file) % len(_LOCKS)]
        self._lock.acquire()
        try:
            self._before = _position_of(file)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError | ValueError):  # ValueError: it is closed
                raise Unusable(f"the open file cannot be read ({error})") from error
            raise

    def read_at(self, start: int, n_bytes: int) -> bytes:
        try:
            self._file.seek(start)
            data = self._file.read(n_bytes)
            if isinstance(data, str):
                raise Unusable(_TEXT_MODE)
            while data and len(data) < n_bytes and (more := self._file.read(n_bytes - len(data))):
                data += more
        except (OSError, ValueError) as error:
            raise Unusable(f"the open file cannot be read ({error})") from error
        if not data and not start:
            raise Unusable("it is empty (0 bytes)")
        return data or b""

    def size(self) -> int:
        self._file.seek(0, os.SEEK_END)
        return self._file.tell()

    def close(self) -> None:
        try:
            # The position of a file that was closed in the meantime cannot be restored.
            with contextlib.suppress(ValueError):
                self._file.seek(self._before)
        finally:
            self._lock.release()


Reader = PathReader | BytesReader | FileReader


def reader_of(source: Any) -> Reader | None:
    """Return a reader of a recording, or None if it is not encoded."""
    if isinstance(source, PATHS):
        return PathReader(source)
    if isinstance(source, BYTES):
        return BytesReader(source)
    if hasattr(source, "read"):
        return FileReader(source)
    return None


def contiguous(encoded: bytes | bytearray | memoryview) -> bytes | bytearray:
    """Copy a memoryview, which may not be contiguous."""
    return encoded.tobytes() if isinstance(encoded, memoryview) else encoded


def explain_unreadable(path: Any, error: Exception | None) -> str:
    """Explain why a path could not be read."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return f"there is no such file (looked from {os.getcwd()!r})"
    except (OSError, ValueError) as refusal:
        return f"there is no such file (looked from {os.getcwd()!r}; {refusal})"
    if stat.S_ISDIR(mode):
        return "it is a directory; expected an audio file"
    if not stat.S_ISREG(mode):
        return _NOT_REGULAR
    if error is None:
        return "the file is empty (0 bytes)"
    return f"it cannot be read ({error})"


def _is_existing_path(encoded: bytes) -> bool:
    try:
        return os.path.exists(encoded)
    except ValueError:  # names have no zero bytes
        return False


def _position_of(file: Any) -> int:
    try:
        if getattr(file, "seekable", lambda: True)():
            return file.tell()
    except AttributeError:  # it has no tell, or its seekable fails
        pass
    raise Unusable(
        "the open file cannot seek (a pipe, a response), and a recording is read more than once; "
        "pass its bytes, file.read(), instead"
    )
