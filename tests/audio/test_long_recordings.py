"""The first second of an hour costs a second: counted in bytes, not in time."""

import io
import os
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile

from skaudio import audio

RATE = 16000
HOUR_BYTES = 3600 * RATE * 2


@pytest.fixture(scope="module")
def hour(tmp_path_factory):
    """An hour of silence that takes no room on the disk."""
    path = tmp_path_factory.mktemp("hour") / "hour.wav"
    form = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 36 + HOUR_BYTES, b"WAVEfmt ", 16, 1, 1, RATE,
                       2 * RATE, 2, 16, b"data", HOUR_BYTES)  # fmt: skip
    with open(path, "wb") as file:
        file.write(form + np.arange(RATE, dtype="<i2").tobytes())
        file.truncate(len(form) + HOUR_BYTES)
    return path


class Counting(io.BufferedReader):
    """An open file that counts what is read of it."""

    n_bytes = 0

    def read(self, size=-1):
        data = super().read(size)
        self.n_bytes += len(data)
        return data

    def readinto(self, buffer):
        n_bytes = super().readinto(buffer)
        self.n_bytes += n_bytes
        return n_bytes


def peak_memory(call):
    """The most bytes that Python and NumPy had allocated at once."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def first_second(source, sample_rate=RATE):
    clips, _, failures = audio.load_batch([source], sample_rate=sample_rate, n_samples=sample_rate)
    assert failures == []
    return clips[0]


@pytest.mark.parametrize("sample_rate", [RATE, 8000])
def test_memory_for_the_first_second_of_an_hour(hour, sample_rate):
    assert peak_memory(lambda: first_second(hour, sample_rate)) < 500_000
    assert peak_memory(lambda: audio.durations([hour], sample_rate=RATE)) < 50_000
    np.testing.assert_array_equal(first_second(hour), np.arange(RATE) / 2**15)


def test_bytes_read_by_path(hour, monkeypatch):
    n_bytes = []
    read = os.read

    def count(descriptor, n):
        data = read(descriptor, n)
        n_bytes.append(len(data))
        return data

    monkeypatch.setattr(os, "read", count)
    first_second(hour)
    assert sum(n_bytes) < 2 * RATE + 5000
    n_bytes.clear()
    assert audio.durations([hour], sample_rate=RATE) == 3600
    assert sum(n_bytes) < 5000


def test_bytes_read_of_an_open_wav_file(hour):
    with Counting(open(hour, "rb", buffering=0)) as file:
        first_second(file)
        assert file.n_bytes < 2 * RATE + 5000


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3"])
def test_bytes_read_of_an_open_file_of_other_formats(tmp_path, ending):
    path = tmp_path / f"long.{ending}"
    minute = 0.1 * np.random.default_rng(0).normal(size=60 * RATE)
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for _ in range(3):
            file.write(minute)
    with Counting(open(path, "rb", buffering=0)) as file:
        clip = first_second(file)
        # The decoder's first blocks, and for OGG the search for the last page.
        assert file.n_bytes < 300_000 < path.stat().st_size
    np.testing.assert_array_equal(clip, first_second(path))
    assert peak_memory(lambda: first_second(path)) < 700_000
