"""Export to LiteRT, formerly TensorFlow Lite."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from skaudio._tensorflow import keras, without_chatter
from skaudio.export._export import Export, arrays_of, export, imported, quiet, run_elsewhere
from skaudio.runtime import Contract

__all__ = ["to_litert"]

_CONVERT = """
import sys
import tensorflow as tf
with open(sys.argv[2], "wb") as file:
    file.write(tf.lite.TFLiteConverter.from_saved_model(sys.argv[1]).convert())
"""

# Convolutions of the network only: the features need the precision of floats.
_QUANTIZE = """
import sys
import numpy as np
from ai_edge_quantizer import qtyping, quantizer
path, examples, name = sys.argv[1:]
made = quantizer.Quantizer(path)
for operation in ("CONV_2D", "DEPTHWISE_CONV_2D"):
    made.add_static_config(
        regex="^(?!.*front_end).*",
        operation_name=qtyping.TFLOperationName(operation),
        activation_num_bits=8,
        weight_num_bits=8,
    )
clips = [{name: clip[None]} for clip in np.load(examples)]
ranges = made.calibrate({"serving_default": clips}, num_threads=1)
made.quantize(ranges).export_model(path, overwrite=True)
"""


def to_litert(
    estimator: Any,
    path: str | os.PathLike,
    *,
    X: Any = None,
    y: Any = None,
    quantize: str | None = None,
) -> Export:
    """Write a fitted classifier to a LiteRT file, from the waveform to the probabilities.

    For phones and small computers. The file contains everything that one of :func:`to_onnx` does,
    takes one clip at a time, and is run and compared after it is written.

    Parameters
    ----------
    estimator : Pipeline, search, UnknownRejector or classifier
        As in :func:`to_onnx`.
    path : str or PathLike
        The file, usually ending in ``.tflite``. An existing one is replaced when the new one has
        been compared.
    X : iterable of recordings or array-like of features, default=None
        Clips to compare with. None makes synthetic ones.
    y : array-like of shape (n_clips,), default=None
        Their labels, for the accuracies in the result.
    quantize : {"int8"}, default=None
        As in :func:`to_onnx`.

    Returns
    -------
    Export
        What was written.

    Raises
    ------
    TypeError
        If a step cannot be exported.
    ValueError
        If a parameter cannot be exported, as in :func:`to_onnx`.
    ExportError
        As in :func:`to_onnx`. No file is left.
    MissingDependencyError
        If the packages of the extra ``export`` are not installed.

    See Also
    --------
    to_onnx : Write an ONNX file.

    Notes
    -----
    The only input has the shape (1, n_samples). The outputs are those of :func:`to_onnx`.
    The description is a file ``skaudio.json`` in a ZIP archive at the end of the file, where LiteRT
    keeps associated files: ``zipfile.ZipFile("model.tflite").read("skaudio.json")``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
    >>> from skaudio.export import to_litert
    >>> rng = np.random.default_rng(0)
    >>> clips, labels = rng.normal(size=(8, 4000)).astype("float32"), list("abababab")
    >>> pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    >>> with TemporaryDirectory() as folder:
    ...     export = to_litert(
    ...         pipeline.fit(clips, labels), f"{folder}/model.tflite", X=clips
    ...     )
    >>> export.n_clips, export.largest_difference < 1e-4
    (8, True)
    """
    imported("ai_edge_litert.interpreter", *["ai_edge_quantizer"] * (quantize is not None))
    packages = ["ai-edge-litert"]
    return export(
        estimator,
        path,
        X,
        y,
        quantize=quantize,
        packages=packages,
        write=_write,
        run=_run,
        quantized=_quantized,
    )


def _write(model: keras.Model, contract: Contract, path: Path) -> None:
    saved = path.with_suffix(".saved")
    (inputs,) = model.inputs
    one_clip = keras.InputSpec(shape=(1, *inputs.shape[1:]), dtype="float32", name=inputs.name)
    with quiet():
        model.export(saved, format="tf_saved_model", verbose=False, input_signature=[one_clip])
    run_elsewhere(_CONVERT, saved, path)
    _describe(path, contract)


def _quantized(path: Path, contract: Contract, clips: np.ndarray) -> None:
    examples = path.with_suffix(".npy")
    np.save(examples, clips)
    run_elsewhere(_QUANTIZE, path, examples, contract.input)
    _describe(path, contract)


def _describe(path: Path, contract: Contract) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("skaudio.json", contract.to_json())


def _run(path: Path, contract: Contract, X: Any) -> dict[str, np.ndarray]:
    clips = arrays_of(X, contract)
    with without_chatter():
        interpreter = imported("ai_edge_litert.interpreter").Interpreter(
            os.fspath(path), num_threads=1
        )
        (name, signature), *_ = interpreter.get_signature_list().items()
        run = interpreter.get_signature_runner(name)
        outputs = [run(**{signature["inputs"][0]: clips[:1]})]  # the first run has a message
    outputs += [run(**{signature["inputs"][0]: clip[None]}) for clip in clips[1:]]
    return {name: np.concatenate([each[name] for each in outputs]) for name in outputs[0]}
