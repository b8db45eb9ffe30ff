"""Describing recordings after they were decoded to their end."""

import numpy as np
import pytest
import soundfile

from skaudio import audio


def test_lengths_rates_and_levels_are_those_of_the_recording(tmp_path):
    sound = 0.25 * np.sin(np.arange(4410) / 7)
    soundfile.write(tmp_path / "sound.flac", sound, 44100)
    of_file, of_pair, of_array = audio.inspect(
        [tmp_path / "sound.flac", (sound, 8000), sound], sample_rate=16000
    )
    assert of_file.duration == pytest.approx(0.1, abs=1e-3)
    assert (of_file.sample_rate, of_pair.sample_rate, of_array.sample_rate) == (44100, 8000, 16000)
    assert of_array.peak == pytest.approx(np.abs(sound).max())
    assert of_array.problem is None


def test_the_same_sound_has_the_same_content_in_every_format(tmp_path):
    sound = (1000 * np.sin(np.arange(1600) / 7)).astype(np.int16)
    for name in ("sound.wav", "sound.flac", "copy.wav"):
        soundfile.write(tmp_path / name, sound, 16000)
    paths = [tmp_path / name for name in ("sound.wav", "sound.flac", "copy.wav")]
    contents = {inspection.content for inspection in audio.inspect([*paths, (sound, 16000)])}
    assert len(contents) == 1
    louder = audio.inspect([(sound + 1, 16000)])[0]
    assert louder.content not in contents


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_broken_recording_is_described(n_jobs, capsys):
    sources = [np.ones(16), b"no audio", np.array([0.0, np.nan])]
    good, *bad = audio.inspect(sources, n_jobs=n_jobs, verbose=1)
    assert good.problem is None
    assert all(inspection.problem and np.isnan(inspection.duration) for inspection in bad)
    assert all(inspection.content == b"" for inspection in bad)
    assert "Checking" in capsys.readouterr().err
