"""Export to ONNX."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from skaudio._tensorflow import keras
from skaudio.export._export import Export, export, imported, quiet
from skaudio.runtime import Contract, load
from skaudio.runtime._contract import sealed

__all__ = ["to_onnx"]


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
        If the network cannot be converted, if a probability differs by more than 1e-4, or if
        another clip is rejected. No file is left.
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
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
    >>> from skaudio.export import to_onnx
    >>> rng = np.random.default_rng(0)
    >>> clips, labels = rng.normal(size=(8, 4000)).astype("float32"), list("abababab")
    >>> pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    >>> with TemporaryDirectory() as folder:
    ...     export = to_onnx(pipeline.fit(clips, labels), f"{folder}/model.onnx", X=clips)
    >>> export.n_clips, export.largest_difference < 1e-4
    (8, True)
    """
    imported("onnx", "onnxruntime", "tf2onnx")
    return export(estimator, path, X, packages=["tf2onnx"], write=_write, run=_run)


def _write(model: keras.Model, contract: Contract, path: Path) -> None:
    onnx = imported("onnx")
    with quiet():
        model.export(path, format="onnx", verbose=False)
    written = onnx.load(path)
    for value in (*written.graph.input, *written.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n_clips"
    written.producer_name, written.producer_version = "skaudio", contract.versions["skaudio"]
    written.metadata_props.add(key="skaudio", value=contract.to_json())
    path.write_bytes(sealed(written.SerializeToString()))


def _run(path: Path, contract: Contract, X: Any) -> dict[str, np.ndarray]:
    return load(path).outputs(X)
