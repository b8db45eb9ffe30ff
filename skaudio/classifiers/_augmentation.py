"""Convert a classifier's `augmentation` parameter for the training graph."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skaudio._tensorflow import keras
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

    @property
    def key(self) -> tuple[Any, ...]:
        """Identify the graph: everything but the seeds and the amount of mixup."""
        layers = (
            [_described(layer) for layer in self.before],
            [_described(layer) for layer in self.after],
        )
        return json.dumps(layers, sort_keys=True), self.mixup > 0


def as_augmentation(
    parameter: Any, *, seed: int, input_shape: tuple[int, int], is_sequence: bool
) -> Augmentation:
    """Make the layers of a classifier's `augmentation`, with seeds determined by `seed`."""
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=4).tolist()
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
    config = {
        key: value for key, value in layer.get_config().items() if key not in ("name", "seed")
    }
    return [id(type(layer)), keras.saving.serialize_keras_object(config)]
