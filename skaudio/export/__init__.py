"""Export fitted classifiers to files that run without Python, scikit-learn and TensorFlow."""

from skaudio.export._export import Export
from skaudio.export._litert import to_litert
from skaudio.export._onnx import to_onnx

__all__ = ["Export", "to_litert", "to_onnx"]
