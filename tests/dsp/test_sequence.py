"""Derivatives and normalisation along time."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from skaudio import dsp


@pytest.mark.parametrize("order", [1, 2])
def test_deltas_equal_librosa(order):
    features = np.random.default_rng(0).normal(size=(2, 30, 5)).astype(np.float32)
    ours = dsp.deltas(features, width=9, order=order)
    for clip, expected in zip(features, ours, strict=True):
        theirs = librosa.feature.delta(clip.T, width=9, order=order)
        np.testing.assert_allclose(expected, theirs.T, atol=1e-5)


def test_deltas_of_a_short_clip_say_what_to_do():
    with pytest.raises(ValueError, match="at least 9 frames; got 5"):
        dsp.deltas(np.zeros((1, 5, 2), dtype=np.float32))


@given(n_frames=st.integers(2, 30), padding=st.integers(0, 20), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_normalize_is_a_standard_scaler_over_the_frames_before_the_padding(n_frames, padding, seed):
    rng = np.random.default_rng(seed)
    clip = (100 * rng.normal(size=5) + rng.normal(size=(n_frames + padding, 5))).astype(np.float32)
    ours = dsp.normalize(clip[None], [n_frames])[0]
    expected = StandardScaler().fit(clip[:n_frames].astype(np.float64)).transform(clip)
    np.testing.assert_allclose(ours, expected, atol=1e-3, rtol=1e-3)
    centred = dsp.normalize(clip[None], [n_frames], variance=False)[0]
    np.testing.assert_allclose(centred, clip - clip[:n_frames].mean(axis=0), atol=1e-4)


def test_a_constant_coefficient_becomes_zero():
    features = np.full((1, 10, 2), -83.7, dtype=np.float32)
    features[0, :, 1] = np.arange(10)
    assert not dsp.normalize(features)[0, :, 0].any()
