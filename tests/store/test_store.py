"""The feature store: rows come back right, or not at all."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skaudio.store import FeatureStore
from skaudio.store import _segment as segment_module
from skaudio.store import _shelf as shelf_module


def _rows(numbers, shape=(7, 5)):
    """Rows that their number determines, and fingerprints for them."""
    rows = np.stack([np.random.default_rng(n).normal(size=shape) for n in numbers])
    return [f"{n:016d}".encode() for n in numbers], rows.astype(np.float32)


def _forget_index():
    shelf_module._indexes.clear()


def _segments(store):
    return sorted(store.path.glob("*/*" + segment_module.SUFFIX))


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store")


@given(
    kept=st.lists(st.lists(st.integers(0, 30), unique=True, min_size=1), max_size=5),
    asked=st.lists(st.integers(0, 30), min_size=1),
    fresh=st.booleans(),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_kept_comes_back_and_the_rest_is_missing(tmp_path_factory, kept, asked, fresh):
    shelf = FeatureStore(tmp_path_factory.mktemp("store"))._shelf("a")
    for numbers in kept:
        shelf.save(*_rows(numbers))
    if fresh:
        _forget_index()
    prints, expected = _rows(asked)
    out = np.full_like(expected, np.nan)
    missing = shelf.load(prints, out, range(len(prints)))
    known = set().union(*kept)
    assert missing == [place for place, n in enumerate(asked) if n not in known]
    found = np.delete(np.arange(len(asked)), missing)
    np.testing.assert_array_equal(out[found], expected[found])
    assert np.isnan(out[missing]).all()


@given(data=st.data(), cut=st.booleans(), seed=st.integers(0, 2**31))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_costs_rows_and_never_gives_wrong_ones(tmp_path_factory, data, cut, seed):
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    shelf = store._shelf("a")
    prints, expected = _rows(range(6))
    shelf.save(prints, expected)
    (path,) = _segments(store)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if cut:
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    if data.draw(st.booleans()):
        _forget_index()
    out = np.zeros_like(expected)
    missing = shelf.load(prints, out, range(6))
    found = np.delete(np.arange(6), missing)
    np.testing.assert_array_equal(out[found], expected[found])
    # Nothing is left to stumble over: kept once more, everything is there.
    _forget_index()
    missing = shelf.load(prints, out, range(6))
    shelf.save([prints[n] for n in missing], expected[missing])
    _forget_index()
    assert shelf.load(prints, out, range(6)) == []
    np.testing.assert_array_equal(out, expected)


def test_rows_without_a_fingerprint_are_missing(store):
    out = np.zeros((2, 3), dtype=np.float32)
    assert store._shelf("a").load([None, None], out, range(2)) == [0, 1]


def test_recipes_are_apart(store):
    prints, rows = _rows([1])
    store._shelf("a").save(prints, rows)
    assert store._shelf("b").load(prints, rows.copy(), [0]) == [0]


def test_rows_of_another_size_are_not_taken_and_stay(store):
    shelf = store._shelf("a")
    shelf.save(*_rows([1], shape=(2, 3)))
    prints, rows = _rows([1], shape=(2, 4))
    assert shelf.load(prints, rows, [0]) == [0]
    prints, rows = _rows([1], shape=(2, 3))
    assert shelf.load(prints, rows, [0]) == []


def test_a_store_that_may_only_be_read_is_read(store, monkeypatch):
    def refused(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    prints, expected = _rows([1, 2])
    store._shelf("a").save(prints, expected)
    for name in ("utime", "makedirs", "replace"):
        monkeypatch.setattr(os, name, refused)
    shelf = store._shelf("a")
    out = np.zeros_like(expected)
    with shelf.lock():
        assert shelf.load(prints, out, range(2)) == []
    np.testing.assert_array_equal(out, expected)
    with pytest.warns(RuntimeWarning, match="could not be kept"):
        shelf.save(*_rows([3]))


def test_segments_that_cannot_be_opened_now_are_not_lost(store, monkeypatch):
    shelf = store._shelf("a")
    for number in range(shelf_module._MANY - 1):
        shelf.save(*_rows([number]))

    def too_many(path):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(shelf_module._segment, "open_segment", too_many)
        shelf.save(*_rows([1000]))
    _forget_index()
    numbers = [*range(shelf_module._MANY - 1), 1000]
    prints, rows = _rows(numbers)
    assert shelf.load(prints, rows, range(len(numbers))) == []


def test_one_does_not_wait_twice_for_a_process_that_hangs(store, monkeypatch):
    monkeypatch.setattr(shelf_module, "_PATIENCE", 0.1)
    asked = []
    acquire = shelf_module.filelock.FileLock.acquire

    def counting(self, *args, **kwargs):
        asked.append(self)
        return acquire(self, *args, **kwargs)

    monkeypatch.setattr(shelf_module.filelock.FileLock, "acquire", counting)
    with store._shelf("a").lock():
        shelf = store._shelf("a")
        for _ in range(3):
            with shelf.lock():
                pass
    assert len(asked) == 2


def test_what_was_used_longest_ago_goes_first(tmp_path):
    row = _rows([0])[1].nbytes
    store = FeatureStore(tmp_path, size_limit=4 * (row + 48))
    shelf = store._shelf("a")
    for number in range(4):
        shelf.save(*_rows([number]))
        time.sleep(0.01)
    prints, out = _rows(range(6))
    shelf.load(prints, out, [0])  # used: now the youngest
    time.sleep(0.01)
    for number in (4, 5):
        shelf.save(*_rows([number]))
        store._trim()
    assert store.nbytes() <= store.size_limit
    assert shelf.load(prints, out, range(6)) == [1, 2]


def test_many_small_segments_are_joined(store):
    shelf = store._shelf("a")
    for number in range(150):
        shelf.save(*_rows([number]))
    assert len(_segments(store)) < 2 * shelf_module._MANY
    _forget_index()
    prints, expected = _rows(range(150))
    out = np.zeros_like(expected)
    assert shelf.load(prints, out, range(150)) == []
    np.testing.assert_array_equal(out, expected)


def test_clear_deletes_rows_and_nothing_else(tmp_path):
    (tmp_path / "features-mine").mkdir()
    (tmp_path / "features-mine" / "notes.txt").write_text("mine")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.rows").write_text("mine")
    store = FeatureStore(tmp_path)
    store._shelf("a").save(*_rows([1, 2]))
    assert store.nbytes() > 0
    store.clear()
    assert store.nbytes() == 0
    assert (tmp_path / "features-mine" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "thesis" / "chapter.rows").read_text() == "mine"


def test_leftovers_of_dead_writers_go_after_an_hour(store):
    shelf = store._shelf("a")
    old, new = (store.path / "features-a" / f"{n}.tmp" for n in "on")
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (time.time() - 4000,) * 2)
    shelf.save(*_rows([1]))
    store._trim()
    assert not old.exists()
    assert new.exists()


def test_a_full_disk_is_a_warning(store, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    shelf = store._shelf("a")
    monkeypatch.setattr(shelf_module._segment, "write", full)
    with pytest.warns(RuntimeWarning, match="could not be kept in .*No space left"):
        shelf.save(*_rows([1]))


def test_an_interrupted_write_leaves_nothing(store, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(segment_module.os, "replace", interrupted)
    shelf = store._shelf("a")
    with pytest.raises(KeyboardInterrupt):
        shelf.save(*_rows([1]))
    assert list((store.path / "features-a").iterdir()) == []


def test_a_file_is_no_place_for_a_store(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(NotADirectoryError, match=r"needs a folder; .* is a file"):
        FeatureStore(path)._shelf("a")


def test_a_size_limit_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match="size_limit must be a positive int, got 0"):
        FeatureStore(tmp_path, size_limit=0)._shelf("a")


def test_the_default_is_the_users_cache_directory():
    assert FeatureStore().path.parts[-2:] == ("skaudio", "features")


WRITER = textwrap.dedent(
    """
    import sys
    import numpy as np
    from skaudio.store import FeatureStore

    folder, seed = sys.argv[1], int(sys.argv[2])
    store = FeatureStore(folder)
    shelf = store._shelf("a")
    rng = np.random.default_rng(seed)
    while True:
        numbers = rng.choice(200, size=20, replace=False)
        prints = [f"{n:016d}".encode() for n in numbers]
        rows = np.stack([np.full((101, 40), n, dtype=np.float32) for n in numbers])
        out = np.zeros_like(rows)
        with shelf.lock():
            missing = shelf.load(prints, out, range(20))
            shelf.save([prints[n] for n in missing], rows[missing])
        found = np.delete(np.arange(20), missing)
        assert (out[found] == rows[found]).all()
        if len(missing) == 0:
            store.clear()
        print(len(missing), flush=True)
    """
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_writer_costs_nothing_but_time(tmp_path):
    n_rounds = int(os.environ.get("SKAUDIO_KILL_ROUNDS", "6"))
    rng = np.random.default_rng(0)
    with open(tmp_path / "errors", "wb") as errors:
        survivor = _writer(tmp_path, 0, errors)
        try:
            for seed in range(1, n_rounds + 1):
                victim = _writer(tmp_path, seed, errors)
                victim.stdout.readline()
                time.sleep(rng.uniform(0, 0.1))
                victim.send_signal(signal.SIGKILL)
                victim.communicate()
                _forget_index()
                expected = np.stack([np.full((101, 40), n, dtype=np.float32) for n in range(200)])
                out = np.zeros_like(expected)
                prints = [f"{n:016d}".encode() for n in range(200)]
                missing = FeatureStore(tmp_path / "store")._shelf("a").load(prints, out, range(200))
                found = np.delete(np.arange(200), missing)
                np.testing.assert_array_equal(out[found], expected[found])
            survivor.stdout.readline()
            assert survivor.poll() is None
        finally:
            survivor.kill()
            survivor.communicate()
    errors = (tmp_path / "errors").read_text()
    assert errors == ""


def _writer(tmp_path, seed, errors):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "store"), str(seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
