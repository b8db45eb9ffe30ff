"""The perceptron as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Integral, Real

from skaudio._validation import Interval
from skaudio.architectures import perceptron
from skaudio.classifiers._base import BaseAudioClassifier, as_tuple


class PerceptronClassifier(BaseAudioClassifier):
    """Classify feature sequences by a softmax on all their coefficients.

    The floor that the other classifiers are measured against: it sees each coefficient of
    each frame as an input of its own, and learns no shift in time.

    Parameters
    ----------
    dense_units : int, sequence of int or None, default=None
        Sizes of hidden dense layers before the softmax; None for none, the
        classical perceptron.
    activation : str, default="relu"
        Activation of the hidden layers: any name that Keras knows.
    dropout : float, default=0.5
        Share of the values dropped before each dense layer, in training. High, since
        the inputs are thousands and neighbours say nearly the same.
    standardize : bool or "per_coefficient", default=True
        Bring the features to zero mean and unit variance over the training frames; the
        statistics become part of the network. True centres each coefficient and scales
        all by one number, so that they keep their proportions, as suits MFCCs and spectrograms.
        "per_coefficient" scales each by its own, for coefficients that have units of their
        own; so does True with plain features of shape (n_clips, n_features).
    time_shift : float, default=0.0
        Augmentation, in training only: move each clip along time by up to this share of
        its length, drawn anew for every epoch. Off: a network
        without shared weights has to learn each position anew.
    time_mask : float, default=0.0
        Augmentation, in training only: hide a stretch of up to this share of the frames
        (SpecAugment).
    coefficient_mask : float, default=0.0
        Augmentation, in training only: hide up to this share of neighbouring
        coefficients (SpecAugment).
    time_stretch : float, default=0.0
        Augmentation, in training only: stretch or squeeze each clip along time by up to
        this share.
    frequency_stretch : float, default=0.0
        Augmentation, in training only: stretch or squeeze each clip along its bands by up
        to this share, as another vocal tract would. For spectrograms
        (``LogMelTransformer``, ``PCENTransformer``); cepstral coefficients are no bands.
    equalizer : float, default=0.0
        Augmentation, in training only: raise and lower the bands by a smooth random curve
        of this root mean square, in units of the standardised features, as another
        microphone or voice would. For spectrograms.
    noise : float, default=0.0
        Augmentation, in training only: standard deviation of Gaussian noise on the
        standardised features. MFCCs under one scale vary less and less from the first to the
        last.
    mixup : float, default=0.0
        Augmentation, in training only: mix each clip with another one of its batch, and
        their targets alike. The shares follow a beta distribution with both parameters of
        this value; 0 mixes nothing, 0.2 a little, 1 a lot.
    epochs : int, default=30
        Passes over the training clips.
    batch_size : int or "auto", default="auto"
        Clips per update. "auto" is 64, or fewer on small training sets (down to 8), so
        that an epoch has about 32 updates.
    optimizer : {"adam", "adamw", "rmsprop", "sgd"}, default="adamw"
        "sgd" has Nesterov momentum of 0.9.
    learning_rate : float, default=0.003
        Highest learning rate.
    learning_rate_schedule : {"cosine", "constant"}, default="cosine"
        "cosine" warms up over the first twentieth of the training and then falls to one
        hundredth, which ends a short training in a good place.
    weight_decay : float, default=0.001
        Decoupled weight decay.
    label_smoothing : float, default=0.1
        Share of the target spread over all classes: keeps the network from growing
        certain of mislabelled clips.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss, as in scikit-learn.
    early_stopping : bool, default=False
        Hold out a share of the training clips, by class or, with `groups`, by whole
        groups; stop when their loss has not fallen for `patience` epochs, and keep the
        weights of the best epoch. Off by
        default: with the cosine schedule the last epoch is rarely worse, and no clip is
        withheld from training.
    validation_fraction : float, default=0.1
        Share of the clips held out by early stopping; at least one of each class.
    patience : int, default=5
        Epochs that early stopping waits for an improvement.
    callbacks : keras.callbacks.Callback or sequence of them, default=None
        Told of every batch and epoch, and free to end the training. Each `fit` uses copies,
        found in ``callbacks_`` afterwards. Callbacks that change the learning rate need
        ``learning_rate_schedule="constant"``.
    warm_start : bool, default=False
        Go on from the weights of the last `fit`, with the same classes and the same
        feature statistics, for another `epochs`.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the order of the clips, dropout, augmentation and the
        held-out share. The same int gives the same probabilities on the same CPU.
    verbose : int, default=0
        Show a progress bar over the epochs when positive.

    Attributes
    ----------
    callbacks_ : list of keras.callbacks.Callback
        The copies of `callbacks` that the last training used.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    history_ : dict of str to list of float
        Loss and accuracy of each epoch, on the training clips as they were shown
        (augmented, with dropout); with early stopping also ``val_loss`` and
        ``val_accuracy``.
    input_shape_ : tuple of int
        Shape of one clip's features.
    model_ : keras.Model
        A copy of the trained network; features in, probabilities out.
    n_features_in_ : int
        Length of the second axis of the training features.
    n_iter_ : int
        Epochs trained.
    network_summary_ : NetworkSummary
        What the network costs: parameters, multiply-accumulates for a clip, bytes.

    See Also
    --------
    ConvClassifier : Filters that are the same at every frame.
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
        "dense_units": [Interval(Integral, 1, None, closed="left"), "array-like", None],
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
        time_shift=0.0,
        time_mask=0.0,
        coefficient_mask=0.0,
        time_stretch=0.0,
        frequency_stretch=0.0,
        equalizer=0.0,
        noise=0.0,
        mixup=0.0,
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
        self.dense_units = dense_units
        self.activation = activation
        self.dropout = dropout
        self.standardize = standardize
        self.time_shift = time_shift
        self.time_mask = time_mask
        self.coefficient_mask = coefficient_mask
        self.time_stretch = time_stretch
        self.frequency_stretch = frequency_stretch
        self.equalizer = equalizer
        self.noise = noise
        self.mixup = mixup
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _build_network(self, input_shape, n_classes, *, seed, preprocessing):
        return perceptron(
            input_shape,
            n_classes,
            dense_units=as_tuple("dense_units", self.dense_units),
            activation=self.activation,
            dropout=self.dropout,
            seed=seed,
            preprocessing=preprocessing,
        )
