"""Parts of recordings: the samples of the whole, found by time."""

import io
import pickle

import numpy as np
import pytest

from skaudio import MFCCTransformer, audio
from skaudio.audio import Segment
from skaudio.exceptions import AudioError
from skaudio.feature_extraction import _extractor
from tests.audio.builders import (
    RATE,
    as_int16,
    encode,
    encode_with_av,
    remux,
    syllables,
    untagged,
)

SECONDS = 24.3  # no whole number of frames
SOUND = syllables(SECONDS)
PCM = as_int16(SOUND)
VARIABLE = {"bitrate_mode": "VARIABLE", "compression_level": 0.3}

# How it is made, and how far samples may differ. AAC replaces what is inaudible by noise, at
# random; ADPCM and Opus never quite forget what was before.
ENCODED = {
    "wav": (lambda: encode(SOUND, "WAV"), 0),
    "wav, mu-law": (lambda: encode(SOUND, "WAV", "ULAW"), 0),
    "wav, MS ADPCM": (lambda: encode(SOUND, "WAV", "MS_ADPCM"), 0),
    "rf64": (lambda: encode(SOUND, "RF64"), 0),
    "w64": (lambda: encode(SOUND, "W64"), 0),
    "aiff": (lambda: encode(SOUND, "AIFF"), 0),
    "au": (lambda: encode(SOUND, "AU"), 0),
    "caf": (lambda: encode(SOUND, "CAF"), 0),
    "flac": (lambda: encode(SOUND, "FLAC"), 0),
    "mp3": (lambda: encode(SOUND, "MP3", **VARIABLE), 1e-6),
    "mp3 without a length": (lambda: untagged(encode(SOUND, "MP3", **VARIABLE)), 1e-6),
    "ogg": (lambda: encode(SOUND, "OGG"), 1e-6),
    "opus": (lambda: encode(np.repeat(SOUND, 3), "OGG", "OPUS", rate=48000), 1e-3),
    "m4a": (lambda: encode_with_av(SOUND, "ipod", "aac"), 2e-2),
    "alac": (lambda: encode_with_av(PCM, "ipod", "alac"), 0),
    "aac": (lambda: encode_with_av(SOUND, "adts", "aac"), 2e-2),
    "mka, flac": (lambda: encode_with_av(PCM, "matroska", "flac"), 0),
    "mka, aac": (lambda: encode_with_av(SOUND, "matroska", "aac"), 2e-2),
    "mp4 with a video": (lambda: encode_with_av(SOUND, "mp4", "aac", video=True), 2e-2),
    "ogg that begins late": (lambda: remux(encode(SOUND, "OGG"), "ogg", begin=100.0), 1e-6),
}
# The first five seconds are decoded from the start, behind them the decoder goes in.
PARTS = [(0, 1), (2.3, 3.0), (4.9, 5.6), (5.5, 6.1), (7.123, 8.5), (12, 13), (20.25, 23.75)]


def assert_slice(segment, whole, *, rate=RATE, tolerance=0.0):
    stop = None if segment.stop is None else round(segment.stop * rate)
    expected = whole[round(segment.start * rate) : stop]
    np.testing.assert_allclose(
        audio.load(segment, sample_rate=rate), expected, rtol=0, atol=tolerance
    )


@pytest.mark.parametrize("name", ENCODED)
def test_a_segment_of_a_file_has_the_samples_of_the_whole(tmp_path, name):
    make, tolerance = ENCODED[name]
    rate = 48000 if name == "opus" else RATE
    path = tmp_path / "recording"
    path.write_bytes(make())
    whole = audio.load(path, sample_rate=rate)
    assert len(whole) / rate == pytest.approx(SECONDS, abs=0.2)
    for start, stop in [*PARTS, (3.7, None), (22.9, None), (0, None)]:
        assert_slice(Segment(path, start, stop), whole, rate=rate, tolerance=tolerance)


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [("webm", "libopus", 16000), ("webm", "libopus", 48000), ("mp4", "libopus", 48000),
     ("matroska", "vorbis", 16000)],
)  # fmt: skip
def test_a_segment_of_a_file_that_counts_milliseconds_is_found_as_exactly(container, codec, rate):
    original = syllables(SECONDS, rate)
    if codec == "vorbis":
        encoded = remux(encode(original, "OGG", rate=rate), container)
    else:
        encoded = encode_with_av(original, container, codec, rate=rate)
    whole = audio.load(encoded, sample_rate=48000)
    for start, stop in PARTS:
        segment = audio.load(Segment(encoded, start, stop), sample_rate=48000)
        assert len(segment) == round((stop - start) * 48000)
        position = round(start * 48000)
        likeness = [
            segment[1000:-1000] @ whole[position + lag :][1000 : len(segment) - 1000]
            for lag in range(-800, 801, 16)
            if position + lag >= 0
        ]
        lags = [lag for lag in range(-800, 801, 16) if position + lag >= 0]
        assert abs(lags[np.argmax(likeness)]) <= 48 + 16


@pytest.mark.parametrize("kind", ["array", "pair", "bytes", "open file", "rendered"])
def test_any_recording_has_segments(kind):
    encoded = encode(SOUND, "FLAC")
    sources = {
        "array": SOUND,
        "pair": (PCM, RATE),
        "bytes": encoded,
        "open file": io.BytesIO(encoded),
        "rendered": Segment(encoded, 0, SECONDS),
    }
    for start, stop in [*PARTS, (5.9, None)]:
        assert_slice(Segment(sources[kind], start, stop), SOUND)


def test_a_segment_of_a_segment():
    assert_slice(Segment(Segment(SOUND, 5.0, 20.0), 3.0, 4.0), SOUND[5 * RATE :])


@pytest.mark.parametrize("rate", [8000, 44100])
def test_a_segment_is_resampled_like_the_whole(rate):
    whole = audio.load((SOUND, RATE), sample_rate=rate)
    for source in ((SOUND, RATE), encode(SOUND, "FLAC")):
        segment = audio.load(Segment(source, 7.0, 9.0), sample_rate=rate)
        assert len(segment) == 2 * rate
        # The filter reaches over the ends, where the segment has nothing.
        inner = slice(rate // 10, -rate // 10)
        np.testing.assert_allclose(segment[inner], whole[7 * rate : 9 * rate][inner], atol=1e-5)


def test_no_more_is_read_than_is_wanted():
    segment = Segment(SOUND, 2.0, 9.0)
    np.testing.assert_array_equal(audio.load(segment, duration=0.5), SOUND[32000:40000])
    np.testing.assert_array_equal(audio.load(segment, offset=1.0, duration=0.5), SOUND[48000:56000])
    clips, lengths, failures = audio.load_batch([segment], sample_rate=RATE, n_samples=8000)
    assert (lengths.tolist(), failures) == ([8000], [])
    np.testing.assert_array_equal(clips[0], SOUND[32000:40000])


@pytest.mark.parametrize("name", ["array", *ENCODED])
def test_what_lies_beyond_the_end_is_refused(name):
    source = ENCODED[name][0]() if name in ENCODED else SOUND
    for segment in (Segment(source, 30, 31), Segment(source, 30), Segment(source, SECONDS + 1, 40)):
        with pytest.raises(AudioError, match=r"it ends before (30|25\.3) s"):
            audio.load(segment)
    with pytest.raises(AudioError, match=r"it ends .*before the segment does \(26 s\)"):
        audio.load(Segment(source, 23, 26))
    with pytest.raises(AudioError, match=r"it ends before 30 s"):
        audio.load(source, offset=30)


def test_labels_may_be_rounded():
    assert len(audio.load(Segment(SOUND, 23.0, SECONDS + 0.05))) == round((SECONDS - 23) * RATE)
    with pytest.raises(AudioError, match="before the segment does"):
        audio.load(Segment(SOUND, 23.0, SECONDS + 0.2))


def test_failures_name_the_recording(tmp_path):
    missing = Segment(tmp_path / "missing.wav", 1.0, 2.0)
    nameless = Segment(SOUND, 23.0, 30.0)
    _, _, failures = audio.load_batch([missing, nameless], sample_rate=RATE, n_samples=RATE * 9)
    assert [name for name, _ in failures] == [str(tmp_path / "missing.wav"), "X[1] (Segment)"]
    with pytest.raises(AudioError, match=r"missing\.wav: there is no such file"):
        audio.load(missing)
    with pytest.raises(AudioError, match=r"missing\.wav: there is no such file"):
        audio.durations([Segment(tmp_path / "missing.wav", 1.0)], sample_rate=RATE)


@pytest.mark.parametrize(
    ("start", "stop"),
    [(1.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (-1.0, None), (np.nan, 1.0), (0.0, np.nan),
     (np.nan, None), (np.inf, None), (0.0, 0.0), (0.0, -1.0)],
)  # fmt: skip
def test_a_segment_must_have_a_start_before_its_stop(start, stop):
    with pytest.raises(ValueError, match=r"must have 0 <= start < stop, in seconds\. Got start="):
        Segment("recording.wav", start, stop)


def test_it_is_a_value():
    assert Segment("a.wav", 1, 2) == Segment("a.wav", 1.0, 2.0) != Segment("a.wav", 1, 3)
    assert len({Segment("a.wav", 1, 2), Segment("a.wav", 1, 2)}) == 1
    assert isinstance(Segment("a.wav"), audio.RenderableRecording)
    with pytest.raises(AttributeError):
        Segment("a.wav").start = 3.0


def test_a_duration_that_is_stated_needs_no_file(tmp_path):
    segments = [Segment(tmp_path / "missing.wav", 1.5, 4.0), Segment(SOUND, 20.0)]
    np.testing.assert_allclose(audio.durations(segments, sample_rate=RATE), [2.5, SECONDS - 20])


def test_fingerprints_tell_segments_apart(tmp_path):
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path in paths:
        path.write_bytes(encode(SOUND, "WAV"))
    ends = [(0, None), (0, 1), (0, 2), (1, 2), (1, None)]
    segments = [Segment(source, *pair) for source in (*paths, SOUND, PCM) for pair in ends]
    prints = [audio.fingerprint(segment) for segment in segments]
    assert len(set(prints)) == len(segments)
    assert not set(prints) & {audio.fingerprint(whole) for whole in (*paths, SOUND, PCM)}
    again = [Segment(segment.source, float(segment.start), segment.stop) for segment in segments]
    assert [audio.fingerprint(segment) for segment in again] == prints
    assert audio.fingerprint(Segment(SOUND.copy(), 1, 2)) == audio.fingerprint(Segment(SOUND, 1, 2))
    with pytest.raises(AudioError, match="no such file"):
        audio.fingerprint(Segment(tmp_path / "missing.wav", 1, 2))


@pytest.mark.parametrize("source", ["recording.wav", (SOUND, 8000), b"RIFF"], ids=type)
def test_it_pickles(source):
    segment = Segment(source, 1.5, 2.5)
    copy = pickle.loads(pickle.dumps(segment))
    assert (type(copy), copy.start, copy.stop) == (Segment, 1.5, 2.5)
    if not isinstance(source, str):
        assert audio.fingerprint(copy) == audio.fingerprint(segment)


def test_features_of_segments_are_kept_and_found_again(tmp_path, monkeypatch):
    path = tmp_path / "long.flac"
    path.write_bytes(encode(SOUND, "FLAC"))
    segments = [Segment(path, start, start + 1) for start in range(0, 24, 2)]
    transformer = MFCCTransformer(memory=tmp_path / "store")
    features = transformer.fit_transform(segments)
    np.testing.assert_allclose(
        features, MFCCTransformer().fit_transform(SOUND[: 24 * RATE].reshape(12, 2, -1)[:, 0])
    )
    again = [Segment(str(path), segment.start, segment.stop) for segment in segments]
    with monkeypatch.context() as patch:
        patch.setattr(_extractor.audio, "load_batch", None)
        np.testing.assert_array_equal(transformer.transform(again), features)
    other = transformer.transform([Segment(path, 0.5, 1.5)])
    assert np.abs(other - features[0]).max() > 1


@pytest.mark.parametrize("offset", [-1.0, -1e-9, np.nan, np.inf])
def test_an_offset_that_is_none_is_refused(offset):
    with pytest.raises(ValueError, match="offset parameter of load must be a number of seconds"):
        audio.load(SOUND, offset=offset)
