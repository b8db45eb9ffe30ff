"""Networks as pure functions: ``(input_shape, n_classes, *, ...) -> keras.Model``.

No scikit-learn, no training: a builder returns an uncompiled model that takes features
of shape ``(batch, n_frames, n_coefficients)`` and gives class probabilities. The
`preprocessing` layers that each one takes stand between its input and its first layer.
Every random draw comes from `seed`; the global generators are left alone.
"""

from skaudio.architectures._convolutional import convolutional
from skaudio.architectures._layers import MaskPadding, Standardize, padding_mask
from skaudio.architectures._perceptron import perceptron
from skaudio.architectures._recurrent import recurrent

__all__ = [
    "MaskPadding",
    "Standardize",
    "convolutional",
    "padding_mask",
    "perceptron",
    "recurrent",
]
