"""BC-ResNet: two-dimensional maps with one-dimensional convolutions along time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skaudio._tensorflow import keras
from skaudio.architectures._layers import (
    MOMENTUM,
    averaged_over_coefficients,
    dense_head,
    dropped,
    features_input,
    glorot,
    normalized,
    pooled_over_time,
    scaled,
    seed_stream,
)


@keras.saving.register_keras_serializable(package="skaudio")
class SubSpectralNormalization(keras.layers.Layer):
    """Separate batch normalisation of each band of coefficients.

    The coefficients are split into bands of nearly equal width. Each channel of each band has
    its own mean, variance, scale and offset.

    Parameters
    ----------
    n_bands : int, default=5
        Number of bands; at most the number of coefficients.
    momentum : float, default=0.9
        Share of the moving mean and variance that is kept in each update.
    epsilon : float, default=0.001
        Added to the variance.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    References
    ----------
    S. Chang et al., "SubSpectral normalization for neural audio data processing", ICASSP
    2021, 850-854.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.architectures import SubSpectralNormalization
    >>> clip = np.array([0.0, 2.0, 10.0, 30.0], dtype="float32").reshape(1, 1, 4, 1)
    >>> layer = SubSpectralNormalization(n_bands=2)
    >>> np.asarray(layer(clip, training=True)).ravel().round(2)
    array([-1.,  1., -1.,  1.], dtype=float32)
    """

    def __init__(self, n_bands=5, momentum=MOMENTUM, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.n_bands = n_bands
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        """Create the weights.

        Parameters
        ----------
        input_shape : tuple
            Batch, frames, coefficients, channels.
        """
        n_coefficients, n_channels = input_shape[2:]
        n_bands = min(self.n_bands, n_coefficients)
        self._band = np.arange(n_coefficients) * n_bands // n_coefficients
        members = (self._band == np.arange(n_bands)[:, None]).astype(np.float32)
        self._averages = members / members.sum(axis=1, keepdims=True)
        shape = (n_bands, n_channels)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")
        self.moving_mean = self.add_weight(
            name="moving_mean", shape=shape, initializer="zeros", trainable=False
        )
        self.moving_variance = self.add_weight(
            name="moving_variance", shape=shape, initializer="ones", trainable=False
        )

    def call(self, inputs, training=False):
        """Normalise a map.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients, n_channels)
            The map.
        training : bool, default=False
            Whether the model is being trained.

        Returns
        -------
        tensor of the same shape
            Normalised by the batch statistics in training, otherwise by the moving ones.
        """
        ops = keras.ops
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            mean, variance = self._moments(inputs)
            for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + now * (1 - self.momentum))
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        offset = self.beta - mean * scale
        return inputs * ops.take(scale, self._band, axis=0) + ops.take(offset, self._band, axis=0)

    def _moments(self, inputs):
        """Compute mean and variance of each band and channel.

        They are computed from those of single coefficients, whose sums are contiguous: the
        variance of a band is the mean of the variances plus the variance of the means.
        """
        ops = keras.ops
        means, variances = ops.moments(inputs, axes=(0, 1))
        mean = ops.matmul(self._averages, means)
        apart = ops.square(means - ops.take(mean, self._band, axis=0))
        return mean, ops.matmul(self._averages, variances + apart)

    def get_config(self):
        """Return the configuration of the layer, to rebuild a saved model.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        config = {"n_bands": self.n_bands, "momentum": self.momentum, "epsilon": self.epsilon}
        return {**super().get_config(), **config}


def bc_resnet(
    input_shape: tuple[int, int],
    n_classes: int,
    *,
    width_multiplier: float = 1.0,
    depth_multiplier: float = 1.0,
    time_stride: int = 2,
    n_bands: int = 5,
    conv_dropout: float = 0.1,
    global_pooling: str = "average",
    dropout: float = 0.0,
    seed: int = 0,
) -> keras.Model:
    """Build a broadcasted residual network.

    A convolution, then four stages of 2, 2, 4 and 4 blocks. A block filters along the
    coefficients, averages over them, filters along time, and adds the result to every
    coefficient. The dilation of the time filters in the stages is 1, 2, 4 and 8 frames.

    Parameters
    ----------
    input_shape : (int, int)
        Frames and coefficients.
    n_classes : int
        Number of classes.
    width_multiplier : float, default=1.0
        The paper's tau, which scales all numbers of filters: 1 is BC-ResNet-1; there are also
        1.5, 2, 3, 6 and 8.
    depth_multiplier : float, default=1.0
        Scale of the number of blocks in each stage.
    time_stride : int, default=2
        Stride of the first convolution along time. The paper uses 1; 2 halves the arithmetic.
    n_bands : int, default=5
        Number of bands of coefficients that are normalised separately.
    conv_dropout : float, default=0.1
        Share of the channels dropped in each block, in training.
    global_pooling : {"statistics", "average", "max"}, default="average"
        How maps become a vector, by pooling over time, without padding. "statistics" is average,
        standard deviation and maximum of the features and of each stage's map, averaged over the
        coefficients; the others are of the last map.
    dropout : float, default=0.0
        Share of the values dropped before the dense layer, in training.
    seed : int, default=0
        Seed of the initial weights and of dropout.

    Returns
    -------
    keras.Model
        The uncompiled model, which returns class probabilities.

    References
    ----------
    B. Kim, S. Chang, J. Lee and D. Sung, "Broadcasted residual learning for efficient
    keyword spotting", Interspeech 2021, 4538-4542.

    Examples
    --------
    >>> from skaudio.architectures import bc_resnet
    >>> bc_resnet((101, 40), 12).output_shape
    (None, 12)
    """
    layers = keras.layers
    seeds = seed_stream(seed)
    inputs = x = features_input(input_shape)
    x = layers.Reshape((*input_shape, 1))(x)
    x = layers.Conv2D(
        scaled(16, width_multiplier),
        5,
        strides=(time_stride, 2),
        padding="same",
        use_bias=False,  # the normalisation has an offset
        kernel_initializer=glorot(seeds),
    )(x)
    x = normalized(x, "relu")
    levels = [(inputs, 1)]
    stages = ((8, 2, 1, 1), (12, 2, 2, 2), (16, 4, 2, 4), (20, 4, 1, 8))
    for n_filters, n_blocks, stride, dilation in stages:
        for block in range(scaled(n_blocks, depth_multiplier)):
            x = _broadcasted_block(
                x,
                scaled(n_filters, width_multiplier) if block == 0 else None,
                stride=stride if block == 0 else 1,
                dilation=dilation,
                n_bands=n_bands,
                dropout=conv_dropout,
                seeds=seeds,
            )
        levels.append((averaged_over_coefficients(x), time_stride))
    x = _last_convolutions(x, scaled(32, width_multiplier), seeds)
    levels.append((averaged_over_coefficients(x), time_stride))
    x = pooled_over_time(levels, global_pooling)
    outputs = dense_head(x, n_classes, dropout=dropout, seeds=seeds)
    return keras.Model(inputs, outputs, name="bc_resnet")


def _broadcasted_block(
    x: Any,
    n_filters: int | None,
    *,
    stride: int,
    dilation: int,
    n_bands: int,
    dropout: float,
    seeds: Iterator[int],
) -> Any:
    """Apply one block; the first block of a stage changes the number of filters."""
    layers = keras.layers
    shortcut = [x]
    if n_filters is not None:
        x = normalized(_pointwise(x, n_filters, seeds), "relu")
        shortcut = []
    x = layers.DepthwiseConv2D(
        (1, 3), padding="same", use_bias=False, depthwise_initializer=glorot(seeds)
    )(x)
    if stride > 1:
        # TensorFlow has no depthwise convolution with a stride along one axis alone.
        x = layers.MaxPooling2D((1, 1), strides=(1, stride))(x)
    x = over_coefficients = SubSpectralNormalization(n_bands)(x)
    x = layers.AveragePooling2D((1, x.shape[2]))(x)
    x = layers.DepthwiseConv2D(
        (3, 1),
        padding="same",
        dilation_rate=(dilation, 1),
        use_bias=False,
        depthwise_initializer=glorot(seeds),
    )(x)
    x = _pointwise(normalized(x, "swish"), x.shape[-1], seeds)
    x = dropped(x, dropout, seeds, noise_shape=(None, 1, 1, None))  # whole maps
    return layers.Activation("relu")(layers.Add()([over_coefficients, x, *shortcut]))


def _last_convolutions(x: Any, n_filters: int, seeds: Iterator[int]) -> Any:
    layers = keras.layers
    x = layers.ZeroPadding2D((2, 0))(x)
    x = layers.DepthwiseConv2D(
        (5, min(5, x.shape[2])), use_bias=False, depthwise_initializer=glorot(seeds)
    )(x)
    return normalized(_pointwise(x, n_filters, seeds), "relu")


def _pointwise(x: Any, n_filters: int, seeds: Iterator[int]) -> Any:
    return keras.layers.Conv2D(n_filters, 1, use_bias=False, kernel_initializer=glorot(seeds))(x)
