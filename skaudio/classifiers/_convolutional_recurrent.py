"""The convolutional-recurrent network as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Integral, Real

from skaudio._validation import Interval, Sizes, StrOptions
from skaudio.architectures import crnn
from skaudio.classifiers._base import BaseAudioClassifier


class CRNNClassifier(BaseAudioClassifier):
    """Classify feature sequences with convolutions followed by a recurrent layer.

    Convolutions find short patterns, and the recurrent layer their order (CRNN). The
    silence after a short clip is masked in all layers, so predictions do not
    depend on the amount of padding (see :func:`skaudio.architectures.padding_mask`).

    Parameters
    ----------
    filters : int or sequence of int, default=(16, 32)
        Filters of each convolution; the number of sizes is the number of blocks.
    kernel_size : int, default=5
        Length of the filters along each axis, in frames and coefficients.
    time_stride : int, default=4
        Stride of the first convolution along time, in frames: the time of recurrent layers is
        proportional to the number of frames.
    pool_size : int, default=2
        Maximum pooling along the coefficients after each block; 1 for none.
    cell : {"lstm", "gru"}, default="gru"
        Kind of recurrent layer; "gru" has fewer weights.
    units : int, default=48
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
        Activation of blocks and hidden dense layers: any name that Keras supports.
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
    GRUClassifier : Only the recurrent layer.
    ConvClassifier : Only convolutions, faster to train.

    References
    ----------
    E. Cakir et al., "Convolutional recurrent neural networks for polyphonic sound event
    detection", IEEE/ACM Transactions on Audio, Speech, and Language Processing 25(6),
    1291-1303, 2017.

    S. O. Arik et al., "Convolutional recurrent neural networks for small-footprint
    keyword spotting", Interspeech 2017, 1606-1610.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import CRNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 20, 8)).astype("float32")
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[y == "high", :, 0] += 2
    >>> clf = CRNNClassifier(epochs=10, random_state=0).fit(X, y)
    >>> clf.predict_proba(X).shape
    (40, 2)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        **BaseAudioClassifier._parameter_constraints,
        "filters": [Sizes(at_least=1)],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "time_stride": [Interval(Integral, 1, None, closed="left")],
        "pool_size": [Interval(Integral, 1, None, closed="left")],
        "cell": [StrOptions({"lstm", "gru"})],
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
        filters=(16, 32),
        kernel_size=5,
        time_stride=4,
        pool_size=2,
        cell="gru",
        units=48,
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
        self.filters = filters
        self.kernel_size = kernel_size
        self.time_stride = time_stride
        self.pool_size = pool_size
        self.cell = cell
        self.units = units
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.recurrent_pooling = recurrent_pooling
        self.dense_units = dense_units
        self.activation = activation
        self.dropout = dropout

    def _build_network(self, input_shape, n_classes, seed):
        return crnn(input_shape, n_classes, seed=seed, **self._network_params())
