"""Reading: every kind of source, and every way a recording can be broken."""

import io
import itertools
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import librosa
import numpy as np
import pytest
import soundfile

from skaudio import MFCCTransformer, audio
from skaudio.exceptions import AudioError

RATE = 44100
NAMES = ["sound.wav", "sound.flac", "sound.ogg", "sound.mp3", "stereo.wav"]

# Decoders of lossy formats round differently.
TOLERANCE = {"sound.ogg": 1e-5, "sound.mp3": 1e-5}


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_librosa(folder, name):
    """To the bit, where the format is lossless."""
    expected, _ = librosa.load(folder / name, sr=16000)
    np.testing.assert_allclose(
        audio.load(folder / name), expected, rtol=0, atol=TOLERANCE.get(name, 0)
    )


@pytest.mark.parametrize("name", NAMES)
def test_all_kinds_of_source_are_the_same_recording(folder, name):
    path = folder / name
    expected = audio.load(str(path))
    assert expected.dtype == np.float32
    encoded = path.read_bytes()
    sources = [path, encoded, bytearray(encoded), memoryview(encoded), io.BytesIO(encoded)]
    sources.append(memoryview(np.repeat(np.frombuffer(encoded, np.uint8), 2))[::2])
    sources.append((audio.load(path, sample_rate=RATE), RATE))
    for source in sources:
        np.testing.assert_array_equal(audio.load(source), expected)
        clips, _, failures = audio.load_batch([source], sample_rate=16000, n_samples=4000)
        assert failures == []
        np.testing.assert_allclose(clips[0], expected[:4000], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_an_open_file_is_left_where_it_was(folder, name):
    with open(folder / name, "rb") as file:
        file.seek(7)
        first = audio.load(file)
        assert file.tell() == 7
        np.testing.assert_array_equal(audio.load(file), first)
        assert audio.durations([file], sample_rate=16000)[0] == pytest.approx(0.5, abs=1e-3)
        assert file.tell() == 7


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux only")
def test_names_that_are_no_valid_text(folder, tmp_path):
    for name in ("sound.flac", "sound.wav"):
        path = os.path.join(os.fsencode(tmp_path), b"\xe9t\xe9-" + name.encode())
        with open(path, "wb") as file:
            file.write((folder / name).read_bytes())
        np.testing.assert_array_equal(audio.load(os.fsdecode(path)), audio.load(folder / name))


def test_bare_arrays_are_taken_at_the_rate_asked_for(samples):
    np.testing.assert_array_equal(audio.load(samples, sample_rate=8000), samples)


def test_what_load_returns_is_not_the_users_array(samples):
    before = samples.copy()
    loaded = audio.load(samples)
    loaded[:] = 9
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize(
    ("dtype", "full_scale"), [("<i2", 2**15), (">i2", 2**15), ("<i4", 2**31), (">i4", 2**31)]
)
def test_pcm_integers_are_scaled_to_one(dtype, full_scale):
    values = np.array([full_scale // 2, -full_scale], dtype=dtype)
    np.testing.assert_array_equal(audio.load(values), [0.5, -1.0])


def test_8_bit_pcm_is_centred():
    np.testing.assert_array_equal(audio.load(np.array([0, 128, 192], np.uint8)), [-1, 0, 0.5])


def test_a_duration_is_kept_exactly(folder, samples):
    for source in (folder / "sound.wav", samples, (samples, 8000)):
        assert audio.load(source, duration=0.25).shape == (4000,)


@pytest.mark.parametrize(
    ("duration", "sample_rate", "n_samples"), [(0.07, 100, 7), (0.3, 16000, 4800), (1e-12, 8000, 1)]
)
def test_a_duration_is_as_many_samples_as_in_a_transformer(duration, sample_rate, n_samples):
    clip = np.ones(16000)
    assert len(audio.load(clip, sample_rate=sample_rate, duration=duration)) == n_samples


@pytest.mark.parametrize("duration", [0, -1.0, np.nan, np.inf])
def test_a_duration_that_is_none_is_refused(samples, duration):
    with pytest.raises(ValueError, match="duration parameter of load must be a positive number"):
        audio.load(samples, duration=duration)


@pytest.mark.parametrize("name", NAMES)
def test_stopping_early_does_not_change_the_samples(folder, name):
    whole = audio.load(folder / name)
    begun = audio.load(folder / name, duration=0.2)
    np.testing.assert_allclose(begun, whole[:3200], atol=1e-6)


@pytest.mark.parametrize(
    ("rate", "sample_rate"), [(44100, 16000), (1000, 16000), (62.5, 16000), (48000, 500)]
)
def test_stopping_early_does_not_change_the_samples_at_any_rate(rate, sample_rate):
    n_samples = int((1 + 1000 / min(rate, sample_rate)) * rate)
    source = (np.random.default_rng(0).uniform(-1, 1, size=n_samples), rate)
    whole = audio.load(source, sample_rate=sample_rate)
    begun = audio.load(source, sample_rate=sample_rate, duration=1.0)
    np.testing.assert_allclose(begun, whole[:sample_rate], atol=2e-6)


def test_a_wav_from_a_pipe_has_no_size_and_is_read(folder):
    wav = bytearray((folder / "sound.wav").read_bytes())
    expected = audio.load(bytes(wav))
    wav[4:8] = wav[40:44] = b"\xff" * 4
    np.testing.assert_array_equal(audio.load(bytes(wav)), expected)


@pytest.mark.parametrize("name", NAMES)
def test_durations_without_decoding(folder, samples, name):
    sources = [folder / name, (folder / name).read_bytes(), samples, (samples, 22050)]
    np.testing.assert_allclose(
        audio.durations(sources, sample_rate=44100), [0.5, 0.5, 0.5, 1.0], atol=1e-3
    )


def test_each_broken_file_is_named_with_its_reason(folder, broken):
    for name, reason in broken.items():
        with pytest.raises(AudioError, match=reason) as caught:
            audio.load(folder / name)
        assert str(folder / name) in str(caught.value)
        assert caught.value.failures[0][0] == str(folder / name)


def test_each_broken_file_is_a_failure_of_its_batch(folder, broken, samples):
    sources = [samples, *(folder / name for name in broken), folder / "sound.wav"]
    clips, _, failures = audio.load_batch(sources, sample_rate=16000, n_samples=8000)
    assert [name for name, _ in failures] == [str(folder / name) for name in broken]
    assert not clips[1:-1].any()
    np.testing.assert_allclose(clips[-1], audio.load(folder / "sound.wav")[:8000], atol=1e-6)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (np.zeros(0), "holds no samples"),
        (b"", "it is empty"),
        (io.BytesIO(), "it is empty"),
        (np.zeros((2, 3)), r"expected samples of shape \(n_samples,\), got shape \(2, 3\)"),
        (np.zeros(3, dtype=complex), "Complex data not supported"),
        ((np.zeros(3), -8000), "sampling rate is -8000; expected a positive number"),
        ((np.zeros(3), 1e9), r"sampling rate is 1e\+09 Hz, which is too far from"),
        ((np.zeros(3), np.inf), "sampling rate is inf Hz, which is too far from"),
        (None, "expected a path, bytes, .* got NoneType"),
        ([0.0, "x"], "expected a path, bytes, an open binary file"),
        (np.array([0.0, 1e300]), "1 of its 2 samples is NaN or infinite"),
        (io.StringIO("text"), "text mode; open it with mode 'rb'"),
        ("nul\0byte.wav", "there is no such file"),
    ],
)
def test_other_sources_that_cannot_be_used(source, reason):
    for read in (audio.load, lambda source: audio.durations([source], sample_rate=16000)):
        with pytest.raises(AudioError, match=reason):
            read(source)


def test_one_open_file_may_stand_in_several_places(folder):
    file = io.BytesIO((folder / "sound.flac").read_bytes())
    expected = MFCCTransformer(duration=0.5).fit_transform([file])
    transformer = MFCCTransformer(duration=0.5, n_jobs=2)
    features = transformer.fit_transform([file] * 16)
    np.testing.assert_array_equal(features, np.repeat(expected, 16, axis=0))


def test_threads_take_turns_with_an_open_file(folder):
    encoded = (folder / "sound.flac").read_bytes()
    reading = []

    class Watched(io.BytesIO):
        def read(self, size=-1):
            reading.append(threading.get_ident())
            return super().read(size)

    file = Watched(encoded)
    with ThreadPoolExecutor(4) as threads:
        clips = list(threads.map(audio.load, [file] * 12))
    for clip in clips:
        np.testing.assert_array_equal(clip, audio.load(encoded))
    changes = sum(one != other for one, other in itertools.pairwise(reading))
    assert len(reading) > 12 > changes  # a thread is never interrupted


def test_an_open_file_that_failed_can_be_read_by_other_threads():
    file = io.BytesIO(b"no audio at all")
    for _ in range(2):
        with ThreadPoolExecutor(1) as thread:
            assert isinstance(thread.submit(audio.load, file).exception(timeout=10), AudioError)
    file.close()
    with ThreadPoolExecutor(1) as thread:
        assert isinstance(thread.submit(audio.load, file).exception(timeout=10), AudioError)


def test_text_files_and_closed_files(folder):
    with open(folder / "sound.wav") as file, pytest.raises(AudioError, match="text mode"):
        audio.load(file)
    with open(folder / "sound.wav", "rb") as file:
        pass
    with pytest.raises(AudioError, match=r"cannot be read .*closed"):
        audio.load(file)


def test_a_stream_that_cannot_seek_says_what_to_pass():
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as stream, pytest.raises(AudioError, match="pass its bytes"):
        audio.load(stream)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_named_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match="not a regular file"):
        audio.load(tmp_path / "pipe.wav")


def test_channels_that_overflow_are_refused_without_a_warning():
    file = io.BytesIO()
    huge = np.full((3, 2), 3e38)
    soundfile.write(file, huge, 16000, format="WAV", subtype="FLOAT")
    with warnings.catch_warnings(action="error"), pytest.raises(AudioError, match="infinite"):
        audio.load(file)


def test_find_unreadable_decodes_to_the_end(folder, broken):
    sources = [folder / "sound.wav", folder / "cut.flac", folder / "sound.flac", np.zeros(0)]
    assert [index for index, _ in audio.find_unreadable(sources)] == [1, 3]


def test_find_unreadable_knows_the_rate_wanted():
    source = (np.zeros(100), 100)
    assert audio.find_unreadable([source]) == []
    assert audio.find_unreadable([source], sample_rate=48000) != []


def test_a_batch_reports_its_failures_by_place(samples):
    clips, _, failures = audio.load_batch(
        [samples, np.zeros(0)], sample_rate=RATE, n_samples=100, indices=[2, 8]
    )
    np.testing.assert_array_equal(clips[0], samples[:100])
    assert failures == [("X[8] (ndarray)", "it holds no samples")]


def test_a_batch_is_followed_by_zeros(folder, samples):
    sources = [folder / "sound.wav", samples, (samples, RATE), folder / "sound.flac"]
    n_samples = len(samples) + 5
    clips, lengths, _ = audio.load_batch(sources, sample_rate=RATE, n_samples=n_samples)
    assert lengths.tolist() == [len(samples)] * 4
    assert (clips[:, -5:] == 0).all()
    for clip, source in zip(clips, sources, strict=True):
        np.testing.assert_array_equal(clip[:-5], audio.load(source, sample_rate=RATE))


def test_a_batch_of_prepared_clips(folder, samples):
    sources = [folder / "sound.wav", samples, np.zeros(0)]
    clips, lengths, failures = audio.load_batch(
        sources, sample_rate=RATE, n_samples=30, prepare=lambda samples: samples[-20:]
    )
    assert lengths.tolist() == [20, 20, 0]
    assert len(failures) == 1
    np.testing.assert_array_equal(clips[1, :20], samples[-20:])
    assert not clips[:, 20:].any()
    longer, lengths, _ = audio.load_batch(
        sources, sample_rate=RATE, n_samples=5, prepare=lambda samples: samples[-20:]
    )
    np.testing.assert_array_equal(longer, clips[:, :5])
    assert lengths.tolist() == [5, 5, 0]
