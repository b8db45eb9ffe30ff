# The public names and their modules, as in ../__init__.pyi.
from ._augmenter import WaveformAugmenter as WaveformAugmenter
from ._callable import SeededEffect as SeededEffect
from ._features import FeatureAugmentation as FeatureAugmentation
from ._layers import RandomMask as RandomMask
from ._layers import RandomNoise as RandomNoise
from ._layers import RandomShift as RandomShift
from ._recording import AugmentedRecording as AugmentedRecording
from ._recording import BackgroundNoise as BackgroundNoise
from ._recording import Recipe as Recipe
from ._recording import RoomImpulse as RoomImpulse
