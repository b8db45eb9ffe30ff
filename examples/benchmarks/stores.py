"""Microseconds to write and to read a row of features, for several ways of keeping them.

2,000 rows of 101 x 40 float32, in batches of 256 where there are batches, to a temporary
folder; the best of eight rounds in which all take turns::

    python -m pip install diskcache lmdb
    python examples/benchmarks/stores.py

diskcache and lmdb take part if they are installed.
"""

import importlib.util
import math
import os
import sqlite3
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np

from skaudio import FeatureStore

N_ROWS, BATCH, N_ROUNDS = 2000, 256, 8
ROWS = np.random.default_rng(0).normal(size=(N_ROWS, 101, 40)).astype(np.float32)
KEYS = [f"{number:016d}".encode() for number in range(N_ROWS)]


def batches():
    """Slices of a batch each."""
    return [slice(start, start + BATCH) for start in range(0, N_ROWS, BATCH)]


def skaudio_store(folder):
    """FeatureStore: SQLite, with checksums."""
    store = FeatureStore(folder)

    def write():
        for batch in batches():
            store._save(KEYS[batch], ROWS[batch])

    def read():
        out = np.empty_like(ROWS)
        store._load(KEYS, out, range(N_ROWS))
        return out

    return write, read


def sqlite(folder):
    """A table of blobs without checksums, in one connection."""
    connection = sqlite3.connect(Path(folder) / "rows.db", isolation_level=None)
    for pragma in ("page_size=16384", "synchronous=off"):
        connection.execute(f"pragma {pragma}")
    connection.execute("create table rows(key blob primary key, row blob)")

    def write():
        for batch in batches():
            connection.execute("begin")
            pairs = zip(KEYS[batch], [row.data for row in ROWS[batch]], strict=True)
            connection.executemany("insert into rows values(?, ?)", pairs)
            connection.execute("commit")

    def read():
        query = "select row from rows where key = ?"
        return np.stack([_array(connection.execute(query, (key,)).fetchone()[0]) for key in KEYS])

    return write, read


def lmdb_store(folder):
    """LMDB without waiting for the disk."""
    import lmdb

    store = lmdb.open(folder, map_size=2**30, sync=False, metasync=False)

    def write():
        for batch in batches():
            with store.begin(write=True) as transaction:
                for key, row in zip(KEYS[batch], ROWS[batch], strict=True):
                    transaction.put(key, row.data)

    def read():
        with store.begin() as transaction:
            return np.stack([_array(transaction.get(key)) for key in KEYS])

    return write, read


def diskcache_store(folder):
    """diskcache."""
    import diskcache

    cache = diskcache.Cache(folder)

    def write():
        for key, row in zip(KEYS, ROWS, strict=True):
            cache[key] = row.tobytes()

    def read():
        return np.stack([_array(cache[key]) for key in KEYS])

    return write, read


def files(folder):
    """One file a row, moved into place."""
    paths = [os.path.join(folder, key.decode()) for key in KEYS]

    def write():
        for path, row in zip(paths, ROWS, strict=True):
            with open(path + ".tmp", "wb") as file:
                file.write(row.data)
            os.replace(path + ".tmp", path)

    def read():
        return np.stack([_array(Path(path).read_bytes()) for path in paths])

    return write, read


def joblib_memory(folder):
    """joblib.Memory, called once a row."""
    cached = joblib.Memory(folder, verbose=0).cache(_row)

    def call():
        return np.stack([cached(number) for number in range(N_ROWS)])

    return call, call


def _row(number):
    return ROWS[number]


def _array(encoded):
    return np.frombuffer(encoded, dtype=np.float32).reshape(101, 40)


def main():
    """Print the table."""
    stores = {
        "skaudio": skaudio_store,
        "LMDB": lmdb_store,
        "SQLite": sqlite,
        "a file for each row": files,
        "diskcache": diskcache_store,
        "joblib.Memory": joblib_memory,
    }
    for name, module in {"LMDB": "lmdb", "diskcache": "diskcache"}.items():
        if importlib.util.find_spec(module) is None:
            print(f"{name} is not installed and left out")
            del stores[name]
    best = dict.fromkeys(stores, (math.inf, math.inf))
    for _ in range(N_ROUNDS):
        for name, store in stores.items():
            with tempfile.TemporaryDirectory() as folder:
                write, read = store(folder)
                times = []
                for call in (write, read, read, read):
                    started = time.perf_counter()
                    outcome = call()
                    times.append((time.perf_counter() - started) / N_ROWS * 1e6)
                np.testing.assert_array_equal(outcome, ROWS)
            best[name] = (min(best[name][0], times[0]), min(best[name][1], *times[1:]))
    print(f"{'':22}{'write':>8}{'read':>8}   us a row")
    for name, (written, read) in best.items():
        print(f"{name:22}{written:8.0f}{read:8.0f}")


if __name__ == "__main__":
    main()
