"""Recordings built from nothing: good ones in every format, and the parts to make odd ones of."""

import io
import struct

import av
import numpy as np
import soundfile

RATE = 16000
SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
ID3V2 = b"ID3\4\0\0\0\0\0\5abcde"
ID3V1 = b"TAG" + bytes(125)


def sound(seconds=2.0, rate=RATE, seed=0):
    """A rising tone in a little noise: float32, whole numbers of 16-bit steps."""
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(size=len(t))
    samples = 0.3 * np.sin(2 * np.pi * (300 + 100 * t / max(1, seconds)) * t) + 0.02 * noise
    return (np.round(samples * 2**15) / 2**15).astype(np.float32)


def syllables(seconds, rate=RATE):
    """Tones of a quarter of a second, each of its own pitch and loudness."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * rate)) / rate
    pitch, loudness = (values[(4 * t).astype(int)] for values in (
        rng.uniform(200, 3000, size=round(4 * seconds) + 1),
        rng.choice([0.001, 0.03, 0.1, 0.3], size=round(4 * seconds) + 1),
    ))  # fmt: skip
    samples = loudness * np.sin(2 * np.pi * np.cumsum(pitch) / rate)
    samples += 0.001 * rng.normal(size=len(t))
    return (np.round(samples * 2**15) / 2**15).astype(np.float32)


def as_int16(samples):
    return np.round(samples * 2**15).astype("<i2")


def encode(samples, file_format, subtype=None, *, rate=RATE, **options):
    """Encode with libsndfile."""
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", rate, samples[:1].size, format=file_format, subtype=subtype, **options
    ) as writer:
        writer.write(samples)
    return file.getvalue()


def encode_with_av(samples, container, codec, *, rate=RATE, layout="mono", video=False, **settings):
    """Encode with FFmpeg; 16-bit integers stay what they are."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        for name, value in settings.items():
            setattr(stream, name, value)
        form = {"f": "flt", "i": "s16"}[samples.dtype.kind]
        packets = []
        for start in range(0, len(samples), 1024):
            part = samples[start : start + 1024].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format=form, layout=layout)
            frame.sample_rate, frame.pts = rate, start
            packets += stream.encode(frame)
        # FFmpeg's FLAC encoder spoils the MD5 sum that it has announced when it is flushed, so
        # the header is written before. Its last packet, an empty one, brings the right sum.
        pictures = _encode_pictures(out, "mpeg4") if video else []
        out.mux(packets + pictures)
        out.mux([packet for packet in stream.encode(None) if packet.size or container == "flac"])
    return file.getvalue()


def encode_pictures(container, codec, **settings):
    """A picture or a video without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        out.mux(_encode_pictures(out, codec, **settings))
    return file.getvalue()


def _encode_pictures(out, codec, *, n_images=8, pix_fmt="yuv420p"):
    stream = out.add_stream(codec, rate=10, width=64, height=48)
    stream.pix_fmt = pix_fmt
    packets = []
    for image in np.random.default_rng(0).integers(256, size=(n_images, 48, 64, 3), dtype="u1"):
        packets += stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24"))
    return packets + stream.encode(None)


def wav_chunk(name, content, size=None):
    """One chunk with its padding."""
    size = len(content) if size is None else size
    return name + struct.pack("<I", size) + content + bytes(len(content) % 2)


def wav_file(*chunks, size=None):
    """A WAV file of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def wav_format(*, tag=1, channels=1, rate=RATE, n_bits=16, block=None, extra=b""):
    """A format chunk."""
    block = channels * n_bits // 8 if block is None else block
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * block % 2**32, block % 2**16, n_bits)
    return wav_chunk(b"fmt ", form + extra)


def wav_chunks(encoded):
    """The content of each chunk by its name."""
    chunks, start = {}, 12
    while start + 8 <= len(encoded):
        name, size = struct.unpack_from("<4sI", encoded, start)
        chunks[name] = encoded[start + 8 : start + 8 + size]
        start += 8 + size + size % 2
    return chunks


def ogg_page(serial, number, flags, granule, *packets):
    """One page of whole packets; `join_pages` knows its checksum."""
    lacing = b"".join(b"\xff" * (len(p) // 255) + bytes([len(p) % 255]) for p in packets)
    header = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, number, 0, len(lacing))
    return bytearray(header + lacing + b"".join(packets))


def ogg_pages(encoded):
    """Take an Ogg file apart."""
    pages, start = [], 0
    while start < len(encoded):
        n_segments = encoded[start + 26]
        end = start + 27 + n_segments + sum(encoded[start + 27 : start + 27 + n_segments])
        pages.append(bytearray(encoded[start:end]))
        start = end
    return pages


def join_pages(pages):
    """Put an Ogg file together, with new checksums."""
    for page in pages:
        page[22:26] = bytes(4)
        checksum = 0
        for byte in page:
            checksum = (checksum << 8 & 0xFFFFFFFF) ^ _OGG_CRC[checksum >> 24 ^ byte]
        page[22:26] = struct.pack("<I", checksum)
    return b"".join(map(bytes, pages))


def _ogg_crc(byte):
    checksum = byte << 24
    for _ in range(8):
        checksum = (checksum << 1 ^ (0x04C11DB7 if checksum >> 31 else 0)) & 0xFFFFFFFF
    return checksum


_OGG_CRC = [_ogg_crc(byte) for byte in range(256)]


def mp3_frame_bytes(header):
    """How long the frame is that begins so (layer 3)."""
    is_1 = header[1] >> 3 & 3 == 3
    kilobits = (
        (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
        if is_1
        else (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    )[header[2] >> 4]
    rate = (44100, 48000, 32000)[header[2] >> 2 & 3] // {3: 1, 2: 2, 0: 4}[header[1] >> 3 & 3]
    return (144000 if is_1 else 72000) * kilobits // rate + (header[2] >> 1 & 1)


def untagged(mp3):
    """An MP3 file without the frame that states its length."""
    return mp3[mp3_frame_bytes(mp3) :]


def xing_that_states(mp3, n_frames):
    """An MP3 file whose first frame states another number of frames."""
    position = mp3.index(b"Xing" if b"Xing" in mp3 else b"Info") + 8
    return mp3[:position] + struct.pack(">I", n_frames) + mp3[position + 4 :]


def flac_that_states(flac, n_samples, *, md5=True):
    """A FLAC file that states another number of samples, with its MD5 sum or without."""
    header = bytearray(flac[:42])
    header[21] = header[21] & 0xF0 | n_samples >> 32
    header[22:26] = struct.pack(">I", n_samples % 2**32)
    if not md5:
        header[26:42] = bytes(16)
    return bytes(header) + flac[42:]


def remux(encoded, container, *, first=0, begin=0.0):
    """Copy a recording's packets, from one of them on, to begin at another time (seconds)."""
    file = io.BytesIO()
    with av.open(io.BytesIO(encoded)) as source, av.open(file, "w", format=container) as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        packets = [packet for packet in source.demux(source.streams.audio[0]) if packet.size]
        shift = round(begin / packets[0].time_base) - packets[first].pts
        for packet in packets[first:]:
            packet.stream = stream
            packet.pts += shift
            packet.dts += shift
            out.mux(packet)
    return file.getvalue()
