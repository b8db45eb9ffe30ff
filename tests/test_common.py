"""scikit-learn's own checks, run for real on every classifier."""

import keras
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skaudio import (
    BCResNetClassifier,
    ConvClassifier,
    CRNNClassifier,
    DSCNNClassifier,
    GRUClassifier,
    KerasNetworkClassifier,
    LSTMClassifier,
    PerceptronClassifier,
    TCResNetClassifier,
)
from skaudio.classifiers import _graphs


class SmallNetwork:
    """A callable whose name is the same in every process, as the tests' names must be."""

    def __call__(self, input_shape, n_classes, units=8):
        layers = keras.layers
        hidden = [layers.Flatten(), layers.Dense(units, "relu"), layers.Dense(n_classes, "softmax")]
        return keras.Sequential([keras.Input(input_shape), *hidden])

    def __repr__(self):
        return "small_network"


# Small and quick: most of the time goes into compiling networks.
QUICK = {"epochs": 8, "batch_size": 32, "learning_rate": 0.05}
CLASSIFIERS = [
    PerceptronClassifier(**{**QUICK, "learning_rate": 0.1, "dropout": 0.0}),
    ConvClassifier(filters=(16,), **{**QUICK, "learning_rate": 0.02, "epochs": 10}),
    LSTMClassifier(units=8, bidirectional=False, **QUICK),
    GRUClassifier(units=8, bidirectional=False, **QUICK),
    CRNNClassifier(filters=(4,), time_stride=1, units=8, bidirectional=False, **QUICK),
    DSCNNClassifier(
        width_multiplier=0.25,
        depth_multiplier=0.25,
        time_stride=1,
        coefficient_stride=1,
        dropout=0.0,
        **{**QUICK, "learning_rate": 0.02, "epochs": 10},
    ),
    TCResNetClassifier(width_multiplier=0.5, dropout=0.0, **{**QUICK, "learning_rate": 0.02}),
    BCResNetClassifier(depth_multiplier=0.25, conv_dropout=0.0, **{**QUICK, "learning_rate": 0.02}),
    KerasNetworkClassifier(SmallNetwork(), {"units": 8}, **QUICK),
]

FLOAT32 = (
    "networks compute in float32, where the last bit depends on a clip's place in its batch; the "
    "check asks for the agreement of float64 (it may pass)"
)
EXPECTED_FAILED_CHECKS = {
    "check_mixin_order": (
        "SciKeras derives KerasClassifier from its base class before ClassifierMixin; what the "
        "order is for, the tags, skaudio restores"
    ),
    "check_estimator_tags_renamed": (
        "SciKeras' base class keeps _more_tags for scikit-learn before 1.6"
    ),
    "check_sample_weight_equivalence_on_dense_data": (
        "training draws random batches: a clip given twice and a clip of weight two meet other "
        "batches, as in scikit-learn's own SGD and MLP estimators"
    ),
    "check_methods_sample_order_invariance": FLOAT32,
    "check_methods_subset_invariance": FLOAT32,
}


@pytest.fixture(autouse=True)
def _all_networks_are_kept(monkeypatch):
    """Compile a network once for all checks with data of the same shape."""
    monkeypatch.setattr(_graphs, "_KEPT_NETWORKS", 100)


@pytest.mark.slow
@parametrize_with_checks(
    CLASSIFIERS, expected_failed_checks=lambda estimator: EXPECTED_FAILED_CHECKS
)
def test_scikit_learn_conformance(estimator, check):
    check(estimator)
