"""MP3 files that do not state their length."""

import io

import numpy as np
import pytest
import soundfile

from skaudio import audio
from skaudio.audio import _mp3
from skaudio.audio._bytes import reader_of
from skaudio.exceptions import AudioError

SECONDS = 4


def without_tag(rate, channels, levels, **options):
    """An MP3 file without the frame that states its length."""
    rng = np.random.default_rng(0)
    parts = [level * rng.normal(size=(SECONDS * rate // 2, channels)) for level in levels]
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, channels, format="MP3", **options) as writer:
        writer.write(np.concatenate(parts))
    encoded = file.getvalue()
    return encoded[_mp3._read_frame(encoded[:4]).n_bytes :]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [48000, 44100, 22050, 8000])
def test_frames_are_counted(rate, channels):
    options = {"bitrate_mode": "VARIABLE", "compression_level": 0.3}
    encoded = without_tag(rate, channels, [1e-4, 0.3], **options)
    expected = pytest.approx(SECONDS, abs=4 * 1152 / rate)
    dressed = b"ID3\4\0\0\0\0\0\5abcde" + encoded + b"TAG" + bytes(125)
    for source in (encoded, dressed):
        assert not _mp3.states_length(reader_of(source))
        assert _mp3.count_samples(reader_of(source)) / rate == expected
        assert audio.durations([source], sample_rate=rate)[0] == expected
    assert _mp3.count_samples(reader_of(encoded + bytes(10_000))) is None


def test_a_file_that_states_its_length_is_not_counted():
    file = io.BytesIO()
    soundfile.write(file, np.zeros(9000), 44100, format="MP3")
    assert _mp3.states_length(reader_of(file.getvalue()))
    assert _mp3.count_samples(reader_of(file.getvalue())) is None
    assert _mp3.count_samples(reader_of(b"RIFF")) is None


def test_a_constant_rate_needs_no_length(capfd):
    encoded = without_tag(44100, 1, [0.1, 0.1], bitrate_mode="CONSTANT", compression_level=0.5)
    expected, rate = soundfile.read(io.BytesIO(encoded), dtype="float32")
    samples = audio.load(encoded, sample_rate=rate)
    np.testing.assert_array_equal(samples, expected)
    assert len(samples) / rate == pytest.approx(SECONDS, abs=0.1)


def test_an_end_that_cannot_be_read_is_not_lost_in_silence(capfd):
    options = {"bitrate_mode": "VARIABLE", "compression_level": 0.3}
    encoded = without_tag(44100, 1, [1e-4, 0.3], **options)
    assert len(soundfile.read(io.BytesIO(encoded))[0]) < 0.95 * SECONDS * 44100
    with pytest.raises(AudioError, match="does not state its length, and libsndfile finds"):
        audio.load(encoded)
    assert len(audio.load(encoded, duration=1.0)) == 16000


def test_an_estimate_that_is_too_long_is_no_cut(capfd):
    # The first frame has a low bit rate, hence an estimate that is too long.
    encoded = without_tag(44100, 1, [0.3, 0.3], bitrate_mode="CONSTANT", compression_level=0.5)
    silent = without_tag(44100, 1, [0, 0], bitrate_mode="VARIABLE", compression_level=0.9)
    first = silent[: _mp3._read_frame(silent[:4]).n_bytes]
    assert len(first) < _mp3._read_frame(encoded[:4]).n_bytes
    samples = audio.load(first + encoded, sample_rate=44100)
    assert len(samples) / 44100 == pytest.approx(SECONDS, abs=0.2)
