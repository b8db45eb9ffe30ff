"""Convolution over time and coefficients, then recurrent layers that read the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skaudio._tensorflow import keras
from skaudio.architectures._layers import (
    MaskPadding,
    dense_head,
    glorot,
    input_block,
    normalized,
    seed_stream,
)
from skaudio.architectures._recurrent import recurrent_layers


@keras.saving.register_keras_serializable(package="skaudio")
class FrameMask(keras.layers.Layer):
    """Hand out the mask of a sequence as a tensor of its own.

    Parameters
    ----------
    stride : int, default=1
        Keep every `stride`-th frame, beginning with the first.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.
    """

    def __init__(self, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, inputs, mask=None):
        """Read the mask.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients)
            Masked features.
        mask : tensor of shape (batch, n_frames), bool
            Their mask, which Keras hands over.

        Returns
        -------
        tensor of shape (batch, n_kept), bool
            The mask of the frames kept.
        """
        return mask[:, :: self.stride]

    def compute_mask(self, inputs, previous_mask=None):
        """Compute no mask: a mask needs none.

        Parameters
        ----------
        inputs : tensor
            Ignored.
        previous_mask : tensor, default=None
            Ignored.
        """

    def get_config(self):
        """Describe the layer, so that a saved model can be built again.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package="skaudio")
class HidePadding(keras.layers.Layer):
    """Set masked frames to zero, and take the mask off.

    A convolution that pads with zeros then finds beyond a clip's end what it finds beyond
    the end of the array.
    """

    def call(self, inputs, mask=None):
        """Hide padding.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, ...)
            Masked features or a map.
        mask : tensor of shape (batch, n_frames) or (batch, n_frames, 1), bool
            Their mask, which Keras hands over.

        Returns
        -------
        tensor of the same shape
            The same, zero where the mask is False.
        """
        ops = keras.ops
        frames = (-1, inputs.shape[1], *(1,) * (len(inputs.shape) - 2))
        return inputs * ops.cast(ops.reshape(mask, frames), inputs.dtype)

    def compute_mask(self, inputs, previous_mask=None):
        """Compute no mask: convolutions know none.

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
    filters: Sequence[int] = (16, 32),
    kernel_size: int = 5,
    time_stride: int = 4,
    pool_size: int = 2,
    cell: str = "gru",
    units: int = 48,
    n_layers: int = 1,
    bidirectional: bool = True,
    recurrent_pooling: str = "average",
    dense_units: Sequence[int] = (),
    activation: str = "relu",
    dropout: float = 0.3,
    seed: int = 0,
    preprocessing: Sequence[keras.layers.Layer] = (),
) -> keras.Model:
    """Build a convolutional-recurrent network that does not look at padding.

    Each block is convolution over time and coefficients, batch normalisation, activation,
    maximum pooling along the coefficients. Recurrent layers read the frames of the last
    map. Time is never pooled: only the first convolution may skip frames.

    Parameters
    ----------
    input_shape : (int, int)
        Frames and coefficients.
    n_classes : int
        Number of classes.
    filters : sequence of int, default=(16, 32)
        Filters of each block; its length is the number of blocks.
    kernel_size : int, default=5
        Length of the filters along each axis.
    time_stride : int, default=4
        Step of the first convolution along time.
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
        What stands for the clip: the mean of the last layer's outputs over the frames
        that hold sound, or its last output.
    dense_units : sequence of int, default=()
        Sizes of hidden dense layers.
    activation : str, default="relu"
        Activation of blocks and hidden dense layers.
    dropout : float, default=0.3
        Share of the values dropped between recurrent layers and before each dense layer,
        in training.
    seed : int, default=0
        Seed of the initial weights and of dropout.
    preprocessing : sequence of keras.layers.Layer, default=()
        Layers between the input and the network. Layers that hide frames must come after
        a `MaskPadding` of their own, or they would break up the silence it looks for.

    Returns
    -------
    keras.Model
        Uncompiled; class probabilities out.

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
    inputs, x = input_block(input_shape, preprocessing)
    if not any(isinstance(layer, MaskPadding) for layer in preprocessing):
        x = MaskPadding()(x)
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
        dense_units=dense_units,
        activation=activation,
        dropout=dropout,
        seeds=seeds,
    )
    return keras.Model(inputs, outputs, name="crnn")


def _convolutions(x, *, filters, kernel_size, time_stride, pool_size, activation, seeds):
    """Apply the blocks; give a sequence and its mask."""
    layers = keras.layers
    mask = FrameMask(time_stride)(x)
    n_frames, n_coefficients = mask.shape[1], x.shape[2]
    over_map = layers.Reshape((n_frames, 1))(mask)
    x = layers.Reshape((x.shape[1], n_coefficients, 1))(HidePadding()(x))
    x = layers.ZeroPadding2D(_margins(x.shape, kernel_size, time_stride, n_frames))(x)
    for block, n_filters in enumerate(filters):
        x = layers.Conv2D(
            n_filters,
            kernel_size,
            strides=(time_stride, 1) if block == 0 else 1,
            padding="valid" if block == 0 else "same",
            use_bias=False,  # the normalisation has one
            kernel_initializer=glorot(seeds),
        )(x)
        x = normalized(x, activation, mask=over_map)
        x = HidePadding()(x, mask=over_map)
        x = layers.MaxPooling2D((1, pool_size), padding="same")(x)
    return layers.Reshape((n_frames, x.shape[2] * x.shape[3]))(x), mask


def _margins(shape: Any, kernel_size: int, time_stride: int, n_frames: int) -> Any:
    """Zeros around the first map, such that output i is centred on its own frames.

    Those are `time_stride` frames from i * time_stride on; the first tells whether all of
    them are padding. Keras' "same" would centre the outputs elsewhere in clips of other
    lengths, and so let the amount of padding decide.
    """
    before = max(0, (kernel_size - time_stride) // 2)
    after = max(0, (n_frames - 1) * time_stride + kernel_size - before - shape[1])
    beside = (kernel_size - 1) // 2
    return (before, after), (beside, kernel_size - 1 - beside)
