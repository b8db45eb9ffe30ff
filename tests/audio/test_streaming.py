"""Blocks of a recording, which together are what `load` returns."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from skaudio import audio
from skaudio.exceptions import AudioError

RATE = 16000


def noise(n_samples, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, n_samples).astype(np.float32)


def encoded(samples, rate, file_format, subtype=None):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=file_format, subtype=subtype)
    return file.getvalue()


def joined(source, **options):
    return np.concatenate(list(audio.blocks(source, **options)))


@pytest.mark.parametrize("rate", [8000, RATE, 22050, 44100])
@pytest.mark.parametrize(
    ("file_format", "subtype"),
    [("WAV", "PCM_16"), ("FLAC", None), ("OGG", "VORBIS"), ("MP3", None)],
)
def test_blocks_are_those_of_load(file_format, subtype, rate):
    source = encoded(noise(int(2.3 * rate)), rate, file_format, subtype)
    whole = audio.load(source, sample_rate=RATE)
    np.testing.assert_array_equal(joined(source, sample_rate=RATE, duration=0.4), whole)


@given(
    n_samples=st.integers(1, 5000),
    rate=st.sampled_from([4000, RATE, 44100]),
    duration=st.floats(0.001, 0.4),
)
def test_blocks_of_an_array_have_equal_lengths(n_samples, rate, duration):
    source = noise(n_samples), rate
    blocks = list(audio.blocks(source, sample_rate=RATE, duration=duration))
    assert {len(block) for block in blocks[:-1]} <= {len(blocks[0])}
    assert 1 <= len(blocks[-1]) <= len(blocks[0])
    np.testing.assert_array_equal(np.concatenate(blocks), audio.load(source, sample_rate=RATE))


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=8), st.sampled_from([8000, 44100]))
def test_resampled_blocks_do_not_depend_on_their_lengths(lengths, rate):
    recording = noise(sum(lengths) + 1)
    blocks = np.split(recording, np.cumsum(lengths))
    found = np.concatenate(list(audio.resample_blocks(blocks, from_rate=rate, to_rate=RATE)))
    np.testing.assert_array_equal(found, audio.load((recording, rate), sample_rate=RATE))


def test_blocks_of_integers_are_scaled():
    blocks = [np.full(3, 2**14, np.int16), np.full(2, -(2**14), np.int16)]
    found = np.concatenate(list(audio.resample_blocks(blocks, from_rate=RATE, to_rate=RATE)))
    assert found.tolist() == [0.5, 0.5, 0.5, -0.5, -0.5]


def test_channels_segments_and_stereo_files_are_mixed_down_as_always():
    stereo = np.stack([noise(4000), noise(4000, 1)], axis=1)
    for source in (
        (stereo, 8000),
        encoded(stereo, 8000, "WAV"),
        audio.Segment((stereo, 8000), 0.1, 0.4),
    ):
        np.testing.assert_array_equal(
            joined(source, sample_rate=RATE, duration=0.03), audio.load(source, sample_rate=RATE)
        )


def test_a_damaged_recording_is_named(tmp_path):
    path = tmp_path / "night.flac"
    path.write_bytes(encoded(noise(RATE), RATE, "FLAC")[:-500])
    with pytest.raises(AudioError, match=r"night\.flac"):
        list(audio.blocks(path))
    with pytest.raises(AudioError, match="block 1: 1 of its 2 samples is NaN"):
        list(audio.resample_blocks([[0.5], [0.1, np.nan]], from_rate=RATE, to_rate=RATE))
    with pytest.raises(AudioError, match="holds no samples"):
        list(audio.blocks(encoded(noise(0), RATE, "WAV")))


def test_an_open_file_keeps_its_position():
    file = io.BytesIO(encoded(noise(RATE), RATE, "WAV"))
    file.seek(7)
    assert len(joined(file)) == RATE
    assert file.tell() == 7


@pytest.mark.parametrize("duration", [0, -1, np.nan, np.inf])
def test_a_bad_duration_is_refused_at_once(duration):
    with pytest.raises(ValueError, match="duration parameter of blocks"):
        audio.blocks(np.zeros(4), duration=duration)
