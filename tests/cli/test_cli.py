"""The command line, as it is typed."""

import json
import shutil
import subprocess
import sys

import joblib
import pytest
import soundfile

from skaudio.cli import main
from skaudio.datasets import make_soundscape
from skaudio.detection import read_events, score_events, write_events
from skaudio.page._vendor import FILES

# One process, which trains the model of these tests once.
pytestmark = pytest.mark.xdist_group("cli")

QUICK = ["--network", "perceptron", "--folds", "2", "--n-jobs", "1"]


@pytest.fixture
def skaudio(monkeypatch, capsys):
    """Call the command; return exit code, output and messages."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["skaudio", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code or 0, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def folder(tone_files, tmp_path_factory):
    """A folder of two classes; the speaker is in the name."""
    root = tmp_path_factory.mktemp("folder") / "tones"
    for index, (path, label) in enumerate(zip(*tone_files[:2], strict=True)):
        (root / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / label / f"s{index % 5}-{index}.wav")
    return root


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """What ``skaudio train`` wrote and printed, in a process of its own."""
    output = tmp_path_factory.mktemp("trained") / "model.joblib"
    command = [sys.executable, "-m", "skaudio.cli", "train", folder, "-o", output, "--json", *QUICK]
    run = subprocess.run(
        [str(part) for part in command] + ["--groups", r"(s\d)-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return output, json.loads(run.stdout), run.stderr


def test_train_writes_a_model_its_export_and_a_report(trained):
    output, printed, messages = trained
    assert printed["files"] == {
        "model": str(output),
        "onnx": str(output.with_suffix(".onnx")),
        "report": str(output.with_suffix(".html")),
    }
    assert all(output.with_suffix(suffix).exists() for suffix in (".joblib", ".onnx", ".html"))
    assert printed["by_group"]
    assert printed["check"]["n_groups"] == 5
    low, high = printed["interval"]
    assert low <= printed["accuracy"] <= high
    assert "Training" in messages
    for noise in ("Traceback", "Warning", "tensorflow", "TF_"):
        assert noise not in messages


def test_models_and_exports_predict_the_same(trained, folder, skaudio):
    output, _, _ = trained
    files = sorted((folder / "low").iterdir())[:3]
    answers = []
    for suffix in (".joblib", ".onnx"):
        code, printed, _ = skaudio("predict", output.with_suffix(suffix), *files, "--json")
        assert code == 0
        answers.append(json.loads(printed)["predictions"])
    for one, other in zip(*answers, strict=True):
        assert one["label"] == other["label"]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)
    expected = joblib.load(output).predict([str(file) for file in files])
    assert [answer["label"] for answer in answers[0]] == list(expected)


def test_folders_are_predicted_and_unreadable_files_named(trained, folder, skaudio, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    shutil.copy(next((folder / "low").iterdir()), tmp_path / "good.wav")
    code, printed, messages = skaudio("predict", trained[0].with_suffix(".onnx"), tmp_path)
    assert code == 1
    assert "good.wav" in printed
    assert "broken.wav" not in printed
    assert f"Cannot read {tmp_path / 'broken.wav'}" in messages.replace("\n", "")


def test_evaluate(trained, folder, skaudio, tmp_path):
    page = tmp_path / "page.html"
    code, printed, _ = skaudio("evaluate", trained[0], folder, "--json", "--report", page)
    assert code == 0
    assert json.loads(printed)["n_clips"] == 30
    assert page.exists()
    code, printed, _ = skaudio("evaluate", trained[0].with_suffix(".onnx"), folder)
    assert code == 0
    assert "Accuracy" in printed
    onnx = trained[0].with_suffix(".onnx")
    code, _, messages = skaudio("evaluate", onnx, folder, "--report", page)
    assert code == 1
    assert "needs the model that joblib saved" in messages


def test_export_and_info(trained, skaudio, tmp_path):
    code, printed, _ = skaudio("export", trained[0], "-o", tmp_path / "other.onnx", "--json")
    assert code == 0
    assert json.loads(printed)["largest_difference"] < 1e-4
    for path in (trained[0], tmp_path / "other.onnx"):
        code, printed, _ = skaudio("info", path, "--json")
        assert code == 0
        assert json.loads(printed)["classes"] == ["high", "low"]
        assert skaudio("info", path)[0] == 0
    code, _, messages = skaudio("export", trained[0], "-o", tmp_path / "other.bin")
    assert code == 1
    assert "must end in .onnx or .tflite" in messages
    code, _, messages = skaudio("export", tmp_path / "other.onnx", "-o", tmp_path / "new.onnx")
    assert code == 1
    assert "is exported already" in messages


def test_check(folder, skaudio, tmp_path):
    code, printed, _ = skaudio("check", folder, "--groups", r"(s\d)-")
    assert code == 0
    assert "30 recordings in 5 groups" in printed
    code, printed, _ = skaudio("check", folder, "--groups", r"(s\d)-", "--test", folder, "--json")
    assert code == 1
    assert json.loads(printed)["shared_groups"] == ["s0", "s1", "s2", "s3", "s4"]
    assert len(json.loads(printed)["leaks"]) == 30
    mistakes = shutil.copytree(folder, tmp_path / "mistakes")
    shutil.copy(mistakes / "high" / "s0-0.wav", mistakes / "low" / "copy.wav")
    (mistakes / "low" / "broken.wav").write_bytes(b"RIFF")
    code, printed, _ = skaudio("check", mistakes, "--json")
    assert code == 1
    found = json.loads(printed)
    assert list(found["unreadable"]) == [str(mistakes / "low" / "broken.wav")]
    assert len(found["contradictions"]) == 1


def test_train_refuses_unreadable_recordings_unless_told_to_skip_them(folder, skaudio, tmp_path):
    mistakes = shutil.copytree(folder, tmp_path / "mistakes")
    (mistakes / "low" / "broken.wav").write_bytes(b"RIFF")
    output = tmp_path / "model.joblib"
    code, _, messages = skaudio("train", mistakes, "-o", output, *QUICK)
    assert code == 1
    assert "pass --skip-unreadable" in messages
    assert not output.exists()
    code, printed, _ = skaudio("train", mistakes, "-o", output, "--skip-unreadable", *QUICK)
    assert code == 0
    assert "of 30 clips wrong" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "missing/model.joblib"], "The folder of missing/model.joblib does not exist"),
        (["-o", "model.onnx"], "These must be different files"),
        (["-o", "."], "is a folder"),
        (["--features", "embedding", "--onnx", "a.onnx"], "cannot be exported"),
    ],
)
def test_train_refuses_files_that_cannot_be_written_before_it_begins(
    folder, skaudio, tmp_path, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    code, _, messages = skaudio("train", folder, *options, *QUICK)
    assert code == 1
    assert message in messages
    assert "Training" not in messages
    assert list(tmp_path.iterdir()) == []


def test_search_ranks_and_keeps_the_best(folder, skaudio, tmp_path):
    output = tmp_path / "best.joblib"
    options = ["--features", "mfcc", "--features", "log-mel", "--json", *QUICK]
    code, printed, _ = skaudio("search", folder, "-o", output, *options)
    assert code == 0
    found = json.loads(printed)["candidates"]
    assert {candidate["name"] for candidate in found} == {"mfcc, perceptron", "log-mel, perceptron"}
    assert found[0]["accuracy"] >= found[1]["accuracy"]
    assert joblib.load(output).classes_.tolist() == ["high", "low"]


def test_the_demo_is_a_whole_tour(skaudio, tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader")
    monkeypatch.chdir(tmp_path)
    code, printed, messages = skaudio("demo", "--network", "perceptron", "--n-jobs", "1")
    assert code == 0
    assert "of 180 clips wrong" in printed
    next_step = messages.strip().splitlines()[-1].split()
    code, printed, _ = skaudio(*next_step[1:], "--json")
    assert code == 0
    labels = [answer["label"] for answer in json.loads(printed)["predictions"]]
    assert labels.count("cat") > 40


@pytest.fixture(scope="module")
def evening(tones, tmp_path_factory):
    """A long recording and a file of its events, in a folder."""
    folder = tmp_path_factory.mktemp("evenings")
    scene = make_soundscape(*tones, duration=60, events_per_hour=900, snr_db=30, random_state=0)
    soundfile.write(folder / "evening.wav", scene.data, scene.sample_rate)
    write_events(scene.events, folder / "evening.txt")
    return folder


def test_detect_finds_sounds_with_their_times(skaudio, trained, evening, tmp_path):
    labels = tmp_path / "found.txt"
    code, printed, _ = skaudio(
        "detect", trained[0], evening / "evening.wav", "--labels", labels, "--json"
    )
    assert code == 0
    events = json.loads(printed)["events"]
    assert {event["label"] for event in events} == {"high", "low"}
    true = read_events(evening / "evening.txt")
    # The model knows nothing but its two classes, so that events are long.
    scores = score_events([true], [read_events(labels)], duration=60, overlap=0)
    assert scores.total.recall > 0.5
    assert len(read_events(labels)) == len(events)


def test_detect_writes_labels_for_each_recording_and_names_what_it_cannot_read(
    skaudio, trained, evening, tmp_path
):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    files = evening / "evening.wav", broken
    code, printed, messages = skaudio("detect", trained[0], *files, "--labels", tmp_path)
    assert code == 1
    assert "high" in printed
    assert "Cannot read" in messages
    assert (tmp_path / "evening.detected.txt").exists()
    code, _, messages = skaudio("detect", trained[0], *files, "--labels", tmp_path / "x.txt")
    assert code == 1
    assert "must be a folder for several recordings" in messages
    code, _, messages = skaudio("detect", trained[0], files[0], "--labels", tmp_path / "x.json")
    assert code == 1
    assert "must end in .txt" in messages


def test_tune_writes_the_thresholds_that_detect_uses(skaudio, trained, evening, tmp_path):
    model = tmp_path / "model.joblib"
    shutil.copy(trained[0], model)
    folder = tmp_path / "evenings"
    folder.mkdir()
    shutil.copy(evening / "evening.wav", folder)
    events = [*read_events(evening / "evening.txt"), (1, 2, "owl")]
    write_events(events, folder / "evening.Table.1.selections.txt")
    options = "--max-false-per-hour", "240", "--hop", "0.05", "--json"
    code, printed, messages = skaudio("tune", model, folder, *options)
    assert code == 0
    assert "1 of 1 recordings have labels" in messages
    assert "not among the classes, and are ignored: 'owl' (1)" in messages
    assert json.loads(printed)["n_true"] == 15
    written = json.loads((tmp_path / "model.thresholds.json").read_text())
    assert written["thresholds"].keys() == {"high", "low"}
    assert written["hop"] == 0.05
    _, _, messages = skaudio("detect", model, evening / "evening.wav")
    assert "Using the thresholds of" in messages
    (tmp_path / "model.thresholds.json").write_text('{"thresholds": {"owl": 0.5}}')
    code, _, messages = skaudio("detect", model, evening / "evening.wav")
    assert code == 1
    assert "is of another model" in messages


def test_demo_page_writes_a_folder(skaudio, trained, tmp_path):
    for name in FILES:
        (tmp_path / name).touch()
    model = trained[0].with_suffix(".onnx")
    code, printed, _ = skaudio("demo-page", model, "-o", tmp_path / "page", "--runtime", tmp_path)
    assert code == 0
    assert "python -m http.server" in printed
    assert (tmp_path / "page" / "index.html").exists()
    code, _, messages = skaudio("demo-page", trained[0])
    assert code == 1
    assert "is not an exported model" in messages


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["check", "missing"], 1, "does not exist"),
        (["predict", "missing.joblib", "a.wav"], 1, "There is no file missing.joblib"),
        (["predict", "missing.onnx", "a.wav"], 1, "missing.onnx"),
        (["predict", __file__, "a.wav"], 1, "is not a model saved with joblib"),
        (["train"], 2, "Missing argument"),
        (["train", ".", "--network", "none"], 2, "Invalid value"),
        (["no-such-command"], 2, "No such command"),
    ],
)
def test_errors_are_sentences(skaudio, arguments, code, message):
    found, _, messages = skaudio(*arguments)
    assert found == code
    assert message in messages
    assert "Traceback" not in messages


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "evaluate",
        "predict",
        "search",
        "export",
        "check",
        "info",
        "demo",
        "detect",
        "tune",
        "demo-page",
    ],
)
def test_every_command_has_help_with_an_example(skaudio, command):
    code, printed, _ = skaudio(command, "--help")
    assert code == 0
    assert f"skaudio {command}" in printed


def test_the_version_is_told_without_loading_anything(skaudio):
    assert skaudio("--version")[1].startswith("skaudio ")
    code = (
        "import sys; sys.argv = ['skaudio', '--help']\n"
        "from skaudio.cli import main\n"
        "try: main()\n"
        "except SystemExit: print([m for m in ('tensorflow', 'sklearn') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip().endswith("[]")
