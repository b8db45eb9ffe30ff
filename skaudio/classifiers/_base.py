"""The one place that knows SciKeras.

SciKeras' ``KerasClassifier`` leads the way through a fit: validate, encode the labels,
turn class weights into sample weights, build, train, keep the history. This module gives
it the steps (`_validate_data`, `_build_keras_model`, `_fit_keras_model`, `_predict_raw`)
and takes back what scikit-learn's grammar demands otherwise: parameters are those of the
constructor's signature, tags say that a classifier is one, pickles hold arrays.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
from scikeras.wrappers import KerasClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import ClassifierTags, check_random_state, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skaudio._tensorflow import keras
from skaudio._validation import Interval, StrOptions
from skaudio.architectures import MaskPadding, NetworkSummary, Standardize, network_summary
from skaudio.augmentation import RandomMask, RandomShift
from skaudio.classifiers import _training
from skaudio.classifiers._prediction import CompiledNetwork


class BaseAudioClassifier(KerasClassifier, metaclass=ABCMeta):
    """What all classifiers of skaudio share; not for use by itself.

    A final class has an explicit constructor, declares the constraints of its own
    parameters, and builds its network in `_build_network`.
    """

    _parameter_constraints = {
        "standardize": ["boolean"],
        "time_shift": [Interval(Real, 0, 1, closed="both")],
        "time_mask": [Interval(Real, 0, 1, closed="both")],
        "coefficient_mask": [Interval(Real, 0, 1, closed="both")],
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
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # Whether the network skips the silence that follows a short clip.
    _masks_padding = False

    # What SciKeras reads as parameters and skaudio does not offer as such.
    model = None
    build_fn = None
    loss = None
    warm_start = False

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
        return hasattr(self, "model_")

    @property
    def network_summary_(self) -> NetworkSummary:
        """What the network costs.

        Returns
        -------
        NetworkSummary
            Parameters, multiply-accumulates for a clip, bytes; in total and by layer.
        """
        check_is_fitted(self)
        return network_summary(self.model_)

    def fit(self, X, y, sample_weight=None):
        """Build the network and train it.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_frames, n_coefficients)
            Feature sequences, as ``MFCCTransformer`` makes them. An array of shape
            ``(n_clips, n_features)`` is taken as plain features: one frame of
            `n_features` coefficients, without augmentation or masking.
        y : array-like of shape (n_clips,)
            Class labels, strings or integers.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip in the loss. Clips of weight zero are left out.

        Returns
        -------
        estimator
            The fitted classifier.
        """
        self._validate_params()
        with self._as_it_was_if_it_fails():
            X, y = self._validate_data(X, y, reset=True)
            self._check_enough_classes(y)
            if sample_weight is not None:
                # A copy, for SciKeras multiplies class weights into it.
                sample_weight = _check_sample_weight(sample_weight, X, copy=True)
            if isinstance(self.class_weight, dict):
                compute_class_weight(self.class_weight, classes=np.unique(y), y=y)
            return super().fit(X, y, sample_weight=sample_weight)

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
            Weight of each clip in the loss.

        Returns
        -------
        estimator
            The classifier.
        """
        self._validate_params()
        with self._as_it_was_if_it_fails():
            return self._partial_fit(X, y, classes, sample_weight)

    def _partial_fit(self, X, y, classes, sample_weight):
        X, y = self._validate_data(X, y, reset=not self.initialized_)
        if classes is not None:
            classes = np.unique(classes)
        elif not self.initialized_:
            classes = np.unique(y)
        known = classes if classes is not None else self.classes_
        if self.initialized_ and not np.array_equal(known, self.classes_):
            raise ValueError(
                f"classes={known.tolist()} is not the same as on the last call of partial_fit, "
                f"{self.classes_.tolist()}."
            )
        unknown = np.setdiff1d(y, known)
        if len(unknown):
            raise ValueError(
                f"y has labels {unknown.tolist()} that are not in classes={known.tolist()}. Give "
                "all labels in the first call of partial_fit."
            )
        self._check_enough_classes(known)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, copy=True)
        return super().partial_fit(X, y, classes=classes, sample_weight=sample_weight)

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

    # What SciKeras asks for -------------------------------------------------------------

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

    def _initialize_callbacks(self):
        """Keep SciKeras from reading callbacks out of the parameters."""

    def _build_keras_model(self):
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        model = self._build_network(
            _as_sequences(self.input_shape_),
            len(self.classes_),
            seed=self._seed,
            preprocessing=self._preprocessing(),
        )
        self._network = CompiledNetwork(model)
        return model

    def _ensure_compiled_model(self):
        """Keep SciKeras from compiling: the schedule needs the number of batches."""

    def _check_model_compatibility(self, y):
        """Keep SciKeras from comparing losses: ours follow from the parameters."""

    def _fit_keras_model(
        self, X, y, sample_weight, warm_start, epochs, initial_epoch, **fit_arguments
    ):
        X = X.reshape(-1, *_as_sequences(self.input_shape_))
        targets = np.eye(len(self.classes_), dtype=np.float32)[y.ravel().astype(int)]
        weights = np.ones(len(X)) if sample_weight is None else sample_weight
        arrays = (X, targets, np.asarray(weights, dtype=np.float32))
        held_out = None
        if self.early_stopping and not warm_start:
            arrays, held_out = self._split(arrays)
        n_batches = _training.batch_count(len(arrays[0]), self.batch_size)
        if not self.model_.compiled:
            if self.standardize:
                self.model_.get_layer("standardize").set_statistics(arrays[0])
            self._compile(n_steps=n_batches * self.epochs)
            self.history_: dict[str, list[float]] = {}
        callbacks = [keras.callbacks.TerminateOnNaN()]
        if self.verbose:
            callbacks.append(_training.EpochProgress(epochs, type(self).__name__))
        if held_out is not None:
            callbacks.append(
                keras.callbacks.EarlyStopping(
                    monitor="val_loss", patience=self.patience, restore_best_weights=True
                )
            )
        history = self.model_.fit(
            _training.training_batches(
                arrays, n_batches=n_batches, seed=self._seed, first_epoch=initial_epoch
            ),
            steps_per_epoch=n_batches,
            initial_epoch=initial_epoch,
            epochs=initial_epoch + epochs,
            validation_data=held_out,
            validation_batch_size=256,
            callbacks=callbacks,
            shuffle=False,  # the batches are shuffled already
            verbose=0,
        )
        if not np.isfinite(history.history["loss"]).all():
            raise ValueError(
                f"Training diverged: the loss is {history.history['loss'][-1]} after "
                f"{len(history.history['loss'])} epoch(s). Use a smaller learning_rate than "
                f"{self.learning_rate:g}, or scale the features."
            )
        for name, values in history.history.items():
            self.history_.setdefault(name, []).extend(float(value) for value in values)
        self.n_iter_ = len(self.history_["loss"])

    def _predict_raw(self, X):
        check_is_fitted(self)
        X, _ = self._validate_data(X)
        return self._network(X.reshape(-1, *_as_sequences(self.input_shape_)))

    # Steps of our own -------------------------------------------------------------------

    @contextmanager
    def _as_it_was_if_it_fails(self):
        """Take every attribute back if a fit ends in an error, or is interrupted."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    @abstractmethod
    def _build_network(self, input_shape, n_classes, *, seed, preprocessing):
        """Call the architecture's builder with this estimator's parameters."""

    def _preprocessing(self) -> list[keras.layers.Layer]:
        """Layers between the features and the network: augmentation, standardisation."""
        seeds = np.random.default_rng(self._seed).integers(2**31 - 1, size=3).tolist()
        is_sequence = len(self.input_shape_) == 2
        layers: list[keras.layers.Layer] = []
        if is_sequence and self.time_shift:
            layers.append(RandomShift(self.time_shift, seeds[0]))
        if self.standardize:
            layers.append(Standardize(name="standardize"))
        if self._masks_padding:
            layers.append(MaskPadding())
        if is_sequence and self.time_mask:
            layers.append(RandomMask(1, self.time_mask, seeds[1]))
        if is_sequence and self.coefficient_mask:
            layers.append(RandomMask(2, self.coefficient_mask, seeds[2]))
        return layers

    def _compile(self, n_steps: int) -> None:
        self.model_.compile(
            optimizer=_training.make_optimizer(
                self.optimizer,
                learning_rate=self.learning_rate,
                schedule=self.learning_rate_schedule,
                weight_decay=self.weight_decay,
                n_steps=n_steps,
            ),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=self.label_smoothing),
            metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
            # XLA's compiler takes longer than it saves on networks of this size.
            jit_compile=False,
        )
        # A graph that creates variables is traced twice: have the optimizer's ready.
        self.model_.optimizer.build(self.model_.trainable_variables)

    def _split(self, arrays):
        """Hold out a stratified, seeded share of the clips for early stopping."""
        codes = arrays[1].argmax(axis=1)
        counts = np.bincount(codes, minlength=len(self.classes_))
        rarest = int(np.argmin(counts))
        if counts[rarest] < 2:
            raise ValueError(
                f"early_stopping=True holds out a share of every class, and class "
                f"{self.classes_.tolist()[rarest]!r} has {counts[rarest]} clip(s); at least 2 are "
                "needed. Add clips, leave the class out, or use early_stopping=False."
            )
        # By class, so that each one is on both sides; train_test_split promises neither.
        shares = np.clip(np.round(self.validation_fraction * counts).astype(int), 1, counts - 1)
        rng = np.random.default_rng(self._seed)
        places = [rng.permutation(np.flatnonzero(codes == code)) for code in range(len(counts))]
        held_out = np.sort(np.concatenate([p[:n] for p, n in zip(places, shares, strict=True)]))
        chosen = np.sort(np.concatenate([p[n:] for p, n in zip(places, shares, strict=True)]))
        return tuple(a[chosen] for a in arrays), tuple(a[held_out] for a in arrays)

    def _check_enough_classes(self, y) -> None:
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes, got 1 class: "
                f"{classes.tolist()[0]!r}."
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
        model = state.pop("model_", None)
        state.pop("_network", None)
        if model is not None:
            state["_keras_state"] = {
                "config": model.get_config(),
                # variables, not weights: dropout and augmentation go on where they were
                "variables": [np.asarray(variable) for variable in model.variables],
                "compile": model.get_compile_config() if model.compiled else None,
                "optimizer": (
                    [np.asarray(variable) for variable in model.optimizer.variables]
                    if model.compiled
                    else None
                ),
            }
        return state

    def __setstate__(self, state):
        state = dict(state)
        saved = state.pop("_keras_state", None)
        super().__setstate__(state)
        if saved is None:
            return
        self.model_ = keras.Model.from_config(saved["config"])
        _assign(self.model_.variables, saved["variables"])
        self._network = CompiledNetwork(self.model_)
        if saved["compile"] is not None:
            self.model_.compile_from_config(saved["compile"])
            self.model_.optimizer.build(self.model_.trainable_variables)
            _assign(self.model_.optimizer.variables, saved["optimizer"])


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


def _assign(variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _as_sequences(shape: tuple[int, ...]) -> tuple[int, int]:
    """Plain features are one frame of coefficients."""
    return (1, shape[0]) if len(shape) == 1 else (shape[0], shape[1])
