"""The commands that train: ``train``, ``search`` and ``demo``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from skaudio.cli._shared import (
    AsJson,
    Features,
    Folder,
    Groups,
    Jobs,
    Network,
    Seed,
    check_outputs,
    load_clips,
    make_pipeline,
    say,
    scores_shown,
    show,
    table,
)

__all__ = ["demo", "search", "train"]

Output = Annotated[Path, typer.Option("--output", "-o", help="The file of the trained model.")]
Folds = Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")]
Skip = Annotated[
    bool, typer.Option("--skip-unreadable", help="Train without recordings that cannot be read.")
]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--time",
        min=0,
        help="Minutes after which no other fold of the cross-validation is begun; at least one "
        "is tested, and the model is always trained on all recordings.",
    ),
]


def train(
    folder: Folder,
    output: Output = Path("model.joblib"),
    onnx: Annotated[
        Path | None,
        typer.Option(help="The exported model; by default next to the other one."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="The report; by default next to the model.")
    ] = None,
    features: Annotated[Features, typer.Option(help="What is computed first.")] = Features.mfcc,
    network: Annotated[Network, typer.Option(help="What is trained on it.")] = Network.conv,
    groups: Groups = None,
    folds: Folds = 5,
    minutes: Minutes = None,
    n_jobs: Jobs = -1,
    random_state: Seed = 0,
    skip_unreadable: Skip = False,
    as_json: AsJson = False,
) -> None:
    """Train a classifier on a folder of recordings.

    Checks the recordings, cross-validates, trains on all of them, and writes three files: the
    model (joblib), the exported model (ONNX) and a report to open in a browser.

    **Examples**

    `skaudio train words`

    `skaudio train words -o words.joblib --groups '([^/]+)_nohash_'`

    `skaudio train words --features embedding --network logistic`
    """
    import joblib

    from skaudio.model_selection import Evaluation
    from skaudio.report import write_report

    started = time.perf_counter()
    check_outputs(output)
    is_exported = features is not Features.embedding
    if onnx is not None and not is_exported:
        raise ValueError("A model on --features embedding cannot be exported: leave out --onnx.")
    onnx = onnx or output.with_suffix(".onnx")
    report = report or output.with_suffix(".html")
    check_outputs(output, onnx, report)
    pipeline = make_pipeline(features, network, random_state)
    clips, check = _checked(folder, groups, skip_unreadable)
    evaluation = Evaluation.from_cross_validation(
        pipeline,
        clips.data,
        clips.target,
        groups=clips.groups,
        cv=folds,
        n_jobs=n_jobs,
        max_time=None if minutes is None else 60 * minutes,
        refit=True,
        verbose=1,
    )
    pipeline = evaluation.estimator
    joblib.dump(pipeline, output)
    write_report(
        pipeline,
        clips.data,
        clips.target,
        report,
        groups=clips.groups,
        evaluation=evaluation,
        check=check,
    )
    files = {"model": str(output), "report": str(report)}
    if is_exported:
        from skaudio.export import to_onnx

        say("Exporting and comparing.")
        files["onnx"] = to_onnx(pipeline, onnx, X=clips.data[:100]).path
    values, shown = scores_shown(evaluation)
    seconds = time.perf_counter() - started
    values |= {"files": files, "seconds": seconds, "check": check.as_dict()}
    written = ", ".join(files.values())
    show(values, as_json, *shown, f"Wrote {written} in {seconds:.0f} s.")


def search(
    folder: Folder,
    output: Output = Path("model.joblib"),
    features: Annotated[
        list[Features], typer.Option(help="Features to compare; repeat the option.")
    ] = [Features.mfcc, Features.log_mel],
    network: Annotated[
        list[Network], typer.Option(help="Networks to compare; repeat the option.")
    ] = [Network.conv, Network.tc_resnet],
    groups: Groups = None,
    folds: Folds = 3,
    n_jobs: Jobs = -1,
    random_state: Seed = 0,
    skip_unreadable: Skip = False,
    as_json: AsJson = False,
) -> None:
    """Compare features and networks, and keep the best.

    All combinations are cross-validated on the same folds, and the best one is trained on all
    recordings. Its score is the best of several, and so a little too high: evaluate the model
    on recordings of its own.

    **Examples**

    `skaudio search words`

    `skaudio search words --features mfcc --network conv --network gru`
    """
    import joblib

    from skaudio.model_selection import Evaluation

    check_outputs(output)
    candidates = {
        f"{one.value}, {other.value}": make_pipeline(one, other, random_state)
        for one in features
        for other in network
    }
    clips, _ = _checked(folder, groups, skip_unreadable)
    evaluations: dict[str, Evaluation] = {}
    for name, candidate in candidates.items():
        say(f"{name} ({len(evaluations) + 1} of {len(candidates)})")
        evaluations[name] = Evaluation.from_cross_validation(
            candidate,
            clips.data,
            clips.target,
            groups=clips.groups,
            cv=folds,
            n_jobs=n_jobs,
            verbose=1,
        )
    ranked = sorted(evaluations, key=lambda name: -evaluations[name].accuracy)
    best = ranked[0]
    say(f"Training {best} on all recordings.")
    joblib.dump(candidates[best].fit(clips.data, clips.target), output)
    values = [
        {
            "name": name,
            "accuracy": evaluations[name].accuracy,
            "interval": list(evaluations[name].interval()),
            "difference_interval": list(evaluations[name].difference(evaluations[best])[1:]),
            "fit_seconds": sum(evaluations[name].fit_times) / len(evaluations[name].fit_times),
        }
        for name in ranked
    ]
    rows = [
        (
            row["name"],
            f"{row['accuracy']:.3f}",
            "{:.3f} to {:.3f}".format(*row["interval"]),
            "" if row["name"] == best else "{:+.3f} to {:+.3f}".format(*row["difference_interval"]),
            f"{row['fit_seconds']:.0f}",
        )
        for row in values
    ]
    columns = ["candidate", "accuracy", "interval", "difference from the best", "fit (s)"]
    show(
        {"candidates": values, "model": str(output)},
        as_json,
        table(columns, rows),
        "Candidates whose difference may be 0 cannot be distinguished.",
        f"Wrote {output}.",
    )


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder for recordings and results.")
    ] = Path("skaudio-demo"),
    network: Annotated[Network, typer.Option(help="What is trained.")] = Network.conv,
    n_jobs: Jobs = -1,
) -> None:
    """Train a first classifier, of three words spoken by a synthesiser.

    Needs the extra `demo`, for the synthesiser.

    **Examples**

    `skaudio demo`
    """
    from skaudio.datasets import make_spoken_words

    words = output / "words"
    say(f"Speaking 180 recordings of bed, cat and happy to {words}.")
    make_spoken_words(["bed", "cat", "happy"], n_clips=60, folder=words, random_state=0)
    say(f"skaudio train {words} -o {output / 'model.joblib'}")
    train(words, output=output / "model.joblib", network=network, n_jobs=n_jobs)
    say(f"Open {output / 'model.html'} in a browser, and try:")
    say(f"skaudio predict {output / 'model.onnx'} {words / 'cat'}")


def _checked(folder: Path, groups: str | None, skip_unreadable: bool) -> tuple[Any, Any]:
    """Load and check recordings; refuse or leave out those that cannot be read."""
    import numpy as np

    from skaudio.datasets import check_clips

    clips = load_clips(folder, groups)
    check = check_clips(clips.data, clips.target, clips.groups, n_jobs=-1, verbose=1)
    for problem in check.problems:
        say(f"Problem: {problem}")
    if check.unreadable and not skip_unreadable:
        raise ValueError(
            f"{len(check.unreadable)} of {len(clips.data)} recordings cannot be read. Repair or "
            "remove them, or pass --skip-unreadable."
        )
    bad = {index for index, _ in check.unreadable}
    good = [index for index in range(len(clips.data)) if index not in bad]
    clips.data = [clips.data[index] for index in good]
    clips.target = clips.target[good]
    clips.groups = None if clips.groups is None else np.asarray(clips.groups)[good]
    if bad:
        check = check_clips(clips.data, clips.target, clips.groups, n_jobs=-1)
    return clips, check
