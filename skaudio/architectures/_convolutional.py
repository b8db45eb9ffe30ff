"""Convolution and pooling blocks, over time only or over time and coefficients."""

from __future__ import annotations

from collections.abc import Sequence

from skaudio._tensorflow import keras
from skaudio.architectures._layers import (
    dense_head,
    dropped,
    features_input,
    glorot,
    normalized,
    pooled_over_time,
    seed_stream,
    sizes,
)

# Filters along two axes are applied at every coefficient, too: fewer are enough, and faster.
_FILTERS = {1: (64, 96, 128), 2: (24, 32, 48)}


def convolutional(
    input_shape: tuple[int, int],
    n_classes: int,
    *,
    conv_dim: int = 1,
    filters: int | Sequence[int] | None = None,
    kernel_size: int = 5,
    pool_size: int = 2,
    batch_norm: bool = True,
    conv_dropout: float = 0.0,
    global_pooling: str | None = "statistics",
    dense_units: int | Sequence[int] | None = None,
    activation: str = "relu",
    dropout: float = 0.3,
    seed: int = 0,
) -> keras.Model:
    """Build a convolutional network.

    Each block is convolution, batch normalisation, activation, maximum pooling. With
    ``conv_dim=1`` the coefficients are the channels and filters move along time; with
    ``conv_dim=2`` the features are an image with one channel.

    Parameters
    ----------
    input_shape : (int, int)
        Frames and coefficients.
    n_classes : int
        Number of classes.
    conv_dim : {1, 2}, default=1
        Axes that the filters move along.
    filters : int or sequence of int, default=None
        Filters of each block; its length is the number of blocks. None is (64, 96, 128)
        along one axis and (24, 32, 48) along two.
    kernel_size : int, default=5
        Length of the filters along each axis.
    pool_size : int, default=2
        Pooling along each axis.
    batch_norm : bool, default=True
        Normalise after each convolution.
    conv_dropout : float, default=0.0
        Share of the values dropped after each block, in training.
    global_pooling : {"statistics", "average", "max", None}, default="statistics"
        How maps become a vector: by pooling over time, without the padding of short clips.
        "statistics" is average, standard deviation [1]_ and maximum of the features and of each
        block's map, "average" and "max" are of the last map. None flattens the last map, which also
        keeps the position of a sound in the clip, but needs far more weights. With ``conv_dim=2``
        the positions of the coefficients are kept, since the meaning of a pattern depends on them.
    dense_units : int, sequence of int or None, default=None
        Sizes of hidden dense layers; None for none.
    activation : str, default="relu"
        Activation of blocks and hidden layers.
    dropout : float, default=0.3
        Share of the values dropped before each dense layer, in training.
    seed : int, default=0
        Seed of the initial weights and of dropout.

    Returns
    -------
    keras.Model
        The uncompiled model, which returns class probabilities.

    References
    ----------
    .. [1] D. Snyder, D. Garcia-Romero, D. Povey and S. Khudanpur, "Deep neural network
       embeddings for text-independent speaker verification", Interspeech 2017, 999-1003.

    T. N. Sainath and C. Parada, "Convolutional neural networks for small-footprint
    keyword spotting", Interspeech 2015, 1478-1482. (Two dimensions.)

    S. Choi et al., "Temporal convolution for real-time keyword spotting on mobile
    devices", Interspeech 2019, 3372-3376. (Coefficients as channels.)

    Examples
    --------
    >>> from skaudio.architectures import convolutional
    >>> convolutional((101, 40), 3).output_shape
    (None, 3)
    """
    layers = keras.layers
    seeds = seed_stream(seed)
    inputs = x = features_input(input_shape)
    levels = [(x, 1)]
    stride = 1
    if conv_dim == 2:
        x = layers.Reshape((*input_shape, 1))(x)
    Convolution = layers.Conv1D if conv_dim == 1 else layers.Conv2D
    MaxPooling = layers.MaxPooling1D if conv_dim == 1 else layers.MaxPooling2D
    for n_filters in _FILTERS[conv_dim] if filters is None else sizes(filters):
        x = Convolution(
            n_filters,
            kernel_size,
            padding="same",
            use_bias=not batch_norm,  # the normalisation has an offset
            kernel_initializer=glorot(seeds),
        )(x)
        x = normalized(x, activation) if batch_norm else layers.Activation(activation)(x)
        if pool_size > 1:
            x = MaxPooling(pool_size, padding="same")(x)
            stride *= pool_size
        x = dropped(x, conv_dropout, seeds)
        # Positions along the coefficients are kept.
        levels.append((layers.Reshape((x.shape[1], -1))(x) if conv_dim == 2 else x, stride))
    x = pooled_over_time(levels, global_pooling) if global_pooling else layers.Flatten()(x)
    outputs = dense_head(
        x,
        n_classes,
        dropout=dropout,
        seeds=seeds,
        dense_units=dense_units,
        activation=activation,
    )
    return keras.Model(inputs, outputs, name="convolutional")
