"""Compiled networks: graphs that all classifiers of the same design share."""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from skaudio._tensorflow import check_not_forked, keras, start, tf
from skaudio.architectures import Dropout, PaddingMask, padding_mask
from skaudio.classifiers._augmentation import Augmentation
from skaudio.classifiers._isolated import isolated
from skaudio.classifiers._optimization import make_optimizer
from skaudio.classifiers._state import NetworkState, assign, split_variables, values_of

# Clips predicted together: a limit on memory, far above the size at which larger batches
# are faster.
BATCH = 256

# Number of designs, and of ways to train each, that are kept compiled. A search runs the
# folds of one candidate after the other, so that few are in use at a time.
_KEPT_NETWORKS = 8
_KEPT_UPDATES = 2

_T = TypeVar("_T")


class CompiledNetwork:
    """The graphs of one design.

    Compiling takes seconds and memory, and Keras would repeat it for every fold
    of a search. Here the graph for prediction takes the weights as an argument, so that any
    number of fitted classifiers, and threads, can use it. The graph for training uses
    the network's own weights, for one training at a time.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.shapes = [variable.shape for variable in split_variables(model)[0]]
        self.in_training = threading.Lock()
        self._tracing = threading.Lock()
        self._graph: Any = None
        self._updates: OrderedDict[Any, Update] = OrderedDict()

    def predict(self, weights: list[tf.Tensor], X: np.ndarray) -> np.ndarray:
        """Compute probabilities of shape (n_clips, n_classes), with the given weights.

        Keras' own ``predict`` has an overhead of about 40 ms per call, and
        its ``predict_on_batch`` traces again for new batch sizes.
        """
        with self._tracing:
            if self._graph is None:
                self._graph = isolated(self._trace)
        batches = (X[start : start + BATCH] for start in range(0, len(X), BATCH))
        return np.concatenate([_call(self._graph, *weights, batch)[0].numpy() for batch in batches])

    def update(self, *, optimizer: str, augmentation: Augmentation) -> Update:
        """Find or compile the training graph."""
        key = (optimizer, augmentation.key)
        if key in self._updates and not self._updates[key].is_resettable:
            del self._updates[key]
        return _cached(
            self._updates,
            key,
            lambda: isolated(lambda: Update(self.model, optimizer, augmentation)),
            _KEPT_UPDATES,
        )

    def weights(self) -> list[tf.Tensor]:
        """Return the current weights of the network."""
        return [tf.convert_to_tensor(variable) for variable in split_variables(self.model)[0]]

    def _trace(self):
        model = self.model
        index = {id(variable): i for i, variable in enumerate(split_variables(model)[0])}

        def predict(weights, features):
            def value(variable):
                if id(variable) in index:
                    return weights[index[id(variable)]]
                return tf.zeros(variable.shape, variable.dtype)  # unused generators

            trainable = [value(variable) for variable in model.trainable_variables]
            others = [value(variable) for variable in model.non_trainable_variables]
            probabilities, _ = model.stateless_call(trainable, others, features, training=False)
            return tf.cast(probabilities, tf.float32)

        return tf.function(predict, autograph=False).get_concrete_function(
            [tf.TensorSpec(shape, tf.float32) for shape in self.shapes],
            tf.TensorSpec([None, *model.input_shape[1:]], tf.float32),
        )


class Update:
    """A compiled update of a network's weights.

    Learning rate, weight decay, dropout rates and the strengths of the augmentation may change
    between updates: they are inputs of the graph.
    """

    def __init__(self, model: keras.Model, optimizer_name: str, augmentation: Augmentation):
        self.optimizer_name = optimizer_name
        self.optimizer = make_optimizer(optimizer_name)
        self._model = model
        self._augmentation = augmentation
        self._dropouts = _dropout_layers(model)
        # The optimizer updates all weights as one vector, with the same results: its operations
        # for each variable would be half of the graph.
        self._sizes = [math.prod(variable.shape) for variable in model.trainable_variables]
        self._vector = keras.Variable(np.zeros(sum(self._sizes), np.float32))
        self.optimizer.build([self._vector])
        self._at_start = values_of(self.optimizer.variables)
        n_classes = model.output_shape[-1]
        self._graph = tf.function(self._update, autograph=False).get_concrete_function(
            tf.TensorSpec([None, *model.input_shape[1:]], tf.float32),
            tf.TensorSpec([None, n_classes], tf.float32),
            tf.TensorSpec([None], tf.float32),
            tf.TensorSpec([], tf.float32),
            tf.TensorSpec([2], tf.int32),
            tf.TensorSpec([], tf.float32),
            tf.TensorSpec([len(self._dropouts)], tf.float64),
            tf.TensorSpec([len(augmentation.strengths)], tf.float64),
        )

    @property
    def is_resettable(self) -> bool:
        """Whether the optimizer still has its variables.

        A callback that sets a schedule removes the variable of the learning rate.
        """
        return len(self.optimizer.variables) == len(self._at_start)

    def reset(self, state: NetworkState, augmentation: Augmentation, *, resumes: bool) -> None:
        """Reset optimizer and augmentation for a new training, or to resume one."""
        known = resumes and state.optimizer_name == self.optimizer_name
        assign(self.optimizer.variables, (known and state.optimizer) or self._at_start)
        self._strengths = [getattr(layer, name) for layer, name in augmentation.strengths]
        start, own = augmentation.variables, self._augmentation.variables
        is_same = [x.shape for x in state.augmentation] == [x.shape for x in start]
        assign(own, state.augmentation if is_same else values_of(start))

    def configure(
        self, *, learning_rate: float, weight_decay: float, dropout_rates: list[float]
    ) -> None:
        """Set the inputs of the graph."""
        self.optimizer.learning_rate = learning_rate
        self.optimizer.weight_decay = weight_decay
        for layer, rate in zip(self._dropouts, dropout_rates, strict=True):
            layer.rate = rate

    def state(self, like: NetworkState) -> NetworkState:
        """Copy the state of the trained network; the design is that of another state."""
        return NetworkState.of(
            self._model,
            design=like.design,
            custom_objects=like.custom_objects,
            dropout_rates=like.dropout_rates,
            augmentation=values_of(self._augmentation.variables),
            optimizer=values_of(self.optimizer.variables),
            optimizer_name=self.optimizer_name,
        )

    def __call__(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        *,
        mixup: float,
        seed: tuple[int, int],
    ) -> tuple[float, float]:
        """Update the weights on a batch; return the sum of the losses and the correct clips."""
        decay = self.optimizer.weight_decay  # a callback may have set it, even to None
        loss, n_correct = _call(
            self._graph,
            features,
            targets,
            weights,
            np.array(mixup, np.float32),  # arrays only: scalars take TensorFlow's slow path
            np.array(seed, np.int32),
            np.array(0.0 if decay is None else decay, np.float32),
            np.array([layer.rate for layer in self._dropouts], np.float64),
            np.array(self._strengths, np.float64),
        )
        return float(loss), float(n_correct)

    def _update(
        self, features, targets, weights, mixup, seed, weight_decay, dropout_rates, strengths
    ):
        if self._augmentation.mixup:
            features, targets, weights = mixed(features, targets, weights, mixup, seed)
        rates = [(layer, "rate") for layer in self._dropouts]
        with (
            _substituted(rates, dropout_rates),
            _substituted(self._augmentation.strengths, strengths),
            tf.GradientTape() as tape,
        ):
            probabilities = self._forward(features)
            losses = weights * keras.losses.categorical_crossentropy(targets, probabilities)
            # With the penalties of regularizers, which a user's network may have.
            loss = tf.reduce_mean(losses) + sum(self._model.layers[-1].losses)
        self.optimizer.weight_decay = weight_decay  # while the graph is traced
        variables = self._model.trainable_variables
        self._apply(variables, tape.gradient(loss, variables, unconnected_gradients="zero"))
        self.optimizer.weight_decay = 0.0
        is_correct = tf.equal(tf.argmax(probabilities, axis=1), tf.argmax(targets, axis=1))
        return tf.reduce_sum(losses), tf.math.count_nonzero(is_correct)

    def _forward(self, x):
        """Call the model, with the augmentation before and after its preprocessing."""
        for layer in self._augmentation.before:
            x = layer(x, training=True)
        _, *preprocessing, network = self._model.layers
        for layer in preprocessing:
            x = layer(x)
        # Find the padding before augmentation, since masked frames would interrupt it.
        parts = network._flatten_layers()
        masks = [(part, "mask") for part in parts if isinstance(part, PaddingMask)]
        mask = padding_mask(x) if masks else None
        for layer in self._augmentation.after:
            x = layer(x, training=True)
        with _substituted(masks, [mask] * len(masks)):
            return tf.cast(network(x, training=True), tf.float32)

    def _apply(self, variables, gradients):
        """Apply gradients without the optimizer's sum over replicas, of which there is one.

        That sum has a custom gradient, which TensorFlow registers permanently, together
        with the graph: 5 MB for every design.
        """
        if not variables:
            return
        self._vector.assign(_joined(variables))
        gradient = _joined(gradients)
        replica = tf.distribute.get_replica_context()
        replica.merge_call(lambda _: self.optimizer.apply([gradient], [self._vector]))
        parts = tf.split(self._vector, self._sizes)
        for variable, part in zip(variables, parts, strict=True):
            values = tf.cast(tf.reshape(part, variable.shape), variable.dtype)
            variable.assign(values if variable.constraint is None else variable.constraint(values))


def _joined(tensors: list[Any]) -> Any:
    """Join tensors to one vector."""
    vectors = [tf.reshape(tf.convert_to_tensor(tensor), [-1]) for tensor in tensors]
    return tf.concat([tf.cast(vector, tf.float32) for vector in vectors], axis=0)


@contextmanager
def _substituted(attributes: list[tuple[Any, str]], values: Any) -> Iterator[None]:
    """Set attributes of layers to tensors while a graph is traced."""
    own = [getattr(layer, name) for layer, name in attributes]
    for index, (layer, name) in enumerate(attributes):
        setattr(layer, name, values[index])
    try:
        yield
    finally:
        for (layer, name), value in zip(attributes, own, strict=True):
            setattr(layer, name, value)


def mixed(features: Any, targets: Any, weights: Any, alpha: Any, seed: Any) -> tuple[Any, ...]:
    """Mix each clip with another one of the batch, and their targets in the same way.

    The clip itself has the larger share. Targets are mixed by share and weight, so that each
    label has the same weight in the loss as its clip.
    """
    n_clips = tf.shape(features)[0]
    seeds = tf.random.experimental.stateless_split(seed, 3)
    one = tf.random.stateless_gamma([n_clips], seeds[0], alpha=alpha)
    other = tf.random.stateless_gamma([n_clips], seeds[1], alpha=alpha)
    share = tf.math.divide_no_nan(one, one + other)
    share = tf.maximum(share, 1 - share)
    partner = tf.random.experimental.stateless_shuffle(tf.range(n_clips), seeds[2])

    def mix(values):
        shares = tf.reshape(share, [-1] + [1] * (values.shape.rank - 1))
        return shares * values + (1 - shares) * tf.gather(values, partner)

    mixed_weights = mix(weights)
    mixed_targets = mix(targets * weights[:, None]) / mixed_weights[:, None]
    return mix(features), mixed_targets, mixed_weights


# Sharing ------------------------------------------------------------------------------------

_networks: OrderedDict[Any, CompiledNetwork] = OrderedDict()
_looking = threading.Lock()


def shared_network(state: NetworkState, model: keras.Model | None = None) -> CompiledNetwork:
    """Find the compiled network of a state's design, or compile `model` or a new one.

    All classifiers of the same design in this process share it, whatever their seeds and
    dropout rates.
    """

    def compiled():
        return CompiledNetwork(state.make_model() if model is None else model)

    # In a notebook, the same names may have been redefined.
    custom = tuple(sorted((name, id(value)) for name, value in state.custom_objects.items()))
    with _looking:
        start()
        return _cached(_networks, (_design_key(state.design), custom), compiled, _KEPT_NETWORKS)


@contextmanager
def network_to_train(state: NetworkState) -> Iterator[CompiledNetwork]:
    """Lock a network in this state: the shared one, or a new one if that is in use."""
    network = shared_network(state)
    if not network.in_training.acquire(blocking=False):
        network = CompiledNetwork(state.make_model())
        network.in_training.acquire()
    was_trainable = [(layer, layer.trainable) for layer in network.model._flatten_layers()]
    try:
        state.restore(network.model)
        yield network
    finally:
        for layer, trainable in was_trainable:  # callbacks may freeze layers
            if layer.trainable != trainable:
                layer.trainable = trainable
        network.in_training.release()


def initial_state(model: keras.Model) -> NetworkState:
    """Return the state of a new model: its design and its initial weights."""
    design = model.to_json()
    names = {part.get("registered_name") for part in _parts(json.loads(design))}
    found = {name: keras.saving.get_registered_object(name) for name in names if name}
    custom = {name: value for name, value in found.items() if value is not None}
    for layer in model._flatten_layers():
        if not type(layer).__module__.startswith("keras."):  # in a worker, it is not registered
            custom[keras.saving.get_registered_name(type(layer))] = type(layer)
    rates = [layer.rate for layer in _dropout_layers(model)]
    return NetworkState.of(model, design=design, custom_objects=custom, dropout_rates=rates)


def _dropout_layers(model: keras.Model) -> list[Dropout]:
    """Return the dropout layers of a model and its nested models, always in the same order."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, Dropout)]


def _dropouts(parts: Any) -> Iterator[dict[str, Any]]:
    name = keras.saving.get_registered_name(Dropout)
    return (part for part in _parts(parts) if part.get("registered_name") == name)


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects in a JSON description."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _parts(item)


@lru_cache(maxsize=16)  # each fit asks twice, and the folds of a candidate for the same
def _design_key(design: str) -> str:
    """Identify a design, without its seeds and dropout rates."""
    described = json.loads(design)
    for part in _dropouts(described):
        del part["config"]["rate"]
    for part in _parts(described):
        part.pop("seed", None)
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _call(graph: Any, *arguments: Any) -> list[tf.Tensor]:
    """Call a compiled graph on tensors or arrays of the correct types.

    Calling it as a function would check each argument in Python, which takes longer than
    a small network.
    """
    check_not_forked()
    return tf.raw_ops.StatefulPartitionedCall(
        args=[*arguments, *graph.captured_inputs],
        Tout=[output.dtype for output in graph.outputs],
        f=graph,
    )


def _cached(kept: OrderedDict[Any, _T], key: Any, make: Callable[[], _T], limit: int) -> _T:
    """Return an item of a cache or make it, and remove the least recently used one."""
    if key not in kept:
        kept[key] = make()
    kept.move_to_end(key)
    while len(kept) > limit:
        kept.popitem(last=False)
    return kept[key]
