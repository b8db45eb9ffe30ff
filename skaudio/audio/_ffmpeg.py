"""Packets, frames, samples and messages of FFmpeg, through PyAV."""

from __future__ import annotations

import errno
import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import av.logging
import numpy as np

from skaudio.audio._bytes import Reader
from skaudio.audio._failures import Unusable
from skaudio.audio._wav import mix_down

# FFmpeg's readers of files with sound. The others are for images, texts, devices, playlists (which
# open other files) and streams without a header, which accept any bytes as sound.
_FORMATS = (
    "3dostr,aac,aa,ac3,aiff,amr,ape,asf,ast,au,avi,avr,caf,dsf,dts,dtshd,eac3,epaf,f4v,flac,flv,"
    "gxf,iff,ircam,matroska,mka,webm,mov,mp4,m4a,3gp,mp3,mpc,mpc8,mpeg,mpegts,mxf,nistsphere,nut,"
    "ogg,oma,pvf,qcp,qoa,rm,shn,smjpeg,sox,tak,tta,voc,w64,wav,wsd,wtv,wv,xwma"
)

# Codecs with checksums, which FFmpeg verifies only on request.
CHECKED = {"flac", "wavpack", "tta", "ape", "tak"}
TIME_BASE = av.time_base

_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
_N_TIMED = 9
_MAX_FAULTS = 1000  # the exact number of further ones does not matter
_listening = threading.Lock()


@contextmanager
def opened(reader: Reader, *, is_strict: bool = True) -> Iterator[tuple[Any, Any]]:
    """Open a recording and its audio stream; if not strict, rely on FLAC's MD5 sum."""
    file = _File(reader)
    try:
        container = av.open(
            file,
            metadata_errors="replace",
            container_options={"format_whitelist": _FORMATS},
        )
    except (av.FFmpegError, ValueError) as error:
        raise file.failure or Unusable(
            "it is not audio that FFmpeg can read, such as WAV, FLAC, OGG, MP3 or M4A "
            f"({getattr(error, 'strerror', None) or error})"
        ) from error
    with container:
        stream = next(iter(container.streams.audio), None)
        if stream is None:
            raise Unusable(f"it is a file of the format {container.format.name!r} without sound")
        if not stream.codec_context or not stream.codec_context.sample_rate:
            raise Unusable("its sound is in a form that FFmpeg cannot decode")
        stream.thread_type = "NONE"
        if stream.codec_context.name in CHECKED and (is_strict or not flac_md5(stream)[0]):
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        try:
            yield container, stream
        finally:
            if file.failure is not None:  # which was the end of the file for FFmpeg
                raise file.failure


def packets(container: Any, stream: Any, faults: list[str]) -> Iterator[Any]:
    """Yield the packets of a recording; an error that ends them is added to `faults`."""
    demuxed = container.demux(stream)
    while True:
        try:
            packet = next(demuxed, None)
        except av.FFmpegError as error:
            faults.append(str(error))
            return
        except IndexError:  # from PyAV, at the end, if new streams have appeared
            return
        if packet is None or len(faults) > _MAX_FAULTS:
            return
        # The last packet, which flushes the decoder, has no time.
        if packet.size or packet.dts is None:
            yield packet


def frames(container: Any, stream: Any, faults: list[str]) -> Iterator[Any]:
    """Decode packet by packet; errors are added to `faults`."""
    # The length of WAV files is already checked; it may be unknown there, and in CAF.
    endless = container.format.name == "wav" or (
        container.format.name == "caf" and not stream.frames and not stream.codec_context.frame_size
    )
    for packet in packets(container, stream, faults):
        if packet.is_corrupt and not endless:
            faults.append("a packet is cut")
        try:
            yield from packet.decode()
        except av.FFmpegError as error:
            faults.append(str(error))


def seek(container: Any, stream: Any, seconds: float) -> float | None:
    """Seek to a time; return the time at which the recording begins, or None on failure."""
    origin, n_samples = 0.0, 0
    # Not the time of the first frame, a part of which a decoder may omit.
    for frame in itertools.islice(frames(container, stream, []), _N_TIMED):
        if frame.time is None:
            return None
        origin = float(frame.time) - n_samples / frame.sample_rate
        n_samples += frame.samples
    try:
        container.seek(max(0, round((origin + seconds) * TIME_BASE)))
    except (av.FFmpegError, OverflowError):
        return None
    return origin


def flac_md5(stream: Any) -> tuple[bytes, int]:
    """Return the MD5 sum that a FLAC stream states, if any, and the bits per sample."""
    extra = stream.codec_context.extradata if stream.codec_context.name == "flac" else None
    if not extra or len(extra) != 34 or not any(extra[18:]):
        return b"", 0
    return bytes(extra[18:]), ((extra[12] & 1) << 4 | extra[13] >> 4) + 1


def values(frame: Any) -> np.ndarray:
    """Return the decoded samples of a frame, of shape (n_samples, n_channels)."""
    dtype = _DTYPES[frame.format.packed.name]
    n_channels = frame.layout.nb_channels
    if frame.format.is_planar and n_channels > 1:  # PyAV returns more planes than there are
        planes = [np.frombuffer(plane, dtype) for plane in frame.planes[:n_channels]]
        return np.stack([plane[: frame.samples] for plane in planes], axis=1)
    packed = np.frombuffer(frame.planes[0], dtype)
    return packed[: frame.samples * n_channels].reshape(-1, n_channels)


def mono(values: np.ndarray) -> np.ndarray:
    """Convert the result of :func:`values` to mono samples."""
    samples = values.astype(np.float32)
    kind = values.dtype.kind
    if kind in "iu":
        if kind == "u":
            samples -= 128
        samples *= np.float32(0.5 ** (8 * values.itemsize - 1))
    return samples[:, 0] if samples.shape[1] == 1 else mix_down(samples)


@contextmanager
def listen() -> Iterator[list[Any]]:
    """Collect the messages of FFmpeg in this thread."""
    with _listening:
        level, skips = av.logging.get_level(), av.logging.get_skip_repeated()
        av.logging.set_skip_repeated(False)
        av.logging.set_level(av.logging.WARNING)
        try:
            # Messages from other threads are discarded, as always.
            with av.logging.Capture(local=False), av.logging.Capture() as messages:
                yield messages
        finally:
            av.logging.set_level(level)
            av.logging.set_skip_repeated(skips)


class _File:
    """A file object for PyAV, without a name, which would suggest a format.

    Exceptions are kept in `failure`, since PyAV prints those that it cannot raise.
    """

    def __init__(self, reader: Reader):
        self.failure: Unusable | None = None
        self._reader = reader
        self._size = reader.size()
        self._position = 0

    def read(self, n_bytes: int) -> bytes:
        if not 0 <= self._position < self._size:
            return b""
        try:
            # PyAV would copy surplus bytes beyond the end of its buffer.
            data = bytes(self._reader.read_at(self._position, n_bytes)[:n_bytes])
        except Unusable as failure:
            self.failure = failure
            return b""
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        position = offset + (0, self._position, self._size)[whence]
        if position < 0:
            return -errno.EINVAL  # like FFmpeg's own protocols
        self._position = position
        return position

    def tell(self) -> int:
        return self._position
