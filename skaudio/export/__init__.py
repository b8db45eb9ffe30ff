"""Export fitted classifiers to files that run without Python, scikit-learn and TensorFlow."""

from skaudio.export._onnx import Export, to_onnx

__all__ = ["Export", "to_onnx"]
