"""Loudness against pyloudnorm, the sounding part against librosa."""

import librosa
import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skaudio import dsp


@given(
    rate=st.sampled_from([8000, 16000, 44100, 48000]),
    tenths=st.integers(5, 50),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=30, deadline=None)
def test_loudness_equals_pyloudnorm(rate, tenths, seed):
    # Whole blocks: of a last one that is not whole, pyloudnorm takes what there is.
    rng = np.random.default_rng(seed)
    n_samples = tenths * rate // 10
    # A sound that comes and goes, so that the gates have something to leave out.
    envelope = np.repeat(10 ** rng.uniform(-4, 0, size=10), n_samples // 10 + 1)[:n_samples]
    samples = 0.1 * envelope * rng.normal(size=n_samples)
    ours = dsp.loudness(samples, sample_rate=rate)
    theirs = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples)
    assert ours == pytest.approx(theirs, abs=0.02)


@given(gain_db=st.floats(-30, 30))
@settings(max_examples=20, deadline=None)
def test_loudness_rises_with_the_gain(gain_db):
    samples = 0.01 * np.random.default_rng(0).normal(size=3000)
    louder = samples * 10 ** (gain_db / 20)
    before = dsp.loudness(samples, sample_rate=16000)
    assert dsp.loudness(louder, sample_rate=16000) == pytest.approx(before + gain_db, abs=1e-6)


def test_silence_has_no_loudness():
    assert dsp.loudness(np.zeros(16000), sample_rate=16000) == -np.inf


@given(
    n_samples=st.integers(3000, 20000),
    share=st.floats(0, 0.7),
    top_db=st.floats(10, 60),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=40, deadline=None)
def test_the_sounding_interval_is_librosas(n_samples, share, top_db, seed):
    rng = np.random.default_rng(seed)
    samples = 1e-4 * rng.normal(size=n_samples)
    samples[int(share * n_samples) : int(share * n_samples) + 2000] += 0.3
    _, theirs = librosa.effects.trim(samples, top_db=top_db, frame_length=400, hop_length=160)
    ours = dsp.sounding_interval(samples, top_db=top_db, frame_length=400, hop_length=160)
    assert ours == tuple(theirs)


def test_a_rate_too_low_for_loudness_is_refused():
    with pytest.raises(ValueError, match="at 4000 Hz or more, got 3300 Hz"):
        dsp.loudness(np.ones(3300), sample_rate=3300)


def test_nothing_is_silent_and_has_no_length():
    assert dsp.loudness(np.zeros(0), sample_rate=16000) == -np.inf
    assert dsp.sounding_interval(np.zeros(0)) == (0, 0)


def test_silence_throughout_is_kept():
    assert dsp.sounding_interval(np.zeros(100)) == (0, 100)
