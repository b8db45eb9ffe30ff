"""Everything that libsndfile decodes, in bounded steps, with its complaints made readable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import soundfile

from skaudio.audio import _mp3
from skaudio.audio._bytes import Reader
from skaudio.audio._failures import Unusable
from skaudio.audio._rates import check_rate, n_frames_needed
from skaudio.audio._wav import mix_down

_CUT_DATA = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_SIZE = 0x7FFF0000

# Values that are decoded at a time. soundfile allocates what it is asked for, and headers
# promise more than memory holds.
_BLOCK = 2**20

# Frames at either end that decoders count differently.
_MP3_MARGIN = 2 * 1152
_OGG_PAGE_BYTES = 27 + 255 + 255 * 255  # the longest possible


@contextmanager
def opened(reader: Reader) -> Iterator[soundfile.SoundFile]:
    """Open a recording with libsndfile, and refuse a WAV file that was cut.

    Parameters
    ----------
    reader : Reader
        The bytes of the recording.

    Yields
    ------
    soundfile.SoundFile
        The open recording.
    """
    try:
        file = soundfile.SoundFile(reader.for_libsndfile())
    except (soundfile.LibsndfileError, TypeError, OSError) as error:
        raise Unusable(
            f"it is not audio that libsndfile reads, such as WAV, FLAC, OGG or MP3 "
            f"({_reason(error)})"
        ) from error
    with file:
        _check_whole_wav(file)
        yield file


def read_samples(
    reader: Reader, sample_rate: int, n_samples: int | None
) -> tuple[np.ndarray, float]:
    """Decode as much of a recording as a clip needs.

    Parameters
    ----------
    reader : Reader
        The bytes of the recording.
    sample_rate : int
        The rate that it will be resampled to, in Hz.
    n_samples : int or None
        Length of the clip at that rate; None decodes everything.

    Returns
    -------
    samples : ndarray of shape (n,)
        Mono samples, ``float32``, at the recording's own rate.
    rate : float
        That rate, in Hz.
    """
    with opened(reader) as file:
        check_rate(file.samplerate, sample_rate)
        wanted = file.frames
        if n_samples is not None:
            wanted = min(wanted, n_frames_needed(n_samples, sample_rate, file.samplerate))
        if wanted == file.frames:
            _check_end(reader, file)
        try:
            samples = _decode(file, wanted)
        except soundfile.LibsndfileError as error:
            raise Unusable(
                f"decoding failed after it opened as {file.format} of {file.frames} samples; "
                f"the file is cut or damaged ({_reason(error)})"
            ) from error
        if len(samples) < wanted:
            is_estimate = file.format == "MP3" and not _mp3.states_length(reader)
            if len(samples) == 0 or not is_estimate:
                raise Unusable(
                    f"it promises {file.frames} samples and decoding ends after {len(samples)}; "
                    "the file is cut or damaged"
                )
        return samples, file.samplerate


def count_samples(reader: Reader) -> tuple[int, float]:
    """Measure a recording without decoding it.

    Parameters
    ----------
    reader : Reader
        The bytes of the recording.

    Returns
    -------
    n_samples : int
        Samples of one channel.
    rate : float
        Their rate, in Hz.
    """
    with opened(reader) as file:
        if file.format == "MP3":
            n_samples = _mp3.count_samples(reader)
        else:
            _check_end(reader, file)
            n_samples = None
        return file.frames if n_samples is None else n_samples, float(file.samplerate)


def _check_end(reader: Reader, file: soundfile.SoundFile) -> None:
    # Find files whose end is missing or out of reach, of which libsndfile says nothing.
    if file.format == "OGG" and not _ogg_stream_ends(reader):
        raise Unusable("its last Ogg page does not end the stream; the file is cut or damaged")
    if file.format == "MP3":
        present = _mp3.count_samples(reader)
        if present is not None and present > file.frames + _MP3_MARGIN:
            raise Unusable(
                f"it does not state its length, and libsndfile finds {file.frames} of its "
                f"{present} samples; convert it to another format, such as FLAC, to use all "
                "of it"
            )


def _ogg_stream_ends(reader: Reader) -> bool:
    size = reader.size()
    start = max(0, size - _OGG_PAGE_BYTES)
    tail = bytes(reader.read_at(start, size - start))
    page = tail.rfind(b"OggS")
    header = tail[page : page + 27]
    if page < 0 or len(header) < 27 or not header[5] & 4:
        return False
    lacing = tail[page + 27 : page + 27 + header[26]]
    return page + 27 + header[26] + sum(lacing) <= len(tail)


def _decode(file: soundfile.SoundFile, wanted: int) -> np.ndarray:
    step = max(1, _BLOCK // file.channels)
    parts = []
    missing = wanted
    while True:
        frames = file.read(min(missing, step), dtype="float32", always_2d=True)
        parts.append(frames[:, 0].copy() if file.channels == 1 else mix_down(frames))
        missing -= len(frames)
        if missing <= 0 or len(frames) < step:
            return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _check_whole_wav(file: soundfile.SoundFile) -> None:
    # libsndfile reads what is left of a WAV file that was cut, and says so in its log.
    sizes = _CUT_DATA.search(file.extra_info) if file.format in ("WAV", "WAVEX") else None
    if sizes is None:
        return
    promised, present = int(sizes[1]), int(sizes[2])
    # A program that writes into a pipe cannot know the size and leaves a huge one.
    if present < promised < _UNKNOWN_SIZE:
        raise Unusable(
            f"its header promises {promised} bytes of samples and {present} are there; "
            "the file is cut or damaged"
        )


def _reason(error: Exception) -> str:
    reason = str(getattr(error, "error_string", error))
    return reason.strip().rstrip(".")
