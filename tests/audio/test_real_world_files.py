"""Files as recorders, messengers, converters and crashes leave them: heard whole, or refused."""

import hashlib
import io
import os
import struct
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile
from scipy.signal import correlate

from skaudio import MFCCTransformer, audio
from skaudio.exceptions import AudioError
from tests.audio import builders
from tests.audio.builders import (
    ID3V1,
    ID3V2,
    RATE,
    as_int16,
    encode,
    encode_with_av,
    flac_that_states,
    join_pages,
    ogg_page,
    ogg_pages,
    remux,
    sound,
    untagged,
    wav_chunk,
    wav_chunks,
    wav_file,
    wav_format,
    xing_that_states,
)

SOUND = sound()
OTHER = sound(1.0, seed=1)[::-1].copy()
VARIABLE = {"bitrate_mode": "VARIABLE", "compression_level": 0.3}
CONSTANT = {"bitrate_mode": "CONSTANT", "compression_level": 0.5}
MP3_FRAME, AAC_FRAME = 1152, 1024
CUT = "cut or damaged|not audio that FFmpeg can read"


@pytest.fixture(autouse=True)
def nothing_is_printed(capfd):
    yield
    assert capfd.readouterr() == ("", "")


def assert_heard(encoded, *parts, rate=RATE, slack=0):
    """Every part is in it, one after the other, and no more than `slack` samples beside each."""
    samples = audio.load(encoded, sample_rate=rate)
    blocks = list(audio.blocks(encoded, sample_rate=rate, duration=0.3))
    np.testing.assert_array_equal(np.concatenate(blocks), samples)
    n_expected = sum(map(len, parts))
    assert abs(len(samples) - n_expected) <= slack * len(parts)
    assert_duration(encoded, len(samples) / rate, within=2 * slack * len(parts) / rate)
    if slack == 0:
        np.testing.assert_array_equal(samples, np.concatenate(parts))
        return
    end = 0
    for part in parts:
        middle = part[len(part) // 10 : -len(part) // 10]
        start = int(np.argmax(correlate(samples, middle, mode="valid", method="fft")))
        found = samples[start : start + len(middle)]
        assert np.corrcoef(found, middle)[0, 1] > 0.99
        assert end - slack <= start
        end = start + len(middle)


def assert_duration(encoded, seconds, *, within=0.0):
    measured = audio.durations([encoded], sample_rate=RATE)[0]
    assert measured == pytest.approx(seconds, rel=1e-9, abs=within)


def assert_refused(source, reason):
    with pytest.raises(AudioError, match=reason):
        audio.load(source)
    with pytest.raises(AudioError, match=reason):
        list(audio.blocks(source))


# What is stated is no length.


@pytest.mark.parametrize(
    ("n_samples", "md5"), [(0, True), (0, False), (100, True), (100, False), (2**36 - 1, True)]
)
def test_a_flac_file_that_states_another_length_is_heard_whole(n_samples, md5):
    assert_heard(flac_that_states(encode(SOUND, "FLAC"), n_samples, md5=md5), SOUND)


@pytest.mark.parametrize("n_frames", [0, 1])
@pytest.mark.parametrize("rate", [44100, 16000, 8000])
def test_an_mp3_file_that_states_too_few_frames_is_heard_whole(n_frames, rate):
    original = sound(2.0, rate)
    encoded = xing_that_states(encode(original, "MP3", rate=rate, **VARIABLE), n_frames)
    assert_heard(encoded, original, rate=rate, slack=2 * MP3_FRAME)


@pytest.mark.parametrize("granule", [100, 2**40, 2**50])
def test_an_ogg_file_whose_last_page_lies_about_its_place_has_its_own_duration(granule):
    pages = ogg_pages(encode(SOUND, "OGG"))
    pages[-1][6:14] = struct.pack("<q", granule)
    encoded = join_pages(pages)
    assert_duration(encoded, len(audio.load(encoded)) / RATE, within=0.1)


def test_a_length_that_is_unknown_by_the_rules_of_the_format():
    au = encode(SOUND, "AU")
    assert_heard(au[:8] + b"\xff" * 4 + au[12:], SOUND)
    caf = encode(SOUND, "CAF")
    size = caf.index(b"data") + 4
    assert_heard(caf[:size] + b"\xff" * 8 + caf[size + 8 :], SOUND)


def test_a_short_file_that_states_no_length_has_a_duration():
    encoded = encode_with_av(as_int16(SOUND[:800]), "nut", "pcm_s16le")
    assert_heard(encoded, SOUND[:800])


@pytest.mark.parametrize("n_samples", [1500, 1504, 1511, 32001])
def test_a_length_in_milliseconds_is_rounded(n_samples):
    original = sound(3.0)[:n_samples]
    encoded = encode_with_av(as_int16(original), "matroska", "pcm_s16le")
    np.testing.assert_array_equal(audio.load(encoded), original)


def test_durations_add_up_where_packets_are_timed_in_milliseconds():
    rate = 44100
    encoded = encode_with_av(sound(20.0, rate), "flv", "aac", rate=rate)
    seconds = len(audio.load(encoded, sample_rate=rate)) / rate
    assert_duration(encoded, seconds, within=2 * AAC_FRAME / rate)


# Ogg that ends in other ways.


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_stream_may_end_without_saying_so(subtype):
    original = np.concatenate([SOUND, SOUND, SOUND])
    pages = ogg_pages(encode(original, "OGG", subtype))
    assert len(pages) > 4
    pages[-1][5] &= ~4
    assert_heard(join_pages(pages), original, slack=960)
    serial, number = struct.unpack_from("<II", pages[-1], 14)
    for granule in (*struct.unpack_from("<q", pages[-1], 6), 0, -1):
        empty = ogg_page(serial, number + 1, 4, granule)
        assert_heard(join_pages([*pages, empty]), original, slack=960)


# Several recordings in one file.


def mp3s(**options):
    return [encode(part, "MP3", **options) for part in (SOUND, OTHER)]


@pytest.mark.parametrize("options", [VARIABLE, CONSTANT], ids=["variable", "constant"])
def test_mp3_files_that_were_joined_are_heard_to_the_last(options):
    first, second = mp3s(**options)
    for encoded in (
        first + second,
        untagged(first) + untagged(second),
        ID3V2 + first + ID3V1 + ID3V2 + second + ID3V1,
    ):
        assert_heard(encoded, SOUND, OTHER, slack=3 * MP3_FRAME)


@pytest.mark.parametrize(
    "subtypes", [["VORBIS"] * 2, ["OPUS"] * 2, ["VORBIS", "OPUS"]], ids=" and ".join
)
def test_ogg_files_that_were_joined_are_heard_to_the_last(subtypes):
    first, second = (
        encode(part, "OGG", subtype) for part, subtype in zip((SOUND, OTHER), subtypes, strict=True)
    )
    assert_heard(first + second, SOUND, OTHER, slack=1024)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_ogg_files_of_other_rates_may_be_joined(rate):
    encoded = encode(SOUND, "OGG") + encode(sound(1.0, rate), "OGG", rate=rate)
    assert_heard(encoded, SOUND, audio.load((sound(1.0, rate), rate)), slack=1024)


def test_ogg_files_of_other_channels_may_be_joined():
    stereo = np.stack([OTHER, OTHER], axis=1)
    assert_heard(encode(SOUND, "OGG") + encode(stereo, "OGG"), SOUND, OTHER, slack=1024)


@pytest.mark.parametrize("between", [b"", ID3V1], ids=["", "tags between"])
def test_flac_files_that_were_joined_are_heard_to_the_last(between):
    first, second = encode(SOUND, "FLAC"), encode(OTHER, "FLAC", "PCM_24")
    assert_heard(first + between + second, SOUND, OTHER)
    assert_heard(second + between + first + between + second, OTHER, SOUND, OTHER)


def test_tags_may_stand_before_flac_files():
    flac = encode(SOUND, "FLAC")
    assert_heard(ID3V2 + flac + ID3V1, SOUND)
    assert_heard(ID3V2 + flac + ID3V2 + flac, SOUND, SOUND)


def test_flac_files_of_other_rates_may_be_joined():
    original = sound(1.0, 8000)
    encoded = encode(SOUND, "FLAC") + encode(original, "FLAC", rate=8000)
    expected = np.concatenate([SOUND, audio.load((original, 8000))])
    np.testing.assert_array_equal(audio.load(encoded), expected)
    assert_duration(encoded, len(expected) / RATE)


@pytest.mark.parametrize("damaged", [0, 1])
def test_one_damaged_part_of_a_joined_flac_file_is_enough(damaged):
    parts = [bytearray(encode(SOUND, "FLAC")), bytearray(encode(OTHER, "FLAC"))]
    parts[damaged][-2000] ^= 1
    assert_refused(b"".join(parts), "MD5 sum .* cut or damaged")


@pytest.mark.parametrize("file_format", ["FLAC", "OGG", "MP3"])
def test_any_part_of_a_joined_file_can_be_read(file_format):
    encoded = encode(sound(8.0), file_format) + encode(sound(8.0, seed=2)[::-1], file_format)
    whole = audio.load(encoded)
    for offset in (3.0, 6.0, 7.5, 12.0, 15.0):
        part = audio.load(encoded, offset=offset, duration=1.0)
        expected = whole[int(offset * RATE) : int((offset + 1) * RATE)]
        np.testing.assert_allclose(part, expected[: len(part)], atol=1e-3)
        assert len(part) == len(expected)
    assert len(audio.load(encoded, offset=14.0)) == len(whole) - 14 * RATE


# MP3 among tags, and inside of WAV.

TAILS = {
    "ID3v1": ID3V1,
    "APE": b"APETAGEX" + struct.pack("<4I8x", 2000, 32, 0, 1 << 31) + ID3V1,
    "Lyrics": b"LYRICSBEGININD0000300000023LYRICS200" + ID3V1,
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("rate", [44100, 8000])
def test_an_mp3_file_of_varying_bit_rate_is_heard_whole_among_tags(tail, rate):
    original = sound(4.0, rate)
    original[: len(original) // 2] *= 1e-3  # the first frames tell little of the others
    tagged = encode(original, "MP3", rate=rate, **VARIABLE)
    for encoded in (tagged, untagged(tagged)):
        assert_heard(ID3V2 * 2 + encoded + tail, original, rate=rate, slack=3 * MP3_FRAME)


def test_an_mp3_file_may_turn_from_mono_to_stereo_and_back():
    mono, stereo = (
        encode(part, "MP3", **VARIABLE) for part in (SOUND, np.stack([OTHER, OTHER], axis=1))
    )
    for first, second in ((mono, stereo), (untagged(mono), untagged(stereo))):
        assert_heard(first + second, SOUND, OTHER, slack=3 * MP3_FRAME)
        assert_heard(second + first, OTHER, SOUND, slack=3 * MP3_FRAME)


def test_an_mp3_file_of_free_format_is_refused():
    """FFmpeg does not know it, and there is no other decoder."""
    encoded = bytearray(untagged(encode(sound(1.0, 48000), "MP3", rate=48000, **CONSTANT)))
    n_bytes = builders.mp3_frame_bytes(encoded)
    for frame in range(0, len(encoded), n_bytes):
        assert builders.mp3_frame_bytes(encoded[frame:]) == n_bytes
        encoded[frame + 2] &= 0x0F
    assert_refused(bytes(encoded), "not audio that FFmpeg can read")


@pytest.mark.parametrize("options", [VARIABLE, CONSTANT], ids=["variable", "constant"])
@pytest.mark.parametrize("surplus", [-2000, 0, 300, 700])
def test_mp3_in_a_wav_file_that_promises_a_little_more_is_heard(options, surplus):
    rate = 22050
    original = sound(2.0, rate)
    data = untagged(encode(original, "MP3", rate=rate, **options))
    n_delivered = len(audio.load(data, sample_rate=rate))
    encoded = wav_file(
        wav_format(
            tag=0x55, rate=rate, n_bits=0, block=1, extra=struct.pack("<6H", 12, 1, 0, 417, 1, 0)
        ),
        wav_chunk(b"fact", struct.pack("<I", n_delivered + surplus)),
        wav_chunk(b"data", data),
    )
    assert_heard(encoded, original, rate=rate, slack=3 * MP3_FRAME)


# What fills the last block is no sound.


def test_a_gsm_file_of_an_odd_number_of_blocks_is_followed_by_a_byte():
    n_samples = 21 * 320
    encoded = encode(sound(1.0, 8000)[:n_samples], "WAV", "GSM610", rate=8000)
    data = wav_chunks(encoded)[b"data"][: 21 * 65]
    odd = wav_file(
        wav_format(tag=0x31, rate=8000, n_bits=0, block=65, extra=struct.pack("<HH", 2, 320)),
        wav_chunk(b"fact", struct.pack("<I", n_samples)),
        wav_chunk(b"data", data),
    )
    expected, _ = soundfile.read(io.BytesIO(encoded), dtype="float32")
    np.testing.assert_array_equal(audio.load(odd, sample_rate=8000), expected[:n_samples])
    assert_duration(odd, n_samples / 8000)


@pytest.mark.parametrize("subtype", ["MS_ADPCM", "IMA_ADPCM"])
@pytest.mark.parametrize("n_samples", [3000, 10_000, 32_000])
def test_the_last_block_of_adpcm_ends_where_the_file_says(subtype, n_samples):
    chunks = wav_chunks(encode(SOUND[:n_samples], "WAV", subtype))
    encoded = wav_file(
        wav_chunk(b"fmt ", chunks[b"fmt "]),
        wav_chunk(b"fact", struct.pack("<I", n_samples)),
        wav_chunk(b"data", chunks[b"data"]),
    )
    samples = audio.load(encoded)
    assert len(samples) == n_samples
    assert np.corrcoef(samples, SOUND[:n_samples])[0, 1] > 0.99
    assert_duration(encoded, n_samples / RATE)
    np.testing.assert_array_equal(audio.load(encoded, offset=0.1), samples[RATE // 10 :])
    np.testing.assert_array_equal(audio.load(encoded, duration=9.0), samples)


# The content decides, not the name.


@pytest.mark.parametrize("name", ["sound.raw", "sound.wav", "sound.txt", "sound", "sound.mp3"])
def test_a_flac_file_may_have_any_name(tmp_path, name):
    (tmp_path / name).write_bytes(encode(SOUND, "FLAC"))
    np.testing.assert_array_equal(audio.load(tmp_path / name), SOUND)
    with open(tmp_path / name, "rb") as file:
        np.testing.assert_array_equal(audio.load(file), SOUND)


NO_AUDIO = {
    "pcm.mp3": (as_int16(np.random.default_rng(1).normal(size=32000) / 10).tobytes(), "not audio"),
    "pcm.raw": (as_int16(SOUND).tobytes(), "not audio"),
    "noise.aac": (np.random.default_rng(0).bytes(50_000), "not audio"),
    "text.wav": (b"this is no sound\n" * 50, "not audio"),
    "page.ogg": (b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n", "not audio"),
    "list.mp3": (b"#EXTM3U\n#EXTINF:5,\nother.mp3\n", "not audio"),
    "zeros.flac": (bytes(10_000), "not audio"),
    "cover.mp3": (
        builders.encode_pictures("image2pipe", "png", n_images=1, pix_fmt="rgb24"),
        "not audio",
    ),
    "silent.mp4": (
        builders.encode_pictures("mp4", "mpeg4"),
        "it is a file of the format 'mov.*' without sound",
    ),
}


@pytest.mark.parametrize("name", NO_AUDIO)
def test_what_is_no_audio_is_refused_whatever_its_name(tmp_path, name):
    content, reason = NO_AUDIO[name]
    (tmp_path / name).write_bytes(content)
    assert_refused(tmp_path / name, rf"{name}: .*{reason}")
    with pytest.raises(AudioError, match=reason):
        audio.durations([tmp_path / name], sample_rate=RATE)


# Streams that begin before zero, or long after.


@pytest.mark.parametrize("shift", [-20_000, -14_000, -500, 10_000_000])
def test_an_ogg_stream_may_begin_at_any_time(shift):
    original = np.concatenate([SOUND, SOUND, SOUND])
    pages = ogg_pages(encode(original, "OGG"))
    for page in pages[2:]:
        page[6:14] = struct.pack("<q", struct.unpack_from("<q", page, 6)[0] + shift)
    assert_heard(join_pages(pages), original, slack=1024)


COPIED = {
    "vorbis": lambda: encode(np.tile(SOUND, 3), "OGG"),
    "opus": lambda: encode(np.tile(SOUND, 3), "OGG", "OPUS"),
    "aac": lambda: encode_with_av(np.tile(SOUND, 3), "mp4", "aac"),
}


@pytest.mark.parametrize("begin", [-0.5, 0.0, 0.5, 100.0])
@pytest.mark.parametrize(
    ("codec", "container"),
    [("vorbis", "ogg"), ("vorbis", "matroska"), ("opus", "ogg"), ("opus", "matroska"),
     ("aac", "matroska")],
)  # fmt: skip
def test_copied_packets_may_begin_at_any_time(codec, container, begin):
    encoded = remux(COPIED[codec](), container, first=20, begin=begin)
    with av.open(io.BytesIO(encoded)) as file:
        stream = file.streams.audio[0]
        rate = stream.codec_context.sample_rate
        n_samples = sum(frame.samples for frame in file.decode(stream))
    samples = audio.load(encoded, sample_rate=rate)
    assert len(samples) == n_samples > rate
    assert_duration(encoded, n_samples / rate, within=3 * AAC_FRAME / rate)


def test_an_mp4_file_whose_start_is_edited_away_is_as_long_as_what_is_left():
    encoded = remux(encode_with_av(np.tile(SOUND, 3), "mp4", "aac"), "mp4", begin=-1.0)
    samples = audio.load(encoded)
    assert len(samples) == pytest.approx(5 * RATE, abs=2 * AAC_FRAME)
    assert_duration(encoded, len(samples) / RATE, within=2 * AAC_FRAME / RATE)


# VOC of several blocks.


def voc_file(*blocks):
    header = b"Creative Voice File\x1a" + struct.pack("<HHH", 26, 0x10A, 0x1129)
    return header + b"".join(
        bytes([kind]) + len(content).to_bytes(3, "little") + content for kind, content in blocks
    ) + b"\0"  # fmt: skip


def test_a_voc_file_of_several_blocks_is_what_ffmpeg_makes_of_it():
    stored = (np.round(127 * sound(0.5, 8000)) + 128).astype(np.uint8)
    slow, fast = bytes([256 - 1_000_000 // 8000, 0]), bytes([256 - 1_000_000 // 16000, 0])
    begin = (1, slow + stored.tobytes())
    silence = (3, struct.pack("<HB", 799, slow[0]))
    more = (2, stored.tobytes())
    expected = audio.load(stored, sample_rate=8000)
    for blocks in ([begin], [begin, silence, more], [begin, (1, fast + stored.tobytes()), more]):
        samples = audio.load(voc_file(*blocks), sample_rate=8000)
        assert len(samples) >= len(expected) * sum(kind in (1, 2) for kind, _ in blocks) * 0.7
        np.testing.assert_array_equal(samples[: len(expected)], expected)


# Cut files.


def speech(seconds=6.0, rate=RATE):
    return sound(seconds, rate)


WHOLE = {
    "wav": lambda: encode(speech(), "WAV"),
    "mu-law wav": lambda: encode(speech(), "WAV", "ULAW"),
    "adpcm wav": lambda: encode(speech(), "WAV", "MS_ADPCM"),
    "rf64": lambda: encode(speech(), "RF64"),
    "w64": lambda: encode(speech(), "W64"),
    "aiff": lambda: encode(speech(), "AIFF"),
    "au": lambda: encode(speech(), "AU"),
    "caf": lambda: encode(speech(), "CAF"),
    "voc": lambda: encode(speech(), "VOC", "PCM_16"),
    "flac": lambda: encode(speech(), "FLAC"),
    "mp3": lambda: encode(speech(), "MP3", **VARIABLE),
    "ogg": lambda: encode(speech(), "OGG"),
    "opus": lambda: encode(speech(), "OGG", "OPUS"),
    "ogg-flac": lambda: encode_with_av(as_int16(speech()), "ogg", "flac"),
    "m4a": lambda: encode_with_av(speech(), "ipod", "aac"),
    "alac": lambda: encode_with_av(as_int16(speech()), "ipod", "alac"),
    "mka aac": lambda: encode_with_av(speech(), "matroska", "aac"),
    "mka flac": lambda: encode_with_av(as_int16(speech()), "matroska", "flac"),
    "mka pcm": lambda: encode_with_av(as_int16(speech()), "matroska", "pcm_s16le"),
    "webm": lambda: encode_with_av(speech(), "webm", "libopus"),
    "tta": lambda: encode_with_av(as_int16(speech()), "tta", "tta", format="s16"),
    "wavpack": lambda: encode_with_av(as_int16(speech()), "wv", "wavpack", format="s16p"),
}
# The index of MP4 stands at its end, and a block of WavPack is longer than half the file.
UNREADABLE_WHEN_CUT = {"m4a", "alac", "wavpack"}
# Of compressed WAV files the cut is found in the header.
REFUSED_WHEN_CUT = {"mu-law wav", "adpcm wav"}


@pytest.mark.parametrize("name", WHOLE)
def test_a_cut_file_is_refused(name):
    encoded = WHOLE[name]()
    for part in (0.02, 0.1, 0.25, 0.5, 0.75, 0.9):
        assert_refused(encoded[: int(part * len(encoded))], CUT)


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_lost_a_little_is_refused_or_whole(name):
    """But for the last frames of lossy codecs, which decoders may leave out as well."""
    encoded = WHOLE[name]()
    whole = audio.load(encoded)
    slack = {"mp3": MP3_FRAME, "mka aac": 3 * AAC_FRAME, "webm": 3 * 320}.get(name, 0)
    for n_bytes in (1, 2, 100, len(encoded) // 200, len(encoded) // 100, len(encoded) // 50):
        try:
            samples = audio.load(encoded[:-n_bytes])
        except AudioError:
            continue
        assert len(whole) - slack <= len(samples) <= len(whole)
        np.testing.assert_array_equal(samples[:-1000], whole[: len(samples) - 1000])


@pytest.mark.parametrize("name", sorted(set(WHOLE) - UNREADABLE_WHEN_CUT - REFUSED_WHEN_CUT))
def test_the_start_of_a_cut_file_can_be_read(name):
    encoded = WHOLE[name]()
    cut = encoded[: len(encoded) // 2]
    expected = audio.load(encoded, duration=1.0)
    np.testing.assert_array_equal(audio.load(cut, duration=1.0), expected)
    assert_refused(cut, "cut or damaged")


@pytest.mark.parametrize("name", WHOLE)
def test_a_cut_file_fills_no_clip_with_zeros(name):
    """Whoever asks for as much as the whole has, or more, learns that it was cut."""
    encoded = WHOLE[name]()
    sources = [encoded, encoded[: len(encoded) // 2]]
    for seconds in (6, 8):
        _, lengths, failures = audio.load_batch(sources, sample_rate=RATE, n_samples=seconds * RATE)
        assert lengths[0] == pytest.approx(6 * RATE, abs=3 * MP3_FRAME)
        assert [(name, lengths[1]) for name, _ in failures] == [("X[1] (bytes)", 0)]


DAMAGED = {
    "flac": lambda: encode(speech(), "FLAC"),
    "flac without a sum": lambda: flac_that_states(encode(speech(), "FLAC"), 0, md5=False),
    "mka flac": WHOLE["mka flac"],
    "ogg-flac": WHOLE["ogg-flac"],
    "ogg": WHOLE["ogg"],
    "opus": WHOLE["opus"],
    "tta": WHOLE["tta"],
    "wavpack": WHOLE["wavpack"],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_flipped_bit_is_seen_where_the_format_has_checksums(name):
    encoded = bytearray(DAMAGED[name]())
    encoded[len(encoded) // 2] ^= 16
    assert_refused(bytes(encoded), "cut or damaged")


# Sizes of WAV files that nobody knew.

SIZES = [0, 0x7FFFFFFF, 0x7FFFFFFF - 36, 2_000_000_000, 0xFFFFFFFF, 0xFFFFFFFF - 36]


@pytest.mark.parametrize("size", SIZES)
def test_a_wav_file_without_sizes_is_read_to_its_end(size):
    encoded = wav_file(
        wav_format(),
        wav_chunk(b"data", as_int16(SOUND).tobytes(), size),
        size=min(size + 36, 2**32 - 1),
    )
    assert_heard(encoded, SOUND)
    assert audio.find_unreadable([encoded]) == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("subtype", "slack"), [("ULAW", 0), ("MS_ADPCM", 1012), ("GSM610", 320)])
def test_a_compressed_wav_file_without_sizes_is_read_to_its_end(subtype, slack, size):
    encoded = encode(SOUND, "WAV", subtype)
    chunks = wav_chunks(encoded)
    form, data = wav_chunk(b"fmt ", chunks[b"fmt "]), wav_chunk(b"data", chunks[b"data"], size)
    for facts in ([], [0], [size]):
        facts = [wav_chunk(b"fact", struct.pack("<I", n_samples)) for n_samples in facts]
        assert_heard(wav_file(form, *facts, data), audio.load(encoded), slack=slack)


@pytest.mark.parametrize(
    "form",
    [wav_format(), wav_format(tag=7, n_bits=8, extra=b"\0\0")],
    ids=["plain", "mu-law"],
)
def test_texts_behind_no_samples_are_no_samples(form):
    texts = wav_chunk(b"LIST", b"INFO" + wav_chunk(b"ISFT", b"a program\0"))
    encoded = wav_file(form, wav_chunk(b"data", b""), texts)
    for read in (audio.load, lambda source: audio.durations([source], sample_rate=RATE)):
        with pytest.raises(AudioError, match="holds no samples"):
            read(encoded)


@pytest.mark.parametrize("subtype", ["PCM_16", "ULAW", "MS_ADPCM"])
def test_wav_files_that_were_joined_say_so(subtype):
    encoded = encode(SOUND, "WAV", subtype)
    assert_refused(encoded * 2, "another recording .* as if WAV files had been concatenated")
    assert [index for index, _ in audio.find_unreadable([encoded, encoded * 2])] == [1]


# Samples that are absurd.


@pytest.mark.parametrize("scale", [1e20, 1e29, 1e37])
def test_absurd_floats_name_their_file(tmp_path, scale):
    absurd = SOUND * np.float32(scale)
    data = absurd.astype("<f4").tobytes()
    path = tmp_path / "absurd.wav"
    path.write_bytes(wav_file(wav_format(tag=3, n_bits=32), wav_chunk(b"data", data)))
    caf = encode(absurd, "CAF", "FLOAT")
    assert_refused(path, r"absurd\.wav: its samples reach .*e\+.*, where 1 is full scale")
    for source in (caf, absurd, (absurd, 8000), [1.0, scale]):
        assert_refused(source, "its samples reach .*, where 1 is full scale")
    unreadable = audio.find_unreadable([path, caf, absurd, (absurd, 8000), SOUND])
    assert [index for index, _ in unreadable] == [0, 1, 2, 3]
    with pytest.raises(AudioError, match=r"absurd\.wav"):
        MFCCTransformer().fit_transform([path, SOUND])


def test_floats_of_the_range_of_integers_are_fine():
    loud = SOUND * np.float32(32768)
    data = loud.astype("<f4").tobytes()
    encoded = wav_file(wav_format(tag=3, n_bits=32), wav_chunk(b"data", data))
    for source in (encoded, loud, (loud, RATE), encode(loud, "CAF", "FLOAT")):
        np.testing.assert_array_equal(audio.load(source), loud)
    assert np.isfinite(MFCCTransformer().fit_transform([encoded, loud])).all()


# Every format that can be written here.

PCM = as_int16(SOUND)
LOSSLESS = {
    "wav": lambda: encode(SOUND, "WAV"),
    "wav, 24 bits": lambda: encode(SOUND, "WAV", "PCM_24"),
    "wav, floats": lambda: encode(SOUND, "WAV", "FLOAT"),
    "wav, doubles": lambda: encode(SOUND, "WAV", "DOUBLE"),
    "wavex": lambda: encode(SOUND, "WAVEX"),
    "rf64": WHOLE["rf64"],
    "flac": lambda: encode(SOUND, "FLAC"),
    "flac, 24 bits": lambda: encode(SOUND, "FLAC", "PCM_24"),
    "flac of FFmpeg": lambda: encode_with_av(PCM, "flac", "flac"),
    "ogg-flac": lambda: encode_with_av(PCM, "ogg", "flac"),
    "mka, flac": lambda: encode_with_av(PCM, "matroska", "flac"),
    "mka, pcm": lambda: encode_with_av(PCM, "matroska", "pcm_s16le"),
    "mp4, flac": lambda: encode_with_av(PCM, "mp4", "flac"),
    "m4a, alac": lambda: encode_with_av(PCM, "ipod", "alac"),
    "mov, pcm": lambda: encode_with_av(PCM, "mov", "pcm_s16le"),
    "avi, pcm": lambda: encode_with_av(PCM, "avi", "pcm_s16le"),
    "aiff": lambda: encode(SOUND, "AIFF"),
    "aifc": lambda: encode(SOUND, "AIFF", endian="LITTLE"),
    "aiff, floats": lambda: encode(SOUND, "AIFF", "FLOAT"),
    "au": lambda: encode(SOUND, "AU"),
    "caf": lambda: encode(SOUND, "CAF"),
    "w64": lambda: encode(SOUND, "W64"),
    "voc": lambda: encode(SOUND, "VOC", "PCM_16"),
    "sph": lambda: encode(SOUND, "NIST"),
    "tta": lambda: encode_with_av(PCM, "tta", "tta", format="s16"),
    "wavpack": lambda: encode_with_av(PCM, "wv", "wavpack", format="s16p"),
    "sox": lambda: encode_with_av(SOUND, "sox", "pcm_s32le"),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_have_the_samples_that_were_written(name):
    encoded = LOSSLESS[name]()
    expected = speech() if LOSSLESS[name] is WHOLE["rf64"] else SOUND
    assert_heard(encoded, expected)


def lossy(container, codec, *, rate=RATE, **settings):
    return lambda: encode_with_av(sound(2.0, rate), container, codec, rate=rate, **settings)


# How it is made, its rate, and samples that it may be longer. Where nothing says what the codec
# put in front, a frame of that counts too.
LOSSY = {
    "wav, mu-law": (lambda: encode(SOUND, "WAV", "ULAW"), RATE, 1),
    "wav, A-law": (lambda: encode(SOUND, "WAV", "ALAW"), RATE, 1),
    "wav, MS ADPCM": (lambda: encode(SOUND, "WAV", "MS_ADPCM"), RATE, 1012),
    "wav, IMA ADPCM": (lambda: encode(SOUND, "WAV", "IMA_ADPCM"), RATE, 1017),
    "wav, 8 bits": (lambda: encode(SOUND, "WAV", "PCM_U8"), RATE, 1),
    "aiff, mu-law": (lambda: encode(SOUND, "AIFF", "ULAW"), RATE, 1),
    "caf, IMA ADPCM": (lossy("caf", "adpcm_ima_qt"), RATE, 64),
    "mp3": (lambda: encode(SOUND, "MP3", **VARIABLE), RATE, 576),
    "mp3 of FFmpeg": (lossy("mp3", "libmp3lame"), RATE, 576),
    "mp2": (lossy("mp2", "mp2"), RATE, 2 * 1152),
    "ogg": (lambda: encode(SOUND, "OGG"), RATE, 1024),
    "opus": (lambda: encode(SOUND, "OGG", "OPUS"), RATE, 320),
    "opus of FFmpeg": (lossy("ogg", "libopus"), RATE, 320),
    "webm": (lossy("webm", "libopus"), RATE, 320),
    "mka, aac": (lossy("matroska", "aac"), RATE, AAC_FRAME),
    "m4a": (lossy("ipod", "aac"), RATE, AAC_FRAME),
    "mov": (lossy("mov", "aac"), RATE, AAC_FRAME),
    "3gp": (lossy("3gp", "aac"), RATE, AAC_FRAME),
    "mp4 with a video": (lossy("mp4", "aac", video=True), RATE, AAC_FRAME),
    "mka with a video": (lossy("matroska", "aac", video=True), RATE, AAC_FRAME),
    "avi with a video": (lossy("avi", "libmp3lame", video=True), RATE, 3 * 576),
    "aac": (lossy("adts", "aac"), RATE, 2 * AAC_FRAME),
    "ts": (lossy("mpegts", "aac"), RATE, 2 * AAC_FRAME),
    "flv": (lossy("flv", "aac", rate=44100), 44100, 2 * AAC_FRAME),
    "wma": (lossy("asf", "wmav2", bit_rate=64000), RATE, 2 * 1024),
    "ac3": (lossy("ac3", "ac3", rate=48000), 48000, 1536),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_have_the_sound_that_was_written(name):
    make, rate, slack = LOSSY[name]
    assert_heard(make(), sound(2.0, rate), rate=rate, slack=slack)


def test_every_frame_of_an_amr_file_is_heard():
    """No encoder comes with PyAV, but any bits are sound to the decoder."""
    frames = np.random.default_rng(0).integers(256, size=(50, 32), dtype=np.uint8)
    frames[:, 0] = 0x3C  # 12.2 kbit/s
    encoded = b"#!AMR\n" + frames.tobytes()
    assert len(audio.load(encoded, sample_rate=8000)) == 50 * 160
    assert_duration(encoded, 1.0)


@pytest.mark.parametrize("layout", ["stereo", "5.1", "7.1", "hexadecagonal"])
@pytest.mark.parametrize(
    ("container", "codec", "settings", "tolerance"),
    [
        ("matroska", "pcm_f32le", {}, 1e-6),
        ("wv", "wavpack", {"format": "fltp"}, 1e-6),
        ("ipod", "aac", {}, 0.2),
    ],
)
def test_any_number_of_channels_is_mixed_down(layout, container, codec, settings, tolerance):
    n_channels = av.AudioLayout(layout).nb_channels
    channels = np.stack([sound(0.5, seed=seed) for seed in range(n_channels)], axis=1)
    encoded = encode_with_av(channels, container, codec, layout=layout, **settings)
    samples = audio.load(encoded)
    assert len(samples) == len(channels)
    np.testing.assert_allclose(samples, channels.mean(axis=1), atol=tolerance)


# Ways of naming a recording.


def test_a_path_as_bytes_says_what_to_pass(tmp_path, monkeypatch):
    path = tmp_path / "sound.wav"
    path.write_bytes(encode(SOUND, "WAV"))
    monkeypatch.chdir(tmp_path)
    names = [os.fsencode(path), b"sound.wav", bytearray(b"sound.wav"), np.bytes_(b"sound.wav")]
    for name in [*names, np.array([b"sound.wav"])[0]]:
        assert_refused(name, r"'.*sound\.wav' is the name of a file; pass .*os\.fsdecode\(name\)")
        assert len(audio.load(os.fsdecode(bytes(name)))) == len(SOUND)
    for name in (np.str_("sound.wav"), np.array(["sound.wav"])[0]):
        assert len(audio.load(name)) == len(SOUND)


def test_names_may_be_as_long_as_the_system_allows(tmp_path):
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") if hasattr(os, "pathconf") else 200
    path = tmp_path / ("a" * (longest - 4) + ".wav")
    path.write_bytes(encode(SOUND, "WAV"))
    assert len(audio.load(path)) == len(SOUND)
    for too_long in (tmp_path / ("a" * (longest + 1)), "b/" * 10_000 + "c.wav"):
        assert_refused(too_long, "there is no such file")


@pytest.mark.skipif(not hasattr(os, "pathconf"), reason="the system does not say how long")
def test_paths_may_be_as_long_as_the_system_allows(tmp_path):
    longest = os.pathconf(tmp_path, "PC_PATH_MAX") - 1
    folder = str(tmp_path)
    while len(folder) + 201 < longest - 10:
        folder = os.path.join(folder, "d" * 200)
        os.mkdir(folder)
    path = os.path.join(folder, "f" * (min(255, longest - len(folder) - 1) - 5) + ".flac")
    with open(path, "wb") as file:
        file.write(encode(SOUND, "FLAC"))
    assert len(audio.load(path)) == len(SOUND)


def test_members_of_archives_are_open_files():
    encoded = encode(SOUND, "FLAC")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sound.flac", encoded)
    with zipfile.ZipFile(packed) as archive, archive.open("sound.flac") as file:
        np.testing.assert_array_equal(audio.load(file), SOUND)
    with tarfile.open(fileobj=tar_of(encoded)) as archive:
        file = archive.extractfile("sound.flac")
        np.testing.assert_array_equal(audio.load(file), SOUND)
        assert_duration(file, len(SOUND) / RATE)


def tar_of(encoded):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("sound.flac")
        member.size = len(encoded)
        archive.addfile(member, io.BytesIO(encoded))
    packed.seek(0)
    return packed


def test_streams_that_cannot_seek_say_what_to_pass():
    encoded = encode(SOUND, "FLAC")
    file = io.BytesIO(encoded)
    file.seekable = lambda: False
    assert_refused(file, r"cannot seek .* pass its bytes, file\.read\(\), instead")
    assert_refused(SimpleNamespace(read=file.read), r"pass its bytes, file\.read\(\), instead")
    with tarfile.open(fileobj=tar_of(encoded), mode="r|") as archive:
        for member in archive:
            assert_refused(archive.extractfile(member), r"pass its bytes, file\.read\(\), instead")


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_an_object_needs_no_more_than_read_seek_and_tell(name):
    encoded = WHOLE[name]()
    file = io.BytesIO(encoded)
    minimal = SimpleNamespace(read=file.read, seek=file.seek, tell=file.tell)
    np.testing.assert_array_equal(audio.load(minimal), audio.load(encoded))
    assert_duration(minimal, audio.durations([encoded], sample_rate=RATE)[0])


def test_pairs_come_in_either_order():
    values = as_int16(SOUND)
    for rate in (8000, np.int64(8000), 8000.0):
        for samples in (values, SOUND, SOUND.tolist()):
            np.testing.assert_array_equal(audio.load((rate, samples)), audio.load((samples, rate)))
    assert_duration((8000, values), len(values) / 8000)
    np.testing.assert_array_equal(audio.load((0.25, 0.5)), np.float32([0.25, 0.5]))


def test_channels_of_an_array_are_averaged():
    stereo = np.stack([SOUND, SOUND * 0], axis=1)
    for samples in (stereo, stereo.T, np.asfortranarray(stereo), stereo.tolist()):
        np.testing.assert_array_equal(audio.load(samples), SOUND / 2)
        np.testing.assert_array_equal(audio.load((samples, RATE), duration=0.5), SOUND[:8000] / 2)
        assert_duration(samples, len(SOUND) / RATE)
    np.testing.assert_array_equal(audio.load(as_int16(stereo)), SOUND / 2)
    for single in (SOUND[np.newaxis], SOUND[:, np.newaxis]):
        np.testing.assert_array_equal(audio.load(single), SOUND)


@pytest.mark.parametrize("shape", [(3, 4), (300, 300), (17, 1000), (2, 2, 300), (1, 1)])
def test_an_array_of_which_no_axis_is_plainly_time_is_refused_with_advice(shape):
    for source in (np.zeros(shape), (np.zeros(shape), 8000)):
        assert_refused(source, r"expected samples of shape \(n_samples,\), got shape .*mean\(axis=")


@pytest.mark.parametrize("dtype", ["int8", "uint16", "uint32", "int64", "uint64", "bool"])
def test_integers_of_unknown_scale_are_refused(dtype):
    values = np.zeros(1000, dtype)
    for source in (
        values,
        (values, 8000),
        (8000, values),
        values.astype(values.dtype.newbyteorder()),
    ):
        assert_refused(source, rf"its samples are {dtype}, whose full scale is unknown")


def test_lists_of_numbers_are_taken_as_they_are():
    np.testing.assert_array_equal(audio.load([0, 1, -1, 0.5]), np.float32([0, 1, -1, 0.5]))
    np.testing.assert_array_equal(audio.load([0, 100, -100]), np.float32([0, 100, -100]))
    np.testing.assert_array_equal(audio.load((0.5, 0.25, 0.0)), np.float32([0.5, 0.25, 0]))
    np.testing.assert_array_equal(audio.load(([0, 1, -1], RATE)), np.float32([0, 1, -1]))


# FLAC knows its own sum.


def test_a_wrong_checksum_of_a_flac_frame_with_right_samples_is_no_damage():
    encoded = bytearray(encode(SOUND, "FLAC"))
    encoded[-1] ^= 1
    assert_heard(bytes(encoded), SOUND)


def test_a_flac_file_with_a_wrong_sample_can_be_read_up_to_it():
    original = speech()
    encoded = bytearray(encode(original, "FLAC"))
    encoded[-5000] ^= 1
    encoded = bytes(encoded)
    assert_refused(encoded, "samples do not match the MD5 sum that it states")
    np.testing.assert_array_equal(audio.load(encoded, duration=3.0), original[: 3 * RATE])
    for seconds in (6, 8):
        assert len(audio.load_batch([encoded], sample_rate=RATE, n_samples=seconds * RATE)[2]) == 1


def flac_of_any_width(n_bits, channels):
    """Two blocks of a FLAC stream whose subframes are verbatim, with its MD5 sum."""
    n_samples = 192
    rng = np.random.default_rng(n_bits)
    values = rng.integers(-(2 ** (n_bits - 1)), 2 ** (n_bits - 1), size=(n_samples * 2, channels))
    n_bytes = (n_bits + 7) // 8
    stored = values.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :n_bytes].tobytes()
    packed = RATE << 44 | (channels - 1) << 41 | (n_bits - 1) << 36 | n_samples * 2
    info = struct.pack(">HH6x", n_samples, n_samples) + packed.to_bytes(8, "big")
    info += hashlib.md5(stored).digest()
    frames = b"".join(
        flac_frame(number, block, n_bits)
        for number, block in enumerate((values[:n_samples], values[n_samples:]))
    )
    return b"fLaC\x80\0\0\x22" + info + frames, values / 2.0 ** (n_bits - 1)


def flac_frame(number, block, n_bits):
    channels = block.shape[1]
    # A block of 192, whatever rate and width the stream states.
    header = bytes([0xFF, 0xF8, 0x10, (channels - 1) << 4, number])
    bits = "".join(
        "00000010" + "".join(f"{value % 2**n_bits:0{n_bits}b}" for value in channel.tolist())
        for channel in block.T
    )
    bits += "0" * (-len(bits) % 8)
    frame = header + bytes([flac_crc(header, 0x107, 8)])
    frame += int(bits, 2).to_bytes(len(bits) // 8, "big")
    return frame + flac_crc(frame, 0x18005, 16).to_bytes(2, "big")


def flac_crc(data, polynomial, n_bits):
    checksum = 0
    for byte in data:
        checksum ^= byte << (n_bits - 8)
        for _ in range(8):
            checksum = checksum << 1 ^ (polynomial if checksum >> (n_bits - 1) & 1 else 0)
    return checksum


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("n_bits", [8, 12, 16, 20, 24])
def test_flac_of_every_width_has_its_sum(n_bits, channels):
    encoded, values = flac_of_any_width(n_bits, channels)
    np.testing.assert_array_equal(audio.load(encoded), values.astype(np.float32).mean(axis=1))
    assert_refused(encoded[:26] + bytes([encoded[26] ^ 1]) + encoded[27:], "MD5 sum")


# What FFmpeg says, and what it keeps to itself.


def test_what_ffmpeg_says_is_told():
    encoded = encode(SOUND, "FLAC")
    with pytest.raises(AudioError, match=r"cut or damaged \(FFmpeg: \w.*\)"):
        audio.load(encoded[: len(encoded) // 2])


def test_errors_leave_the_logging_of_pyav_as_it_was():
    for level in (None, av.logging.ERROR):
        before = av.logging.get_level()
        if level is not None:
            av.logging.set_level(level)
        try:
            settings = av.logging.get_level(), av.logging.get_skip_repeated()
            assert_refused(b"no audio" * 100, "not audio")
            assert_refused(encode(SOUND, "FLAC")[:10_000], "cut or damaged")
            assert (av.logging.get_level(), av.logging.get_skip_repeated()) == settings
        finally:
            av.logging.set_level(before)


def test_threads_that_read_good_and_bad_files_do_not_disturb_each_other():
    good = [WHOLE[name]() for name in ("wav", "flac", "mp3", "ogg", "m4a", "mka aac")]
    sources = [part for whole in good for part in (whole, whole[: len(whole) // 2])] * 3

    def outcome(source):
        try:
            return audio.load(source).tobytes()
        except AudioError as error:
            return str(error)

    expected = [outcome(source) for source in sources]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(outcome, sources)) == expected
    assert audio.find_unreadable(sources, n_jobs=4) == audio.find_unreadable(sources)
