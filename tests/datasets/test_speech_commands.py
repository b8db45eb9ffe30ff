import os
import re

import numpy as np
import pytest

from skaudio.datasets import _speech_commands, fetch_speech_commands
from skaudio.datasets._speech_commands import _RELEASES, subset_of
from skaudio.exceptions import DatasetError

# Whom the published lists have for validation and testing, and others.
_SPEAKERS = {
    "validation": ["026290a7", "060cd039", "099d52ad"],
    "test": ["0c40e715", "0ea0e2f4", "1528225c"],
    "train": ["004ae714", "00f0204f", "0a7c2a8d"],
}


def names(words):
    speakers = [speaker for subset in _SPEAKERS.values() for speaker in subset]
    return [f"./{word}/{speaker}_nohash_0.wav" for word in words for speaker in speakers]


@pytest.fixture
def home(tmp_path):
    """A folder with two words."""
    for name in names(["bed", "cat"]):
        path = tmp_path / "speech_commands" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


@pytest.fixture
def published(mirror, tar, monkeypatch):
    """The data set as the server has it: four words and the noise."""
    content = tar([*names(["bed", "cat", "dog", "yes"]), "./_background_noise_/tap.wav"])
    archive = mirror.serve(content)
    releases = {
        version: release._replace(archive=archive) for version, release in _RELEASES.items()
    }
    monkeypatch.setattr(_speech_commands, "_RELEASES", releases)
    return mirror


@pytest.mark.parametrize("subset", ["train", "validation", "test"])
def test_official_split(subset):
    assert {subset_of(speaker) for speaker in _SPEAKERS[subset]} == {subset}


def test_known_archives():
    assert all(
        re.fullmatch(r"[0-9a-f]{64}", release.archive.sha256) for release in _RELEASES.values()
    )
    assert [len(_RELEASES[version].words) for version in ("0.01", "0.02")] == [30, 35]


def test_a_folder_that_is_there_is_used(home, published):
    commands = fetch_speech_commands(data_home=home, shuffle=False)
    assert published.n_requests == 0
    assert commands.target_names == ["bed", "cat"]
    assert commands.target.tolist() == ["bed"] * 9 + ["cat"] * 9
    assert all(os.path.isfile(path) for path in commands.data)
    assert all(isinstance(path, str) for path in commands.data)
    for path, speaker in zip(commands.data, commands.groups, strict=True):
        assert os.path.basename(path) == f"{speaker}_nohash_0.wav"
    assert "CC BY 4.0" in commands.DESCR
    assert "arXiv:1804.03209" in commands.DESCR
    assert "18 recordings of bed, cat" in commands.DESCR


def test_the_variable_names_the_folder(home, published, monkeypatch):
    monkeypatch.setenv("SKAUDIO_DATA", str(home))
    assert len(fetch_speech_commands().data) == 18


def test_words(home, published):
    assert fetch_speech_commands(["cat"], data_home=home).target_names == ["cat"]
    assert fetch_speech_commands(np.array(["cat"]), data_home=home).target_names == ["cat"]


@pytest.mark.parametrize("subset", ["train", "validation", "test"])
def test_subset(home, published, subset):
    commands = fetch_speech_commands(data_home=home, subset=subset)
    assert set(commands.groups) == set(_SPEAKERS[subset])
    assert len(commands.data) == len(commands.target) == 6


def test_return_X_y_and_shuffle(home, published):
    commands = fetch_speech_commands(data_home=home)
    X, y = fetch_speech_commands(data_home=home, return_X_y=True)
    assert commands.data == X
    assert sorted(X) != X
    assert y.tolist() == [os.path.basename(os.path.dirname(path)) for path in X]
    assert fetch_speech_commands(data_home=home, random_state=1).data != X


def test_fetch_all(tmp_path, published):
    commands = fetch_speech_commands(data_home=tmp_path)
    assert commands.target_names == ["bed", "cat", "dog", "yes"]
    assert len(commands.data) == 36
    assert (tmp_path / "speech_commands" / "_background_noise_" / "tap.wav").is_file()
    fetch_speech_commands(data_home=tmp_path)
    assert published.n_requests == 1


def test_fetch_the_words_that_are_missing(home, published):
    mine = home / "speech_commands" / "bed" / "mine_nohash_0.wav"
    mine.touch()
    commands = fetch_speech_commands(["bed", "dog"], data_home=home)
    assert commands.target_names == ["bed", "dog"]
    assert "mine" in commands.groups
    assert fetch_speech_commands(["yes"], data_home=home).target_names == ["yes"]
    assert published.n_requests == 1


def test_versions_do_not_mix(home, published):
    assert len(fetch_speech_commands(version="0.02", data_home=home).data) == 36
    assert (home / "speech_commands_v0.02" / "dog").is_dir()
    assert fetch_speech_commands(version="0.01", data_home=home).target_names == ["bed", "cat"]


def test_missing_word_offline(home, published):
    match = (
        r"no recordings of 'dog', 'yes' in '.*speech_commands', which has 'bed', 'cat', and "
        r"download_if_missing=False. To do this manually, download http"
    )
    with pytest.raises(DatasetError, match=match):
        fetch_speech_commands(["yes", "dog", "bed"], data_home=home, download_if_missing=False)


def test_missing_word_and_no_network(home, mirror, published):
    mirror.serve(b"out of order", status=503)
    with pytest.raises(DatasetError, match=r"'dog' in .* has 'bed', 'cat', and .*: 503 Server"):
        fetch_speech_commands(["dog"], data_home=home)
    assert sorted(os.listdir(home / "speech_commands")) == ["bed", "cat"]


def test_nothing_there_offline(tmp_path, published):
    with pytest.raises(DatasetError, match=r"recordings of any word in .* which has no words"):
        fetch_speech_commands(data_home=tmp_path, download_if_missing=False)


def test_unknown_word_costs_no_download(home, published):
    with pytest.raises(DatasetError, match=r"'dgo' is neither a word of Speech Commands v0.01"):
        fetch_speech_commands(["dgo", "dog"], data_home=home)
    with pytest.raises(DatasetError, match=r"'visual' is neither"):
        fetch_speech_commands(["visual"], data_home=home)
    assert published.n_requests == 0


def test_word_that_the_archive_lacks(tmp_path, published):
    with pytest.raises(DatasetError, match=r"class 'zero' has no recordings"):
        fetch_speech_commands(["zero"], data_home=tmp_path)


def test_empty_subset(home, published):
    for path in (home / "speech_commands").rglob("*.wav"):
        if path.stem.split("_")[0] in _SPEAKERS["test"]:
            path.unlink()
    match = r"speech_commands' has no recording of the subset 'test'"
    with pytest.raises(DatasetError, match=match):
        fetch_speech_commands(data_home=home, subset="test")
    assert published.n_requests == 0


def test_file_of_another_name(home, published):
    (home / "speech_commands" / "bed" / "me.wav").touch()
    with pytest.raises(DatasetError, match=r"The speaker of '.*me.wav' is unknown"):
        fetch_speech_commands(data_home=home)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("subset", "testing"),
        ("subset", None),
        ("version", "0.03"),
        ("version", 0.01),
        ("words", "bed"),
        ("words", []),
    ],
)
def test_wrong_parameters(home, parameter, value):
    match = rf"The '{parameter}' parameter of fetch_speech_commands must be .* instead"
    with pytest.raises(ValueError, match=match):
        fetch_speech_commands(data_home=home, **{parameter: value})


@pytest.mark.realdata
def test_real_counts(real_data):
    def count(**kwargs):
        commands = fetch_speech_commands(data_home=real_data, download_if_missing=False, **kwargs)
        return len(commands.data)

    assert count() == 4666
    assert count(subset="train") == 4112
    assert count(subset="validation") == 554
    with pytest.raises(DatasetError, match=r"has no recording of the subset 'test'"):
        count(subset="test")


@pytest.mark.realdata
def test_real_subsets_share_no_speaker(real_data):
    train = fetch_speech_commands(data_home=real_data, subset="train")
    validation = fetch_speech_commands(data_home=real_data, subset="validation")
    assert not set(train.groups) & set(validation.groups)
