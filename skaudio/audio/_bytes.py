"""The bytes of an encoded recording, wherever they are: a path, memory or an open file.

The readers have the same methods. None of them reads more than it was asked for, so that the
first second of a long recording costs a second's worth.
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
_LONGEST_NAME = 4096  # bytes, longer ones are no path on any system
_TEXT_MODE = "the file is open in text mode; open it with mode 'rb'"
_NOT_REGULAR = "it is no regular file, and a recording is read more than once"

# Threads that were given the same open file share its position. Locks stand in a row and are
# found by the file's address: not every file object can be hashed or weakly referred to. Two
# files that share a lock only wait for each other.
_LOCKS = [threading.RLock() for _ in range(61)]


class PathReader:
    """A file by its path."""

    __slots__ = ("_descriptor", "_path")

    def __init__(self, path: Any):
        self._path = os.fspath(path)
        try:
            self._descriptor = os.open(path, _FLAGS)
        except (OSError, ValueError) as error:
            raise Unusable(why_unreadable(self._path, error)) from error

    def read_at(self, start: int, n_bytes: int) -> bytes:
        try:
            os.lseek(self._descriptor, start, os.SEEK_SET)
            data = os.read(self._descriptor, n_bytes)
            # Systems cap what one call returns.
            while len(data) < n_bytes and (more := os.read(self._descriptor, n_bytes - len(data))):
                data += more
        except OSError as error:
            raise Unusable(why_unreadable(self._path, error)) from error
        if not data and not start:
            raise Unusable(why_unreadable(self._path, None))
        return data

    def size(self) -> int:
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unusable(_NOT_REGULAR)
        return status.st_size

    def close(self) -> None:
        os.close(self._descriptor)


class BytesReader:
    """An encoded recording in memory, or a part of it."""

    __slots__ = ("_view",)

    def __init__(self, encoded: bytes | bytearray | memoryview):
        self._view = memoryview(contiguous(encoded))
        if not self._view:
            raise Unusable("it is empty (0 bytes)")
        if len(self._view) <= _LONGEST_NAME and _names_a_file(bytes(self._view)):
            name = os.fsdecode(bytes(self._view))
            raise Unusable(
                f"these bytes are taken for the content of a recording, and {name!r} is the name "
                "of a file; pass the name as str, os.fsdecode(name)"
            )

    def read_at(self, start: int, n_bytes: int) -> memoryview:
        return self._view[start : start + n_bytes]

    def size(self) -> int:
        return len(self._view)

    def close(self) -> None:
        pass


class FileReader:
    """An open binary file; it is read from its start and left where it was.

    Until it is closed, the readers of the same file in other threads wait.
    """

    __slots__ = ("_before", "_file", "_lock")

    def __init__(self, file: Any):
        if isinstance(file, io.TextIOBase):
            raise Unusable(_TEXT_MODE)
        self._file = file
        self._lock = _LOCKS[id(file) % len(_LOCKS)]
        self._lock.acquire()
        try:
            self._before = _place_in(file)
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
            # A file that was closed meanwhile has no place to go back to.
            with contextlib.suppress(ValueError):
                self._file.seek(self._before)
        finally:
            self._lock.release()


Reader = PathReader | BytesReader | FileReader


def reader_of(source: Any) -> Reader | None:
    """Choose the reader of a recording."""
    if isinstance(source, PATHS):
        return PathReader(source)
    if isinstance(source, BYTES):
        return BytesReader(source)
    if hasattr(source, "read"):
        return FileReader(source)
    return None


def contiguous(encoded: bytes | bytearray | memoryview) -> bytes | bytearray:
    """Copy what may not lie in memory byte after byte."""
    return encoded.tobytes() if isinstance(encoded, memoryview) else encoded


def why_unreadable(path: Any, error: Exception | None) -> str:
    """Say why a path gave no bytes; only failures pay for looking."""
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


def _names_a_file(encoded: bytes) -> bool:
    try:
        return os.path.exists(encoded)
    except ValueError:  # a zero byte is in no name
        return False


def _place_in(file: Any) -> int:
    try:
        if getattr(file, "seekable", lambda: True)():
            return file.tell()
    except AttributeError:  # it cannot tell, or does not know whether it can seek
        pass
    raise Unusable(
        "the open file cannot seek (a pipe, a response), and a recording is read more than once; "
        "pass its bytes, file.read(), instead"
    )
