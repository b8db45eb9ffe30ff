"""What may hold recordings, in the functions that take many."""

import io
import operator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skaudio import audio


def _loaded(sources):
    return audio.load_batch(sources, sample_rate=16000, n_samples=100)[0]


def _durations(sources):
    return audio.durations(sources, sample_rate=16000)


FUNCTIONS = pytest.mark.parametrize("function", [_loaded, _durations, audio.find_unreadable])


@FUNCTIONS
def test_holders_of_paths_are_read_alike(function, folder, monkeypatch):
    monkeypatch.chdir(folder)
    paths = ["sound.wav", "missing.wav", "sound.flac"]
    paths = paths if function is not _durations else paths[::2]
    expected = function(paths)
    holders = [
        tuple(paths),
        map(Path, paths),
        (path for path in paths),
        np.array(paths),
        np.array([Path(path) for path in paths]),
        np.array(paths)[:, None],
        pd.Series(paths, index=paths),
        pd.Series(paths, dtype="string"),
        pd.DataFrame({"path": paths}),
    ]
    if hasattr(np.dtypes, "StringDType"):
        holders.append(np.array(paths, dtype=np.dtypes.StringDType()))
    for holder in holders:
        found = function(holder)
        equal = operator.eq if isinstance(expected, list) else np.array_equal
        assert equal(found, expected), type(holder)


@FUNCTIONS
def test_the_rows_of_an_array_are_recordings(function):
    clips = 0.1 * np.random.default_rng(0).normal(size=(3, 100)).astype(np.float32)
    np.testing.assert_array_equal(function(clips), function(list(clips)))


@FUNCTIONS
@pytest.mark.parametrize(
    "sources",
    [{"a.wav"}, frozenset(["a.wav"]), {"a.wav": 1}, {"a.wav": 1}.keys(), {1: "a.wav"}.values()],
    ids=lambda sources: type(sources).__name__,
)
def test_what_has_no_order_of_its_own_is_refused(function, sources):
    message = f"got a {type(sources).__name__}, whose order labels cannot follow.*sorted"
    with pytest.raises(TypeError, match=message):
        function(sources)


@FUNCTIONS
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a.wav", "got one str. Wrap it in a list"),
        (np.str_("a.wav"), "got one str_. Wrap it in a list"),
        (Path("a.wav"), "got one .*Path. Wrap it in a list"),
        (b"RIFF", "got one bytes"),
        (io.BytesIO(b"RIFF"), "got one BytesIO"),
        (audio.Segment("a.wav", 0, 1), "got one Segment"),
        ((np.zeros(8), 8000), r"got one pair \(samples, sample_rate\)"),
    ],
)
def test_one_recording_is_no_list_of_them(function, source, message):
    with pytest.raises(ValueError, match=message):
        function(source)


def test_the_caller_is_named():
    with pytest.raises(TypeError, match=r"^durations expects a list of recordings, got int"):
        audio.durations(3, sample_rate=16000)
