import os
from collections import Counter

import pytest

from skaudio.datasets import _free_spoken_digits, fetch_free_spoken_digits
from skaudio.exceptions import DatasetError


def names(speakers, indices=range(8)):
    return [f"{d}_{s}_{i}.wav" for d in range(10) for s in speakers for i in indices]


@pytest.fixture
def home(tmp_path):
    """A folder with the training recordings of two speakers."""
    folder = tmp_path / "free_spoken_digits"
    folder.mkdir()
    for name in names(["george", "theo"], range(5, 8)):
        (folder / name).touch()
    (folder / "README.md").touch()
    return tmp_path


@pytest.fixture
def published(mirror, tar, monkeypatch):
    """The data set as the server has it, with three speakers."""
    root = _free_spoken_digits._ARCHIVE.root
    members = [f"{root}/{name}" for name in names(["george", "jackson", "theo"])]
    archive = mirror.serve(tar([f"{os.path.dirname(root)}/README.md", *members]), root=root)
    monkeypatch.setattr(_free_spoken_digits, "_ARCHIVE", archive)
    return mirror


def test_a_folder_that_is_there_is_used(home, published):
    digits = fetch_free_spoken_digits(data_home=home, shuffle=False)
    assert published.n_requests == 0
    assert digits.target_names == [str(digit) for digit in range(10)]
    assert len(digits.data) == 60
    for path, digit, speaker in zip(digits.data, digits.target, digits.groups, strict=True):
        assert os.path.isfile(path)
        assert os.path.basename(path).startswith(f"{digit}_{speaker}_")
    assert "CC BY-SA 4.0" in digits.DESCR
    assert "Zenodo" in digits.DESCR


def test_the_variable_names_the_folder(home, published, monkeypatch):
    monkeypatch.setenv("SKAUDIO_DATA", str(home))
    assert len(fetch_free_spoken_digits().data) == 60


def test_fetch_all(tmp_path, published):
    digits = fetch_free_spoken_digits(data_home=tmp_path)
    assert len(digits.data) == 240
    assert set(digits.groups) == {"george", "jackson", "theo"}
    assert not (tmp_path / "free_spoken_digits" / "README.md").exists()
    fetch_free_spoken_digits(data_home=tmp_path)
    assert published.n_requests == 1


@pytest.mark.parametrize(("subset", "indices"), [("train", {5, 6, 7}), ("test", {0, 1, 2, 3, 4})])
def test_subset(tmp_path, published, subset, indices):
    digits = fetch_free_spoken_digits(subset=subset, data_home=tmp_path)
    assert {int(path[:-4].rpartition("_")[2]) for path in digits.data} == indices
    assert len(digits.data) == 30 * len(indices)


def test_speakers(home, published):
    digits = fetch_free_spoken_digits(speakers=["theo"], data_home=home)
    assert set(digits.groups) == {"theo"}


def test_fetch_the_speakers_that_are_missing(home, published):
    digits = fetch_free_spoken_digits(speakers=["jackson", "theo"], data_home=home)
    # Those that were there stay as they were: training recordings only.
    assert Counter(digits.groups.tolist()) == {"jackson": 80, "theo": 30}
    assert published.n_requests == 1


def test_return_X_y_and_shuffle(home, published):
    digits = fetch_free_spoken_digits(data_home=home)
    X, y = fetch_free_spoken_digits(data_home=home, return_X_y=True)
    assert digits.data == X
    assert sorted(X) != X
    assert y.tolist() == [os.path.basename(path)[0] for path in X]


def test_order_without_shuffle_is_by_number(home, published):
    (home / "free_spoken_digits" / "0_george_10.wav").touch()
    X, _ = fetch_free_spoken_digits(data_home=home, shuffle=False, return_X_y=True)
    assert [os.path.basename(path) for path in X[:4]] == [
        f"0_george_{number}.wav" for number in (5, 6, 7, 10)
    ]


def test_empty_subset(home, published):
    with pytest.raises(DatasetError, match=r"no recording of the subset 'test' .* 'george', 'the"):
        fetch_free_spoken_digits(subset="test", data_home=home)
    assert published.n_requests == 0


def test_no_validation_subset(home):
    with pytest.raises(ValueError, match=r"has no validation subset. Cross-validate"):
        fetch_free_spoken_digits(subset="validation", data_home=home)


@pytest.mark.parametrize("subset", ["training", None])
def test_wrong_subset(home, subset):
    with pytest.raises(ValueError, match=r"'subset' parameter of fetch_free_spoken_digits must"):
        fetch_free_spoken_digits(subset=subset, data_home=home)


def test_speakers_of_a_wrong_kind(home):
    with pytest.raises(ValueError, match=r"'speakers' parameter of .* Got 'theo' instead"):
        fetch_free_spoken_digits(speakers="theo", data_home=home)


def test_missing_speaker_offline(home, published):
    match = r"by 'jackson' in '.*', which has 'george', 'theo', and download_if_missing=False"
    with pytest.raises(DatasetError, match=match):
        fetch_free_spoken_digits(speakers=["jackson"], data_home=home, download_if_missing=False)


def test_missing_speaker_and_no_network(home, mirror, published):
    mirror.serve(b"out of order", status=503)
    with pytest.raises(DatasetError, match=r"'jackson' in .* and fetching failed: 503 Server"):
        fetch_free_spoken_digits(speakers=["jackson"], data_home=home)
    assert len(os.listdir(home / "free_spoken_digits")) == 61


def test_unknown_speaker_costs_no_download(home, published):
    with pytest.raises(DatasetError, match=r"'bob' is neither a speaker of Free Spoken Digits"):
        fetch_free_spoken_digits(speakers=["bob"], data_home=home)
    assert published.n_requests == 0


def test_speaker_that_the_archive_lacks(tmp_path, published):
    with pytest.raises(DatasetError, match=r"still no recordings by 'lucas' in "):
        fetch_free_spoken_digits(speakers=["lucas"], data_home=tmp_path)


@pytest.mark.realdata
def test_real_counts(real_data):
    digits = fetch_free_spoken_digits(data_home=real_data, download_if_missing=False)
    assert len(digits.data) == 2700
    assert len(set(digits.groups)) == 6
    train = fetch_free_spoken_digits(data_home=real_data, subset="train")
    assert train.data == digits.data
    with pytest.raises(DatasetError, match=r"has no recording of the subset 'test'"):
        fetch_free_spoken_digits(data_home=real_data, subset="test")
