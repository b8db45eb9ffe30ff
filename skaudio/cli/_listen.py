"""The commands about sounds in long recordings."""

from __future__ import annotations

import glob
import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from skaudio.cli._shared import (
    AsJson,
    Model,
    check_outputs,
    load_model,
    recordings_in,
    say,
    show,
    table,
)

__all__ = ["demo_page", "detect", "tune"]

Recordings = Annotated[
    list[Path], typer.Argument(help="Long recordings, or folders whose recordings are taken.")
]

# Endings of files of labels. Raven puts the name of a table before its own.
_LABELS = ".txt", ".selections.txt", ".*.selections.txt", ".csv", ".TextGrid"

_HOP = 0.1


def detect(
    model: Model,
    recordings: Recordings,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Also write what was found: to a .txt (Audacity), .selections.txt (Raven), .csv "
            "or .TextGrid file, or for several recordings to .detected.txt files in this folder."
        ),
    ] = None,
    thresholds: Annotated[
        Path | None,
        typer.Option(help="The file that tune wrote; by default that of the model, if it exists."),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="The lowest score of all labels, without that file.")
    ] = 0.5,
    hop: Annotated[
        float | None,
        typer.Option(help="Time between two windows, in seconds; by default that of tune, or 0.1."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the sounds that a model knows in long recordings, with their times.

    **Examples**

    `skaudio detect model.onnx night.flac --labels night.txt`

    `skaudio detect model.joblib recordings/ --json`
    """
    from skaudio.detection import SoundDetector, write_events
    from skaudio.exceptions import AudioError

    files = recordings_in(recordings)
    outputs = _label_files(labels, files)
    detector = SoundDetector(load_model(model), threshold=threshold, verbose=1)
    used, tuned_hop = _thresholds_of(model, thresholds, detector.estimator)
    detector.hop = tuned_hop if hop is None else hop
    if used is not None:
        detector.threshold = used
        detector.labels = list(used)
    rows, unreadable = [], {}
    for file, output in zip(files, outputs, strict=True):
        try:
            scores = detector.score_windows(file)
        except AudioError as error:
            unreadable[file] = error.failures[0][1]
            continue
        events = detector.detect(scores)
        rows += [{"file": file, **event._asdict()} for event in events]
        if output is not None:
            write_events(events, output, duration=scores.duration)
    values = {"events": rows, "unreadable": unreadable}
    cells = [
        (row["file"], f"{row['start']:.2f}", f"{row['end']:.2f}", row["label"], row["score"])
        for row in rows
    ]
    cells = [(*row[:-1], f"{row[-1]:.3f}") for row in cells]
    nothing = "Nothing was found."
    columns = ["file", "start", "end", "label", "score"]
    show(values, as_json, table(columns, cells) if rows else nothing)
    for file, reason in unreadable.items():
        say(f"Cannot read {file}: {reason}.")
    if unreadable:
        raise typer.Exit(1)


def tune(
    model: Model,
    recordings: Recordings,
    max_false_per_hour: Annotated[
        float, typer.Option(help="False alarms in an hour, of all labels together.")
    ] = 1.0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to; by default MODEL.thresholds.json."),
    ] = None,
    hop: Annotated[float, typer.Option(help="Time between two windows, in seconds.")] = _HOP,
    as_json: AsJson = False,
) -> None:
    """Choose thresholds that keep false alarms rare, for detect.

    Beside each recording, a file of the same name says what is in it: night.txt (Audacity),
    night.selections.txt or night.Table.1.selections.txt (Raven), night.csv or night.TextGrid for
    night.wav. In a recording without one is none of the sounds.

    **Examples**

    `skaudio tune model.joblib evenings/ --max-false-per-hour 0.5`
    """
    from skaudio.detection import SoundDetector, read_events

    output = _default_thresholds(model) if output is None else output
    check_outputs(output)
    files = recordings_in(recordings)
    found = [_labels_beside(Path(file)) for file in files]
    events = [[] if labels is None else read_events(labels) for labels in found]
    n_labelled = sum(labels is not None for labels in found)
    say(f"{n_labelled} of {len(files)} recordings have labels; the others have none of the sounds.")
    detector = SoundDetector(load_model(model), hop=hop, verbose=1)
    by_text = {str(label): label for label in detector.estimator.classes_.tolist()}
    others = Counter(event.label for row in events for event in row if event.label not in by_text)
    if others:
        counts = ", ".join(f"{label!r} ({count})" for label, count in others.most_common())
        say(f"These labels are not among the classes, and are ignored: {counts}.")
    events = [
        [event._replace(label=by_text[event.label]) for event in row if event.label in by_text]
        for row in events
    ]
    detector.tune(files, events, max_false_per_hour=max_false_per_hour)
    total = detector.tuning_.scores.total
    values = {
        "thresholds": {str(label): value for label, value in detector.thresholds_.items()},
        "hop": hop,
        "max_false_per_hour": max_false_per_hour,
        "hours": total.hours,
        "n_false": total.n_false,
        "false_per_hour_interval": list(total.false_per_hour_interval()),
        "n_true": total.n_true,
        "n_hits": total.n_hits,
    }
    output.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    rows = [(label, f"{value:.4f}") for label, value in values["thresholds"].items()]
    show(
        values | {"files": {"thresholds": str(output)}},
        as_json,
        str(detector.tuning_),
        table(["label", "threshold"], rows),
        f"Wrote {output}.",
    )


def demo_page(
    model: Annotated[Path, typer.Argument(help="An exported model, ending in .onnx.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")] = Path(
        "page"
    ),
    title: Annotated[str, typer.Option(help="The title of the page.")] = "Listen",
    threshold: Annotated[float, typer.Option(help="Where the slider is at first.")] = 0.5,
    runtime: Annotated[
        Path | None,
        typer.Option(help="The folder dist of npm's onnxruntime-web, if skaudio has none."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a web page that finds sounds in recordings and at the microphone.

    The model runs in the page: any server of files is enough.

    **Examples**

    `skaudio demo-page model.onnx -o page`

    `python -m http.server --directory page`
    """
    from skaudio.page import write_page

    if model.suffix != ".onnx":
        raise ValueError(f"{model} is not an exported model: call skaudio export {model} first.")
    page = write_page(model, output, title=title, threshold=threshold, runtime=runtime)
    show(
        {"page": str(page)},
        as_json,
        f"Wrote {page}. To see it, call python -m http.server --directory {output} and open "
        "localhost:8000 in a browser.",
    )


def _label_files(labels: Path | None, files: list[str]) -> list[Path | None]:
    """Return where the events of each recording are written to."""
    if labels is None:
        return [None] * len(files)
    if len(files) == 1 and not labels.is_dir():
        check_outputs(labels)
        if not labels.name.lower().endswith((".txt", ".csv", ".textgrid")):
            raise ValueError(f"{labels} must end in .txt, .selections.txt, .csv or .TextGrid.")
        return [labels]
    if not labels.is_dir():
        raise NotADirectoryError(f"--labels must be a folder for several recordings: {labels}.")
    # Not the names under which tune looks for what a person has marked.
    outputs = [labels / f"{Path(file).stem}.detected.txt" for file in files]
    if len(set(outputs)) < len(outputs):
        raise ValueError("Recordings of the same name would have the same file of labels.")
    return list(outputs)


def _labels_beside(file: Path) -> Path | None:
    patterns = (glob.escape(file.stem) + ending for ending in _LABELS)
    return next((path for each in patterns for path in sorted(file.parent.glob(each))), None)


def _default_thresholds(model: Path) -> Path:
    return model.with_name(f"{model.stem}.thresholds.json")


def _thresholds_of(
    model: Path, path: Path | None, estimator: Any
) -> tuple[dict[Any, float] | None, float]:
    """Return the thresholds and the hop that tune has stored, or no thresholds."""
    if path is None:
        path = _default_thresholds(model)
        if not path.exists():
            return None, _HOP
        say(f"Using the thresholds of {path}.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        stored = {str(label): float(value) for label, value in values["thresholds"].items()}
        hop = float(values.get("hop", _HOP))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a file of skaudio tune ({error!r}).") from error
    by_text = {str(label): label for label in estimator.classes_.tolist()}
    if not stored.keys() <= by_text.keys():
        raise ValueError(f"{path} is of another model: it has thresholds for {list(stored)}.")
    return {by_text[label]: value for label, value in stored.items()}, hop
