"""Classify recordings with an exported model, without TensorFlow and scikit-learn.

:func:`load` reads a file of :func:`skaudio.export.to_onnx`. It needs nothing but these packages::

    pip install --no-deps skaudio
    pip install numpy av soxr lazy_loader wrapt onnxruntime
"""

from skaudio.runtime._contract import Contract
from skaudio.runtime._model import Model, load

__all__ = ["Contract", "Model", "load"]
