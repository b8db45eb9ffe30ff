"""Augmentation as Keras layers: active in training, absent in prediction.

Each layer draws anew for every clip of every batch, from its own seed. Sizes are shares
of the clip, so that they mean the same at every clip length and frame rate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skaudio._tensorflow import keras

__all__ = ["RandomEqualizer", "RandomMask", "RandomNoise", "RandomShift", "RandomStretch"]


@keras.saving.register_keras_serializable(package="skaudio")
class RandomShift(keras.layers.Layer):
    """Move each clip along time, repeating its first or last frame.

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
        super().__init__(**kwargs)
        self.max_share = max_share
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Shift features in training.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients)
            Features.
        training : bool, default=False
            Whether the model is being trained.

        Returns
        -------
        tensor of the same shape
            Shifted features in training, else the features.
        """
        ops = keras.ops
        n_frames = inputs.shape[1]
        limit = round(self.max_share * n_frames)
        if not training or limit == 0:
            return inputs
        n_clips = ops.shape(inputs)[0]
        shift = keras.random.randint((n_clips, 1), -limit, limit + 1, seed=self.generator)
        frame = ops.clip(ops.arange(n_frames)[None, :] - shift, 0, n_frames - 1)
        return _frames_at(inputs, frame)

    def get_config(self):
        """Describe the layer, so that a saved model can be built again.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "max_share": self.max_share, "seed": self.seed}


@keras.saving.register_keras_serializable(package="skaudio")
class RandomStretch(keras.layers.Layer):
    """Stretch or squeeze each clip along time, or along the coefficients.

    The first frame, or band, stays where it is, and what lies between two is interpolated.
    What a stretched clip has beyond its end is cut off; a squeezed one repeats its end.
    Along the bands of a spectrogram this is another vocal tract, or a larger instrument.

    Parameters
    ----------
    axis : {1, 2}
        1 stretches time, 2 the coefficients.
    max_share : float
        Largest change: 0.2 is a factor between 1 / 1.2 and 1.2, evenly on a logarithmic
        scale.
    seed : int
        Seed of the draws.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    References
    ----------
    N. Jaitly and G. E. Hinton, "Vocal tract length perturbation (VTLP) improves speech
    recognition", ICML Workshop on Deep Learning for Audio, Speech and Language
    Processing, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.augmentation import RandomStretch
    >>> clip = np.arange(5, dtype="float32").reshape(1, 5, 1)
    >>> np.asarray(RandomStretch(1, 0.5, seed=0)(clip, training=True)).ravel().round(2)
    array([0.  , 0.79, 1.58, 2.37, 3.16], dtype=float32)
    """

    def __init__(self, axis, max_share, seed, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis
        self.max_share = max_share
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Stretch features in training.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients)
            Features.
        training : bool, default=False
            Whether the model is being trained.

        Returns
        -------
        tensor of the same shape
            Stretched features in training, else the features.
        """
        ops = keras.ops
        if not training or not self.max_share:
            return inputs
        features = inputs if self.axis == 1 else ops.swapaxes(inputs, 1, 2)
        last = features.shape[1] - 1
        exponent = keras.random.uniform((ops.shape(inputs)[0], 1), -1, 1, seed=self.generator)
        step = (1 + self.max_share) ** exponent
        place = ops.clip(ops.arange(last + 1, dtype="float32")[None, :] * step, 0, last)
        before = ops.cast(ops.floor(place), "int32")
        after = ops.minimum(before + 1, last)
        share = ops.expand_dims(place - ops.cast(before, "float32"), 2)
        features = (1 - share) * _frames_at(features, before) + share * _frames_at(features, after)
        return features if self.axis == 1 else ops.swapaxes(features, 1, 2)

    def get_config(self):
        """Describe the layer, so that a saved model can be built again.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        config = {"axis": self.axis, "max_share": self.max_share, "seed": self.seed}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="skaudio")
class RandomEqualizer(keras.layers.Layer):
    """Raise and lower bands by a smooth curve, the same in all frames of a clip.

    The curve is a sum of the first four cosines over the bands, the mean among them, with
    Gaussian weights: another level, microphone, distance or colour of voice.

    Parameters
    ----------
    stddev : float
        Root mean square of the curves, in units of the features.
    seed : int
        Seed of the draws.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.augmentation import RandomEqualizer
    >>> curves = np.asarray(
    ...     RandomEqualizer(0.4, seed=0)(np.zeros((500, 2, 16)), training=True)
    ... )
    >>> bool((curves[:, 0] == curves[:, 1]).all())  # the same in all frames
    True
    >>> round(float(np.sqrt((curves**2).mean())), 1)
    0.4
    """

    def __init__(self, stddev, seed, **kwargs):
        super().__init__(**kwargs)
        self.stddev = stddev
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs, training=False):
        """Change the bands in training.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients)
            Features.
        training : bool, default=False
            Whether the model is being trained.

        Returns
        -------
        tensor of the same shape
            Changed features in training, else the features.
        """
        ops = keras.ops
        if not training or not self.stddev:
            return inputs
        n_curves, n_bands = 4, inputs.shape[2]
        place = (np.arange(n_bands) + 0.5) / n_bands
        curves = np.cos(np.pi * np.arange(n_curves)[:, None] * place)
        curves *= self.stddev / np.sqrt(np.square(curves).mean(axis=1).sum())
        shape = (ops.shape(inputs)[0], n_curves)
        weights = keras.random.normal(shape, seed=self.generator)
        return inputs + ops.matmul(weights, curves.astype(np.float32))[:, None, :]

    def get_config(self):
        """Describe the layer, so that a saved model can be built again.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


@keras.saving.register_keras_serializable(package="skaudio")
class RandomNoise(keras.layers.Layer):
    """Add Gaussian noise to every coefficient of every frame.

    Keras' ``GaussianNoise``, which takes deviations up to 1 alone.

    Parameters
    ----------
    stddev : float
        Its standard deviation, in units of the features.
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

    def __init__(self, stddev, seed, **kwargs):
        super().__init__(**kwargs)
        self.stddev = stddev
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs, training=False):
        """Add noise in training.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients)
            Features.
        training : bool, default=False
            Whether the model is being trained.

        Returns
        -------
        tensor of the same shape
            Noisy features in training, else the features.
        """
        if not training or not self.stddev:
            return inputs
        shape = keras.ops.shape(inputs)
        return inputs + keras.random.normal(shape, stddev=self.stddev, seed=self.generator)

    def get_config(self):
        """Describe the layer, so that a saved model can be built again.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


@keras.saving.register_keras_serializable(package="skaudio")
class RandomMask(keras.layers.Layer):
    """Hide a random stretch of each clip, along time or along the coefficients.

    The stretch is set to zero, the mean of standardised features.

    Parameters
    ----------
    axis : {1, 2}
        1 hides frames, 2 hides coefficients.
    max_share : float
        Longest stretch, as a share of that axis.
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
        super().__init__(**kwargs)
        self.axis = axis
        self.max_share = max_share
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs, training=False):
        """Hide a stretch in training.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_frames, n_coefficients)
            Features.
        training : bool, default=False
            Whether the model is being trained.

        Returns
        -------
        tensor of the same shape
            Features with a stretch of zeros in training, else the features.
        """
        ops = keras.ops
        length = inputs.shape[self.axis]
        longest = round(self.max_share * length)
        if not training or longest == 0:
            return inputs
        n_clips = ops.shape(inputs)[0]
        width = keras.random.randint((n_clips, 1), 0, longest + 1, seed=self.generator)
        room = ops.cast(length - width + 1, "float32")
        start = keras.random.uniform((n_clips, 1), seed=self.generator) * room
        start = ops.cast(ops.floor(start), "int32")
        place = ops.arange(length)[None, :]
        kept = ops.logical_or(place < start, place >= start + width)
        return inputs * ops.expand_dims(ops.cast(kept, inputs.dtype), 3 - self.axis)

    def get_config(self):
        """Describe the layer, so that a saved model can be built again.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        config = {"axis": self.axis, "max_share": self.max_share, "seed": self.seed}
        return {**super().get_config(), **config}


def _frames_at(features: Any, places: Any) -> Any:
    """Choose frames by their places in each clip.

    One lookup in the frames of all clips: ``take_along_axis`` has an index for every
    coefficient, and takes several times longer.
    """
    ops = keras.ops
    n_clips, (n_frames, n_coefficients) = ops.shape(features)[0], features.shape[1:]
    places = places + n_frames * ops.arange(n_clips)[:, None]
    return ops.take(ops.reshape(features, (-1, n_coefficients)), places, axis=0)
