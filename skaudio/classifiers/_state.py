"""A network at rest: what a pickle holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skaudio._tensorflow import keras, tf
from skaudio.classifiers._apart import apart


@dataclass
class NetworkState:
    """A network in arrays and plain Python."""

    # The network without its weights, as Keras describes it in JSON.
    design: str
    # What is not Keras' own in it, by its registered name. A pickle refers to it, so that it is
    # imported before the network is built again.
    custom_objects: dict[str, Any]
    # What its layers of dropout drop.
    dropout_rates: list[float]
    # All weights, one after the other.
    weights: np.ndarray
    # States of the random generators of dropout, and of augmentation.
    generators: list[np.ndarray]
    augmentation: list[np.ndarray] = field(default_factory=list)
    # The optimizer's variables, if it has trained, and its kind.
    optimizer: list[np.ndarray] | None = None
    optimizer_name: str | None = None
    _tensors: Any = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, model: keras.Model, **others: Any) -> NetworkState:
        """Copy a model's weights and generators; `others` are the other attributes."""
        weights, generators = split_variables(model)
        flat = np.concatenate([np.ravel(np.asarray(v)) for v in weights]).astype(np.float32)
        return cls(weights=flat, generators=values_of(generators), **others)

    def make_model(self) -> keras.Model:
        """Build the model of the design, uncompiled, with random weights."""
        return apart(lambda: keras.models.model_from_json(self.design, self.custom_objects))

    def restore(self, model: keras.Model) -> keras.Model:
        """Give these weights to a model of the same design, and return it."""
        weights, generators = split_variables(model)
        assign(weights, self._arrays([variable.shape for variable in weights]))
        assign(generators, self.generators)
        return model

    def tensors(self, shapes: list[tuple[int, ...]]) -> list[tf.Tensor]:
        """Hand the weights, which have these shapes, to TensorFlow: once."""
        if self._tensors is None:
            self._tensors = [tf.constant(array) for array in self._arrays(shapes)]
        return self._tensors

    def _arrays(self, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
        arrays = np.split(self.weights, ends[:-1])
        return [array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)]

    def __getstate__(self):
        return {**vars(self), "_tensors": None}


def split_variables(model: keras.Model) -> tuple[list[keras.Variable], list[keras.Variable]]:
    """Split a model's variables into weights and states of random generators."""
    weights = [v for v in model.variables if "float" in v.dtype]
    return weights, [v for v in model.variables if "float" not in v.dtype]


def values_of(variables: list[keras.Variable]) -> list[np.ndarray]:
    """Copy the values of variables."""
    return [np.asarray(variable).copy() for variable in variables]


def assign(variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    """Give variables their values."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
