"""What identifies the content of a recording."""

from __future__ import annotations

import os
import struct
from hashlib import blake2b
from typing import Any

import numpy as np

from skaudio.audio._bytes import BYTES, PATHS, FileReader, contiguous, why_unreadable
from skaudio.audio._failures import Unusable, describe
from skaudio.audio._samples import as_array, split_pair
from skaudio.exceptions import AudioError

_DIGEST = 16
_BLOCK = 2**20


def fingerprint(source: Any) -> bytes:
    """Identify the content of a recording, to find again what was computed from it.

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
        When there is nothing to identify: the file does not exist, or what was given is no
        recording. Whether it can be decoded is not looked at.

    Notes
    -----
    A path is identified without reading the file: by where it is, which file stands there
    (its device and inode), its size and the times of its last changes. So the same file
    under another name is another recording, and one that is touched, moved away and back or
    replaced by its copy is a new one, which costs no more than computing again. A file that
    is rewritten in place with the same size is a new one if the file system's clock has
    ticked in between. Bytes and open files are identified by their content, arrays by their type,
    shape and every bit of their values; a recording that renders itself is asked.
    Recordings of different kinds have different fingerprints even if their samples are
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
        raise Unusable(why_unreadable(path, error)) from error
    name = os.fsencode(path)
    if not os.path.isabs(name):
        name = os.path.join(os.fsencode(os.getcwd()), name)
    # Size and mtime may be equal when another file is put in place of the first, or a folder
    # on the way to it becomes a link to another.
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
