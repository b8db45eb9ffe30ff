"""Convert a classifier's `augmentation` parameter for the training graph."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skaudio._tensorflow import keras
from skaudio.architectures import padding_mask
from skaudio.augmentation import FeatureAugmentation, RandomMask, RandomNoise, RandomShift
from skaudio.classifiers._isolated import isolated, seeded_python


@dataclass
class Augmentation:
    """Layers before and after standardisation, and the parameter of mixup."""

    before: Sequence[keras.layers.Layer] = ()
    after: Sequence[keras.layers.Layer] = ()
    mixup: float = 0.0

    @property
    def variables(self) -> list[keras.Variable]:
        """The states of the layers, such as those of their random generators."""
        return [v for layer in (*self.before, *self.after) for v in layer.variables]

    def set_statistics(
        self, features: np.ndarray, weights: np.ndarray, *, standardize: Callable[[Any], Any]
    ) -> None:
        """Pass the training clips to the layers that need them."""
        for layer in self.after:
            if isinstance(layer, RandomOffset):
                layer.set_statistics(features, weights, standardize=standardize)

    @property
    def strengths(self) -> list[tuple[keras.layers.Layer, str]]:
        """The layers and the names of their attributes that are inputs of the graph."""
        layers = (*self.before, *self.after)
        return [(layer, layer.strength) for layer in layers if hasattr(layer, "strength")]

    @property
    def key(self) -> tuple[Any, ...]:
        """Identify the graph: everything but the seeds and the strengths."""
        layers = (
            [_described(layer) for layer in self.before],
            [_described(layer) for layer in self.after],
        )
        return json.dumps(layers, sort_keys=True), self.mixup > 0


class RandomOffset(keras.layers.Layer):
    """Add a random vector to all frames of a clip in training.

    The vectors are Gaussian, and vary as the frames of a clip do around their average: they are
    smooth over the bands of a spectrogram, and small where frames hardly vary. In no direction is
    their variance larger than the average variance of standardised features, one. This limits the
    change of the level, which varies by far the most.
    """

    strength = "scale"

    def __init__(self, scale: float, seed: int, n_coefficients: int):
        super().__init__()
        self.scale = scale
        self.generator = keras.random.SeedGenerator(seed)
        # A root R of the covariance: z R has the covariance R'R.
        self.root = self.add_weight(
            name="root", shape=(n_coefficients, n_coefficients), initializer="zeros"
        )

    def set_statistics(
        self, features: np.ndarray, weights: np.ndarray, *, standardize: Callable[[Any], Any]
    ) -> None:
        """Compute the root from the frames that are not padding, weighted as their clips."""
        products, n_frames = np.zeros(self.root.shape), 0.0
        for start in range(0, len(features), 256):
            clips = np.asarray(standardize(features[start : start + 256]), np.float64)
            is_sound = np.asarray(padding_mask(clips))
            averages = clips.mean(axis=1, where=is_sound[:, :, None])
            deviations = (clips - averages[:, None])[is_sound]
            of_frames = np.repeat(weights[start : start + 256], is_sound.sum(axis=1))
            products += (of_frames[:, None] * deviations).T @ deviations
            n_frames += of_frames.sum()
        variances, directions = np.linalg.eigh(products / n_frames)
        deviations = np.sqrt(np.clip(variances, 0, 1))
        self.root.assign(deviations[:, None] * directions.T)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        ops = keras.ops
        shape = ops.shape(inputs)
        draws = keras.random.normal((shape[0], shape[2]), seed=self.generator)
        scale = ops.cast(self.scale, draws.dtype)
        return inputs + scale * ops.matmul(draws, self.root)[:, None]

    def get_config(self):
        return {"scale": self.scale, "n_coefficients": self.root.shape[0]}


def as_augmentation(
    parameter: Any, *, seed: int, input_shape: tuple[int, int], is_sequence: bool
) -> Augmentation:
    """Make the layers of a classifier's `augmentation`, with seeds determined by `seed`."""
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=5).tolist()
    if parameter is None:
        return Augmentation()
    if isinstance(parameter, str):
        parameter = FeatureAugmentation()
    if not isinstance(parameter, FeatureAugmentation):
        layers = [parameter] if isinstance(parameter, keras.layers.Layer) else list(parameter)
        with seeded_python(seed):  # for layers without a seed
            return Augmentation(after=isolated(lambda: _copied(layers, input_shape)))
    parameter._validate_params()

    def make():
        before, after = [], []
        if is_sequence and parameter.time_shift:
            before.append(RandomShift(parameter.time_shift, seeds[0]))
        if is_sequence and parameter.coefficient_offset:
            after.append(RandomOffset(parameter.coefficient_offset, seeds[4], input_shape[1]))
        if parameter.noise_std:
            after.append(RandomNoise(parameter.noise_std, seeds[3]))
        if is_sequence and parameter.time_mask:
            after.append(RandomMask(1, parameter.time_mask, seeds[1]))
        if is_sequence and parameter.coefficient_mask:
            after.append(RandomMask(2, parameter.coefficient_mask, seeds[2]))
        return Augmentation(before, after, float(parameter.mixup))

    return isolated(make)


def _copied(layers: Sequence[Any], input_shape: tuple[int, int]) -> list[keras.layers.Layer]:
    """Rebuild a user's layers from their configurations, for one training."""
    x = keras.Input(input_shape)
    copies = []
    for layer in layers:
        if not isinstance(layer, keras.layers.Layer):
            raise TypeError(
                "The 'augmentation' parameter must be \"default\", None, a FeatureAugmentation, a "
                f"keras.layers.Layer or a sequence of layers. Got {layer!r} among them instead."
            )
        copies.append(type(layer).from_config(layer.get_config()))
        x = copies[-1](x)
    if x.shape[1:] != input_shape:
        raise ValueError(
            f"The layers of augmentation must not change the shape of the features, {input_shape}. "
            f"They return {x.shape[1:]}."
        )
    return copies


def _described(layer: keras.layers.Layer) -> Any:
    without = ("name", "seed", getattr(layer, "strength", None))
    config = {key: value for key, value in layer.get_config().items() if key not in without}
    return [id(type(layer)), keras.saving.serialize_keras_object(config)]
