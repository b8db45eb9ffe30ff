"""Layers and helpers that several architectures share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from skaudio._tensorflow import keras, tf

# Two frames are the same if they differ by no more than this share of the clip's largest
# distance from its last frame, or than a few roundings of its largest magnitude: those of the
# deltas of a constant are not sound.
_SAME = 1e-5
_ROUNDING = 5e-7

# Keras' momentum of 0.99 needs thousands of steps to forget its start, more than a small
# data set has in all its epochs.
MOMENTUM = 0.9


def padding_mask(features: Any) -> Any:
    """Find the frames that hold sound, up to the silence that ends a clip.

    The frames of the digital silence that follows a short clip are all equal. So are
    frames of zeros, the usual padding of feature sequences. A run of two or more equal
    frames at the end of a clip is therefore taken for padding.

    Parameters
    ----------
    features : array or tensor of shape (n_clips, n_frames, n_coefficients)
        The features; a change of scale or offset of a coefficient changes nothing.

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
    # Of the sound, whatever it stands on; and at least what rounding makes of the latter.
    sound = ops.max(ops.abs(features - features[:, -1:]), axis=(1, 2), keepdims=True)
    largest = ops.max(ops.abs(features), axis=(1, 2), keepdims=True)
    tolerance = ops.maximum(_SAME * sound, _ROUNDING * largest)
    steps = ops.abs(features[:, 1:] - features[:, :-1])
    # Functions throughout, not operators: Keras' symbolic tensors compare by identity.
    same = ops.cast(ops.all(ops.less_equal(steps, tolerance), axis=-1), "int32")
    same_to_end = ops.flip(ops.cumprod(ops.flip(same, axis=1), axis=1), axis=1)
    padded = ops.concatenate([same_to_end, same_to_end[:, -1:]], axis=1)
    is_first = ops.equal(ops.arange(n_frames), 0)
    return ops.logical_or(ops.equal(padded, 0), is_first[None, :])


@keras.saving.register_keras_serializable(package="skaudio")
class PaddingMask(keras.layers.Layer):
    """Find the frames to use, as `padding_mask` does, for layers that take a mask.

    It must be called on the network's input. In training, a classifier hands in the mask
    that it found before augmentation hid frames, which would break up the padding.

    Parameters
    ----------
    stride : int, default=1
        Keep every `stride`-th frame, beginning with the first.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

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

    def call(self, inputs, mask=None):
        """Find the frames that hold sound.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients)
            Features.
        mask : tensor of shape (batch, n_frames), bool, default=None
            The mask that comes with the features, if any.

        Returns
        -------
        tensor of shape (batch, n_kept), bool
            That mask, or else what :func:`padding_mask` finds.
        """
        mask = padding_mask(inputs) if mask is None else mask
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
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation of the last axis, in training by one fused operation.

    Keras composes it of a dozen operations, each of which goes through the whole map:
    in small networks they and their gradients take as long as the convolutions.

    Parameters
    ----------
    momentum : float, default=0.9
        Share of the moving statistics that an update leaves.
    epsilon : float, default=1e-3
        Added to variances.
    name : str, default=None
        As in :class:`keras.layers.Layer`.
    trainable : bool, default=True
        As in :class:`keras.layers.BatchNormalization`: False freezes the statistics as well.
    dtype : str, dict or keras.DTypePolicy, default=None
        As in :class:`keras.layers.Layer`. What is not float32 is Keras' to compute.

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
        # No others of Keras' parameters: the fused operation has its own way.
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
            False where the statistics do not look.

        Returns
        -------
        tensor of the same shape
            By the batch's mean and variance in training, else by the moving ones.
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
        # It estimates the variance of all there could be; Keras keeps that of the batch.
        n_values = tf.cast(tf.size(inputs) // n_channels, tf.float32)
        variance *= (n_values - 1) / n_values
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return tf.reshape(outputs, shape)

    def get_config(self):
        """Describe the layer, so that a saved model can be built again.

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
        Shape of the draws, None standing for the size of the values: along an axis of
        size 1, values are dropped together. The default draws for each value.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    Raises
    ------
    ValueError
        When the rate is out of range.

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
        """Drop values in training, and scale up the others.

        Parameters
        ----------
        inputs : tensor
            Values.
        training : bool, default=False
            Whether the model is being trained.

        Returns
        -------
        tensor of the same shape
            What is left in training, else the values.
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
        """Describe the layer, so that a saved model can be built again.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        config = {"rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="skaudio")
class Standardize(keras.layers.Layer):
    """Centre features and give them unit variance, on average, over the training frames.

    Each coefficient is centred, and all of them are scaled by one number: they keep their
    proportions. The cosine transform that makes MFCCs is orthogonal (by default), so that
    distances between them stay those between log-mel spectra, up to the detail that is cut
    off. If each got unit variance, most of what a network sees would be the last ones, which
    are mostly noise.

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
        """Create the two weights, which start as the identity.

        Parameters
        ----------
        input_shape : tuple
            Shape of the features; only the last axis counts.
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
        """Learn mean and scale from the frames that hold sound.

        Parameters
        ----------
        features : ndarray of shape (n_clips, n_frames, n_coefficients)
            Training features.
        weights : ndarray of shape (n_clips,), default=None
            Weight of each clip's frames; None weighs all alike.
        per_coefficient : bool, default=False
            Whether each coefficient gets unit variance, as suits those that have units of
            their own; otherwise their mean variance becomes one.
        """
        mean, deviation = _sound_statistics(features, weights)
        # A constant coefficient, up to rounding, says nothing: it becomes zero.
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
    """Mean and deviation of each coefficient, piece by piece: features may be large."""
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

    # About a frame that sounds, for single precision; a constant is then nothing at all.
    origin = features[0, 0]
    mean = average(lambda piece: piece - origin)
    variance = average(lambda piece: np.square(piece - origin - mean.astype(np.float32)))
    return origin + mean, np.sqrt(variance)


def seed_stream(seed: int) -> Iterator[int]:
    """Draw a fresh seed for each initialiser and dropout layer.

    Parameters
    ----------
    seed : int
        The one seed that all the others follow from.

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
        False where the statistics do not look.

    Returns
    -------
    tensor of the same shape
        The map, normalised.
    """
    x = BatchNormalization()(x, mask=mask)
    return x if activation is None else keras.layers.Activation(activation)(x)


def features_input(input_shape: tuple[int, int]) -> Any:
    """Open a functional model.

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
    """Read a parameter that is None, one size or several.

    Parameters
    ----------
    value : int, sequence of int or None
        The parameter.

    Returns
    -------
    tuple of int
        No, one or several sizes.
    """
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else tuple(value)


def dense_head(
    x: Any,
    n_classes: int,
    *,
    dropout: float,
    seeds: Iterator[int],
    dense_units: int | Sequence[int] | None = None,
    activation: str | None = None,
) -> Any:
    """Close a network: hidden dense layers and a softmax, with dropout before each.

    Parameters
    ----------
    x : tensor of shape (batch, n)
        What the body of the network made.
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
    """Drop a share of the values in training, by a layer if there is anything to drop.

    Parameters
    ----------
    x : tensor
        The values.
    rate : float
        Share that is dropped.
    seeds : iterator of int
        From `seed_stream`.
    noise_shape : sequence of int or None, default=None
        Shape of the draws.

    Returns
    -------
    tensor of the same shape
        The values that are left, scaled up.
    """
    return Dropout(rate, seed=next(seeds), noise_shape=noise_shape)(x) if rate else x
