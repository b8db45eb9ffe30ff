"""DS-CNN: convolutions split into one filter per channel and a mix of the channels."""

from __future__ import annotations

from skaudio._tensorflow import keras
from skaudio.architectures._layers import (
    averaged_over_coefficients,
    dense_head,
    features_input,
    glorot,
    normalized,
    pooled_over_time,
    scaled,
    seed_stream,
)


def ds_cnn(
    input_shape: tuple[int, int],
    n_classes: int,
    *,
    width_multiplier: float = 1.0,
    depth_multiplier: float = 1.0,
    time_stride: int = 4,
    coefficient_stride: int = 4,
    activation: str = "relu",
    global_pooling: str = "average",
    dropout: float = 0.2,
    seed: int = 0,
) -> keras.Model:
    """Build a depthwise separable convolutional network.

    A convolution of 10 frames by 4 coefficients, then four blocks: depthwise convolution
    of 3 by 3 and pointwise convolution, each with batch normalisation and activation.

    Parameters
    ----------
    input_shape : (int, int)
        Frames and coefficients.
    n_classes : int
        Number of classes.
    width_multiplier : float, default=1.0
        Scale of the 64 filters of each layer. The paper's medium network has 172 (2.69),
        its large one 276 (4.31).
    depth_multiplier : float, default=1.0
        Scale of the four blocks.
    time_stride : int, default=4
        Stride of the first convolution along time. The paper uses 2 with a hop of 20 ms; 4
        is the same with a hop of 10 ms.
    coefficient_stride : int, default=4
        Stride of the first convolution along the coefficients. The paper uses 2 with 10
        coefficients; 4 suits 40.
    activation : str, default="relu"
        Activation after each normalisation.
    global_pooling : {"statistics", "average", "max"}, default="average"
        How maps become a vector, by pooling over time, without padding. "statistics" is average,
        standard deviation and maximum of the features and of each block's map, averaged over the
        coefficients; the others are of the last map.
    dropout : float, default=0.2
        Share of the values dropped before the dense layer, in training.
    seed : int, default=0
        Seed of the initial weights and of dropout.

    Returns
    -------
    keras.Model
        The uncompiled model, which returns class probabilities.

    References
    ----------
    Y. Zhang, N. Suda, L. Lai and V. Chandra, "Hello edge: keyword spotting on
    microcontrollers", arXiv:1711.07128, 2017.

    Examples
    --------
    >>> from skaudio.architectures import ds_cnn
    >>> ds_cnn((49, 10), 12).output_shape
    (None, 12)
    """
    layers = keras.layers
    seeds = seed_stream(seed)
    n_filters = scaled(64, width_multiplier)
    inputs = x = features_input(input_shape)
    x = layers.Reshape((*input_shape, 1))(x)
    x = layers.Conv2D(
        n_filters,
        (10, 4),
        strides=(time_stride, coefficient_stride),
        padding="same",
        use_bias=False,  # the normalisation has an offset
        kernel_initializer=glorot(seeds),
    )(x)
    x = normalized(x, activation)
    levels = [(inputs, 1)]
    for _ in range(scaled(4, depth_multiplier)):
        x = layers.DepthwiseConv2D(
            3, padding="same", use_bias=False, depthwise_initializer=glorot(seeds)
        )(x)
        x = normalized(x, activation)
        x = layers.Conv2D(n_filters, 1, use_bias=False, kernel_initializer=glorot(seeds))(x)
        x = normalized(x, activation)
        levels.append((averaged_over_coefficients(x), time_stride))
    x = pooled_over_time(levels, global_pooling)
    outputs = dense_head(x, n_classes, dropout=dropout, seeds=seeds)
    return keras.Model(inputs, outputs, name="ds_cnn")
