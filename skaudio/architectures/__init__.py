"""Networks as pure functions: ``(input_shape, n_classes, *, ...) -> keras.Model``.

Without scikit-learn and training: a function returns an uncompiled model that takes features
of shape ``(batch, n_frames, n_coefficients)`` and returns class probabilities.
All random numbers are determined by `seed`; the global generators are not used.
"""

from skaudio.architectures._bc_resnet import SubSpectralNormalization, bc_resnet
from skaudio.architectures._convolutional import convolutional
from skaudio.architectures._convolutional_recurrent import crnn
from skaudio.architectures._ds_cnn import ds_cnn
from skaudio.architectures._layers import (
    BatchNormalization,
    Dropout,
    PaddingMask,
    Standardize,
    TimePooling,
    padding_mask,
)
from skaudio.architectures._perceptron import perceptron
from skaudio.architectures._recurrent import recurrent
from skaudio.architectures._summary import LayerSummary, NetworkSummary, network_summary
from skaudio.architectures._tc_resnet import tc_resnet

__all__ = [
    "BatchNormalization",
    "Dropout",
    "LayerSummary",
    "NetworkSummary",
    "PaddingMask",
    "Standardize",
    "SubSpectralNormalization",
    "TimePooling",
    "bc_resnet",
    "convolutional",
    "crnn",
    "ds_cnn",
    "network_summary",
    "padding_mask",
    "perceptron",
    "recurrent",
    "tc_resnet",
]
