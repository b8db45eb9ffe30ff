"""Compiled networks: graphs that all classifiers of one design share."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from skaudio._tensorflow import keras, start, tf
from skaudio.architectures import Dropout, PaddingMask, padding_mask
from skaudio.classifiers._apart import apart
from skaudio.classifiers._augmentation import Augmentation
from skaudio.classifiers._optimization import make_optimizer
from skaudio.classifiers._state import NetworkState, assign, split_variables, values_of

# Clips predicted together: a bound on memory, far past the size where larger batches
# would be faster.
BATCH = 256

# Designs, and ways of training each, that are kept compiled. A search goes through its
# folds candidate by candidate, so that few are in use at a time.
_KEPT_NETWORKS = 8
_KEPT_UPDATES = 2

_T = TypeVar("_T")


class CompiledNetwork:
    """The graphs of one design.

    Compiling takes seconds and holds memory, and Keras would do it again for every fold
    of a search. Here the graph for prediction takes the weights as an argument, so that any
    number of fitted classifiers, and threads, can use it. The graph for training works
    on the network's own weights, for one training at a time.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.shapes = [variable.shape for variable in split_variables(model)[0]]
        self.in_training = threading.Lock()
        self._tracing = threading.Lock()
        self._graph: Any = None
        self._updates: OrderedDict[Any, Update] = OrderedDict()

    def predict(self, weights: list[tf.Tensor], X: np.ndarray) -> np.ndarray:
        """Compute probabilities of shape (n_clips, n_classes), with weights from outside.

        Keras' own ``predict`` costs about 40 ms a call before it computes anything, and
        its ``predict_on_batch`` traces again for new batch sizes.
        """
        with self._tracing:
            if self._graph is None:
                self._graph = apart(self._trace)
        batches = (X[start : start + BATCH] for start in range(0, len(X), BATCH))
        return np.concatenate([_call(self._graph, *weights, batch)[0].numpy() for batch in batches])

    def update(self, *, optimizer: str, augmentation: Augmentation) -> Update:
        """Find or compile a way of training the network."""
        key = (optimizer, augmentation.key)
        if key in self._updates and not self._updates[key].is_resettable:
            del self._updates[key]
        return _recent(
            self._updates,
            key,
            lambda: apart(lambda: Update(self.model, optimizer, augmentation)),
            _KEPT_UPDATES,
        )

    def weights(self) -> list[tf.Tensor]:
        """Read the network's own weights, as they are now."""
        return [tf.convert_to_tensor(variable) for variable in split_variables(self.model)[0]]

    def _trace(self):
        model = self.model
        index = {id(variable): i for i, variable in enumerate(split_variables(model)[0])}

        def predict(weights, features):
            def value(variable):
                if id(variable) in index:
                    return weights[index[id(variable)]]
                return tf.zeros(variable.shape, variable.dtype)  # generators: not at work

            trainable = [value(variable) for variable in model.trainable_variables]
            others = [value(variable) for variable in model.non_trainable_variables]
            probabilities, _ = model.stateless_call(trainable, others, features, training=False)
            return tf.cast(probabilities, tf.float32)

        return tf.function(predict).get_concrete_function(
            [tf.TensorSpec(shape, tf.float32) for shape in self.shapes],
            tf.TensorSpec([None, *model.input_shape[1:]], tf.float32),
        )


class Update:
    """One update of a network's weights, compiled.

    Learning rate, weight decay and the rates of dropout may change from update to update:
    the graph takes them as inputs.
    """

    def __init__(self, model: keras.Model, optimizer_name: str, augmentation: Augmentation):
        self.optimizer_name = optimizer_name
        self.optimizer = make_optimizer(optimizer_name)
        self._model = model
        self._augmentation = augmentation
        self._dropouts = _dropout_layers(model)
        self.optimizer.build(model.trainable_variables)
        self._at_start = values_of(self.optimizer.variables)
        n_classes = model.output_shape[-1]
        self._graph = tf.function(self._update).get_concrete_function(
            tf.TensorSpec([None, *model.input_shape[1:]], tf.float32),
            tf.TensorSpec([None, n_classes], tf.float32),
            tf.TensorSpec([None], tf.float32),
            tf.TensorSpec([], tf.float32),
            tf.TensorSpec([2], tf.int32),
            tf.TensorSpec([], tf.float32),
            tf.TensorSpec([len(self._dropouts)], tf.float64),
        )

    @property
    def is_resettable(self) -> bool:
        """Whether the optimizer still has its variables.

        A callback that gives it a schedule takes its learning rate from it.
        """
        return len(self.optimizer.variables) == len(self._at_start)

    def reset(self, state: NetworkState, augmentation: Augmentation, *, resumes: bool) -> None:
        """Bring optimizer and augmentation to where a training starts, or resumes."""
        known = resumes and state.optimizer_name == self.optimizer_name
        assign(self.optimizer.variables, (known and state.optimizer) or self._at_start)
        start, own = augmentation.generators, self._augmentation.generators
        is_same = [x.shape for x in state.augmentation] == [x.shape for x in start]
        assign(own, state.augmentation if is_same else values_of(start))

    def configure(
        self, *, learning_rate: float, weight_decay: float, dropout_rates: list[float]
    ) -> None:
        """Set what the graph takes as inputs."""
        self.optimizer.learning_rate = learning_rate
        self.optimizer.weight_decay = weight_decay
        for layer, rate in zip(self._dropouts, dropout_rates, strict=True):
            layer.rate = rate

    def state(self, like: NetworkState) -> NetworkState:
        """Copy the state of the trained network, of the same design as another one."""
        return NetworkState.of(
            self._model,
            design=like.design,
            custom_objects=like.custom_objects,
            dropout_rates=like.dropout_rates,
            augmentation=values_of(self._augmentation.generators),
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
        """Update the weights on a batch; return the sum of the losses, and how many are right."""
        decay = self.optimizer.weight_decay  # a callback may have set it, even to None
        loss, n_right = _call(
            self._graph,
            features,
            targets,
            weights,
            np.array(mixup, np.float32),  # arrays throughout: scalars take TensorFlow's slow path
            np.array(seed, np.int32),
            np.array(0.0 if decay is None else decay, np.float32),
            np.array([layer.rate for layer in self._dropouts], np.float64),
        )
        return float(loss), float(n_right)

    def _update(self, features, targets, weights, mixup, seed, weight_decay, dropout_rates):
        if self._augmentation.mixup:
            features, targets, weights = mixed(features, targets, weights, mixup, seed)
        with _dropping(self._dropouts, dropout_rates), tf.GradientTape() as tape:
            probabilities = self._forward(features)
            losses = weights * keras.losses.categorical_crossentropy(targets, probabilities)
            loss = tf.reduce_mean(losses)
        self.optimizer.weight_decay = weight_decay  # while the graph is traced
        self._apply(tape.gradient(loss, self._model.trainable_variables))
        self.optimizer.weight_decay = 0.0
        is_right = tf.equal(tf.argmax(probabilities, axis=1), tf.argmax(targets, axis=1))
        return tf.reduce_sum(losses), tf.math.count_nonzero(is_right)

    def _forward(self, x):
        """Call the model, with the augmentation around what it does to the features first."""
        for layer in self._augmentation.before:
            x = layer(x, training=True)
        _, *preprocessing, network = self._model.layers
        for layer in preprocessing:
            x = layer(x)
        # Frames that are hidden would break up the padding, so that it is looked for before.
        is_masked = any(isinstance(layer, PaddingMask) for layer in network.layers)
        mask = padding_mask(x) if is_masked else None
        for layer in self._augmentation.after:
            x = layer(x, training=True)
        if mask is None:
            return tf.cast(network(x, training=True), tf.float32)
        # Its __call__ warns that the mask is not handed on, which a whole network need not do.
        return network.call(x, training=True, mask=mask)

    def _apply(self, gradients):
        """Let the optimizer act without its sum over replicas, of which there is one.

        That sum has a custom gradient, which TensorFlow registers by a name for ever, and
        with it the graph: 5 MB for every design.
        """
        variables = self._model.trainable_variables
        replica = tf.distribute.get_replica_context()
        replica.merge_call(lambda _: self.optimizer.apply(gradients, variables))


@contextmanager
def _dropping(layers: list[Dropout], rates: tf.Tensor) -> Iterator[None]:
    """Let layers drop what a graph takes as input, while it is traced."""
    own = [layer.rate for layer in layers]
    for index, layer in enumerate(layers):
        layer.rate = rates[index]
    try:
        yield
    finally:
        for layer, rate in zip(layers, own, strict=True):
            layer.rate = rate


def mixed(features: Any, targets: Any, weights: Any, alpha: Any, seed: Any) -> tuple[Any, ...]:
    """Mix each clip with another one of the batch, and their targets alike.

    The larger share is the clip's own. Targets are mixed by share and weight, so that each
    label counts in the loss as much as its clip does.
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
    """Find the compiled network of a state's design, or compile `model`, or a new one.

    All classifiers of one design in this process share it, whatever their seeds and rates
    of dropout.
    """

    def compiled():
        return CompiledNetwork(state.make_model() if model is None else model)

    # The same names may have come to mean something else, in a notebook.
    custom = tuple(sorted((name, id(value)) for name, value in state.custom_objects.items()))
    with _looking:
        start()
        return _recent(_networks, (_kind(state.design), custom), compiled, _KEPT_NETWORKS)


@contextmanager
def network_to_train(state: NetworkState) -> Iterator[CompiledNetwork]:
    """Have a network to oneself, in this state: the shared one, or another if that is in use."""
    network = shared_network(state)
    if not network.in_training.acquire(blocking=False):
        network = CompiledNetwork(state.make_model())
        network.in_training.acquire()
    try:
        state.restore(network.model)
        yield network
    finally:
        network.in_training.release()


def start_state(model: keras.Model) -> NetworkState:
    """Take down a new model: its design, and its weights before any training."""
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
    """The dropout layers of a model, those of models inside it as well, always in one order."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, Dropout)]


def _dropouts(parts: Any) -> Iterator[dict[str, Any]]:
    name = keras.saving.get_registered_name(Dropout)
    return (part for part in _parts(parts) if part.get("registered_name") == name)


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """All that a description in JSON describes."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _parts(item)


def _kind(design: str) -> str:
    """Identify a design, whatever its seeds and its rates of dropout."""
    described = json.loads(design)
    for part in _dropouts(described):
        del part["config"]["rate"]
    for part in _parts(described):
        part.pop("seed", None)
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _call(graph: Any, *arguments: Any) -> list[tf.Tensor]:
    """Call a compiled graph on tensors or arrays that are known to fit.

    To call it like a function would check each argument in Python, which takes longer than
    a small network.
    """
    return tf.raw_ops.StatefulPartitionedCall(
        args=[*arguments, *graph.captured_inputs],
        Tout=[output.dtype for output in graph.outputs],
        f=graph,
    )


def _recent(kept: OrderedDict[Any, _T], key: Any, make: Callable[[], _T], limit: int) -> _T:
    """Find something by its key or make it, and forget what was not used for longest."""
    if key not in kept:
        kept[key] = make()
    kept.move_to_end(key)
    while len(kept) > limit:
        kept.popitem(last=False)
    return kept[key]
