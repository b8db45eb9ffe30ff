"""Frames, windows and power spectra."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skaudio import dsp


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
