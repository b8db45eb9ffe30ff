"""Each effect against the law that it promises."""

import librosa
import numpy as np
import pytest
import scipy.signal
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
        lambda x: _effects.shift_pitch(x, sample_rate=RATE, semitones=1.5),
        lambda x: _effects.warp_vocal_tract(x, sample_rate=RATE, factor=0.93),
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


# Pitch ------------------------------------------------------------------------------------


@pytest.mark.parametrize("semitones", [-12, -2, 0.5, 3])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_pitch_moves_a_tone_and_keeps_the_length(semitones, rate):
    tone = _tone(700, rate=rate)
    changed = _effects.shift_pitch(tone, sample_rate=rate, semitones=semitones)
    assert len(changed) == len(tone)
    expected = 700 * 2 ** (semitones / 12)
    assert _peak_frequency(changed, rate) == pytest.approx(expected, rel=2e-3)
    # A phase vocoder loses some of a tone's power; librosa's as much.
    assert 0.8 < _power(changed) / _power(tone) < 1.1


@pytest.mark.parametrize("semitones", [-2, 3])
def test_pitch_is_librosas(semitones):
    changed = _effects.shift_pitch(_tone(700), sample_rate=RATE, semitones=semitones)
    expected = librosa.effects.pitch_shift(
        _tone(700), sr=RATE, n_steps=semitones, n_fft=1024, res_type="soxr_hq"
    )
    np.testing.assert_allclose(changed[1000:-1000], expected[1000:-1000], atol=1e-3)


def test_pitch_keeps_events_in_place():
    click = np.zeros(RATE, np.float32)
    click[RATE // 2 : RATE // 2 + 160] = _tone(1000, 0.01)
    changed = _effects.shift_pitch(click, sample_rate=RATE, semitones=4)
    assert abs(int(np.abs(changed).argmax()) - RATE // 2) < 0.02 * RATE


# Vocal tract --------------------------------------------------------------------------------


def _resonance(excitation, frequency):
    b, a = scipy.signal.iirpeak(frequency, 4, fs=RATE)
    return scipy.signal.lfilter(b, a, excitation).astype(np.float32)


def _formant(samples):
    frequencies, power = scipy.signal.welch(samples, RATE, nperseg=256)
    level = np.convolve(np.log(power), np.ones(5) / 5, "same")
    peak = 5 + int(level[5:-5].argmax())
    left, top, right = level[peak - 1 : peak + 2]
    return frequencies[peak] + 62.5 * 0.5 * (left - right) / (left - 2 * top + right)


@pytest.mark.parametrize("factor", [0.85, 0.9, 1.1, 1.15])
@pytest.mark.parametrize("frequency", [2500, 3500])
def test_vocal_tract_moves_a_formant_and_keeps_the_length(factor, frequency):
    whisper = _resonance(_noise(4), frequency)
    changed = _effects.warp_vocal_tract(whisper, sample_rate=RATE, factor=factor)
    assert len(changed) == len(whisper)
    assert _formant(changed) / _formant(whisper) == pytest.approx(factor, rel=0.02)


def test_vocal_tract_keeps_the_pitch():
    buzz = np.zeros(RATE, np.float32)
    buzz[::128] = 1
    changed = _effects.warp_vocal_tract(_resonance(buzz, 1500), sample_rate=RATE, factor=1.1)
    lags = scipy.signal.correlate(changed, changed, "full", "fft")[len(changed) - 1 :]
    assert 80 + int(lags[80:200].argmax()) == 128


def test_a_vocal_tract_of_the_same_length_changes_nothing():
    same = _effects.warp_vocal_tract(_noise(), sample_rate=RATE, factor=1.0)
    np.testing.assert_allclose(same, _noise(), atol=1e-6)


@given(st.floats(0.5, 2.0))
def test_the_warp_is_monotonic_and_keeps_both_ends(factor):
    bins = np.arange(257)
    warped = _effects._warped(bins, factor)
    assert warped[0] == 0
    assert warped[-1] == pytest.approx(256)
    assert (np.diff(warped) > 0).all()
    np.testing.assert_allclose(warped[:75], factor * bins[:75])


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
def test_a_made_up_room_decays_by_60_db_in_its_time(seconds):
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
