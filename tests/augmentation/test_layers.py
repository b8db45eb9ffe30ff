"""Augmentation layers: random in training, absent otherwise."""

import numpy as np
import pytest

import skaudio.augmentation
from skaudio._tensorflow import keras
from skaudio.augmentation import RandomMask, RandomNoise, RandomShift


@pytest.fixture
def clips():
    return np.random.default_rng(0).normal(size=(200, 20, 10)).astype(np.float32) + 10


@pytest.mark.parametrize(
    "layer",
    [
        RandomShift(0.5, 0),
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
    assert (hidden.mean(axis=0) > 0).all()  # every index is hidden now and then


def test_draws_are_new_for_every_batch_and_follow_from_the_seed(clips):
    first, second = RandomShift(0.5, 7), RandomShift(0.5, 7)
    drawn = np.asarray(first(clips, training=True))
    np.testing.assert_array_equal(drawn, second(clips, training=True))
    assert not np.array_equal(drawn, first(clips, training=True))


def test_layers_are_registered_under_the_name_that_saved_networks_know():
    for layer in (RandomShift, RandomNoise, RandomMask):
        registered = keras.saving.get_registered_name(layer)
        assert registered == f"skaudio>{layer.__name__}"


def test_the_package_knows_its_names_and_no_others():
    assert set(skaudio.augmentation.__all__) <= set(dir(skaudio.augmentation))
    with pytest.raises(AttributeError, match=r"No skaudio.augmentation attribute PitchShift"):
        _ = skaudio.augmentation.PitchShift
