"""Recurrent networks as scikit-learn classifiers."""

from __future__ import annotations

from numbers import Integral, Real

from skaudio._validation import Interval, Sizes, StrOptions
from skaudio.architectures import recurrent
from skaudio.classifiers._base import BaseAudioClassifier


class _RecurrentClassifier(BaseAudioClassifier):  # numpydoc ignore=PR01
    """Base class of the two recurrent classifiers, which only differ in the cell."""

    # numpydoc reads the source and does not find the inherited constructor, hence the
    # "ignore" comments. test_public_api compares the documented parameters with the real ones.

    _cell: str
    _parameter_constraints = {
        **BaseAudioClassifier._parameter_constraints,
        "units": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "bidirectional": ["boolean"],
        "recurrent_pooling": [StrOptions({"average", "last"})],
        "dense_units": [Sizes(), None],
        "activation": [str],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        units=64,
        n_layers=1,
        bidirectional=True,
        recurrent_pooling="average",
        dense_units=None,
        activation="relu",
        dropout=0.3,
        standardize=True,
        augmentation="default",
        epochs=20,
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
        self.units = units
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.recurrent_pooling = recurrent_pooling
        self.dense_units = dense_units
        self.activation = activation
        self.dropout = dropout

    def _build_network(self, input_shape, n_classes, seed):
        return recurrent(
            input_shape, n_classes, cell=self._cell, seed=seed, **self._network_params()
        )


class LSTMClassifier(_RecurrentClassifier):  # numpydoc ignore=PR02
    """Classify feature sequences with long short-term memory layers.

    Each step reads the coefficients of one frame. The silence after a short clip is
    masked, so predictions do not depend on the amount of padding (see
    :func:`skaudio.architectures.padding_mask`).

    Parameters
    ----------
    units : int, default=64
        Units of each recurrent layer, in each direction.
    n_layers : int, default=1
        Number of recurrent layers.
    bidirectional : bool, default=True
        Read the clip from both ends, since the whole clip is available.
    recurrent_pooling : {"average", "last"}, default="average"
        How the clip is represented: by the mean of the outputs over its frames, or by the
        last output. With the mean, the network need not remember a sound until the end.
    dense_units : int, sequence of int or None, default=None
        Sizes of hidden dense layers before the softmax; None for none.
    activation : str, default="relu"
        Activation of the hidden dense layers: any name that Keras supports.
    dropout : float, default=0.3
        Share of the values dropped between recurrent layers and before each dense layer,
        in training.
    standardize, augmentation
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    epochs : int, default=20
        Passes over the training clips: fewer than for faster networks.
    batch_size, optimizer, learning_rate, learning_rate_schedule, weight_decay, label_smoothing
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    class_weight, early_stopping, validation_fraction, patience, callbacks, warm_start
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    random_state, verbose
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.

    Attributes
    ----------
    callbacks_, class_count_, classes_, history_, input_shape_, model_, n_features_in_, n_iter_
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    network_summary_
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.

    See Also
    --------
    GRUClassifier : A simpler cell, with fewer weights.
    ConvClassifier : Convolution over time, faster to train.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8),
    1735-1780, 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import LSTMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 20, 8)).astype("float32")
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[y == "high", :, 0] += 2
    >>> clf = LSTMClassifier(units=16, epochs=10, random_state=0).fit(X, y)
    >>> clf.predict_proba(X).shape
    (40, 2)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _cell = "lstm"


class GRUClassifier(_RecurrentClassifier):  # numpydoc ignore=PR02
    """Classify feature sequences with gated recurrent unit layers.

    Like :class:`LSTMClassifier`, with a simpler cell, which has fewer weights.

    Parameters
    ----------
    units, n_layers, bidirectional, recurrent_pooling, dense_units, activation, dropout
        As in :class:`~skaudio.LSTMClassifier`.
    standardize, augmentation
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    epochs : int, default=20
        Passes over the training clips: fewer than for faster networks.
    batch_size, optimizer, learning_rate, learning_rate_schedule, weight_decay, label_smoothing
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    class_weight, early_stopping, validation_fraction, patience, callbacks, warm_start
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    random_state, verbose
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.

    Attributes
    ----------
    callbacks_, class_count_, classes_, history_, input_shape_, model_, n_features_in_, n_iter_
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    network_summary_
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.

    See Also
    --------
    LSTMClassifier : The older cell, with a separate memory.
    ConvClassifier : Convolution over time, faster to train.

    References
    ----------
    K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
    statistical machine translation", EMNLP 2014, 1724-1734.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import GRUClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 20, 8)).astype("float32")
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[y == "high", :, 0] += 2
    >>> clf = GRUClassifier(units=16, epochs=10, random_state=0).fit(X, y)
    >>> clf.predict_proba(X).shape
    (40, 2)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _cell = "gru"
