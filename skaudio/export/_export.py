"""Write a file, compare it with the estimator, and only then put it in its place."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import logging
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skaudio._tensorflow import keras, start, without_chatter
from skaudio._version import __version__
from skaudio.audio._sources import in_order
from skaudio.exceptions import ExportError, MissingDependencyError
from skaudio.export._clips import synthetic_clips
from skaudio.export._model import as_model
from skaudio.export._parts import Parts, parts_of
from skaudio.rejection import UnknownRejector
from skaudio.runtime import Contract

__all__ = ["Export", "export", "imported", "quiet"]

# Largest difference of a probability from the estimator's. Rounding makes it about 1e-6.
_TOLERANCE = 1e-4

# Loggers and warnings are global: one thread at a time hides them.
_hiding = threading.RLock()


class Export(NamedTuple):
    """A written file, and how well it agrees with what was exported.

    Attributes
    ----------
    path : str
        The file.
    n_bytes : int
        Its size.
    n_clips : int
        Clips that were compared.
    largest_difference : float
        Largest difference between a probability of the file and one of the estimator.
    """

    path: str
    n_bytes: int
    n_clips: int
    largest_difference: float


def export(
    estimator: Any,
    path: str | os.PathLike,
    X: Any,
    *,
    packages: Sequence[str],
    write: Callable[[keras.Model, Contract, Path], None],
    run: Callable[[Path, Contract, Any], dict[str, np.ndarray]],
) -> Export:
    """Write a file and compare it.

    Parameters
    ----------
    estimator : estimator
        What is exported.
    path : str or PathLike
        Where.
    X : iterable of recordings, array-like of features or None
        What it is compared on; None makes synthetic clips.
    packages : sequence of str
        Packages that export it, whose versions are stated in the description.
    write : callable
        Writes a called model with its description to a file.
    run : callable
        Computes the outputs for clips with the file.

    Returns
    -------
    Export
        What was written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder of {path} does not exist.")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder. Name the file to write.")
    parts = parts_of(estimator)
    contract = contract_of(parts, packages)
    clips = synthetic_clips(parts) if X is None else list(in_order(X, caller="The export"))
    expected = estimator.predict_proba(clips)
    start()
    model = as_model(parts)
    model(np.zeros((1, *model.input_shape[1:]), np.float32))  # or Keras does not export it
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        file = Path(folder) / f"model{path.suffix}"
        try:
            write(model, contract, file)
            outputs = run(file, contract, clips)
        except Exception as error:
            raise ExportError(
                f"{type(parts.classifier).__name__} could not be exported; no file was written. "
                f"The reason: {error}"
            ) from error
        difference = float(np.abs(outputs["probabilities"] - expected).max())
        if not difference <= _TOLERANCE:
            raise ExportError(
                f"The exported model's probabilities differ by up to {difference:.2g} from those "
                f"of {type(estimator).__name__}, more than {_TOLERANCE:g}; no file was written. "
                "Please report this, with the parameters of the transformer and the classifier."
            )
        if parts.rejector is not None:
            labels = estimator.predict(clips)
            _check_labels(parts, parts.rejector, outputs["index"], labels, clips)
        os.replace(file, path)
    return Export(os.fspath(path), path.stat().st_size, len(clips), difference)


def _check_labels(
    parts: Parts, rejector: UnknownRejector, index: np.ndarray, labels: np.ndarray, clips: Any
) -> None:
    """Compare what is rejected, but for clips within rounding of the threshold."""
    classifier = parts.classifier
    names = np.where(index < 0, np.asarray(rejector.unknown_label_), rejector.classes_[index])
    features = clips if parts.transformer is None else parts.transformer.transform(clips)
    probabilities = classifier.predict_proba(features)
    scores = probabilities[:, np.isin(classifier.classes_, rejector.classes_)].max(axis=1)
    is_close = np.abs(scores - rejector.threshold_) <= _TOLERANCE
    n_different = int(((names != labels) & ~is_close).sum())
    if n_different:
        raise ExportError(
            f"The exported model has other labels than {type(rejector).__name__} for {n_different} "
            f"of {len(labels)} clips; no file was written. Please report this, with the parameters "
            "of the rejector."
        )


def contract_of(parts: Parts, packages: Sequence[str]) -> Contract:
    """Describe what is exported.

    Parameters
    ----------
    parts : Parts
        The parts of the estimator.
    packages : sequence of str
        Packages that export it, whose versions are stated.

    Returns
    -------
    Contract
        Their description.
    """
    transformer, classifier, rejector = parts.transformer, parts.classifier, parts.rejector
    if transformer is None:
        shape, front_end = classifier.input_shape_, None
    else:
        shape = (transformer.n_samples_,)
        front_end = {
            "name": type(transformer).__name__,
            **{
                name: getattr(transformer, f"{name}_", value)
                for name, value in sorted(transformer.get_params().items())
                if name not in ("memory", "n_jobs", "verbose")
            },
        }
    last = {name: values[-1] for name, values in classifier.history_.items() if values}
    return Contract(
        classes=parts.classes.tolist(),
        unknown_label=None if rejector is None else rejector.unknown_label_,
        threshold=None if rejector is None else float(rejector.threshold_),
        input="features" if transformer is None else "waveforms",
        shape=list(map(int, shape)),
        sample_rate=None if transformer is None else int(transformer.sample_rate),
        front_end=front_end,
        network={
            "name": type(classifier).__name__,
            "n_parameters": int(classifier.model_.count_params()),
        },
        training={
            "n_epochs": classifier.n_iter_,
            **{name: float(value) for name, value in last.items() if np.isfinite(value)},
        },
        versions={
            "skaudio": __version__,
            **{
                name: importlib.metadata.version(name)
                for name in ("tensorflow", "keras", "scikit-learn", "numpy", *packages)
            },
        },
    )


def imported(*names: str) -> Any:
    """Import packages of the extra, and return the first.

    Parameters
    ----------
    *names : str
        Names of modules.

    Returns
    -------
    module
        The first of them.
    """
    try:
        modules = [importlib.import_module(name) for name in names]
    except ImportError as error:
        raise MissingDependencyError(
            f'Exporting needs {error.name}, which is not installed: pip install "skaudio[export]".'
        ) from error
    return modules[0]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide what tf2onnx, TensorFlow and Keras say of their own steps.

    Yields
    ------
    None
        While they are silent.
    """
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "tensorflow", "absl")]
    with _hiding, without_chatter():
        was_disabled = [logger.disabled for logger in loggers]
        for logger in loggers:
            logger.disabled = True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                yield
        finally:
            for logger, was in zip(loggers, was_disabled, strict=True):
                logger.disabled = was
