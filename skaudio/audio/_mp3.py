"""MP3 files that do not say how long they are.

libsndfile estimates the length of such a file from the bit rate of its first frames and
reads no further, which loses the end of a recording when the bit rate rises later on. Its
frames can be counted without decoding them.
"""

from __future__ import annotations

from typing import NamedTuple

from skaudio.audio._bytes import Reader

_LENGTH_TAGS = (b"Xing", b"Info", b"VBRI")
_BLOCK = 2**18
_MAX_FRAME = 2048  # bytes, of layer III
_MAX_TAIL = 4096  # tags may follow the last frame

# Kilobits a second and Hz, by their indices in a frame's header: MPEG 1, then MPEG 2 and 2.5.
_BIT_RATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_RATES = (44100, 48000, 32000)
_DIVISORS = {3: 1, 2: 2, 0: 4}  # of the rate, by the version: MPEG 1, 2, 2.5
_LAYER_3 = 1


class _Frame(NamedTuple):
    n_bytes: int
    n_samples: int
    stream: tuple[int, int]  # what all frames of one stream have in common


def count_samples(reader: Reader) -> int | None:
    """Count the samples of an MP3 file that does not state them.

    Parameters
    ----------
    reader : Reader
        The bytes of the file.

    Returns
    -------
    int or None
        Samples in all frames; None if the file states its length, or is anything but a
        plain row of frames of layer III.
    """
    place = _skip_id3(reader)
    head = bytes(reader.read_at(place, _MAX_FRAME))
    first = _read_frame(head[:4])
    if first is None or states_length(reader):
        return None
    size, n_frames = reader.size(), 0
    block, block_start = head, place
    while place + 4 <= size:
        at = place - block_start
        if at + 4 > len(block):
            block, block_start, at = bytes(reader.read_at(place, _BLOCK)), place, 0
        frame = _read_frame(block[at : at + 4])
        if frame is None or frame.stream != first.stream:
            if size - place > _MAX_TAIL:
                return None
            break
        place += frame.n_bytes
        n_frames += place <= size
    return n_frames * first.n_samples


def states_length(reader: Reader) -> bool:
    """Tell whether the first frame of an MP3 file states how many follow.

    Parameters
    ----------
    reader : Reader
        The bytes of the file.

    Returns
    -------
    bool
        Whether there is a Xing, Info or VBRI tag.
    """
    head = bytes(reader.read_at(_skip_id3(reader), _MAX_FRAME))
    first = _read_frame(head[:4])
    return first is not None and any(tag in head[: first.n_bytes] for tag in _LENGTH_TAGS)


def _skip_id3(reader: Reader) -> int:
    head = bytes(reader.read_at(0, 10))
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    # Seven bits of each byte count.
    return 10 + sum(
        (byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
    )


def _read_frame(header: bytes) -> _Frame | None:
    if len(header) < 4 or header[0] != 0xFF or header[1] >> 5 != 7:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bit_rate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version not in _DIVISORS or layer != _LAYER_3 or bit_rate in (0, 15) or rate == 3:
        return None
    is_mpeg_1 = version == 3
    kilobits = _BIT_RATES[not is_mpeg_1][bit_rate]
    n_samples = 1152 if is_mpeg_1 else 576
    n_bytes = kilobits * 1000 * n_samples // 8 * _DIVISORS[version] // _RATES[rate]
    return _Frame(n_bytes + (header[2] >> 1 & 1), n_samples, (version, rate))
