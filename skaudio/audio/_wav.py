"""Read plain WAV files (PCM and float) with NumPy, ten times as fast as with a decoder.

WAV files with other encodings are left to FFmpeg; but this module checks for all of them
whether the file is truncated or contains several recordings.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from skaudio.audio._bytes import Reader
from skaudio.audio._failures import Unusable

# Read at once: everything before the samples, except for large tags.
HEADER_BYTES = 4096

_MAX_CHANNELS = 1024
_MAX_RATE = 2**31 - 1
_MAX_CHUNKS = 1000
_BLOCK_BYTES = 2**18

# A program that writes to a pipe does not know the size of the file, and writes 0 or
# nearly 2 or 4 GB: 2**31 or 2**32 less one, less the header, or 2,000,000,000.
_PLACEHOLDER = 2_000_000_000 - HEADER_BYTES
_IN_DS64 = 2**32 - 1

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_EXTENSION = struct.Struct("<HHI16s")
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
# Markers of other formats inside a data chunk.
_FOREIGN_DATA = (b"wvpk", b"OggS")


class Encoding(NamedTuple):
    """How samples are stored: ``(value - offset) * scale`` is the waveform."""

    dtype: str
    n_bytes: int
    scale: float = 1.0
    offset: int = 0


_ENCODINGS = {
    (_PCM, 8): Encoding("u1", 1, 2.0**-7, 128),
    (_PCM, 16): Encoding("<i2", 2, 2.0**-15),
    (_PCM, 24): Encoding("<i4", 3, 2.0**-31),  # widened to 32 bits first
    (_PCM, 32): Encoding("<i4", 4, 2.0**-31),
    (_FLOAT, 32): Encoding("<f4", 4),
    (_FLOAT, 64): Encoding("<f8", 8),
}


class Layout(NamedTuple):
    """Position and encoding of the samples of a WAV file."""

    rate: int
    channels: int
    encoding: Encoding
    start: int
    n_frames: int
    damage: str | None

    @property
    def is_float(self) -> bool:
        """Whether samples may be NaN, infinite or out of range."""
        return self.encoding.scale == 1.0


def read_layout(reader: Reader, head: Any, *, is_complete: bool) -> Layout | None:
    """Read the header of a WAV file; None leaves the file to FFmpeg."""
    if head[:4] == b"RIFX":  # FFmpeg treats it as little-endian
        raise Unusable(
            "it is a WAV file of big-endian samples (RIFX); convert it to another format"
        )
    if head[:4] not in (b"RIFF", b"RF64") or head[8:12] != b"WAVE":
        return None
    form = None
    large = b""  # RF64 has a chunk for sizes beyond 4 GB
    start = 12
    for _ in range(_MAX_CHUNKS):
        name, n_bytes = _chunk_at(reader, head, start)
        start += 8
        if name == b"data":
            break
        if name == b"fmt ":
            form = _part(reader, head, start, min(n_bytes, 40))
        elif name == b"ds64":
            large = bytes(_part(reader, head, start + 8, 8))
        elif not name.isascii():  # the previous chunk was not padded, or the file is damaged
            return None
        start += n_bytes + (n_bytes & 1)
    else:
        return None
    if form is None:
        return None
    if n_bytes == _IN_DS64 and len(large) == 8:
        n_bytes = int.from_bytes(large, "little")
    size = len(head) if is_complete else reader.size()
    n_bytes, damage = _n_bytes_of_samples(reader, head, start, n_bytes, size)
    if n_bytes == 0:
        raise Unusable(damage or "it holds no samples")
    plain = _read_format(form)
    if plain is None or head[start : start + 4] in _FOREIGN_DATA:
        if damage is not None:
            raise Unusable(damage)
        return None
    rate, channels, encoding = plain
    n_frames = n_bytes // (channels * encoding.n_bytes)
    return Layout(rate, channels, encoding, start, n_frames, damage)


def _n_bytes_of_samples(
    reader: Reader, head: Any, start: int, stated: int, size: int
) -> tuple[int, str | None]:
    # Returns the bytes of samples that are present, and the damage if there should be more.
    present = max(0, size - start)
    if stated == present:
        return stated, None
    if stated == 0:
        name, n_bytes = _chunk_at(reader, head, start)
        is_chunk = name.isascii() and name.isalnum() and 0 < n_bytes <= present - 8
        return (0 if present < 8 or is_chunk else present), None
    if stated > present:
        if stated >= _PLACEHOLDER:
            return present, None
        return present, (
            f"its header states {stated} bytes of samples but {present} are present; "
            "the file is cut or damaged"
        )
    end = start + stated + (stated & 1)
    for _ in range(_MAX_CHUNKS):
        name, n_bytes = _chunk_at(reader, head, end)
        if name in (b"RIFF", b"data"):
            raise Unusable(
                "it continues with another recording after the end of its samples, as if WAV "
                "files had been concatenated; save each of them in a separate file"
            )
        end += 8 + n_bytes + (n_bytes & 1)
        if end >= size:
            break
    return stated, None


def _part(reader: Reader, head: Any, start: int, n_bytes: int) -> Any:
    if start + n_bytes <= len(head):
        return head[start : start + n_bytes]
    return reader.read_at(start, n_bytes)


def _chunk_at(reader: Reader, head: Any, start: int) -> tuple[bytes, int]:
    header = _part(reader, head, start, 8)
    return _CHUNK.unpack(header) if len(header) == 8 else (b"\xff", 0)


def _read_format(chunk: Any) -> tuple[int, int, Encoding] | None:
    if len(chunk) < _FORMAT.size:
        return None
    tag, channels, rate, _, frame_bytes, n_bits = _FORMAT.unpack_from(chunk)
    if tag == _EXTENSIBLE:
        if len(chunk) < 40:
            return None
        _, _, _, subformat = _EXTENSION.unpack_from(chunk, 16)
        if subformat[2:] != _SUBFORMAT_TAIL:
            return None
        (tag,) = struct.unpack_from("<H", subformat)
    encoding = _ENCODINGS.get((tag, n_bits))
    if (
        encoding is None
        or not 1 <= channels <= _MAX_CHANNELS
        or not 1 <= rate <= _MAX_RATE
        or frame_bytes != channels * encoding.n_bytes
    ):
        return None
    return rate, channels, encoding


def read_samples(reader: Reader, head: Any, layout: Layout, out: np.ndarray, first: int = 0) -> int:
    """Read some samples and mix them down to mono."""
    n_bytes = layout.channels * layout.encoding.n_bytes
    start = layout.start + first * n_bytes
    if start + len(out) * n_bytes <= len(head):
        _convert(head, start, layout, out)
        return len(out)
    step = max(1, _BLOCK_BYTES // n_bytes)
    for done in range(0, len(out), step):
        part = out[done : done + step]
        stored = reader.read_at(start + done * n_bytes, len(part) * n_bytes)
        if len(stored) < len(part) * n_bytes:
            return done
        _convert(stored, 0, layout, part)
    return len(out)


def _convert(stored: Any, start: int, layout: Layout, out: np.ndarray) -> None:
    encoding, channels = layout.encoding, layout.channels
    n_values = len(out) * channels
    if encoding.n_bytes == 3:  # each with the byte before it, which is masked
        stored, start = (stored, start) if start else (b"\0" + bytes(stored), 1)
        values = np.ndarray((n_values,), encoding.dtype, stored, start - 1, (3,)) & ~0xFF
    else:
        values = np.frombuffer(stored, encoding.dtype, n_values, start)
    target = out if channels == 1 else np.empty(n_values, np.float32)
    if encoding.n_bytes == 8:
        with np.errstate(over="ignore"):  # becomes infinite, which check_samples reports
            target[:] = values
    else:
        target[:] = values
    if encoding.offset:
        target -= encoding.offset
    if encoding.scale != 1.0:
        target *= encoding.scale
    if channels > 1:
        mix_down(target.reshape(-1, channels), out)


def mix_down(frames: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Average the channels."""
    # Values out of range overflow to infinity, which check_samples reports.
    with np.errstate(over="ignore", invalid="ignore"):
        return frames.mean(axis=1, out=out)
