"""Groups and official splits from paths."""

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV, cross_validate

from skaudio.audio import Segment
from skaudio.datasets import fetch_speech_commands
from skaudio.model_selection import Evaluation, OfficialSplit, groups_from_paths

# One speaker of each part of Speech Commands, as tests/datasets has them.
TRAIN, VALIDATION, TEST = "0a7c2a8d", "026290a7", "0c40e715"
ESC = [f"audio/{fold}-{clip}-A-{clip % 2}.wav" for fold in range(1, 6) for clip in range(10, 14)]
ESC_LABELS = [clip % 2 for _ in range(5) for clip in range(10, 14)]


class NameReader(ClassifierMixin, BaseEstimator):
    """Predicts the class that the name of a file of ESC-50 ends with."""

    def __init__(self, offset=0):
        self.offset = offset

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.array([(int(PurePosixPath(path).stem[-1]) + self.offset) % 2 for path in X])


@pytest.mark.parametrize(
    ("paths", "rule", "groups"),
    [
        (["bed/3a_nohash_0.wav", "cat/3b_nohash_12.wav"], "speech_commands", ["3a", "3b"]),
        ([r"bed\3a_nohash_0.wav"], "speech_commands", ["3a"]),
        (["7_jackson_0.wav", "0_le_o_49.flac"], "label_speaker_index", ["jackson", "le_o"]),
        (["a/ada/1.wav", "a/bob/2.wav"], r"a/(\w+)/", ["ada", "bob"]),
        (["x-ada-1.wav"], r"(\w)-(?P<who>\w+)-", ["ada"]),
        (["x-ada-1.wav"], r"(?P<a>\w)-(?P<group>\w+)-", ["ada"]),
        ([Path("a/ada/1.wav"), b"a/bob/2.wav"], r"a/(\w+)/", ["ada", "bob"]),
        ([Segment("a/ada/1.wav", 1.0, 2.0)], r"a/(\w+)/", ["ada"]),
        ([Path("a/ada/1.wav")], lambda path: path.parent.name, ["ada"]),
        (["1.wav", "12.wav"], len, ["5", "6"]),
        (np.array(["a/ada/1.wav"]), r"a/(\w+)/", ["ada"]),
        ([], "speech_commands", []),
    ],
)
def test_groups_are_read_from_paths(paths, rule, groups):
    found = groups_from_paths(paths, rule)
    assert found.tolist() == groups
    assert found.dtype.kind == "U"


@given(
    st.text("ab_09", min_size=1),
    st.text("ab09", min_size=1),
    st.integers(0, 99),
    st.sampled_from(["", "cat/", "a_b/c_nohash_d/"]),
)
def test_a_speaker_is_read_back_whatever_the_name(speaker, label, index, folder):
    name = f"{folder}{label}_{speaker}_{index}.wav"
    assert groups_from_paths([name], "label_speaker_index").tolist() == [speaker]
    name = f"{folder}{speaker}_nohash_{index}.wav"
    assert groups_from_paths([name], "speech_commands").tolist() == [speaker]


@pytest.mark.parametrize(
    "rule", ["speech_commands", "label_speaker_index", r"b/(\w+)", lambda p: None, lambda p: ""]
)
def test_a_path_without_a_group_is_named(rule):
    with pytest.raises(ValueError, match=r"nothing in 1 of 1 paths: 'a/odd\.wav'"):
        groups_from_paths(["a/odd.wav"], rule)


@pytest.mark.parametrize(
    ("rule", "error", "reason"),
    [
        ("(", ValueError, "unterminated"),
        ("speaker", ValueError, "no such part"),
        (3, TypeError, "Got 3 instead"),
    ],
)
def test_a_rule_that_is_none_is_refused(rule, error, reason):
    with pytest.raises(error, match=reason):
        groups_from_paths(["a.wav"], rule)


@pytest.mark.parametrize("item", [np.zeros(8), b"RIFF\0\0\0\0", (np.zeros(8), 8000), 3, None])
def test_recordings_without_a_path_are_refused(item):
    with pytest.raises(TypeError, match="at index 1"):
        groups_from_paths(["3a_nohash_0.wav", item], "speech_commands")
    for name in ("esc50", "speech_commands", "urbansound8k"):
        with pytest.raises(TypeError, match=r"Expected paths .* got"):
            list(OfficialSplit(name).split([item, item]))


def test_other_containers_are_refused():
    with pytest.raises(ValueError, match="Wrap it in a list"):
        groups_from_paths("3a_nohash_0.wav", "speech_commands")
    with pytest.raises(TypeError, match="got ndarray at index 0"):
        list(OfficialSplit("esc50").split(np.zeros((3, 8))))
    with pytest.raises(ValueError, match="Pass them as X"):
        list(OfficialSplit("esc50").split(None))


def test_esc50_has_five_folds():
    folds = list(OfficialSplit("esc50").split(ESC))
    assert len(folds) == OfficialSplit("esc50").get_n_splits(ESC) == 5
    for index, (train, test) in enumerate(folds):
        assert {ESC[clip][6] for clip in test} == {str(index + 1)}
        assert sorted([*train, *test]) == list(range(len(ESC)))


def test_urbansound8k_has_ten_folds():
    paths = [Path(f"/data/fold{fold}/{clip}-3-0-0.wav") for clip in "78" for fold in range(1, 11)]
    splitter = OfficialSplit("urbansound8k")
    tested = [test.tolist() for _, test in splitter.split(paths)]
    assert tested == [[fold, fold + 10] for fold in range(10)]
    assert splitter.get_n_splits() == 10
    with pytest.raises(ValueError, match=r"'fold11/1\.wav'.*fold3/7061"):
        list(splitter.split(["fold11/1.wav"]))


@pytest.mark.parametrize(("subset", "tested"), [("testing", TEST), ("validation", VALIDATION)])
def test_speech_commands_is_split_by_its_own_rule(subset, tested):
    speakers = [TRAIN, VALIDATION, TEST, TRAIN, TEST, VALIDATION]
    paths = [f"bed/{speaker}_nohash_{n}.wav" for n, speaker in enumerate(speakers)]
    splitter = OfficialSplit("speech_commands", subset)
    ((train, test),) = splitter.split(paths)
    assert train.tolist() == [0, 3]
    assert {speakers[clip] for clip in test} == {tested}
    assert splitter.get_n_splits(paths) == 1


def test_speech_commands_is_split_as_its_loader_does(tmp_path):
    folder = tmp_path / "speech_commands" / "bed"
    folder.mkdir(parents=True)
    for speaker in (TRAIN, VALIDATION, TEST):
        (folder / f"{speaker}_nohash_0.wav").touch()
    paths = fetch_speech_commands(["bed"], data_home=tmp_path).data
    ((train, test),) = OfficialSplit("speech_commands").split(paths)
    for subset, found in (("train", train), ("test", test)):
        loaded = fetch_speech_commands(["bed"], data_home=tmp_path, subset=subset).data
        assert loaded == [paths[index] for index in found]


def test_a_side_without_recordings_is_an_error():
    with pytest.raises(ValueError, match=r"to test in the official .* train \(1\).*other subset"):
        list(OfficialSplit("speech_commands").split([f"{TRAIN}_nohash_0.wav"]))
    with pytest.raises(ValueError, match=r"to train on .* 1 \(4\)"):
        list(OfficialSplit("esc50").split(ESC[:4]))


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [({"name": "esc-50"}, r"one of \['esc50'"), ({"name": "esc50", "subset": "test"}, "'subset'")],
)
def test_wrong_parameters_are_named(parameters, reason):
    with pytest.raises(ValueError, match=reason):
        OfficialSplit(**parameters).get_n_splits()


@pytest.mark.parametrize("enable_metadata_routing", [False, True])
def test_it_is_a_splitter_of_scikit_learn(enable_metadata_routing):
    splitter = OfficialSplit("esc50")
    assert repr(splitter) == "OfficialSplit(name='esc50', subset='testing')"
    with sklearn.config_context(enable_metadata_routing=enable_metadata_routing):
        search = GridSearchCV(NameReader(), {"offset": [1, 0]}, cv=splitter).fit(ESC, ESC_LABELS)
        assert search.n_splits_ == 5
        assert search.best_params_ == {"offset": 0}
        result = cross_validate(NameReader(), ESC, ESC_LABELS, cv=splitter)
    assert result["test_score"].tolist() == [1.0] * 5
    evaluation = Evaluation.from_cross_validation(NameReader(), ESC, ESC_LABELS, cv=splitter)
    assert evaluation.folds.max() == 4


@pytest.mark.realdata
def test_the_folds_of_real_sets(real_data):
    paths = sorted((real_data / "speech_commands").glob("*/*.wav"))
    ((train, test),) = OfficialSplit("speech_commands", "validation").split(paths)
    assert (len(train), len(test)) == (4112, 554)
    with pytest.raises(ValueError, match="to test"):
        list(OfficialSplit("speech_commands").split(paths))
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(real_data / "sets" / "esc10" / "clips.csv")
    for index, (_, test) in enumerate(OfficialSplit("esc50").split(table["path"])):
        assert test.tolist() == np.flatnonzero(table["fold"] == index + 1).tolist()
