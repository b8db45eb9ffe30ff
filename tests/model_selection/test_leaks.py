"""Leaks between the sides of a split."""

import dataclasses
import warnings

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.neighbors import KNeighborsClassifier

from skaudio.audio import Segment
from skaudio.exceptions import AudioError
from skaudio.model_selection import (
    Evaluation,
    OfficialSplit,
    SplitCheck,
    check_split,
    groups_from_paths,
    leak_value,
)
from skaudio.model_selection._leaks import _correlation, _fingerprint
from tests.audio.builders import as_int16, encode, encode_with_av

RATE = 16000


def syllables(seed, seconds=1.0):
    """Tones of a tenth of a second, of their own pitch and loudness, in a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    which = (10 * t).astype(int)
    pitch = rng.uniform(200, 3000, size=which.max() + 1)[which]
    loudness = rng.choice([0.003, 0.03, 0.1, 0.3], size=which.max() + 1)[which]
    sound = loudness * np.sin(2 * np.pi * np.cumsum(pitch) / RATE)
    return (sound + 0.001 * rng.normal(size=len(t))).astype(np.float32)


CLIPS = [syllables(seed) for seed in range(12)]
LABELS = ["a", "b"] * 6
HALVES = [(np.arange(6), np.arange(6, 13))]  # the last one of 13 clips is a copy


def resampled(clip, rate):
    return soxr.resample(clip, RATE, rate), rate


def mp3(clip, rate=RATE, *, tagged=True):
    sound = as_int16(clip if rate == RATE else resampled(clip, rate)[0])
    encoded = encode_with_av(sound, "mp3", "libmp3lame", rate=rate, bit_rate=64000)
    # Without its first frame nothing says how long the encoder delays the sound.
    return encoded if tagged else encoded.replace(b"Info", b"Xxxx").replace(b"Xing", b"Xxxx")


def delayed(clip, n_samples=1105):
    return np.concatenate([np.zeros(n_samples, np.float32), clip])


CHANGES = {
    "-20 dB": lambda clip: clip / 10,
    "-20 dB, 16 bit": lambda clip: as_int16(clip / 10),
    "upside down": lambda clip: -clip,
    "an offset": lambda clip: clip + np.float32(0.1),
    "8 kHz": lambda clip: (as_int16(resampled(clip, 8000)[0]), 8000),
    "22.05 kHz": lambda clip: resampled(clip, 22050),
    "44.1 kHz": lambda clip: resampled(clip, 44100),
    "MP3": mp3,
    "MP3 at 44.1 kHz": lambda clip: mp3(clip, 44100),
    "MP3 with its delay": lambda clip: mp3(clip, tagged=False),
    "Ogg Vorbis": lambda clip: encode(clip, "OGG"),
    "a delay of half a sample at 8 kHz": delayed,
    "silence after it": lambda clip: np.pad(clip, (0, 8000)),
    "all at once": lambda clip: mp3(delayed(clip / 10), 44100),
}


def checked(*args, **parameters):
    """Check a split without the warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return check_split(*args, **parameters)


def test_nothing_is_found_where_nothing_is_wrong():
    check = check_split(CLIPS, LABELS, groups=LABELS, cv=GroupKFold(2))
    assert check.problems == []
    assert str(check) == "12 recordings, 2 folds: ok."
    assert (check.copies, check.near_copies, check.shared_groups, check.silent) == ([], [], [], [])
    with pytest.raises(dataclasses.FrozenInstanceError):
        check.n_folds = 3


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("index", [1, 4])
def test_the_same_sound_is_found_whatever_was_done_to_it(change, index):
    copy = CHANGES[change](CLIPS[index])
    with pytest.warns(UserWarning, match=rf"Same sound, .* \(1\): X\[{index}\] .* ~ X\[12\]"):
        check = check_split([*CLIPS, copy], cv=HALVES)
    ((first, second, correlation),) = check.near_copies
    assert (first, second) == (index, 12)
    assert 0.9 <= correlation <= 1
    assert check.copies == []


def test_the_same_samples_are_found(tmp_path):
    paths = []
    for index, clip in enumerate([*CLIPS, CLIPS[3]]):
        extension = "flac" if index == 12 else "wav"  # the container does not matter
        paths.append(str(tmp_path / f"{index}.{extension}"))
        soundfile.write(paths[-1], as_int16(clip), RATE)
    expected = r"Same recording on both sides of a fold \(1\): .*3\.wav = .*12\.flac\. Scores"
    with pytest.warns(UserWarning, match=expected) as warned:
        check = check_split(paths, cv=HALVES)
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert check.copies == [[3, 12]]
    assert check.near_copies == []
    assert check.names == paths
    assert str(check).splitlines() == ["13 recordings, 1 folds:", *check.problems]
    assert repr(check) == (
        "<SplitCheck of 13 recordings, 1 folds: 1 copies, 0 near_copies, 0 shared_groups>"
    )


def test_samples_that_are_equal_to_16_bits_are_the_same():
    clips = [*CLIPS, CLIPS[3], CLIPS[3] * np.float32(1 + 1e-6), CLIPS[3] / 2]
    check = checked(clips, cv=[(range(6), range(6, 15))])
    assert check.copies == [[3, 12, 13]]
    assert [pair[:2] for pair in check.near_copies] == [(3, 14)]


def test_copies_on_the_same_side_are_no_leak():
    check = check_split([*CLIPS, CLIPS[7], CLIPS[8] / 2], cv=[(range(6), range(6, 14))])
    assert check.problems == []
    # Neither are those in a part that is left out.
    assert check_split([*CLIPS, CLIPS[0]], cv=[(range(6), range(6, 12))]).problems == []


def test_a_recording_that_is_on_both_sides_itself_is_found():
    assert checked(CLIPS, cv=[(range(7), range(6, 12))]).copies == [[6]]


def test_groups_on_both_sides_are_found():
    groups = ["ada"] * 4 + ["bob"] * 4 + ["cy"] * 4
    with pytest.warns(UserWarning, match=r"Same group on both sides of a fold \(1\): bob\. "):
        check = check_split(CLIPS, LABELS, groups, cv=[(range(6), range(6, 12))])
    assert check.shared_groups == ["bob"]
    assert checked(CLIPS, LABELS, groups, cv=2).shared_groups == ["bob"]
    assert check_split(CLIPS, LABELS, groups, cv=GroupKFold(3)).shared_groups == []


def test_everything_is_in_one_warning():
    clips = [*CLIPS, CLIPS[0], CLIPS[1] / 2]
    with pytest.warns(UserWarning, match="Same recording .* Same sound, .* Same group ") as warned:
        check = check_split(clips, groups=[0] * 14, cv=[(range(6), range(6, 14))])
    assert len(warned) == 1
    assert len(check.problems) == 3


def test_only_a_few_are_named():
    check = checked(CLIPS * 2, cv=[(range(12), range(12, 24))])
    assert "fold (12): X[0]" in check.problems[0]
    assert " and 9 more. " in check.problems[0]
    assert "X[3]" not in check.problems[0]


@pytest.mark.parametrize(
    ("cv", "n_folds"),
    [
        (None, 5),
        (3, 3),
        (KFold(4), 4),
        (StratifiedKFold(3, shuffle=True, random_state=0), 3),
        (RepeatedKFold(n_splits=2, n_repeats=3, random_state=0), 6),
        (ShuffleSplit(2, random_state=0), 2),
        (PredefinedSplit([0] * 6 + [1] * 6), 2),
        (LeaveOneOut(), 12),
        (((np.arange(12) < 6, np.arange(12) >= 6) for _ in range(1)), 1),
    ],
    ids=lambda value: type(value).__name__,  # the same in every process
)
def test_splits_of_every_kind_are_taken(cv, n_folds):
    check = check_split(CLIPS, LABELS, cv=cv)
    assert check.n_folds == n_folds
    assert check.problems == []


def test_a_number_makes_the_folds_of_a_search():
    labels = np.array(["a"] * 6 + ["b"] * 6)
    clips = [*CLIPS[:5], CLIPS[0], *CLIPS[6:]]
    for y, splitter in ((labels, StratifiedKFold(3)), (None, KFold(3))):
        leaks = any((0 in train) != (5 in train) for train, _ in splitter.split(clips, y))
        assert bool(checked(clips, y, cv=3).copies) == leaks


def test_recordings_of_every_kind_are_taken(tmp_path):
    path = tmp_path / "0.wav"
    soundfile.write(path, CLIPS[0], RATE, subtype="FLOAT")
    long = np.concatenate([CLIPS[1], CLIPS[0], CLIPS[2]])
    same = [path, str(path), path.read_bytes(), CLIPS[0], (CLIPS[0], RATE), (RATE, CLIPS[0])]
    check = checked([*same, Segment(long, 1.0, 2.0)], cv=[([0], range(1, 7))])
    # The ends of a segment are resampled with what is beside them, if it is an array or a file.
    found = {*check.copies[0], *(second for _, second, _ in check.near_copies)}
    assert found == set(range(7))
    # Rows of an array, at their rate, beside a file.
    rows = np.stack([CLIPS[0], CLIPS[1]])
    assert check_split(rows, cv=2).problems == []
    halves = [(CLIPS[0], RATE), CLIPS[0][::2]]
    assert checked(halves, cv=2, sample_rate=RATE // 2).near_copies


def test_silence_is_not_compared():
    clips = [np.zeros(8000), np.zeros(8000), np.full(8000, 1e-6), np.zeros(1), *CLIPS]
    check = check_split(clips, cv=KFold(4, shuffle=True, random_state=0))
    assert check.silent == [0, 1, 2, 3]
    assert check.problems == []


def test_recordings_of_a_few_samples_are_taken():
    rng = np.random.default_rng(0)
    check_split([rng.normal(size=size) for size in (1, 2, 3, 10, 100)], cv=5)


def test_noise_is_told_apart_and_found():
    rng = np.random.default_rng(0)
    noise = [0.1 * rng.normal(size=16000) for _ in range(20)]
    assert check_split(noise, cv=5).problems == []
    check = checked([*noise, mp3(noise[0]), noise[1] / 3], cv=[(range(20), [20, 21])])
    assert [pair[:2] for pair in check.near_copies] == [(1, 21), (0, 20)]


def test_hum_does_not_make_recordings_alike():
    hum = 0.05 * np.sin(2 * np.pi * 60 * np.arange(16000) / RATE)
    rng = np.random.default_rng(0)
    clips = [hum + 0.001 * rng.normal(size=16000) + 0.1 * clip for clip in CLIPS]
    assert check_split(clips, cv=4).problems == []


def test_many_copies_are_found_in_blocks(monkeypatch):
    from skaudio.model_selection import _leaks

    clips = [*CLIPS, *(clip / 3 for clip in CLIPS)]
    expected = checked(clips, cv=[(range(12), range(12, 24))]).near_copies
    assert sorted(pair[:2] for pair in expected) == [(index, index + 12) for index in range(12)]
    monkeypatch.setattr(_leaks, "_BLOCK", 5)
    assert checked(clips, cv=[(range(12), range(12, 24))]).near_copies == expected


def test_threads_change_nothing():
    clips = [*CLIPS, CLIPS[0] / 2]
    one, two = (checked(clips, cv=HALVES, n_jobs=n_jobs) for n_jobs in (None, 2))
    assert one.near_copies == two.near_copies


def test_a_progress_bar_is_shown(capsys):
    check_split(CLIPS, cv=3, verbose=1)
    assert "Reading" in capsys.readouterr().err


def test_all_unusable_recordings_are_named(tmp_path):
    missing = str(tmp_path / "missing.wav")
    with pytest.raises(AudioError, match="Cannot read 2 recordings") as caught:
        check_split([*CLIPS, missing, np.array([0.0, np.nan])], cv=3)
    assert [name for name, _ in caught.value.failures] == [missing, "X[13] (ndarray)"]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"threshold": 0}, "above 0"),
        ({"threshold": 1.1}, r"Got 1\.1 instead"),
        ({"y": LABELS[1:]}, "inconsistent numbers of samples"),
        ({"groups": LABELS[1:]}, "inconsistent numbers of samples"),
        ({"cv": []}, "no folds"),
        ({"cv": 13}, "13"),
    ],
)
def test_wrong_parameters_are_refused(parameters, reason):
    with pytest.raises(ValueError, match=reason):
        check_split(CLIPS, **{"cv": 3, **parameters})


@settings(max_examples=25)
@given(
    st.integers(0, 100),
    st.floats(-40, 20),
    st.integers(0, 2000),
    st.integers(0, 4000),
)
def test_level_and_silence_around_it_do_not_change_a_sound(seed, decibels, before, after):
    clip = syllables(seed, seconds=0.5)
    changed = np.pad(clip, (before, after)) * np.float32(10 ** (decibels / 20))
    assert _correlation(clip, changed) == pytest.approx(1, abs=0.01)  # it may end in a jump
    assert _fingerprint(clip) @ _fingerprint(changed) > 0.9


@given(st.lists(st.booleans(), min_size=12, max_size=12), st.integers(0, 11))
def test_a_copy_is_a_leak_if_and_only_if_a_fold_divides_it(is_test, which):
    if len(set(is_test)) < 2:
        return
    sides = np.array(is_test)
    split = [(np.flatnonzero(~sides), np.flatnonzero(sides))]
    clips = [np.random.default_rng(index).normal(size=50) for index in range(12)]
    clips[which - 1] = clips[which]
    assert bool(checked(clips, cv=split).copies) == (sides[which] != sides[which - 1])


def test_leak_value_is_what_two_evaluations_say():
    rng = np.random.default_rng(0)
    groups = np.repeat([f"speaker {number}" for number in range(20)], 5)
    y = np.repeat(np.arange(20) % 2, 5)
    X = np.repeat(rng.normal(size=(20, 2)), 5, axis=0) + 0.01 * rng.normal(size=(100, 2))
    order = rng.permutation(100)
    X, y, groups = X[order], y[order], groups[order]
    value = leak_value(KNeighborsClassifier(1), X, y, groups)
    by_group = Evaluation.from_cross_validation(KNeighborsClassifier(1), X, y, groups=groups)
    assert value.random == 1
    assert value.by_group == by_group.accuracy < 0.8
    assert value.difference == pytest.approx(value.random - value.by_group)
    low, high = value.interval
    assert 0 < low < value.difference < high


def test_leak_value_makes_no_more_folds_than_groups():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 10)
    value = leak_value(KNeighborsClassifier(1), rng.normal(size=(30, 2)), [0, 1] * 15, groups)
    assert -1 <= value.difference <= 1


def test_an_empty_check_is_fine():
    assert SplitCheck(["a.wav"], 1).problems == []


@pytest.mark.realdata
def test_the_official_split_of_speech_commands_has_no_leaks(real_data):
    paths = sorted(map(str, (real_data / "speech_commands").glob("*/*.wav")))[::4]
    speakers = groups_from_paths(paths, "speech_commands")
    cv = OfficialSplit("speech_commands", "validation")
    assert check_split(paths, groups=speakers, cv=cv).problems == []
    # Folds that divide speakers do.
    assert len(checked(paths, groups=speakers, cv=KFold(5)).shared_groups) > 100


@pytest.mark.realdata
def test_copies_in_speech_commands_are_found_if_they_are_divided(real_data):
    folder = real_data / "speech_commands"
    paths = [str(folder / f"cat/c120e80e_nohash_{index}.wav") for index in range(3)]
    paths += sorted(map(str, folder.glob("cat/0*.wav")))[:40]
    assert checked(paths, cv=KFold(len(paths))).copies == [[0, 1, 2]]


@pytest.mark.realdata
def test_planted_copies_of_real_recordings_are_found(real_data):
    paths = sorted(map(str, (real_data / "speech_commands").glob("bed/*.wav")))[:150]
    clips = [soundfile.read(path, dtype="float32")[0] for path in paths[:20:2]]
    for change in ("-20 dB, 16 bit", "8 kHz", "44.1 kHz", "MP3", "MP3 at 44.1 kHz"):
        copies = [CHANGES[change](clip) for clip in clips]
        cv = [(range(150), range(150, 160))]
        check = checked([*paths, *copies], cv=cv)
        # Resampled and rounded to 16 bits as it would be when read, a recording is the same.
        found = [*check.copies, *(list(pair[:2]) for pair in check.near_copies)]
        assert sorted(found) == [[2 * index, 150 + index] for index in range(10)], change


@pytest.mark.realdata
def test_two_clips_of_esc10_are_one_recording_in_the_same_fold(real_data):
    paths = sorted(map(str, (real_data / "sets" / "esc10" / "crackling_fire").glob("*")))
    assert check_split(paths, cv=OfficialSplit("esc50")).problems == []
    ((first, second, _),) = checked(paths, cv=KFold(len(paths))).near_copies
    assert [paths[index][-17:-5] for index in (first, second)] == ["2-28314-A-12", "2-30322-A-12"]
