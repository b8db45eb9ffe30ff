"""Finding what is wrong with a set of recordings."""

import json

import numpy as np
import pytest
import soundfile

from skaudio.datasets import check_clips


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    return [rng.normal(size=1600).astype(np.float32) for _ in range(12)]


LABELS = ["a"] * 6 + ["b"] * 6
GROUPS = [0, 1, 2] * 4


def test_nothing_is_found_where_nothing_is_wrong(clips):
    check = check_clips(clips, LABELS, GROUPS)
    assert check.problems == []
    assert check.class_counts == {"a": 6, "b": 6}
    assert check.n_groups == 3
    np.testing.assert_allclose(check.durations, 0.1)
    assert json.loads(json.dumps(check.as_dict()))["n_clips"] == 12


@pytest.mark.parametrize(
    ("label", "group", "found"),
    [
        ("b", 0, ["duplicates", "contradictions"]),
        ("a", 1, ["duplicates", "leaks"]),
        ("a", 0, ["duplicates"]),
        ("b", 1, ["duplicates", "contradictions", "leaks"]),
    ],
)
def test_a_copy_is_found_and_what_is_wrong_with_it(clips, label, group, found):
    check = check_clips([*clips, clips[0].copy()], [*LABELS, label], [*GROUPS, group])
    for name in ("duplicates", "contradictions", "leaks"):
        assert getattr(check, name) == ([[0, 12]] if name in found else [])
    # A copy that is listed as something worse is not listed again.
    assert len(check.problems) == max(1, len(found) - 1)


def test_copies_within_a_group_are_harmless_in_a_split_by_groups(clips):
    copies = [*clips, clips[0]]
    assert "remove the copies" in check_clips(copies, [*LABELS, "a"]).problems[0]
    assert "keeps them together" in check_clips(copies, [*LABELS, "a"], [*GROUPS, 0]).problems[0]


def test_what_is_in_both_parts_is_found(clips):
    parts = ["train"] * 6 + ["test"] * 6
    groups = np.repeat(["ada", "bob", "cy", "di"], 3)
    assert check_clips(clips, LABELS, groups, parts=parts).problems == []
    check = check_clips(
        [*clips, clips[0]], [*LABELS, "a"], [*groups, "ada"], parts=[*parts, "test"]
    )
    assert check.leaks == [[0, 12]]
    assert check.shared_groups == ["ada"]
    assert [problem.split(" (")[0] for problem in check.problems] == [
        "Same recording on both sides of a split",
        "Same group in several parts",
    ]


def test_unreadable_recordings_come_first_and_are_named(clips, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    check = check_clips([*clips, str(broken)], [*LABELS, "b"])
    assert [index for index, _ in check.unreadable] == [12]
    assert np.isnan(check.durations[12])
    assert str(broken) in check.problems[0]
    assert str(broken) in check.as_dict()["unreadable"]


def test_silence_is_no_copy_of_silence(clips):
    check = check_clips([*clips, np.zeros(800), np.zeros(800)], [*LABELS, "a", "b"])
    assert check.silent == [12, 13]
    assert check.duplicates == []
    assert any(problem.startswith("Silent (2)") for problem in check.problems)


def test_small_classes_and_single_ones_are_problems(clips):
    assert "a (3)" in check_clips(clips[:9], ["a"] * 3 + ["b"] * 6).problems[0]
    assert "only one class" in check_clips(clips, ["a"] * 12).problems[0]
    assert "only one group" in check_clips(clips, LABELS, [0] * 12).problems[0]
    check = check_clips(clips, LABELS, [0, 1] * 3 + [2] * 6)
    assert check.one_group == ["b"]
    assert "Classes of a single group: b" in check.problems[0]


def test_formats_do_not_hide_copies(clips, tmp_path):
    sound = (3000 * clips[0]).clip(-30000, 30000).astype(np.int16)
    paths = [str(tmp_path / name) for name in ("one.wav", "other.flac")]
    for path in paths:
        soundfile.write(path, sound, 16000)
    assert check_clips(paths).duplicates == [[0, 1]]


def test_labels_of_another_length_are_an_error(clips):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        check_clips(clips, LABELS[:-1])


@pytest.mark.realdata
def test_speech_commands_has_copies_but_none_by_two_speakers(real_data):
    from skaudio.datasets import load_audio_folder

    words = load_audio_folder(real_data / "speech_commands", groups=r"(\w+)_nohash_")
    check = check_clips(words.data, words.target, words.groups, n_jobs=2)
    assert len(check.duplicates) == 10
    assert (check.unreadable, check.contradictions, check.leaks) == ([], [], [])
