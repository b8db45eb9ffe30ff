"""TC-ResNet: residual blocks of convolutions over time, coefficients as channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from skaudio._tensorflow import keras
from skaudio.architectures._layers import (
    dense_head,
    features_input,
    glorot,
    normalized,
    pooled_over_time,
    scaled,
    seed_stream,
)


def tc_resnet(
    input_shape: tuple[int, int],
    n_classes: int,
    *,
    width_multiplier: float = 1.0,
    depth_multiplier: float = 1.0,
    kernel_size: int = 9,
    activation: str = "relu",
    global_pooling: str = "average",
    dropout: float = 0.5,
    seed: int = 0,
) -> keras.Model:
    """Build a temporal convolutional residual network.

    A convolution with 16 filters, then three stages with 24, 32 and 48. Each stage halves
    the number of frames and has one residual block (TC-ResNet8) or more.

    Parameters
    ----------
    input_shape : (int, int)
        Frames and coefficients.
    n_classes : int
        Number of classes.
    width_multiplier : float, default=1.0
        Scale of all numbers of filters: 1.5 is the paper's TC-ResNet8-1.5.
    depth_multiplier : float, default=1.0
        Residual blocks in each stage, rounded: 1 is TC-ResNet8, 2 is TC-ResNet14.
    kernel_size : int, default=9
        Length of the filters of the blocks, in frames.
    activation : str, default="relu"
        Activation after each normalisation.
    global_pooling : {"statistics", "average", "max"}, default="average"
        How maps become a vector, by pooling over time, without padding. "statistics" is average,
        standard deviation and maximum of the features and of the map of each stage; the others are
        of the last map.
    dropout : float, default=0.5
        Share of the values dropped before the dense layer, in training.
    seed : int, default=0
        Seed of the initial weights and of dropout.

    Returns
    -------
    keras.Model
        The uncompiled model, which returns class probabilities.

    References
    ----------
    S. Choi et al., "Temporal convolution for real-time keyword spotting on mobile
    devices", Interspeech 2019, 3372-3376.

    Examples
    --------
    >>> from skaudio.architectures import tc_resnet
    >>> tc_resnet((98, 40), 12).count_params()  # 66 k in the paper
    65836
    """
    seeds = seed_stream(seed)
    inputs = x = features_input(input_shape)
    x = normalized(_convolution(x, scaled(16, width_multiplier), 3, 1, seeds), activation)
    levels = [(inputs, 1), (x, 1)]
    for stage, n_filters in enumerate((24, 32, 48), start=1):
        for block in range(scaled(1, depth_multiplier)):
            x = _residual_block(
                x,
                scaled(n_filters, width_multiplier),
                kernel_size=kernel_size,
                stride=2 if block == 0 else 1,
                activation=activation,
                seeds=seeds,
            )
        levels.append((x, 2**stage))
    x = pooled_over_time(levels, global_pooling)
    outputs = dense_head(x, n_classes, dropout=dropout, seeds=seeds)
    return keras.Model(inputs, outputs, name="tc_resnet")


def _residual_block(
    x: Any,
    n_filters: int,
    *,
    kernel_size: int,
    stride: int,
    activation: str,
    seeds: Iterator[int],
) -> Any:
    shortcut = x
    if stride > 1 or x.shape[-1] != n_filters:
        shortcut = normalized(_convolution(x, n_filters, 1, stride, seeds), activation)
    x = normalized(_convolution(x, n_filters, kernel_size, stride, seeds), activation)
    x = normalized(_convolution(x, n_filters, kernel_size, 1, seeds))
    return keras.layers.Activation(activation)(keras.layers.Add()([x, shortcut]))


def _convolution(
    x: Any, n_filters: int, kernel_size: int, stride: int, seeds: Iterator[int]
) -> Any:
    return keras.layers.Conv1D(
        n_filters,
        kernel_size,
        strides=stride,
        padding="same",
        use_bias=False,  # the normalisation has an offset
        kernel_initializer=glorot(seeds),
    )(x)
