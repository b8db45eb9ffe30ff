"""Measure the time of reading and measuring a recording of one hour.

An hour of noise with a changing level is written in the usual formats. For each the script
prints the best of five times, in milliseconds, of ``skaudio.audio.load`` for the first second and
for a second that begins after 40 minutes, of ``librosa.load`` for the same two (if it reads the
format), and of ``skaudio.audio.durations``::

    python examples/benchmarks/long_recordings.py
"""

import tempfile
import time
from pathlib import Path

import av
import librosa
import numpy as np
import soundfile

from skaudio import audio

RATE = 16000
MINUTES = 60
LATE = 2400.0
FORMATS = [
    ("WAV", "wav", "wav", "pcm_s16le"),
    ("AIFF", "aiff", "aiff", "pcm_s16be"),
    ("FLAC", "flac", "flac", "flac"),
    ("MP3", "mp3", "mp3", "libmp3lame"),
    ("M4A, AAC", "m4a", "ipod", "aac"),
    ("AAC, raw", "aac", "adts", "aac"),
    ("Ogg Opus", "opus", "ogg", "libopus"),
    ("WebM, Opus", "webm", "webm", "libopus"),
]


def write(path, container, codec, minute):
    """Write the same minute repeatedly."""
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE)
        stream.layout = "mono"
        resampler = av.AudioResampler(
            stream.format, "mono", stream.rate, frame_size=stream.frame_size or 1024
        )
        for _ in range(MINUTES):
            frame = av.AudioFrame.from_ndarray(minute[None], format="s16", layout="mono")
            frame.sample_rate = RATE
            for part in resampler.resample(frame):
                output.mux(stream.encode(part))
        for part in resampler.resample(None):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))


def milliseconds(run):
    """Measure the best of five."""
    best = np.inf
    for _ in range(5):
        started = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - started)
    return f"{1000 * best:.2f}"


def with_librosa(path):
    """Read the same two seconds with librosa, unless that needs its deprecated reader."""
    try:
        soundfile.info(path)
    except soundfile.LibsndfileError:
        return ["-", "-"]
    return [
        milliseconds(lambda offset=offset: librosa.load(path, sr=RATE, offset=offset, duration=1.0))
        for offset in (0.0, LATE)
    ]


def main():
    """Write, read and print."""
    rng = np.random.default_rng(0)
    level = np.interp(np.arange(60 * RATE), np.linspace(0, 60 * RATE, 121), rng.uniform(size=121))
    minute = (8000 * level * rng.normal(size=60 * RATE).clip(-3, 3)).astype(np.int16)
    columns = ("first s", "late s", "librosa", "librosa", "length")
    print(f"{'':14}" + "".join(f"{column:>10}" for column in columns) + "   (milliseconds)")
    with tempfile.TemporaryDirectory() as folder:
        for name, ending, container, codec in FORMATS:
            path = Path(folder) / f"hour.{ending}"
            write(path, container, codec, minute)
            row = [
                milliseconds(lambda path=path: audio.load(path, duration=1.0)),
                milliseconds(lambda path=path: audio.load(path, offset=LATE, duration=1.0)),
            ]
            row += with_librosa(path)
            row.append(milliseconds(lambda path=path: audio.durations([path], sample_rate=RATE)))
            print(f"{name:14}" + "".join(f"{cell:>10}" for cell in row), flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
