"""Synthetic recordings in every format, and files of every kind of damage."""

import numpy as np
import pytest
import soundfile

RATE = 44100


@pytest.fixture(scope="package")
def samples():
    return (0.1 * np.random.default_rng(0).normal(size=RATE // 2)).astype(np.float32)


@pytest.fixture(scope="package")
def folder(samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    for ending in ("wav", "flac", "ogg", "mp3"):
        soundfile.write(folder / f"sound.{ending}", samples, RATE)
    soundfile.write(folder / "stereo.wav", np.stack([samples, 0 * samples], axis=1), RATE)
    return folder


@pytest.fixture(scope="package")
def broken(folder):
    """Name of a broken file, to the reason that the message must give."""
    for name in ("flac", "mp3", "wav", "ogg"):
        whole = (folder / f"sound.{name}").read_bytes()
        (folder / f"cut.{name}").write_bytes(whole[: len(whole) // 2])
    (folder / "text.wav").write_text("hello")
    (folder / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "header.wav", np.zeros(0), 16000)
    soundfile.write(folder / "nan.wav", np.array([0.0, np.nan]), 16000, subtype="FLOAT")
    soundfile.write(folder / "inf.wav", np.array([np.inf, 0.0]), 16000, subtype="FLOAT")
    soundfile.write(folder / "slow.wav", np.zeros(2000), 1)
    (folder / "directory.wav").mkdir()
    return {
        "missing.wav": "there is no such file",
        "directory.wav": "it is a directory",
        "text.wav": "it is not audio that FFmpeg can read",
        "empty.wav": "the file is empty",
        "header.wav": "it holds no samples",
        "cut.flac": "do not match the MD5 sum that it states; the file is cut or damaged",
        "cut.mp3": "states 22050 samples but decoding ends after .* the file is cut or damaged",
        "cut.ogg": "it is not audio that FFmpeg can read",  # its only page with sound is cut
        "cut.wav": "states 44100 bytes of samples but .* the file is cut or damaged",
        "nan.wav": "1 of its 2 samples is NaN or infinite",
        "inf.wav": "1 of its 2 samples is NaN or infinite",
        "slow.wav": "its sampling rate is 1 Hz, which is too far from sample_rate=16000",
    }
