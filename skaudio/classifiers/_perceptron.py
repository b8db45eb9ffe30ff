"""The perceptron as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Real

from skaudio._validation import Interval, Sizes
from skaudio.architectures import perceptron
from skaudio.classifiers._base import BaseAudioClassifier


class PerceptronClassifier(BaseAudioClassifier):
    """Classify feature sequences with a softmax on all their coefficients.

    The baseline for the other classifiers: each coefficient of each frame is a separate
    input, so that it cannot generalise over shifts in time.

    Parameters
    ----------
    dense_units : int, sequence of int or None, default=None
        Sizes of hidden dense layers before the softmax; None for none, the
        classical perceptron.
    activation : str, default="relu"
        Activation of the hidden layers: any name that Keras supports.
    dropout : float, default=0.5
        Share of the values dropped before each dense layer, in training. High, since
        there are thousands of inputs, and neighbours are nearly equal.
    standardize
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    augmentation : "default", FeatureAugmentation, keras.layers.Layer, list of these layers or \
            None, default=None
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`. None by default: a
        network without shared weights has to learn each position anew.
    epochs : int, default=30
        Passes over the training clips: more than for the other classifiers, which are slower.
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
    ConvClassifier : The same filters at every frame.
    sklearn.neural_network.MLPClassifier : A multi-layer perceptron for tables.

    References
    ----------
    F. Rosenblatt, "The perceptron: a probabilistic model for information storage and
    organization in the brain", Psychological Review 65(6), 386-408, 1958.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import PerceptronClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 20, 8)).astype("float32")
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[y == "high", :, 0] += 2
    >>> clf = PerceptronClassifier(epochs=10, random_state=0).fit(X, y)
    >>> clf.predict_proba(X).shape
    (40, 2)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        **BaseAudioClassifier._parameter_constraints,
        "dense_units": [Sizes(), None],
        "activation": [str],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        dense_units=None,
        activation="relu",
        dropout=0.5,
        standardize=True,
        augmentation=None,
        epochs=30,
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
        self.dense_units = dense_units
        self.activation = activation
        self.dropout = dropout

    def _build_network(self, input_shape, n_classes, seed):
        return perceptron(input_shape, n_classes, seed=seed, **self._network_params())
