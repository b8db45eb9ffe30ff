"""Keras' settings of the process are not those of skaudio's networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone

from skaudio import ConvClassifier, CRNNClassifier
from skaudio.classifiers import _graphs

CLASSIFIERS = [
    ConvClassifier(conv_dim=2, filters=(4,), epochs=2, random_state=0),
    CRNNClassifier(filters=(4,), units=4, bidirectional=False, epochs=2, random_state=0),
]


@pytest.fixture(params=["float64", "channels_first", "mixed_float16", "strategy"])
def setting(request):
    """One setting of the process, as its users make it."""
    before = keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy()
    if request.param == "float64":
        keras.config.set_floatx("float64")
    elif request.param == "channels_first":
        keras.config.set_image_data_format("channels_first")
    elif request.param == "mixed_float16":
        keras.config.set_dtype_policy("mixed_float16")
    if request.param == "strategy":
        with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
            yield request.param
    else:
        yield request.param
    keras.config.set_floatx(before[0])
    keras.config.set_image_data_format(before[1])
    keras.config.set_dtype_policy(before[2])


@pytest.fixture(scope="module")
def expected(sequences):
    return [clone(each).fit(*sequences).predict_proba(sequences[0]) for each in CLASSIFIERS]


def test_a_setting_changes_no_network(expected, setting, sequences, monkeypatch):
    X, y = sequences
    monkeypatch.setattr(_graphs, "_networks", type(_graphs._networks)())
    now = keras.config.floatx(), keras.config.image_data_format()
    for classifier, answers in zip(CLASSIFIERS, expected, strict=True):
        fitted = clone(classifier).fit(X, y)
        np.testing.assert_array_equal(fitted.predict_proba(X), answers)
        assert {weight.dtype for weight in fitted.model_.weights} == {"float32"}
    assert (keras.config.floatx(), keras.config.image_data_format()) == now
