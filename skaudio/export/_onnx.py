"""Export to ONNX."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from skaudio._tensorflow import keras
from skaudio.export._export import Export, export, imported, quiet, run_elsewhere
from skaudio.runtime import Contract, load
from skaudio.runtime._contract import sealed, unsealed

__all__ = ["to_onnx"]

# Convolutions of the network only: the features need the precision of floats.
_QUANTIZE = """
import sys
import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
path, examples, name = sys.argv[1:]

class Clips(CalibrationDataReader):
    def __init__(self):
        self.clips = iter(np.load(examples))

    def get_next(self):
        clip = next(self.clips, None)
        return None if clip is None else {name: clip[None]}

nodes = onnx.load(path).graph.node
chosen = [n.name for n in nodes if n.op_type == "Conv" and "front_end" not in n.name]
quantize_static(
    path, path, Clips(), quant_format=QuantFormat.QDQ, nodes_to_quantize=chosen, per_channel=True
)
"""


def to_onnx(
    estimator: Any,
    path: str | os.PathLike,
    *,
    X: Any = None,
    y: Any = None,
    quantize: str | None = None,
) -> Export:
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
    y : array-like of shape (n_clips,), default=None
        Their labels, for the accuracies in the result.
    quantize : {"int8"}, default=None
        Compute the convolutions of the network with integers of 8 bits, weights and values: a
        smaller file, for hardware that is made for these. The features stay floats. Only for
        convolutional networks; `X` is needed, 100 clips like those of training or more. The
        probabilities then differ, and the result says how many labels do.

    Returns
    -------
    Export
        What was written.

    Raises
    ------
    TypeError
        If a step cannot be exported.
    ValueError
        If a parameter cannot be exported: `align` and `loudness`, which need the whole recording;
        or if `quantize` does not suit the network.
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
    return export(
        estimator,
        path,
        X,
        y,
        quantize=quantize,
        packages=["tf2onnx"],
        write=_write,
        run=_run,
        quantized=_quantized,
    )


def _write(model: keras.Model, contract: Contract, path: Path) -> None:
    onnx = imported("onnx")
    with quiet():
        model.export(path, format="onnx", verbose=False)
    _finish(onnx.load(path), contract, path)


def _finish(written: Any, contract: Contract, path: Path) -> None:
    for value in (*written.graph.input, *written.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n_clips"
    written.producer_name, written.producer_version = "skaudio", contract.versions["skaudio"]
    del written.metadata_props[:]
    written.metadata_props.add(key="skaudio", value=contract.to_json())
    path.write_bytes(sealed(written.SerializeToString()))


def _quantized(path: Path, contract: Contract, clips: np.ndarray) -> None:
    onnx = imported("onnx")
    examples = path.with_suffix(".npy")
    np.save(examples, clips)
    path.write_bytes(unsealed(path.read_bytes(), path=os.fspath(path)))
    run_elsewhere(_QUANTIZE, path, examples, contract.input)
    written = onnx.load(path)
    # An operator set that the quantizer declares and does not use.
    used = {node.domain for node in written.graph.node}
    for operators in [each for each in written.opset_import if each.domain not in used]:
        written.opset_import.remove(operators)
    _finish(written, contract, path)


def _run(path: Path, contract: Contract, X: Any) -> dict[str, np.ndarray]:
    return load(path).outputs(X)
