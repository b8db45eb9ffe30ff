"""Effects of other libraries: reproducible, checked, sent to other processes, never stored."""

import pickle
import random
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.base import clone

from skaudio import AudioError, MFCCTransformer, WaveformAugmenter, audio
from skaudio.augmentation import AugmentedRecording, Recipe, SeededEffect

RATE = 16000
CLIPS = np.random.default_rng(0).normal(scale=0.1, size=(8, 4000)).astype(np.float32)


class NoiseAndGain:
    """Called as audiomentations' effects are, draws and keeps what it drew as they do."""

    def __init__(self, decibels=12.0):
        self.decibels = decibels

    def __call__(self, samples, sample_rate):
        self.gain = 10 ** (random.uniform(-self.decibels, self.decibels) / 20)
        time.sleep(0.001)  # let another thread draw, if it may
        noise = np.random.normal(scale=0.01, size=len(samples))  # noqa: NPY002
        return self.gain * samples + noise.astype(np.float32)


# Worker processes cannot import the tests; what belongs to __main__ is sent by value.
NoiseAndGain.__module__ = "__main__"


@pytest.fixture(params=["own", "audiomentations"])
def effect(request):
    if request.param == "own":
        return NoiseAndGain()
    # Not among the packages of the tests, since it asks for soxr < 1: they would all run on
    # an older one than users have.
    audiomentations = pytest.importorskip("audiomentations")
    return audiomentations.Compose(
        [
            audiomentations.AddGaussianNoise(p=0.5),
            audiomentations.PitchShift(p=0.5),
            audiomentations.TimeStretch(leave_length_unchanged=False),
            audiomentations.Gain(p=1.0),
        ]
    )


def _copies(effect, **parameters):
    augmenter = WaveformAugmenter(effect=effect, **{"random_state": 0, **parameters})
    return augmenter.fit_resample(CLIPS)[0][len(CLIPS) :]


def _render(copies):
    return [copy.render(sample_rate=RATE) for copy in copies]


def _features(copies, backend="threading", n_jobs=1):
    with joblib.parallel_config(backend, n_jobs=n_jobs):
        return MFCCTransformer(duration=0.25, n_mfcc=13).fit_transform(copies)


def _states():
    return random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2:]  # noqa: NPY002


def test_the_same_random_state_gives_the_same_samples(effect):
    first, again, other = (
        _render(_copies(clone(WaveformAugmenter(effect=effect)).effect, random_state=seed))
        for seed in (0, 0, 1)
    )
    for one, two, three in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, two)
        assert not np.array_equal(one, three)
    assert len({samples.tobytes() for samples in first}) == len(CLIPS)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_give_the_same_features(effect, backend):
    expected = _features(_copies(effect))
    np.testing.assert_array_equal(_features(_copies(effect), backend, n_jobs=2), expected)


def test_a_fresh_process_gives_the_same_samples(tmp_path):
    code = f"""
import numpy as np, random, pickle, sys, time
from skaudio import WaveformAugmenter
def effect(samples, sample_rate):
    return random.random() * samples + np.float32(np.random.normal())
augmenter = WaveformAugmenter(effect=effect, random_state=3)
rendered = augmenter.fit_resample(np.ones((2, 800)))[0][2].render(sample_rate={RATE})
print(rendered.tobytes().hex())
"""
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout != ""


def test_generators_are_put_back_also_after_an_error(effect):
    def fails(samples, sample_rate):
        effect(samples, sample_rate)
        raise RuntimeError("no")

    np.random.normal()  # noqa: NPY002 (there is now a second number in store)
    before = _states()
    _render(_copies(effect))
    assert _states() == before
    with pytest.raises(RuntimeError, match="no"):
        _render(_copies(fails))
    assert _states() == before


def test_threads_take_turns():
    inside, most = [], []

    def effect(samples, sample_rate):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.005)
        inside.pop()
        return samples

    threads = [threading.Thread(target=_render, args=([copy],)) for copy in _copies(effect)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * len(CLIPS)


def test_an_effect_may_render_recordings_itself(effect):
    inner = AugmentedRecording(CLIPS[0], Recipe(effect=SeededEffect(effect, 1)))
    expected = inner.render(sample_rate=RATE)
    outer = Recipe(effect=SeededEffect(lambda x, rate: inner.render(sample_rate=rate), 2))
    rendered = AugmentedRecording(CLIPS[0], outer).render(sample_rate=RATE)
    np.testing.assert_array_equal(rendered, expected)


def test_what_an_effect_gets_and_what_becomes_of_it():
    seen = []

    def effect(samples, sample_rate):
        seen.append((samples.dtype, samples.shape, type(sample_rate), sample_rate))
        samples *= 2  # in place: the recordings of the user stay as they are
        return np.concatenate([samples, samples]).astype(np.float64)

    clips = CLIPS.copy()
    copy = AugmentedRecording(clips[0], Recipe(effect=effect, gain=20.0))
    np.testing.assert_allclose(
        copy.render(sample_rate=RATE), np.tile(20 * CLIPS[0], 2), rtol=1e-6, strict=True
    )
    assert copy.render(sample_rate=8000, duration=0.3).shape == (2400,)
    assert seen == [
        (np.float32, (4000,), int, RATE),
        (np.float32, (2400,), int, 8000),
    ]
    np.testing.assert_array_equal(clips, CLIPS)


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (None, "NoneType"),
        ([0.0, 1.0], "list"),
        (np.float32(1), "float32"),
        (np.ones((2, 100)), r"an array of float64 of shape \(2, 100\)"),
        (np.ones(0), r"an array of float64 of shape \(0,\)"),
        (np.ones(100, int), r"an array of int64 of shape \(100,\)"),
        (np.array([0.0, np.nan]), "samples that are NaN or infinite"),
        (np.array([0.0, 1e300]), "samples that are NaN or infinite"),
    ],
    ids=str,
)
def test_wrong_samples_are_an_error_that_names_the_recording_and_the_effect(
    returned, got, tmp_path
):
    def my_effect(samples, sample_rate):
        return returned

    path = tmp_path / "a.wav"
    soundfile.write(path, CLIPS[0], RATE)
    clips, _ = WaveformAugmenter(effect=my_effect).fit_resample([path, CLIPS[1]])
    with pytest.raises(AudioError) as error:
        _features(clips)
    (first, reason), (second, _) = error.value.failures
    assert (first, second) == (str(path), "X[3] (AugmentedRecording)")
    with pytest.raises(AudioError, match=rf"a\.wav: .*my_effect.* returned {got}; expected finite"):
        clips[2].render(sample_rate=RATE)
    assert "my_effect" in reason


def test_what_an_effect_raises_tells_the_recording(tmp_path):
    def fails(samples, sample_rate):
        return samples / samples.shape[1]

    soundfile.write(tmp_path / "a.wav", CLIPS[0], RATE)
    copy = AugmentedRecording(tmp_path / "a.wav", Recipe(effect=fails))
    with pytest.raises(IndexError, match="tuple index") as error:
        _features([CLIPS[0], copy], n_jobs=2)
    assert "a.wav" in error.value.__notes__[0]
    assert "fails" in error.value.__notes__[0]


def test_an_effect_is_pickled_once_for_all_clips():
    big = NoiseAndGain()
    big.impulse_responses = np.zeros(100_000)
    copies = _copies(big)
    pickled = pickle.dumps(copies)
    assert len(pickled) < 1.2 * (big.impulse_responses.nbytes + CLIPS.nbytes)
    for one, two in zip(_render(pickle.loads(pickled)), _render(copies), strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_cannot_be_sent_to_a_process_is_named():
    lock = threading.Lock()

    def locked(samples, sample_rate):
        with lock:
            return samples

    copies = _copies(locked)
    assert len(_features(copies, n_jobs=2)) == len(CLIPS)
    with pytest.raises(pickle.PicklingError) as error:
        _features(copies, "loky", n_jobs=2)
    assert "locked" in str(error.value.__cause__)
    assert "cannot be sent to another process" in str(error.value.__cause__)


def test_features_of_its_clips_are_not_kept(tmp_path):
    def features(level):
        def effect(samples, sample_rate):
            return level * samples

        clips, _ = WaveformAugmenter(effect=effect, random_state=0).fit_resample(CLIPS)
        return MFCCTransformer(duration=0.25, memory=tmp_path).fit_transform(clips)

    quiet, loud = features(0.5), features(2.0)
    np.testing.assert_array_equal(quiet[:8], loud[:8])
    assert (quiet[8:] != loud[8:]).any(axis=(1, 2)).all()
    with pytest.raises(AudioError, match="cannot be known in advance"):
        audio.fingerprint(_copies(NoiseAndGain())[0])
    # Without the effect, it is a recording as any other.
    assert len(audio.fingerprint(_copies(NoiseAndGain(), effect_probability=0.0)[0])) == 16
