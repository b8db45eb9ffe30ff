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
    def generators(self) -> list[keras.Variable]:
        """The states of the layers' random generators."""
        layers = [*self.before, *self.after]
        return [v for layer in layers for v in layer.variables if "float" not in v.dtype]

    @property
    def key(self) -> tuple[Any, ...]:
        """Identify the graph: everything but the seeds and the amount of mixup."""
        layers = (
            [_described(layer) for layer in self.before],
            [_described(layer) for layer in self.after],
        )
        return json.dumps(layers, sort_keys=True), self.mixup > 0


def as_augmentation(parameter: Any, *, seed: int, is_sequence: bool) -> Augmentation:
    """Make the layers of a classifier's `augmentation`, with seeds determined by `seed`."""
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=4).tolist()
    if parameter is None:
        return Augmentation()
    if isinstance(parameter, str):
        parameter = FeatureAugmentation()
    if not isinstance(parameter, FeatureAugmentation):
        layers = [parameter] if isinstance(parameter, keras.layers.Layer) else list(parameter)
        with seeded_python(seed):  # for layers without a seed
            return Augmentation(after=isolated(lambda: [_copied(layer) for layer in layers]))
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


def _copied(layer: Any) -> keras.layers.Layer:
    """Rebuild a user's layer from its configuration, for one training."""
    if not isinstance(layer, keras.layers.Layer):
        raise TypeError(
            "The 'augmentation' parameter must be \"default\", None, a FeatureAugmentation, a "
            f"keras.layers.Layer or a sequence of layers. Got {layer!r} among them instead."
        )
    return type(layer).from_config(layer.get_config())


def _described(layer: keras.layers.Layer) -> Any:
    config = {
        key: value for key, value in layer.get_config().items() if key not in ("name", "seed")
    }
    return [id(type(layer)), keras.saving.serialize_keras_object(config)]
