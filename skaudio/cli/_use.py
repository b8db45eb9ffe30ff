"""The commands about recordings and models that exist."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from skaudio.cli._shared import (
    AsJson,
    Folder,
    Groups,
    Model,
    check_outputs,
    load_clips,
    load_model,
    recordings_in,
    say,
    scores_shown,
    show,
    table,
)

__all__ = ["check", "evaluate", "export", "info", "predict"]


def check(
    folder: Folder,
    groups: Groups = None,
    test: Annotated[
        Path | None,
        typer.Option(help="A folder of recordings to test with, which must be others."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for mistakes in a folder of recordings.

    Decodes every recording to its end, and lists unreadable and silent ones, copies of the same
    recording, copies with different labels or in different groups, lengths, rates and counts; with
    --test also recordings and groups that are in both folders. The exit code is 1 if something was
    found.

    **Examples**

    `skaudio check words`

    `skaudio check words --groups '([^/]+)_nohash_' --test other-words`
    """
    import numpy as np

    from skaudio.datasets import check_clips

    folders = [folder] if test is None else [folder, test]
    loaded = [load_clips(each, groups) for each in folders]
    has_groups = all(clips.groups is not None for clips in loaded)
    found = check_clips(
        [clip for clips in loaded for clip in clips.data],
        np.concatenate([clips.target for clips in loaded]),
        np.concatenate([clips.groups for clips in loaded]) if has_groups else None,
        parts=np.repeat(range(len(loaded)), [len(clips.data) for clips in loaded]),
        n_jobs=-1,
        verbose=1,
    )
    values = found.as_dict()
    seconds = values["seconds"]
    lengths = f"{seconds['total'] / 60:.1f} minutes"
    if "median" in seconds:
        lengths += "; shortest {shortest:.2f} s, median {median:.2f} s, longest {longest:.2f} s"
    in_groups = "" if found.n_groups is None else f" in {found.n_groups} groups"
    rates = ", ".join(f"{rate} Hz ({count})" for rate, count in values["sample_rates"].items())
    show(
        values,
        as_json,
        table(["class", "recordings"], found.class_counts.items()),
        f"{len(found.names)} recordings{in_groups}, {lengths.format(**seconds)}. Rates: {rates}.",
        *([f"Problem: {problem}" for problem in found.problems] or ["No problems found."]),
    )
    if found.problems:
        raise typer.Exit(1)


def evaluate(
    model: Model,
    folder: Folder,
    groups: Groups = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write a report, to open in a browser.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare a model's labels with those of a folder that it was not trained on.

    **Examples**

    `skaudio evaluate model.onnx other-words`

    `skaudio evaluate model.joblib other-words --report evaluation.html --json`
    """
    from skaudio.model_selection import Evaluation
    from skaudio.report import write_report

    if report is not None:
        if model.suffix == ".onnx":
            raise ValueError("A report needs the model that joblib saved, not an exported one.")
        check_outputs(report)
    estimator = load_model(model)
    clips = load_clips(folder, groups)
    evaluation = Evaluation.from_estimator(estimator, clips.data, clips.target, groups=clips.groups)
    files = {}
    if report is not None:
        write_report(
            estimator, clips.data, clips.target, report, groups=clips.groups, evaluation=evaluation
        )
        files["report"] = str(report)
    values, shown = scores_shown(evaluation)
    show(values | {"files": files}, as_json, *shown)


def predict(
    model: Model,
    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings, or folders whose recordings are taken.")
    ],
    as_json: AsJson = False,
) -> None:
    """Predict the label of recordings.

    Recordings that cannot be read are listed, the others are predicted, and the exit code is 1.

    **Examples**

    `skaudio predict model.onnx hello.wav`

    `skaudio predict model.joblib recordings/ --json`
    """
    from skaudio import audio

    estimator = load_model(model)
    files = recordings_in(recordings)
    unreadable = dict(audio.find_unreadable(files, n_jobs=-1))
    readable = [file for index, file in enumerate(files) if index not in unreadable]
    rows: list[dict[str, Any]] = []
    if readable:
        labels = estimator.predict(readable)
        rows = [
            {"file": file, "label": str(label)}
            for file, label in zip(readable, labels, strict=True)
        ]
        if hasattr(estimator, "predict_proba"):
            classes = [str(label) for label in estimator.classes_]
            for row, values in zip(rows, estimator.predict_proba(readable), strict=True):
                row["probabilities"] = dict(zip(classes, map(float, values), strict=True))
    show(
        {
            "predictions": rows,
            "unreadable": {files[index]: reason for index, reason in unreadable.items()},
        },
        as_json,
        table(
            ["file", "label", "probability"],
            [
                (
                    row["file"],
                    row["label"],
                    f"{max(row['probabilities'].values()):.3f}" if "probabilities" in row else "",
                )
                for row in rows
            ],
        ),
    )
    for index, reason in unreadable.items():
        say(f"Cannot read {files[index]}: {reason}.")
    if unreadable:
        raise typer.Exit(1)


def export(
    model: Model,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Where to, ending in .onnx or .tflite; by default .onnx."
        ),
    ] = None,
    clips: Annotated[
        Path | None, typer.Option(help="A folder of recordings to compare the file with.")
    ] = None,
    quantize: Annotated[
        str | None,
        typer.Option(help="int8: convolutions of integers; needs --clips."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a model to a file that runs without Python's machine learning packages.

    The file takes the waveform and returns the probabilities. It is compared with the model
    before it is put in place.

    **Examples**

    `skaudio export model.joblib`

    `skaudio export model.joblib -o model.tflite --clips words --quantize int8`
    """
    from skaudio.export import to_litert, to_onnx

    output = model.with_suffix(".onnx") if output is None else output
    writers = {".onnx": to_onnx, ".tflite": to_litert}
    if output.suffix not in writers:
        raise ValueError(f"The name of {output} must end in .onnx or .tflite.")
    if model.suffix == ".onnx":
        raise ValueError(f"{model} is exported already. Pass the model that joblib saved.")
    recordings = None if clips is None else recordings_in([clips])
    made = writers[output.suffix](load_model(model), output, X=recordings, quantize=quantize)
    show(
        made._asdict(),
        as_json,
        f"Wrote {made.path} ({made.n_bytes / 1e3:.0f} kB). On {made.n_clips} clips, the largest "
        f"difference of a probability is {made.largest_difference:.1g}, and "
        f"{100 * made.agreement:.1f} % of the labels are the same.",
    )


def info(model: Model, as_json: AsJson = False) -> None:
    """Say what a model is.

    **Examples**

    `skaudio info model.onnx`
    """
    from dataclasses import asdict

    loaded = load_model(model)
    if model.suffix == ".onnx":
        values = asdict(loaded.contract)
    else:
        from skaudio.report import describe

        values = describe(loaded)
    values = {"file": str(model), "bytes": model.stat().st_size, **values}
    known = {name: value for name, value in values.items() if value is not None}
    show(values, as_json, table(["", ""], _flat(known)))


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Name nested values by a path of names."""
    rows = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append((prefix + name, text))
    return rows
