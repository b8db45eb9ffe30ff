"""The names that skaudio offers, and their documentation."""

import importlib
import inspect

import pytest
from numpydoc.docscrape import NumpyDocString

import skaudio

MODULES = [
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
]
ESTIMATORS = [
    skaudio.BCResNetClassifier,
    skaudio.CRNNClassifier,
    skaudio.ConvClassifier,
    skaudio.DSCNNClassifier,
    skaudio.GRUClassifier,
    skaudio.LSTMClassifier,
    skaudio.LogMelTransformer,
    skaudio.MFCCTransformer,
    skaudio.PCENTransformer,
    skaudio.PerceptronClassifier,
    skaudio.TCResNetClassifier,
    skaudio.UnknownRejector,
    skaudio.WaveformAugmenter,
]


def test_every_name_of_all_is_there_and_sorted():
    assert sorted(skaudio.__all__) == skaudio.__all__
    for name in skaudio.__all__:
        assert getattr(skaudio, name) is not None
        assert name in dir(skaudio)


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_attributes_with_a_sorted_all(name):
    module = getattr(skaudio, name)
    assert module is importlib.import_module(f"skaudio.{name}")
    assert sorted(module.__all__) == module.__all__
    assert module.__doc__


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="has no attribute 'SVC'"):
        _ = skaudio.SVC


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
def test_docstrings_name_every_parameter_in_order_with_its_default(estimator):
    documented = NumpyDocString(inspect.getdoc(estimator))["Parameters"]
    signature = inspect.signature(estimator).parameters
    assert [parameter.name for parameter in documented] == list(signature)
    for parameter in documented:
        default = signature[parameter.name].default
        if default is inspect.Parameter.empty:
            continue
        text = f'"{default}"' if isinstance(default, str) else str(default)
        assert parameter.type.endswith(f"default={text}"), (parameter.name, parameter.type)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
def test_constraints_name_every_parameter(estimator):
    assert set(estimator._parameter_constraints) == set(inspect.signature(estimator).parameters)
