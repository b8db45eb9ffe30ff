"""Options, files and tables that several commands share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

__all__ = [
    "AsJson",
    "Features",
    "Folder",
    "Groups",
    "Jobs",
    "Model",
    "Network",
    "Seed",
    "check_outputs",
    "load_clips",
    "load_model",
    "make_pipeline",
    "recordings_in",
    "say",
    "scores_shown",
    "show",
    "table",
]


class Features(StrEnum):
    """Names of transformers."""

    mfcc = "mfcc"
    log_mel = "log-mel"
    pcen = "pcen"
    embedding = "embedding"


class Network(StrEnum):
    """Names of classifiers."""

    conv = "conv"
    tc_resnet = "tc-resnet"
    ds_cnn = "ds-cnn"
    bc_resnet = "bc-resnet"
    crnn = "crnn"
    lstm = "lstm"
    gru = "gru"
    perceptron = "perceptron"
    logistic = "logistic"


Folder = Annotated[
    Path, typer.Argument(help="A folder with one sub-folder of recordings for each class.")
]
Groups = Annotated[
    str | None,
    typer.Option(
        help="A regular expression that finds the speaker (machine, place, ...) in the path of a "
        "recording; its first parenthesised part. Recordings of a group are then trained on or "
        "tested together."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Jobs = Annotated[int, typer.Option(help="Processes that work at the same time; -1: all cores.")]
Model = Annotated[
    Path,
    typer.Argument(
        help="A model: a file of joblib (load only what you trust: it can execute code), or an "
        "exported one, ending in .onnx."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed: the same number gives the same model.")]


def make_pipeline(features: Features, network: Network, random_state: int) -> Any:
    """Make a pipeline of the names on the command line, with the library's defaults.

    Parameters
    ----------
    features : Features
        The transformer.
    network : Network
        The classifier.
    random_state : int
        Its seed.

    Returns
    -------
    Pipeline
        Not fitted.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import Normalizer

    import skaudio

    if network is Network.logistic:
        transformer = _transformer(features, pooling="mean_std")
        return skaudio.Pipeline([transformer, Normalizer(), LogisticRegression(C=10)])
    classifiers = {
        Network.conv: "ConvClassifier",
        Network.tc_resnet: "TCResNetClassifier",
        Network.ds_cnn: "DSCNNClassifier",
        Network.bc_resnet: "BCResNetClassifier",
        Network.crnn: "CRNNClassifier",
        Network.lstm: "LSTMClassifier",
        Network.gru: "GRUClassifier",
        Network.perceptron: "PerceptronClassifier",
    }
    classifier = getattr(skaudio, classifiers[network])(random_state=random_state)
    return skaudio.Pipeline([_transformer(features), classifier])


def _transformer(features: Features, pooling: str | None = None) -> Any:
    import skaudio

    if features is Features.embedding:
        return skaudio.EmbeddingTransformer(pooling=pooling)
    if pooling is not None:
        raise typer.BadParameter("the network 'logistic' needs --features embedding")
    transformers = {
        Features.mfcc: skaudio.MFCCTransformer,
        Features.log_mel: skaudio.LogMelTransformer,
        Features.pcen: skaudio.PCENTransformer,
    }
    return transformers[features]()


def check_outputs(*paths: Path) -> None:
    """Check before a long computation that its results can be written.

    Parameters
    ----------
    *paths : Path
        Where to.
    """
    for path in paths:
        if not path.absolute().parent.is_dir():
            raise FileNotFoundError(f"The folder of {path} does not exist.")
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder. Name the file to write.")
    if len({path.absolute() for path in paths}) < len(paths):
        raise ValueError(f"These must be different files: {', '.join(map(str, paths))}.")


def load_clips(folder: Path, groups: str | None) -> Any:
    """List the recordings of a folder.

    Parameters
    ----------
    folder : Path
        The folder.
    groups : str or None
        The expression for groups.

    Returns
    -------
    Bunch
        As :func:`skaudio.datasets.load_audio_folder`.
    """
    from skaudio.datasets import load_audio_folder

    return load_audio_folder(folder, groups=groups)


def load_model(path: Path) -> Any:
    """Load a saved pipeline, or an exported one.

    Parameters
    ----------
    path : Path
        A file of joblib, or one ending in ``.onnx``.

    Returns
    -------
    estimator or skaudio.runtime.Model
        The classifier.
    """
    if path.suffix == ".onnx":
        from skaudio.runtime import load

        return load(path)
    import joblib

    if not path.exists():
        raise FileNotFoundError(f"There is no file {path} (looked from {os.getcwd()}).")
    try:
        model = joblib.load(path)
    except ImportError:
        raise
    except Exception as error:
        raise ValueError(f"{path} is not a model saved with joblib: {error}.") from error
    if not hasattr(model, "predict"):
        raise ValueError(f"{path} holds a {type(model).__name__}, expected a fitted classifier.")
    return model


def recordings_in(paths: list[Path]) -> list[str]:
    """List recordings, and those in folders.

    Parameters
    ----------
    paths : list of Path
        Files and folders.

    Returns
    -------
    list of str
        The files; at least one.
    """
    files = [str(file) for path in paths for file in _files(path)]
    if not files:
        raise ValueError(f"There are no recordings in {', '.join(map(str, paths))}.")
    return files


def _files(path: Path) -> list[Path]:
    """List a file, or the recordings of a folder."""
    from skaudio.audio import is_audio

    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {path}.")
    if not path.is_dir():
        return [path]
    return [file for file in sorted(path.rglob("*")) if file.is_file() and is_audio(file)]


# Output ---------------------------------------------------------------------------------


def say(text: str) -> None:
    """Print a sentence about the progress, to stderr.

    Parameters
    ----------
    text : str
        The sentence.
    """
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


def show(values: Any, as_json: bool, *tables: Table | str) -> None:
    """Print a result: JSON for programs, or tables to read.

    Parameters
    ----------
    values : object
        What JSON contains.
    as_json : bool
        Whether to print it.
    *tables : Table or str
        What is printed otherwise.
    """
    if as_json:
        print(json.dumps(values, indent=2))
        return
    console = Console()
    for part in tables:
        if isinstance(part, str):
            console.print(part, highlight=False, markup=False, soft_wrap=True)
        else:
            console.print(part)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """Make a table whose first column is text and whose others are numbers.

    Parameters
    ----------
    columns : sequence of str
        The headings; empty ones are not shown.
    rows : iterable of sequence
        The cells.

    Returns
    -------
    Table
        The table.
    """
    from rich.text import Text

    made = Table(box=None, pad_edge=False, show_header=any(columns))
    for index, column in enumerate(columns):
        is_number = index > 0 and any(columns)
        made.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(str(cell)) for cell in row))
    return made


def scores_shown(evaluation: Any) -> tuple[dict[str, Any], list[Any]]:
    """Describe an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
        The predictions.

    Returns
    -------
    values : dict
        For JSON.
    tables : list of Table or str
        To read.
    """
    low, high = evaluation.interval()
    values = {
        "accuracy": evaluation.accuracy,
        "interval": [low, high],
        "balanced_accuracy": evaluation.balanced_accuracy,
        "n_clips": len(evaluation.y_true),
        "n_mistakes": len(evaluation.mistakes),
        "by_group": evaluation.groups is not None,
        "classes": [row._asdict() for row in evaluation.class_scores()],
    }
    sentence = (
        f"Accuracy {evaluation.accuracy:.3f} (95 % interval {low:.3f} to {high:.3f}), "
        f"{len(evaluation.mistakes)} of {len(evaluation.y_true)} clips wrong."
    )
    rows = [
        (row.label, row.n_clips, *(f"{x:.3f}" for x in (row.precision, row.recall, row.f1)))
        for row in evaluation.class_scores()
    ]
    return values, [sentence, table(["class", "clips", "precision", "recall", "F1"], rows)]
