"""Recurrent layers that read a clip frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from skaudio._tensorflow import keras
from skaudio.architectures._layers import (
    PaddingMask,
    dense_head,
    dropped,
    features_input,
    glorot,
    seed_stream,
)


def recurrent(
    input_shape: tuple[int, int],
    n_classes: int,
    *,
    cell: str = "lstm",
    units: int = 64,
    n_layers: int = 1,
    bidirectional: bool = True,
    recurrent_pooling: str = "average",
    dense_units: int | Sequence[int] | None = None,
    activation: str = "relu",
    dropout: float = 0.3,
    seed: int = 0,
) -> keras.Model:
    """Build a recurrent network that ignores padding.

    Parameters
    ----------
    input_shape : (int, int)
        Frames and coefficients.
    n_classes : int
        Number of classes.
    cell : {"lstm", "gru"}, default="lstm"
        Kind of recurrent layer.
    units : int, default=64
        Units of each layer, in each direction.
    n_layers : int, default=1
        Number of recurrent layers.
    bidirectional : bool, default=True
        Read the clip from both ends.
    recurrent_pooling : {"average", "last"}, default="average"
        How the clip is represented: by the mean of the last layer's outputs over the frames
        that are not padding, or by its last output.
    dense_units : int, sequence of int or None, default=None
        Sizes of hidden dense layers; None for none.
    activation : str, default="relu"
        Activation of the hidden dense layers.
    dropout : float, default=0.3
        Share of the values dropped between recurrent layers and before each dense layer,
        in training.
    seed : int, default=0
        Seed of the initial weights and of dropout.

    Returns
    -------
    keras.Model
        The uncompiled model, which returns class probabilities.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8),
    1735-1780, 1997.

    K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
    statistical machine translation", EMNLP 2014, 1724-1734. (The gated recurrent unit.)

    Examples
    --------
    >>> from skaudio.architectures import recurrent
    >>> recurrent((101, 40), 3, cell="gru", units=16).output_shape
    (None, 3)
    """
    seeds = seed_stream(seed)
    inputs = x = features_input(input_shape)
    x = recurrent_layers(
        x,
        cell=cell,
        units=units,
        n_layers=n_layers,
        bidirectional=bidirectional,
        recurrent_pooling=recurrent_pooling,
        dropout=dropout,
        seeds=seeds,
        mask=PaddingMask()(x),
    )
    outputs = dense_head(
        x,
        n_classes,
        dropout=dropout,
        seeds=seeds,
        dense_units=dense_units,
        activation=activation,
    )
    return keras.Model(inputs, outputs, name=cell)


def recurrent_layers(
    x: Any,
    *,
    cell: str,
    units: int,
    n_layers: int,
    bidirectional: bool,
    recurrent_pooling: str,
    dropout: float,
    seeds: Iterator[int],
    mask: Any,
) -> Any:
    """Reduce a sequence to a vector with recurrent layers.

    Parameters
    ----------
    x : tensor of shape (batch, n_frames, n)
        The sequence.
    cell : {"lstm", "gru"}
        Kind of recurrent layer.
    units : int
        Units of each layer, in each direction.
    n_layers : int
        Number of recurrent layers.
    bidirectional : bool
        Read the clip from both ends.
    recurrent_pooling : {"average", "last"}
        The mean of the last layer's outputs, or its last output.
    dropout : float
        Share of the values dropped between the layers, in training.
    seeds : iterator of int
        From `seed_stream`.
    mask : tensor of shape (batch, n_frames), bool
        True for frames to read, and to average.

    Returns
    -------
    tensor of shape (batch, n_outputs)
        A vector for each clip.
    """
    layers = keras.layers
    Recurrent = {"lstm": layers.LSTM, "gru": layers.GRU}[cell]
    for depth in range(n_layers):
        is_last = depth == n_layers - 1

        def one_way(backwards, return_sequences=not is_last or recurrent_pooling == "average"):
            return Recurrent(
                units,
                return_sequences=return_sequences,
                go_backwards=backwards,
                kernel_initializer=glorot(seeds),
                recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)),
                seed=next(seeds),
            )

        layer = one_way(False)
        if bidirectional:
            layer = layers.Bidirectional(layer, backward_layer=one_way(True))
        x = layer(x, mask=mask)
        if not is_last:
            x = dropped(x, dropout, seeds)
    if recurrent_pooling == "average":
        x = layers.GlobalAveragePooling1D()(x, mask=mask)
    return x
