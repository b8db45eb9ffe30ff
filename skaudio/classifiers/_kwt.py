"""The keyword transformer as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Integral, Real

from skaudio._validation import Interval
from skaudio.architectures import kwt
from skaudio.classifiers._base import BaseAudioClassifier


class KWTClassifier(BaseAudioClassifier):
    """Classify feature sequences by a small transformer.

    A few whole frames at a time are a patch; patches attend to each other, and a learned
    token collects what decides (KWT). Nothing tells the network that time has an order or
    that a sound may move: it learns both, which takes more clips than a convolution needs.

    Parameters
    ----------
    patch_frames : int, default=4
        Frames of a patch. The paper takes 1; longer patches are fewer, and fewer are quicker.
    dim : int, default=64
        Size of the vectors; 64, 128 and 192 in the paper's three networks.
    n_heads : int, default=1
        Attention heads, which share `dim` among themselves; `dim` / 64 in the paper.
    n_layers : int, default=4
        Layers of attention and perceptron; 12 in the paper, which has 85,000 clips.
    mlp_dim : int, default=256
        Hidden units of the perceptrons; four times `dim` in the paper.
    activation : str, default="gelu"
        Activation of the perceptrons: any name that Keras knows.
    dropout : float, default=0.1
        Share of the values dropped after attention, perceptrons and before the last dense
        layer, in training.
    standardize : bool, default=True
        Bring each coefficient to zero mean and unit variance over the training frames;
        the statistics become part of the network.
    time_shift : float, default=0.1
        Augmentation, in training only: move each clip along time by up to this share of
        its length, drawn anew for every epoch.
    time_mask : float, default=0.2
        Augmentation, in training only: hide a stretch of up to this share of the frames
        (SpecAugment).
    coefficient_mask : float, default=0.2
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
        features, once they are standardised.
    mixup : float, default=0.0
        Augmentation, in training only: mix each clip with another one of its batch, and
        their targets alike. The shares follow a beta distribution with both parameters of
        this value; 0 mixes nothing, 0.2 a little, 1 a lot.
    epochs : int, default=40
        Passes over the training clips.
    batch_size : int or "auto", default="auto"
        Clips per update. "auto" is 64, or fewer on small training sets (down to 8), so
        that an epoch has about 32 updates.
    optimizer : {"adam", "adamw", "rmsprop", "sgd"}, default="adamw"
        "sgd" has Nesterov momentum of 0.9.
    learning_rate : float, default=0.001
        Highest learning rate. Transformers bear less than convolutions do.
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
    CRNNClassifier : Convolution and recurrence, for fewer clips.
    LSTMClassifier : Reads the clip frame by frame.

    References
    ----------
    A. Berg, M. O'Connor and M. T. Cruz, "Keyword transformer: a self-attention model for
    keyword spotting", Interspeech 2021, 4249-4253.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio import KWTClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 20, 8)).astype("float32")
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[y == "high", :, 0] += 2
    >>> clf = KWTClassifier(dim=32, epochs=15, random_state=0).fit(X, y)
    >>> clf.predict_proba(X).shape
    (40, 2)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        **BaseAudioClassifier._parameter_constraints,
        "patch_frames": [Interval(Integral, 1, None, closed="left")],
        "dim": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "mlp_dim": [Interval(Integral, 1, None, closed="left")],
        "activation": [str],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        patch_frames=4,
        dim=64,
        n_heads=1,
        n_layers=4,
        mlp_dim=256,
        activation="gelu",
        dropout=0.1,
        standardize=True,
        time_shift=0.1,
        time_mask=0.2,
        coefficient_mask=0.2,
        time_stretch=0.0,
        frequency_stretch=0.0,
        equalizer=0.0,
        noise=0.0,
        mixup=0.0,
        epochs=40,
        batch_size="auto",
        optimizer="adamw",
        learning_rate=0.001,
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
        self.patch_frames = patch_frames
        self.dim = dim
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.mlp_dim = mlp_dim
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
        return kwt(
            input_shape,
            n_classes,
            patch_frames=int(self.patch_frames),
            dim=int(self.dim),
            n_heads=int(self.n_heads),
            n_layers=int(self.n_layers),
            mlp_dim=int(self.mlp_dim),
            activation=self.activation,
            dropout=self.dropout,
            seed=seed,
            preprocessing=preprocessing,
        )
