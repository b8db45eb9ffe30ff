"""The state of a network, which is pickled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skaudio._tensorflow import keras, tf
from skaudio.classifiers._isolated import isolated


@dataclass
class NetworkState:
    """A network as arrays and plain Python objects."""

    # The network without its weights, as Keras' JSON.
    design: str
    # Its custom objects, by their registered names. A pickle refers to them, so that they are
    # imported before the network is rebuilt.
    custom_objects: dict[str, Any]
    # The rates of its dropout layers.
    dropout_rates: list[float]
    # All weights, concatenated.
    weights: np.ndarray
    # States of the random generators of dropout, and of augmentation.
    generators: list[np.ndarray]
    augmentation: list[np.ndarray] = field(default_factory=list)
    # The optimizer's variables, if it was used, and its name.
    optimizer: list[np.ndarray] | None = None
    optimizer_name: str | None = None
    _tensors: Any = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, model: keras.Model, **others: Any) -> NetworkState:
        """Copy a model's weights and generators; `others` are the other attributes."""
        weights, generators = split_variables(model)
        flat = np.concatenate([np.zeros(0), *(np.ravel(np.asarray(v)) for v in weights)])
        return cls(weights=flat.astype(np.float32), generators=values_of(generators), **others)

    def make_model(self) -> keras.Model:
        """Build the uncompiled model, with random weights."""
        return isolated(lambda: keras.models.model_from_json(self.design, self.custom_objects))

    def restore(self, model: keras.Model) -> keras.Model:
        """Set the weights of a model of the same design, and return it."""
        weights, generators = split_variables(model)
        assign(weights, self._arrays([variable.shape for variable in weights]))
        assign(generators, self.generators)
        return model

    def tensors(self, shapes: list[tuple[int, ...]]) -> list[tf.Tensor]:
        """Convert the weights to tensors of these shapes, only once."""
        if self._tensors is None:
            self._tensors = [tf.constant(array) for array in self._arrays(shapes)]
        return self._tensors

    def _arrays(self, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
        arrays = np.split(self.weights, ends)[: len(shapes)]
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
    """Assign values to variables."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
