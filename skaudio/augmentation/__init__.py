"""Augmentation: clips that training alone sees, changed at random.

On the waveform, before the features: :class:`WaveformAugmenter` adds changed copies of the
training clips, each an :class:`AugmentedRecording` that says by its :class:`Recipe` what is
to be done to which recording.

On the features, in the training of a classifier: :class:`FeatureAugmentation`, whose Keras
layers :class:`RandomShift`, :class:`RandomMask` and :class:`RandomNoise` draw anew in every
epoch.

Only the layers load TensorFlow.
"""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
