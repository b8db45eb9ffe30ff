"""Damaged, hostile and lying files: an error that names the file, or libsndfile's samples."""

import io
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skaudio import audio
from skaudio.audio import _wav
from skaudio.audio._bytes import reader_of
from skaudio.exceptions import AudioError

RATE = 16000
fuzzing = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def encode(file_format, *, n_samples=800, channels=1, **options):
    rng = np.random.default_rng(0)
    file = io.BytesIO()
    values = 0.1 * rng.normal(size=(n_samples, channels))
    soundfile.write(file, values, RATE, format=file_format, **options)
    return file.getvalue()


WAVS = [
    encode("WAV", subtype=subtype, channels=channels, n_samples=60)
    for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")
    for channels in (1, 2)
] + [encode("WAVEX", subtype="PCM_16", n_samples=60)]
FLAC = encode("FLAC", n_samples=5000)
OTHERS = {"FLAC": FLAC, "OGG": encode("OGG"), "MP3": encode("MP3")}
WORDS = st.sampled_from(
    [0, 1, 2, 3, 7, 8, 16, 255, 1024, 65535, 655350, 2**20, 2**31 - 1, 2**31, 2**32 - 1]
)


@st.composite
def mutations(draw, originals, header):
    """One of the originals with changes, most of them in its header, maybe cut."""
    encoded = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, header) | st.integers(0, len(encoded) - 4))
        change = draw(
            st.integers(0, 255).map(lambda value: bytes([value]))
            | WORDS.map(lambda value: struct.pack("<I", value))
            | st.sampled_from([b"data", b"fmt ", b"LIST", b"INFO", b"JUNK", b"fact"])
        )
        encoded[place : place + len(change)] = change
    cut = draw(st.none() | st.integers(1, len(encoded)))
    return bytes(encoded[:cut])


def reference(encoded):
    """What soundfile makes of it, or None."""
    try:
        with soundfile.SoundFile(io.BytesIO(encoded)) as file, np.errstate(all="ignore"):
            frames = file.read(min(file.frames, 10**5), dtype="float32", always_2d=True)
            return frames.mean(axis=1), file.samplerate
    except soundfile.LibsndfileError:
        return None


def assert_error_or_the_samples_of_soundfile(encoded):
    expected = reference(encoded)
    rate = RATE if expected is None else expected[1]
    measured = read_or_none(lambda: audio.durations([encoded], sample_rate=rate))
    samples = read_or_none(lambda: audio.load(encoded, sample_rate=rate))
    if samples is None:
        return
    assert expected is not None
    np.testing.assert_array_equal(samples, expected[0])
    if soundfile.info(io.BytesIO(encoded)).format != "MP3":
        # libsndfile finds MPEG audio in nearly anything, and its length is an estimate.
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
    layout = _wav.read_layout(reader, memoryview(encoded), whole=True)
    if layout is None:
        return
    samples, rate = reference(encoded)
    assert (layout.n_frames, layout.rate) == (len(samples), rate)
    out = np.empty(layout.n_frames, np.float32)
    assert _wav.read_samples(reader, b"", layout, out)
    # The mean of the reference changes the bits of some NaN.
    np.testing.assert_array_equal(out, samples)
    finite = np.isfinite(samples)
    np.testing.assert_array_equal(np.signbit(out[finite]), np.signbit(samples[finite]))


@settings(parent=fuzzing, max_examples=150)
@given(mutations([FLAC], header=60))
def test_mutated_flac_files(encoded):
    assert_error_or_the_samples_of_soundfile(encoded)


@pytest.mark.parametrize("file_format", ["FLAC", "OGG", "MP3"])
def test_files_cut_anywhere(file_format, capfd):
    encoded = OTHERS[file_format]
    whole = audio.load(encoded)
    for n_bytes in range(1, len(encoded), 97):
        try:
            samples = audio.load(encoded[:n_bytes])
        except AudioError:
            continue
        # Only tags and padding were lost.
        np.testing.assert_array_equal(samples, whole)


def lying_wav():
    form = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 2**32 - 1, b"WAVEfmt ", 16, 1, 1, RATE,
                       2 * RATE, 2, 16, b"data", 2**31 - 2**20)  # fmt: skip
    return form + bytes(100)


def lying_flac():
    """The 36 bits of the number of samples are all ones."""
    lying = bytearray(FLAC)
    lying[21] |= 0x0F
    lying[22:26] = b"\xff" * 4
    return bytes(lying)


def lying_mp3():
    """The frame that states the length promises four thousand million more."""
    place = OTHERS["MP3"].index(b"Info" if b"Info" in OTHERS["MP3"] else b"Xing")
    lying = bytearray(OTHERS["MP3"])
    lying[place + 8 : place + 12] = b"\xff" * 4
    return bytes(lying)


def lying_ogg():
    """The last page ends at sample 2**50."""
    encoded = bytearray(OTHERS["OGG"])
    page = encoded.rindex(b"OggS")
    encoded[page + 6 : page + 14] = struct.pack("<Q", 2**50)
    encoded[page + 22 : page + 26] = bytes(4)
    checksum = 0
    for byte in encoded[page:]:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum >> 31 else 0)) & 0xFFFFFFFF
    encoded[page + 22 : page + 26] = struct.pack("<I", checksum)
    return bytes(encoded)


@pytest.mark.parametrize(
    ("lie", "found"),
    [(lying_wav, True), (lying_flac, True), (lying_mp3, True), (lying_ogg, False)],
)
def test_memory_does_not_follow_what_a_header_claims(lie, found, capfd):
    encoded = lie()
    tracemalloc.start()
    try:
        unreadable = audio.find_unreadable([encoded])
        assert [place for place, _ in unreadable] == [0] * found
        assert all("cut or damaged" in reason for _, reason in unreadable)
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
