"""Parity with librosa, one clip at a time, and independence of the neighbours."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skaudio import dsp


def _clip(n_samples, seed=0, loudness=0.1):
    return (loudness * np.random.default_rng(seed).normal(size=n_samples)).astype(np.float32)


def _matrices(n_fft=512, win_length=480, n_mels=64, n_mfcc=40, rate=16000, **basis):
    return {
        "window": dsp.amplitude_window("hann", win_length, n_fft),
        "mel": dsp.mel_filterbank(
            sample_rate=rate, n_fft=n_fft, n_mels=n_mels, fmin=0.0, fmax=rate / 2
        ),
        "basis": dsp.dct_basis(n_mels, n_mfcc, **basis),
    }


@given(
    n_fft=st.sampled_from([256, 400, 512, 1024]),
    share=st.floats(0.3, 1.0),
    hop_length=st.integers(50, 400),
    n_mels=st.integers(20, 80),
    n_mfcc=st.integers(1, 20),
    dct_type=st.sampled_from([1, 2, 3]),
    norm=st.sampled_from(["ortho", None]),
    lifter=st.sampled_from([0, 22]),
    center=st.booleans(),
    n_samples=st.integers(1500, 5000),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=40, deadline=None)
def test_mfcc_equals_librosa(
    n_fft, share, hop_length, n_mels, n_mfcc, dct_type, norm, lifter, center, n_samples, seed
):
    win_length = max(2, int(share * n_fft))
    clip = _clip(n_samples, seed)
    matrices = _matrices(n_fft, win_length, n_mels, n_mfcc, dct_type=dct_type, norm=norm)
    matrices["basis"] = dsp.dct_basis(n_mels, n_mfcc, dct_type=dct_type, norm=norm, lifter=lifter)
    ours = dsp.mfcc(clip[None], hop_length=hop_length, center=center, **matrices)[0]
    librosas = librosa.power_to_db(
        np.abs(
            librosa.stft(
                clip, n_fft=n_fft, win_length=win_length, hop_length=hop_length, center=center
            )
        ).T
        ** 2
        @ dsp.mel_filterbank(sample_rate=16000, n_fft=n_fft, n_mels=n_mels, fmin=0, fmax=8000)
    )
    expected = librosa.feature.mfcc(
        S=librosas.T, n_mfcc=n_mfcc, dct_type=dct_type, norm=norm, lifter=lifter
    ).T
    scale = np.abs(expected).max() if norm is None else 1.0
    np.testing.assert_allclose(ours / scale, expected / scale, atol=1e-3)


@given(
    rate=st.sampled_from([8000, 16000, 22050, 44100]),
    n_fft=st.sampled_from([512, 1024, 2048]),
    n_mels=st.integers(2, 40),
    fmin=st.floats(0, 500),
    share=st.floats(0.5, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_mel_filterbank_equals_librosa(rate, n_fft, n_mels, fmin, share):
    fmax = share * rate / 2
    ours = dsp.mel_filterbank(sample_rate=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    theirs = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    np.testing.assert_allclose(ours, theirs.T, atol=1e-6)


def test_default_recipe_equals_librosa():
    clip = _clip(16000)
    expected = librosa.feature.mfcc(
        y=clip, sr=16000, n_mfcc=40, n_fft=512, win_length=480, hop_length=160, n_mels=64
    )
    ours = dsp.mfcc(clip[None], hop_length=160, **_matrices())[0]
    np.testing.assert_allclose(ours, expected.T, atol=1e-3)


def test_a_loud_neighbour_changes_nothing_bit_for_bit():
    quiet, loud = _clip(16000, 1, loudness=1e-4), _clip(16000, 2, loudness=0.9)
    alone = dsp.mfcc(quiet[None], hop_length=160, **_matrices())
    together = dsp.mfcc(np.stack([loud, quiet, loud]), hop_length=160, **_matrices())
    np.testing.assert_array_equal(together[1], alone[0])


def test_top_db_of_none_keeps_everything():
    power = np.array([[[1.0, 1e-12]]], dtype=np.float32)
    np.testing.assert_allclose(dsp.power_to_db(power, top_db=None), [[[0.0, -100.0]]])


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


def test_a_window_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \(4,\)"):
        dsp.amplitude_window(np.ones(3), 4, 8)


@given(n_samples=st.integers(0, 5000), n_fft=st.integers(1, 600), hop=st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_frame_count_is_what_the_spectrogram_has(n_samples, n_fft, hop):
    for center in (True, False):
        expected = dsp.frame_count(n_samples, n_fft=n_fft, hop_length=hop, center=center)
        padded = n_samples + (2 * (n_fft // 2) if center else 0)
        if padded < n_fft:
            assert expected == 0
            continue
        spectrum = dsp.power_spectrogram(
            np.zeros((1, n_samples), np.float32),
            np.ones(n_fft, np.float32),
            hop_length=hop,
            center=center,
        )
        assert spectrum.shape[1] == expected
