"""Convolution over time and coefficients, followed by recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skaudio._tensorflow import keras
from skaudio.architectures._layers import (
    PaddingMask,
    dense_head,
    features_input,
    glorot,
    normalized,
    seed_stream,
    sizes,
)
from skaudio.architectures._recurrent import recurrent_layers


@keras.saving.register_keras_serializable(package="skaudio")
class HidePadding(keras.layers.Layer):
    """Set masked frames to zero.

    For a convolution that pads with zeros, the end of a clip then looks like the end of
    the array.
    """

    def call(self, inputs, mask):
        """Mask padding.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, ...)
            Features or a map.
        mask : tensor of shape (batch, n_frames) or (batch, n_frames, 1), bool
            True for frames to keep.

        Returns
        -------
        tensor of the same shape
            The inputs, zero where the mask is False.
        """
        ops = keras.ops
        frames = (-1, inputs.shape[1], *(1,) * (len(inputs.shape) - 2))
        return inputs * ops.cast(ops.reshape(mask, frames), inputs.dtype)

    def compute_mask(self, inputs, previous_mask=None):
        """Compute no mask, since convolutions do not support masks.

        Parameters
        ----------
        inputs : tensor
            Ignored.
        previous_mask : tensor, default=None
            Ignored.
        """


def crnn(
    input_shape: tuple[int, int],
    n_classes: int,
    *,
    filters: int | Sequence[int] = (16, 32),
    kernel_size: int = 5,
    time_stride: int = 4,
    pool_size: int = 2,
    cell: str = "gru",
    units: int = 48,
    n_layers: int = 1,
    bidirectional: bool = True,
    recurrent_pooling: str = "average",
    dense_units: int | Sequence[int] | None = None,
    activation: str = "relu",
    dropout: float = 0.3,
    seed: int = 0,
) -> keras.Model:
    """Build a convolutional-recurrent network that ignores padding.

    Each block is convolution over time and coefficients, batch normalisation, activation,
    maximum pooling along the coefficients. Recurrent layers read the frames of the last
    map. There is no pooling along time: only the first convolution may skip frames.

    Parameters
    ----------
    input_shape : (int, int)
        Frames and coefficients.
    n_classes : int
        Number of classes.
    filters : int or sequence of int, default=(16, 32)
        Filters of each block; its length is the number of blocks.
    kernel_size : int, default=5
        Length of the filters along each axis.
    time_stride : int, default=4
        Stride of the first convolution along time.
    pool_size : int, default=2
        Pooling along the coefficients.
    cell : {"lstm", "gru"}, default="gru"
        Kind of recurrent layer.
    units : int, default=48
        Units of each recurrent layer, in each direction.
    n_layers : int, default=1
        Number of recurrent layers.
    bidirectional : bool, default=True
        Read the clip from both ends.
    recurrent_pooling : {"average", "last"}, default="average"
        How the clip is represented: by the mean of the last layer's outputs over the frames
        that are not padding, or by its last output.
    dense_units : int, sequence of int or None, default=None
        Sizes of hidden dense layers; None for none.
    activation : str, default="relu"
        Activation of blocks and hidden dense layers.
    dropout : float, default=0.3
        Share of the values dropped between recurrent layers and before each dense layer,
        in training.
    seed : int, default=0
        Seed of the initial weights and of dropout.

    Returns
    -------
    keras.Model
        The uncompiled model, which returns class probabilities.

    References
    ----------
    E. Cakir et al., "Convolutional recurrent neural networks for polyphonic sound event
    detection", IEEE/ACM Transactions on Audio, Speech, and Language Processing 25(6),
    1291-1303, 2017. (Pooling along frequency alone.)

    S. O. Arik et al., "Convolutional recurrent neural networks for small-footprint
    keyword spotting", Interspeech 2017, 1606-1610. (A convolution that skips frames.)

    Examples
    --------
    >>> from skaudio.architectures import crnn
    >>> crnn((101, 40), 3).output_shape
    (None, 3)
    """
    seeds = seed_stream(seed)
    inputs = x = features_input(input_shape)
    x, mask = _convolutions(
        x,
        filters=filters,
        kernel_size=kernel_size,
        time_stride=time_stride,
        pool_size=pool_size,
        activation=activation,
        seeds=seeds,
    )
    x = recurrent_layers(
        x,
        cell=cell,
        units=units,
        n_layers=n_layers,
        bidirectional=bidirectional,
        recurrent_pooling=recurrent_pooling,
        dropout=dropout,
        seeds=seeds,
        mask=mask,
    )
    outputs = dense_head(
        x,
        n_classes,
        dropout=dropout,
        seeds=seeds,
        dense_units=dense_units,
        activation=activation,
    )
    return keras.Model(inputs, outputs, name="crnn")


def _convolutions(x, *, filters, kernel_size, time_stride, pool_size, activation, seeds):
    """Apply the blocks; return a sequence and its mask."""
    layers = keras.layers
    mask = PaddingMask(time_stride)(x)
    n_frames, n_coefficients = mask.shape[1], x.shape[2]
    over_map = layers.Reshape((n_frames, 1))(mask)
    x = layers.Reshape((x.shape[1], n_coefficients, 1))(HidePadding()(x, mask=PaddingMask()(x)))
    x = layers.ZeroPadding2D(_margins(x.shape, kernel_size, time_stride, n_frames))(x)
    for block, n_filters in enumerate(sizes(filters)):
        x = layers.Conv2D(
            n_filters,
            kernel_size,
            strides=(time_stride, 1) if block == 0 else 1,
            padding="valid" if block == 0 else "same",
            use_bias=False,  # the normalisation has an offset
            kernel_initializer=glorot(seeds),
        )(x)
        x = normalized(x, activation, mask=over_map)
        x = HidePadding()(x, mask=over_map)
        x = layers.MaxPooling2D((1, pool_size), padding="same")(x)
    return layers.Reshape((n_frames, x.shape[2] * x.shape[3]))(x), mask


def _margins(shape: Any, kernel_size: int, time_stride: int, n_frames: int) -> Any:
    """Compute the zeros around the first map, such that output i is centred on its frames.

    These are the `time_stride` frames from i * time_stride; the first one determines whether
    they are padding. Keras' "same" centres outputs differently in clips of other lengths, so
    that the result would depend on the amount of padding.
    """
    before = max(0, (kernel_size - time_stride) // 2)
    after = max(0, (n_frames - 1) * time_stride + kernel_size - before - shape[1])
    beside = (kernel_size - 1) // 2
    return (before, after), (beside, kernel_size - 1 - beside)
