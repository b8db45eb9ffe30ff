"""BC-ResNet as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Integral, Real

from skaudio._validation import Interval, StrOptions
from skaudio.architectures import bc_resnet
from skaudio.classifiers._base import BaseAudioClassifier


class BCResNetClassifier(BaseAudioClassifier):
    """Classify feature sequences with broadcasted residual blocks.

    Each block filters along the coefficients, averages over them, filters along time, and
    adds the result to every coefficient. This needs about ten thousand weights where other
    networks need hundreds of thousands (BC-ResNet). It was designed for log-mel spectrograms
    (:class:`~skaudio.LogMelTransformer`), whose adjacent bands are similar.

    Parameters
    ----------
    width_multiplier : float, default=1.0
        The paper's tau, which scales all numbers of filters: 1 is BC-ResNet-1, 8 is
        BC-ResNet-8.
    depth_multiplier : float, default=1.0
        Scale of the number of blocks in the four stages: 2, 2, 4 and 4.
    time_stride : int, default=2
        Stride of the first convolution along time, in frames. The paper uses 1; 2 halves the
        arithmetic.
    n_bands : int, default=5
        Number of bands of coefficients that are normalised separately, at most the number
        of coefficients.
    conv_dropout : float, default=0.1
        Share of the channels dropped in each block, in training.
    global_pooling : {"statistics", "average", "max"}, default="average"
        How maps become a vector, by pooling over time, without padding. "statistics" is average,
        standard deviation and maximum of the features and of each stage's map, averaged over the
        coefficients; the others are of the last map.
    dropout : float, default=0.0
        Share of the values dropped before the dense layer, in training.
        Off, since a network with few weights overfits little.
    standardize, augmentation, epochs, batch_size, optimizer
        As in :class:`~skaudio.classifiers.BaseAudioClassifier`.
    learning_rate : float, default=0.01
        Highest learning rate. Higher than elsewhere: layers as narrow as these learn slowly
        with less.
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
    TCResNetClassifier : Convolutions over time only, faster to train.
    DSCNNClassifier : Depthwise separable convolutions.

    References
    ----------
    B. Kim, S. Chang, J. Lee and D. Sung, "Broadcasted residual learning for efficient
    keyword spotting", Interspeech 2021, 4538-4542.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import BCResNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 20, 8)).astype("float32")
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[y == "high", :, 0] += 2
    >>> clf = BCResNetClassifier(depth_multiplier=0.25, epochs=15, random_state=0).fit(X, y)
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
        "n_bands": [Interval(Integral, 1, None, closed="left")],
        "conv_dropout": [Interval(Real, 0, 1, closed="left")],
        "global_pooling": [StrOptions({"statistics", "average", "max"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        width_multiplier=1.0,
        depth_multiplier=1.0,
        time_stride=2,
        n_bands=5,
        conv_dropout=0.1,
        global_pooling="average",
        dropout=0.0,
        standardize=True,
        augmentation="default",
        epochs="auto",
        batch_size="auto",
        optimizer="adamw",
        learning_rate=0.01,
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
        self.n_bands = n_bands
        self.conv_dropout = conv_dropout
        self.global_pooling = global_pooling
        self.dropout = dropout

    def _build_network(self, input_shape, n_classes, seed):
        return bc_resnet(input_shape, n_classes, seed=seed, **self._network_params())
