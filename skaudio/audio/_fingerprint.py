"""Identify the content of a recording."""

from __future__ import annotations

import os
import struct
from hashlib import blake2b
from typing import Any

import numpy as np

from skaudio.audio._bytes import BYTES, PATHS, FileReader, contiguous, explain_unreadable
from skaudio.audio._failures import Unusable, describe
from skaudio.audio._samples import as_array, split_pair
from skaudio.exceptions import AudioError

_DIGEST = 16
_BLOCK = 2**20


def fingerprint(source: Any) -> bytes:
    """Identify the content of a recording, as a key for results computed from it.

    Parameters
    ----------
    source : recording
        As :func:`load` takes it.

    Returns
    -------
    bytes
        16 bytes.

    Raises
    ------
    AudioError
        If the file does not exist, or `source` is not a recording. Whether it can be decoded
        is not checked.

    Notes
    -----
    A path is identified without reading the file: by the absolute path, the device and inode,
    the size and the times of the last changes. The same file under another name therefore
    has another fingerprint, and so has a file that is touched, moved or replaced by a copy;
    its results are then computed again. A file that
    is rewritten in place with the same size gets a new fingerprint if the file system's clock
    has advanced. Bytes and open files are identified by their content, arrays by their type,
    shape and exact values, and recordings that render themselves by their own `fingerprint`.
    Recordings of different types have different fingerprints even if their samples are
    equal.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import fingerprint
    >>> clip = np.zeros(16000, dtype=np.float32)
    >>> fingerprint(clip) == fingerprint(clip.copy())
    True
    >>> fingerprint(clip) == fingerprint((clip, 16000))
    False
    """
    try:
        if isinstance(source, PATHS):
            return _of_path(os.fspath(source))
        if isinstance(source, BYTES):
            return blake2b(contiguous(source), digest_size=_DIGEST, person=b"bytes").digest()
        if hasattr(source, "read"):
            return _of_file(source)
        if hasattr(source, "render"):
            own = source.fingerprint()
            return blake2b(own, digest_size=_DIGEST, person=b"rendered").digest()
        values, rate = split_pair(source)
        if rate is None:
            return _of_array(values, b"array")
        return _of_array(values, b"pair", struct.pack("<d", rate))
    except Unusable as error:
        raise AudioError(error.named(describe(source))) from error


def _of_path(path: Any) -> bytes:
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise Unusable(explain_unreadable(path, error)) from error
    name = os.fsencode(path)
    if not os.path.isabs(name):
        name = os.path.join(os.fsencode(os.getcwd()), name)
    # Size and mtime may be equal when the file, or one of its parent folders, is replaced.
    numbers = (
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_dev,
        status.st_ino,
    )
    identity = b"%d %d %d %d %d %b" % (*numbers, name)
    return blake2b(identity, digest_size=_DIGEST, person=b"path").digest()


def _of_file(file: Any) -> bytes:
    reader = FileReader(file)
    digest = blake2b(digest_size=_DIGEST, person=b"file")
    try:
        start = 0
        while block := reader.read_at(start, _BLOCK):
            digest.update(block)
            start += len(block)
    finally:
        reader.close()
    return digest.digest()


def _of_array(values: Any, kind: bytes, prefix: bytes = b"") -> bytes:
    samples = np.ascontiguousarray(as_array(values))
    digest = blake2b(prefix, digest_size=_DIGEST, person=kind)
    digest.update(f"{samples.dtype.str} {samples.shape} ".encode())
    digest.update(samples.reshape(-1).view(np.uint8).data)
    return digest.digest()
