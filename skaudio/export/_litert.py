"""Export to LiteRT, formerly TensorFlow Lite."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from skaudio import audio
from skaudio._tensorflow import keras, without_chatter
from skaudio.exceptions import AudioError, ExportError
from skaudio.export._export import Export, export, imported, quiet
from skaudio.runtime import Contract

__all__ = ["to_litert"]

# In a process of its own: the converter writes pages of messages, and has ended processes.
_CONVERT = """
import sys
import tensorflow as tf
with open(sys.argv[2], "wb") as file:
    file.write(tf.lite.TFLiteConverter.from_saved_model(sys.argv[1]).convert())
"""


def to_litert(estimator: Any, path: str | os.PathLike, *, X: Any = None) -> Export:
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
    imported("ai_edge_litert.interpreter")
    packages = ["ai-edge-litert"]
    return export(estimator, path, X, packages=packages, write=_write, run=_run)


def _write(model: keras.Model, contract: Contract, path: Path) -> None:
    saved = path.with_suffix(".saved")
    (inputs,) = model.inputs
    one_clip = keras.InputSpec(shape=(1, *inputs.shape[1:]), dtype="float32", name=inputs.name)
    with quiet():
        model.export(saved, format="tf_saved_model", verbose=False, input_signature=[one_clip])
    # -P: no module of the current folder is taken for TensorFlow. The GPU is in use here.
    done = subprocess.run(
        [sys.executable, "-P", "-c", _CONVERT, os.fspath(saved), os.fspath(path)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise ExportError(
            f"LiteRT's converter ended with exit code {done.returncode}, and said:\n"
            f"{done.stderr[-2000:]}"
        )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("skaudio.json", contract.to_json())


def _run(path: Path, contract: Contract, X: Any) -> dict[str, np.ndarray]:
    if contract.sample_rate is None:
        clips = np.asarray(X, np.float32)
    else:
        clips, _, failures = audio.load_batch(
            X, sample_rate=contract.sample_rate, n_samples=contract.shape[0]
        )
        if failures:
            raise AudioError(failures)
    with without_chatter():
        interpreter = imported("ai_edge_litert.interpreter").Interpreter(
            os.fspath(path), num_threads=1
        )
        (name, signature), *_ = interpreter.get_signature_list().items()
        run = interpreter.get_signature_runner(name)
        outputs = [run(**{signature["inputs"][0]: clips[:1]})]  # the first run has a message
    outputs += [run(**{signature["inputs"][0]: clip[None]}) for clip in clips[1:]]
    return {name: np.concatenate([each[name] for each in outputs]) for name in outputs[0]}
