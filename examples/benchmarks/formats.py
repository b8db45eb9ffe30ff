"""Measure which formats are read, how fast, and whether truncated files are detected.

Five seconds of a rising tone in noise are written in every format that soundfile and PyAV can
write, at 16 kHz. For each the script prints, with a single process,

- the accuracy: ``exact``, or the correlation with the original samples, after correcting the
  delay of some codecs (a few frames);
- clips per second, from paths, with ``skaudio.audio.load`` and, for comparison in the same run,
  with soundfile if it reads the format;
- the result when the last quarter of the file is missing: an error, or samples. Truncation
  cannot be detected in formats that state no length.

Run: ``python examples/benchmarks/formats.py``
"""

import io
import tempfile
import time
from pathlib import Path

import av
import numpy as np
import soundfile

from skaudio import AudioError, audio

RATE = 16000
SECONDS = 5
ROUNDS = 5

# Name, file ending, container and codec for PyAV; or format and subtype for soundfile.
BY_SOUNDFILE = [
    ("WAV, 16 bits", "wav", "WAV", "PCM_16"),
    ("WAV, 24 bits", "wav", "WAV", "PCM_24"),
    ("WAV, 32-bit float", "wav", "WAV", "FLOAT"),
    ("WAV, mu-law", "wav", "WAV", "ULAW"),
    ("WAV, IMA ADPCM", "wav", "WAV", "IMA_ADPCM"),
    ("WAV, GSM 6.10", "wav", "WAV", "GSM610"),
    ("RF64", "rf64", "RF64", "PCM_16"),
    ("W64", "w64", "W64", "PCM_16"),
    ("AIFF", "aiff", "AIFF", "PCM_16"),
    ("AU", "au", "AU", "PCM_16"),
    ("CAF", "caf", "CAF", "PCM_16"),
    ("VOC", "voc", "VOC", "PCM_16"),
    ("NIST Sphere", "sph", "NIST", "PCM_16"),
    ("FLAC", "flac", "FLAC", "PCM_16"),
    ("Ogg Vorbis", "ogg", "OGG", "VORBIS"),
    ("Ogg Opus", "opus", "OGG", "OPUS"),
    ("MP3", "mp3", "MP3", "MPEG_LAYER_III"),
]
BY_PYAV = [
    ("M4A, AAC", "m4a", "ipod", "aac"),
    ("M4A, Apple Lossless", "m4a", "ipod", "alac"),
    ("MP4, AAC", "mp4", "mp4", "aac"),
    ("3GP, AAC", "3gp", "3gp", "aac"),
    ("AAC, raw (ADTS)", "aac", "adts", "aac"),
    ("WebM, Opus", "webm", "webm", "libopus"),
    ("Matroska, FLAC", "mka", "matroska", "flac"),
    ("CAF, IMA4", "caf", "caf", "adpcm_ima_qt"),
    ("Ogg FLAC", "oga", "ogg", "flac"),
    ("WMA", "wma", "asf", "wmav2"),
    ("MP2", "mp2", "mp2", "mp2"),
    ("WavPack", "wv", "wv", "wavpack"),
    ("TTA", "tta", "tta", "tta"),
    ("QuickTime, PCM", "mov", "mov", "pcm_s16be"),
    ("MPEG-TS, AAC", "ts", "mpegts", "aac"),
]


def encode(samples, container, codec):
    """Write samples by PyAV."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE)
        stream.layout = "mono"
        stream.bit_rate = 64_000  # ignored by lossless codecs
        resampler = av.AudioResampler(
            stream.format, "mono", stream.rate, frame_size=stream.frame_size or 1024
        )
        frame = av.AudioFrame.from_ndarray(
            np.rint(samples * 32767).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = RATE
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        # FLAC ends with an empty packet, which only its own container accepts.
        output.mux([packet for packet in stream.encode(None) if packet.size])
    return file.getvalue()


def similarity(samples, original):
    """Compare samples with the original; their lengths may differ by a few frames."""
    if len(samples) == len(original) and np.abs(samples - original).max() < 1e-4:
        return "exact"
    n = min(len(samples), len(original)) - 4096
    spectra = [np.fft.rfft(clip[:n], 2 * n) for clip in (samples, original)]
    products = np.fft.irfft(spectra[0] * spectra[1].conj())
    delay = int(np.argmax(np.concatenate([products[-4096:], products[:4096]]))) - 4096
    late, early = samples[max(0, delay) :][: n - 4096], original[max(0, -delay) :][: n - 4096]
    return f"{np.corrcoef(late, early)[0, 1]:.3f}"


def clips_per_second(read, path):
    """Measure the best of a few rounds."""
    best = np.inf
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(20):
            read(path)
        best = min(best, time.perf_counter() - started)
    return f"{20 / best:,.0f}"


def main():
    """Write, read and print."""
    rng = np.random.default_rng(0)
    t = np.arange(SECONDS * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * (300 + 100 * t) * t) + 0.02 * rng.normal(size=len(t))
    original = (np.rint(32767 * tone) / 32767).astype(np.float32)
    print(f"{'format':22}{'decoded':>9}{'clips/s':>9}{'soundfile':>11}  last quarter missing")
    with tempfile.TemporaryDirectory() as folder:
        for index, (name, ending, *how) in enumerate(BY_SOUNDFILE + BY_PYAV):
            path = Path(folder, f"{index}.{ending}")
            if index < len(BY_SOUNDFILE):
                soundfile.write(path, original, RATE, format=how[0], subtype=how[1])
            else:
                path.write_bytes(encode(original, *how))
            encoded = path.read_bytes()
            try:
                theirs = clips_per_second(lambda path: soundfile.read(path, dtype="float32"), path)
            except soundfile.LibsndfileError:
                theirs = "-"
            try:
                audio.load(encoded[: 3 * len(encoded) // 4])
                cut = "samples"
            except AudioError:
                cut = "error"
            ours = clips_per_second(audio.load, path)
            decoded = similarity(audio.load(path), original)
            print(f"{name:22}{decoded:>9}{ours:>9}{theirs:>11}  {cut}")


if __name__ == "__main__":
    main()
