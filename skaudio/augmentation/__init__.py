"""Augmentation: clips that training alone sees, changed at random.

On the waveform, before the features: :class:`WaveformAugmenter` adds changed copies of the
training clips, each an :class:`AugmentedRecording` that says by its :class:`Recipe` what is
to be done to which recording.

On the features, inside the network: the Keras layers :class:`RandomShift` and
:class:`RandomMask`, which draw anew in every epoch. The classifiers use them.

Only the layers load TensorFlow.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from skaudio.augmentation._augmenter import WaveformAugmenter
    from skaudio.augmentation._layers import (
        RandomEqualizer,
        RandomMask,
        RandomNoise,
        RandomShift,
        RandomStretch,
    )
    from skaudio.augmentation._recording import (
        AugmentedRecording,
        BackgroundNoise,
        Recipe,
        RoomImpulse,
    )

_HOMES = {
    "AugmentedRecording": "_recording",
    "BackgroundNoise": "_recording",
    "RandomEqualizer": "_layers",
    "RandomMask": "_layers",
    "RandomNoise": "_layers",
    "RandomShift": "_layers",
    "RandomStretch": "_layers",
    "Recipe": "_recording",
    "RoomImpulse": "_recording",
    "WaveformAugmenter": "_augmenter",
}

__all__ = [
    "AugmentedRecording",
    "BackgroundNoise",
    "RandomEqualizer",
    "RandomMask",
    "RandomNoise",
    "RandomShift",
    "RandomStretch",
    "Recipe",
    "RoomImpulse",
    "WaveformAugmenter",
]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'skaudio.augmentation' has no attribute {name!r}")
    value = getattr(_import_module(f"skaudio.augmentation.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
