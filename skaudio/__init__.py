"""Audio classification with the scikit-learn API.

From a list of recordings and a list of labels to a tuned, cross-validated and saved
classifier::

    from skaudio import Pipeline, MFCCTransformer, ConvClassifier

    model = Pipeline([MFCCTransformer(), ConvClassifier()]).fit(paths, labels)
    model.predict(["hello.wav"])

Names are loaded when they are first used, so ``import skaudio`` is fast and
loads neither TensorFlow nor matplotlib. ``__init__.pyi`` lists them.
"""

import sys as _sys
from importlib import import_module as _import_module

import lazy_loader as _lazy_loader
import wrapt as _wrapt

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)


@_wrapt.when_imported("keras")
@_wrapt.when_imported("skaudio._tensorflow")
def _register_layers(module):
    """Register skaudio's layers with Keras, so that it can load networks that use them."""
    is_within_our_import = module.__name__ == "keras" and "skaudio._tensorflow" in _sys.modules
    if not is_within_our_import:
        _import_module("skaudio.architectures")
