import hashlib
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import soundfile

from skaudio import audio
from skaudio.datasets import load_audio_folder, make_spoken_words
from skaudio.exceptions import DatasetError, MissingDependencyError

pytest.importorskip("espeakng_loader", reason='needs pip install "skaudio[demo]"')


@pytest.fixture(scope="module")
def spoken():
    return make_spoken_words(["bed", "cat", "happy"], 40, snr_db=None, random_state=0)


def active(clip):
    """The part of a clip without noise where something is said."""
    loud = np.flatnonzero(np.abs(clip) > 0.02 * np.abs(clip).max())
    return clip[loud[0] : loud[-1] + 1]


def test_bunch(spoken):
    assert spoken.data.shape == (120, 16000)
    assert spoken.data.dtype == np.float32
    assert Counter(spoken.target.tolist()) == {"bed": 40, "cat": 40, "happy": 40}
    assert spoken.target_names == ["bed", "cat", "happy"]
    assert len(spoken.groups) == 120
    assert spoken.sample_rate == 16000
    assert "synthetic speech" in spoken.DESCR


def test_every_clip_speaks_without_clipping(spoken):
    peaks = np.abs(spoken.data).max(axis=1)
    assert peaks.min() > 0.1
    assert peaks.max() < 0.95
    assert np.isfinite(spoken.data).all()


def test_durations_are_those_of_words(spoken):
    seconds = np.array([len(active(clip)) for clip in spoken.data]) / 16000
    assert seconds.min() > 0.1
    assert seconds.max() < 0.95
    median = {w: np.median(seconds[spoken.target == w]) for w in spoken.target_names}
    assert 0.2 < median["cat"] < median["happy"] < 0.6


def test_words_lie_anywhere_in_the_clip(spoken):
    starts = np.array([np.flatnonzero(clip)[0] for clip in spoken.data]) / 16000
    assert starts.min() < 0.1
    assert starts.max() > 0.5
    assert starts.std() > 0.1


def test_words_can_be_told_apart_and_so_can_voices(spoken):
    # Sounds before and after the vowel differ: hissing is at high frequencies.
    def hiss(clip):
        power = np.abs(np.fft.rfft(active(clip), 16384)) ** 2
        return power[4096:].sum() / power.sum()

    shares = {
        word: np.median([hiss(clip) for clip in spoken.data[spoken.target == word]])
        for word in spoken.target_names
    }
    assert shares["cat"] > 2 * shares["bed"]
    bed = spoken.data[spoken.target == "bed"]
    assert len({active(clip).tobytes() for clip in bed}) == 40


def test_voices_are_balanced(spoken):
    assert len(set(spoken.groups)) == 40
    pairs = Counter(zip(spoken.target.tolist(), spoken.groups.tolist(), strict=True))
    assert set(pairs.values()) == {1}


def test_n_voices():
    made = make_spoken_words(["bed", "cat"], 12, n_voices=4, random_state=0)
    pairs = Counter(zip(made.target.tolist(), made.groups.tolist(), strict=True))
    assert len(pairs) == 8
    assert set(pairs.values()) == {3}


def test_there_are_many_voices():
    made = make_spoken_words(["bed"], 120, random_state=0)
    assert len(set(made.groups)) > 90


def test_same_seed_same_samples_whatever_was_said_before(spoken):
    make_spoken_words(["zebra", "seven"], 7, random_state=5)
    again = make_spoken_words(["bed", "cat", "happy"], 40, snr_db=None, random_state=0)
    np.testing.assert_array_equal(again.data, spoken.data)
    assert again.groups.tolist() == spoken.groups.tolist()
    assert again.target.tolist() == spoken.target.tolist()


def test_same_samples_in_a_fresh_process():
    words = ["yes", "no"]
    code = (
        "import hashlib; from skaudio.datasets import make_spoken_words; "
        f"data = make_spoken_words({words}, 10, random_state=3).data; "
        "print(hashlib.sha256(data.tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    data = make_spoken_words(words, 10, random_state=3).data
    assert done.stdout.strip() == hashlib.sha256(data.tobytes()).hexdigest()


def test_other_seed_other_samples():
    one = make_spoken_words(["yes"], 3, random_state=0)
    two = make_spoken_words(["yes"], 3, random_state=1)
    assert not np.array_equal(one.data, two.data)


def test_random_state_instance_moves_on():
    rng = np.random.RandomState(0)
    one = make_spoken_words(["yes"], 3, random_state=rng)
    two = make_spoken_words(["yes"], 3, random_state=rng)
    assert not np.array_equal(one.data, two.data)
    np.testing.assert_array_equal(
        one.data, make_spoken_words(["yes"], 3, random_state=np.random.RandomState(0)).data
    )


def test_shuffle():
    ordered = make_spoken_words(["yes", "no"], 20, shuffle=False, random_state=0)
    assert ordered.target.tolist() == ["no"] * 20 + ["yes"] * 20
    mixed = make_spoken_words(["yes", "no"], 20, random_state=0)
    assert mixed.target.tolist() != ordered.target.tolist()


def test_return_X_y():
    made = make_spoken_words(["yes", "no"], 2, random_state=0)
    X, y = make_spoken_words(["yes", "no"], 2, random_state=0, return_X_y=True)
    np.testing.assert_array_equal(X, made.data)
    assert y.tolist() == made.target.tolist()


@pytest.mark.parametrize("snr_db", [10, 20.0, np.float64(15), (12, 12), [12, 12]])
@pytest.mark.parametrize("seed", range(3))
def test_snr(snr_db, seed):
    # The noise is drawn last: with one clip, everything else is the same without it.
    clean = make_spoken_words(["happy"], 1, snr_db=None, random_state=seed).data[0]
    noisy = make_spoken_words(["happy"], 1, snr_db=snr_db, random_state=seed).data[0]
    ratio = np.mean(active(clean) ** 2) / np.mean((noisy - clean) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(np.max(snr_db), abs=1)


def test_loud_noise_does_not_clip():
    made = make_spoken_words(["happy"], 20, snr_db=-10, random_state=0)
    assert np.abs(made.data).max() < 1
    assert all(np.sum(np.abs(clip) > 0.999) <= 1 for clip in made.data)


def test_noise_level_and_colour_vary():
    made = make_spoken_words(["happy"], 30, snr_db=(0, 30), duration=3, random_state=0)
    quiet = [np.median(np.abs(clip)) / np.abs(clip).max() for clip in made.data]
    assert max(quiet) > 4 * min(quiet)
    assert "0 to 30 dB" in made.DESCR


@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100])
def test_sample_rate_and_duration(sample_rate):
    made = make_spoken_words(["yes"], 3, sample_rate=sample_rate, duration=0.8, random_state=0)
    assert made.data.shape == (3, round(0.8 * sample_rate))
    assert made.sample_rate == sample_rate


def test_long_words_are_spoken_faster():
    made = make_spoken_words(
        ["international"], 20, duration=0.6, snr_db=None, n_voices=20, random_state=0
    )
    lengths = np.array([len(active(clip)) for clip in made.data])
    assert lengths.min() > 0.3 * 16000
    # The end is there: the clips do not stop in the middle of a sound.
    assert np.all(np.abs(made.data[:, -1]) < 0.1 * np.abs(made.data).max(axis=1))


def test_word_too_long_for_the_clip():
    with pytest.raises(ValueError, match=r"'international' takes .* Pass a longer duration"):
        make_spoken_words(["international"], 3, duration=0.2)


def test_folder_round_trip(tmp_path):
    folder = tmp_path / "new" / "words"
    inputs = {"words": ["cat", "ice cream"], "n_clips": 6, "n_voices": 3, "random_state": 0}
    written = make_spoken_words(folder=folder, **inputs)
    made = make_spoken_words(**inputs)
    assert all(isinstance(path, str) for path in written.data)
    clips = np.stack([audio.load(path) for path in written.data])
    np.testing.assert_array_equal(clips, made.data)
    assert written.target.tolist() == made.target.tolist()
    loaded = load_audio_folder(folder)
    assert loaded.target_names == ["cat", "ice cream"]
    rows = dict(zip(written.data, zip(written.target, written.groups, strict=True), strict=True))
    assert len(rows) == 12
    assert rows == dict(
        zip(loaded.data, zip(loaded.target, loaded.groups, strict=True), strict=True)
    )


def test_files(tmp_path):
    made = make_spoken_words(["cat"], 4, n_voices=2, folder=tmp_path, random_state=0)
    names = sorted(path.name for path in (tmp_path / "cat").iterdir())
    voices = sorted(set(made.groups))
    assert names == [f"{voice}_nohash_{n}.wav" for voice in voices for n in (0, 1)]
    info = soundfile.info(made.data[0])
    assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
    assert not any(" " in voice for voice in voices)


def test_folder_of_another_call_is_not_mixed(tmp_path):
    make_spoken_words(["cat"], 1, folder=tmp_path)
    make_spoken_words(["dog"], 1, folder=tmp_path)
    with pytest.raises(DatasetError, match=r"cat' exists already"):
        make_spoken_words(["cat", "bird"], 1, folder=tmp_path)
    assert not (tmp_path / "bird").exists()


@pytest.mark.parametrize("word", ["../cat", "a/b", ".cat", "_background_noise_", "what?", "a\\b"])
def test_words_that_name_no_folder(tmp_path, word):
    with pytest.raises(ValueError, match=r"cannot name a folder"):
        make_spoken_words([word], 1, folder=tmp_path / "words")
    assert not (tmp_path / "words").exists()


def test_nothing_to_say():
    with pytest.raises(ValueError, match=r"espeak-ng says nothing for ','"):
        make_spoken_words([","], 1)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("words", "cat"),
        ("words", None),
        ("words", []),
        ("words", [1]),
        ("n_clips", 0),
        ("n_clips", 1.5),
        ("sample_rate", 0),
        ("duration", 0),
        ("n_voices", 0),
        ("n_voices", 10_000),
        ("snr_db", "loud"),
        ("snr_db", (30, 5)),
        ("snr_db", (1, 2, 3)),
        ("snr_db", float("nan")),
    ],
)
def test_wrong_parameters(parameter, value):
    inputs = {"words": ["cat"], "n_clips": 1, parameter: value}
    with pytest.raises(ValueError, match=rf"The '{parameter}' parameter of make_spoken_words must"):
        make_spoken_words(**inputs)


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "skaudio\[demo\]"'):
        make_spoken_words(["cat"], 1)


def test_installed_in_a_long_path(monkeypatch, tmp_path, spoken):
    # espeak-ng itself refuses data whose path has more than 160 characters.
    import espeakng_loader

    folder = tmp_path / ("é" * 100) / ("site-packages" * 10)
    folder.mkdir(parents=True)
    data = folder / "espeak-ng-data"
    try:
        data.symlink_to(espeakng_loader.get_data_path())
    except OSError:
        pytest.skip("this system makes no symbolic links")
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(data))
    again = make_spoken_words(["bed", "cat", "happy"], 40, snr_db=None, random_state=0)
    np.testing.assert_array_equal(again.data, spoken.data)


def test_espeak_that_does_not_start(monkeypatch, tmp_path):
    import espeakng_loader

    nothing = tmp_path / "libespeak-ng.so"
    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: str(nothing))
    with pytest.raises(
        MissingDependencyError, match=r"could not speak \(OSError: .*libespeak-ng.so"
    ):
        make_spoken_words(["cat"], 1)


def test_speed():
    start = time.perf_counter()
    make_spoken_words(["bed", "cat"], 50, random_state=0)
    # 0.3 s on a laptop; the rest is for a busy machine.
    assert time.perf_counter() - start < 5
