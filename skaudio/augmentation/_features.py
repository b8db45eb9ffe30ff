"""Augmentation of features, as a parameter of the classifiers."""

from __future__ import annotations

from numbers import Real

from sklearn.base import BaseEstimator

from skaudio._validation import Interval

__all__ = ["FeatureAugmentation"]

_SHARE = [Interval(Real, 0, 1, closed="both")]
_POSITIVE = [Interval(Real, 0, None, closed="left")]


class FeatureAugmentation(BaseEstimator):
    """Random changes of the training features, different in every epoch.

    Pass it as the `augmentation` parameter of a classifier. It is not used in validation and
    prediction, and is not part of the trained network.

    Parameters
    ----------
    time_shift : float, default=0.1
        Shift each clip along time by up to this share of its length, repeating the first or
        last frame. A tenth covers the usual differences in how recordings are cut.
    time_mask : float, default=0.2
        Mask up to this share of the frames, all in a row, as in SpecAugment [1]_.
    coefficient_mask : float, default=0.2
        Mask up to this share of adjacent coefficients, as in SpecAugment [1]_.
    coefficient_offset : float, default=1.0
        Add a random constant to each coefficient, the same in all frames of a clip: what another
        microphone, room or voice does to a cepstrum or a logarithmic spectrum [2]_. The constants
        are Gaussian and vary as the frames of the training clips do around the average of
        their clip, times this factor, but in no direction by more than the average standardised
        feature, which limits the change of the level (so the features should be standardised).
        What it changes on words: ``examples/benchmarks/defaults.py``.
    noise_std : float, default=0.0
        Standard deviation of Gaussian noise on the standardised features. Off, since it
        changes little in ``examples/benchmarks/defaults.py``.
    mixup : float, default=0.0
        Mix each clip with another one of its batch, and their labels in the same way [3]_. The
        shares follow a beta distribution with both parameters equal to this value; 0 turns it
        off, 0.2 is weak, 1 is strong. Off, since it changes little in the same script.

    See Also
    --------
    skaudio.WaveformAugmenter : Changes the recordings, before features are computed.

    Notes
    -----
    Sizes are shares of a clip, so that they do not depend on clip length and frame rate.
    Masked values are replaced by their mean over the training clips. For plain
    features, of shape ``(n_clips, n_features)``, only `noise_std` and `mixup` make sense, and
    only these are applied.

    References
    ----------
    .. [1] D. S. Park et al., "SpecAugment: a simple data augmentation method for automatic
       speech recognition", Interspeech 2019, 2613-2617.
    .. [2] S. Furui, "Cepstral analysis technique for automatic speaker verification", IEEE
       Transactions on Acoustics, Speech, and Signal Processing 29 (1981), 254-272.
    .. [3] H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skaudio import ConvClassifier, MFCCTransformer, Pipeline
    >>> from skaudio.augmentation import FeatureAugmentation
    >>> classifier = ConvClassifier(augmentation=FeatureAugmentation(time_mask=0.5))
    >>> search = GridSearchCV(
    ...     Pipeline([MFCCTransformer(), classifier]),
    ...     {"convclassifier__augmentation__mixup": [0.0, 0.2]},
    ... )
    """

    _parameter_constraints = {
        "time_shift": _SHARE,
        "time_mask": _SHARE,
        "coefficient_mask": _SHARE,
        "coefficient_offset": _POSITIVE,
        "noise_std": _POSITIVE,
        "mixup": _POSITIVE,
    }

    def __init__(
        self,
        *,
        time_shift=0.1,
        time_mask=0.2,
        coefficient_mask=0.2,
        coefficient_offset=1.0,
        noise_std=0.0,
        mixup=0.0,
    ):
        self.time_shift = time_shift
        self.time_mask = time_mask
        self.coefficient_mask = coefficient_mask
        self.coefficient_offset = coefficient_offset
        self.noise_std = noise_std
        self.mixup = mixup
