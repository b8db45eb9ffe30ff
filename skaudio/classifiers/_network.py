"""Networks compiled once, however many classifiers of their design are fitted."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skaudio._tensorflow import keras, start, tf
from skaudio.architectures import Dropout

# Clips predicted together: a bound on memory, far past the size where larger batches
# would be faster.
_BATCH = 256

# Designs, and ways of training each, that are kept compiled. A search goes through its
# folds candidate by candidate, so that few are in use at a time.
_KEPT_NETWORKS = 8
_KEPT_UPDATES = 2


@dataclass
class NetworkState:
    """A network at rest, in arrays and plain Python: what a pickle holds.

    Attributes
    ----------
    design : str
        The network without its weights, as Keras describes it in JSON.
    weights : ndarray of shape (n_weights,)
        All weights, one after the other.
    counters : list of ndarray
        Where the generators of dropout and augmentation are.
    optimizer : list of ndarray or None
        The optimizer's variables, if it has trained.
    optimizer_name : str or None
        What kind of optimizer it is.
    """

    design: str
    weights: np.ndarray
    counters: list[np.ndarray]
    optimizer: list[np.ndarray] | None = None
    optimizer_name: str | None = None
    _tensors: Any = field(default=None, init=False, repr=False, compare=False)

    def restore(self, model: keras.Model) -> None:
        """Give a model of the same design these weights.

        Parameters
        ----------
        model : keras.Model
            The model to change.
        """
        weights, counters = _variables(model)
        _assign(weights, self._arrays([variable.shape for variable in weights]))
        _assign(counters, self.counters)

    def tensors(self, shapes: list[tuple[int, ...]]) -> list[tf.Tensor]:
        """Hand the weights to TensorFlow, once.

        Parameters
        ----------
        shapes : list of tuple of int
            Shapes of the network's variables.

        Returns
        -------
        list of tensor
            The weights.
        """
        if self._tensors is None:
            self._tensors = [tf.constant(array) for array in self._arrays(shapes)]
        return self._tensors

    def _arrays(self, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
        arrays = np.split(self.weights, ends[:-1])
        return [array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)]

    def __getstate__(self):
        return {**vars(self), "_tensors": None}

    def make_model(self) -> keras.Model:
        """Build a model of its own.

        Returns
        -------
        keras.Model
            The model, uncompiled.
        """
        model = model_of(self.design)
        self.restore(model)
        return model


class CompiledNetwork:
    """The graphs of one design, which all classifiers of that design share.

    Compiling takes seconds and holds memory, and Keras would do it again for every fold
    of a search. Here the graph for prediction takes the weights as an argument, so that any
    number of fitted classifiers, and threads, can use it. The graph for training works
    on the network's own weights, for one training at a time.

    Parameters
    ----------
    model : keras.Model
        Features in, probabilities out. It belongs to the network from now on.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.shapes = [variable.shape for variable in _variables(model)[0]]
        self.in_training = threading.Lock()
        self._tracing = threading.Lock()
        self._graph: Any = None
        self._updates: OrderedDict[tuple[Any, ...], Update] = OrderedDict()

    def predict(self, weights: list[tf.Tensor], X: np.ndarray) -> np.ndarray:
        """Compute probabilities, with weights from outside.

        Keras' own ``predict`` costs about 40 ms a call before it computes anything, and
        its ``predict_on_batch`` traces again for new batch sizes.

        Parameters
        ----------
        weights : list of tensor
            A state's, or the network's own.
        X : ndarray of shape (n_clips, n_frames, n_coefficients)
            Features.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            Probabilities.
        """
        with self._tracing:
            if self._graph is None:
                self._graph = self._trace()
        batches = (X[start : start + _BATCH] for start in range(0, len(X), _BATCH))
        return np.concatenate([_run(self._graph, *weights, batch)[0].numpy() for batch in batches])

    def update(self, *, optimizer: str, mixes: bool) -> Update:
        """Find or compile a way of training the network.

        Parameters
        ----------
        optimizer : {"adam", "adamw", "rmsprop", "sgd"}
            Kind of optimizer.
        mixes : bool
            Whether it mixes clips.

        Returns
        -------
        Update
            One update of the weights, compiled.
        """
        key = (optimizer, mixes)
        if key in self._updates and not self._updates[key].is_whole:
            del self._updates[key]
        update = _recent(
            self._updates,
            key,
            lambda: Update(self.model, optimizer, mixes=mixes),
            _KEPT_UPDATES,
        )
        if getattr(self.model, "optimizer", None) is not update.optimizer:
            self.model.compile(update.optimizer)  # where callbacks look for it
        return update

    def weights(self) -> list[tf.Tensor]:
        """Read the network's own weights.

        Returns
        -------
        list of tensor
            The weights as they are now.
        """
        return [tf.convert_to_tensor(variable) for variable in _variables(self.model)[0]]

    def _trace(self):
        model = self.model
        place = {id(variable): i for i, variable in enumerate(_variables(model)[0])}

        def predict(weights, features):
            def value(variable):
                if id(variable) in place:
                    return weights[place[id(variable)]]
                return tf.zeros(variable.shape, variable.dtype)  # generators: not at work

            trainable = [value(variable) for variable in model.trainable_variables]
            others = [value(variable) for variable in model.non_trainable_variables]
            return model.stateless_call(trainable, others, features, training=False)[0]

        return tf.function(predict).get_concrete_function(
            [tf.TensorSpec(shape, tf.float32) for shape in self.shapes],
            tf.TensorSpec([None, *model.input_shape[1:]], tf.float32),
        )


class Update:
    """One update of a network's weights, compiled.

    Parameters
    ----------
    model : keras.Model
        The network.
    optimizer_name : {"adam", "adamw", "rmsprop", "sgd"}
        Kind of optimizer.
    mixes : bool
        Whether clips are mixed with others of the batch.
    """

    def __init__(self, model: keras.Model, optimizer_name: str, *, mixes: bool):
        self.optimizer_name = optimizer_name
        self.optimizer = make_optimizer(optimizer_name)
        self._model = model
        self._mixes = mixes
        self._dropouts = [layer for layer in model.layers if isinstance(layer, Dropout)]
        self.optimizer.build(model.trainable_variables)
        self._at_start = _values(self.optimizer.variables)
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
    def is_whole(self) -> bool:
        """Whether the optimizer still has its variables.

        A callback that gives it a schedule takes its learning rate from it.

        Returns
        -------
        bool
            False if it cannot be reset to its start.
        """
        return len(self.optimizer.variables) == len(self._at_start)

    def configure(
        self, *, learning_rate: float, weight_decay: float, dropout_rates: list[float]
    ) -> None:
        """Set what the graph is told at every update: nothing compiles again.

        Parameters
        ----------
        learning_rate : float
            Learning rate.
        weight_decay : float
            Decoupled weight decay.
        dropout_rates : list of float
            What the dropout layers drop, in the order of the model.
        """
        self.optimizer.learning_rate = learning_rate
        self.optimizer.weight_decay = weight_decay
        for layer, rate in zip(self._dropouts, dropout_rates, strict=True):
            layer.rate = rate

    def reset(self, variables: list[np.ndarray] | None = None) -> None:
        """Bring the optimizer to its start, or back to where it was.

        Parameters
        ----------
        variables : list of ndarray, default=None
            A state's, of the same kind of optimizer; None is the start.
        """
        _assign(self.optimizer.variables, variables or self._at_start)

    def __call__(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        *,
        mixup: float,
        seed: tuple[int, int],
    ) -> tuple[float, float]:
        """Update the weights on a batch.

        Parameters
        ----------
        features : ndarray of shape (n_clips, n_frames, n_coefficients)
            Features.
        targets : ndarray of shape (n_clips, n_classes)
            Probabilities to aim at.
        weights : ndarray of shape (n_clips,)
            Weight of each clip in the loss.
        mixup : float
            Both parameters of the beta distribution of the shares.
        seed : (int, int)
            Seed of the mixing.

        Returns
        -------
        loss : float
            Sum over the clips.
        n_right : float
            Clips whose most probable class is the target's.
        """
        decay = self.optimizer.weight_decay  # a callback may have set it, even to None
        loss, n_right = _run(
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
        if self._mixes:
            features, targets, weights = mixed(features, targets, weights, mixup, seed)
        with _dropping(self._dropouts, dropout_rates), tf.GradientTape() as tape:
            probabilities = self._model(features, training=True)
            losses = weights * keras.losses.categorical_crossentropy(targets, probabilities)
            loss = tf.reduce_mean(losses)
        self.optimizer.weight_decay = weight_decay  # while the graph is traced
        self._apply(tape.gradient(loss, self._model.trainable_variables))
        self.optimizer.weight_decay = 0.0
        is_right = tf.equal(tf.argmax(probabilities, axis=1), tf.argmax(targets, axis=1))
        return tf.reduce_sum(losses), tf.math.count_nonzero(is_right)

    def _apply(self, gradients):
        """Let the optimizer act without its sum over replicas, of which there is one.

        That sum has a custom gradient, which TensorFlow registers by a name for ever, and
        with it the graph: 5 MB for every design.
        """
        variables = self._model.trainable_variables
        replica = tf.distribute.get_replica_context()
        if replica is None:
            self.optimizer.apply(gradients, variables)
        else:
            replica.merge_call(lambda _: self.optimizer.apply(gradients, variables))


@contextmanager
def _dropping(layers: list[Dropout], rates: tf.Tensor) -> Iterator[None]:
    """Let layers drop what a graph is told, while it is traced."""
    own = [layer.rate for layer in layers]
    for place, layer in enumerate(layers):
        layer.rate = rates[place]
    try:
        yield
    finally:
        for layer, rate in zip(layers, own, strict=True):
            layer.rate = rate


def mixed(features: Any, targets: Any, weights: Any, alpha: Any, seed: Any) -> tuple[Any, ...]:
    """Mix each clip with another one of the batch, and their targets alike.

    Parameters
    ----------
    features : tensor of shape (n_clips, n_frames, n_coefficients)
        Features.
    targets : tensor of shape (n_clips, n_classes)
        Targets.
    weights : tensor of shape (n_clips,)
        Weights.
    alpha : tensor
        Both parameters of the beta distribution of the shares.
    seed : tensor of shape (2,), int32
        Decides the partners and the shares.

    Returns
    -------
    tuple of tensor
        Features, targets and weights. The larger share is the clip's own. Targets are mixed
        by share and weight, so that each label counts in the loss as much as its clip does.

    References
    ----------
    H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
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


_OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}


def make_optimizer(name: str) -> keras.optimizers.Optimizer:
    """Make an optimizer, whose learning rate and weight decay are set from update to update.

    Parameters
    ----------
    name : {"adam", "adamw", "rmsprop", "sgd"}
        Kind of optimizer.

    Returns
    -------
    keras.optimizers.Optimizer
        The optimizer.
    """
    momentum = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    return _OPTIMIZERS[name](weight_decay=0.0, **momentum)


def state_of(model: keras.Model, design: str, update: Update | None = None) -> NetworkState:
    """Copy a model's state.

    Parameters
    ----------
    model : keras.Model
        The model.
    design : str
        The same without weights.
    update : Update, default=None
        What trained it.

    Returns
    -------
    NetworkState
        The state.
    """
    weights, counters = _variables(model)
    state = NetworkState(design, _flat(weights), _values(counters))
    if update is not None:
        state.optimizer = _values(update.optimizer.variables)
        state.optimizer_name = update.optimizer_name
    return state


_networks: OrderedDict[str, CompiledNetwork] = OrderedDict()
_looking = threading.Lock()


def shared_network(design: str, model: keras.Model | None = None) -> CompiledNetwork:
    """Find the compiled network of a design, or make it.

    Parameters
    ----------
    design : str
        The design.
    model : keras.Model, default=None
        A model to compile if there is none yet; None builds one.

    Returns
    -------
    CompiledNetwork
        The network that all classifiers of this design in this process share.
    """

    def make():
        return CompiledNetwork(model_of(design) if model is None else model)

    with _looking:
        start()
        return _recent(_networks, _kind(design), make, _KEPT_NETWORKS)


@contextmanager
def network_to_train(state: NetworkState) -> Iterator[CompiledNetwork]:
    """Have a network of a design to oneself for a training.

    Parameters
    ----------
    state : NetworkState
        State to start from.

    Yields
    ------
    CompiledNetwork
        The shared network, or one of its own while another thread trains that.
    """
    network = shared_network(state.design)
    if not network.in_training.acquire(blocking=False):
        network = CompiledNetwork(model_of(state.design))
        network.in_training.acquire()
    try:
        state.restore(network.model)
        yield network
    finally:
        network.in_training.release()


def built_afresh(build: Callable[[], keras.Model]) -> keras.Model:
    """Build a model whose layers are named as if it were the first.

    Keras numbers the layers of a thread: ``conv1d_37``. TensorFlow keeps something for
    every name that it has seen, half a megabyte for each fit of a small network. A thread
    of its own starts counting anew.

    Parameters
    ----------
    build : callable
        Returns the model.

    Returns
    -------
    keras.Model
        The model.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(build).result()


def model_of(design: str) -> keras.Model:
    """Build the model of a design.

    Parameters
    ----------
    design : str
        The design.

    Returns
    -------
    keras.Model
        The model, with random weights.
    """
    return built_afresh(lambda: keras.models.model_from_json(design))


def dropout_rates(design: str) -> list[float]:
    """Read the rates of a design's dropout layers.

    Parameters
    ----------
    design : str
        The design.

    Returns
    -------
    list of float
        The rates, in the order of the layers.
    """
    return [config["rate"] for config in _dropouts(json.loads(design))]


def _dropouts(parts: dict[str, Any]) -> list[dict[str, Any]]:
    name = keras.saving.get_registered_name(Dropout)
    layers = parts["config"].get("layers", [])
    return [layer["config"] for layer in layers if layer["registered_name"] == name]


def _kind(design: str) -> str:
    """Tell designs apart, whatever their seeds and their rates of dropout."""

    def without_seeds(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without_seeds(v) for key, v in value.items() if key != "seed"}
        return [without_seeds(item) for item in value] if isinstance(value, list) else value

    parts = json.loads(design)
    for config in _dropouts(parts):
        del config["rate"]
    text = json.dumps(without_seeds(parts), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _run(graph: Any, *arguments: Any) -> list[tf.Tensor]:
    """Run a compiled graph on tensors or arrays that are known to fit.

    To call it like a function would check each argument in Python, which takes longer than
    a small network.
    """
    return tf.raw_ops.StatefulPartitionedCall(
        args=[*arguments, *graph.captured_inputs],
        Tout=[output.dtype for output in graph.outputs],
        f=graph,
    )


def _recent(kept: OrderedDict, key: Any, make: Any, limit: int) -> Any:
    """Find something by its key or make it, and forget what was not used for longest."""
    if key not in kept:
        kept[key] = make()
    kept.move_to_end(key)
    while len(kept) > limit:
        kept.popitem(last=False)
    return kept[key]


def _variables(model: keras.Model) -> tuple[list[keras.Variable], list[keras.Variable]]:
    """Split a model's variables into weights and the generators' counters."""
    weights = [v for v in model.variables if "float" in v.dtype]
    return weights, [v for v in model.variables if "float" not in v.dtype]


def _flat(variables: list[keras.Variable]) -> np.ndarray:
    return np.concatenate([np.ravel(np.asarray(v)) for v in variables]).astype(np.float32)


def _values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.asarray(variable).copy() for variable in variables]


def _assign(variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
