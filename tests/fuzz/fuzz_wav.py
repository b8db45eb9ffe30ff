"""Fuzz the reader of PCM WAV files against libsndfile.

What the fast reader accepts must be what libsndfile reads, to the bit; whatever the bytes,
`skaudio.audio.load` must either return libsndfile's samples or raise `AudioError`. Needs
atheris, which the extras of the project do not install; pytest does not collect this file::

    python -m pip install atheris
    python tests/fuzz/fuzz_wav.py -max_total_time=300 -max_len=4096

Every input that fails is written to ``crash-*`` in the current folder; give its name as the
only argument to run it again.
"""

import io
import struct
import sys

import atheris
import numpy as np
import soundfile

with atheris.instrument_imports(include=["skaudio.audio"]):
    from skaudio import audio
    from skaudio.audio import _wav
    from skaudio.audio._bytes import reader_of
    from skaudio.exceptions import AudioError

FOUR_CC = [b"data", b"fmt ", b"fact", b"PEAK", b"LIST", b"INFO", b"ISFT", b"JUNK", b"PAD "]
FOUR_CC += [b"FLLR", b"RIFF", b"WAVE", b"cue ", b"smpl", b"bext", b"exif", b"id3 ", b"IART"]


def build(provider):
    """Make a file that is nearly a WAV file."""
    channels = provider.PickValueInList([1, 1, 1, 2, 3, 6, 0, 1024, 65535])
    n_bits = provider.PickValueInList([16, 16, 8, 24, 32, 12, 64, 0])
    tag = provider.PickValueInList([1, 1, 1, 3, 0xFFFE, 6, 0x55])
    rate = provider.PickValueInList([16000, 8000, 1, 0, 655350, 2**31, 4000000])
    frame_bytes = channels * n_bits // 8
    if provider.ConsumeIntInRange(0, 7) == 0:
        frame_bytes = provider.ConsumeIntInRange(0, 65535)
    form = struct.pack(
        "<HHIIHH", tag, channels, rate, rate * 2 % 2**32, frame_bytes & 65535, n_bits
    )
    if tag == 0xFFFE:
        subformat = provider.PickValueInList([1, 3, 7])
        form += struct.pack("<HHIH", 22, n_bits, provider.ConsumeIntInRange(0, 7), subformat)
        form += bytes.fromhex("000000001000800000aa00389b71")
    elif provider.ConsumeBool():
        form += provider.ConsumeBytes(2)
    chunks = [(b"fmt ", form)] if provider.ConsumeIntInRange(0, 15) else []
    for _ in range(provider.ConsumeIntInRange(0, 4)):
        content = provider.ConsumeBytes(provider.ConsumeIntInRange(0, 40))
        if provider.ConsumeBool():
            content = b"INFO" + provider.PickValueInList(FOUR_CC) + content
        chunks.append((provider.PickValueInList(FOUR_CC), content))
    place = provider.ConsumeIntInRange(0, len(chunks))
    samples = provider.ConsumeBytes(provider.ConsumeIntInRange(0, 200))
    chunks.insert(place, (b"data", samples))
    body = b"WAVE"
    for name, content in chunks:
        n_bytes = len(content)
        if provider.ConsumeIntInRange(0, 9) == 0:
            n_bytes = provider.ConsumeInt(4) % 2**32
        body += name + struct.pack("<I", n_bytes) + content
        if len(content) % 2 and provider.ConsumeIntInRange(0, 9):
            body += b"\0"
    encoded = b"RIFF" + struct.pack("<I", len(body)) + body
    return encoded + provider.ConsumeBytes(16)


def reference(encoded):
    """Read with soundfile, or return None if it refuses."""
    try:
        with soundfile.SoundFile(io.BytesIO(encoded)) as file:
            frames = file.read(min(file.frames, 2**16), dtype="float32", always_2d=True)
            with np.errstate(all="ignore"):
                return frames.mean(axis=1), file.samplerate, file.frames
    except soundfile.LibsndfileError:
        return None


def bits(samples):
    """Tell -0.0 from 0.0, but not one NaN from another: their mean is any of them."""
    return np.where(np.isnan(samples), np.float32(np.nan), samples).view(np.uint32)


def test_one_input(data):
    """Compare the three ways to read."""
    provider = atheris.FuzzedDataProvider(data)
    encoded = data if data[:4] == b"RIFF" else build(provider)
    expected = reference(encoded)
    reader = reader_of(encoded) if encoded else None
    layout = _wav.read_layout(reader, memoryview(encoded), whole=True) if reader else None
    if layout is not None:
        assert expected is not None, "the fast reader accepts what libsndfile refuses"
        assert (layout.n_frames, layout.rate) == (expected[2], expected[1])
        out = np.empty(layout.n_frames, np.float32)
        assert _wav.read_samples(reader, b"", layout, out)
        np.testing.assert_array_equal(bits(out), bits(expected[0]))
    try:
        samples = audio.load(encoded, sample_rate=16000)
    except AudioError:
        return
    assert expected is not None
    if expected[1] == 16000:
        np.testing.assert_array_equal(samples, expected[0])


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
