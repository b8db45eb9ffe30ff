"""Segments: files of many rows, written once and never changed.

A segment is written under a temporary name and moved into place when it is whole. So
there is nothing to repair: a writer that is killed leaves a temporary file that nobody
reads, and two writers write two segments. What the disk or another program does to a
segment afterwards, its checksums show. Little-endian, one after another::

    header   b"skaudio1", number of rows (u8), bytes of a row (u8)
    table    for each row: fingerprint (16 bytes), CRC-32 of fingerprint and row (u4)
    check    CRC-32 of header and table (u4)
    rows
"""

from __future__ import annotations

import os
import struct
import uuid
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["SUFFIX", "TEMPORARY", "Damaged", "Segment", "open_segment", "read", "write"]

SUFFIX = ".rows"
TEMPORARY = ".tmp"

_HEADER = struct.Struct("<8sQQ")
_MAGIC = b"skaudio1"
_ENTRY = np.dtype([("fingerprint", "S16"), ("crc", "<u4")])
_CHECK = struct.Struct("<I")


class Damaged(Exception):
    """The file is not what was written."""


class Segment(NamedTuple):
    """The table of one segment."""

    path: str
    row_nbytes: int
    fingerprints: list[bytes]
    crcs: list[int]

    @property
    def start(self) -> int:
        # Where the first row begins.
        return _HEADER.size + len(self.crcs) * _ENTRY.itemsize + _CHECK.size


def write(folder: str, fingerprints: Sequence[bytes], rows: np.ndarray) -> Segment:
    """Keep rows in a new segment.

    Parameters
    ----------
    folder : str
        Where.
    fingerprints : sequence of bytes of length n_rows
        What to know the rows by: 16 bytes each.
    rows : ndarray of shape (n_rows, ...)
        The rows.

    Returns
    -------
    Segment
        The segment.
    """
    rows = np.ascontiguousarray(rows)
    row_nbytes = rows.nbytes // len(rows)
    crcs = [_crc(key, row) for key, row in zip(fingerprints, rows, strict=True)]
    table = b"".join(
        key + crc.to_bytes(4, "little") for key, crc in zip(fingerprints, crcs, strict=True)
    )
    head = _HEADER.pack(_MAGIC, len(rows), row_nbytes) + table
    path = os.path.join(folder, uuid.uuid4().hex)
    try:
        with open(path + TEMPORARY, "wb") as file:
            file.write(head + _CHECK.pack(zlib.crc32(head)))
            file.write(rows.data)
        os.replace(path + TEMPORARY, path + SUFFIX)
    except BaseException:
        # A full disk or an interrupt; the half is of no use to anybody.
        if os.path.exists(path + TEMPORARY):
            os.unlink(path + TEMPORARY)
        raise
    return Segment(path + SUFFIX, row_nbytes, list(fingerprints), crcs)


def open_segment(path: str) -> Segment:
    """Read the table of a segment.

    Parameters
    ----------
    path : str
        The segment.

    Returns
    -------
    Segment
        The segment.

    Raises
    ------
    Damaged
        If the file is not whole.
    """
    with open(path, "rb") as file:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            raise Damaged(path)
        magic, n_rows, row_nbytes = _HEADER.unpack(head)
        size = os.fstat(file.fileno()).st_size
        table_nbytes = n_rows * _ENTRY.itemsize
        if magic != _MAGIC or size != len(head) + table_nbytes + _CHECK.size + n_rows * row_nbytes:
            raise Damaged(path)
        table = file.read(table_nbytes)
        check = file.read(_CHECK.size)
    if check != _CHECK.pack(zlib.crc32(head + table)):
        raise Damaged(path)
    step = _ENTRY.itemsize
    fingerprints = [table[place : place + 16] for place in range(0, table_nbytes, step)]
    crcs = np.frombuffer(table, dtype=_ENTRY)["crc"].tolist()
    return Segment(path, row_nbytes, fingerprints, crcs)


def read(segment: Segment, wanted: Iterable[tuple[int, int]], out: np.ndarray) -> Iterable[int]:
    """Copy rows of a segment.

    Parameters
    ----------
    segment : Segment
        The segment.
    wanted : iterable of (int, int)
        Row of the segment and place in `out`.
    out : ndarray of shape (n, ...)
        Where they go.

    Yields
    ------
    int
        The places, as they are filled.

    Raises
    ------
    Damaged
        As soon as a row is not what was written.
    """
    with open(segment.path, "rb", buffering=0) as file:
        for row, place in wanted:
            file.seek(segment.start + row * segment.row_nbytes)
            n_read = file.readinto(out[place])
            crc = _crc(segment.fingerprints[row], out[place])
            if n_read != segment.row_nbytes or crc != segment.crcs[row]:
                raise Damaged(segment.path)
            yield place


def _crc(fingerprint: bytes, row: np.ndarray) -> int:
    return zlib.crc32(row.data, zlib.crc32(fingerprint))
