"""Export to ONNX."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skaudio._tensorflow import start
from skaudio.audio._sources import in_order
from skaudio.exceptions import ExportError, MissingDependencyError
from skaudio.export._clips import synthetic_clips
from skaudio.export._model import as_model
from skaudio.export._parts import Parts, parts_of
from skaudio.runtime import Contract, load
from skaudio.runtime._contract import sealed

__all__ = ["Export", "to_onnx"]

# Largest difference of a probability from the pipeline's. Rounding makes it about 1e-6.
_TOLERANCE = 1e-4


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


def to_onnx(estimator: Any, path: str | os.PathLike, *, X: Any = None) -> Export:
    """Write a fitted classifier to an ONNX file, from the waveform to the probabilities.

    The file contains everything: the features, their standardisation, the network, and the
    threshold of a rejector. It has standard operators only, and runs wherever ONNX does;
    :func:`skaudio.runtime.load` runs it in Python, without TensorFlow. After it is written, it is
    run and compared with the estimator.

    Parameters
    ----------
    estimator : Pipeline, search, UnknownRejector or classifier
        Fitted. A pipeline consists of an :class:`~skaudio.MFCCTransformer`,
        :class:`~skaudio.LogMelTransformer` or :class:`~skaudio.PCENTransformer` and one of
        skaudio's classifiers; samplers are left out. The file of a classifier alone takes
        features.
    path : str or PathLike
        The file, usually ending in ``.onnx``. An existing one is replaced when the new one has
        been compared.
    X : iterable of recordings or array-like of features, default=None
        Clips to compare with. None makes synthetic ones.

    Returns
    -------
    Export
        What was written.

    Raises
    ------
    TypeError
        If a step cannot be exported.
    ValueError
        If a parameter cannot be exported: `align` and `loudness`, which need the whole recording.
    ExportError
        If a probability differs by more than 1e-4. No file is left.
    MissingDependencyError
        If the packages of the extra ``export`` are not installed.

    See Also
    --------
    skaudio.runtime.load : Use the file.

    Notes
    -----
    The input ``waveforms`` has the shape (n_clips, n_samples) and takes float32 samples between -1
    and 1 at the pipeline's rate; shorter clips are followed by zeros. The output
    ``probabilities`` has the shape (n_clips, n_classes); with a rejector, ``index`` is the index of
    the class, or -1. The metadata, under the key ``skaudio``, are a JSON object:
    :class:`skaudio.runtime.Contract`.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
    >>> from skaudio.export import to_onnx
    >>> rng = np.random.default_rng(0)
    >>> clips, labels = rng.normal(size=(8, 4000)).astype("float32"), list("abababab")
    >>> pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    >>> export = to_onnx(pipeline.fit(clips, labels), "model.onnx", X=clips)
    >>> export.n_clips, export.largest_difference < 1e-4
    (8, True)
    """
    onnx = _import_onnx()
    parts = parts_of(estimator)
    contract = _contract(parts)
    clips = synthetic_clips(parts) if X is None else list(in_order(X, caller="to_onnx"))
    path = Path(path)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        written = Path(folder) / "model.onnx"
        _write(parts, written)
        model = onnx.load(written)
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n_clips"
        model.producer_name, model.producer_version = "skaudio", contract.versions["skaudio"]
        model.metadata_props.add(key="skaudio", value=contract.to_json())
        written.write_bytes(sealed(model.SerializeToString()))
        difference = _largest_difference(parts, written, clips)
        os.replace(written, path)
    return Export(os.fspath(path), path.stat().st_size, len(clips), difference)


def _write(parts: Parts, path: Path) -> None:
    start()
    model = as_model(parts)
    shape = (1, *model.input_shape[1:])
    model(np.zeros(shape, np.float32))  # Keras exports models that have been called
    with _quiet():
        model.export(path, format="onnx", verbose=False)


def _largest_difference(parts: Parts, path: Path, clips: Any) -> float:
    model = load(path)
    expected = parts.estimator.predict_proba(clips)
    difference = float(np.abs(model.predict_proba(clips) - expected).max())
    if not difference <= _TOLERANCE:
        raise ExportError(
            f"The exported model's probabilities differ by up to {difference:.2g} from those of "
            f"{type(parts.estimator).__name__}, more than {_TOLERANCE:g}; no file was written. "
            "Please report this, with the parameters of the transformer and the classifier."
        )
    return difference


def _contract(parts: Parts) -> Contract:
    transformer, classifier, rejector = parts.transformer, parts.classifier, parts.rejector
    if transformer is None:
        shape, front_end = classifier.input_shape_, None
    else:
        shape = (transformer.n_samples_,)
        own = transformer.get_params()
        front_end = {
            "name": type(transformer).__name__,
            **{
                name: _jsonable(getattr(transformer, f"{name}_", own[name]))
                for name in sorted(own)
                if name not in ("memory", "n_jobs", "verbose")
            },
        }
    history = {name: values[-1] for name, values in classifier.history_.items() if values}
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
            **{name: float(value) for name, value in history.items() if np.isfinite(value)},
        },
        versions={
            name: importlib.metadata.version(name)
            for name in ("skaudio", "tensorflow", "keras", "scikit-learn", "numpy", "tf2onnx")
        },
    )


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def _import_onnx() -> Any:
    try:
        import onnx
        import onnxruntime  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f'Exporting needs {error.name}, which is not installed: pip install "skaudio[export]".'
        ) from error
    return onnx


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide what tf2onnx and Keras say of their own steps."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "tensorflow", "absl")]
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
