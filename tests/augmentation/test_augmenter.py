"""The step that adds copies: how many, which, how reproducibly, how light."""

import pickle
import random
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skaudio import AudioError, MFCCTransformer, WaveformAugmenter
from skaudio.augmentation import AugmentedRecording, Recipe

PATHS = [f"{index}.wav" for index in range(200)]
LABELS = np.repeat(["a", "b"], 100)
EFFECTS = ["speed", "shift", "room", "noise", "gain", "effect"]


def _reverse(samples, sample_rate):
    return samples[::-1]


OFF = {f"{effect}_probability": 0.0 for effect in EFFECTS}
EVERYTHING = {
    **{f"{effect}_probability": 1.0 for effect in EFFECTS},
    "room": "synthetic",
    "noise": "white",
    "effect": _reverse,
}


def _recipes(**parameters):
    augmenter = WaveformAugmenter(**{"random_state": 0, **parameters})
    copies = augmenter.fit_resample(PATHS, LABELS)[0][len(PATHS) :]
    return [copy.recipe for copy in copies]


@pytest.mark.parametrize("n_copies", [0, 1, 3])
def test_originals_come_first_and_untouched_then_round_by_round(n_copies):
    augmenter = WaveformAugmenter(n_copies=n_copies, random_state=0)
    X, y = augmenter.fit_resample(PATHS, LABELS)
    assert X[:200] == PATHS
    assert all(isinstance(copy, AugmentedRecording) for copy in X[200:])
    assert [copy.source for copy in X[200:]] == PATHS * n_copies
    assert augmenter.sample_indices_.tolist() == list(range(200)) * (1 + n_copies)
    np.testing.assert_array_equal(y, np.tile(LABELS, 1 + n_copies))
    assert y.dtype == LABELS.dtype


@given(st.integers(1, 30), st.integers(0, 4), st.integers(0, 2**31 - 1), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_the_same_seed_gives_the_same_recipes(n_clips, n_copies, seed, probability):
    augmenter = WaveformAugmenter(
        n_copies=n_copies,
        speed_probability=probability,
        noise="white",
        random_state=seed,
    )
    first, _ = augmenter.fit_resample(PATHS[:n_clips])
    second, _ = clone(augmenter).fit_resample(PATHS[:n_clips])
    assert len(first) == n_clips * (1 + n_copies)
    assert [c.recipe for c in first[n_clips:]] == [c.recipe for c in second[n_clips:]]


def test_other_seeds_and_random_states():
    assert _recipes() != _recipes(random_state=1)
    assert _recipes(random_state=np.random.RandomState(0)) == _recipes()
    state = np.random.RandomState(0)
    assert _recipes(random_state=state) != _recipes(random_state=state)


def test_no_global_generator_is_touched():
    def states():
        return np.random.mtrand._rand.get_state()[1].tolist(), random.getstate()

    before = states()
    X, _ = WaveformAugmenter(**EVERYTHING, random_state=0).fit_resample(np.ones((2, 800)))
    for copy in X[2:]:
        copy.render(sample_rate=16000)
    assert states() == before


def test_more_copies_only_add():
    assert _recipes(n_copies=3)[:200] == _recipes(n_copies=1)


@pytest.mark.parametrize("effect", EFFECTS)
def test_effects_draw_apart_from_each_other(effect):
    everything = _recipes(**EVERYTHING)
    without = _recipes(**{**EVERYTHING, f"{effect}_probability": 0.0})
    assert without == [recipe._replace(**{effect: None}) for recipe in everything]


@pytest.mark.parametrize("effect", ["speed", "shift", "gain"])
@pytest.mark.parametrize("limits", [(0.9, 1.1), [1.0, 1.5], np.array([0.7, 0.7])])
def test_draws_fill_the_range_and_keep_to_it(effect, limits):
    recipes = _recipes(n_copies=5, **{**OFF, effect: limits, f"{effect}_probability": 1.0})
    drawn = np.array([getattr(recipe, effect) for recipe in recipes])
    assert limits[0] <= drawn.min() <= drawn.max() <= limits[1]
    assert np.ptp(drawn) == pytest.approx(limits[1] - limits[0], rel=0.02)
    assert all(recipe == Recipe(**{effect: getattr(recipe, effect)}) for recipe in recipes)


def test_ranges_of_noise_and_rooms():
    recipes = _recipes(**EVERYTHING, n_copies=5, snr=(0, 10), reverberation_time=(1, 2))
    ratios = np.array([recipe.noise.snr for recipe in recipes])
    times = np.array([recipe.room.reverberation_time for recipe in recipes])
    assert 0 <= ratios.min() < 0.1 < 9.9 < ratios.max() <= 10
    assert 1 <= times.min() < 1.1 < 1.9 < times.max() <= 2
    assert len({recipe.room.seed for recipe in recipes}) == 1000
    assert len({recipe.noise.position for recipe in recipes}) == 1000


@pytest.mark.parametrize("effect", EFFECTS)
def test_probabilities(effect):
    on = {**EVERYTHING, f"{effect}_probability": 0.3, "n_copies": 10}
    share = np.mean([getattr(recipe, effect) is not None for recipe in _recipes(**on)])
    assert share == pytest.approx(0.3, abs=0.04)


def test_nothing_may_be_left_to_do():
    assert set(_recipes(**OFF)) == {Recipe()}


def test_noise_files_and_rooms_are_all_used(tmp_path):
    for name in ("a.wav", "b.wav", "c.wav"):
        soundfile.write(tmp_path / name, np.ones(100), 16000)
    recipes = _recipes(**{**EVERYTHING, "noise": tmp_path, "room": [np.ones(3), np.ones(2)]})
    assert {recipe.noise.sound.source for recipe in recipes} == {
        str(tmp_path / name) for name in ("a.wav", "b.wav", "c.wav")
    }
    assert {len(recipe.room.sound.source) for recipe in recipes} == {2, 3}


CLIPS = np.random.default_rng(0).normal(size=(4, 800)).astype(np.float32)


@pytest.mark.parametrize(
    "X",
    [
        PATHS[:4],
        np.array(PATHS[:4]),
        pd.Series(PATHS[:4], index=[7, 5, 3, 1]),
        tuple(Path(path) for path in PATHS[:4]),
        CLIPS,
        (CLIPS * 2**15).astype(np.int16),
        list(CLIPS),
        [(clip, 8000) for clip in CLIPS],
        [b"1", b"2", b"3", b"4"],
    ],
    ids=lambda X: type(X).__name__,
)
def test_all_kinds_of_recordings(X):
    augmenter = WaveformAugmenter(random_state=0)
    resampled, labels = augmenter.fit_resample(X, pd.Series(list("abab"), index=[4, 3, 2, 1]))
    assert len(resampled) == 8
    assert labels.tolist() == list("abababab")
    for original, kept, copy in zip(X, resampled[:4], resampled[4:], strict=True):
        assert copy.source is kept
        if isinstance(original, np.ndarray):
            np.testing.assert_array_equal(kept, original, strict=True)
        else:
            assert kept == original
    assert hasattr(augmenter, "n_features_in_") == (getattr(X, "ndim", 1) == 2)


def test_labels_may_be_missing_or_have_columns():
    assert WaveformAugmenter().fit_resample(PATHS)[1] is None
    labels = np.arange(400).reshape(200, 2)
    _, repeated = WaveformAugmenter().fit_resample(PATHS, labels)
    np.testing.assert_array_equal(repeated, np.tile(labels, (2, 1)))


def test_labels_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[200, 3\]"):
        WaveformAugmenter().fit_resample(PATHS, ["a", "b", "c"])
    with pytest.raises(ValueError, match="expects a list of recordings, got one str"):
        WaveformAugmenter().fit_resample("a.wav", ["a"])


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("n_copies", -1, "an int in the range"),
        ("n_copies", 1.5, "an int in the range"),
        ("speed", (1.1, 0.9), r"a pair \(low, high\) with 0.1 <= low <= high <= 10"),
        ("speed", (0.0, 1.0), r"a pair \(low, high\)"),
        ("speed", 1.1, "must be"),
        ("speed", (0.9, 1.0, 1.1), r"a pair \(low, high\)"),
        ("gain", (0, np.nan), r"a pair \(low, high\)"),
        ("gain", (0, np.inf), r"a pair \(low, high\)"),
        ("gain", ("a", "b"), r"a pair \(low, high\)"),
        ("snr", (True, 5), r"a pair \(low, high\)"),
        ("gain_probability", 1.01, "a float in the range"),
        ("noise_probability", -0.1, "a float in the range"),
        ("noise", [], "minimum of 1 is required"),
        ("noise", 3, "'noise' parameter"),
        ("effect", "reverb", "'effect' parameter"),
        ("room", "no such folder", "there is no such file"),
        ("random_state", "x", "'random_state' parameter"),
    ],
)
def test_wrong_parameters_are_named(parameter, value, message):
    augmenter = WaveformAugmenter(**{parameter: value})
    for fit in (augmenter.fit, augmenter.fit_resample):
        with pytest.raises(ValueError, match=message):
            fit(PATHS, LABELS)


def test_a_broken_noise_file_is_named_before_training_begins(tmp_path):
    (tmp_path / "empty.wav").touch()
    with pytest.raises(AudioError, match=r"empty\.wav: the file is empty"):
        WaveformAugmenter(noise=tmp_path).fit_resample(PATHS)


def test_fit_learns_what_there_is_to_mix_in(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.ones(100), 16000)
    augmenter = WaveformAugmenter(noise=tmp_path).fit(PATHS, LABELS)
    check_is_fitted(augmenter)
    assert [sound.source for sound in augmenter.noise_] == [str(tmp_path / "a.wav")]
    assert augmenter.room_ == []


def test_parameters_are_scikit_learns():
    noise = [np.ones(10), "a.wav"]
    augmenter = WaveformAugmenter(noise=noise, speed=[0.5, 2])
    assert augmenter.noise is noise
    again = clone(augmenter).set_params(n_copies=5)
    assert again.get_params()["speed"] == [0.5, 2]
    assert again.n_copies == 5
    assert not hasattr(augmenter, "transform")
    assert augmenter.__sklearn_tags__().estimator_type == "sampler"
    assert augmenter.__sklearn_tags__().input_tags.string
    assert "WaveformAugmenter" in augmenter._repr_html_()


@given(st.lists(st.integers(100, 900), min_size=1, max_size=60), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_copies_do_not_change_the_length_of_clips_that_is_learned(lengths, n_copies):
    clips = [np.ones(n_samples) for n_samples in lengths]
    augmented, _ = WaveformAugmenter(
        n_copies=n_copies, speed=(0.5, 2), speed_probability=1.0
    ).fit_resample(clips)
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # clips will be cut
        assert MFCCTransformer().fit(augmented).duration_ == MFCCTransformer().fit(clips).duration_


def test_augmented_clips_may_be_augmented_again_and_stand_anywhere(tmp_path):
    parameters = {**EVERYTHING, "shift": (-0.01, 0.01)}  # these clips are short
    clips, _ = WaveformAugmenter(**parameters, random_state=0).fit_resample(CLIPS)
    twice, _ = WaveformAugmenter(**parameters, random_state=1).fit_resample(clips)
    features = MFCCTransformer(n_mfcc=13).fit_transform(twice)
    assert features.shape == (16, 6, 13)
    assert np.isfinite(features).all()
    assert len(np.unique(features[:, :, 0], axis=0)) == 16
    np.testing.assert_array_equal(features[:4], MFCCTransformer(n_mfcc=13).fit_transform(CLIPS))


def test_broken_recordings_are_named_where_they_are_read(tmp_path):
    clips, _ = WaveformAugmenter(random_state=0).fit_resample(["missing.wav"])
    with pytest.raises(AudioError, match=r"missing\.wav: there is no such file") as error:
        MFCCTransformer(duration=1.0).fit_transform(clips)
    assert [name for name, _ in error.value.failures] == ["missing.wav"] * 2


def test_descriptions_are_light():
    paths = [f"/a/folder/of/recordings/{index:06d}.wav" for index in range(5000)]
    augmenter = WaveformAugmenter(n_copies=3, noise="white", room="synthetic", random_state=0)
    augmenter.fit_resample(paths[:10])
    tracemalloc.start()
    X, _ = augmenter.fit_resample(paths)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(X) == 20_000
    assert size / 15_000 < 500  # bytes each; features of one second are 16,000
    assert len(pickle.dumps(X[-1])) < 700


def test_stored_features_of_copies_are_found_again(tone_files, tmp_path, monkeypatch):
    paths, _, _ = tone_files
    rendered = []
    render = AugmentedRecording.render

    def counting(self, **arguments):
        rendered.append(self)
        return render(self, **arguments)

    monkeypatch.setattr(AugmentedRecording, "render", counting)
    features = {}
    for n_copies in (1, 3, 3):
        clips, _ = WaveformAugmenter(n_copies=n_copies, random_state=0).fit_resample(paths)
        mfcc = MFCCTransformer(n_mfcc=13, memory=str(tmp_path))
        features[len(rendered)] = mfcc.fit_transform(clips)
    assert list(features) == [30, 90]
    fresh = MFCCTransformer(n_mfcc=13).fit_transform(clips)
    np.testing.assert_array_equal(features[90], fresh)
