"""The keyword transformer: patches of a few frames that attend to each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from skaudio._tensorflow import keras
from skaudio.architectures._layers import dense_head, glorot, input_block, seed_stream


@keras.saving.register_keras_serializable(package="skaudio")
class ClassToken(keras.layers.Layer):
    """Put a learned token before a sequence, and add a learned vector for each place.

    Parameters
    ----------
    seed : int
        Seed of the initial weights.
    **kwargs : dict
        Passed to :class:`keras.layers.Layer`.
    """

    def __init__(self, seed, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed

    def build(self, input_shape):
        """Create the weights.

        Parameters
        ----------
        input_shape : tuple
            Batch, tokens, dimensions.
        """
        _, n_tokens, dim = input_shape
        # The token's own place is drawn at random, so that the token itself need not be.
        self.token = self.add_weight(name="token", shape=(1, 1, dim), initializer="zeros")
        self.places = self.add_weight(
            name="places",
            shape=(1, n_tokens + 1, dim),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02, seed=self.seed),
        )

    def call(self, inputs):
        """Make the sequence one longer.

        Parameters
        ----------
        inputs : tensor of shape (batch, n_tokens, dim)
            Patches.

        Returns
        -------
        tensor of shape (batch, n_tokens + 1, dim)
            The class token and the patches, each with its place.
        """
        ops = keras.ops
        token = ops.broadcast_to(self.token, (ops.shape(inputs)[0], 1, inputs.shape[2]))
        return ops.concatenate([token, inputs], axis=1) + self.places

    def compute_output_shape(self, input_shape):
        """Tell the shape of the output.

        Parameters
        ----------
        input_shape : tuple
            Batch, tokens, dimensions.

        Returns
        -------
        tuple
            The same with one token more.
        """
        return (input_shape[0], input_shape[1] + 1, input_shape[2])

    def get_config(self):
        """Describe the layer, so that a saved model can be built again.

        Returns
        -------
        dict
            The constructor's arguments.
        """
        return {**super().get_config(), "seed": self.seed}


def kwt(
    input_shape: tuple[int, int],
    n_classes: int,
    *,
    patch_frames: int = 4,
    dim: int = 64,
    n_heads: int = 1,
    n_layers: int = 4,
    mlp_dim: int = 256,
    activation: str = "gelu",
    dropout: float = 0.1,
    seed: int = 0,
    preprocessing: Sequence[keras.layers.Layer] = (),
) -> keras.Model:
    """Build a keyword transformer.

    Patches of a few whole frames are projected to vectors. A class token joins them, and
    all learn where they stand. Each layer is attention and a perceptron, normalised after
    each; the class token's last vector is classified.

    Parameters
    ----------
    input_shape : (int, int)
        Frames and coefficients.
    n_classes : int
        Number of classes.
    patch_frames : int, default=4
        Frames of a patch; 1 in the paper.
    dim : int, default=64
        Size of the vectors: 64 in the paper's KWT-1, 128 in KWT-2, 192 in KWT-3.
    n_heads : int, default=1
        Attention heads, which share `dim` among themselves; 1, 2 and 3 in the paper.
    n_layers : int, default=4
        Number of layers; 12 in the paper.
    mlp_dim : int, default=256
        Hidden units of the perceptrons; 256, 512 and 768 in the paper.
    activation : str, default="gelu"
        Activation of the perceptrons.
    dropout : float, default=0.1
        Share of the values dropped after attention, perceptrons and before the last dense
        layer, in training.
    seed : int, default=0
        Seed of the initial weights and of dropout.
    preprocessing : sequence of keras.layers.Layer, default=()
        Layers between the input and the network.

    Returns
    -------
    keras.Model
        Uncompiled; class probabilities out.

    References
    ----------
    A. Berg, M. O'Connor and M. T. Cruz, "Keyword transformer: a self-attention model for
    keyword spotting", Interspeech 2021, 4249-4253.

    Examples
    --------
    >>> from skaudio.architectures import kwt
    >>> kwt((101, 40), 3).output_shape
    (None, 3)
    """
    layers = keras.layers
    seeds = seed_stream(seed)
    inputs, x = input_block(input_shape, preprocessing)
    x = layers.Conv1D(
        dim,
        patch_frames,
        strides=patch_frames,
        padding="same",
        kernel_initializer=glorot(seeds),
    )(x)
    x = ClassToken(next(seeds))(x)
    for _ in range(n_layers):
        attended = _attention(x, dim, n_heads, seeds)
        x = _add_and_normalize(x, attended, dropout, seeds)
        hidden = layers.Dense(mlp_dim, activation=activation, kernel_initializer=glorot(seeds))(x)
        hidden = layers.Dense(dim, kernel_initializer=glorot(seeds))(hidden)
        x = _add_and_normalize(x, hidden, dropout, seeds)
    x = layers.Cropping1D((0, x.shape[1] - 1))(x)
    outputs = dense_head(
        layers.Flatten()(x),
        n_classes,
        dense_units=(),
        activation=activation,
        dropout=dropout,
        seeds=seeds,
    )
    return keras.Model(inputs, outputs, name="kwt")


def _add_and_normalize(x: Any, change: Any, dropout: float, seeds: Iterator[int]) -> Any:
    layers = keras.layers
    if dropout:
        change = layers.Dropout(dropout, seed=next(seeds))(change)
    return layers.LayerNormalization(epsilon=1e-5)(layers.Add()([x, change]))


def _attention(x: Any, dim: int, n_heads: int, seeds: Iterator[int]) -> Any:
    layer = keras.layers.MultiHeadAttention(
        n_heads, max(1, dim // n_heads), kernel_initializer=glorot(seeds), seed=next(seeds)
    )
    attended = layer(x, x)
    # The layer copies its initialiser, seed and all: queries and keys would start equal.
    for projection in (layer.query_dense, layer.key_dense, layer.value_dense):
        kernel = projection.kernel
        as_matrix = glorot(seeds)((dim, kernel.shape[1] * kernel.shape[2]))
        kernel.assign(keras.ops.reshape(as_matrix, kernel.shape))
    return attended
