"""The one place that knows SciKeras.

A classifier of skaudio is a SciKeras ``KerasClassifier``, with its interface: ``fit``,
``partial_fit``, ``initialize``, ``model_``, ``history_``, ``classes_``. How it gets there is
skaudio's own, since scikit-learn's grammar asks for it: parameters are those of the
constructor's signature, tags say that a classifier is one, pickles hold arrays, and
classifiers of one design share one compiled network.
"""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real
from typing import Any

import numpy as np
from scikeras.wrappers import KerasClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import (
    ClassifierTags,
    check_random_state,
    column_or_1d,
    compute_sample_weight,
)
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skaudio._tensorflow import keras
from skaudio._validation import Interval, StrOptions, as_it_was_if_it_fails
from skaudio.architectures import MaskPadding, NetworkSummary, Standardize, network_summary
from skaudio.augmentation import (
    RandomEqualizer,
    RandomMask,
    RandomNoise,
    RandomShift,
    RandomStretch,
)
from skaudio.classifiers._network import (
    built_afresh,
    dropout_rates,
    network_to_train,
    shared_network,
    state_of,
)
from skaudio.classifiers._training import (
    Clips,
    EpochProgress,
    as_callbacks,
    batch_count,
    hold_out,
    learning_rate_at,
    train,
)


class BaseAudioClassifier(KerasClassifier, metaclass=ABCMeta):
    """What all classifiers of skaudio share; not for use by itself.

    A final class has an explicit constructor, declares the constraints of its own
    parameters, and builds its network in `_build_network`.
    """

    _parameter_constraints = {
        "standardize": ["boolean", StrOptions({"per_coefficient"})],
        "time_shift": [Interval(Real, 0, 1, closed="both")],
        "time_mask": [Interval(Real, 0, 1, closed="both")],
        "coefficient_mask": [Interval(Real, 0, 1, closed="both")],
        "time_stretch": [Interval(Real, 0, 1, closed="left")],
        "frequency_stretch": [Interval(Real, 0, 1, closed="left")],
        "equalizer": [Interval(Real, 0, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "mixup": [Interval(Real, 0, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "optimizer": [StrOptions({"adam", "adamw", "rmsprop", "sgd"})],
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

    # Whether the network skips the silence that follows a short clip.
    _masks_padding = False

    # What SciKeras reads as parameters and skaudio does not offer as such.
    model = None
    build_fn = None
    loss = None

    # SciKeras reads parameters off the instance's attributes and rewrites set_params and
    # repr to match; scikit-learn's own read the signature.
    _get_param_names: Any = classmethod(BaseEstimator._get_param_names.__func__)
    set_params = BaseEstimator.set_params
    __repr__ = BaseEstimator.__repr__
    # SciKeras' score validates y against the training labels' dtype.
    score = ClassifierMixin.score

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # SciKeras has ClassifierMixin on the wrong side, so its tags never arrive.
        tags.estimator_type = "classifier"
        tags.classifier_tags = ClassifierTags()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        return tags

    def __sklearn_is_fitted__(self):
        return self.initialized_

    @property
    def initialized_(self) -> bool:
        """Whether there is a network to predict with.

        Returns
        -------
        bool
            True after `fit`, `partial_fit` and `initialize`.
        """
        return "_state" in vars(self)

    @property
    def model_(self) -> keras.Model:
        """The trained network as a Keras model: features in, probabilities out.

        It is a copy, built when it is first asked for: training it further leaves the
        classifier as it is.

        Returns
        -------
        keras.Model
            The copy, compiled to be evaluated.
        """
        if not self.initialized_:
            raise AttributeError(f"{type(self).__name__} has no model_ before it is fitted.")
        if self._model is None:
            self._model = self._state.make_model()
            self._model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
        return self._model

    @property
    def network_summary_(self) -> NetworkSummary:
        """What the network costs.

        Returns
        -------
        NetworkSummary
            Parameters, multiply-accumulates for a clip, bytes; in total and by layer.
        """
        check_is_fitted(self)
        return network_summary(self._shared_network().model)

    def fit(self, X, y, sample_weight=None, groups=None):
        """Build the network and train it.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_frames, n_coefficients)
            Feature sequences, as ``MFCCTransformer`` makes them. An array of shape
            ``(n_clips, n_features)`` is taken as plain features: one frame of
            `n_features` coefficients; of the augmentation, `noise` and `mixup` are at work.
        y : array-like of shape (n_clips,)
            Class labels, strings or integers.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip in the loss. Their scale does not matter; clips of weight
            zero are left out.
        groups : array-like of shape (n_clips,), default=None
            Where each clip comes from, such as its speaker: early stopping holds out
            whole groups. Nothing else looks at them.

        Returns
        -------
        estimator
            The fitted classifier.
        """
        self._validate_params()
        with as_it_was_if_it_fails(self):
            goes_on = self.warm_start and self.initialized_
            X, y = self._validate_data(X, y, reset=not goes_on)
            if goes_on:
                self._check_known(y, self.classes_, "the classes of the earlier fit")
            else:
                self._start(np.unique(y))
            clips, groups = self._clips(X, y, sample_weight, groups)
            self._train(clips, groups, n_epochs=self.epochs, resumes=False)
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one more epoch.

        The learning rate goes on along its schedule over `epochs`; the cosine ends at one
        hundredth of `learning_rate` and stays there. Feature statistics are those of the
        first call, and early stopping has no part in it.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_frames, n_coefficients) or (n_clips, n_features)
            Features, as in `fit`.
        y : array-like of shape (n_clips,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All the labels that any call will see; needed in the first call, unless its
            `y` has them all.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip in the loss. Here their scale does matter, so that calls
            can be weighed against each other.

        Returns
        -------
        estimator
            The classifier.
        """
        self._validate_params()
        with as_it_was_if_it_fails(self):
            goes_on = self.initialized_
            X, y = self._validate_data(X, y, reset=not goes_on)
            known = None if classes is None else np.unique(classes)
            if known is None:
                known = self.classes_ if goes_on else np.unique(y)
            elif goes_on and not np.array_equal(known, self.classes_):
                raise ValueError(
                    f"classes={known.tolist()} is not the same as on the last call of "
                    f"partial_fit, {self.classes_.tolist()}."
                )
            self._check_known(y, known, "classes, which the first call of partial_fit must give")
            if not goes_on:
                self._start(known)
            clips, _ = self._clips(X, y, sample_weight, None, resumes=True)
            self._train(clips, None, n_epochs=1, resumes=True)
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
            self._start(np.unique(y))
        return self

    def predict_proba(self, X):
        """Estimate the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_frames, n_coefficients) or (n_clips, n_features)
            Features of the shape seen in `fit`.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            Probabilities, in the order of `classes_`; every row sums to one.
        """
        # float64, since the rows of a float32 softmax sum to one within 1e-7 only.
        probabilities = self._predict_raw(X).astype(np.float64)
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Name the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_frames, n_coefficients) or (n_clips, n_features)
            Features of the shape seen in `fit`.

        Returns
        -------
        ndarray of shape (n_clips,)
            Labels, as they were given to `fit`.
        """
        best = self._predict_raw(X).argmax(axis=1)
        return self.classes_[best]

    # Steps of a fit ---------------------------------------------------------------------

    def _validate_data(self, X, y="no_validation", reset=False):
        """Check features, and labels if there are any; learn or compare their shape."""
        self._check_is_features(X)
        if isinstance(X, list | tuple):
            X = np.asarray(X)
        if not reset and len(self.input_shape_) == 2 and getattr(X, "ndim", 0) in (2, 3):
            # Before scikit-learn says that "X has 51 features", meaning frames.
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

    def _start(self, classes):
        """Forget what was learned, and build a network for these classes."""
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes, got 1 class: "
                f"{classes.tolist()[0]!r}."
            )
        self.classes_ = classes
        self.n_classes_ = len(classes)
        self.history_: dict[str, list[float]] = {"loss": [], "accuracy": []}
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        model = built_afresh(
            lambda: self._build_network(
                _as_sequences(self.input_shape_),
                len(classes),
                seed=self._seed,
                preprocessing=self._preprocessing(),
            )
        )
        design = model.to_json()
        initial = state_of(model, design)  # before another training has the model
        self._network = shared_network(design, model)
        self._keep(initial)

    def _clips(self, X, y, sample_weight, groups, *, resumes=False):
        """Put together what the loss needs to know of each clip, of those that count."""
        weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        if groups is not None:
            groups = column_or_1d(groups)
            check_consistent_length(X, groups)
        # Clips of weight zero have no part in the balance of the classes either.
        kept = np.flatnonzero(weights)
        weights = weights[kept] * self._weights_of_classes(y[kept], resumes)
        kept, weights = kept[weights > 0], weights[weights > 0]
        if not len(kept):
            raise ValueError(
                "All clips have weight zero, which leaves none to train on. Give some clips a "
                "positive sample_weight, and their classes a positive class_weight."
            )
        if len(kept) < len(X):
            X, y = X[kept], y[kept]
            groups = None if groups is None else groups[kept]
        if not resumes:
            # Of mean one, so that a clip of weight two counts as two clips do.
            weights = weights / weights.mean()
        n_classes = len(self.classes_)
        codes = np.searchsorted(self.classes_, y)
        targets = np.eye(n_classes) * (1 - self.label_smoothing) + self.label_smoothing / n_classes
        clips = Clips(
            X.reshape(-1, *_as_sequences(self.input_shape_)),
            targets.astype(np.float32)[codes],
            weights.astype(np.float32),
        )
        return clips, groups

    def _weights_of_classes(self, y, resumes):
        if not resumes:
            return compute_sample_weight(self.class_weight, y)
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not for partial_fit, which does not know how many "
                "clips of each class will come. Give a dict of labels and weights."
            )
        by_label = self.class_weight or {}
        return np.array([by_label.get(label, 1.0) for label in y.tolist()])

    def _train(self, clips, groups, *, n_epochs, resumes):
        """Train for some epochs; resuming goes on with the optimizer and the schedule."""
        held_out = None
        if self.early_stopping and not resumes:
            chosen, others = hold_out(
                clips.targets.argmax(axis=1),
                groups,
                fraction=self.validation_fraction,
                classes=self.classes_.tolist(),
                seed=self._seed,
            )
            clips, held_out = clips.take(chosen), clips.take(others)
        first = self.current_epoch
        with network_to_train(self._state) as network:
            standardizers = [x for x in network.model.layers if isinstance(x, Standardize)]
            if standardizers and first == 0:
                # The columns of plain features have units of their own.
                is_plain = len(self.input_shape_) == 1
                per_coefficient = is_plain or self.standardize == "per_coefficient"
                standardizers[0].set_statistics(
                    clips.features, clips.weights, per_coefficient=per_coefficient
                )
            update = network.update(optimizer=self.optimizer, mixes=self.mixup > 0)
            goes_on = resumes and self._state.optimizer_name == self.optimizer
            update.reset(self._state.optimizer if goes_on else None)
            update.configure(
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                dropout_rates=dropout_rates(self._state.design),
            )
            callbacks = as_callbacks(self.callbacks)
            own = self._own_callbacks(n_epochs, held_out is not None)
            history = train(
                network,
                update,
                clips,
                held_out,
                n_batches=batch_count(len(clips.features), self.batch_size),
                epochs=range(first, first + n_epochs),
                learning_rate=self._learning_rate(0 if resumes else first),
                mixup=self.mixup,
                seed=self._seed,
                callbacks=callbacks + own,
            )
            # The design stays this classifier's own, with its seeds.
            state = state_of(network.model, self._state.design, update)
        self._keep(state)
        with np.errstate(over="ignore"):
            # The last update comes after the last loss: weights that overflow when they meet.
            is_usable = np.isfinite(np.square(state.weights)).all()
        if not (is_usable and np.isfinite(history["loss"]).all()):
            raise ValueError(
                f"Training diverged: the loss is {history['loss'][-1]} after "
                f"{len(history['loss'])} epoch(s), and the weights overflow. Use a smaller "
                f"learning_rate than {self.learning_rate:g}, or scale the features."
            )
        # A new dict, for a fit that fails later takes this one back.
        self.history_ = _joined(self.history_, history)
        self.n_iter_ = len(self.history_["loss"])
        self.callbacks_ = callbacks

    def _learning_rate(self, start):
        """Give the learning rate by the number of epochs; None if it is constant."""
        if self.learning_rate_schedule == "constant":
            return None  # callbacks may change it
        return lambda epoch: learning_rate_at(
            (epoch - start) / self.epochs,
            highest=self.learning_rate,
            schedule=self.learning_rate_schedule,
        )

    def _own_callbacks(self, n_epochs, validates):
        callbacks = []
        if self.verbose:
            callbacks.append(EpochProgress(n_epochs, type(self).__name__))
        if validates:
            callbacks.append(
                keras.callbacks.EarlyStopping(
                    monitor="val_loss", patience=self.patience, restore_best_weights=True
                )
            )
        return callbacks

    def _keep(self, state):
        """Take a state as what was learned."""
        self._state = state
        self._model = None

    def _shared_network(self):
        if self._network is None:
            self._network = shared_network(self._state.design)
        return self._network

    def _predict_raw(self, X):
        check_is_fitted(self)
        if not self._is_as_transformed(X):
            X, _ = self._validate_data(X)
        X = X.reshape(-1, *_as_sequences(self.input_shape_))
        network = self._shared_network()
        return network.predict(self._state.tensors(network.shapes), X)

    @abstractmethod
    def _build_network(self, input_shape, n_classes, *, seed, preprocessing):
        """Call the architecture's builder with this estimator's parameters."""

    def _preprocessing(self) -> list[keras.layers.Layer]:
        """Layers between the features and the network: augmentation, standardisation."""
        seeds = np.random.default_rng(self._seed).integers(2**31 - 1, size=7).tolist()
        is_sequence = len(self.input_shape_) == 2
        layers: list[keras.layers.Layer] = []
        if is_sequence and self.time_shift:
            layers.append(RandomShift(self.time_shift, seeds[0]))
        if is_sequence and self.time_stretch:
            layers.append(RandomStretch(1, self.time_stretch, seeds[3]))
        if is_sequence and self.frequency_stretch:
            layers.append(RandomStretch(2, self.frequency_stretch, seeds[5]))
        if self.standardize:
            layers.append(Standardize(name="standardize"))
        if self._masks_padding:
            layers.append(MaskPadding())
        if is_sequence and self.equalizer:
            layers.append(RandomEqualizer(self.equalizer, seeds[6]))
        if self.noise:
            layers.append(RandomNoise(self.noise, seeds[4]))
        if is_sequence and self.time_mask:
            layers.append(RandomMask(1, self.time_mask, seeds[1]))
        if is_sequence and self.coefficient_mask:
            layers.append(RandomMask(2, self.coefficient_mask, seeds[2]))
        return layers

    def _is_as_transformed(self, X) -> bool:
        """Whether these are features as they come from a transformer, with nothing to check."""
        return (
            type(X) is np.ndarray
            and X.dtype == np.float32
            and X.ndim == 3
            and len(X) > 0
            and X.shape[1:] == self.input_shape_
            and bool(np.isfinite(X).all())
        )

    def _check_known(self, y, known, which) -> None:
        unknown = np.setdiff1d(y, known)
        if len(unknown):
            raise ValueError(
                f"y has labels {unknown.tolist()} that are not in {known.tolist()}, {which}."
            )

    def _check_clip_shape(self, shape: tuple[int, ...]) -> None:
        if shape != self.input_shape_:
            raise ValueError(
                f"{type(self).__name__} was fitted on clips of shape {self.input_shape_} "
                f"(frames, coefficients) and got clips of shape {shape}. Compute both with the "
                "same fitted transformer, so that they have the same length."
            )

    def _check_is_features(self, X) -> None:
        """Tell who left out the transformer, before NumPy fails to read 'dog.wav'."""
        first = X[0] if isinstance(X, list | tuple | np.ndarray) and len(X) else None
        if isinstance(first, str | bytes) or hasattr(first, "__fspath__"):
            raise ValueError(
                f"{type(self).__name__} takes features, got {type(first).__name__} "
                f"({first!r}). Put a transformer before it: "
                f"Pipeline([MFCCTransformer(), {type(self).__name__}()])."
            )

    # Pickling: arrays and configurations, no TensorFlow objects ---------------------------

    def __getstate__(self):
        state = dict(super().__getstate__())
        if self.initialized_:
            state |= {"_model": None, "_network": None}
        state.pop("callbacks_", None)  # they may hold open files
        return state


def as_tuple(name: str, sizes: Any, *, at_least: int = 0) -> tuple[int, ...]:
    """Read a parameter that is None, one size or several.

    Parameters
    ----------
    name : str
        Its name, for the message.
    sizes : None, int or sequence of int
        The parameter.
    at_least : int, default=0
        How many sizes are needed.

    Returns
    -------
    tuple of int
        No, one or several sizes.
    """
    several = () if sizes is None else sizes
    several = (several,) if isinstance(several, Integral) else several
    are_sizes = isinstance(several, list | tuple | np.ndarray) and all(
        isinstance(size, Integral) and not isinstance(size, bool) and int(size) >= 1
        for size in several
    )
    if not are_sizes or len(several) < at_least:
        raise ValueError(
            f"The {name!r} parameter must be an int or a sequence of ints, each at least 1"
            f"{' and at least one of them' if at_least else ''}. Got {sizes!r} instead."
        )
    return tuple(int(size) for size in several)


def _joined(before: dict[str, list[float]], after: dict[str, list[float]]) -> dict:
    """Append histories, with nan where one of them did not measure."""
    nothing = [[math.nan] * len(history["loss"]) for history in (before, after)]
    return {
        name: before.get(name, nothing[0]) + after.get(name, nothing[1])
        for name in {**before, **after}
    }


def _as_sequences(shape: tuple[int, ...]) -> tuple[int, int]:
    """Plain features are one frame of coefficients."""
    return (1, shape[0]) if len(shape) == 1 else (shape[0], shape[1])
