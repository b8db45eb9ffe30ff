"""Reading: every kind of source, and every way a recording can be broken."""

import io
import os

import librosa
import numpy as np
import pytest
import soundfile

from skaudio import audio
from skaudio.exceptions import AudioError

RATE = 44100


@pytest.fixture(scope="module")
def samples():
    return (0.1 * np.random.default_rng(0).normal(size=RATE // 2)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    for ending in ("wav", "flac", "ogg", "mp3"):
        soundfile.write(folder / f"sound.{ending}", samples, RATE)
    soundfile.write(folder / "stereo.wav", np.stack([samples, 0 * samples], axis=1), RATE)
    return folder


@pytest.mark.parametrize(
    "name", ["sound.wav", "sound.flac", "sound.ogg", "sound.mp3", "stereo.wav"]
)
def test_agrees_with_librosa_to_the_bit(folder, name):
    expected, _ = librosa.load(folder / name, sr=16000)
    np.testing.assert_array_equal(audio.load(folder / name), expected)


def test_all_kinds_of_source_are_the_same_recording(folder, samples):
    path = folder / "sound.flac"
    expected = audio.load(str(path))
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(audio.load(path), expected)
    np.testing.assert_array_equal(audio.load(path.read_bytes()), expected)
    np.testing.assert_array_equal(audio.load(io.BytesIO(path.read_bytes())), expected)
    decoded, rate = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(audio.load((decoded, rate)), expected)


def test_an_open_file_is_left_where_it_was(folder):
    with open(folder / "sound.wav", "rb") as file:
        file.seek(7)
        first = audio.load(file)
        assert file.tell() == 7
        np.testing.assert_array_equal(audio.load(file), first)


def test_bare_arrays_are_taken_at_the_rate_asked_for(samples):
    np.testing.assert_array_equal(audio.load(samples, sample_rate=8000), samples)


@pytest.mark.parametrize(("dtype", "full_scale"), [(np.int16, 2**15), (np.int32, 2**31)])
def test_pcm_integers_are_scaled_to_one(dtype, full_scale):
    values = np.array([full_scale // 2, -full_scale], dtype=dtype)
    np.testing.assert_array_equal(audio.load(values), [0.5, -1.0])


def test_8_bit_pcm_is_centred():
    np.testing.assert_array_equal(audio.load(np.array([0, 128, 192], np.uint8)), [-1, 0, 0.5])


def test_a_duration_is_kept_exactly(folder, samples):
    for source in (folder / "sound.wav", samples, (samples, 8000)):
        assert audio.load(source, duration=0.25).shape == (4000,)


def test_stopping_early_does_not_change_the_samples(folder):
    whole = audio.load(folder / "sound.wav")
    begun = audio.load(folder / "sound.wav", duration=0.2)
    np.testing.assert_allclose(begun, whole[:3200], atol=1e-6)


def test_a_wav_from_a_pipe_has_no_size_and_is_read(folder):
    wav = bytearray((folder / "sound.wav").read_bytes())
    expected = audio.load(bytes(wav))
    wav[4:8] = wav[40:44] = b"\xff" * 4
    np.testing.assert_array_equal(audio.load(bytes(wav)), expected)


def test_durations_without_decoding(folder, samples):
    sources = [folder / "sound.wav", samples, (samples, 22050)]
    np.testing.assert_allclose(
        audio.durations(sources, sample_rate=44100), [0.5, 0.5, 1.0], atol=1e-4
    )


@pytest.fixture(scope="module")
def broken(folder):
    """Name of a broken file, to the reason that the message must give."""
    flac = (folder / "sound.flac").read_bytes()
    mp3 = (folder / "sound.mp3").read_bytes()
    (folder / "cut.flac").write_bytes(flac[: len(flac) // 2])
    (folder / "cut.mp3").write_bytes(mp3[: len(mp3) // 2])
    wav = (folder / "sound.wav").read_bytes()
    (folder / "cut.wav").write_bytes(wav[: len(wav) // 2])
    (folder / "text.wav").write_text("hello")
    (folder / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "header.wav", np.zeros(0), 16000)
    soundfile.write(folder / "nan.wav", np.array([0.0, np.nan]), 16000, subtype="FLOAT")
    soundfile.write(folder / "inf.wav", np.array([np.inf, 0.0]), 16000, subtype="FLOAT")
    (folder / "directory.wav").mkdir()
    return {
        "missing.wav": "there is no such file",
        "directory.wav": "it is a directory",
        "text.wav": "it is not audio that libsndfile reads",
        "empty.wav": "the file is empty",
        "header.wav": "it holds no samples",
        "cut.flac": "the file is cut or damaged",
        "cut.wav": "promises 44100 bytes of samples and .* the file is cut or damaged",
        "nan.wav": "NaN or infinite",
        "inf.wav": "NaN or infinite",
    }


def test_each_broken_file_is_named_with_its_reason(folder, broken):
    for name, reason in broken.items():
        with pytest.raises(AudioError, match=reason) as caught:
            audio.load(folder / name)
        assert str(folder / name) in str(caught.value)
        assert caught.value.failures[0][0] == str(folder / name)


def test_a_file_that_ends_before_its_header_says(folder, broken, capfd):
    with pytest.raises(AudioError, match=r"promises 22050 samples and decoding ends after"):
        audio.load(folder / "cut.mp3")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (np.zeros(0), "holds no samples"),
        (b"", "it is empty"),
        (np.zeros((2, 3)), r"expected samples of shape \(n_samples,\), got shape \(2, 3\)"),
        (np.zeros(3, dtype=complex), "Complex data not supported"),
        ((np.zeros(3), -8000), "sampling rate is -8000; expected a positive number"),
        (None, "expected a path, bytes, .* got NoneType"),
        ([0.0, "x"], "expected a path, bytes, an open binary file"),
        (io.StringIO("text"), "text mode; open it with mode 'rb'"),
    ],
)
def test_other_sources_that_cannot_be_used(source, reason):
    with pytest.raises(AudioError, match=reason):
        audio.load(source)


def test_a_stream_that_cannot_seek_says_what_to_pass():
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as stream, pytest.raises(AudioError, match="pass its bytes"):
        audio.load(stream)


def test_find_unreadable_decodes_to_the_end(folder, broken):
    sources = [folder / "sound.wav", folder / "cut.flac", folder / "sound.flac", np.zeros(0)]
    assert [place for place, _ in audio.find_unreadable(sources)] == [1, 3]


def test_a_batch_reports_its_failures_by_place(samples):
    clips, failures = audio.load_batch(
        [samples, np.zeros(0)], sample_rate=RATE, n_samples=100, first_index=7
    )
    np.testing.assert_array_equal(clips[0], samples[:100])
    assert failures == [("X[8] (ndarray)", "it holds no samples")]
