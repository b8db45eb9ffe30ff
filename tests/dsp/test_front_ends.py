"""Parity with librosa, one clip at a time, and independence of the neighbours."""

import librosa
import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from skaudio import dsp


def _clip(n_samples, seed=0, loudness=0.1):
    return (loudness * np.random.default_rng(seed).normal(size=n_samples)).astype(np.float32)


def _matrices(n_fft=512, win_length=480, n_mels=64, rate=16000):
    return {
        "window": dsp.amplitude_window("hann", win_length, n_fft),
        "mel": dsp.mel_filterbank(
            sample_rate=rate, n_fft=n_fft, n_mels=n_mels, fmin=0.0, fmax=rate / 2
        ),
    }


FRONT_ENDS = {
    "mfcc": dsp.mfcc,
    "log-mel": dsp.log_mel_spectrogram,
    "pcen": lambda clips, **settings: dsp.pcen_spectrogram(clips, sample_rate=16000, **settings),
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
    ours = dsp.mfcc(
        clip[None],
        hop_length=hop_length,
        center=center,
        n_mfcc=n_mfcc,
        dct_type=dct_type,
        norm=norm,
        lifter=lifter,
        **_matrices(n_fft, win_length, n_mels),
    )[0]
    expected = librosa.feature.mfcc(
        y=clip,
        sr=16000,
        n_fft=n_fft,
        win_length=win_length,
        hop_length=hop_length,
        n_mels=n_mels,
        center=center,
        n_mfcc=n_mfcc,
        dct_type=dct_type,
        norm=norm,
        lifter=lifter,
    ).T
    scale = np.abs(expected).max() if norm is None else 1.0
    np.testing.assert_allclose(ours / scale, expected / scale, atol=1e-3)


@given(
    n_fft=st.sampled_from([256, 512]),
    hop_length=st.integers(50, 400),
    n_mels=st.integers(20, 80),
    gain=st.floats(0, 1),
    bias=st.one_of(st.just(0.0), st.floats(0.1, 10)),
    power=st.floats(0.1, 1),
    time_constant=st.floats(0.01, 2),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=30, deadline=None)
def test_pcen_equals_librosa(n_fft, hop_length, n_mels, gain, bias, power, time_constant, seed):
    clip = _clip(5000, seed)
    constants = {"gain": gain, "bias": bias, "power": power, "time_constant": time_constant}
    ours = dsp.pcen_spectrogram(
        clip[None],
        sample_rate=16000,
        hop_length=hop_length,
        **constants,
        **_matrices(n_fft, n_fft, n_mels),
    )[0]
    magnitudes = librosa.feature.melspectrogram(
        y=clip, sr=16000, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels, power=1
    )
    magnitudes *= 2**31
    # Left to itself, librosa's filter starts from one, whatever the first frame is.
    n_frames = time_constant * 16000 / hop_length
    weight = (np.sqrt(1 + 4 * n_frames**2) - 1) / (2 * n_frames**2)
    first = scipy.signal.lfilter_zi([weight], [1, weight - 1]) * magnitudes[:, :1]
    expected = librosa.pcen(magnitudes, sr=16000, hop_length=hop_length, zi=first, **constants).T
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-3)


def test_log_mel_equals_librosa():
    clip = _clip(16000)
    energies = librosa.feature.melspectrogram(
        y=clip, sr=16000, n_fft=512, win_length=480, hop_length=160, n_mels=64
    )
    ours = dsp.log_mel_spectrogram(clip[None], hop_length=160, **_matrices())[0]
    np.testing.assert_allclose(ours, librosa.power_to_db(energies).T, atol=1e-3)


@pytest.mark.parametrize("front_end", FRONT_ENDS)
@given(
    n_clips=st.integers(1, 9),
    n_samples=st.sampled_from([700, 1600, 5000, 50000]),
    hop_length=st.sampled_from([100, 160]),
    seed=st.integers(0, 2**31),
    data=st.data(),
)
@settings(max_examples=15, deadline=None)
def test_a_clip_is_alone_in_its_batch_bit_for_bit(
    front_end, n_clips, n_samples, hop_length, seed, data
):
    rng = np.random.default_rng(seed)
    loudness = 10 ** rng.uniform(-5, 0, size=(n_clips, 1))
    clips = (loudness * rng.normal(size=(n_clips, n_samples))).astype(np.float32)
    compute = FRONT_ENDS[front_end]
    together = compute(clips, hop_length=hop_length, **_matrices())
    one = data.draw(st.integers(0, n_clips - 1))
    alone = compute(clips[one : one + 1], hop_length=hop_length, **_matrices())
    assert together.dtype == np.float32
    np.testing.assert_array_equal(together[one], alone[0])


def test_long_clips_take_little_more_memory_than_their_features():
    # Spectra are made in pieces: all at once they would take 200 MB here.
    import tracemalloc

    clip = _clip(16000 * 600)
    tracemalloc.start()
    features = dsp.mfcc(clip[None], hop_length=160, **_matrices())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < clip.nbytes + 6 * features.nbytes
