"""Augmentation layers: random in training, absent otherwise."""

import numpy as np
import pytest
import scipy.fft

import skaudio.augmentation
from skaudio._tensorflow import keras
from skaudio.augmentation import (
    RandomEqualizer,
    RandomMask,
    RandomNoise,
    RandomShift,
    RandomStretch,
)


@pytest.fixture
def clips():
    return np.random.default_rng(0).normal(size=(200, 20, 10)).astype(np.float32) + 10


@pytest.mark.parametrize(
    "layer",
    [
        RandomShift(0.5, 0),
        RandomStretch(1, 0.5, 0),
        RandomStretch(2, 0.5, 0),
        RandomEqualizer(0.5, 0),
        RandomNoise(0.5, 0),
        RandomMask(1, 0.5, 0),
        RandomMask(2, 0.5, 0),
    ],
)
def test_nothing_happens_outside_training(layer, clips):
    np.testing.assert_array_equal(layer(clips), clips)
    assert not np.array_equal(layer(clips, training=True), clips)


def test_shift_moves_frames_and_repeats_the_edge(clips):
    shifted = np.asarray(RandomShift(0.25, 0)(clips, training=True))
    seen = set()
    for before, after in zip(clips, shifted, strict=True):
        moves = [
            shift
            for shift in range(-5, 6)
            if np.array_equal(after, before[np.clip(np.arange(20) - shift, 0, 19)])
        ]
        assert len(moves) == 1
        seen.update(moves)
    assert seen == set(range(-5, 6))


@pytest.mark.parametrize("axis", [1, 2])
def test_stretch_is_a_change_of_scale_from_the_start(axis):
    """Of clips whose frames, or bands, are their own number."""
    n = 41
    ramp = np.arange(n, dtype=np.float32)[None, :, None] * np.ones((500, 1, 3), np.float32)
    clips = ramp if axis == 1 else ramp.swapaxes(1, 2)
    stretched = np.asarray(RandomStretch(axis, 0.25, 0)(clips, training=True))
    stretched = stretched if axis == 1 else stretched.swapaxes(1, 2)
    np.testing.assert_array_equal(stretched[..., 0], stretched[..., 1])
    step = stretched[:, 1, 0]
    assert 0.8 <= step.min() < 0.82
    assert 1.22 < step.max() <= 1.25
    assert abs(np.log(step).mean()) < 0.02
    place = np.clip(np.arange(n) * step[:, None], 0, n - 1)
    np.testing.assert_allclose(stretched[..., 0], place, atol=1e-3)


def test_equalizer_adds_one_smooth_curve_to_all_frames_of_a_clip():
    clips = np.zeros((2000, 5, 40), np.float32)
    changed = np.asarray(RandomEqualizer(0.3, 0)(clips, training=True))
    np.testing.assert_array_equal(changed, changed[:, :1] + clips)
    assert np.sqrt(np.mean(changed**2)) == pytest.approx(0.3, rel=0.05)
    spectrum = scipy.fft.dct(changed[:, 0], axis=1)
    assert (np.abs(spectrum[:, :4]).mean(axis=0) > 0.1).all()
    np.testing.assert_allclose(spectrum[:, 4:], 0, atol=1e-4)


def test_noise_has_its_deviation(clips):
    added = np.asarray(RandomNoise(0.3, 0)(clips, training=True)) - clips
    assert added.std() == pytest.approx(0.3, rel=0.02)
    assert abs(added.mean()) < 0.01


@pytest.mark.parametrize(("axis", "longest"), [(1, 10), (2, 5)])
def test_mask_hides_one_stretch_along_its_axis(axis, longest, clips):
    masked = np.asarray(RandomMask(axis, 0.5, 0)(clips, training=True))
    hidden = (masked == 0).all(axis=3 - axis)
    np.testing.assert_array_equal(np.where(masked == 0, clips, masked), clips)
    np.testing.assert_array_equal(hidden.sum() * masked.shape[3 - axis], (masked == 0).sum())
    widths = hidden.sum(axis=1)
    assert set(widths) == set(range(longest + 1))
    assert (np.abs(np.diff(hidden.astype(int), axis=1)).sum(axis=1) <= 2).all()
    assert (hidden.mean(axis=0) > 0).all()  # every place is hidden now and then


def test_draws_are_new_for_every_batch_and_follow_from_the_seed(clips):
    first, second = RandomShift(0.5, 7), RandomShift(0.5, 7)
    drawn = np.asarray(first(clips, training=True))
    np.testing.assert_array_equal(drawn, second(clips, training=True))
    assert not np.array_equal(drawn, first(clips, training=True))


def test_layers_are_registered_under_the_name_that_old_pickles_know():
    for layer in (RandomShift, RandomStretch, RandomEqualizer, RandomNoise, RandomMask):
        registered = keras.saving.get_registered_name(layer)
        assert registered == f"skaudio>{layer.__name__}"


def test_the_package_knows_its_names_and_no_others():
    assert set(skaudio.augmentation.__all__) <= set(dir(skaudio.augmentation))
    assert "TYPE_CHECKING" not in dir(skaudio.augmentation)
    with pytest.raises(AttributeError, match="has no attribute 'PitchShift'"):
        _ = skaudio.augmentation.PitchShift
