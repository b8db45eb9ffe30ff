"""The names that skaudio offers, and their documentation."""

import importlib
import inspect
import re

import pytest
import sklearn.pipeline
from numpydoc.docscrape import NumpyDocString
from sklearn.base import BaseEstimator

import skaudio
from skaudio import architectures
from skaudio.classifiers import BaseAudioClassifier

MODULES = [
    "architectures",
    "audio",
    "augmentation",
    "classifiers",
    "datasets",
    "detection",
    "display",
    "dsp",
    "exceptions",
    "export",
    "feature_extraction",
    "pipeline",
    "rejection",
    "runtime",
    "store",
]
AS_IN = r"As in :class:`~skaudio(?:\.classifiers)?\.(\w+)`\."
EVERYTHING = [getattr(skaudio, name) for name in skaudio.__all__]
ESTIMATORS = [
    BaseAudioClassifier,
    *(
        each
        for each in EVERYTHING
        if isinstance(each, type)
        and issubclass(each, BaseEstimator)
        and not issubclass(each, sklearn.pipeline.Pipeline)
    ),
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
    with pytest.raises(AttributeError, match="No skaudio attribute SVC"):
        _ = skaudio.SVC


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
def test_docstrings_name_every_parameter_in_order_with_its_default(estimator):
    signature = inspect.signature(estimator).parameters
    names = []
    for parameter in NumpyDocString(inspect.getdoc(estimator))["Parameters"]:
        several = parameter.name.split(", ")
        names += several
        if other := re.fullmatch(
            r"As in :class:`~skaudio(?:\.classifiers)?\.(\w+)`\.", " ".join(parameter.desc)
        ):
            # Documented once, in another class, which has the same defaults.
            home = skaudio if other[1] in skaudio.__all__ else skaudio.classifiers
            others = inspect.signature(getattr(home, other[1])).parameters
            assert [signature[name].default for name in several] == [
                others[name].default for name in several
            ]
            continue
        default = signature[parameter.name].default
        if default is inspect.Parameter.empty:
            continue
        text = f'"{default}"' if isinstance(default, str) else str(default)
        assert parameter.type.endswith(f"default={text}"), (parameter.name, parameter.type)
    assert names == list(signature)


NETWORKS = {
    skaudio.BCResNetClassifier: architectures.bc_resnet,
    skaudio.CRNNClassifier: architectures.crnn,
    skaudio.ConvClassifier: architectures.convolutional,
    skaudio.DSCNNClassifier: architectures.ds_cnn,
    skaudio.GRUClassifier: architectures.recurrent,
    skaudio.LSTMClassifier: architectures.recurrent,
    skaudio.PerceptronClassifier: architectures.perceptron,
    skaudio.TCResNetClassifier: architectures.tc_resnet,
}


@pytest.mark.parametrize("classifier", NETWORKS, ids=lambda c: c.__name__)
def test_a_classifier_has_the_defaults_of_its_network(classifier):
    of_network = inspect.signature(NETWORKS[classifier]).parameters
    of_training = inspect.signature(BaseAudioClassifier).parameters
    for name, parameter in inspect.signature(classifier).parameters.items():
        if name not in of_training:
            assert parameter.default == of_network[name].default, name


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.__name__)
def test_constraints_name_every_parameter(estimator):
    assert set(estimator._parameter_constraints) == set(inspect.signature(estimator).parameters)
