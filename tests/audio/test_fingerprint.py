"""Fingerprints: equal for equal content, and only then."""

import io
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skaudio import audio
from skaudio.audio import fingerprint
from skaudio.exceptions import AudioError


def test_kinds_never_collide(tmp_path):
    path = tmp_path / "sound.wav"
    content = b"RIFF" * 20
    path.write_bytes(content)
    values = np.frombuffer(content, np.uint8)
    with open(path, "rb") as file:
        sources = [str(path), content, file, values, (values, 16000), (values, 8000.0)]
        prints = [fingerprint(source) for source in sources]
    assert len(set(prints)) == len(sources)
    assert {len(value) for value in prints} == {16}
    assert fingerprint(path) == prints[0]
    assert fingerprint(bytearray(content)) == fingerprint(memoryview(content)) == prints[1]
    assert fingerprint(io.BytesIO(content)) == prints[2]
    assert fingerprint((values, np.float32(16000))) == prints[4]


def test_a_path_is_known_without_its_folder(tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes(b"x")
    absolute = fingerprint(tmp_path / "a.wav")
    monkeypatch.chdir(tmp_path)
    assert fingerprint("a.wav") == absolute
    assert fingerprint(b"a.wav") != absolute


def test_a_path_is_not_read_and_changes_are_seen(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"x")
    other = tmp_path / "b.wav"
    other.write_bytes(b"x")
    os.utime(path, ns=(0, 1))
    os.utime(other, ns=(0, 1))
    first = fingerprint(path)
    assert fingerprint(other) != first
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", None)
        assert fingerprint(path) == first
    os.utime(path, ns=(0, 2))
    assert fingerprint(path) != first
    path.write_bytes(b"xy")
    os.utime(path, ns=(0, 1))
    assert fingerprint(path) != first


def test_another_file_of_the_same_size_and_time_is_seen(tmp_path):
    path, other = tmp_path / "a.wav", tmp_path / "b.wav"
    for file, content in ((path, b"x"), (other, b"y")):
        file.write_bytes(content)
        os.utime(file, ns=(0, 1))
    first = fingerprint(path)
    os.replace(other, path)
    assert fingerprint(path) != first


def test_a_folder_that_links_elsewhere_by_now_is_seen(tmp_path):
    link = tmp_path / "link"
    prints = []
    for name in ("one", "two"):
        file = tmp_path / name / "a.wav"
        file.parent.mkdir()
        file.write_bytes(name.encode())
        os.utime(file, ns=(0, 1))
        link.unlink(missing_ok=True)
        link.symlink_to(file.parent, target_is_directory=True)
        prints.append(fingerprint(link / "a.wav"))
    assert prints[0] != prints[1]


def test_paths_may_be_bytes(tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    with os.scandir(b".") as entries:
        assert [fingerprint(entry) for entry in entries] == [fingerprint("./a.wav")]


def test_an_open_file_is_left_where_it_was():
    file = io.BytesIO(b"abc" * 1_000_000)
    file.seek(5)
    first = fingerprint(file)
    assert file.tell() == 5
    assert fingerprint(file) == first
    assert fingerprint(io.BytesIO(b"abc" * 1_000_000 + b"d")) != first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.zeros(4, np.float32), np.zeros(4, np.int32)),
        (np.zeros(4, np.float32), np.zeros(2, np.float64)),
        (np.zeros(4, "<f4"), np.zeros(4, ">f4")),
        (np.zeros((2, 2)), np.zeros(4)),
        (np.zeros(4), np.array([0, 0, 0, -0.0])),
        (np.array([np.nan]), -np.array([np.nan])),
        (np.zeros(0), np.zeros(1)),
    ],
)
def test_every_bit_of_an_array_counts(one, other):
    assert fingerprint(one) != fingerprint(other)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(st.sampled_from([np.float32, np.int16, np.uint8]), st.integers(0, 50)))
def test_the_layout_of_an_array_does_not_count(values):
    strided = np.repeat(values, 2)[::2]
    assert fingerprint(strided) == fingerprint(values) == fingerprint(values.copy())
    assert fingerprint(values.tolist()) == fingerprint(np.asarray(values.tolist(), np.float32))
    longer = np.append(values, values.dtype.type(1))
    assert fingerprint(longer) != fingerprint(values)


def test_what_is_no_recording_is_named(tmp_path):
    with pytest.raises(AudioError, match=r"missing\.wav: there is no such file"):
        fingerprint(tmp_path / "missing.wav")
    with pytest.raises(AudioError, match="got NoneType"):
        audio.fingerprint(None)
    with pytest.raises(AudioError, match="text mode"):
        fingerprint(io.StringIO("text"))
    with pytest.raises(AudioError, match="sampling rate is 0"):
        fingerprint((np.zeros(3), 0))
