"""One Keras model from waveforms to probabilities."""

from __future__ import annotations

import numpy as np

from skaudio._tensorflow import keras
from skaudio.export._front_end import FrontEnd
from skaudio.export._parts import Parts

__all__ = ["as_model"]


def as_model(parts: Parts) -> keras.Model:
    """Combine front end, network and threshold.

    Parameters
    ----------
    parts : Parts
        The parts of a fitted estimator.

    Returns
    -------
    keras.Model
        From ``waveforms`` of shape (n_clips, n_samples), or from ``features``, to
        ``probabilities``; with a rejector also to ``index``: of the class, or -1 if it is unknown.
    """
    if parts.transformer is None:
        inputs = x = keras.Input(parts.classifier.input_shape_, name="features", dtype="float32")
        if len(parts.classifier.input_shape_) == 1:
            x = keras.layers.Reshape((1, -1))(x)
    else:
        inputs = keras.Input((parts.transformer.n_samples_,), name="waveforms", dtype="float32")
        x = FrontEnd(parts.transformer._extractor())(inputs)
    probabilities = parts.classifier.model_(x)
    if parts.rejector is None:
        named = keras.layers.Identity(name="probabilities")(probabilities)
        return keras.Model(inputs, {"probabilities": named})
    rejector = parts.rejector
    known, index = _Threshold(
        threshold=rejector.threshold_,
        known=np.searchsorted(parts.classifier.classes_, rejector.classes_),
        rejected=np.flatnonzero(parts.classifier.classes_ == rejector.unknown_label_),
        n_classes=len(parts.classifier.classes_),
    )(probabilities)
    known = keras.layers.Identity(name="probabilities")(known)
    index = keras.layers.Identity(name="index", dtype="int64")(index)
    return keras.Model(inputs, {"probabilities": known, "index": index})


class _Threshold(keras.layers.Layer):
    """Compute the probabilities of the known classes, and reject unknown clips.

    Parameters
    ----------
    threshold : float
        Clips with a lower score are unknown.
    known : ndarray of shape (n_known_classes,)
        Indices of the known classes.
    rejected : ndarray of shape (0,) or (1,)
        Index of the class of unknown clips, if the network knows it.
    n_classes : int
        Number of all classes.
    """

    def __init__(self, *, threshold, known, rejected, n_classes):
        super().__init__(name="threshold")
        # The largest float32 that is not above it would accept lower scores.
        lowest = np.float32(threshold)
        self.lowest = lowest if lowest >= threshold else np.nextafter(lowest, np.float32(np.inf))
        self.known = known.astype(np.int32)
        self.rejected = rejected.astype(np.int32)
        self.n_classes = n_classes

    def call(self, probabilities):
        """Normalise the probabilities of known classes, and compare the largest.

        Parameters
        ----------
        probabilities : tensor of shape (n_clips, n_classes)
            Of all classes.

        Returns
        -------
        (tensor of shape (n_clips, n_known_classes), tensor of shape (n_clips,))
            Probabilities, and the index of the class or -1.
        """
        ops = keras.ops
        known = ops.take(probabilities, self.known, axis=1)
        score = ops.max(known, axis=1)
        is_known = ops.logical_and(ops.greater_equal(score, self.lowest), ops.greater(score, 0))
        if len(self.rejected):
            best = ops.max(probabilities, axis=1)
            rejected = ops.take(probabilities, self.rejected, axis=1)[:, 0]
            is_known = ops.logical_and(is_known, ops.less(rejected, best))
        if len(self.known) < self.n_classes:
            known = known + np.finfo(np.float32).tiny  # if all are zero, they become equal
            known = known / ops.sum(known, axis=1, keepdims=True)
        # The first maximum: argmax has operations that ONNX has not.
        classes = np.arange(known.shape[1], dtype=np.int64)
        is_best = ops.equal(known, ops.max(known, axis=1, keepdims=True))
        best = ops.min(ops.where(is_best, classes, len(classes)), axis=1)
        return known, ops.where(is_known, best, -1)
