"""Mel filters and spectrograms against librosa."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skaudio import dsp


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


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_mel_spectrogram_equals_librosa(power):
    clip = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    mel = dsp.mel_filterbank(sample_rate=16000, n_fft=512, n_mels=40, fmin=0.0, fmax=8000.0)
    window = dsp.amplitude_window("hann", 512, 512)
    ours = dsp.mel_spectrogram(clip[None], window=window, mel=mel, hop_length=100, power=power)[0]
    theirs = librosa.feature.melspectrogram(
        y=clip, sr=16000, n_fft=512, hop_length=100, n_mels=40, power=power
    )
    np.testing.assert_allclose(ours, theirs.T, rtol=1e-4)
