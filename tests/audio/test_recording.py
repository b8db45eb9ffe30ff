"""Recordings that render themselves."""

import numpy as np
import pytest

from skaudio import MFCCTransformer, audio
from skaudio.exceptions import AudioError


class Louder:
    """Another recording at a different gain."""

    def __init__(self, source, gain=2.0):
        self.source, self.gain = source, gain

    def render(self, *, sample_rate, duration):
        return self.gain * audio.load(self.source, sample_rate=sample_rate, duration=duration)

    def duration(self, *, sample_rate):
        return audio.durations([self.source], sample_rate=sample_rate)[0]

    def fingerprint(self):
        return audio.fingerprint(self.source)[:8] + np.float64(self.gain).tobytes()


def test_it_is_one_by_its_methods():
    assert isinstance(Louder(None), audio.RenderableRecording)
    assert not isinstance(np.zeros(3), audio.RenderableRecording)


def test_it_stands_where_a_recording_may(folder):
    path = folder / "sound.wav"
    source = Louder(path)
    np.testing.assert_array_equal(audio.load(source), 2 * audio.load(path))
    clips, _, failures = audio.load_batch([source, path], sample_rate=16000, n_samples=9000)
    assert failures == []
    np.testing.assert_array_equal(clips[0], 2 * clips[1])
    assert audio.durations([source], sample_rate=16000) == 0.5
    assert audio.find_unreadable([source]) == []
    assert audio.fingerprint(source) == audio.fingerprint(Louder(path))
    assert audio.fingerprint(source) != audio.fingerprint(path)
    features = MFCCTransformer().fit_transform([source, path])
    assert features.shape[0] == 2


def test_what_is_wanted_is_passed_on():
    asked = []

    class Recording:
        def render(self, *, sample_rate, duration):
            asked.append((sample_rate, duration))
            return np.ones(10, np.float32)

    audio.load_batch([Recording()], sample_rate=8000, n_samples=4)
    audio.load(Recording(), sample_rate=8000)
    assert asked == [(8000, 4 / 8000), (8000, None)]
    clips, _, _ = audio.load_batch([Recording(), Recording()], sample_rate=8000, n_samples=4)
    assert clips.tolist() == [[1.0] * 4] * 2


def test_failures_inside_keep_their_names(folder, broken):
    missing = Louder(folder / "missing.wav")
    nested = Louder(Louder(folder / "empty.wav"))
    nameless = Louder(np.array([np.nan]))
    clips, _, failures = audio.load_batch(
        [missing, nested, nameless], sample_rate=16000, n_samples=9, indices=[3, 4, 5]
    )
    assert [name for name, _ in failures] == [
        str(folder / "missing.wav"),
        str(folder / "empty.wav"),
        "X[5] (Louder)",
    ]
    assert not clips.any()
    with pytest.raises(AudioError, match=r"missing\.wav: there is no such file"):
        audio.load(missing)
    with pytest.raises(AudioError, match=r"missing\.wav: there is no such file"):
        audio.durations([missing], sample_rate=16000)
    ((_, reason),) = audio.find_unreadable([missing])
    assert str(folder / "missing.wav") in reason


@pytest.mark.parametrize(
    ("rendered", "reason"),
    [
        ([0.0, np.nan], "1 of its 2 samples is NaN"),
        ([], "it holds no samples"),
        (np.zeros((2, 2)), r"got shape \(2, 2\)"),
        (None, "got NoneType"),
    ],
)
def test_what_is_rendered_is_checked(rendered, reason):
    class Recording:
        def render(self, *, sample_rate, duration):
            return rendered

    with pytest.raises(AudioError, match=reason):
        audio.load(Recording())
