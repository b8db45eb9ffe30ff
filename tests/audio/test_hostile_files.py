"""Damaged, hostile and lying files: an error that names the file, or the samples that are there."""

import io
import struct
import subprocess
import sys
import tracemalloc
from functools import partial

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skaudio import audio
from skaudio.audio import _decoding, _wav
from skaudio.audio._bytes import reader_of
from skaudio.audio._failures import Unusable
from skaudio.exceptions import AudioError
from tests.audio.builders import (
    as_int16,
    encode,
    encode_with_av,
    join_pages,
    ogg_pages,
    wav_chunk,
    wav_file,
    wav_format,
)

RATE = 16000
fuzzing = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def noise(n_samples, channels=1):
    values = 0.1 * np.random.default_rng(0).normal(size=(n_samples, channels))
    return np.squeeze(values).astype(np.float32)


WAVS = [
    encode(noise(60, channels), "WAV", subtype)
    for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")
    for channels in (1, 2)
] + [encode(noise(60), "WAVEX", "PCM_16")]
FLAC = encode(noise(5000), "FLAC")
OTHERS = {"FLAC": FLAC, "OGG": encode(noise(800), "OGG"), "MP3": encode(noise(800), "MP3")}
COMPRESSED = [
    *OTHERS.values(),
    *(encode(noise(800), "WAV", subtype) for subtype in ("ULAW", "MS_ADPCM", "GSM610")),
    *(encode(noise(800), name) for name in ("AIFF", "AU", "CAF", "W64", "RF64")),
    *(encode_with_av(noise(4000), name, "aac") for name in ("ipod", "adts", "matroska", "flv")),
    encode_with_av(noise(4000), "webm", "libopus"),
    encode_with_av(as_int16(noise(4000)), "ipod", "alac"),
    encode_with_av(as_int16(noise(4000)), "wv", "wavpack"),
]
WORDS = st.sampled_from(
    [0, 1, 2, 3, 7, 8, 16, 255, 1024, 65535, 655350, 2**20, 2**31 - 1, 2**31, 2**32 - 1]
)


@st.composite
def mutations(draw, originals, header):
    """One of the originals with changes, most of them in its header, maybe cut."""
    encoded = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 4))):
        position = draw(st.integers(0, header) | st.integers(0, len(encoded) - 4))
        change = draw(
            st.integers(0, 255).map(lambda value: bytes([value]))
            | WORDS.map(lambda value: struct.pack("<I", value))
            | st.sampled_from([b"data", b"fmt ", b"LIST", b"INFO", b"JUNK", b"fact"])
        )
        encoded[position : position + len(change)] = change
    cut = draw(st.none() | st.integers(1, len(encoded)))
    return bytes(encoded[:cut])


def reference(encoded):
    """What soundfile makes of it, or None. It takes a size that nobody knew, 0, at its word."""
    try:
        with soundfile.SoundFile(io.BytesIO(encoded)) as file, np.errstate(all="ignore"):
            frames = file.read(min(file.frames, 10**5), dtype="float32", always_2d=True)
            return (frames.mean(axis=1), file.samplerate) if len(frames) else None
    except soundfile.LibsndfileError:
        return None


def assert_error_or_the_samples_of_soundfile(encoded):
    expected = reference(encoded)
    rate = RATE if expected is None else expected[1]
    measured = read_or_none(lambda: audio.durations([encoded], sample_rate=rate))
    samples = read_or_none(lambda: audio.load(encoded, sample_rate=rate))
    if samples is None:
        return
    if expected is not None:
        np.testing.assert_array_equal(samples, expected[0])
    assert measured[0] == len(samples) / rate


def read_or_none(read):
    try:
        return read()
    except AudioError:
        return None


@fuzzing
@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"RIFF" + tail))
def test_random_bytes(encoded):
    assert_error_or_the_samples_of_soundfile(encoded)


@fuzzing
@given(mutations(WAVS, header=80))
def test_mutated_wav_files(encoded):
    assert_error_or_the_samples_of_soundfile(encoded)


@fuzzing
@given(mutations(WAVS, header=80))
def test_what_the_fast_reader_accepts_it_reads_as_soundfile_does(encoded):
    reader = reader_of(encoded)
    try:
        layout = _wav.read_layout(reader, memoryview(encoded), is_complete=True)
    except Unusable:
        return
    expected = reference(encoded)
    if layout is None or expected is None:
        return
    samples, rate = expected
    assert (layout.n_frames, layout.rate) == (len(samples), rate)
    out = np.empty(layout.n_frames, np.float32)
    assert _wav.read_samples(reader, b"", layout, out) == len(out)
    # The mean of the reference changes the bits of some NaN.
    np.testing.assert_array_equal(out, samples)
    finite = np.isfinite(samples)
    np.testing.assert_array_equal(np.signbit(out[finite]), np.signbit(samples[finite]))


@settings(parent=fuzzing, max_examples=150)
@given(mutations([FLAC], header=60))
def test_mutated_flac_files_have_their_own_samples_or_none(encoded):
    """At whatever rate the header states by now; libsndfile gives up on some that are whole."""
    try:
        runs = _decoding.read_samples(reader_of(encoded), sample_rate=RATE)
    except Unusable:
        return
    ((samples, _),) = runs
    np.testing.assert_array_equal(samples, reference(FLAC)[0])


@fuzzing
@given(mutations(COMPRESSED, header=200))
def test_mutated_files_of_other_formats_are_read_or_refused(encoded):
    samples = read_or_none(lambda: audio.load(encoded))
    assert samples is None or (len(samples) and np.isfinite(samples).all())
    for offset in (0.1, 6.0):
        part = read_or_none(partial(audio.load, encoded, offset=offset, duration=0.1))
        assert part is None or 0 < len(part) <= 1600
    measured = read_or_none(lambda: audio.durations([encoded], sample_rate=RATE))
    assert measured is None or 0 < measured[0] < np.inf


@pytest.mark.parametrize("file_format", ["FLAC", "OGG", "MP3"])
def test_files_cut_anywhere(file_format):
    encoded = OTHERS[file_format]
    whole = audio.load(encoded)
    for n_bytes in range(1, len(encoded), 97):
        try:
            samples = audio.load(encoded[:n_bytes])
        except AudioError:
            continue
        # Only tags and padding were lost, or less than a frame.
        assert len(whole) - 576 * (file_format == "MP3") <= len(samples) <= len(whole)
        end = len(samples) - (576 if len(samples) < len(whole) else 0)
        np.testing.assert_array_equal(samples[:end], whole[:end])


def lying_wav():
    """A gigabyte; from two on it would mean that nobody knew."""
    return wav_file(wav_format(), wav_chunk(b"data", bytes(100), 10**9))


def lying_flac():
    """The 36 bits of the number of samples are all ones, and there is no sum."""
    lying = bytearray(FLAC)
    lying[21] |= 0x0F
    lying[22:42] = b"\xff" * 4 + bytes(16)
    return bytes(lying)


def lying_flac_with_a_sum():
    return lying_flac()[:26] + FLAC[26:]


def lying_mp3():
    """The frame that states the length promises four thousand million more."""
    position = OTHERS["MP3"].index(b"Info" if b"Info" in OTHERS["MP3"] else b"Xing")
    lying = bytearray(OTHERS["MP3"])
    lying[position + 8 : position + 12] = b"\xff" * 4
    return bytes(lying)


def lying_ogg():
    """The last page ends at sample 2**50."""
    pages = ogg_pages(OTHERS["OGG"])
    pages[-1][6:14] = struct.pack("<Q", 2**50)
    return join_pages(pages)


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (lying_wav, True),
        (lying_flac, False),
        (lying_flac_with_a_sum, False),
        (lying_mp3, False),
        (lying_ogg, False),
    ],
)
def test_memory_does_not_follow_what_a_header_claims(lie, found):
    encoded = lie()
    tracemalloc.start()
    try:
        unreadable = audio.find_unreadable([encoded])
        assert [index for index, _ in unreadable] == [0] * found
        assert all("cut or damaged" in reason for _, reason in unreadable)
        if not found:
            assert len(audio.load(encoded)) <= 5000
        audio.load_batch([encoded], sample_rate=RATE, n_samples=16)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("rate", "sample_rate"), [(1, 16000), (62, 16000), (2**31 - 1, 16000), (16000, 10**7)]
)
def test_rates_far_apart_are_refused(rate, sample_rate):
    encoded = bytearray(WAVS[2])
    encoded[24:28] = struct.pack("<I", rate)
    for source in (bytes(encoded), (np.zeros(9), rate)):
        with pytest.raises(AudioError, match=r"sampling rate is .* Hz, which is too far from"):
            audio.load(source, sample_rate=sample_rate)
        with pytest.raises(AudioError, match="too far from sample_rate"):
            audio.durations([source], sample_rate=sample_rate)


def peak_megabytes(encoded):
    """What reading it adds to the memory of a fresh process, whatever comes of it."""
    code = (
        "import resource, sys; from skaudio import audio; encoded = sys.stdin.buffer.read()\n"
        "audio.find_unreadable([encoded[:100]])\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = peak(); print(audio.find_unreadable([encoded])); print(peak() - before)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], input=encoded, capture_output=True, check=True
    )
    found, grown = run.stdout.decode().splitlines()
    return found, float(grown)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
@pytest.mark.parametrize("rate", [100, 8000])
def test_a_small_file_does_not_fill_the_memory(rate):
    """Silence in FLAC: hundreds of thousands of samples in a hundred bytes."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, format="FLAC") as writer:
        for _ in range(40):
            writer.write(np.zeros(2**21))
    assert len(file.getvalue()) < 2**19
    found, grown = peak_megabytes(file.getvalue())
    assert "which is hardly sound; read a part of it" in found
    assert grown < 1000


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
def test_a_rate_far_below_the_one_that_is_wanted_does_not_fill_the_memory():
    slow = wav_file(wav_format(rate=64, n_bits=8), wav_chunk(b"data", bytes(2**20)))
    found, grown = peak_megabytes(slow)
    assert "would become 262144000 at 16000 Hz" in found
    assert grown < 1000


@pytest.mark.parametrize("offset", [1e3, 1e13])
def test_offsets_beyond_all_measure(offset):
    for file_format in ("FLAC", "MP3", "OGG"):
        with pytest.raises(AudioError, match="it ends before"):
            audio.load(OTHERS[file_format], offset=offset, duration=0.1)
