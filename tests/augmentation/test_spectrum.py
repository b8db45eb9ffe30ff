"""The short-time spectrum: there and back, and as librosa has it."""

import librosa
import numpy as np
import pytest

from skaudio.augmentation import _spectrum


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(size=9001).astype(np.float32)


@pytest.mark.parametrize("n_samples", [1, 255, 256, 257, 9001])
@pytest.mark.parametrize("n_fft", [16, 512])
def test_there_and_back_changes_nothing(n_samples, n_fft, noise):
    spectra = _spectrum.stft(noise[:n_samples], n_fft)
    np.testing.assert_allclose(_spectrum.istft(spectra, n_samples), noise[:n_samples], atol=1e-5)


def test_spectra_are_librosas(noise):
    expected = librosa.stft(noise, n_fft=512, hop_length=128, pad_mode="constant").T
    np.testing.assert_allclose(_spectrum.stft(noise, 512)[: len(expected)], expected, atol=1e-4)


@pytest.mark.parametrize("rate", [0.7, 1.0, 1.31])
def test_stretching_is_librosas(rate, noise):
    spectra = _spectrum.stft(noise, 512).astype(np.complex128)
    expected = librosa.phase_vocoder(spectra.T, rate=rate, hop_length=128).T
    np.testing.assert_allclose(_spectrum.stretch(spectra, rate=rate), expected, atol=1e-6)


def test_an_envelope_that_comes_from_its_own_place_changes_nothing(noise):
    spectra = _spectrum.stft(noise, 512)
    same = _spectrum.move_envelope(spectra, origin=np.arange(257.0), n_quefrencies=32)
    np.testing.assert_array_equal(same, spectra)


def test_moving_an_envelope_keeps_phases(noise):
    spectra = _spectrum.stft(noise, 512)
    moved = _spectrum.move_envelope(spectra, origin=0.9 * np.arange(257), n_quefrencies=32)
    np.testing.assert_allclose(np.angle(moved * spectra.conj()), 0, atol=1e-3)


@pytest.mark.parametrize(
    ("rate", "seconds", "length"), [(16000, 0.032, 512), (16000, 0.064, 1024), (100, 0.01, 16)]
)
def test_windows_are_powers_of_two(rate, seconds, length):
    assert _spectrum.window_length(rate, seconds=seconds) == length
