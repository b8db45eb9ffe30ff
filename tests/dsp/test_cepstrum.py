"""The cosine transform against librosa."""

import librosa
import numpy as np
import pytest

from skaudio import dsp


@pytest.mark.parametrize("dct_type", [1, 2, 3])
@pytest.mark.parametrize("norm", ["ortho", None])
@pytest.mark.parametrize("lifter", [0, 22])
def test_cepstrum_equals_librosa(dct_type, norm, lifter):
    log_mel = np.random.default_rng(0).normal(size=(2, 6, 32)).astype(np.float32)
    ours = dsp.cepstrum(log_mel, 13, dct_type=dct_type, norm=norm, lifter=lifter)
    assert ours.dtype == np.float32
    for clip, coefficients in zip(log_mel, ours, strict=True):
        theirs = librosa.feature.mfcc(
            S=clip.T, n_mfcc=13, dct_type=dct_type, norm=norm, lifter=lifter
        )
        np.testing.assert_allclose(coefficients, theirs.T, rtol=1e-4, atol=1e-4)
