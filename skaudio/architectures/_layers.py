"""Layers and functions that several architectures share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from skaudio._tensorflow import keras, tf

# Two frames are equal if they differ by at most this share of the clip's largest distance
# from its last frame, or by a few rounding errors of its largest magnitude, which are all
# that deltas of a constant contain.
_SAME = 1e-5
_ROUNDING = 5e-7

# A standard deviation of 0.01, small beside those of standardised features and normalised maps.
_LEAST_VARIANCE = 1e-4

# Statistics of earlier levels are multiplied by this, so that their weights have less effect while
# they are learned. They say less of words, and more of other sounds, than the last level does.
_EARLIER = 0.2

# With Keras' momentum of 0.99, statistics need thousands of steps to become accurate, more
# than a training on a small data set has.
MOMENTUM = 0.9


def padding_mask(features: Any) -> Any:
    """Find the frames that are not padding at the end of a clip.

    The frames of the digital silence after a short clip are all equal. So are
    frames of zeros, the usual padding of feature sequences. Two or more equal
    frames at the end of a clip are therefore considered padding.

    Parameters
    ----------
    features : array or tensor of shape (n_clips, n_frames, n_coefficients)
        The features; scale and offset of the coefficients do not matter.

    Returns
    -------
    tensor of shape (n_clips, n_frames), bool
        True for frames to use, False for padding. The first frame is always used.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.architectures import padding_mask
    >>> clip = np.array([[[1.0], [2.0], [0.0], [0.0]]])
    >>> np.asarray(padding_mask(clip)).tolist()
    [[True, True, False, False]]
    """
    ops = keras.ops
    n_frames = features.shape[1]
    if n_frames == 1:
        return ops.ones_like(features[:, :, 0], dtype="bool")
    # Relative to the sound without its offset; and at least the rounding error of the offset.
    sound = ops.max(ops.abs(features - features[:, -1:]), axis=(1, 2), keepdims=True)
    largest = ops.max(ops.abs(features), axis=(1, 2), keepdims=True)
    tolerance = ops.maximum(_SAME * sound, _ROUNDING * largest)
    steps = ops.abs(features[:, 1:] - features[:, :-1])
    # Functions instead of operators: Keras' symbolic tensors compare by identity. And no
    # cumulative product, of which an exported model would make a loop.
    differs = ops.any(ops.greater(steps, tolerance), axis=-1)
    last = ops.max(ops.where(differs, np.arange(1, n_frames, dtype=np.int32), 0), axis=1)
    # If the last frame differs from the one before, no frame is padding.
    n_sounding = ops.where(ops.equal(last, n_frames - 1), n_frames, ops.maximum(last, 1))
    return ops.less(np.arange(n_frames, dtype=np.int32)[None, :], n_sounding[:, None])


@keras.saving.register_keras_serializable(package="skaudio")
class PaddingMask(keras.layers.Layer):
    """Compute `padding_mask` for layers that take a mask.

    It must be called on the network's input. In training, classifiers set `mask` to that of the
    features before augmentation, since masked frames would interrupt the padding.

    Parameters
    ----------
    stride : int, default=1
        Keep every `stride`-th frame, beginning with the first.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    Attributes
    ----------
    mask : tensor of shape (batch, n_frames), bool, or None
        Used instead of :func:`padding_mask` if it is not None, the default.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skaudio.architectures import PaddingMask
    >>> clip = np.array([[[1.0], [2.0], [0.0], [0.0]]])
    >>> np.asarray(PaddingMask()(clip)).tolist()
    [[True, True, False, False]]
    >>> features = keras.Input((4, 1))
    >>> summary = keras.layers.LSTM(8)(features, mask=PaddingMask()(features))
    """

    def __init__(self, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride
        self.mask = None

    def call(self, inputs):
        """Find the frames that are not padding.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients)
            Features.

        Returns
        -------
        tensor of shape (batch, n_kept), bool
            Every `stride`-th value of the mask.
        """
        mask = padding_mask(inputs) if self.mask is None else self.mask
        return mask[:, :: self.stride]

    def get_config(self):
        """Return the configuration of the layer, to rebuild a saved model.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package="skaudio")
class TimePooling(keras.layers.Layer):
    """Pool a sequence over time, without the padding.

    Parameters
    ----------
    statistic : {"average", "max", "statistics"}
        Average, maximum, or average, standard deviation and maximum side by side.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    References
    ----------
    D. Snyder, D. Garcia-Romero, D. Povey and S. Khudanpur, "Deep neural network embeddings for
    text-independent speaker verification", Interspeech 2017, 999-1003. (Mean and standard
    deviation.)

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.architectures import PaddingMask, TimePooling
    >>> clip = np.array([[[1.0], [3.0], [0.0], [0.0]]], dtype="float32")
    >>> np.asarray(TimePooling("average")(clip, mask=PaddingMask()(clip))).tolist()
    [[2.0]]
    """

    def __init__(self, statistic, **kwargs):
        super().__init__(**kwargs)
        self.statistic = statistic
        self.supports_masking = True

    def call(self, inputs, mask=None):
        """Pool over the frames of sound.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_channels)
            The sequence.
        mask : tensor of shape (batch, n_frames), bool, default=None
            False for frames to ignore; None uses all. Each clip needs a frame to use.

        Returns
        -------
        tensor of shape (batch, n_channels) or (batch, 3 * n_channels)
            The statistics.
        """
        ops = keras.ops
        if mask is None:
            mask = ops.ones_like(inputs[:, :, 0], dtype="bool")
        mask = ops.expand_dims(mask, -1)
        maximum = ops.max(ops.where(mask, inputs, -np.inf), axis=1)
        if self.statistic == "max":
            return maximum
        is_sound = ops.cast(mask, inputs.dtype)
        n_frames = ops.sum(is_sound, axis=1, keepdims=True)
        mean = ops.sum(inputs * is_sound, axis=1, keepdims=True) / n_frames
        if self.statistic == "average":
            return mean[:, 0]
        variance = ops.sum(ops.square(inputs - mean) * is_sound, axis=1, keepdims=True) / n_frames
        # The constant limits the gradient of the root at zero.
        deviation = ops.sqrt(variance + _LEAST_VARIANCE)
        return ops.concatenate([mean[:, 0], deviation[:, 0], maximum], axis=-1)

    def compute_mask(self, inputs, previous_mask=None):
        """Compute no mask, since the output has no time.

        Parameters
        ----------
        inputs : tensor
            Ignored.
        previous_mask : tensor, default=None
            Ignored.
        """

    def get_config(self):
        """Return the configuration of the layer, to rebuild a saved model.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "statistic": self.statistic}


@keras.saving.register_keras_serializable(package="skaudio")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation of the last axis, with one fused operation in training.

    Keras uses a dozen operations, each of which reads the whole map:
    in small networks they and their gradients take as long as the convolutions.

    Parameters
    ----------
    momentum : float, default=0.9
        Share of the moving statistics that is kept in each update.
    epsilon : float, default=1e-3
        Added to variances.
    name : str, default=None
        As in :class:`keras.layers.Layer`.
    trainable : bool, default=True
        As in :class:`keras.layers.BatchNormalization`: False freezes the statistics as well.
    dtype : str, dict or keras.DTypePolicy, default=None
        As in :class:`keras.layers.Layer`. Keras' operations are used if it is not float32.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by
    reducing internal covariate shift", ICML 2015, 448-456.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.architectures import BatchNormalization
    >>> layer = BatchNormalization()
    >>> np.asarray(layer(np.array([[0.0], [2.0]], dtype="float32"), training=True)).round(2)
    array([[-1.],
           [ 1.]], dtype=float32)
    >>> np.asarray(layer.moving_mean).round(2)  # a tenth of the way from 0 to 1
    array([0.1], dtype=float32)
    """

    def __init__(self, momentum=MOMENTUM, epsilon=1e-3, *, name=None, trainable=True, dtype=None):
        # Keras' other parameters are not supported by the fused operation.
        super().__init__(
            momentum=momentum, epsilon=epsilon, name=name, trainable=trainable, dtype=dtype
        )

    def call(self, inputs, training=None, mask=None):
        """Normalise a map.

        Parameters
        ----------
        inputs : tensor of shape (batch, ..., n_channels)
            The map.
        training : bool, default=None
            Whether the model is being trained.
        mask : tensor of shape (batch, ...), bool, default=None
            False for values that the statistics ignore.

        Returns
        -------
        tensor of the same shape
            Normalised by the batch statistics in training, otherwise by the moving ones.
        """
        is_fused = training and self.trainable and mask is None and inputs.dtype == tf.float32
        if not is_fused:
            return super().call(inputs, training=training, mask=mask)
        shape = tf.shape(inputs)
        n_channels = inputs.shape[-1]
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=tf.reshape(inputs, [shape[0], -1, 1, n_channels]),
            scale=self.gamma,
            offset=self.beta,
            mean=self.moving_mean,
            variance=self.moving_variance,
            epsilon=self.epsilon,
        )
        # It computes the unbiased variance; Keras uses that of the batch.
        n_values = tf.cast(tf.size(inputs) // n_channels, tf.float32)
        variance *= (n_values - 1) / n_values
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return tf.reshape(outputs, shape)

    def get_config(self):
        """Return the configuration of the layer, to rebuild a saved model.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        config = {"momentum": self.momentum, "epsilon": self.epsilon}
        return {**keras.layers.Layer.get_config(self), **config}


@keras.saving.register_keras_serializable(package="skaudio")
class Dropout(keras.layers.Layer):
    """Keras' dropout, whose rate may also be a tensor: one compiled network for all rates.

    Parameters
    ----------
    rate : float
        Share of the values that are dropped in training, at least 0 and less than 1. It may
        be set to a tensor while a graph is traced.
    seed : int
        Seed of the draws.
    noise_shape : sequence of int or None, default=None
        Shape of the draws, where None means the size of the values: along an axis of
        size 1, values are dropped together. By default each value is drawn separately.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    Raises
    ------
    ValueError
        If the rate is out of range.

    References
    ----------
    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
    overfitting", JMLR 15 (2014), 1929-1958.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.architectures import Dropout
    >>> values = np.asarray(Dropout(0.5, seed=0)(np.ones((1, 1000)), training=True))
    >>> np.unique(values).tolist()
    [0.0, 2.0]
    """

    def __init__(self, rate, *, seed, noise_shape=None, **kwargs):
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be at least 0 and less than 1, got {rate!r}.")
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.noise_shape = noise_shape
        self.generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs, training=False):
        """Drop values in training, and scale the others up.

        Parameters
        ----------
        inputs : tensor
            Values.
        training : bool, default=False
            Whether the model is being trained.

        Returns
        -------
        tensor of the same shape
            The remaining values in training, otherwise the values.
        """
        if not training:
            return inputs
        ops = keras.ops
        shape = ops.shape(inputs)
        if self.noise_shape is not None:
            shape = [size or length for size, length in zip(self.noise_shape, shape, strict=True)]
        rate = ops.convert_to_tensor(self.rate, "float64")
        scale = ops.cast(1 / (1 - rate), inputs.dtype)
        draws = keras.random.uniform(shape, seed=self.generator)
        is_kept = ops.greater_equal(draws, ops.cast(rate, draws.dtype))
        return ops.where(is_kept, inputs * scale, ops.zeros_like(inputs))

    def get_config(self):
        """Return the configuration of the layer, to rebuild a saved model.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        config = {"rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="skaudio")
class Standardize(keras.layers.Layer):
    """Centre features and scale them to unit variance, on average, over the training frames.

    Each coefficient is centred, and all of them are multiplied by the same number, so that
    their proportions are preserved. The cosine transform of MFCCs is orthogonal (by default),
    so that distances between them are those between log-mel spectra, except for the detail
    that is cut off. If each coefficient had unit variance, the last ones, which are mostly
    noise, would dominate.

    Parameters
    ----------
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.architectures import Standardize
    >>> features = np.array([[[1.0, 10.0], [3.0, 10.5]], [[5.0, 10.5], [7.0, 11.0]]])
    >>> layer = Standardize()
    >>> layer.build(features.shape)
    >>> layer.set_statistics(features)
    >>> np.asarray(layer(features)).std(axis=(0, 1)).round(2)
    array([1.4 , 0.22], dtype=float32)
    >>> layer.set_statistics(features, per_coefficient=True)
    >>> np.asarray(layer(features)).std(axis=(0, 1)).round(2)
    array([1., 1.], dtype=float32)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        """Create the two weights, initially for the identity.

        Parameters
        ----------
        input_shape : tuple
            Shape of the features; only the last axis is used.
        """
        shape = (input_shape[-1],)
        self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones", trainable=False)

    def set_statistics(
        self,
        features: np.ndarray,
        weights: np.ndarray | None = None,
        *,
        per_coefficient: bool = False,
    ) -> None:
        """Compute mean and scale from the frames that are not padding.

        Parameters
        ----------
        features : ndarray of shape (n_clips, n_frames, n_coefficients)
            Training features.
        weights : ndarray of shape (n_clips,), default=None
            Weight of the frames of each clip; None means equal weights.
        per_coefficient : bool, default=False
            Whether each coefficient is scaled to unit variance, as suits those of different
            units; otherwise their mean variance becomes one.
        """
        mean, deviation = _sound_statistics(features, weights)
        # A coefficient that is constant, up to rounding, becomes zero.
        informative = deviation > 1e-6 * np.maximum(1e-6, np.abs(mean))
        if not per_coefficient and informative.any():
            deviation[:] = np.sqrt(np.mean(np.square(deviation[informative])))
        scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=informative)
        self.mean.assign(mean.astype(np.float32))
        self.scale.assign(scale.astype(np.float32))

    def call(self, inputs):
        """Standardise features.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients)
            Features.

        Returns
        -------
        tensor of the same shape
            Standardised features.
        """
        return (inputs - self.mean) * self.scale


def _sound_statistics(
    features: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Compute mean and deviation of each coefficient, in blocks to save memory."""
    weights = np.ones(len(features)) if weights is None else weights.astype(np.float64)
    pieces = [slice(start, start + 256) for start in range(0, len(features), 256)]
    is_sound = np.concatenate([padding_mask(features[piece]) for piece in pieces])
    n_frames = weights @ is_sound.sum(axis=1)

    def average(values):
        return (
            sum(
                weights[piece] @ (values(features[piece]) * is_sound[piece, :, None]).sum(axis=1)
                for piece in pieces
            )
            / n_frames
        )

    # Relative to a frame, for single precision; a constant is then exactly zero.
    origin = features[0, 0]
    mean = average(lambda piece: piece - origin)
    variance = average(lambda piece: np.square(piece - origin - mean.astype(np.float32)))
    return origin + mean, np.sqrt(variance)


def seed_stream(seed: int) -> Iterator[int]:
    """Draw a new seed for each initialiser and dropout layer.

    Parameters
    ----------
    seed : int
        The seed that determines all others.

    Yields
    ------
    int
        A seed.
    """
    rng = np.random.default_rng(seed)
    while True:
        yield int(rng.integers(2**31 - 1))


def glorot(seeds: Iterator[int]) -> keras.initializers.Initializer:
    """Make Keras' default kernel initialiser, seeded.

    Parameters
    ----------
    seeds : iterator of int
        From `seed_stream`.

    Returns
    -------
    keras.initializers.GlorotUniform
        The initialiser.
    """
    return keras.initializers.GlorotUniform(seed=next(seeds))


def scaled(size: int, multiplier: float) -> int:
    """Scale a width or a number of blocks.

    Parameters
    ----------
    size : int
        The size at a multiplier of one.
    multiplier : float
        Positive.

    Returns
    -------
    int
        The rounded product, at least 1.
    """
    return max(1, round(size * multiplier))


def normalized(x: Any, activation: str | None = None, *, mask: Any = None) -> Any:
    """Normalise a convolution's map over the batch, and activate it.

    Parameters
    ----------
    x : tensor of shape (batch, ..., n_channels)
        The map.
    activation : str, default=None
        Activation; None for none.
    mask : tensor of shape (batch, ...), bool, default=None
        False for values that the statistics ignore.

    Returns
    -------
    tensor of the same shape
        The normalised map.
    """
    x = BatchNormalization()(x, mask=mask)
    return x if activation is None else keras.layers.Activation(activation)(x)


def features_input(input_shape: tuple[int, int]) -> Any:
    """Create the input of a functional model.

    Parameters
    ----------
    input_shape : (int, int)
        Frames and coefficients.

    Returns
    -------
    tensor of shape (batch, n_frames, n_coefficients)
        The model's input.
    """
    return keras.Input(input_shape, name="features", dtype="float32")


def sizes(value: int | Sequence[int] | None) -> tuple[int, ...]:
    """Convert a parameter that is None, one size or several to a tuple.

    Parameters
    ----------
    value : int, sequence of int or None
        The parameter.

    Returns
    -------
    tuple of int
        The sizes.
    """
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else tuple(value)


def pooled_over_time(levels: Sequence[tuple[Any, int]], pooling: str) -> Any:
    """Pool maps over time, without the padding of the features.

    Parameters
    ----------
    levels : sequence of (tensor of shape (batch, n_frames, n_channels), int)
        The network's input and the maps of its blocks, each with its stride in frames of the
        input.
    pooling : {"statistics", "average", "max"}
        "statistics" is average, standard deviation and maximum of all levels, side by side, those
        of earlier levels scaled by 0.2; the others are of the last level.

    Returns
    -------
    tensor of shape (batch, n)
        The pooled values.
    """
    features, _ = levels[0]
    used = levels if pooling == "statistics" else levels[-1:]
    vectors = [TimePooling(pooling)(x, mask=PaddingMask(stride)(features)) for x, stride in used]
    if len(vectors) == 1:
        return vectors[0]
    earlier = [keras.layers.Rescaling(_EARLIER)(vector) for vector in vectors[:-1]]
    return keras.layers.Concatenate()([*earlier, vectors[-1]])


def averaged_over_coefficients(x: Any) -> Any:
    """Average a map over the coefficients.

    Parameters
    ----------
    x : tensor of shape (batch, n_frames, n_coefficients, n_channels)
        The map.

    Returns
    -------
    tensor of shape (batch, n_frames, n_channels)
        The averages.
    """
    _, n_frames, n_coefficients, n_channels = x.shape
    x = keras.layers.AveragePooling2D((1, n_coefficients))(x)
    return keras.layers.Reshape((n_frames, n_channels))(x)


def dense_head(
    x: Any,
    n_classes: int,
    *,
    dropout: float,
    seeds: Iterator[int],
    dense_units: int | Sequence[int] | None = None,
    activation: str | None = None,
) -> Any:
    """Add hidden dense layers and a softmax, with dropout before each.

    Parameters
    ----------
    x : tensor of shape (batch, n)
        Output of the previous layers.
    n_classes : int
        Number of classes.
    dropout : float
        Share of the values dropped before each dense layer, in training.
    seeds : iterator of int
        From `seed_stream`.
    dense_units : int, sequence of int or None, default=None
        Sizes of the hidden layers; None for none.
    activation : str, default=None
        Their activation.

    Returns
    -------
    tensor of shape (batch, n_classes)
        Class probabilities.
    """
    layers = keras.layers
    for units in sizes(dense_units):
        x = dropped(x, dropout, seeds)
        x = layers.Dense(units, activation=activation, kernel_initializer=glorot(seeds))(x)
    x = dropped(x, dropout, seeds)
    return layers.Dense(
        n_classes, activation="softmax", kernel_initializer=glorot(seeds), name="probabilities"
    )(x)


def dropped(
    x: Any, rate: float, seeds: Iterator[int], noise_shape: Sequence[int | None] | None = None
) -> Any:
    """Add a dropout layer, unless the rate is zero.

    Parameters
    ----------
    x : tensor
        The values.
    rate : float
        Share of the values dropped in training.
    seeds : iterator of int
        From `seed_stream`.
    noise_shape : sequence of int or None, default=None
        Shape of the draws.

    Returns
    -------
    tensor of the same shape
        The remaining values, scaled up.
    """
    return Dropout(rate, seed=next(seeds), noise_shape=noise_shape)(x) if rate else x
