"""DS-CNN as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Integral, Real

from skaudio._validation import Interval, StrOptions
from skaudio.architectures import ds_cnn
from skaudio.classifiers._base import BaseAudioClassifier


class DSCNNClassifier(BaseAudioClassifier):
    """Classify feature sequences with depthwise separable convolutions.

    A convolution over time and coefficients is split into one filter per channel and
    a mix of the channels, which saves most of the weights and of the arithmetic. It was
    designed for microcontrollers (DS-CNN).

    Parameters
    ----------
    width_multiplier : float, default=1.0
        Scale of the 64 filters of each layer: 1 is the paper's small network, 2.69 its medium
        one, 4.31 its large one.
    depth_multiplier : float, default=1.0
        Scale of the number of blocks, four.
    time_stride : int, default=4
        Stride of the first convolution along time, in frames. The paper uses 2 with a hop of
        20 ms; 4 is the same with a hop of 10 ms, and trains faster.
    coefficient_stride : int, default=4
        Stride of the first convolution along the coefficients. The paper uses 2 with 10
        coefficients; 4 suits 40.
    activation : str, default="relu"
        Activation after each normalisation: any name that Keras supports.
    global_pooling : {"statistics", "average", "max"}, default="average"
        How maps become a vector, by pooling over time, without padding. "statistics" is average,
        standard deviation and maximum of the features and of each block's map, averaged over the
        coefficients; the others are of the last map.
    dropout : float, default=0.2
        Share of the values dropped before the dense layer, in training.
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
    TCResNetClassifier : Convolutions over time only.
    BCResNetClassifier : Between the two, with fewer weights.

    References
    ----------
    Y. Zhang, N. Suda, L. Lai and V. Chandra, "Hello edge: keyword spotting on
    microcontrollers", arXiv:1711.07128, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import DSCNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 20, 8)).astype("float32")
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[y == "high", :, 0] += 2
    >>> clf = DSCNNClassifier(epochs=10, random_state=0).fit(X, y)
    >>> clf.predict_proba(X).shape
    (40, 2)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        **BaseAudioClassifier._parameter_constraints,
        "width_multiplier": [Interval(Real, 0, None, closed="neither")],
        "depth_multiplier": [Interval(Real, 0, None, closed="neither")],
        "time_stride": [Interval(Integral, 1, None, closed="left")],
        "coefficient_stride": [Interval(Integral, 1, None, closed="left")],
        "activation": [str],
        "global_pooling": [StrOptions({"statistics", "average", "max"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        width_multiplier=1.0,
        depth_multiplier=1.0,
        time_stride=4,
        coefficient_stride=4,
        activation="relu",
        global_pooling="average",
        dropout=0.2,
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
        self.width_multiplier = width_multiplier
        self.depth_multiplier = depth_multiplier
        self.time_stride = time_stride
        self.coefficient_stride = coefficient_stride
        self.activation = activation
        self.global_pooling = global_pooling
        self.dropout = dropout

    def _build_network(self, input_shape, n_classes, seed):
        return ds_cnn(input_shape, n_classes, seed=seed, **self._network_params())
