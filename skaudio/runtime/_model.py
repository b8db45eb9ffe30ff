"""A classifier on ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from skaudio import audio
from skaudio.audio._sources import in_order
from skaudio.exceptions import AudioError, MissingDependencyError, ModelFileError
from skaudio.runtime._contract import Contract, unsealed

__all__ = ["Model", "load"]

# Clips that are read and classified together, which limits the memory.
_BATCH = 32


def load(path: str | os.PathLike, *, n_threads: int = 1) -> Model:
    """Load an exported classifier.

    Nothing in the file is executed but the operations of ONNX, and nothing is unpickled. The file
    must be whole: it ends with its SHA-256.

    Parameters
    ----------
    path : str or PathLike
        A file of :func:`skaudio.export.to_onnx`.
    n_threads : int, default=1
        Threads for one call. One suits single clips, and programs that classify in several threads
        of their own.

    Returns
    -------
    Model
        The classifier.

    Raises
    ------
    ModelFileError
        If the file is damaged, of another program, or of a newer version of the format.
    MissingDependencyError
        If ONNX Runtime is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline
    >>> from skaudio.export import to_onnx
    >>> from skaudio.runtime import load
    >>> rng = np.random.default_rng(0)
    >>> clips, labels = rng.normal(size=(8, 4000)).astype("float32"), list("abababab")
    >>> pipeline = Pipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    >>> with TemporaryDirectory() as folder:
    ...     export = to_onnx(pipeline.fit(clips, labels), f"{folder}/model.onnx")
    ...     model = load(export.path)
    >>> model.classes_.tolist(), model.sample_rate
    (['a', 'b'], 16000)
    >>> model.predict_proba(clips).shape
    (8, 2)
    """
    name = os.fspath(path)
    data = unsealed(Path(path).read_bytes(), path=name)
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            "Exported models need ONNX Runtime: pip install onnxruntime."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Weights are in the file, and no other file is opened.
    folder = "session.model_external_initializers_file_folder_path"
    options.add_session_config_entry(folder, os.devnull)
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no other base class
        raise ModelFileError(f"ONNX Runtime cannot load {name}: {error}") from error
    text = session.get_modelmeta().custom_metadata_map.get("skaudio")
    contract = Contract.from_json(text, path=name)
    _check_session(session, contract, name)
    return Model(session, contract)


class Model:
    """An exported classifier, made by :func:`load`.

    It takes what the exported pipeline took, and returns the same labels and probabilities. It
    can be used by several threads at the same time.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        The loaded file.
    contract : Contract
        Its description.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the probabilities.
    contract : Contract
        All that the file says about itself.
    sample_rate : int or None
        Rate of the clips in Hz; None if the model takes features.
    """

    def __init__(self, session: Any, contract: Contract):
        self._session = session
        self.contract = contract
        self.classes_ = np.array(contract.classes)
        self.sample_rate = contract.sample_rate

    def predict(self, X: Iterable[Any]) -> np.ndarray:
        """Predict the label of each clip.

        Parameters
        ----------
        X : iterable of recordings, or array-like of shape (n_clips, n_samples)
            Paths, bytes, open files, arrays at `sample_rate` or pairs ``(samples, sample_rate)``,
            as in :meth:`skaudio.MFCCTransformer.transform`. If the model takes features, an array
            of them.

        Returns
        -------
        ndarray of shape (n_clips,)
            Labels: those of `classes_`, or that of unknown clips.
        """
        outputs = self.outputs(X)
        if self.contract.threshold is None:
            return self.classes_[outputs["probabilities"].argmax(axis=1)]
        index = outputs["index"]
        return np.where(index < 0, np.asarray(self.contract.unknown_label), self.classes_[index])

    def predict_proba(self, X: Iterable[Any]) -> np.ndarray:
        """Compute the probability of each class.

        Parameters
        ----------
        X : iterable of recordings, or array-like of shape (n_clips, n_samples)
            As in `predict`.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            In the order of `classes_`.
        """
        return self.outputs(X)["probabilities"]

    def outputs(self, X: Iterable[Any]) -> dict[str, np.ndarray]:
        """Compute all outputs of the file.

        Parameters
        ----------
        X : iterable of recordings, or array-like of shape (n_clips, n_samples)
            As in `predict`.

        Returns
        -------
        dict of str to ndarray
            The ``probabilities``, and with a threshold the ``index`` of the class or -1.
        """
        recordings = iter(in_order(X, caller=type(self).__name__))
        self._check_axes(X)
        names = [output.name for output in self._session.get_outputs()]
        parts, failures, n_clips = [], [], 0
        while batch := list(islice(recordings, _BATCH)):
            clips, failed = self._clips(batch, range(n_clips, n_clips + len(batch)))
            n_clips += len(batch)
            failures += failed
            if not failures:  # otherwise only look for more of them
                parts.append(self._session.run(names, {self.contract.input: clips}))
        if failures:
            raise AudioError(failures)
        if not n_clips:
            raise ValueError("X is empty; at least one clip is needed.")
        return {
            name: np.concatenate(values)
            for name, values in zip(names, zip(*parts, strict=True), strict=True)
        }

    def _known_probabilities(self, X: Iterable[Any]) -> np.ndarray:
        """Return the probabilities, zero for clips that the threshold rejects."""
        outputs = self.outputs(X)
        is_known = outputs["index"] >= 0 if "index" in outputs else np.True_
        return outputs["probabilities"] * np.expand_dims(is_known, -1)

    def _check_axes(self, X: Any) -> None:
        """Refuse a single clip, whose samples would be taken for recordings."""
        axes = ["n_clips", "n_samples"] if self.sample_rate else ["n_clips", *self.contract.shape]
        if isinstance(X, np.ndarray) and X.dtype.kind in "iuf" and X.ndim != len(axes):
            raise ValueError(
                f"Expected an array of shape ({', '.join(map(str, axes))}), got {X.shape}. Pass a "
                "single clip as [clip]."
            )

    def _clips(self, recordings: list[Any], indices: range) -> tuple[np.ndarray, list[Any]]:
        if self.sample_rate is not None:
            clips, _, failures = audio.load_batch(
                recordings,
                sample_rate=self.sample_rate,
                n_samples=self.contract.shape[0],
                indices=indices,
            )
            return clips, failures
        clips = np.asarray(recordings, np.float32)
        if clips.shape[1:] != tuple(self.contract.shape):
            raise ValueError(
                f"Expected features of shape (n_clips, {', '.join(map(str, self.contract.shape))}),"
                f" got {(len(clips), *clips.shape[1:])}."
            )
        if not np.isfinite(clips).all():
            raise ValueError("The features contain NaN or infinity.")
        return clips, []


def _check_session(session: Any, contract: Contract, name: str) -> None:
    """Check that the graph is what its description says."""
    inputs = {value.name: value.shape[1:] for value in session.get_inputs()}
    outputs = {value.name: value.shape[1:] for value in session.get_outputs()}
    expected = {"probabilities": [len(contract.classes)]}
    if contract.threshold is not None:
        expected["index"] = []
    if inputs != {contract.input: contract.shape} or outputs != expected:
        raise ModelFileError(
            f"The description of {name} does not match its model, which takes {inputs} and returns "
            f"{outputs}. Export it again."
        )
