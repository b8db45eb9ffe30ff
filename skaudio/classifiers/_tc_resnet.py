"""TC-ResNet as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Integral, Real

from skaudio._validation import Interval, StrOptions
from skaudio.architectures import tc_resnet
from skaudio.classifiers._base import BaseAudioClassifier


class TCResNetClassifier(BaseAudioClassifier):
    """Classify feature sequences with residual blocks of convolutions over time.

    The coefficients are the channels, so that the first layer already uses the whole frame,
    and the maps are small: few multiplications, fast on any machine (TC-ResNet).

    Parameters
    ----------
    width_multiplier : float, default=1.0
        Scale of the 16, 24, 32 and 48 filters: 1.5 is the paper's wider network.
    depth_multiplier : float, default=1.0
        Residual blocks in each of the three stages, rounded: 1 is the paper's TC-ResNet8,
        2 its TC-ResNet14.
    kernel_size : int, default=9
        Length of the filters of the blocks, in frames.
    activation : str, default="relu"
        Activation after each normalisation: any name that Keras supports.
    global_pooling : {"statistics", "average", "max"}, default="average"
        How maps become a vector, by pooling over time, without padding. "statistics" is average,
        standard deviation and maximum of the features and of the map of each stage; the others are
        of the last map.
    dropout : float, default=0.5
        Share of the values dropped before the dense layer, in training.
        High, as in the paper.
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
    ConvClassifier : Plain blocks of convolution and pooling.
    BCResNetClassifier : Two-dimensional maps, with fewer weights.

    References
    ----------
    S. Choi et al., "Temporal convolution for real-time keyword spotting on mobile
    devices", Interspeech 2019, 3372-3376.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import TCResNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 20, 8)).astype("float32")
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[y == "high", :, 0] += 2
    >>> clf = TCResNetClassifier(epochs=10, random_state=0).fit(X, y)
    >>> clf.predict_proba(X).shape
    (40, 2)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        **BaseAudioClassifier._parameter_constraints,
        "width_multiplier": [Interval(Real, 0, None, closed="neither")],
        "depth_multiplier": [Interval(Real, 0, None, closed="neither")],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "activation": [str],
        "global_pooling": [StrOptions({"statistics", "average", "max"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        width_multiplier=1.0,
        depth_multiplier=1.0,
        kernel_size=9,
        activation="relu",
        global_pooling="average",
        dropout=0.5,
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
        self.kernel_size = kernel_size
        self.activation = activation
        self.global_pooling = global_pooling
        self.dropout = dropout

    def _build_network(self, input_shape, n_classes, seed):
        return tc_resnet(input_shape, n_classes, seed=seed, **self._network_params())
