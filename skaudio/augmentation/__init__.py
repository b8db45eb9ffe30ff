"""Augmentation: random changes of the training clips.

On the waveform, before the features: :class:`WaveformAugmenter` adds augmented copies of the
training clips. Each is an :class:`AugmentedRecording`, with a :class:`Recipe` of the changes
to the recording.

On the features, in the training of a classifier: :class:`FeatureAugmentation`, whose Keras
layers :class:`RandomShift`, :class:`RandomMask` and :class:`RandomNoise` draw new changes in
every epoch.

Only the layers load TensorFlow.
"""

import lazy_loader as _lazy_loader

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
