"""Decode recordings with FFmpeg, completely or with an error that says what is missing.

The length that a container states is only compared with the number of decoded samples.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import operator
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from skaudio.audio import _ffmpeg
from skaudio.audio._bytes import BytesReader, Reader
from skaudio.audio._failures import Unusable
from skaudio.audio._rates import check_rate, n_frames_needed

# How recordings that may be concatenated in one file begin: FLAC with its marker and the header
# of a STREAMINFO block, the last one or not; Ogg with a page whose flags mark a first page.
_MARKS = {
    b"fLaC": re.compile(rb"fLaC[\x00\x80]\x00\x00\x22()"),
    b"OggS": re.compile(rb"OggS\x00([\x00-\x07])"),
}
_FIRST_PAGE = 2
_BLOCK_BYTES = 2**20
_LONGEST_OGG_PAGE = 27 + 255 + 255 * 255

# A few bytes may encode hours of silence, and a small damaged file more than memory can hold.
_MAX_SAMPLES = 2**26
_MAX_SAMPLES_PER_BYTE = 1000

# Formats (and codecs) with exact packet times, which can be decoded from the middle: from one
# second earlier, which decoders need to settle. In other formats samples are counted.
_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
_SEEKABLE = {"aiff", "au", "caf", "flac", "matroska,webm", _MP4, "mp3", "ogg opus", "w64"}
_RUN_UP = 1.0
_FIRST_SEEK = 5.0

# Formats that state the length of the sound, without the padding of the last frame.
_EXACT_LENGTHS = {_MP4, "wav"}

_LOSSLESS = {*_ffmpeg.CHECKED, "alac"}

_DAMAGED = "the file is cut or damaged"


def read_samples(
    reader: Reader, *, sample_rate: int, n_samples: int | None = None, offset: float = 0.0
) -> list[tuple[np.ndarray, int]]:
    """Decode a recording, or the part that a clip needs."""
    arguments = (reader, sample_rate, n_samples, offset)
    try:
        return _read(*arguments)
    except Unusable as error:
        reason = str(error)  # not the error, which keeps the decoded samples alive
    # Collect FFmpeg's messages only after a failure, since other threads have to wait.
    with _ffmpeg.listen() as messages:
        try:
            return _read(*arguments, messages=messages)
        except Unusable as error:
            said = dict.fromkeys(text.strip().rstrip(".") for *_, text in messages)
            relevant = "; ".join(text for text in said if "whitelist" not in text)[:300]
            raise Unusable(f"{reason} (FFmpeg: {relevant})" if relevant else reason) from error


def iterate_samples(reader: Reader, *, sample_rate: int) -> Iterator[tuple[np.ndarray, int]]:
    """Decode a whole recording frame by frame; damage may only be found at its end."""
    for part in _parts(reader):
        with _ffmpeg.opened(part, is_strict=False) as (container, stream):
            progress = _Progress(part, container, stream, sample_rate)
            held: list[tuple[np.ndarray, int]] = []  # the end, which may be padding
            n_held = 0
            for frame in _ffmpeg.frames(container, stream, progress.faults):
                check_rate(frame.sample_rate, sample_rate)
                values = _ffmpeg.values(frame)
                progress.update(frame, values)
                held.append((_ffmpeg.mono(values), frame.sample_rate))
                n_held += len(values)
                while n_held - len(held[0][0]) >= progress.longest:
                    n_held -= len(held[0][0])
                    yield held.pop(0)
            try:
                n_padding = progress.check_end(())
            except Unusable:
                n_padding = progress.check_end(_messages_of(part))
        n_left = n_held - n_padding
        for samples, rate in held:
            yield samples[: max(0, n_left)], rate
            n_left -= len(samples)


def _messages_of(reader: Reader) -> list[Any]:
    """Return FFmpeg's messages when it opens a recording."""
    with _ffmpeg.listen() as messages, _ffmpeg.opened(reader):
        pass
    return messages


def count_samples(reader: Reader) -> tuple[int, int]:
    """Count the samples of a recording by its packets, if possible without decoding it."""
    total, first_rate = 0.0, 0
    for part in _parts(reader):
        with _ffmpeg.opened(part) as (container, stream):
            rate = stream.codec_context.sample_rate
            scale, in_packet = float(stream.time_base) * rate, stream.codec_context.frame_size
            lengths = [
                in_packet or scale * (packet.duration or 0)
                for packet in _ffmpeg.packets(container, stream, [])
                if packet.size
            ]
            stated, form = _stated(container, stream, part), container.format.name
        n_samples = round(sum(lengths))
        if n_samples == 0:  # packets without durations
            n_samples = sum(len(samples) for samples, _ in read_samples(part, sample_rate=rate))
        # Decoders omit the padding of the first and the last frame, and MP4 may omit more.
        elif stated is not None and (
            0 <= n_samples - stated <= 3 * max(lengths[:-1], default=0)
            or (form == _MP4 and stated <= n_samples)
        ):
            n_samples = stated
        elif form == "ogg":  # the end that the last page states may be wrong
            n_samples = round(sum(lengths[:-1]))
        first_rate = first_rate or rate
        total += n_samples * first_rate / rate
    return round(total), first_rate


def _read(
    reader: Reader, sample_rate: int, n_samples: int | None, offset: float, messages: Any = ()
) -> list[tuple[np.ndarray, int]]:
    runs = _decode(reader, sample_rate, n_samples, offset, messages)
    if runs is not None:
        return runs
    runs = []
    for part in _parts(reader):
        for samples, rate in _decode(part, sample_rate, None, 0.0, messages, is_part=True) or []:
            n_skipped = min(len(samples), round(offset * rate))
            runs.append((samples[n_skipped:], rate))
            offset -= n_skipped / rate
    return _runs(runs)  # so that the joints are resampled like everything else


def _decode(
    reader: Reader,
    sample_rate: int,
    n_samples: int | None,
    offset: float,
    messages: Any,
    *,
    is_part: bool = False,
) -> list[tuple[np.ndarray, int]] | None:
    """Decode from `offset` until there are enough samples, or a part of joined recordings.

    None means that the whole recording must be decoded: because recordings are joined, because
    frame checksums of a FLAC file are wrong, so that only its MD5 sum can show whether the
    samples are right, or because FFmpeg cannot seek to `offset`.
    """
    blocks: list[tuple[np.ndarray, int]] = []
    n_read, n_needed = 0, math.inf
    with _ffmpeg.opened(reader, is_strict=not is_part) as (container, stream):
        progress = _Progress(reader, container, stream, sample_rate)
        if offset > _FIRST_SEEK:  # never in a part, which is always decoded completely
            if len(_parts(reader)) > 1:
                return None
            form = container.format.name
            is_seekable = not {form, f"{form} {stream.codec_context.name}"}.isdisjoint(_SEEKABLE)
            if is_seekable and not progress.seek(offset):
                return None
        for frame in _ffmpeg.frames(container, stream, progress.faults):
            if not is_part and progress.needs_md5():
                return None
            if n_read >= n_needed:  # there is another frame, so the end need not be checked
                return _runs(blocks)
            rate = frame.sample_rate
            check_rate(rate, sample_rate)
            values = _ffmpeg.values(frame)
            n_skipped = round(offset * rate) - progress.position(frame)
            if n_skipped < 0 and progress.longest == 0:  # FFmpeg seeked too far
                return None
            n_skipped = max(0, n_skipped)
            progress.update(frame, values)
            if n_skipped >= len(values):
                continue
            blocks.append((_ffmpeg.mono(values)[n_skipped:], rate))
            n_read += len(values) - n_skipped
            if n_samples is not None:
                n_needed = n_frames_needed(n_samples, sample_rate, rate)
        if not is_part and (len(_parts(reader)) > 1 or progress.needs_md5()):
            return None
        runs = _runs(blocks)
        n_padding = progress.check_end(messages)
    if n_padding and runs:
        samples, rate = runs[-1]
        runs[-1] = samples[: max(0, len(samples) - n_padding)], rate
    return runs


class _Progress:
    """The position of a decoder, and checks that everything was decoded."""

    def __init__(self, reader: Reader, container: Any, stream: Any, sample_rate: int):
        self.reader, self.container, self.stream = reader, container, stream
        self.faults: list[str] = []
        self.sample_rate = sample_rate
        self.most = _MAX_SAMPLES_PER_BYTE * reader.size()
        self.n_resampled = 0.0
        self.end = 0  # samples from the start of the recording
        self.longest = 0
        self.origin: float | None = None  # the time of the first frame, after seeking
        self.times = (0.0, 0.0)
        self.md5, self.n_bits = _ffmpeg.flac_md5(stream)
        self.has_md5 = bool(self.md5)
        self.digest = hashlib.md5(usedforsecurity=False)

    def seek(self, offset: float) -> bool:
        """Seek to a little before `offset`; return whether this was possible."""
        self.origin, self.md5 = _ffmpeg.seek(self.container, self.stream, offset - _RUN_UP), b""
        return self.origin is not None

    def position(self, frame: Any) -> int:
        """Return the number of samples before the next frame."""
        if self.origin is not None and self.longest == 0 and frame.time is not None:
            self.end = round((frame.time - self.origin) * frame.sample_rate)
        return self.end

    def update(self, frame: Any, values: np.ndarray) -> None:
        if self.md5:
            self.digest.update(_as_stored(values, self.n_bits))
        time = frame.time or 0.0
        start = self.times[0] if self.longest else time
        self.times = start, time + len(values) / frame.sample_rate
        self.end += len(values)
        self.longest = max(self.longest, len(values))
        self.n_resampled += len(values) * max(1.0, self.sample_rate / frame.sample_rate)
        if self.n_resampled > max(self.most - _MAX_SAMPLES_PER_BYTE * 2**20, _MAX_SAMPLES):
            raise Unusable(
                f"its {self.reader.size()} bytes decode to more than {_MAX_SAMPLES} samples, which "
                "is hardly sound; read a part of it, e.g. with a duration"
            )

    def needs_md5(self) -> bool:
        """Return whether only the MD5 sum of all samples can show if they are right."""
        return bool(self.faults and self.has_md5)

    def check_end(self, messages: Any) -> int:
        """Check that everything was decoded; return the samples that pad the last frame."""
        if self.md5:
            if self.digest.digest() != self.md5:
                raise Unusable(
                    f"its {self.end} samples do not match the MD5 sum that it states; the file is "
                    "cut or damaged"
                )
            return 0
        codec = self.stream.codec_context.name
        # MPEG audio has frame markers, and may be mixed with tags of all kinds.
        allowed = 2 + self.end // (20 * max(1, self.longest)) if codec.startswith("mp") else 0
        if len(self.faults) > allowed or (self.longest == 0 and self.origin is None):
            n_places = f"in {len(self.faults)} places" if self.longest else "from the start"
            raise Unusable(f"decoding fails {n_places}; {_DAMAGED}")
        if self.longest == 0:
            return 0
        if self.container.format.name in ("ogg", "flac"):  # FFmpeg skips damaged parts
            lasted = round((self.times[1] - self.times[0]) * self.stream.codec_context.sample_rate)
            n_lost = lasted - self.end if lasted <= self.most else 0
            if self.origin is None and n_lost >= max(self.longest, 2048):
                raise Unusable(f"{n_lost} of its samples are missing; {_DAMAGED}")
        if self.container.format.name == "ogg":  # it states no length, only where pages end
            _check_last_ogg_page(self.reader)
            return 0
        return self._check_length(codec, messages)

    def _check_length(self, codec: str, messages: Any) -> int:
        stated = _stated(self.container, self.stream, self.reader)
        if stated is None:
            return 0
        # Decoders of lossy codecs omit some of the first frames, and lengths are rounded to
        # the container's unit of time.
        form, rate = self.container.format.name, self.stream.codec_context.sample_rate
        n_frames = 1 if form == "mp3" or (codec == "alac" and form == "caf") else 3
        exact = codec.startswith("pcm_") or (codec in _LOSSLESS and form != "caf")
        margin = rate * self.stream.time_base + (0 if exact else n_frames * self.longest)
        is_estimate = any("Estimating" in text for *_, text in messages)
        if self.end + max(0, margin - 1) < stated and not is_estimate:
            raise Unusable(
                f"it states {stated} samples but decoding ends after {self.end}; {_DAMAGED}"
            )
        surplus = self.end - stated
        return surplus if 0 < surplus < self.longest and form in _EXACT_LENGTHS else 0


def _stated(container: Any, stream: Any, reader: Reader) -> int | None:
    """Return the number of samples that the container states, unless it is impossible."""
    rate = stream.codec_context.sample_rate
    if stream.duration is not None:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration is not None and len(container.streams) == 1:
        # The end of the only stream, which need not begin at 0.
        start = max(0.0, float((stream.start_time or 0) * stream.time_base))
        seconds = container.duration / _ffmpeg.TIME_BASE - start
    else:
        return None
    n_samples = round(seconds * rate)
    return n_samples if 0 < n_samples <= _MAX_SAMPLES_PER_BYTE * reader.size() else None


def _as_stored(values: np.ndarray, n_bits: int) -> bytes:
    # FFmpeg uses the upper bits of its integers, and the MD5 sum is that of whole bytes.
    n_bytes = values.itemsize
    shifted = np.ascontiguousarray(values >> (8 * n_bytes - n_bits), values.dtype.newbyteorder("<"))
    return shifted.reshape(-1).view(np.uint8).reshape(-1, n_bytes)[:, : (n_bits + 7) // 8].tobytes()


def _parts(reader: Reader) -> list[Reader]:
    """Split joined FLAC and Ogg files: each has its own length, or its own MD5 sum."""
    head = bytes(reader.read_at(0, 10))
    kinds = [kind for kind in _MARKS if head[:4] == kind or head[:3] == b"ID3"]
    starts: list[int] = []
    size = reader.size()
    for kind in kinds:
        was_first = False
        for start in range(0, size, _BLOCK_BYTES):
            for mark in _MARKS[kind].finditer(bytes(reader.read_at(start, _BLOCK_BYTES + 7))):
                if mark.start() >= _BLOCK_BYTES:
                    break
                is_first = kind == b"fLaC" or bool(mark[1][0] & _FIRST_PAGE)
                if is_first and not (was_first and kind == b"OggS"):
                    starts.append(start + mark.start())
                was_first = is_first
    if len(starts) < 2:
        return [reader]
    ends = [*starts[1:], size]
    bounds = zip(starts, ends, strict=True)
    return [BytesReader(reader.read_at(start, end - start)) for start, end in bounds]


def _check_last_ogg_page(reader: Reader) -> None:
    size = reader.size()
    start = max(0, size - _LONGEST_OGG_PAGE)
    tail = bytes(reader.read_at(start, size - start))
    page = tail[tail.rfind(b"OggS") :]
    n_segments = page[26] if len(page) > 26 else 0
    if 27 + n_segments + sum(page[27 : 27 + n_segments]) > len(page):
        raise Unusable(f"it ends in the middle of an Ogg page; {_DAMAGED}")


def _runs(blocks: list[tuple[np.ndarray, int]]) -> list[tuple[np.ndarray, int]]:
    """Concatenate successive blocks of the same rate."""
    return [
        (np.concatenate([samples for samples, _ in group]), rate)
        for rate, group in itertools.groupby(blocks, key=operator.itemgetter(1))
    ]
