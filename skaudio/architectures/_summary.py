"""Size of a network: parameters, multiply-accumulates, bytes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from skaudio._tensorflow import keras
from skaudio.architectures._bc_resnet import SubSpectralNormalization
from skaudio.architectures._layers import BatchNormalization, Standardize


@dataclass(frozen=True)
class LayerSummary:
    """Size of one layer.

    Attributes
    ----------
    name : str
        The layer's name.
    kind : str
        Its class.
    output_shape : tuple of int
        Shape of its output for one clip.
    n_parameters : int
        Number of its weights, trainable or not.
    macs : int
        Its multiply-accumulates for one clip.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    n_parameters: int
    macs: int


@dataclass(frozen=True)
class NetworkSummary:
    """Size of a network.

    ``print`` shows a table of the layers with weights or multiply-accumulates.

    Attributes
    ----------
    layers : tuple of LayerSummary
        The layers in the order of the model, including those of nested models.
    n_parameters : int
        Number of all weights, including the statistics of normalisations.
    n_trainable_parameters : int
        Number of trainable weights.
    macs : int
        Multiply-accumulates for one clip.
    n_bytes : int
        Size of all weights as 32-bit floats.
    """

    layers: tuple[LayerSummary, ...]
    n_parameters: int
    n_trainable_parameters: int
    macs: int
    n_bytes: int

    def __str__(self) -> str:
        rows = [("layer", "kind", "output", "parameters", "MACs")]
        for layer in self.layers:
            if not layer.n_parameters and not layer.macs:
                continue
            shape = " x ".join(map(str, layer.output_shape))
            rows.append(
                (layer.name, layer.kind, shape, f"{layer.n_parameters:,}", f"{layer.macs:,}")
            )
        rows.append(("total", "", "", f"{self.n_parameters:,}", f"{self.macs:,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if column < 3 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        size = f"{self.n_trainable_parameters:,} trainable parameters, {self.n_bytes:,} bytes"
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], size])


def network_summary(model: keras.Model) -> NetworkSummary:
    """Count a network's parameters and its multiply-accumulates for one clip.

    The count includes the products of convolutions, of dense and recurrent layers and of
    attention, each with its addition, as in papers on small networks. It does not include
    normalisation, activation, pooling, sums of branches and the element-wise products of
    gates: these are few, and normalisation is merged into the preceding convolution when a
    network is deployed.

    Parameters
    ----------
    model : keras.Model
        A functional or sequential model with a fixed input shape.

    Returns
    -------
    NetworkSummary
        In total and for each layer.

    Raises
    ------
    ValueError
        If a layer with weights has an unknown type, is used more than once, or has a
        shape that is not fixed.

    Examples
    --------
    >>> from skaudio.architectures import network_summary, perceptron
    >>> summary = network_summary(perceptron((101, 40), 3))
    >>> summary.n_parameters, summary.macs, summary.n_bytes
    (12123, 12120, 48492)
    >>> print(summary)
    layer          kind   output  parameters    MACs
    ------------------------------------------------
    probabilities  Dense  3           12,123  12,120
    ------------------------------------------------
    total                             12,123  12,120
    12,123 trainable parameters, 48,492 bytes
    """
    layers = tuple(_summaries(model))
    n_parameters = model.count_params()
    return NetworkSummary(
        layers=layers,
        n_parameters=n_parameters,
        n_trainable_parameters=sum(math.prod(w.shape) for w in model.trainable_weights),
        macs=sum(layer.macs for layer in layers),
        n_bytes=4 * n_parameters,
    )


def _summaries(model: keras.Model) -> Iterator[LayerSummary]:
    # Layers also have nodes in the graphs of other models, such as one that this was built from.
    graph = getattr(model, "_functional", None) or model
    nodes = getattr(graph, "_nodes_by_depth", {}).values()
    n_calls = Counter(id(node.operation) for node in chain.from_iterable(nodes))
    for layer in model.layers:
        if n_calls[id(layer)] > 1 or not layer._inbound_nodes:
            raise ValueError(
                f"Cannot count the layer {layer.name!r}: it is called {n_calls[id(layer)]} times; "
                "only layers called once are supported."
            )
        if isinstance(layer, keras.Model):
            yield from _summaries(layer)
            continue
        yield LayerSummary(
            name=layer.name,
            kind=type(layer).__name__,
            output_shape=_output_shape(layer),
            n_parameters=layer.count_params(),
            macs=_macs(layer),
        )


def _output_shape(layer: keras.layers.Layer) -> tuple[int, ...]:
    """Return the shape of the output for one clip."""
    if not hasattr(layer.output, "shape"):
        raise ValueError(f"Cannot count the layer {layer.name!r}: it has several outputs.")
    shape = layer.output.shape[1:]
    if None in shape:
        raise ValueError(
            f"Cannot count the layer {layer.name!r}: its output shape {shape} is not fixed. Give "
            "the model a fixed input shape."
        )
    return tuple(shape)


def _macs(layer: keras.layers.Layer) -> int:
    count = _COUNTS.get(type(layer))
    if count is not None:
        return count(layer, _output_shape(layer))
    if layer.weights or isinstance(layer, _PRODUCTS_WITHOUT_WEIGHTS):
        raise ValueError(
            f"Cannot count the multiply-accumulates of the layer {layer.name!r}: "
            f"{type(layer).__name__} is not one of the supported types, "
            f"{', '.join(sorted({kind.__name__ for kind in _COUNTS}))}."
        )
    return 0


def _nothing(layer: Any, output: tuple[int, ...]) -> int:
    return 0


def _dense(layer: Any, output: tuple[int, ...]) -> int:
    return math.prod(output) * layer.kernel.shape[0]


def _convolution(layer: Any, output: tuple[int, ...]) -> int:
    # The kernel has, for each filter, one product for each value of the output.
    return math.prod(output) // layer.filters * math.prod(layer.kernel.shape)


def _depthwise(layer: Any, output: tuple[int, ...]) -> int:
    return math.prod(output) * math.prod(layer.kernel.shape[:-2])


def _separable(layer: Any, output: tuple[int, ...]) -> int:
    positions = math.prod(output) // layer.filters
    kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
    return positions * sum(math.prod(kernel.shape) for kernel in kernels)


def _recurrent(layer: Any, output: tuple[int, ...]) -> int:
    return _steps(layer) * _one_step(layer)


def _bidirectional(layer: Any, output: tuple[int, ...]) -> int:
    directions = (layer.forward_layer, layer.backward_layer)
    for direction in directions:
        if _COUNTS.get(type(direction)) is not _recurrent:
            raise ValueError(
                f"Cannot count the layer {layer.name!r}: {type(direction).__name__} inside "
                "Bidirectional is not LSTM, GRU or SimpleRNN."
            )
    return _steps(layer) * sum(_one_step(direction) for direction in directions)


def _steps(layer: Any) -> int:
    n_frames = keras.tree.flatten(layer.input)[0].shape[1]
    if n_frames is None:
        raise ValueError(
            f"Cannot count the layer {layer.name!r}: its number of frames is not fixed. Give the "
            "model a fixed input shape."
        )
    return n_frames


def _one_step(layer: Any) -> int:
    kernels = (layer.cell.kernel, layer.cell.recurrent_kernel)
    return sum(math.prod(kernel.shape) for kernel in kernels)


def _einsum_dense(layer: Any, output: tuple[int, ...]) -> int:
    """Count the products; each output value sums over the letters that the output lacks."""
    terms, result = layer.equation.replace(" ", "").split("->")
    summed = {
        letter: size
        for letter, size in zip(terms.split(",")[1], layer.kernel.shape, strict=True)
        if letter not in result
    }
    return math.prod(output) * math.prod(summed.values())


def _attention(layer: Any, output: tuple[int, ...]) -> int:
    query, source = (tensor.shape for tensor in keras.tree.flatten(layer.input)[:2])
    projections = (layer.query_dense, layer.key_dense, layer.value_dense, layer.output_dense)
    if len(layer.weights) != sum(len(part.weights) for part in projections) or len(query) != 3:
        raise ValueError(
            f"Cannot count the layer {layer.name!r}: only attention along one axis, without gates, "
            "is supported."
        )
    n_queries, n_sources = query[1], source[1]
    tokens = (n_queries, n_sources, n_sources, n_queries)
    projected = sum(
        n * math.prod(part.kernel.shape) for n, part in zip(tokens, projections, strict=True)
    )
    # Scores use the dimensions of the keys, weighted sums those of the values.
    sizes = (math.prod(part.kernel.shape[1:]) for part in (layer.key_dense, layer.value_dense))
    return projected + n_queries * n_sources * sum(sizes)


_PRODUCTS_WITHOUT_WEIGHTS = (
    keras.layers.AdditiveAttention,
    keras.layers.Attention,
    keras.layers.Dot,
)

# By exact type, since subclasses may compute something else.
_COUNTS: dict[type, Callable[[Any, tuple[int, ...]], int]] = {
    BatchNormalization: _nothing,
    keras.layers.BatchNormalization: _nothing,
    keras.layers.Bidirectional: _bidirectional,
    keras.layers.Conv1D: _convolution,
    keras.layers.Conv2D: _convolution,
    keras.layers.Dense: _dense,
    keras.layers.DepthwiseConv1D: _depthwise,
    keras.layers.DepthwiseConv2D: _depthwise,
    keras.layers.EinsumDense: _einsum_dense,
    keras.layers.GRU: _recurrent,
    keras.layers.LSTM: _recurrent,
    keras.layers.LayerNormalization: _nothing,
    keras.layers.MultiHeadAttention: _attention,
    keras.layers.SeparableConv1D: _separable,
    keras.layers.SeparableConv2D: _separable,
    keras.layers.SimpleRNN: _recurrent,
    Standardize: _nothing,
    SubSpectralNormalization: _nothing,
}
