"""Augmentation as Keras layers: active in training, inactive in prediction.

Each layer draws new random numbers for every clip of every batch, from its own seed. Sizes
are shares of the clip, so that they do not depend on clip length and frame rate.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

from skaudio._tensorflow import keras

__all__ = ["RandomMask", "RandomNoise", "RandomShift"]


class _RandomLayer(keras.layers.Layer):  # numpydoc ignore=PR01
    """A layer that changes features in training, with its own random generator."""

    # The attribute for how much it changes them: a number, or in a training graph a tensor, so
    # that a search over it compiles one graph.
    strength = "max_share"

    def __init__(self, seed: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs, training=False):
        """Change features in training.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients)
            Features.
        training : bool, default=False
            Whether the model is being trained.

        Returns
        -------
        tensor of the same shape
            The changed features in training, otherwise the features.
        """
        return self._change(inputs) if training else inputs

    def get_config(self):
        """Return the configuration of the layer, to rebuild a saved model.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="skaudio")
class RandomShift(_RandomLayer):
    """Shift each clip along time, repeating its first or last frame.

    Parameters
    ----------
    max_share : float
        Largest shift in either direction, as a share of the frames of a clip.
    seed : int
        Seed of the draws.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.augmentation import RandomShift
    >>> clip = np.arange(5, dtype="float32").reshape(1, 5, 1)
    >>> layer = RandomShift(0.4, seed=1)
    >>> np.asarray(layer(clip, training=True)).ravel().tolist()
    [0.0, 0.0, 0.0, 1.0, 2.0]
    >>> np.asarray(layer(clip)).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """

    def __init__(self, max_share, seed, **kwargs):
        super().__init__(seed, **kwargs)
        self.max_share = max_share

    def _change(self, inputs):
        ops = keras.ops
        n_clips, n_frames, n_coefficients = ops.shape(inputs)[0], *inputs.shape[1:]
        limit = _rounded(self.max_share * n_frames)
        shift = keras.random.randint((n_clips, 1), -limit, limit + 1, seed=self.generator)
        frames = ops.clip(ops.arange(n_frames)[None, :] - shift, 0, n_frames - 1)
        # A single lookup in the frames of all clips: take_along_axis needs an index for every
        # coefficient, and takes several times as long.
        indices = frames + n_frames * ops.arange(n_clips)[:, None]
        return ops.take(ops.reshape(inputs, (-1, n_coefficients)), indices, axis=0)

    def get_config(self):
        """Return the configuration of the layer, to rebuild a saved model.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "max_share": self.max_share}


@keras.saving.register_keras_serializable(package="skaudio")
class RandomNoise(_RandomLayer):
    """Add Gaussian noise to every coefficient of every frame.

    Keras' ``GaussianNoise`` only takes standard deviations up to 1.

    Parameters
    ----------
    stddev : float
        Standard deviation, in units of the features.
    seed : int
        Seed of the draws.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.augmentation import RandomNoise
    >>> noise = np.asarray(RandomNoise(1.5, seed=0)(np.zeros((50, 20, 10)), training=True))
    >>> round(float(noise.std()), 1)
    1.5
    """

    strength = "stddev"

    def __init__(self, stddev, seed, **kwargs):
        super().__init__(seed, **kwargs)
        self.stddev = stddev

    def _change(self, inputs):
        stddev = keras.ops.cast(self.stddev, inputs.dtype)
        draws = keras.random.normal(
            keras.ops.shape(inputs), stddev=stddev, dtype=inputs.dtype, seed=self.generator
        )
        return inputs + draws

    def get_config(self):
        """Return the configuration of the layer, to rebuild a saved model.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "stddev": self.stddev}


@keras.saving.register_keras_serializable(package="skaudio")
class RandomMask(_RandomLayer):
    """Mask a random interval of each clip, along time or along the coefficients.

    The interval is set to zero, the mean of standardised features.

    Parameters
    ----------
    axis : {1, 2}
        1 masks frames, 2 masks coefficients.
    max_share : float
        Longest interval, as a share of that axis.
    seed : int
        Seed of the draws.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    References
    ----------
    D. S. Park et al., "SpecAugment: a simple data augmentation method for automatic
    speech recognition", Interspeech 2019, 2613-2617.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.augmentation import RandomMask
    >>> hidden = np.asarray(RandomMask(1, 0.5, seed=0)(np.ones((1, 6, 1)), training=True))
    >>> hidden.ravel().tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, axis, max_share, seed, **kwargs):
        super().__init__(seed, **kwargs)
        self.axis = axis
        self.max_share = max_share

    def _change(self, inputs):
        ops = keras.ops
        n_clips, length = ops.shape(inputs)[0], inputs.shape[self.axis]
        longest = _rounded(self.max_share * length)
        width = keras.random.randint((n_clips, 1), 0, longest + 1, seed=self.generator)
        room = ops.cast(length - width + 1, "float32")
        start = keras.random.uniform((n_clips, 1), seed=self.generator) * room
        start = ops.cast(ops.floor(start), "int32")
        index = ops.arange(length)[None, :]
        kept = ops.logical_or(index < start, index >= start + width)
        return inputs * ops.expand_dims(ops.cast(kept, inputs.dtype), 3 - self.axis)

    def get_config(self):
        """Return the configuration of the layer, to rebuild a saved model.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "axis": self.axis, "max_share": self.max_share}


def _rounded(number):
    """Round a number or a tensor to an integer."""
    if isinstance(number, Real):
        return round(number)
    return keras.ops.cast(keras.ops.round(number), "int32")
