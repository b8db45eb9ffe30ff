"""A network compiled once for prediction."""

from __future__ import annotations

import threading

import numpy as np

from skaudio._tensorflow import keras, tf

# Clips predicted together: a bound on memory, far past the size where larger batches
# would be faster.
_BATCH = 256


class CompiledNetwork:
    """Call a network on arrays, through one graph for all batch sizes.

    Keras' own ``predict`` costs about 40 ms a call before it computes anything, and its
    ``predict_on_batch`` traces again for new batch sizes, with a warning. The graph is
    traced at the first call; the lock keeps several threads from tracing it at once.

    Parameters
    ----------
    model : keras.Model
        Features in, probabilities out.
    """

    def __init__(self, model: keras.Model):
        self._model = model
        self._graph = None
        self._lock = threading.Lock()

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Predict.

        Parameters
        ----------
        X : ndarray of shape (n_clips, n_frames, n_coefficients)
            Features.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            Probabilities.
        """
        with self._lock:
            if self._graph is None:
                self._graph = self._trace()
        batches = (X[start : start + _BATCH] for start in range(0, len(X), _BATCH))
        return np.concatenate([self._graph(tf.constant(batch)).numpy() for batch in batches])

    def _trace(self):
        shape = (None, *self._model.input_shape[1:])
        function = tf.function(lambda features: self._model(features, training=False))
        return function.get_concrete_function(tf.TensorSpec(shape, tf.float32))
