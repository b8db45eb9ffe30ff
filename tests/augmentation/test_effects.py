"""Each effect against the law that it promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skaudio.augmentation import _effects

RATE = 16000


def _tone(frequency, seconds=0.5, rate=RATE):
    time = np.arange(int(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def _noise(seconds=0.5, seed=0):
    return _effects.white_noise(int(seconds * RATE), seed=seed) * np.float32(0.1)


def _power(samples):
    return np.mean(samples.astype(float) ** 2)


def _peak_frequency(samples, rate=RATE):
    # The middle alone: filters have their transients at the ends.
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 2**18))
    return spectrum.argmax() * rate / 2**18


@pytest.mark.parametrize(
    "effect",
    [
        lambda x: _effects.change_speed(x, sample_rate=RATE, factor=1.07),
        lambda x: _effects.shift_time(x, sample_rate=RATE, seconds=-0.02),
        lambda x: _effects.add_reverberation(x, impulse_response=_noise(0.1)),
        lambda x: _effects.add_noise(x, noise=_effects.white_noise(len(x), seed=1), snr=5.0),
        lambda x: _effects.change_gain(x, decibels=3.0),
    ],
)
@pytest.mark.parametrize("n_samples", [1, 2, 100, 8000])
def test_every_effect_gives_finite_float32_and_leaves_its_input(effect, n_samples):
    samples = _noise()[:n_samples]
    before = samples.copy()
    changed = effect(samples)
    assert changed.dtype == np.float32
    assert changed.ndim == 1
    assert np.isfinite(changed).all()
    np.testing.assert_array_equal(samples, before)
    assert np.isfinite(effect(np.zeros_like(samples))).all()


# Speed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
def test_speed_divides_the_length_and_multiplies_frequencies(factor):
    tone = _tone(1000)
    changed = _effects.change_speed(tone, sample_rate=RATE, factor=factor)
    assert len(changed) == int(np.ceil(len(tone) / factor))
    assert _peak_frequency(changed) == pytest.approx(1000 * factor, rel=1e-3)
    assert _power(changed) == pytest.approx(_power(tone), rel=0.01)


def test_speed_of_one_changes_nothing():
    np.testing.assert_allclose(
        _effects.change_speed(_noise(), sample_rate=RATE, factor=1.0), _noise(), atol=1e-6
    )


# Time ---------------------------------------------------------------------------------------


@given(st.floats(0, 0.4))
def test_shifting_there_and_back_changes_nothing(seconds):
    later = _effects.shift_time(_noise(), sample_rate=RATE, seconds=seconds)
    n_silent = round(seconds * RATE)
    assert len(later) == len(_noise()) + n_silent
    assert not later[:n_silent].any()
    back = _effects.shift_time(later, sample_rate=RATE, seconds=-seconds)
    np.testing.assert_array_equal(back[: len(_noise())], _noise())
    assert not back[len(_noise()) :].any()


def test_shifting_to_the_left_loses_the_beginning_and_keeps_the_length():
    earlier = _effects.shift_time(_noise(), sample_rate=RATE, seconds=-0.1)
    np.testing.assert_array_equal(earlier[:-1600], _noise()[1600:])
    assert not earlier[-1600:].any()
    gone = _effects.shift_time(_noise(), sample_rate=RATE, seconds=-2.0)
    assert len(gone) == len(_noise())
    assert not gone.any()


# Room -----------------------------------------------------------------------------------------


@given(st.integers(0, 50), st.floats(0.01, 10))
@settings(max_examples=20)
def test_an_impulse_changes_nothing_wherever_it_stands_and_whatever_its_level(delay, level):
    impulse = np.zeros(100, np.float32)
    impulse[delay] = level
    wet = _effects.add_reverberation(_noise(), impulse_response=impulse)
    np.testing.assert_allclose(wet, _noise(), atol=1e-6)


def test_a_room_keeps_the_onset_and_the_level():
    dry = np.zeros(RATE, np.float32)
    dry[4000:8000] = _noise(0.25)
    room = _effects.synthetic_impulse_response(sample_rate=RATE, reverberation_time=0.4, seed=3)
    wet = _effects.add_reverberation(dry, impulse_response=np.r_[np.zeros(70), room])
    assert len(wet) == len(dry)
    assert np.abs(wet[:4000]).max() < 1e-6
    assert _power(wet) == pytest.approx(_power(dry), rel=1e-4)
    assert _power(wet[8000:10000]) > 0.01 * _power(wet[4000:8000])


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0])
def test_a_synthetic_room_decays_by_60_db_in_its_time(seconds):
    room = _effects.synthetic_impulse_response(sample_rate=RATE, reverberation_time=seconds, seed=0)
    tail = room[1:].astype(float) ** 2
    assert _power(room[1:]) * len(tail) == pytest.approx(10**-0.3, rel=1e-3)
    # The slope of the level, in dB over the whole time, from the middle of ten stretches.
    levels = 10 * np.log10([stretch.mean() for stretch in np.array_split(tail, 10)])
    assert np.polyfit(np.arange(10) / 10, levels, 1)[0] == pytest.approx(-60, abs=3)


# Noise ------------------------------------------------------------------------------------------


@given(st.floats(-20, 60), st.floats(1e-3, 1e3))
@settings(max_examples=30)
def test_the_ratio_measured_is_the_ratio_asked_for(snr, level):
    clean = _tone(440)
    noise = _effects.white_noise(len(clean), seed=2) * np.float32(level)
    added = _effects.add_noise(clean, noise=noise, snr=snr).astype(float) - clean
    assert 10 * np.log10(_power(clean) / _power(added)) == pytest.approx(snr, abs=0.05)


def test_silence_has_no_ratio_and_stays_as_it_is():
    silence, clean = np.zeros(100, np.float32), _noise()[:100]
    np.testing.assert_array_equal(_effects.add_noise(silence, noise=clean, snr=0.0), silence)
    np.testing.assert_array_equal(_effects.add_noise(clean, noise=silence, snr=0.0), clean)


def test_white_noise_is_white_and_follows_from_its_seed():
    noise = _effects.white_noise(RATE, seed=5)
    np.testing.assert_array_equal(noise, _effects.white_noise(RATE, seed=5))
    assert not np.array_equal(noise, _effects.white_noise(RATE, seed=6))
    assert noise.std() == pytest.approx(1, abs=0.03)
    bands = np.array_split(np.abs(np.fft.rfft(noise))[1:] ** 2, 8)
    np.testing.assert_allclose([b.mean() / RATE for b in bands], 1, atol=0.15)


# Gain -------------------------------------------------------------------------------------------


@given(st.floats(-60, 60))
def test_gain_is_exact_undone_by_its_opposite_and_never_clips(decibels):
    louder = _effects.change_gain(_noise(), decibels=decibels)
    ratio = 10 * np.log10(_power(louder) / _power(_noise()))
    assert ratio == pytest.approx(decibels, abs=1e-4)
    back = _effects.change_gain(louder, decibels=-decibels)
    np.testing.assert_allclose(back, _noise(), rtol=1e-5)
