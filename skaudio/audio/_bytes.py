"""The bytes of an encoded recording, wherever they are: a path, memory or an open file.

The three readers have the same four methods. None of them reads more than it was asked for,
so that the first second of a long recording costs a second's worth.
"""

from __future__ import annotations

import io
import os
import stat
import threading
from typing import Any, Protocol

from skaudio.audio._failures import Unusable

# Windows translates line ends in files that are not opened as binary. Opening a named
# pipe must not wait for its writer.
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)

PATHS = (str, os.PathLike)
BYTES = (bytes, bytearray, memoryview)
_TEXT_MODE = "the file is open in text mode; open it with mode 'rb'"
_NOT_REGULAR = "it is no regular file, and a recording is read more than once"

# Threads that were given the same open file share its position. Locks stand in a row and are
# found by the file's address: not every file object can be hashed or weakly referred to. Two
# files that share a lock only wait for each other.
_LOCKS = [threading.RLock() for _ in range(61)]


class Reader(Protocol):
    """What the decoders need to know of a recording's bytes."""

    def head(self, n_bytes: int) -> Any:
        """Read the start, in one go.

        Parameters
        ----------
        n_bytes : int
            How much; less comes only if there is no more.

        Returns
        -------
        bytes-like
            At least one byte.
        """

    def read_at(self, start: int, n_bytes: int) -> Any:
        """Read any part.

        Parameters
        ----------
        start : int
            Where it begins.
        n_bytes : int
            How much; less comes only if there is no more.

        Returns
        -------
        bytes-like
            What is there.
        """

    def size(self) -> int:
        """Count the bytes of the recording.

        Returns
        -------
        int
            All of them.
        """

    def for_libsndfile(self) -> Any:
        """Choose what soundfile opens.

        Returns
        -------
        str, bytes or file object
            A path, or a file object at its start.
        """

    def close(self) -> None:
        """Leave everything as it was."""


class PathReader:
    """A file by its path.

    Parameters
    ----------
    path : str or PathLike
        The file. It is opened at once, once for all that is read.
    """

    __slots__ = ("_descriptor", "_path")

    def __init__(self, path: Any):
        self._path = os.fspath(path)
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, _FLAGS)
        except (OSError, ValueError) as error:
            raise Unusable(why_not(self._path, error)) from error

    def head(self, n_bytes: int) -> bytes:
        try:
            head = os.read(self._descriptor, n_bytes)
        except OSError as error:
            raise Unusable(why_not(self._path, error)) from error
        if not head:
            raise Unusable(why_not(self._path, None))
        return head

    def read_at(self, start: int, n_bytes: int) -> bytes:
        try:
            os.lseek(self._descriptor, start, os.SEEK_SET)
            data = os.read(self._descriptor, n_bytes)
            # Systems cap what one call returns.
            while len(data) < n_bytes and (more := os.read(self._descriptor, n_bytes - len(data))):
                data += more
        except OSError as error:
            raise Unusable(why_not(self._path, error)) from error
        return data

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def for_libsndfile(self) -> Any:
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            raise Unusable(_NOT_REGULAR)
        # soundfile cannot encode names that are not valid in the file system's encoding.
        return os.fsencode(self._path) if os.name == "posix" else os.fsdecode(self._path)

    def close(self) -> None:
        os.close(self._descriptor)


class BytesReader:
    """An encoded recording in memory.

    Parameters
    ----------
    encoded : bytes, bytearray or memoryview
        The content of a file.
    """

    __slots__ = ("_encoded", "_view")

    def __init__(self, encoded: bytes | bytearray | memoryview):
        self._encoded = contiguous(encoded)
        if not self._encoded:
            raise Unusable("it is empty (0 bytes)")
        self._view = memoryview(self._encoded)

    def head(self, n_bytes: int) -> memoryview:
        return self._view[:n_bytes]

    def read_at(self, start: int, n_bytes: int) -> memoryview:
        return self._view[start : start + n_bytes]

    def size(self) -> int:
        return len(self._encoded)

    def for_libsndfile(self) -> io.BytesIO:
        return io.BytesIO(self._encoded)  # bytes are shared, not copied

    def close(self) -> None:
        pass


class FileReader:
    """An open binary file; it is read from its start and left where it was.

    Until it is closed, the readers of the same file in other threads wait.

    Parameters
    ----------
    file : file object
        Anything with ``read``, ``seek``, ``tell`` and ``seekable``.
    """

    __slots__ = ("_before", "_file", "_lock")

    def __init__(self, file: Any):
        if isinstance(file, io.TextIOBase):
            raise Unusable(_TEXT_MODE)
        try:
            if not (hasattr(file, "seekable") and file.seekable()):
                raise Unusable(
                    "the open file cannot seek, and a recording is read more than once; "
                    "pass its bytes, file.read(), instead"
                )
        except (OSError, ValueError) as error:  # ValueError: it is closed
            raise Unusable(f"the open file cannot be read ({error})") from error
        self._file = file
        self._lock = _LOCKS[id(file) % len(_LOCKS)]
        self._lock.acquire()
        try:
            self._before = file.tell()
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError | ValueError):
                raise Unusable(f"the open file cannot be read ({error})") from error
            raise

    def head(self, n_bytes: int) -> bytes:
        head = self.read_at(0, n_bytes)
        if not head:
            raise Unusable("it is empty (0 bytes)")
        return head

    def read_at(self, start: int, n_bytes: int) -> bytes:
        try:
            # libsndfile reads through the same object, and must find it where it left it.
            place = self._file.tell()
            self._file.seek(start)
            data = self._file.read(n_bytes)
            if isinstance(data, str):
                raise Unusable(_TEXT_MODE)
            while data and len(data) < n_bytes and (more := self._file.read(n_bytes - len(data))):
                data += more
            self._file.seek(place)
        except (OSError, ValueError) as error:
            raise Unusable(f"the open file cannot be read ({error})") from error
        return data or b""

    def size(self) -> int:
        place = self._file.tell()
        self._file.seek(0, os.SEEK_END)
        size = self._file.tell()
        self._file.seek(place)
        return size

    def for_libsndfile(self) -> _Unnamed:
        self._file.seek(0)
        return _Unnamed(self._file)

    def close(self) -> None:
        try:
            self._file.seek(self._before)
        finally:
            self._lock.release()


class _Unnamed:
    # An open file without the name that soundfile would guess a format from.

    def __init__(self, file: Any):
        self.seek, self.tell, self.read = file.seek, file.tell, file.read
        if hasattr(file, "readinto"):
            self.readinto = file.readinto


def reader_of(source: Any) -> Reader | None:
    """Choose the reader of a recording.

    Parameters
    ----------
    source : recording
        As :func:`skaudio.audio.load` takes it.

    Returns
    -------
    Reader or None
        To be closed by the caller; None for a recording that is not encoded.
    """
    if isinstance(source, PATHS):
        return PathReader(source)
    if isinstance(source, BYTES):
        return BytesReader(source)
    if hasattr(source, "read"):
        return FileReader(source)
    return None


def contiguous(encoded: bytes | bytearray | memoryview) -> bytes | bytearray:
    """Copy what may not lie in memory byte after byte.

    Parameters
    ----------
    encoded : bytes, bytearray or memoryview
        An encoded recording.

    Returns
    -------
    bytes or bytearray
        The same bytes.
    """
    return encoded.tobytes() if isinstance(encoded, memoryview) else encoded


def why_not(path: Any, error: Exception | None) -> str:
    """Say why a path gave no bytes; only failures pay for looking.

    Parameters
    ----------
    path : str, bytes or PathLike
        The file.
    error : Exception or None
        What reading it raised, if anything.

    Returns
    -------
    str
        The reason.
    """
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
