"""The fast reader of PCM WAV files: libsndfile's samples to the bit, or none."""

import io
import os
import struct

import numpy as np
import pytest
import soundfile

from skaudio import audio
from skaudio.audio import _libsndfile, _recording, _wav
from skaudio.audio._bytes import reader_of


def wav_chunk(name, content):
    """One chunk with its padding."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def wav_file(*chunks):
    """A WAV file of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def wav_format(*, tag=1, channels=1, rate=16000, n_bits=16, extra=b""):
    """A format chunk."""
    frame_bytes = channels * n_bits // 8
    form = struct.pack(
        "<HHIIHH", tag, channels, rate, rate * frame_bytes % 2**32, frame_bytes % 2**16, n_bits
    )
    return wav_chunk(b"fmt ", form + extra)


SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
TEXTS = wav_chunk(
    b"LIST", b"INFO" + wav_chunk(b"ISFT", b"a program\0") + wav_chunk(b"IART", b"odd")
)


def fast_samples(encoded):
    """What the fast reader makes of a file; None if it leaves it to libsndfile."""
    reader = reader_of(encoded)
    layout = _wav.read_layout(reader, memoryview(encoded), whole=True)
    if layout is None:
        return None
    out = np.empty(layout.n_frames, np.float32)
    assert _wav.read_samples(reader, b"", layout, out)
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


@pytest.mark.parametrize(
    "encoded",
    [
        wav_file(wav_format(), wav_chunk(b"data", b"\1\2" * 9)),
        wav_file(wav_format(), wav_chunk(b"data", b"\1\2\3")),
        wav_file(wav_format(), wav_chunk(b"data", b"\1\2\3"))[:-1],
        wav_file(wav_format(), wav_chunk(b"data", b"\1\2\3")) + b"abcd",
        wav_file(wav_format(extra=b"\0\0"), wav_chunk(b"data", b"\1\2")),
        wav_file(wav_format(), TEXTS, wav_chunk(b"data", b"\1\2" * 9)),
        wav_file(TEXTS, wav_format(), wav_chunk(b"data", b"\1\2" * 9)),
        wav_file(wav_format(), wav_chunk(b"data", b"\1\2" * 9), TEXTS),
        wav_file(wav_format(), wav_chunk(b"data", b"\1\2\3"), TEXTS, wav_chunk(b"JUNK", b"abc")),
        wav_file(wav_format(), wav_chunk(b"data", b"\1\2"), wav_chunk(b"id3 ", b"ID3\3data")),
        wav_file(wav_chunk(b"JUNK", bytes(7)), wav_format(), wav_chunk(b"data", b"\1\2")),
        wav_file(wav_format(rate=1), wav_chunk(b"data", b"\1\2" * 9)),
        wav_file(wav_format(rate=2**31 - 1), wav_chunk(b"data", b"\1\2" * 9)),
        wav_file(wav_format(channels=1024), wav_chunk(b"data", b"\1\2" * 2048)),
    ],
    ids=range(14),
)
def test_plain_files_are_read_fast(encoded):
    expected, _ = soundfile.read(io.BytesIO(encoded), dtype="float32", always_2d=True)
    np.testing.assert_array_equal(fast_samples(encoded), expected.mean(axis=1))


GOOD = wav_file(wav_format(), wav_chunk(b"data", b"\1\2" * 9))


@pytest.mark.parametrize(
    "encoded",
    [
        b"RIFF",
        GOOD[:44],
        GOOD[:-1],
        b"RIFX" + GOOD[4:],
        wav_file(wav_format()),
        wav_file(wav_chunk(b"data", b"\1\2" * 9), wav_format()),
        wav_file(wav_format(), wav_format(), wav_chunk(b"data", b"\1\2" * 9)),
        wav_file(wav_format(n_bits=12), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(n_bits=64, tag=3), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(tag=6, n_bits=8), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(tag=3), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(channels=0), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(channels=1025), wav_chunk(b"data", bytes(4100))),
        wav_file(wav_format(rate=0), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(rate=2**31), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(), wav_chunk(b"cue ", bytes(24)), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(), wav_chunk(b"data", bytes(24)), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(), wav_chunk(b"data", b"OggS" * 9)),
        wav_file(wav_format(), wav_chunk(b"JUNK", bytes(5000)), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(), wav_chunk(b"data", bytes(24)), wav_chunk(b"JUNK", bytes(5000))),
        wav_file(wav_format(), wav_chunk(b"data", bytes(24)), wav_chunk(b"JUNK", b"odd")) + b"RIFX",
        wav_file(wav_format(), wav_chunk(b"LIST", b"INFOdata"), wav_chunk(b"data", bytes(24))),
        wav_file(wav_format(tag=0xFFFE), wav_chunk(b"data", bytes(24))),
        wav_file(
            wav_format(tag=0xFFFE, extra=struct.pack("<HHIH", 22, 12, 0, 1) + SUBFORMAT_TAIL),
            wav_chunk(b"data", bytes(24)),
        ),
    ],
    ids=range(24),
)
def test_other_files_are_left_to_libsndfile(encoded):
    assert fast_samples(encoded) is None


def test_float_samples_that_are_not_finite_are_refused():
    data = np.array([0, np.nan, np.inf, 1], "<f4").tobytes()
    encoded = wav_file(wav_format(tag=3, n_bits=32), wav_chunk(b"data", data))
    with pytest.raises(audio._loading.AudioError, match="2 of its 4 samples are NaN or infinite"):
        audio.load(encoded)
    np.testing.assert_array_equal(audio.load(encoded, duration=1 / 16000), [0])


def test_plain_files_are_not_opened_twice(tmp_path, monkeypatch):
    (tmp_path / "good.wav").write_bytes(GOOD)

    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(_libsndfile, "opened", refuse)
    for name in ("exists", "isdir", "getsize", "isfile"):
        monkeypatch.setattr(os.path, name, refuse)
    assert len(audio.load(tmp_path / "good.wav")) == 9
    assert audio.durations([tmp_path / "good.wav"], sample_rate=16000) == 9 / 16000


def test_a_file_that_shrinks_while_it_is_read_is_libsndfiles(tmp_path, monkeypatch):
    path = tmp_path / "shrinking.wav"
    path.write_bytes(wav_file(wav_format(), wav_chunk(b"data", b"\1\2" * 100_000)))
    understand = _wav.read_layout

    def then_shrink(*arguments, **options):
        layout = understand(*arguments, **options)
        os.truncate(path, 1000)
        return layout

    monkeypatch.setattr(_wav, "read_layout", then_shrink)
    clips, _, failures = audio.load_batch([path], sample_rate=16000, n_samples=90_000)
    assert "header promises 200000 bytes of samples and 956 are there" in failures[0][1]
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
            head = reader.head(2**16)
            assert _wav.read_layout(reader, head, whole=len(head) < 2**16) is not None
        finally:
            reader.close()
        np.testing.assert_array_equal(audio.load(path, sample_rate=rate), expected)
