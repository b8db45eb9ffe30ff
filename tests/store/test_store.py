"""The feature store: rows come back right, or not at all."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skaudio.store import FeatureStore
from skaudio.store import _store as store_module

NOBODY = 65534

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals, users and limits")


def _rows(numbers, shape=(7, 5)):
    """Rows that their number determines, and keys for them."""
    rows = np.stack([np.random.default_rng(n).normal(size=shape) for n in numbers])
    return [f"{n:032d}".encode() for n in numbers], rows.astype(np.float32)


def _missing(store, numbers, shape=(7, 5)):
    """The numbers whose rows are not in the store; the others must be right."""
    keys, expected = _rows(numbers, shape)
    out = np.full_like(expected, np.nan)
    missing = store._load(keys, out, range(len(keys)))
    found = np.delete(np.arange(len(keys)), missing)
    np.testing.assert_array_equal(out[found], expected[found])
    assert np.isnan(out[missing]).all()
    return [numbers[index] for index in missing]


def _run(code, *arguments):
    """Run code in a fresh process, where warnings are errors; what it printed."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store")


@given(
    kept=st.lists(st.lists(st.integers(0, 30), unique=True, min_size=1), max_size=5),
    asked=st.lists(st.integers(0, 30), min_size=1),
    together=st.integers(1, 10),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_kept_comes_back_and_the_rest_is_missing(tmp_path_factory, kept, asked, together):
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    for numbers in kept:
        store._save(*_rows(numbers))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store_module, "_MOST_KEYS", together)
        missing = _missing(store, asked)
    assert missing == [n for n in asked if n not in set().union(*kept)]


def test_only_the_rows_that_are_asked_for_are_filled(store):
    store._save(*_rows(range(5)))
    keys, expected = _rows(range(5))
    out = np.zeros_like(expected)
    assert store._load(keys, out, [1, 3]) == []
    np.testing.assert_array_equal(out[[1, 3]], expected[[1, 3]])
    assert not out[[0, 2, 4]].any()


def _flip(path, bytes_, bits):
    content = bytearray(path.read_bytes())
    for byte, flipped in zip(bytes_, bits, strict=True):
        content[byte] ^= flipped
    path.write_bytes(content)


def _assert_right_or_missing(store, numbers, *, healed=True):
    """Rows are right or missing, and when damage was met, there is no more of it."""
    numbers = [*numbers, 1000]  # one that was never there: the store must take new ones, too
    in_a_row = 0
    for _ in range(8):
        missing = _missing(store, numbers)
        in_a_row = 0 if missing else in_a_row + 1  # noting a use may still find damage
        if missing:
            store._save(*_rows(missing))
    if healed:
        assert in_a_row >= 2
    store.clear()
    assert list(store.path.iterdir()) == []


@given(data=st.data(), how=st.sampled_from(["cut", "flip", "flip many", "overwrite"]))
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_costs_rows_and_never_gives_wrong_ones(tmp_path_factory, data, how):
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    numbers = list(range(6))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store_module.time, "time", lambda: 1.7e9)  # the same file in every run
        store._save(*_rows(numbers))
    content = store._file.read_bytes()
    # Most of the file is empty space, where damage does nothing.
    used = np.flatnonzero(np.frombuffer(content, np.uint8)).tolist()
    if how == "cut":
        os.truncate(store._file, data.draw(st.integers(0, len(content) - 1)))
    elif how == "overwrite":
        start = min(data.draw(st.sampled_from(used)), len(content) - 64)
        garbage = data.draw(st.binary(min_size=64, max_size=64))
        _flip(store._file, range(start, start + 64), garbage)
    else:
        n = 1 if how == "flip" else 20
        bytes_ = data.draw(st.lists(st.sampled_from(used), min_size=n, max_size=n))
        bits = data.draw(st.lists(st.integers(1, 255), min_size=n, max_size=n))
        _flip(store._file, bytes_, bits)
    # Of the worst damage, something may stay that SQLite does not find.
    _assert_right_or_missing(store, numbers, healed=how in ("cut", "flip"))


@pytest.mark.parametrize("bits", [1, 2, 3, 255])
def test_a_damaged_header_costs_no_more_than_the_rows(tmp_path, bits):
    for byte in range(100):
        store = FeatureStore(tmp_path / str(byte))
        store._save(*_rows([1, 2]))
        _flip(store._file, [byte], [bits])
        _assert_right_or_missing(store, [1, 2])


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"\0" * 20000, np.random.default_rng(0).bytes(20000)],
    ids=["empty", "text", "zeros", "random"],
)
def test_a_file_that_is_no_database_is_replaced(store, content):
    store.path.mkdir()
    store._file.write_bytes(content)
    _assert_right_or_missing(store, [1, 2])


def test_tables_of_another_form_are_replaced(store):
    store.path.mkdir()
    with contextlib.closing(sqlite3.connect(store._file)) as database:
        database.execute("create table entries (key, value)")
    _assert_right_or_missing(store, [1, 2])


@pytest.mark.parametrize(
    "statement",
    [
        "update rows set row = zeroblob(140) where rowid = 2",
        "update rows set row = 'text' where rowid = 2",
        "update rows set row = cast(x'ffff' as text) where rowid = 2",
        "update rows set row = null where rowid = 2",
        "update rows set row = (select row from rows where rowid = 3) where rowid = 2",
        "delete from rows where rowid = 2",
        "update entries set checksum = checksum + 1 where id = 2",
        "update entries set checksum = null where id = 2",
        "update entries set id = 4 where id = 2",
        "update entries set key = 'text' where id = 2",
        "delete from entries where id = 2",
    ],
)
def test_a_wrong_row_is_missing_until_it_is_replaced(store, statement):
    store._save(*_rows([1, 2, 3]))
    with contextlib.closing(sqlite3.connect(store._file)) as database, database:
        database.execute(statement)
    assert _missing(store, [1, 2, 3]) == [2]
    store._save(*_rows([2]))
    assert _missing(store, [1, 2, 3]) == []


def test_rows_without_a_key_are_missing(store):
    out = np.zeros((2, 3), dtype=np.float32)
    assert store._load([None, None], out, range(2)) == [0, 1]


def test_rows_of_another_size_are_not_taken_and_stay(store):
    store._save(*_rows([1], shape=(2, 3)))
    assert _missing(store, [1], shape=(2, 4)) == [1]
    assert _missing(store, [1], shape=(2, 3)) == []


@contextlib.contextmanager
def _may_only_be_read(folder):
    """A folder without the right to write, which root loses with the name."""
    folder.chmod(0o555)
    for path in folder.iterdir():
        path.chmod(0o444)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


@pytest.fixture
def public_store():
    """A store in a folder that every user can reach; pytest's are private."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield FeatureStore(Path(folder) / "store")


@posix
@pytest.mark.parametrize("hours", [0, 2])
def test_a_store_that_may_only_be_read_is_read(public_store, monkeypatch, hours):
    store = public_store
    store._save(*_rows([1, 2, 3]))
    now = time.time() + 3600 * hours
    monkeypatch.setattr(store_module.time, "time", lambda: now)
    monkeypatch.setattr(store_module, "_MOST_KEYS", 2)
    content = store._file.read_bytes()
    with _may_only_be_read(store.path):
        with store._lock("a", True) as locked:
            assert not locked
            assert _missing(store, [1, 2, 3, 4]) == [4]
        with pytest.warns(RuntimeWarning, match="could not be stored in .*store: "):
            store._save(*_rows([4]))
        with pytest.raises(PermissionError):
            store.clear()
    assert store._file.read_bytes() == content


@posix
def test_a_damaged_store_that_may_only_be_read_is_left_alone(public_store):
    public_store._save(*_rows([1, 2]))
    os.truncate(public_store._file, 20000)
    with _may_only_be_read(public_store.path):
        assert _missing(public_store, [1, 2]) == [1, 2]
        with pytest.warns(RuntimeWarning, match="could not be stored in .*malformed"):
            public_store._save(*_rows([1]))
    assert public_store.nbytes() == 20000


@posix
def test_a_folder_that_cannot_be_made_is_a_warning(public_store):
    with _may_only_be_read(public_store.path.parent):
        assert _missing(public_store, [1]) == [1]
        with pytest.warns(RuntimeWarning, match="could not be stored in .*unable to open"):
            public_store._save(*_rows([1]))


@posix
def test_a_store_that_cannot_be_opened_now_is_not_lost(store):
    import resource

    store._save(*_rows([1, 2]))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unused = os.open(os.devnull, os.O_RDONLY)
    os.close(unused)
    resource.setrlimit(resource.RLIMIT_NOFILE, (unused, hard))
    try:
        missing = _missing(store, [1, 2])
        with pytest.warns(RuntimeWarning, match="could not be stored in .*unable to open"):
            store._save(*_rows([3]))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert missing == [1, 2]
    assert _missing(store, [1, 2, 3]) == [3]


FULL = """
    import resource, sys, warnings
    import numpy as np
    from skaudio.store import FeatureStore

    store = FeatureStore(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
    kept = 0
    with warnings.catch_warnings(record=True, action="always") as caught:
        for n in range(5):
            rows = np.full((8, 101, 40), n, dtype=np.float32)
            store._save([f"{n}-{i}".encode() for i in range(8)], rows)
            kept += not caught
    print(kept, store.nbytes(), caught[0].category.__name__, caught[0].message)
"""


@posix
def test_a_full_disk_is_a_warning_and_costs_nothing_that_is_kept(store):
    run = _run(FULL, store.path)
    assert run.stderr == ""
    kept, nbytes, category, message = run.stdout.split(maxsplit=3)
    assert int(kept) == 3
    assert int(nbytes) <= 500_000
    assert category == "RuntimeWarning"
    assert message.startswith(f"The features could not be stored in {store.path}: ")
    for n in range(3):
        out = np.zeros((8, 101, 40), dtype=np.float32)
        assert store._load([f"{n}-{i}".encode() for i in range(8)], out, range(8)) == []
        assert (out == n).all()
    assert [path.name for path in store.path.iterdir()] == [store._file.name]


def test_an_interrupted_write_leaves_nothing(store, monkeypatch):
    def interrupted(database):
        raise KeyboardInterrupt

    store._save(*_rows([1]))
    before = store._file.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(store_module, "_nbytes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store._save(*_rows([1, 2, 3]))
    assert [path.name for path in store.path.iterdir()] == [store._file.name]
    assert store._file.read_bytes() == before
    assert _missing(store, [1, 2, 3]) == [2, 3]


def test_one_does_not_wait_for_long(store, monkeypatch):
    monkeypatch.setattr(store_module, "_PATIENCE", 0.2)
    store._save(*_rows([1]))  # makes the folder
    slept = []
    sleep = time.sleep
    monkeypatch.setattr(store_module.time, "sleep", lambda t: (slept.append(t), sleep(t)))
    with store._lock("a", True) as first:
        with store._lock("a", True) as second:
            pass
        n_slept = len(slept)
        with store._lock("a", False) as third, store._lock("b", True) as other:
            pass
    with store._lock("a", True) as afterwards:
        pass
    assert (first, second, third, other, afterwards) == (True, False, False, True, True)
    assert len(slept) == n_slept > 1


def test_what_is_kept_is_read_and_written_while_another_process_computes(store, monkeypatch):
    def wait(seconds):
        raise AssertionError("nobody needs to wait")

    monkeypatch.setattr(store_module.time, "sleep", wait)
    monkeypatch.setattr(store_module, "_PATIENCE", 0.0)
    store._save(*_rows([1, 2]))
    with store._lock("a", True):
        assert _missing(store, [1, 2]) == []
        store._save(*_rows([3]))
        assert _missing(store, [1, 2, 3]) == []


@pytest.fixture
def clock(monkeypatch):
    """The time of day, in a list, to be set."""
    now = [1.7e9]
    monkeypatch.setattr(store_module.time, "time", lambda: now[0])
    return now


def test_what_was_used_longest_ago_goes_first(tmp_path, clock):
    shape = (101, 40)  # a page of its own
    store = FeatureStore(tmp_path)
    for number in range(4):
        store._save(*_rows([number], shape))
        clock[0] += 4000
    store.size_limit = store.nbytes()
    assert _missing(store, [0], shape) == []  # used: now the youngest
    for number in (4, 5):
        clock[0] += 4000
        store._save(*_rows([number], shape))
        assert store.nbytes() <= store.size_limit
    assert _missing(store, list(range(6)), shape) == [1, 2]


def test_a_smaller_limit_shrinks_the_file(tmp_path):
    store = FeatureStore(tmp_path)
    store._save(*_rows(range(40), (101, 40)))
    assert store.nbytes() > 500_000
    store.size_limit = 300_000
    store._save(*_rows([40], (101, 40)))
    assert 200_000 < store.nbytes() <= 300_000
    assert _missing(store, [0, 40], (101, 40)) == [0]
    store.size_limit = 1
    store._save(*_rows([41], (101, 40)))
    assert _missing(store, [40, 41], (101, 40)) == [40, 41]


def test_reading_again_so_soon_writes_nothing(store, clock):
    store._save(*_rows([1, 2]))
    before = store._file.read_bytes()
    for wait, writes in [(0, False), (3000, False), (3000, True), (1000, False)]:
        clock[0] += wait
        assert _missing(store, [1, 2]) == []
        assert (store._file.read_bytes() != before) == writes
        before = store._file.read_bytes()


def test_clear_deletes_rows_and_nothing_else(tmp_path):
    mine = ["skaudio-features.csv", "skaudio-features-mine.lock", "features.sqlite3", "a.lock"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    store = FeatureStore(tmp_path)
    assert store.nbytes() == 0
    store._save(*_rows([1, 2]))
    with store._lock("0123456789abcdef" * 2, True):
        pass
    assert store.nbytes() > 0
    store.clear()
    assert store.nbytes() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(mine)
    assert {(tmp_path / name).read_text() for name in mine} == {"mine"}
    assert _missing(store, [1, 2]) == [1, 2]


def test_clear_makes_no_folder(store):
    store.clear()
    assert not store.path.exists()


def test_clear_waits_for_who_is_reading(store):
    store._save(*_rows([1]))
    script = """
        import sys
        from skaudio.store import FeatureStore
        FeatureStore(sys.argv[1]).clear()
    """
    with ThreadPoolExecutor() as pool:
        with store._transaction("deferred") as database:
            query = database.execute("select key from entries")
            cleared = pool.submit(_run, script, store.path)
            time.sleep(0.5)
            assert not cleared.done()
            assert len(query.fetchall()) == 1
        assert cleared.result().stderr == ""
    assert list(store.path.iterdir()) == []


def test_what_is_saved_while_another_process_clears_is_kept_in_a_new_file(store, monkeypatch):
    checksum = store_module._checksum
    cleared = []

    def clearing(key, row):
        if not cleared:
            cleared.append(True)
            store._delete_files()  # between the beginning of the transaction and the first write
        return checksum(key, row)

    store._save(*_rows([1]))
    with monkeypatch.context() as patched:
        patched.setattr(store_module, "_checksum", clearing)
        store._save(*_rows([2, 3]))
    assert _missing(store, [1, 2, 3]) == [1]


def test_a_file_is_no_place_for_a_store(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(NotADirectoryError, match=r"needs a folder, but .* is a file"):
        _missing(FeatureStore(path), [1])


@pytest.mark.parametrize("size_limit", [0, -1, 1.5, True, None])
def test_a_size_limit_must_be_positive(tmp_path, size_limit):
    with pytest.raises(ValueError, match=f"size_limit must be a positive int, got {size_limit}"):
        _missing(FeatureStore(tmp_path, size_limit=size_limit), [1])


def test_the_default_is_the_users_cache_directory():
    assert FeatureStore().path.parts[-2:] == ("skaudio", "features")


def test_threads_share_a_store(store):
    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(15):
            numbers = rng.choice(60, size=10, replace=False).tolist()
            with store._lock("a", seed % 2 == 0):
                missing = _missing(store, numbers)
                keys, rows = _rows(missing) if missing else ([], [])
                store._save(keys, rows)
            assert _missing(store, numbers) == []

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


CONCURRENT = """
    import sys
    import numpy as np
    from skaudio.store import FeatureStore

    store, first = FeatureStore(sys.argv[1]), int(sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    for start in range(first, first + 400, 50):
        rows = np.stack([np.full((101, 40), n, dtype=np.float32) for n in range(start, start + 50)])
        keys = [f"{n:032d}".encode() for n in range(start, start + 50)]
        store._save(keys, rows)
        out = np.zeros_like(rows)
        assert store._load(keys, out, range(50)) == []
        assert (out == rows).all()
"""


def test_processes_write_at_the_same_time(store):
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(CONCURRENT), str(store.path)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    # The second half of what one writes, the other writes as well.
    processes = [subprocess.Popen([*command, str(first)], text=True, **pipes) for first in (0, 200)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate() for process in processes] == [("", "")] * 2
    keys = [f"{n:032d}".encode() for n in range(600)]
    out = np.zeros((600, 101, 40), dtype=np.float32)
    assert store._load(keys, out, range(600)) == []
    assert (out == np.arange(600)[:, None, None]).all()


FORK = """
    import os, sys, threading, time, warnings
    import numpy as np
    from skaudio.store import FeatureStore

    # Python warns of forks beside threads, and rightly so; the store has to bear them.
    warnings.simplefilter("ignore", DeprecationWarning)
    store = FeatureStore(sys.argv[1])
    rows = np.full((20, 101, 40), 7, dtype=np.float32)
    keys = [f"{n:032d}".encode() for n in range(20)]
    store._save(keys, rows)
    stop, locked = threading.Event(), threading.Event()

    def use():
        while not stop.is_set():
            store._save(keys, rows)
            assert store._load(keys, np.zeros_like(rows), range(20)) == []

    def compute():
        with store._lock("computed", True):
            locked.set()
            stop.wait()

    def child():
        started = time.monotonic()
        with store._lock("computed", True) as got_it, store._lock("other", True) as got_other:
            out = np.zeros_like(rows)
            assert store._load(keys, out, range(20)) == []
            assert (out == rows).all()
            store._save([os.urandom(32)], rows[:1])
        assert (got_it, got_other) == (False, True)
        assert time.monotonic() - started < 30

    threads = [threading.Thread(target=target) for target in (use, use, compute)]
    for thread in threads:
        thread.start()
    locked.wait()
    for _ in range(25):
        pid = os.fork()
        if pid == 0:
            try:
                child()
            except BaseException as error:
                print(repr(error), flush=True)
                os._exit(1)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join()
    with store._lock("computed", True) as got_it:
        assert got_it
    print("done")
"""


@posix
def test_a_process_may_fork_while_its_threads_use_the_store(store):
    run = _run(FORK, store.path)
    assert (run.stdout, run.stderr) == ("done\n", "")


DYING = """
    import os, signal, sys
    import numpy as np
    from skaudio.store import FeatureStore, _store

    store = FeatureStore(sys.argv[1])
    store._save([b"a"], np.full((1, 101, 40), 1, dtype=np.float32))
    _store._nbytes = lambda database: os.kill(os.getpid(), signal.SIGKILL)
    with store._lock("0" * 32, True):
        # More than SQLite keeps back: most of it is in the file when the process dies.
        rows = np.full((500, 101, 40), 2, dtype=np.float32)
        store._save([b"a", *(str(n).encode() for n in range(499))], rows)
"""


@posix
@pytest.mark.parametrize("cleared", [False, True])
def test_a_transaction_of_a_dead_process_is_undone(store, cleared):
    assert _run(DYING, store.path).returncode == -signal.SIGKILL
    left = {path.name for path in store.path.iterdir()}
    assert f"{store._file.name}-journal" in left
    assert store.nbytes() > 5_000_000
    if not cleared:
        out = np.zeros((2, 101, 40), dtype=np.float32)
        assert store._load([b"a", b"0"], out, range(2)) == [1]
        assert (out[0] == 1).all()
        assert store.nbytes() < 200_000
        with store._lock("0" * 32, False) as locked:
            assert locked
    store.clear()
    assert list(store.path.iterdir()) == []


WRITER = textwrap.dedent(
    """
    import sys
    import numpy as np
    from skaudio.store import FeatureStore

    folder, seed = sys.argv[1], int(sys.argv[2])
    store = FeatureStore(folder)
    rng = np.random.default_rng(seed)
    while True:
        numbers = rng.choice(200, size=20, replace=False)
        keys = [f"{n:032d}".encode() for n in numbers]
        rows = np.stack([np.full((101, 40), n, dtype=np.float32) for n in numbers])
        out = np.zeros_like(rows)
        with store._lock("0" * 32, True):
            missing = store._load(keys, out, range(20))
            store._save([keys[n] for n in missing], rows[missing])
        found = np.delete(np.arange(20), missing)
        assert (out[found] == rows[found]).all()
        if len(missing) == 0:
            store.clear()
        print(len(missing), flush=True)
    """
)


@posix
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
                expected = np.stack([np.full((101, 40), n, dtype=np.float32) for n in range(200)])
                out = np.zeros_like(expected)
                keys = [f"{n:032d}".encode() for n in range(200)]
                missing = FeatureStore(tmp_path / "store")._load(keys, out, range(200))
                found = np.delete(np.arange(200), missing)
                np.testing.assert_array_equal(out[found], expected[found])
            survivor.stdout.readline()
            alive = survivor.poll() is None
        finally:
            survivor.kill()
            survivor.communicate()
    assert (tmp_path / "errors").read_text() == ""
    assert alive
    FeatureStore(tmp_path / "store").clear()
    assert list((tmp_path / "store").iterdir()) == []


def _writer(tmp_path, seed, errors):
    command = [sys.executable, "-W", "error", "-c", WRITER, str(tmp_path / "store"), str(seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
