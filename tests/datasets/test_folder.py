import os
import re

import numpy as np
import pytest
import soundfile

from skaudio.datasets import load_audio_folder
from skaudio.exceptions import DatasetError


@pytest.fixture
def make_folder(tmp_path):
    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


def test_paths_labels_and_names(make_folder):
    folder = make_folder("dog/b.wav", "cat/c.flac", "dog/a.wav")
    loaded = load_audio_folder(folder, shuffle=False)
    assert loaded.data == [
        os.path.join(folder, "cat", "c.flac"),
        os.path.join(folder, "dog", "a.wav"),
        os.path.join(folder, "dog", "b.wav"),
    ]
    assert isinstance(loaded.target, np.ndarray)
    assert loaded.target.tolist() == ["cat", "dog", "dog"]
    assert loaded.target_names == ["cat", "dog"]
    assert loaded.groups is None
    assert "3 recordings of 2 classes" in loaded.DESCR
    assert "dog (2)" in loaded.DESCR


def test_return_X_y(make_folder):
    folder = make_folder("cat/a.wav", "dog/b.wav")
    loaded = load_audio_folder(folder)
    X, y = load_audio_folder(folder, return_X_y=True)
    assert loaded.data == X
    assert y.tolist() == loaded.target.tolist()


def test_shuffle_keeps_rows_together(make_folder):
    folder = make_folder(*(f"{c}/{s}_nohash_{n}.wav" for c in "xyz" for s in "abc" for n in "01"))
    loaded = load_audio_folder(folder)
    assert loaded.data != sorted(loaded.data)
    assert sorted(loaded.data) == load_audio_folder(folder, shuffle=False).data
    for path, word, speaker in zip(loaded.data, loaded.target, loaded.groups, strict=True):
        assert os.path.relpath(path, folder).startswith(os.path.join(word, f"{speaker}_nohash_"))


def test_random_state(make_folder):
    folder = make_folder(*(f"{c}/{n}.wav" for c in "xyz" for n in range(9)))
    assert load_audio_folder(folder).data == load_audio_folder(folder).data
    other = load_audio_folder(folder, random_state=1).data
    assert other == load_audio_folder(folder, random_state=1).data
    assert other != load_audio_folder(folder).data


def test_relative_folder_gives_relative_paths(make_folder, monkeypatch):
    monkeypatch.chdir(make_folder("words/cat/a.wav"))
    assert load_audio_folder("words").data == [os.path.join("words", "cat", "a.wav")]


def test_home_is_expanded(make_folder, monkeypatch):
    folder = make_folder("words/cat/a.wav")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    assert load_audio_folder("~/words").data == [os.path.join(folder, "words", "cat", "a.wav")]


def test_categories(make_folder):
    folder = make_folder("cat/a.wav", "dog/b.wav", "empty/readme.txt")
    assert load_audio_folder(folder, categories=["dog", "dog"]).target_names == ["dog"]
    assert load_audio_folder(folder, categories=np.array(["cat"])).target.tolist() == ["cat"]


@pytest.mark.parametrize("categories", ["cat", [], [1], 3, [" "], {"cat": None, 2: None}])
def test_categories_of_a_wrong_kind(make_folder, categories):
    folder = make_folder("cat/a.wav")
    with pytest.raises(ValueError, match=r"'categories' parameter of load_audio_folder must be"):
        load_audio_folder(folder, categories=categories)


def test_skipped_files(make_folder):
    folder = make_folder(
        "cat/a.wav",
        "cat/.a.wav",
        "cat/.trash/b.wav",
        "cat/notes.txt",
        "cat/Thumbs.db",
        ".git/c.wav",
        "_background_noise_/running_tap.wav",
        "loose.wav",
    )
    with pytest.warns(UserWarning, match=r"2 files were skipped: .* 'cat/notes.txt', 'loose.wav'"):
        loaded = load_audio_folder(folder)
    assert loaded.data == [os.path.join(folder, "cat", "a.wav")]
    assert "2 files were skipped" in loaded.DESCR


def test_what_systems_leave_behind_stops_nothing(make_folder):
    folder = make_folder(
        "cat/a.wav", "cat/.DS_Store", "cat/._a.wav", "cat/__MACOSX/a.wav", "__MACOSX/cat/._a.wav",
        "Thumbs.db", "cat/desktop.ini",
    )  # fmt: skip
    assert load_audio_folder(folder).target_names == ["cat"]


def test_links_to_folders_are_followed_but_not_in_circles(make_folder):
    folder = make_folder("words/cat/a.wav", "elsewhere/b.wav")
    os.symlink(folder / "elsewhere", folder / "words" / "cat" / "more")
    os.symlink(folder / "words", folder / "words" / "cat" / "round")
    os.symlink(folder / "elsewhere", folder / "words" / "dog")
    loaded = load_audio_folder(folder / "words", shuffle=False)
    assert [os.path.relpath(path, folder / "words") for path in loaded.data] == [
        "cat/a.wav", "cat/more/b.wav", "dog/b.wav",
    ]  # fmt: skip


def test_the_content_tells_where_the_extension_does_not(make_folder):
    folder = make_folder("cat/a.wav", "cat/LICENCE", "cat/data.json")
    for name in ("noname", "a.dat", "a.lied.txt"):
        soundfile.write(folder / "cat" / name, np.zeros(800), 8000, format="FLAC")
    (folder / "cat" / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    with pytest.warns(UserWarning, match="3 files were skipped"):
        loaded = load_audio_folder(folder, shuffle=False)
    names = [os.path.basename(path) for path in loaded.data]
    assert names == ["a.dat", "a.lied.txt", "a.wav", "noname"]


def test_nested_files_belong_to_the_class(make_folder):
    folder = make_folder("cat/2024/may/a.wav", "cat/b.wav", "dog/c.wav")
    loaded = load_audio_folder(folder, shuffle=False)
    assert loaded.target.tolist() == ["cat", "cat", "dog"]


@pytest.mark.parametrize(
    "ending", ["wav", "WAV", "flac", "ogg", "mp3", "Mp3", "aiff", "opus", "m4a", "webm", "AMR"]
)
def test_audio_is_told_by_its_extension(make_folder, ending):
    assert len(load_audio_folder(make_folder(f"cat/a.{ending}")).data) == 1


def test_groups_of_speech_commands(make_folder):
    folder = make_folder("cat/0a_nohash_0.wav", "cat/0a_nohash_1.wav", "dog/f_1_nohash_12.wav")
    groups = load_audio_folder(folder, shuffle=False).groups
    assert isinstance(groups, np.ndarray)
    assert groups.tolist() == ["0a", "0a", "f_1"]


def test_groups_of_free_spoken_digits(make_folder):
    folder = make_folder("0/0_theo_5.wav", "1/1_lucas_49.wav")
    assert load_audio_folder(folder, shuffle=False).groups.tolist() == ["theo", "lucas"]


@pytest.mark.parametrize("stranger", ["me.wav", "1_lucas_4.wav", "x_nohash_.wav"])
def test_no_groups_unless_all_names_tell(make_folder, stranger):
    folder = make_folder("cat/0a_nohash_0.wav", f"cat/{stranger}")
    assert load_audio_folder(folder).groups is None


def test_missing_folder(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere' does not exist \(looked from"):
        load_audio_folder(tmp_path / "nowhere")


def test_file_instead_of_folder(make_folder):
    with pytest.raises(DatasetError, match=r"a.wav' is a file"):
        load_audio_folder(make_folder("cat/a.wav") / "cat" / "a.wav")


def test_folder_without_classes(make_folder):
    folder = make_folder("a.wav", "b.wav", ".hidden/c.wav")
    with pytest.raises(DatasetError, match=r"no sub-folders; 2 recordings are in it directly"):
        load_audio_folder(folder)


def test_empty_class(make_folder):
    folder = make_folder("cat/a.wav")
    (folder / "dog").mkdir()
    with pytest.raises(DatasetError, match=r"class 'dog' has no recordings.*it is empty"):
        load_audio_folder(folder)


def test_class_without_audio_names_what_it_has(make_folder):
    folder = make_folder("cat/a.pdf", "cat/b.pdf", "cat/LICENCE")
    with pytest.raises(DatasetError, match=r"3 files of other types \(\.pdf, no extension\)"):
        load_audio_folder(folder)


def test_missing_category_names_what_there_is(make_folder):
    folder = make_folder("cat/a.wav", "dog/a.wav")
    with pytest.raises(DatasetError, match=r"no sub-folder 'bird'. It has 'cat', 'dog'"):
        load_audio_folder(folder, categories=["bird", "cat"])


@pytest.mark.realdata
def test_real_folder(real_data):
    loaded = load_audio_folder(real_data / "speech_commands")
    assert len(loaded.data) == 4666
    assert loaded.target_names == ["bed", "cat", "happy"]
    assert len(set(loaded.groups)) == 1555


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"_(\w)\d\.wav", ["x", "y", "x"]),
        (r"_\w", ["_x", "_y", "_x"]),
        (re.compile(r"^(\w+)/"), ["cat", "cat", "dog"]),
    ],
)
def test_groups_are_found_by_a_pattern(make_folder, pattern, expected):
    folder = make_folder("cat/a_x1.wav", "cat/a_y1.wav", "dog/a_x2.wav")
    loaded = load_audio_folder(folder, groups=pattern, shuffle=False)
    assert loaded.groups.tolist() == expected


def test_a_pattern_that_finds_nothing_or_is_none_is_an_error(make_folder):
    folder = make_folder("cat/a_x1.wav", "dog/b.wav")
    with pytest.raises(DatasetError, match=r"no group in 1 of 2 paths, such as 'dog/b.wav'"):
        load_audio_folder(folder, groups=r"_(\w)")
    with pytest.raises(ValueError, match="must be a regular expression"):
        load_audio_folder(folder, groups="(")
