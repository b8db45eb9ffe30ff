import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from skaudio.datasets import get_data_home
from skaudio.datasets._download import RemoteArchive, data_home_path, fetch_archive
from skaudio.exceptions import DatasetError


def fetch(archive, folder, **kwargs):
    fetch_archive(archive, folder, need="It has no words", download_if_missing=True, **kwargs)


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# The folder of the data sets


def test_argument_comes_before_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("SKAUDIO_DATA", str(tmp_path / "variable"))
    assert get_data_home(tmp_path / "argument") == str(tmp_path / "argument")
    assert get_data_home() == str(tmp_path / "variable")
    assert tree(tmp_path) == ["argument", "variable"]


@pytest.mark.parametrize("value", [None, ""])
def test_default_is_the_users_data_folder(monkeypatch, value):
    monkeypatch.delenv("SKAUDIO_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("SKAUDIO_DATA", value)
    home = data_home_path(None)
    assert home.is_absolute()
    assert home.name == "skaudio"


def test_data_home_expands_user(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert get_data_home("~/recordings") == str(tmp_path / "recordings")


# When all is well


def test_fetch_to_a_new_folder(mirror, tar, tmp_path, capsys):
    archive = mirror.serve(tar(["./cat/a.wav", "./cat/b.wav", "./LICENSE"]))
    fetch(archive, tmp_path / "home" / "words")
    assert tree(tmp_path / "home") == [
        "words",
        "words/LICENSE",
        "words/cat",
        "words/cat/a.wav",
        "words/cat/b.wav",
    ]
    assert (tmp_path / "home" / "words" / "cat" / "a.wav").read_text() == "./cat/a.wav"
    progress = capsys.readouterr().err
    assert "download" in progress
    assert "unpack" in progress


def test_fetch_one_folder_of_the_archive(mirror, tar, tmp_path):
    content = tar(["set-1.0/README.md", "set-1.0/recordings/0_theo_0.wav"])
    fetch(mirror.serve(content, root="set-1.0/recordings"), tmp_path / "digits")
    assert tree(tmp_path) == ["digits", "digits/0_theo_0.wav"]


def test_fetch_adds_what_is_missing_and_changes_nothing(mirror, tar, tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "mine.wav").write_text("mine")
    fetch(mirror.serve(tar(["cat/a.wav", "dog/a.wav", "bird/a.wav"])), tmp_path)
    assert tree(tmp_path) == [
        "bird",
        "bird/a.wav",
        "cat",
        "cat/mine.wav",
        "dog",
        "dog/a.wav",
    ]


def test_fetch_adds_only_what_is_wanted(mirror, tar, tmp_path):
    (tmp_path / "cat").mkdir()
    fetch(mirror.serve(tar(["dog/a.wav", "bird/a.wav"])), tmp_path, keep=lambda name: name == "dog")
    assert tree(tmp_path) == ["cat", "dog", "dog/a.wav"]


def test_links_that_stay_inside_are_skipped(mirror, tar, tmp_path):
    link = tarfile.TarInfo("dog")
    link.type, link.linkname = tarfile.SYMTYPE, "cat"
    fetch(mirror.serve(tar(["cat/a.wav", link])), tmp_path / "words")
    assert tree(tmp_path / "words") == ["cat", "cat/a.wav"]


# When something is wrong: an error that helps, and nothing left behind


@pytest.fixture
def fails(tmp_path):
    """Check the error, and that there is nothing new in the folder or beside it."""

    def check(archive, reason):
        words = tmp_path / "words"
        before = tree(tmp_path)
        with pytest.raises(DatasetError, match=reason) as caught:
            fetch(archive, words)
        message = str(caught.value)
        assert message.startswith("It has no words, and fetching failed: ")
        assert archive.url in message
        assert archive.sha256 in message
        assert str(words / "<name>.wav") in message
        assert "SKAUDIO_DATA" in message
        assert caught.value.__cause__ is not None
        assert tree(tmp_path) == before

    return check


def test_wrong_hash(mirror, tar, fails):
    archive = mirror.serve(tar(["cat/a.wav"]))
    expected = hashlib.sha256(b"another archive").hexdigest()
    fails(
        RemoteArchive(archive.url, expected, archive.layout),
        rf"does not match the known hash: expected .*{expected}",
    )


def test_truncated_download(mirror, fails):
    content = random.Random(0).randbytes(600_000)
    fails(mirror.serve_half(content, then_hang=False), r"300000 bytes read, 300000 more expected")


def test_not_found(mirror, fails):
    fails(mirror.serve(b"no such page", status=404), r"404 Client Error")


def test_not_an_archive(mirror, fails):
    fails(mirror.serve(b"<html>Please log in</html>"), r"not a gzip file|could not be opened")


def test_archive_cut_before_it_was_published(mirror, tar, fails):
    content = tar([f"cat/{number}.wav" for number in range(1000)])
    fails(mirror.serve(content[:-500]), r"ended before the end-of-stream|unexpected end of data")


def test_no_network(monkeypatch, fails):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as closed:
        # Bound and not listening: nobody else gets the port, and nobody answers.
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/archive.tar.gz"
        fails(RemoteArchive(url, "0" * 64, "<name>.wav"), r"refused")


def test_reason_is_not_an_error_of_the_user(mirror, tmp_path):
    archive = mirror.serve(b"no such page", status=404)
    try:
        raise KeyError("of the user")
    except KeyError:
        with pytest.raises(DatasetError, match=r"fetching failed: 404 Client Error"):
            fetch(archive, tmp_path / "words")


def test_folder_is_a_file(mirror, tar, tmp_path, fails):
    (tmp_path / "words").write_text("a file")
    fails(mirror.serve(tar(["cat/a.wav"])), r"Not a directory|already exists|cannot find")


def test_download_not_allowed(mirror, tar, tmp_path):
    archive = mirror.serve(tar(["cat/a.wav"]))
    with pytest.raises(DatasetError, match=r"download_if_missing=False.*manually, download http"):
        fetch_archive(archive, tmp_path / "words", need="No words", download_if_missing=False)
    assert mirror.n_requests == 0
    assert tree(tmp_path) == []


def hostile(kind, outside):
    if kind in ("symlink", "hard link", "absolute symlink"):
        member = tarfile.TarInfo("cat/evil.wav")
        member.type = tarfile.LNKTYPE if kind == "hard link" else tarfile.SYMTYPE
        member.linkname = str(outside) if kind == "absolute symlink" else "../../outside.wav"
    elif kind == "pipe":
        member = tarfile.TarInfo("cat/evil.wav")
        member.type = tarfile.FIFOTYPE
    else:
        names = {
            "parent": "../evil.wav",
            "parent, deeper": "cat/../../../evil.wav",
            "absolute": str(outside.with_name("evil.wav")),
            "Windows": r"C:\evil.wav",
            "Windows parent": r"..\evil.wav",
        }
        member = tarfile.TarInfo(names[kind])
    return member


@pytest.mark.parametrize(
    "kind",
    [
        "parent",
        "parent, deeper",
        "absolute",
        "Windows",
        "Windows parent",
        "symlink",
        "absolute symlink",
        "hard link",
        "pipe",
    ],
)
def test_hostile_archive(mirror, tar, tmp_path, fails, kind):
    outside = tmp_path / "outside.wav"
    outside.write_text("precious")
    member = hostile(kind, outside)
    fails(
        mirror.serve(tar(["cat/a.wav", member, "cat/b.wav"])),
        r"outside the destination|absolute path|special file",
    )
    assert outside.read_text() == "precious"


def test_interrupt_while_adding_takes_back_what_was_added(mirror, tar, tmp_path):
    words = tmp_path / "words"
    (words / "cat").mkdir(parents=True)

    def keep(name):
        if name == "c":
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        fetch(mirror.serve(tar(["a/a.wav", "b.wav", "c/a.wav"])), words, keep=keep)
    assert tree(tmp_path) == ["words", "words/cat"]


# A user who presses Ctrl-C: a process of its own, and a real signal

_PROGRAM = """
import signal, sys
from pathlib import Path
from skaudio.datasets._download import RemoteArchive, fetch_archive

signal.signal(signal.SIGINT, signal.default_int_handler)
archive = RemoteArchive(sys.argv[1], sys.argv[2], "<name>.wav")
fetch_archive(archive, Path(sys.argv[3]), need="It has no words", download_if_missing=True)
"""


def interrupt(archive, folder, when):
    """Fetch in another process, and send it SIGINT as soon as `when` says so."""
    command = [sys.executable, "-c", _PROGRAM, archive.url, archive.sha256, str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not when() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors


needs_sigint = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")


@needs_sigint
def test_interrupt_in_the_middle_of_the_download(mirror, tmp_path):
    archive = mirror.serve_half(random.Random(0).randbytes(2_000_000), then_hang=True)

    def half_way():
        return any(path.is_file() and path.stat().st_size > 0 for path in tmp_path.rglob("*"))

    interrupt(archive, tmp_path / "words", half_way)
    assert mirror.n_requests == 1
    assert tree(tmp_path) == []


@needs_sigint
@pytest.mark.parametrize("exists", [False, True])
def test_interrupt_in_the_middle_of_unpacking(mirror, tar, tmp_path, exists):
    words = tmp_path / "words"
    if exists:
        (words / "cat").mkdir(parents=True)
    before = tree(tmp_path)
    archive = mirror.serve(tar([f"bird/{number}.wav" for number in range(8000)]))

    def half_way():
        return any(Path(folder).name == "bird" and files for folder, _, files in os.walk(tmp_path))

    interrupt(archive, words, half_way)
    assert tree(tmp_path) == before
