"""Files of events, as other programs write and read them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaudio.datasets import load_audio_table
from skaudio.detection import Event, read_events, write_events
from skaudio.exceptions import DatasetError

TIMES = st.integers(0, 10**7).map(lambda time: time / 1000)
# Half of the characters mean something in one of the formats.
CHARACTERS = st.characters(categories=["L", "N", "P", "Zs"]) | st.sampled_from('",;<> 1.-')
LABELS = st.text(CHARACTERS, min_size=1).map(lambda text: " ".join(text.split()))


@pytest.fixture(params=[".txt", ".selections.txt", ".csv", ".TextGrid"])
def path(request, tmp_path):
    return tmp_path / f"night{request.param}"


def test_events_are_read_as_they_were_written(path):
    events = [Event(1.5, 2.25, "owl", 0.9), Event(2.0, 2.5, 'a "fox", or two', 0.5)]
    write_events(reversed(events), path)
    found = read_events(path)
    assert [event[:3] for event in found] == [event[:3] for event in events]
    scores = [1.0, 1.0] if path.name in ("night.txt", "night.TextGrid") else [0.9, 0.5]
    assert [event.score for event in found] == scores


@given(st.lists(st.tuples(TIMES, TIMES, LABELS.filter(bool)), max_size=5))
def test_any_events_survive(tmp_path_factory, rows):
    events = [Event(min(a, b), max(a, b) + 0.001, label) for a, b, label in rows]
    # Those of one label that overlap cannot be in one tier of a TextGrid.
    events = list({event.label: event for event in events}.values())
    folder = tmp_path_factory.mktemp("labels")
    for ending in (".txt", ".selections.txt", ".csv", ".TextGrid"):
        write_events(events, folder / f"night{ending}", duration=1e5)
        found = read_events(folder / f"night{ending}")
        assert sorted(event[2] for event in found) == sorted(event[2] for event in events)
        times = sorted(event[:2] for event in events)
        if times:
            np.testing.assert_allclose(sorted(event[:2] for event in found), times, atol=1e-6)


def test_no_events_are_an_empty_file(path):
    write_events([], path, duration=60)
    assert read_events(path) == []


def test_a_text_grid_that_praat_could_not_open_is_not_written(tmp_path):
    path = tmp_path / "night.TextGrid"
    for events in ([(1, 3, "owl"), (2, 4, "owl")], [(1, 1, "owl")]):
        with pytest.raises(ValueError, match=r"do not overlap. Got Event.* Write another format"):
            write_events(events, path)
    with pytest.raises(ValueError, match="needs the duration of the recording"):
        write_events([], path)
    assert not path.exists()
    write_events([(1, 3, "owl")], path, duration=2)  # it cannot end before its last event
    assert path.read_text().splitlines()[4] == "3.000000"


def test_quotes_in_a_label_track_are_only_text(tmp_path):
    path = tmp_path / "night.txt"
    path.write_text('1\t2\t"owl\n3\t4\tred, blue, green, grey\n5\t6\n')
    assert [event.label for event in read_events(path)] == ['"owl', "red, blue, green, grey", ""]


def test_labels_that_are_no_text_or_have_line_ends_stay_in_their_row(path):
    write_events([(0, 1, 7), (2, 3, "a\tb\nc")], path)
    assert next(event.label for event in read_events(path)) == "7"
    assert len(read_events(path)) == 2


def test_written_labels_are_clips_to_train_on(tmp_path):
    (tmp_path / "night.wav").touch()
    for ending in (".txt", ".selections.txt"):
        write_events([(1.5, 2.25, "owl")], tmp_path / f"night{ending}")
        clips = load_audio_table(tmp_path / f"night{ending}", label=None)
        assert [(clip.start, clip.stop) for clip in clips.data] == [(1.5, 2.25)]
        assert clips.target.tolist() == ["owl"]


def test_onsets_and_offsets_as_in_dcase(tmp_path):
    path = tmp_path / "office.txt"
    path.write_text("onset\toffset\tevent_label\n1.0\t2.0\tcough\n")
    assert read_events(path) == [Event(1.0, 2.0, "cough")]


def test_the_table_of_birdnet(tmp_path):
    path = tmp_path / "night.csv"
    path.write_text(
        "Start (s),End (s),Scientific name,Common name,Confidence\n"
        "3.0,6.0,Strix aluco,Tawny Owl,0.75\n",
        encoding="utf-16",
    )
    assert read_events(path) == [Event(3.0, 6.0, "Tawny Owl", 0.75)]


LONG_TEXT_GRID = '''\
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 3.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 3.5
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = ""
        intervals [2]:
            xmin = 1.5
            xmax = 3.5
            text = "say ""bed"""
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 3.5
        points: size = 1
        points [1]:
            number = 0.25
            mark = "click 3"
'''


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_long_form_of_praat(tmp_path, encoding):
    path = tmp_path / "speech.TextGrid"
    path.write_bytes(LONG_TEXT_GRID.encode(encoding))
    assert read_events(path) == [Event(0.25, 0.25, "click 3"), Event(1.5, 3.5, 'say "bed"')]


def test_bad_files_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"missing\.txt"):
        read_events(tmp_path / "missing.txt")
    (tmp_path / "cut.TextGrid").write_text(LONG_TEXT_GRID[:400])
    with pytest.raises(DatasetError, match=r"cut\.TextGrid.*cut or damaged"):
        read_events(tmp_path / "cut.TextGrid")
    (tmp_path / "one.txt").write_text("1.5\n")
    with pytest.raises(DatasetError, match="needs columns for start, end and label"):
        read_events(tmp_path / "one.txt")
    (tmp_path / "latin.csv").write_bytes("start,end,label\n1,2,Käuzchen\n".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"latin\.csv' is not UTF-8 text.*Save it as UTF-8"):
        read_events(tmp_path / "latin.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match=r"needs columns for start, end and label.*'a', 'b'"):
        read_events(tmp_path / "other.csv")
    (tmp_path / "turned.txt").write_text("2.0\t1.0\towl\n")
    with pytest.raises(DatasetError, match=r"Row 1 .*must begin before it ends"):
        read_events(tmp_path / "turned.txt")
    with pytest.raises(ValueError, match=r"must end in \.txt \(Audacity\)"):
        write_events([], tmp_path / "night.json")
