"""Write a file, compare it with the estimator, and only then put it in its place."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import logging
import os
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skaudio import audio
from skaudio._tensorflow import keras, start, without_chatter
from skaudio._version import __version__
from skaudio.audio._sources import in_order
from skaudio.exceptions import AudioError, ExportError, MissingDependencyError
from skaudio.export._clips import synthetic_clips
from skaudio.export._model import as_model
from skaudio.export._parts import Parts, parts_of
from skaudio.rejection import UnknownRejector
from skaudio.runtime import Contract

__all__ = ["Export", "arrays_of", "export", "imported", "quiet", "run_elsewhere"]

# Largest difference of a probability from the estimator's. Rounding makes it about 1e-6.
_TOLERANCE = 1e-4

# Clips that show the ranges of values. More take longer, and change little.
_N_CALIBRATION = 200

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
    agreement : float
        Share of the clips for which both predict the same label.
    accuracy : float or None
        Share of the clips for which the file predicts the label given as `y`.
    estimator_accuracy : float or None
        The same of the estimator.
    """

    path: str
    n_bytes: int
    n_clips: int
    largest_difference: float
    agreement: float
    accuracy: float | None = None
    estimator_accuracy: float | None = None


def export(
    estimator: Any,
    path: str | os.PathLike,
    X: Any,
    y: Any,
    *,
    quantize: str | None,
    packages: Sequence[str],
    write: Callable[[keras.Model, Contract, Path], None],
    run: Callable[[Path, Contract, Any], dict[str, np.ndarray]],
    quantized: Callable[[Path, Contract, np.ndarray], None],
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
    y : array-like or None
        Labels of `X`.
    quantize : {"int8"} or None
        Precision of the convolutions; None for that of the classifier.
    packages : sequence of str
        Packages that export it, whose versions are stated in the description.
    write : callable
        Writes a called model with its description to a file.
    run : callable
        Computes the outputs for clips with the file.
    quantized : callable
        Quantizes the file, for the ranges of values that the given clips have.

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
    _check_quantize(parts, quantize, X, y)
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
        labels = estimator.predict(clips)
        if parts.rejector is not None:
            _check_labels(parts, parts.rejector, outputs["index"], labels, clips)
        if quantize is not None:
            contract.network["quantization"] = quantize
            # From everywhere, since clips are often sorted by class.
            chosen = np.linspace(0, len(clips) - 1, min(_N_CALIBRATION, len(clips))).astype(int)
            quantized(file, contract, arrays_of([clips[index] for index in chosen], contract))
            outputs = run(file, contract, clips)
            difference = float(np.abs(outputs["probabilities"] - expected).max())
        found = _labels_of(parts, outputs)
        os.replace(file, path)
    return Export(
        path=os.fspath(path),
        n_bytes=path.stat().st_size,
        n_clips=len(clips),
        largest_difference=difference,
        agreement=float(np.mean(found == labels)),
        accuracy=None if y is None else float(np.mean(found == np.asarray(y))),
        estimator_accuracy=None if y is None else float(np.mean(labels == np.asarray(y))),
    )


def arrays_of(X: Any, contract: Contract) -> np.ndarray:
    """Read clips as an exported model takes them.

    Parameters
    ----------
    X : list of recordings, or array-like of features
        The clips.
    contract : Contract
        The description of the model.

    Returns
    -------
    ndarray of shape (n_clips, ...)
        Waveforms or features, ``float32``.
    """
    if contract.sample_rate is None:
        return np.asarray(X, np.float32)
    clips, _, failures = audio.load_batch(
        X, sample_rate=contract.sample_rate, n_samples=contract.shape[0]
    )
    if failures:
        raise AudioError(failures)
    return clips


def run_elsewhere(code: str, *arguments: str | os.PathLike) -> None:
    """Run Python code in a process of its own.

    Converters write pages of messages, and some end the process. The GPU is in use here.

    Parameters
    ----------
    code : str
        What it runs.
    *arguments : str or PathLike
        Its `sys.argv`.
    """
    # -P: no module of the current folder is taken for a package.
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *(os.fspath(argument) for argument in arguments)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise ExportError(
            f"The converter ended with exit code {done.returncode}, and said:\n"
            f"{done.stderr[-2000:]}"
        )


def _check_quantize(parts: Parts, quantize: str | None, X: Any, y: Any) -> None:
    if y is not None and X is None:
        raise ValueError("y has the labels of X: pass X, too.")
    if quantize is None:
        return
    if quantize != "int8":
        raise ValueError(f"quantize must be 'int8' or None. Got {quantize!r} instead.")
    if X is None:
        raise ValueError(
            "quantize='int8' needs X: about 100 clips like those of training, which show how "
            "large the values in the network become."
        )
    layers = list(parts.classifier.model_._flatten_layers())
    is_recurrent = any(isinstance(layer, keras.layers.RNN) for layer in layers)
    is_convolutional = any("Conv" in type(layer).__name__ for layer in layers)
    if is_recurrent or not is_convolutional:
        raise ValueError(
            f"quantize='int8' is for convolutional networks; {type(parts.classifier).__name__} "
            f"{'is recurrent' if is_recurrent else 'has no convolution'}. Export it with "
            "quantize=None, or train a ConvClassifier."
        )


def _labels_of(parts: Parts, outputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the labels that the outputs of a file mean."""
    if parts.rejector is None:
        return parts.classes[outputs["probabilities"].argmax(axis=1)]
    index, unknown = outputs["index"], np.asarray(parts.rejector.unknown_label_)
    return np.where(index < 0, unknown, parts.classes[index])


def _check_labels(
    parts: Parts, rejector: UnknownRejector, index: np.ndarray, labels: np.ndarray, clips: Any
) -> None:
    """Compare what is rejected, but for clips within rounding of the threshold."""
    classifier = parts.classifier
    names = _labels_of(parts, {"index": index})
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
            "class_counts": classifier.class_count_.tolist(),
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
