"""The fast reader of plain WAV files: libsndfile's samples to the bit, none, or an error."""

import io
import os
import struct

import numpy as np
import pytest
import soundfile

from skaudio import audio
from skaudio.audio import _ffmpeg, _recording, _wav
from skaudio.audio._bytes import reader_of
from skaudio.exceptions import AudioError
from tests.audio.builders import SUBFORMAT_TAIL, wav_chunk, wav_file, wav_format

TEXTS = wav_chunk(
    b"LIST", b"INFO" + wav_chunk(b"ISFT", b"a program\0") + wav_chunk(b"IART", b"odd")
)


def fast_samples(encoded):
    """What the fast reader makes of a file; None if it leaves it to FFmpeg."""
    reader = reader_of(encoded)
    layout = _wav.read_layout(reader, memoryview(encoded), is_complete=True)
    if layout is None:
        return None
    out = np.empty(layout.n_frames, np.float32)
    assert _wav.read_samples(reader, b"", layout, out) == len(out)
    return out


def assert_same_bits(encoded):
    """Accepted by the fast reader, and equal to soundfile."""
    expected, rate = soundfile.read(io.BytesIO(encoded), dtype="float32", always_2d=True)
    fast = fast_samples(encoded)
    assert fast is not None
    np.testing.assert_array_equal(fast.view(np.uint32), expected.mean(axis=1).view(np.uint32))
    np.testing.assert_array_equal(audio.load(encoded, sample_rate=rate), fast)


@pytest.mark.parametrize("file_format", ["WAV", "WAVEX"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("channels", [1, 2, 3, 9])
def test_every_encoding_has_the_bits_of_soundfile(file_format, subtype, channels):
    rng = np.random.default_rng(0)
    for n_frames in (1, 7, 5000):
        values = rng.uniform(-1, 1, size=(n_frames, channels))
        values[0] = -1.0
        values[-1] = 1.0
        file = io.BytesIO()
        soundfile.write(file, values, 16000, format=file_format, subtype=subtype)
        assert_same_bits(file.getvalue())


@pytest.mark.parametrize("n_bits", [8, 16, 24, 32])
def test_all_bit_patterns_of_integers(n_bits):
    data = np.random.default_rng(0).bytes(12 * 4000)
    assert_same_bits(wav_file(wav_format(n_bits=n_bits), wav_chunk(b"data", data)))


def test_blocks_of_a_long_file_join(monkeypatch):
    data = np.random.default_rng(0).bytes(6 * 5000)
    monkeypatch.setattr(_wav, "_BLOCK_BYTES", 1000)
    for n_bits, channels in ((16, 1), (24, 2), (8, 3)):
        form = wav_format(n_bits=n_bits, channels=channels)
        assert_same_bits(wav_file(form, wav_chunk(b"data", data)))


def extensible(n_valid_bits=16, subformat=b"\1\0" + SUBFORMAT_TAIL):
    """The format chunk that says all twice."""
    return wav_format(tag=0xFFFE, extra=struct.pack("<HHI", 22, n_valid_bits, 0) + subformat)


FORM = wav_format()
DATA = wav_chunk(b"data", b"\1\2" * 9)
GOOD = wav_file(FORM, DATA)
JUNK = wav_chunk(b"JUNK", bytes(5000))
CONTENTS = {
    "plain": GOOD,
    "half a sample at the end": wav_file(FORM, wav_chunk(b"data", b"\1\2\3")),
    "no padding": wav_file(FORM, wav_chunk(b"data", b"\1\2\3"))[:-1],
    "four bytes behind": wav_file(FORM, wav_chunk(b"data", b"\1\2\3")) + b"abcd",
    "long format": wav_file(wav_format(extra=b"\0\0"), DATA),
    "texts before": wav_file(FORM, TEXTS, DATA),
    "texts first": wav_file(TEXTS, FORM, DATA),
    "texts behind": wav_file(FORM, DATA, TEXTS),
    "junk behind": wav_file(FORM, wav_chunk(b"data", b"\1\2\3"), TEXTS, wav_chunk(b"JUNK", b"abc")),
    "tags behind": wav_file(FORM, DATA, wav_chunk(b"id3 ", b"ID3\3data")),
    "odd junk first": wav_file(wav_chunk(b"JUNK", bytes(7)), FORM, DATA),
    "lowest rate": wav_file(wav_format(rate=1), DATA),
    "highest rate": wav_file(wav_format(rate=2**31 - 1), DATA),
    "many channels": wav_file(wav_format(channels=1024), wav_chunk(b"data", b"\1\2" * 2048)),
    "cue points": wav_file(FORM, wav_chunk(b"cue ", bytes(24)), DATA),
    "broadcast": wav_file(
        wav_chunk(b"bext", bytes(602)), FORM, wav_chunk(b"smpl", bytes(36)), DATA
    ),
    "a long header": wav_file(FORM, JUNK, DATA),
    "a long header before the format": wav_file(JUNK, FORM, JUNK, JUNK, DATA),
    "a long tail": wav_file(FORM, DATA, JUNK),
    "a list that is none": wav_file(FORM, wav_chunk(b"LIST", b"INFOdata"), DATA),
    "12 of 16 bits": wav_file(extensible(12), DATA),
    "64-bit floats": wav_file(
        wav_format(n_bits=64, tag=3), wav_chunk(b"data", np.linspace(-1, 1, 9).tobytes())
    ),
}


@pytest.mark.parametrize("encoded", CONTENTS.values(), ids=CONTENTS)
def test_plain_files_are_read_fast(encoded):
    assert_same_bits(encoded)


@pytest.mark.parametrize(
    "encoded",
    [wav_file(FORM, FORM, DATA), wav_file(FORM, DATA, wav_chunk(b"JUNK", b"odd")) + b"RIFX"],
    ids=["two formats", "noise behind"],
)
def test_what_libsndfile_stumbles_over_is_stepped_over(encoded):
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.info(io.BytesIO(encoded))
    np.testing.assert_array_equal(fast_samples(encoded), fast_samples(GOOD))


@pytest.mark.parametrize("size", [0, 2_000_000_000, 2**31 - 1, 2**31 - 37, 2**32 - 1, 2**32 - 37])
def test_a_size_that_nobody_knew_means_until_the_end(size):
    data = wav_chunk(b"data", b"\1\2" * 9, size)
    for encoded in (wav_file(FORM, data, size=2**32 - 1), wav_file(FORM, data, size=0)):
        np.testing.assert_array_equal(fast_samples(encoded), fast_samples(GOOD))
    with pytest.raises(AudioError, match="holds no samples"):
        audio.load(wav_file(FORM, wav_chunk(b"data", b"", size)))


def test_an_empty_chunk_of_samples_with_another_chunk_behind_is_empty():
    with pytest.raises(AudioError, match="holds no samples"):
        audio.load(wav_file(FORM, wav_chunk(b"data", b""), TEXTS))


LEFT_TO_FFMPEG = {
    "nothing more": b"RIFF",
    "no samples": wav_file(FORM),
    "no format before the samples": wav_file(DATA, FORM),
    "half a format": wav_file(wav_chunk(b"fmt ", FORM[8:20]), DATA),
    "12 bits": wav_file(wav_format(n_bits=12), wav_chunk(b"data", bytes(24))),
    "A-law": wav_file(wav_format(tag=6, n_bits=8), DATA),
    "16-bit floats": wav_file(wav_format(tag=3), DATA),
    "no channels": wav_file(wav_format(channels=0), DATA),
    "too many channels": wav_file(wav_format(channels=1025), wav_chunk(b"data", bytes(4100))),
    "no rate": wav_file(wav_format(rate=0), DATA),
    "a rate too high": wav_file(wav_format(rate=2**31), DATA),
    "frames of another size": wav_file(wav_format(block=4), DATA),
    "Ogg inside": wav_file(FORM, wav_chunk(b"data", b"OggS" * 9)),
    "WavPack inside": wav_file(FORM, wav_chunk(b"data", b"wvpk" * 9)),
    "no extension": wav_file(wav_format(tag=0xFFFE), DATA),
    "another extension": wav_file(extensible(subformat=bytes(16)), DATA),
    "a chunk that was not padded": wav_file(wav_chunk(b"JUNK", b"abc")[:-1], FORM, DATA),
    "thousands of chunks": wav_file(FORM, *[wav_chunk(b"JUNK", b"")] * 1000, DATA),
}


@pytest.mark.parametrize("encoded", LEFT_TO_FFMPEG.values(), ids=LEFT_TO_FFMPEG)
def test_other_files_are_left_to_ffmpeg(encoded):
    assert fast_samples(encoded) is None


def test_what_is_left_to_ffmpeg_has_the_samples_of_soundfile():
    noise = np.random.default_rng(0).uniform(-1, 1, size=(3000, 2))
    for subtype in ("ULAW", "ALAW"):
        file = io.BytesIO()
        soundfile.write(file, noise, 16000, format="WAV", subtype=subtype)
        assert fast_samples(file.getvalue()) is None
        expected, _ = soundfile.read(io.BytesIO(file.getvalue()), dtype="float32")
        np.testing.assert_array_equal(audio.load(file.getvalue()), expected.mean(axis=1))


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (GOOD[:44], "states 18 bytes of samples but 0 are present; the file is cut"),
        (GOOD[:-1], "states 18 bytes of samples but 17 are present; the file is cut"),
        (wav_file(FORM, JUNK, DATA)[:-1], "states 18 bytes of samples but 17 are present"),
        (wav_file(wav_format(tag=6, n_bits=8), DATA)[:-1], "but 17 are present; the file is cut"),
        (wav_file(FORM, DATA, DATA), "it continues with another recording"),
        (wav_file(FORM, DATA, TEXTS, JUNK, DATA), "it continues with another recording"),
        (GOOD + GOOD, "it continues with another recording"),
        (wav_file(wav_format(tag=6, n_bits=8), DATA) * 2, "it continues with another recording"),
    ],
    ids=range(8),
)
def test_files_that_were_cut_or_joined_are_refused(encoded, reason):
    for read in (audio.load, lambda source: audio.durations([source], sample_rate=16000)):
        with pytest.raises(AudioError, match=reason):
            read(encoded)


def test_float_samples_that_are_not_finite_are_refused():
    data = np.array([0, np.nan, np.inf, 1], "<f4").tobytes()
    encoded = wav_file(wav_format(tag=3, n_bits=32), wav_chunk(b"data", data))
    with pytest.raises(AudioError, match="2 of its 4 samples are NaN or infinite"):
        audio.load(encoded)
    np.testing.assert_array_equal(audio.load(encoded, duration=1 / 16000), [0])


def test_plain_files_are_not_opened_twice(tmp_path, monkeypatch):
    (tmp_path / "good.wav").write_bytes(GOOD)

    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(_ffmpeg, "opened", refuse)
    for name in ("exists", "isdir", "getsize", "isfile"):
        monkeypatch.setattr(os.path, name, refuse)
    assert len(audio.load(tmp_path / "good.wav")) == 9
    assert audio.durations([tmp_path / "good.wav"], sample_rate=16000) == 9 / 16000


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "shrinking.wav"
    path.write_bytes(wav_file(FORM, wav_chunk(b"data", b"\1\2" * 100_000)))
    understand = _wav.read_layout

    def then_shrink(*arguments, **options):
        layout = understand(*arguments, **options)
        os.truncate(path, 1000)
        return layout

    monkeypatch.setattr(_wav, "read_layout", then_shrink)
    clips, _, failures = audio.load_batch([path], sample_rate=16000, n_samples=90_000)
    assert "it was truncated while it was read" in failures[0][1]
    assert not clips.any()


def test_one_system_call_may_return_less_than_it_was_asked_for(tmp_path, monkeypatch):
    path = tmp_path / "long.wav"
    path.write_bytes(wav_file(wav_format(), wav_chunk(b"data", b"\1\2" * 100_000)))
    expected = audio.load(path)
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, n: read(descriptor, min(n, 30_000)))
    monkeypatch.setattr(_recording, "_MAX_FIRST_READ", 30_000)
    np.testing.assert_array_equal(audio.load(path), expected)


@pytest.mark.realdata
def test_real_recordings_have_the_bits_of_soundfile(real_data):
    paths = sorted(real_data.rglob("*.wav"))
    assert len(paths) >= 4666
    for path in paths:
        expected, rate = soundfile.read(path, dtype="float32")
        reader = reader_of(path)
        try:
            head = reader.read_at(0, 2**16)
            assert _wav.read_layout(reader, head, is_complete=len(head) < 2**16) is not None
        finally:
            reader.close()
        np.testing.assert_array_equal(audio.load(path, sample_rate=rate), expected)
