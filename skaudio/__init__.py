"""Audio classification with nothing but scikit-learn habits.

A list of recordings and a list of labels go in; a tuned, cross-validated, saved
classifier comes out::

    from skaudio import Pipeline, MFCCTransformer, ConvClassifier

    model = Pipeline([MFCCTransformer(), ConvClassifier()]).fit(paths, labels)
    model.predict(["hello.wav"])

Names are loaded when they are first used, so ``import skaudio`` itself is quick and
loads neither TensorFlow nor matplotlib.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from skaudio._version import __version__

if TYPE_CHECKING:
    from skaudio.augmentation import WaveformAugmenter
    from skaudio.classifiers import (
        BCResNetClassifier,
        ConvClassifier,
        CRNNClassifier,
        DSCNNClassifier,
        GRUClassifier,
        LSTMClassifier,
        PerceptronClassifier,
        TCResNetClassifier,
    )
    from skaudio.display import MFCCDisplay, TrainingHistoryDisplay
    from skaudio.exceptions import AudioError
    from skaudio.feature_extraction import LogMelTransformer, MFCCTransformer, PCENTransformer
    from skaudio.pipeline import Pipeline
    from skaudio.rejection import UnknownRejector
    from skaudio.store import FeatureStore

_HOMES = {
    "AudioError": "exceptions",
    "BCResNetClassifier": "classifiers",
    "CRNNClassifier": "classifiers",
    "ConvClassifier": "classifiers",
    "DSCNNClassifier": "classifiers",
    "FeatureStore": "store",
    "GRUClassifier": "classifiers",
    "LSTMClassifier": "classifiers",
    "LogMelTransformer": "feature_extraction",
    "MFCCDisplay": "display",
    "MFCCTransformer": "feature_extraction",
    "PCENTransformer": "feature_extraction",
    "PerceptronClassifier": "classifiers",
    "Pipeline": "pipeline",
    "TCResNetClassifier": "classifiers",
    "TrainingHistoryDisplay": "display",
    "UnknownRejector": "rejection",
    "WaveformAugmenter": "augmentation",
}
_MODULES = {
    "architectures",
    "audio",
    "augmentation",
    "classifiers",
    "datasets",
    "display",
    "dsp",
    "exceptions",
    "feature_extraction",
    "pipeline",
    "rejection",
    "store",
}

__all__ = [
    "AudioError",
    "BCResNetClassifier",
    "CRNNClassifier",
    "ConvClassifier",
    "DSCNNClassifier",
    "FeatureStore",
    "GRUClassifier",
    "LSTMClassifier",
    "LogMelTransformer",
    "MFCCDisplay",
    "MFCCTransformer",
    "PCENTransformer",
    "PerceptronClassifier",
    "Pipeline",
    "TCResNetClassifier",
    "TrainingHistoryDisplay",
    "UnknownRejector",
    "WaveformAugmenter",
    "__version__",
]


def __getattr__(name):
    if name in _HOMES:
        value = getattr(_import_module(f"skaudio.{_HOMES[name]}"), name)
    elif name in _MODULES:
        value = _import_module(f"skaudio.{name}")
    else:
        raise AttributeError(f"module 'skaudio' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__, *_MODULES})
