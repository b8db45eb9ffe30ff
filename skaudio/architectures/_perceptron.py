"""The perceptron: a softmax on every coefficient of every frame."""

from __future__ import annotations

from collections.abc import Sequence

from skaudio._tensorflow import keras
from skaudio.architectures._layers import dense_head, features_input, seed_stream


def perceptron(
    input_shape: tuple[int, int],
    n_classes: int,
    *,
    dense_units: int | Sequence[int] | None = None,
    activation: str = "relu",
    dropout: float = 0.5,
    seed: int = 0,
) -> keras.Model:
    """Build a perceptron on the flattened features.

    Parameters
    ----------
    input_shape : (int, int)
        Frames and coefficients.
    n_classes : int
        Number of classes.
    dense_units : int, sequence of int or None, default=None
        Sizes of hidden layers; None for none, the classical perceptron.
    activation : str, default="relu"
        Activation of the hidden layers.
    dropout : float, default=0.5
        Share of the values dropped before each dense layer, in training.
    seed : int, default=0
        Seed of the initial weights and of dropout.

    Returns
    -------
    keras.Model
        The uncompiled model, which returns class probabilities.

    References
    ----------
    F. Rosenblatt, "The perceptron: a probabilistic model for information storage and
    organization in the brain", Psychological Review 65(6), 386-408, 1958.

    Examples
    --------
    >>> from skaudio.architectures import perceptron
    >>> perceptron((101, 40), 3).count_params()
    12123
    """
    seeds = seed_stream(seed)
    inputs = x = features_input(input_shape)
    x = keras.layers.Flatten()(x)
    outputs = dense_head(
        x,
        n_classes,
        dropout=dropout,
        seeds=seeds,
        dense_units=dense_units,
        activation=activation,
    )
    return keras.Model(inputs, outputs, name="perceptron")
