"""Fuzz the reader of plain WAV files, and compare it with libsndfile.

Where the fast reader and libsndfile find as many frames in a file, the samples must be equal to
the bit; whole, in parts, or from what was read with the header. Whatever the bytes,
`skaudio.audio.load` must return samples or raise `AudioError`. Needs atheris, which the extras
of the project do not install; pytest does not collect this file::

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
    from skaudio.audio._failures import Unusable
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
    position = provider.ConsumeIntInRange(0, len(chunks))
    samples = provider.ConsumeBytes(provider.ConsumeIntInRange(0, 200))
    chunks.insert(position, (b"data", samples))
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
                samples = frames[:, 0] if file.channels == 1 else frames.mean(axis=1)
                return samples, file.samplerate, file.frames
    except soundfile.LibsndfileError:
        return None


def bits(samples):
    """Tell -0.0 from 0.0, but not one NaN from another: their mean is any of them."""
    return np.where(np.isnan(samples), np.float32(np.nan), samples).view(np.uint32)


def read_fast(encoded, first):
    """Read with the fast reader, or return None if it leaves the file to FFmpeg or refuses."""
    try:
        reader = reader_of(encoded)
        head = reader.read_at(0, _wav.HEADER_BYTES)
        layout = _wav.read_layout(reader, head, is_complete=len(head) < _wav.HEADER_BYTES)
    except Unusable:
        return None
    if layout is None:
        return None
    samples = np.empty(layout.n_frames, np.float32)
    assert _wav.read_samples(reader, head, layout, samples) == layout.n_frames
    first = min(first, layout.n_frames)
    for known in (head, b""):
        part = np.empty(layout.n_frames - first, np.float32)
        assert _wav.read_samples(reader, known, layout, part, first) == len(part)
        np.testing.assert_array_equal(bits(part), bits(samples[first:]))
    return samples, layout.rate, layout.n_frames


def test_one_input(data):
    """Compare the ways to read."""
    provider = atheris.FuzzedDataProvider(data)
    encoded = data if data[:4] == b"RIFF" else build(provider)
    fast, expected = read_fast(encoded, provider.ConsumeIntInRange(0, 50)), reference(encoded)
    if fast is not None and expected is not None and fast[2] == expected[2]:
        np.testing.assert_array_equal(bits(fast[0]), bits(expected[0]))
    try:
        samples = audio.load(encoded, sample_rate=16000)
    except AudioError:
        return
    assert samples.dtype == np.float32
    assert len(samples)
    assert np.isfinite(samples).all()
    if fast is not None and fast[1] == 16000:
        np.testing.assert_array_equal(bits(samples), bits(fast[0]))


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
