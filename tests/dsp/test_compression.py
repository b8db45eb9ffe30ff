"""Decibels and per-channel energy normalisation."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skaudio import dsp


def test_top_db_of_none_keeps_everything():
    power = np.array([[[1.0, 1e-12]]], dtype=np.float32)
    np.testing.assert_allclose(dsp.power_to_db(power, top_db=None), [[[0.0, -100.0]]])


@given(top_db=st.one_of(st.none(), st.floats(0, 120)), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_decibels_equal_librosa_clip_by_clip(top_db, seed):
    power = (10 ** np.random.default_rng(seed).uniform(-12, 4, size=(3, 7, 5))).astype(np.float32)
    for ours, clip in zip(dsp.power_to_db(power, top_db=top_db), power, strict=True):
        np.testing.assert_allclose(ours, librosa.power_to_db(clip, top_db=top_db), atol=2e-5)


def test_power_to_db_leaves_its_input():
    power = np.ones((1, 2, 3), dtype=np.float32)
    before = power.copy()
    dsp.power_to_db(power)
    np.testing.assert_array_equal(power, before)


@pytest.mark.parametrize("loudness", [1e-3, 1.0, 30.0])
def test_pcen_takes_the_loudness_of_a_steady_sound_away(loudness):
    steady = np.full((1, 50, 4), 1e6 * loudness, dtype=np.float32)
    ours = dsp.pcen(steady, sample_rate=16000, hop_length=160, gain=1.0)
    np.testing.assert_allclose(ours, np.sqrt(3) - np.sqrt(2), rtol=1e-3)
