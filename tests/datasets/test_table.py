"""Tables as people have them: CSV files, data frames, labels of Audacity and Raven."""

import os

import numpy as np
import pandas as pd
import pytest
import soundfile

from skaudio import MFCCTransformer, audio
from skaudio.audio import Segment
from skaudio.datasets import load_audio_table
from skaudio.exceptions import DatasetError


@pytest.fixture
def write(tmp_path):
    """Write files below a folder: texts as they are, recordings empty."""

    def write_files(**files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write_files


def test_the_csv_of_esc_50(write):
    folder = write(
        **{
            "audio/1-100032-A-0.wav": "",
            "audio/1-100038-A-14.wav": "",
            "meta/esc50.csv": "filename,fold,target,category,esc10,src_file,take\n"
            "1-100032-A-0.wav,1,0,dog,True,100032,A\n"
            "1-100038-A-14.wav,2,14,chirping_birds,False,100038,A\n",
        }
    )
    loaded = load_audio_table(
        folder / "meta" / "esc50.csv", path="../audio/{filename}", group="src_file"
    )
    assert loaded.data == [
        str(folder / "audio" / "1-100032-A-0.wav"),
        str(folder / "audio" / "1-100038-A-14.wav"),
    ]
    assert loaded.target.tolist() == ["dog", "chirping_birds"]
    assert loaded.target_names == ["chirping_birds", "dog"]
    assert loaded.folds.tolist() == ["1", "2"]
    assert loaded.groups.tolist() == ["100032", "100038"]
    assert "2 clips of 2 recordings" in loaded.DESCR


def test_the_csv_of_urban_sound(write):
    folder = write(
        **{
            "audio/fold5/100032-3-0-0.wav": "",
            "metadata/UrbanSound8K.csv": "slice_file_name,fsID,start,end,salience,fold,classID,"
            "class\n100032-3-0-0.wav,100032,0.0,0.317551,1,5,3,dog_bark\n",
        }
    )
    data, target = load_audio_table(
        folder / "metadata" / "UrbanSound8K.csv",
        path="../audio/fold{fold}/{slice_file_name}",
        return_X_y=True,
    )
    # Their start and end are times in a recording that the clip was taken from.
    assert data == [str(folder / "audio" / "fold5" / "100032-3-0-0.wav")]
    assert target.tolist() == ["dog_bark"]


def test_the_metadata_of_an_audio_folder(write):
    folder = write(**{"a.mp3": "", "metadata.csv": '\ufefffile_name;label\na.mp3;"yes; no"\n'})
    loaded = load_audio_table(str(folder / "metadata.csv"))
    assert (loaded.data, loaded.target.tolist()) == ([str(folder / "a.mp3")], ["yes; no"])
    assert loaded.groups is None
    assert loaded.folds is None


def test_labels_of_audacity(write):
    text = "0.500000\t1.250000\towl\n\\\t200.0\t900.0\n2,5\n"
    folder = write(**{"night.flac": "", "night.txt": text.replace("2,5\n", "2.5\t3\tfox\n")})
    loaded = load_audio_table(folder / "night.txt")
    path = str(folder / "night.flac")
    assert loaded.data == [Segment(path, 0.5, 1.25), Segment(path, 2.5, 3.0)]
    assert loaded.target.tolist() == ["owl", "fox"]


RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tSpecies\n"
    "1\tWaveform 1\t1\t0.5\t1.5\t0\towl\n"
    "1\tSpectrogram 1\t1\t0.5\t1.5\t0\towl\n"
    "2\tSpectrogram 1\t1\t4.0\t5.0\t0\tfox\n"
)


def test_the_selections_of_raven(write):
    folder = write(**{"night.wav": "", "night.Table.1.selections.txt": RAVEN})
    loaded = load_audio_table(folder / "night.Table.1.selections.txt")
    path = str(folder / "night.wav")
    assert loaded.data == [Segment(path, 0.5, 1.5), Segment(path, 4.0, 5.0)]
    assert loaded.target.tolist() == ["owl", "fox"]


def test_the_selections_of_raven_in_several_files(write):
    folder = write(
        **{
            "one.wav": "",
            "two.wav": "",
            "all.txt": "Selection\tBegin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\tMy\n"
            "1\t1\t2\tone.wav\t1\ta\n2\t61\t62.5\ttwo.wav\t1\tb\n",
        }
    )
    loaded = load_audio_table(folder / "all.txt", label="My")
    assert loaded.data[1] == Segment(str(folder / "two.wav"), 1.0, 2.5)


def test_a_data_frame_keeps_its_types_and_its_order(write):
    folder = write(**{"a.wav": "", "b.wav": ""})
    frame = pd.DataFrame(
        {"file": ["b.wav", "a.wav", "b.wav"], "digit": [3, 1, 2], "at": [0, 1, 2.5], "who": "xyx"}
    )
    frame["who"] = list("xyx")
    options = {"label": "digit", "start": "at", "group": "who", "folder": folder}
    loaded = load_audio_table(frame, **options)
    assert loaded.target.tolist() == [3, 1, 2]
    assert loaded.data[2] == Segment(str(folder / "b.wav"), 2.5, None)
    assert loaded.groups.tolist() == ["x", "y", "x"]
    shuffled = load_audio_table(frame, **options, shuffle=True, random_state=1)
    pairs = list(zip(shuffled.data, shuffled.target, shuffled.groups, strict=True))
    assert pairs != list(zip(loaded.data, loaded.target, loaded.groups, strict=True))
    assert sorted(pairs, key=lambda pair: pair[1]) == [
        (loaded.data[at], loaded.target[at], loaded.groups[at]) for at in (1, 2, 0)
    ]


def test_one_recording_for_all_rows(write):
    folder = write(**{"a.wav": "", "labels.csv": "from,to,label\n0,1,x\n1,2,y\n"})
    loaded = load_audio_table(folder / "labels.csv", path="a.wav", start="from", stop="to")
    assert [segment.source for segment in loaded.data] == [str(folder / "a.wav")] * 2


def test_absolute_paths_stay(write):
    folder = write(**{"a.wav": ""})
    write(**{"elsewhere/t.csv": f"path,label\n{folder / 'a.wav'},x\n"})
    assert load_audio_table(folder / "elsewhere" / "t.csv").data == [str(folder / "a.wav")]


def test_segments_of_a_table_become_features(tmp_path):
    recording = np.random.default_rng(0).normal(size=8 * 16000).astype("f4") / 9
    soundfile.write(tmp_path / "long.flac", recording, 16000)
    (tmp_path / "long.txt").write_text("0.5\t1.5\ta\n6\t7\tb\n")
    data, _ = load_audio_table(tmp_path / "long.txt", return_X_y=True)
    stored = audio.load(tmp_path / "long.flac")
    expected = MFCCTransformer().fit_transform([stored[8000:24000], stored[96000:112000]])
    np.testing.assert_array_equal(MFCCTransformer().fit_transform(data), expected)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "is empty"),
        ("path,label\n", {}, "no rows"),
        ("path,label\na.wav,\n", {}, "1 rows of .* have no label, such as row 1"),
        ("path,label\nb.wav,x\n", {}, "1 of the 1 recordings .* do not exist, such as .*b.wav"),
        ("path,what\na.wav,x\n", {}, "common name for labels.*has 'path', 'what'"),
        ("path,label\na.wav,x\n", {"label": "what"}, "no column 'what', got as label"),
        ("path,label\na.wav,x\n", {"path": "{who}.wav"}, r"pattern path='\{who\}.wav' does not"),
        ("where,label\na.wav,x\n", {}, "common name for paths"),
        ("path,label\na.wav,x,y\n", {}, "Row 1 of .* has 3 cells, the header has 2"),
        ("path,label,at\na.wav,x,soon\n", {"start": "at"}, "has 'soon' in the column 'at'"),
        ("0.5\t0.5\tx\n", {"path": "a.wav"}, r"0 <= start < stop.*Got start=0.5 and stop=0.5"),
    ],
)
def test_tables_that_say_too_little(write, text, options, message):
    folder = write(**{"a.wav": "", "table.csv": text})
    with pytest.raises(DatasetError, match=message):
        load_audio_table(folder / "table.csv", **options)


def test_tables_that_are_none(tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        load_audio_table(tmp_path / "table.csv")
    with pytest.raises(DatasetError, match="cannot be read"):
        load_audio_table(tmp_path)
    (tmp_path / "table.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=r"is not UTF-8 text .* Save it as UTF-8"):
        load_audio_table(tmp_path / "table.csv")
    with pytest.raises(TypeError, match="path of a table or a data frame, got int"):
        load_audio_table(3)


@pytest.mark.realdata
def test_real_tables(real_data):
    for name in ("esc10", "lithuanian", "arabic", "emodb4", "drumkits"):
        table = real_data / "sets" / name / "clips.csv"
        if table.exists():
            loaded = load_audio_table(table)
            assert len(loaded.data) == len(loaded.target) > 250
            assert all(map(os.path.isfile, loaded.data))
