"""The base class of all classifiers: parameters, data, fitting and predicting."""

from __future__ import annotations

import math
import warnings
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skaudio._fit_callbacks import CallbackSupportMixin, teardown_of_callbacks
from skaudio._tensorflow import keras
from skaudio._validation import Interval, StrOptions, as_it_was_if_it_fails
from skaudio.architectures import NetworkSummary, Standardize, network_summary
from skaudio.augmentation import FeatureAugmentation
from skaudio.classifiers._augmentation import as_augmentation
from skaudio.classifiers._callbacks import (
    EpochProgress,
    FitTasks,
    as_callbacks,
    compile_for_callbacks,
    copied,
    notify,
)
from skaudio.classifiers._graphs import initial_state, network_to_train, shared_network
from skaudio.classifiers._hold_out import hold_out
from skaudio.classifiers._isolated import isolated, seeded_python
from skaudio.classifiers._loop import Clips, train
from skaudio.classifiers._optimization import (
    OPTIMIZERS,
    batch_count,
    epoch_count,
    learning_rate_at,
)
from skaudio.classifiers._scikeras import SciKerasClassifier


class BaseAudioClassifier(CallbackSupportMixin, SciKerasClassifier, metaclass=ABCMeta):
    """Base class of the classifiers: trains any network.

    A family of networks is a subclass that adds its own parameters, passes the parameters
    below to ``super().__init__``, and builds its network in `_build_network`. For a single
    network use :class:`KerasNetworkClassifier`.

    Parameters
    ----------
    standardize : bool or "per_coefficient", default=True
        Scale the features to zero mean and unit variance over the training frames; the
        statistics become part of the network. True centres each coefficient and scales
        all by the same number, which preserves their proportions, as suits MFCCs and
        spectrograms. "per_coefficient" scales each separately, for coefficients of different
        units; so does True with plain features of shape (n_clips, n_features).
    augmentation : "default", FeatureAugmentation, keras.layers.Layer, list of these layers or \
            None, default="default"
        Random changes of the features in training. "default" is a
        :class:`~skaudio.augmentation.FeatureAugmentation` with its defaults. Layers are
        applied to the standardised features, in training only; each training uses copies of
        them. None turns augmentation off.
    epochs : int or "auto", default="auto"
        Passes over the training clips. "auto" is as many as give 2,400 updates of the weights
        or use 100,000 clips, whichever is less, and at least 25: small data sets need more passes.
    batch_size : int or "auto", default="auto"
        Clips per update. "auto" is 64, or fewer on small training sets (down to 8), so
        that an epoch has about 32 updates.
    optimizer : {"adam", "adamw", "rmsprop", "sgd"}, default="adamw"
        "sgd" has Nesterov momentum of 0.9.
    learning_rate : float, default=0.003
        Highest learning rate.
    learning_rate_schedule : {"cosine", "constant"}, default="cosine"
        "cosine" warms up during the first twentieth of the training and then falls to one
        hundredth, which improves the result of a short training.
    weight_decay : float, default=0.001
        Decoupled weight decay.
    label_smoothing : float, default=0.1
        Share of the target that is spread over all classes: prevents the network from
        becoming too confident about mislabelled clips.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss, as in scikit-learn.
    early_stopping : bool, default=False
        Stop when the loss of held-out clips has not decreased for `patience` epochs, and keep
        the weights of the best epoch. The held-out clips are `X_val`, if passed to `fit`, or
        a share of the training clips, stratified by class and, with `groups`, of whole
        groups. Off by default: with the cosine schedule the last epoch is rarely worse, and
        all clips are used for training.
    validation_fraction : float, default=0.1
        Share of the training clips held out by early stopping.
    patience : int, default=5
        Epochs that early stopping waits for an improvement.
    callbacks : keras.callbacks.Callback or list of these, default=None
        Called at every event of a training, and in prediction. Each `fit`, and each clone,
        uses shallow copies, which are in ``callbacks_`` afterwards: objects that a callback
        refers to, such as a file or a trial of a search, are not copied. Callbacks that change
        the learning rate need ``learning_rate_schedule="constant"``.
    warm_start : bool, default=False
        Continue from the weights of the last `fit`, with the same classes and the same
        feature statistics, for another `epochs`.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the order of the clips, dropout, augmentation and the
        held-out share. The same int gives the same probabilities on the same CPU, with the same
        number of threads.
    verbose : int, default=0
        Show a progress bar over the epochs when positive.

    Attributes
    ----------
    callbacks_ : list of keras.callbacks.Callback
        The copies of `callbacks` used in the last training.
    class_count_ : ndarray of shape (n_classes,)
        Clips of each class in the last training, without those held out.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    history_ : dict of str to list of float
        Loss and accuracy of each epoch, on the training clips with augmentation and
        dropout; ``val_loss`` and ``val_accuracy`` if there were held-out clips; and values
        that callbacks add to their logs.
    input_shape_ : tuple of int
        Shape of one clip's features.
    model_ : keras.Model
        A copy of the trained network, from features to probabilities.
    n_features_in_ : int
        Length of the second axis of the training features.
    n_iter_ : int
        Epochs trained.
    network_summary_ : NetworkSummary
        Size of the network: parameters, multiply-accumulates per clip, bytes.

    See Also
    --------
    KerasNetworkClassifier : Takes any function that builds a network.

    Notes
    -----
    Networks are built and trained on one device, in float32 with channels last, whatever
    Keras' global settings. Classifiers with the same architecture share one compiled
    network, so that a search compiles each architecture once.

    After the first epoch, Ctrl-C ends a training with a warning, and the classifier keeps what
    it has learned.

    Examples
    --------
    A family has its parameters in its signature, as scikit-learn requires, and passes those
    of the training on:

    >>> import keras
    >>> import numpy as np
    >>> from skaudio.classifiers import BaseAudioClassifier
    >>> class DenseClassifier(BaseAudioClassifier):
    ...     _parameter_constraints = {
    ...         **BaseAudioClassifier._parameter_constraints,
    ...         "units": [int],
    ...     }
    ...
    ...     def __init__(self, *, units=8, epochs=25, random_state=None):
    ...         super().__init__(epochs=epochs, random_state=random_state)
    ...         self.units = units
    ...
    ...     def _build_network(self, input_shape, n_classes, seed):
    ...         return keras.Sequential(
    ...             [
    ...                 keras.Input(input_shape),
    ...                 keras.layers.Flatten(),
    ...                 keras.layers.Dense(self.units, "relu"),
    ...                 keras.layers.Dense(n_classes, "softmax"),
    ...             ]
    ...         )
    >>> X = np.random.default_rng(0).normal(size=(40, 20, 8))
    >>> y = np.repeat(["low", "high"], 20)
    >>> DenseClassifier(units=4, epochs=1).fit(X, y).predict_proba(X).shape
    (40, 2)
    """

    _parameter_constraints = {
        "standardize": ["boolean", StrOptions({"per_coefficient"})],
        "augmentation": [
            StrOptions({"default"}),
            FeatureAugmentation,
            keras.layers.Layer,
            list,
            tuple,
            None,
        ],
        "epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "learning_rate_schedule": [StrOptions({"constant", "cosine"})],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "callbacks": [list, tuple, keras.callbacks.Callback, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @abstractmethod
    def __init__(
        self,
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
        self.standardize = standardize
        self.augmentation = augmentation
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

    @abstractmethod
    def _build_network(
        self, input_shape: tuple[int, int], n_classes: int, seed: int
    ) -> keras.Model:
        """Build the network, from standardised features to class probabilities.

        Keras' settings are at their defaults during the call, and Python's random numbers,
        from which Keras' layers draw missing seeds, are seeded with `seed`.
        """

    def _network_params(self) -> dict[str, Any]:
        """Return the parameters that a subclass adds, without NumPy's types."""
        own = set(self._get_param_names()) - set(BaseAudioClassifier._get_param_names())
        return {name: _to_python(getattr(self, name)) for name in sorted(own)}

    def set_params(self, **params):
        """Set parameters, including those of an augmentation: ``augmentation__time_mask=0.3``.

        Parameters
        ----------
        **params : dict
            As in scikit-learn.

        Returns
        -------
        estimator
            The classifier.
        """
        if any(name.startswith("augmentation__") for name in params):
            augmentation = params.get("augmentation", self.augmentation)
            if isinstance(augmentation, str):
                params = {"augmentation": FeatureAugmentation(), **params}
            elif not hasattr(augmentation, "set_params"):
                raise ValueError(
                    f"augmentation={augmentation!r} has no parameters to set. Use "
                    "augmentation=FeatureAugmentation(...)."
                )
        return super().set_params(**params)

    def __sklearn_clone__(self):
        # scikit-learn would also copy all objects that callbacks refer to.
        without_callbacks = object.__new__(type(self))
        vars(without_callbacks).update(vars(self), callbacks=None)
        clone = BaseEstimator.__sklearn_clone__(without_callbacks)
        clone.callbacks = copied(self.callbacks)
        return clone

    # What was learned ---------------------------------------------------------------------

    @property
    def initialized_(self) -> bool:
        """Whether there is a network.

        Returns
        -------
        bool
            True after `fit`, `partial_fit` and `initialize`.
        """
        return "_state" in vars(self)

    @property
    def model_(self) -> keras.Model:
        """The trained network as a Keras model, from features to probabilities.

        It is a copy, built on first access: training it further does not change the
        classifier. It can be saved, and loaded after ``import skaudio``.

        Returns
        -------
        keras.Model
            The copy, compiled for evaluation. Its layers are the standardisation, if any,
            and the network.
        """
        if not self.initialized_:
            raise AttributeError(f"{type(self).__name__} has no model_ before it is fitted.")
        if self._model is None:
            self._model = self._state.restore(self._state.make_model())
            # SGD has no variables for each weight, which would be saved with the model.
            self._model.compile("sgd", loss="categorical_crossentropy", metrics=["accuracy"])
        return self._model

    @property
    def network_summary_(self) -> NetworkSummary:
        """Size of the network.

        Returns
        -------
        NetworkSummary
            Parameters, multiply-accumulates per clip, bytes; in total and by layer. It does
            not exist if a layer cannot be counted.
        """
        check_is_fitted(self)
        try:
            return network_summary(self._shared_network().model)
        except ValueError as error:  # a layer of an unknown kind; displays ask for attributes
            raise AttributeError(str(error)) from error

    def fit(self, X, y, sample_weight=None, groups=None, *, X_val=None, y_val=None):
        """Build the network and train it.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_frames, n_coefficients)
            Feature sequences, such as those of ``MFCCTransformer``. An array of shape
            ``(n_clips, n_features)`` is treated as plain features: one frame of
            `n_features` coefficients.
        y : array-like of shape (n_clips,)
            Class labels, strings or integers.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip in the loss. Their scale does not matter; clips of weight
            zero are ignored.
        groups : array-like of shape (n_clips,), default=None
            Source of each clip, such as its speaker: early stopping holds out
            whole groups. They are not used otherwise.
        X_val : array-like of shape (n_val_clips, n_frames, n_coefficients), default=None
            Clips for validation after each epoch, as in scikit-learn's
            ``HistGradientBoostingClassifier``; early stopping uses them instead of a share
            of `X`. In a pipeline, list it in ``transform_input``.
        y_val : array-like of shape (n_val_clips,), default=None
            Their labels.

        Returns
        -------
        estimator
            The fitted classifier.
        """
        self._validate_params()
        with as_it_was_if_it_fails(self), teardown_of_callbacks(self):
            continues = self.warm_start and self.initialized_
            X, y = self._validate_data(X, y, reset=not continues)
            if continues:
                self._check_known(y, self.classes_, "the classes of the earlier fit")
                self._warn_if_changed()
            else:
                self._reset(np.unique(y))
            clips, groups = self._clips(X, y, sample_weight, groups)
            held_out = self._validation_clips(X_val, y_val)
            if self.early_stopping and held_out is None:
                chosen, others = hold_out(
                    self.classes_[clips.targets.argmax(axis=1)],
                    groups,
                    fraction=self.validation_fraction,
                    seed=self._seed,
                )
                clips, held_out = clips.take(chosen), clips.take(others)
            self._train(clips, held_out, resumes=False)
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one more epoch.

        The learning rate continues along its schedule over `epochs`; the cosine ends at one
        hundredth of `learning_rate` and stays there. Feature statistics are those of the
        first call. Early stopping is not used.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_frames, n_coefficients) or (n_clips, n_features)
            Features, as in `fit`.
        y : array-like of shape (n_clips,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            The labels of all calls; needed in the first call, unless its
            `y` has all of them.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip in the loss. Here their scale matters, so that calls
            can have different weights.

        Returns
        -------
        estimator
            The classifier.
        """
        self._validate_params()
        with as_it_was_if_it_fails(self):
            continues = self.initialized_
            X, y = self._validate_data(X, y, reset=not continues)
            known = None if classes is None else np.unique(classes)
            if known is None:
                known = self.classes_ if continues else np.unique(y)
            elif continues and not np.array_equal(known, self.classes_):
                raise ValueError(
                    f"classes={known.tolist()} is not the same as on the last call of "
                    f"partial_fit, {self.classes_.tolist()}."
                )
            self._check_known(y, known, "classes, which the first call of partial_fit must give")
            if continues:
                self._warn_if_changed()
            else:
                self._reset(known)
            clips, _ = self._clips(X, y, sample_weight, None, resumes=True)
            self._train(clips, None, resumes=True)
        return self

    def initialize(self, X, y):
        """Build the network without training it.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_frames, n_coefficients) or (n_clips, n_features)
            Features, as in `fit`.
        y : array-like of shape (n_clips,)
            Class labels.

        Returns
        -------
        estimator
            The classifier, with random weights.
        """
        self._validate_params()
        with as_it_was_if_it_fails(self):
            X, y = self._validate_data(X, y, reset=True)
            self._reset(np.unique(y))
        return self

    def predict_proba(self, X):
        """Estimate the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_frames, n_coefficients) or (n_clips, n_features)
            Features of the same shape as in `fit`.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            Probabilities, in the order of `classes_`; every row sums to one.
        """
        # float64, since the rows of a float32 softmax only sum to one within 1e-7.
        probabilities = self._predict_raw(X).astype(np.float64)
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_frames, n_coefficients) or (n_clips, n_features)
            Features of the same shape as in `fit`.

        Returns
        -------
        ndarray of shape (n_clips,)
            Labels, as passed to `fit`.
        """
        best = self._predict_raw(X).argmax(axis=1)
        return self.classes_[best]

    # Data ---------------------------------------------------------------------------------

    def _validate_data(self, X, y="no_validation", reset=False):
        """Check features and optional labels; learn or compare their shape."""
        self._check_is_features(X)
        if isinstance(X, list | tuple):
            X = np.asarray(X)
        if not reset and len(self.input_shape_) == 2 and getattr(X, "ndim", 0) in (2, 3):
            # Before scikit-learn raises "X has 51 features", meaning frames.
            self._check_clip_shape(X.shape[1:])
        has_labels = not isinstance(y, str)
        checked = validate_data(self, X, y, reset=reset, allow_nd=True, dtype=np.float32)
        X, y = checked if has_labels else (checked, None)
        if X.ndim > 3:
            raise ValueError(
                f"Found array with dim {X.ndim}, while dim <= 3 is required by "
                f"{type(self).__name__}: expected (n_clips, n_frames, n_coefficients), got "
                f"{X.shape}."
            )
        if has_labels:
            check_classification_targets(y)
        if reset:
            self.input_shape_ = X.shape[1:]
        else:
            self._check_clip_shape(X.shape[1:])
        return X, y

    def _clips(self, X, y, sample_weight, groups, *, resumes=False):
        """Make the training clips, without those of weight zero."""
        weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        if groups is not None:
            groups = column_or_1d(groups)
            check_consistent_length(X, groups)
        # Clips of weight zero must not affect the balance of the classes.
        kept = np.flatnonzero(weights)
        weights = weights[kept] * self._weights_of_classes(y[kept], resumes)
        kept, weights = kept[weights > 0], weights[weights > 0]
        if not len(kept):
            raise ValueError(
                "All clips have weight zero, so that none is left for training. Some clips need a "
                "positive sample_weight, and their classes a positive class_weight."
            )
        if len(kept) < len(X):
            X, y = X[kept], y[kept]
            groups = None if groups is None else groups[kept]
        if not resumes:
            # Scale to mean one, so that a clip of weight two counts like two clips.
            weights = weights / weights.mean()
        return self._make_clips(X, y, weights), groups

    def _make_clips(self, X, y, weights):
        n_classes = len(self.classes_)
        targets = np.eye(n_classes) * (1 - self.label_smoothing) + self.label_smoothing / n_classes
        return Clips(
            X.reshape(-1, *_as_sequences(self.input_shape_)),
            targets.astype(np.float32)[np.searchsorted(self.classes_, y)],
            weights.astype(np.float32),
        )

    def _weights_of_classes(self, y, resumes):
        if self.class_weight == "balanced" and resumes:
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which does not know the "
                "number of clips of each class in later calls. Pass a dict of labels and weights."
            )
        if not resumes:
            return compute_sample_weight(self.class_weight, y)
        by_label = self.class_weight or {}
        self._check_known(np.array(list(by_label)), self.classes_, "the classes", "class_weight")
        return np.array([by_label.get(label, 1.0) for label in y.tolist()])

    def _validation_clips(self, X_val, y_val):
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together.")
        if X_val is None:
            return None
        X_val, y_val = self._validate_data(X_val, y_val)
        self._check_known(y_val, self.classes_, "the classes of y", "y_val")
        return self._make_clips(X_val, y_val, np.ones(len(y_val)))

    def _check_known(self, labels, known, which, name="y") -> None:
        unknown = np.setdiff1d(labels, known)
        if len(unknown):
            raise ValueError(
                f"{name} has labels {unknown.tolist()} that are not in {known.tolist()}, {which}."
            )

    def _check_clip_shape(self, shape: tuple[int, ...]) -> None:
        if shape != self.input_shape_:
            raise ValueError(
                f"{type(self).__name__} was fitted on clips of shape {self.input_shape_} "
                f"(frames, coefficients) but got clips of shape {shape}. Compute both with the "
                "same fitted transformer, so that they have the same length."
            )

    def _check_is_features(self, X) -> None:
        """Raise an error if the transformer is missing, before NumPy fails to read 'dog.wav'."""
        first = X[0] if isinstance(X, list | tuple | np.ndarray) and len(X) else None
        if isinstance(first, str | bytes) or hasattr(first, "__fspath__"):
            raise ValueError(
                f"{type(self).__name__} takes features, got {type(first).__name__} "
                f"({first!r}). Put a transformer before it: "
                f"Pipeline([MFCCTransformer(), {type(self).__name__}()])."
            )

    # Training -----------------------------------------------------------------------------

    def _reset(self, classes):
        """Reset the classifier, and build a network for these classes."""
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes, got 1 class: "
                f"{classes.tolist()[0]!r}."
            )
        self.classes_ = classes
        self.n_classes_ = len(classes)
        self.history_: dict[str, list[float]] = {"loss": [], "accuracy": []}
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        model = isolated(self._make_model)
        self._set_state(initial_state(model))
        self._network = shared_network(self._state, model)
        self._built_with = self._sizes()

    def _make_model(self):
        """Combine standardisation and network."""
        shape = _as_sequences(self.input_shape_)
        with seeded_python(self._seed):
            network = self._build_network(shape, len(self.classes_), self._seed)
        inputs = x = keras.Input(shape, name="features", dtype="float32")
        if self.standardize:
            x = Standardize(name="standardize")(x)
        return keras.Model(inputs, network(x), name=network.name)

    def _sizes(self):
        return {**self._network_params(), "standardize": self.standardize}

    def _warn_if_changed(self):
        sizes = self._sizes()
        changed = [name for name in sizes if sizes[name] != self._built_with[name]]
        if changed:
            warnings.warn(
                f"{type(self).__name__} continues with its current network, so that the changed "
                f"parameters {', '.join(changed)} have no effect. Use warm_start=False, or "
                "a clone, to train a network with the new parameters.",
                UserWarning,
                stacklevel=3,
            )

    def _train(self, clips, held_out, *, resumes):
        """Train; when resuming, for one epoch, with the same optimizer and schedule."""
        first = self.current_epoch
        planned = epoch_count(len(clips.features), self.batch_size, self.epochs)
        n_epochs = 1 if resumes else planned
        augmentation = as_augmentation(
            self.augmentation,
            seed=self._seed,
            input_shape=_as_sequences(self.input_shape_),
            is_sequence=len(self.input_shape_) == 2,
        )
        callbacks = as_callbacks(self.callbacks)
        with network_to_train(self._state) as network:
            standardizer = network.model.layers[1]
            if isinstance(standardizer, Standardize) and first == 0:
                # The columns of plain features have different units.
                is_plain = len(self.input_shape_) == 1
                per_coefficient = is_plain or self.standardize == "per_coefficient"
                standardizer.set_statistics(
                    clips.features, clips.weights, per_coefficient=per_coefficient
                )
            has_layer = isinstance(standardizer, Standardize)
            augmentation.set_statistics(
                clips.features,
                clips.weights,
                standardize=standardizer if has_layer else lambda features: features,
            )
            update = network.update(optimizer=self.optimizer, augmentation=augmentation)
            update.reset(self._state, augmentation, resumes=resumes)
            update.configure(
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                dropout_rates=self._state.dropout_rates,
            )
            if callbacks:
                compile_for_callbacks(network.model, update.optimizer)
            history = train(
                network,
                update,
                clips,
                held_out,
                n_batches=batch_count(len(clips.features), self.batch_size),
                epochs=range(first, first + n_epochs),
                learning_rate=self._learning_rate(0 if resumes else first, planned),
                mixup=augmentation.mixup,
                seed=self._seed,
                callbacks=[
                    *callbacks,
                    *self._own_callbacks(n_epochs, held_out),
                    *([] if resumes else [self._fit_tasks(n_epochs, clips, update)]),
                ],
            )
            state = update.state(self._state)
        self._set_state(state)
        with np.errstate(over="ignore"):
            # The last update comes after the last loss; check that products do not overflow.
            is_usable = np.isfinite(np.square(state.weights)).all()
        if not (is_usable and np.isfinite(history["loss"]).all()):
            raise ValueError(
                f"Training diverged: the loss is {history['loss'][-1]} after "
                f"{len(history['loss'])} epoch(s), and the weights overflow. Use a smaller "
                f"learning_rate than {self.learning_rate:g}, or scale the features."
            )
        self.class_count_ = np.bincount(clips.targets.argmax(axis=1), minlength=self.n_classes_)
        # A new dict, since a fit that fails restores the old one.
        self.history_ = _concatenated(self.history_, history)
        self.n_iter_ = len(self.history_["loss"])
        self.callbacks_ = callbacks

    def _learning_rate(self, start, n_epochs):
        """Return the learning rate as a function of the epoch; None if it is constant."""
        if self.learning_rate_schedule == "constant":
            return None  # callbacks may change it
        return lambda epoch: learning_rate_at(
            (epoch - start) / n_epochs, highest=self.learning_rate
        )

    def _own_callbacks(self, n_epochs, held_out):
        callbacks = []
        if self.verbose:
            callbacks.append(EpochProgress(n_epochs, type(self).__name__))
        if self.early_stopping and held_out is not None:
            callbacks.append(
                keras.callbacks.EarlyStopping(
                    monitor="val_loss", patience=self.patience, restore_best_weights=True
                )
            )
        return callbacks

    def _fit_tasks(self, n_epochs, clips, update):
        X = clips.features.reshape(-1, *self.input_shape_)
        y = self.classes_[clips.targets.argmax(axis=1)]
        return FitTasks(
            self, X, y, n_epochs, lambda: {"_state": update.state(self._state), "_model": None}
        )

    def _set_state(self, state):
        """Set the learned state."""
        self._state = state
        self._model = None

    # Prediction ---------------------------------------------------------------------------

    def _predict_raw(self, X):
        check_is_fitted(self)
        if not self._is_valid(X):
            X, _ = self._validate_data(X)
        X = X.reshape(-1, *_as_sequences(self.input_shape_))
        network = self._shared_network()
        callbacks = getattr(self, "callbacks_", ())
        for callback in callbacks:
            callback._model = self.model_
        notify(callbacks, "predict_begin", None)
        notify(callbacks, "predict_batch_begin", 0, None)
        probabilities = network.predict(self._state.tensors(network.shapes), X)
        notify(callbacks, "predict_batch_end", 0, {"outputs": probabilities})
        notify(callbacks, "predict_end", None)
        return probabilities

    def _shared_network(self):
        if self._network is None:
            self._network = shared_network(self._state)
        return self._network

    def _is_valid(self, X) -> bool:
        """Return whether these are valid features of a transformer, which need no checks."""
        return (
            type(X) is np.ndarray
            and X.dtype == np.float32
            and X.ndim == 3
            and len(X) > 0
            and X.shape[1:] == self.input_shape_
            and bool(np.isfinite(X).all())
        )

    def __getstate__(self):
        # Arrays and configurations, no TensorFlow objects.
        state = dict(super().__getstate__())
        if self.initialized_:
            state |= {"_model": None, "_network": None}
        state.pop("callbacks_", None)  # they may hold open files
        return state


def _to_python(value: Any) -> Any:
    """Convert NumPy's numbers to Python's, and arrays and lists to tuples."""
    if isinstance(value, dict):
        return {key: _to_python(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return tuple(_to_python(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def _concatenated(before: dict[str, list[float]], after: dict[str, list[float]]) -> dict:
    """Concatenate histories, with nan where one of them has no value."""
    nothing = [[math.nan] * len(history["loss"]) for history in (before, after)]
    return {
        name: before.get(name, nothing[0]) + after.get(name, nothing[1])
        for name in {**before, **after}
    }


def _as_sequences(shape: tuple[int, ...]) -> tuple[int, int]:
    """Treat plain features as one frame of coefficients."""
    return (1, shape[0]) if len(shape) == 1 else (shape[0], shape[1])
