"""Features that are kept: counted, shared, never stale."""

import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skaudio import AudioError, FeatureStore, LogMelTransformer, MFCCTransformer, PCENTransformer
from skaudio.feature_extraction import _base, _extractor
from skaudio.store import _store


@pytest.fixture
def extracted(monkeypatch):
    """The number of clips that were read, as it grows."""
    counted = []
    load_batch = _extractor.audio.load_batch

    def counting(sources, **settings):
        counted.extend(sources)
        return load_batch(sources, **settings)

    monkeypatch.setattr(_extractor.audio, "load_batch", counting)
    return counted


def _flat(features):
    return features.reshape(len(features), -1)


@pytest.mark.parametrize("transformer", [MFCCTransformer, LogMelTransformer, PCENTransformer])
def test_kept_features_are_the_same_bit_for_bit(transformer, tone_files, tmp_path, extracted):
    paths, _, _ = tone_files
    expected = transformer().fit_transform(paths)
    keeping = transformer(memory=tmp_path).fit(paths)
    np.testing.assert_array_equal(keeping.transform(paths), expected)
    extracted.clear()
    np.testing.assert_array_equal(keeping.transform(paths[::-1]), expected[::-1])
    np.testing.assert_array_equal(clone(keeping).fit_transform(paths), expected)
    assert extracted == []


def test_a_grid_search_extracts_each_clip_once(tone_files, tmp_path, extracted):
    paths, labels, _ = tone_files
    model = make_pipeline(
        MFCCTransformer(memory=tmp_path), FunctionTransformer(_flat), LogisticRegression()
    )
    search = GridSearchCV(model, {"logisticregression__C": [0.1, 1.0, 10.0]}, cv=3)
    search.fit(paths, labels).predict(paths)
    assert len(extracted) == len(paths)


def test_whatever_changes_the_features_is_told_apart(tone_files, tmp_path, extracted):
    paths, _, _ = tone_files
    variants = [
        {},
        {"n_mfcc": 13},
        {"hop_length": 200},
        {"window": "hamming"},
        {"window": np.hanning(480)},
        {"normalize": "mean"},
        {"align": "center"},
        {"align": "center", "trim_db": 20.0},
        {"loudness": -23.0},
        {"duration": 0.4},
        {"sample_rate": 8000, "n_mels": 40},
        {"delta_order": 1},
    ]
    for parameters in variants:
        extracted.clear()
        kept = MFCCTransformer(memory=tmp_path, **parameters).fit_transform(paths)
        assert len(extracted) == len(paths), parameters
        np.testing.assert_array_equal(kept, MFCCTransformer(**parameters).fit_transform(paths))
    extracted.clear()
    for parameters in ({}, {"n_jobs": 2}, {"verbose": 0}, {"duration": 0.32}):
        MFCCTransformer(memory=tmp_path, **parameters).fit_transform(paths)
    LogMelTransformer(memory=tmp_path).fit_transform(paths)
    assert len(extracted) == len(paths)  # the log-mel spectrograms only


def test_a_changed_file_is_read_again(tmp_path, extracted):
    path = tmp_path / "clip.wav"
    rng = np.random.default_rng(0)
    transformer = MFCCTransformer(duration=0.2, memory=tmp_path / "store")
    for _ in range(2):
        soundfile.write(path, rng.normal(size=rng.integers(3000, 4000)) / 10, 16000)
        expected = MFCCTransformer(duration=0.2).fit_transform([path])
        np.testing.assert_array_equal(transformer.fit_transform([path]), expected)
        np.testing.assert_array_equal(transformer.fit_transform([path]), expected)
    assert len(extracted) == 4  # twice without memory, and once after each change


def test_every_kind_of_recording_can_be_kept(tone_files, tmp_path, extracted):
    paths, _, _ = tone_files
    samples = [soundfile.read(path, dtype="float32")[0] for path in paths[:3]]
    encoded = [Path(path).read_bytes() for path in paths[:3]]
    kinds = [paths[:3], samples, [(clip, 16000) for clip in samples], encoded, np.stack(samples)]
    transformer = MFCCTransformer(duration=0.3, memory=tmp_path)
    expected = MFCCTransformer(duration=0.3).fit_transform(paths[:3])
    for X in kinds:
        np.testing.assert_array_equal(transformer.fit_transform(X), expected)
    extracted.clear()
    for X in kinds:
        np.testing.assert_array_equal(transformer.fit_transform(X), expected)
    assert extracted == []


def test_a_broken_recording_loses_no_other_clips_features(tone_files, tmp_path, extracted):
    paths, _, _ = tone_files
    broken = tmp_path / "broken.wav"
    broken.write_text("text")
    transformer = MFCCTransformer(duration=0.3, memory=tmp_path / "store").fit(paths)
    mixed = [*paths[:5], str(broken), str(tmp_path / "missing.wav"), *paths[5:]]
    with pytest.raises(AudioError, match="Cannot read 2 recordings") as caught:
        transformer.transform(mixed)
    assert [name for name, _ in caught.value.failures] == [str(broken), mixed[6]]
    extracted.clear()
    transformer.transform(paths)
    assert extracted == []


def test_memory_can_be_a_store_and_survives_a_dump(tone_files, tmp_path, extracted):
    paths, _, _ = tone_files
    store = FeatureStore(tmp_path / "store", size_limit=10**8)
    transformer = MFCCTransformer(memory=store).fit(paths)
    expected = transformer.transform(paths)
    joblib.dump(transformer, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    extracted.clear()
    np.testing.assert_array_equal(loaded.transform(paths), expected)
    np.testing.assert_array_equal(clone(transformer).fit_transform(paths), expected)
    assert extracted == []
    store.clear()
    loaded.transform(paths)
    assert len(extracted) == len(paths)


def test_a_joblib_memory_is_its_folder(tone_files, tmp_path, extracted):
    paths, _, _ = tone_files
    memory = joblib.Memory(tmp_path, verbose=0)
    memory.cache(len)([1, 2, 3])
    before = sorted(tmp_path.rglob("*"))
    transformer = MFCCTransformer(memory=memory).fit(paths)
    expected = transformer.transform(paths)
    extracted.clear()
    np.testing.assert_array_equal(clone(transformer).fit_transform(paths), expected)
    np.testing.assert_array_equal(MFCCTransformer(memory=tmp_path).fit_transform(paths), expected)
    assert extracted == []
    assert sorted(tmp_path.rglob("*")) != before
    FeatureStore(memory.location).clear()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_joblib_memory_without_a_folder_keeps_nothing(tone_files, extracted):
    paths, _, _ = tone_files
    transformer = MFCCTransformer(memory=joblib.Memory(None)).fit(paths)
    for n_read in (len(paths), 2 * len(paths)):
        transformer.transform(paths)
        assert len(extracted) == n_read


def test_memory_must_be_something_that_keeps(tones):
    with pytest.raises(ValueError, match=r"'memory' parameter .* must be .* Got 3 instead"):
        MFCCTransformer(memory=3).fit(tones[0])


def test_true_is_the_users_cache_directory(tones, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    MFCCTransformer(memory=True).fit_transform(tones[0])
    assert FeatureStore().nbytes() > 0
    assert (tmp_path / "skaudio").is_dir()


def test_false_and_none_keep_nothing(tones, tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    MFCCTransformer(memory=False).fit_transform(tones[0])
    MFCCTransformer().fit_transform(tones[0])
    assert list(tmp_path.iterdir()) == []


PROCESS = textwrap.dedent(
    """
    import sys
    from skaudio import MFCCTransformer
    from skaudio.feature_extraction import _extractor

    count, load_batch = 0, _extractor.audio.load_batch

    def counting(sources, **settings):
        global count
        count += len(sources)
        return load_batch(sources, **settings)

    _extractor.audio.load_batch = counting
    paths = sys.argv[2:]
    transformer = MFCCTransformer(duration=0.3, memory=sys.argv[1]).fit(paths)
    print("ready", flush=True)
    sys.stdin.readline()
    transformer.transform(paths)
    print(count)
    """
)


def test_two_processes_at_once_extract_each_clip_once(tone_files, tmp_path):
    paths, _, _ = tone_files
    command = [sys.executable, "-c", PROCESS, str(tmp_path), *paths]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    counts = [int(process.communicate()[0]) for process in processes]
    assert sum(counts) == len(paths)


SEARCH = textwrap.dedent(
    """
    import sys
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from skaudio import MFCCTransformer

    class Recording:
        def __init__(self, number, log):
            self.number, self.log = number, log

        def render(self, *, sample_rate, duration):
            with open(self.log, "a") as log:
                log.write(f"{self.number}\\n")
            return np.random.default_rng(self.number).normal(size=4800).astype(np.float32)

        def duration(self, *, sample_rate):
            return 0.3

        def fingerprint(self):
            return self.number.to_bytes(16, "big")

    folder, log = sys.argv[1:]
    recordings = [Recording(number, log) for number in range(60)]
    labels = np.arange(60) % 2
    model = make_pipeline(
        MFCCTransformer(duration=0.3, memory=folder, n_jobs=2),
        FunctionTransformer(np.reshape, kw_args={"shape": (-1, 31 * 40)}),
        LogisticRegression(max_iter=10_000),
    )
    grid = {"mfcctransformer__normalize": [None, "mean"], "logisticregression__C": [0.1, 1.0]}
    GridSearchCV(model, grid, cv=3, n_jobs=2).fit(recordings, labels).predict(recordings)
    """
)


def test_the_processes_and_threads_of_a_search_extract_each_clip_once(tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-W", "error", "-c", SEARCH, str(tmp_path / "store"), str(log)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    # Once for each of the two normalisations.
    assert sorted(map(int, log.read_text().split())) == sorted([*range(60), *range(60)])


def test_who_waits_in_vain_waits_once(tone_files, tmp_path, extracted, monkeypatch):
    paths, _, _ = tone_files
    monkeypatch.setattr(_base, "_SAVED", 5)
    monkeypatch.setattr(_store, "_PATIENCE", 0.2)
    transformer = MFCCTransformer(memory=tmp_path).fit(paths)
    waited = []
    lock = FeatureStore._lock

    def noting(self, name, waits):
        waited.append(waits)
        return lock(self, name, waits)

    monkeypatch.setattr(FeatureStore, "_lock", noting)
    with lock(FeatureStore(tmp_path), transformer._recipe(), True):
        features = transformer.transform(paths)
    assert waited == [True, False, False, False, False, False]
    assert len(extracted) == len(paths)
    np.testing.assert_array_equal(transformer.transform(paths), features)
    assert len(extracted) == len(paths)


def test_a_store_that_refuses_is_a_warning_of_the_caller(tone_files, tmp_path, monkeypatch):
    paths, _, _ = tone_files
    transformer = MFCCTransformer(memory=tmp_path).fit(paths)

    def full(database):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(_store, "_nbytes", full)
    with pytest.warns(RuntimeWarning, match=r"could not be stored in .*disk is full") as caught:
        features = transformer.transform(paths)
    assert [warning.filename for warning in caught] == [__file__]
    np.testing.assert_array_equal(features, MFCCTransformer().fit_transform(paths))


def test_a_clip_that_comes_twice_is_computed_once(tone_files, tmp_path, extracted):
    paths, _, _ = tone_files
    twice = [*paths[:3], *paths[:3], paths[0]]
    features = MFCCTransformer(memory=tmp_path).fit_transform(twice)
    assert len(extracted) == 3
    expected = MFCCTransformer().fit_transform(twice)
    np.testing.assert_array_equal(features, expected)


def test_a_subclass_of_the_same_name_has_rows_of_its_own(tone_files, tmp_path):
    paths, _, _ = tone_files
    parent = MFCCTransformer(memory=tmp_path).fit(paths)
    kept = parent.transform(paths)

    class Doubled(MFCCTransformer):
        def _front_end(self, window, mel):
            front_end = super()._front_end(window, mel)
            return lambda waveforms: 2 * front_end(waveforms)

    Doubled.__name__ = "MFCCTransformer"
    np.testing.assert_array_equal(Doubled(memory=tmp_path).fit_transform(paths), 2 * kept)


def test_memory_must_name_a_folder(tones):
    with pytest.raises(ValueError, match="must name a folder"):
        MFCCTransformer(memory="").fit_transform(tones[0])
