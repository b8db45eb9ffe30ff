"""A user-defined network as a scikit-learn classifier."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from skaudio._tensorflow import keras
from skaudio.classifiers._base import BaseAudioClassifier
from skaudio.classifiers._graphs import initial_state

_PREFIX = "network_params__"


class KerasNetworkClassifier(BaseAudioClassifier):
    """Classify feature sequences with your own Keras network.

    It is trained, searched and pickled like the networks of skaudio.

    Parameters
    ----------
    network : callable
        Builds the network, as ``network(input_shape, n_classes, **network_params)``, and
        returns an uncompiled :class:`keras.Model` that takes standardised features of shape
        ``(n_frames, n_coefficients)``, which is `input_shape`, and ends in a softmax over
        `n_classes`, such as the functions of :mod:`skaudio.architectures`. A parameter
        `seed`, if there is one, gets an int determined by `random_state`; otherwise
        this int seeds Keras' layers. Pickles refer to the callable by its name, so
        it must be importable where they are loaded.
    network_params : dict, default=None
        Further arguments of `network`. Each is also a parameter of the classifier:
        use ``network_params__units`` to set or search ``units``.
    standardize, augmentation, epochs, batch_size, optimizer, learning_rate
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    learning_rate_schedule, weight_decay, label_smoothing, class_weight, early_stopping
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    validation_fraction, patience, callbacks, warm_start, random_state, verbose
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.

    Attributes
    ----------
    callbacks_, class_count_, classes_, history_, input_shape_, model_, n_features_in_, n_iter_
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    network_summary_
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.

    See Also
    --------
    BaseAudioClassifier : For a family of networks with its own signature.
    skaudio.architectures : The networks of skaudio as functions.

    Notes
    -----
    Register your own functions in the network, such as activations, with
    :func:`keras.saving.register_keras_serializable`, so that the network can be rebuilt from a
    pickle; layers must have a ``get_config``. With :class:`skaudio.architectures.Dropout`
    instead of Keras', all rates share one compiled network. Pass the mask of
    :class:`skaudio.architectures.PaddingMask` to layers that take a mask, so that they skip
    the padding of short clips.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skaudio import KerasNetworkClassifier
    >>> def network(input_shape, n_classes, units=8):
    ...     return keras.Sequential(
    ...         [
    ...             keras.Input(input_shape),
    ...             keras.layers.Conv1D(units, 3, activation="relu"),
    ...             keras.layers.GlobalMaxPooling1D(),
    ...             keras.layers.Dense(n_classes, activation="softmax"),
    ...         ]
    ...     )
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 20, 8)).astype("float32")
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[y == "high", :, 0] += 2
    >>> clf = KerasNetworkClassifier(network, {"units": 4}, epochs=25, random_state=0).fit(
    ...     X, y
    ... )
    >>> bool(clf.score(X, y) > 0.9)
    True
    >>> clf.set_params(network_params__units=16).fit(
    ...     X, y
    ... ).network_summary_.n_trainable_parameters
    434
    """

    _parameter_constraints = {
        **BaseAudioClassifier._parameter_constraints,
        "network": [callable],
        "network_params": [dict, None],
    }

    def __init__(
        self,
        network,
        network_params=None,
        *,
        standardize=True,
        augmentation="default",
        epochs="auto",
        batch_size="auto",
        optimizer="adamw",
        learning_rate=0.003,
        learning_rate_schedule="cosine",
        weight_decay=0.001,
        label_smoothing=0.1,
        class_weight=None,
        early_stopping=False,
        validation_fraction=0.1,
        patience=5,
        callbacks=None,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            standardize=standardize,
            augmentation=augmentation,
            epochs=epochs,
            batch_size=batch_size,
            optimizer=optimizer,
            learning_rate=learning_rate,
            learning_rate_schedule=learning_rate_schedule,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            class_weight=class_weight,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            callbacks=callbacks,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.network = network
        self.network_params = network_params

    def get_params(self, deep=True):
        """Get parameters, including those of the network.

        Parameters
        ----------
        deep : bool, default=True
            Include ``network_params__...`` and the parameters of an augmentation.

        Returns
        -------
        dict
            Parameter names and values.
        """
        params = super().get_params(deep=deep)
        if deep and isinstance(self.network_params, dict):
            params |= {_PREFIX + name: value for name, value in self.network_params.items()}
        return params

    def set_params(self, **params):
        """Set parameters, including those of the network: ``network_params__units=8``.

        Parameters
        ----------
        **params : dict
            As in scikit-learn.

        Returns
        -------
        estimator
            The classifier.
        """
        names = [name for name in params if name.startswith(_PREFIX)]
        of_network = {name.removeprefix(_PREFIX): params.pop(name) for name in names}
        super().set_params(**params)
        if of_network:
            self.network_params = {**(self.network_params or {}), **of_network}
        return self

    def _build_network(self, input_shape, n_classes, seed):
        params = dict(self.network_params or {})
        if "seed" in _parameters_of(self.network):
            params.setdefault("seed", seed)
        try:
            inspect.signature(self.network).bind(input_shape, n_classes, **params)
        except TypeError as error:
            raise ValueError(
                f"network cannot be called as network(input_shape, n_classes, "
                f"**{params!r}): {error}."
            ) from error
        return _checked_copy(self.network(input_shape, n_classes, **params), input_shape, n_classes)


def _parameters_of(network: Callable[..., Any]) -> Any:
    return inspect.signature(network).parameters


def _checked_copy(network: Any, input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Copy a network, which stays the user's own, if it can be trained here and rebuilt."""
    if not isinstance(network, keras.Model):
        raise TypeError(f"network must return a keras.Model. Got {type(network).__name__} instead.")
    features = np.random.default_rng(0).normal(size=(2, *input_shape)).astype(np.float32)
    shape = getattr(network(features), "shape", "of several outputs")
    if shape != (2, n_classes):
        raise ValueError(
            f"network must take features of shape {input_shape} and return {n_classes} "
            f"probabilities, one for each class. Its output for two clips has shape "
            f"{shape}, but {(2, n_classes)} was expected."
        )
    outputs, repeated = (np.asarray(network(features)).astype(np.float32) for _ in range(2))
    if not np.allclose(outputs, repeated, atol=1e-2):
        raise ValueError(
            "network returns other values for the same clips when it is called again: a layer is "
            "random in prediction, too. Call it without training=True."
        )
    if not (np.allclose(outputs.sum(axis=1), 1, atol=1e-2) and (outputs >= 0).all()):
        raise ValueError(
            "network must return probabilities, which are not negative and sum to one. Use "
            'activation="softmax" in the last layer.'
        )
    if type(network).train_step not in (keras.Model.train_step, keras.Sequential.train_step):
        raise ValueError(
            f"{type(network).__name__} has its own train_step, which would not be called. "
            "Use a model without one."
        )
    integers = [v.path for v in network.variables if "float" not in v.dtype]
    integers = [path for path in integers if not path.endswith("seed_generator_state")]
    if integers:
        raise ValueError(
            f"network must have weights of floats only, but {', '.join(integers)} is of another "
            "type. To keras.layers.Normalization pass mean and variance instead of adapt()."
        )
    try:
        state = initial_state(network)
        again = state.restore(state.make_model())
    except Exception as error:
        raise ValueError(
            "network cannot be rebuilt from its configuration, which pickles need. Register "
            "your own functions with @keras.saving.register_keras_serializable(). "
            f"Error of Keras: {error}"
        ) from error
    if not np.allclose(outputs, np.asarray(again(features)), atol=1e-2):
        raise ValueError(
            "network does not return the same values when it is rebuilt from its configuration "
            "and weights, which pickles need: a layer has other state."
        )
    return again
