"""Kept pipelines answer in a fresh process as they did here."""

import copy
import os
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skaudio import (
    BCResNetClassifier,
    ConvClassifier,
    CRNNClassifier,
    DSCNNClassifier,
    FeatureAugmentation,
    GRUClassifier,
    LSTMClassifier,
    MFCCTransformer,
    PerceptronClassifier,
    Pipeline,
    TCResNetClassifier,
)

IN_A_FRESH_PROCESS = """
import sys
import joblib
models, paths, labels = joblib.load(sys.argv[1])
answers = {}
for name, model in models.items():
    loaded = model.predict_proba(paths)
    answers[name] = loaded, model.fit(paths, labels).predict_proba(paths)
joblib.dump(answers, sys.argv[2])
"""

SEARCHED = {"perceptronclassifier__dropout": [0.0, 0.5]}
CLASSIFIERS = {
    "perceptron": PerceptronClassifier(epochs=2, random_state=0),
    "default": ConvClassifier(epochs=2, random_state=0),
    "options": ConvClassifier(
        filters=(4,),
        conv_dropout=0.2,
        augmentation=FeatureAugmentation(noise_std=1.5, mixup=0.2),
        optimizer="sgd",
        learning_rate_schedule="constant",
        early_stopping=True,
        epochs=2,
        random_state=0,
    ),
    "2-D": ConvClassifier(conv_dim=2, filters=(4,), dense_units=8, epochs=2, random_state=0),
    "LSTM": LSTMClassifier(units=4, epochs=2, random_state=0),
    "GRU": GRUClassifier(units=4, n_layers=2, bidirectional=False, epochs=2, random_state=0),
    "BC-ResNet": BCResNetClassifier(depth_multiplier=0.25, epochs=2, random_state=0),
    "CRNN": CRNNClassifier(filters=4, units=4, epochs=2, random_state=0),
    "DS-CNN": DSCNNClassifier(depth_multiplier=0.5, epochs=2, random_state=0),
    "TC-ResNet": TCResNetClassifier(width_multiplier=0.5, epochs=2, random_state=0),
}


@pytest.fixture(scope="module")
def fitted(tone_files):
    """Pipelines and a search, fitted, with their probabilities."""
    paths, labels, _ = tone_files
    models = {
        name: Pipeline([MFCCTransformer(n_mfcc=13, hop_length=320), classifier])
        for name, classifier in CLASSIFIERS.items()
    }
    models["search"] = GridSearchCV(clone(models["perceptron"]), SEARCHED, cv=3)
    return {
        name: (model.fit(paths, labels), model.predict_proba(paths))
        for name, model in models.items()
    }


@pytest.fixture(scope="module")
def answers_elsewhere(fitted, tone_files, tmp_path_factory):
    """Probabilities after loading in a fresh process, and after fitting again there."""
    paths, labels, _ = tone_files
    files = [str(tmp_path_factory.mktemp("models") / name) for name in ("models", "answers")]
    joblib.dump(({name: model for name, (model, _) in fitted.items()}, paths, labels), files[0])
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", IN_A_FRESH_PROCESS, *files],
        env={name: value for name, value in os.environ.items() if not name.startswith("TF_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return joblib.load(files[1])


@pytest.mark.xdist_group("persistence")
@pytest.mark.parametrize("name", [*CLASSIFIERS, "search"])
def test_survives_bit_for_bit(name, fitted, answers_elsewhere, tone_files):
    paths, _, _ = tone_files
    model, expected = fitted[name]
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.predict_proba(paths), expected)
    loaded, refitted = answers_elsewhere[name]
    np.testing.assert_array_equal(loaded, expected)
    np.testing.assert_array_equal(refitted, expected)
    np.testing.assert_array_equal(model.predict_proba(paths), expected)


def test_partial_fit_goes_on_after_loading(sequences):
    X, y = sequences
    here = PerceptronClassifier(random_state=0)
    here.partial_fit(X, y)
    there = pickle.loads(pickle.dumps(here))
    np.testing.assert_allclose(
        there.partial_fit(X, y).predict_proba(X), here.partial_fit(X, y).predict_proba(X), atol=1e-6
    )


def test_an_unfitted_estimator_survives():
    model = copy.deepcopy(pickle.loads(pickle.dumps(ConvClassifier(dropout=0.7))))
    assert model.dropout == 0.7


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras'
def test_a_saved_keras_model_loads_elsewhere_without_a_warning(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 20, 4)).astype(np.float32)
    classifier = ConvClassifier(filters=8, epochs=1, random_state=0).fit(X, ["a", "b"] * 10)
    classifier.model_.save(tmp_path / "model.keras")
    np.save(tmp_path / "features.npy", X)
    code = (
        "import sys, skaudio; from skaudio._tensorflow import keras; import numpy as np;"
        "model = keras.models.load_model(sys.argv[1]); X = np.load(sys.argv[2]);"
        "np.save(sys.argv[3], model(X)); model.evaluate(X, np.eye(2)[np.arange(20) % 2], verbose=0)"
    )
    files = [str(tmp_path / name) for name in ("model.keras", "features.npy", "found.npy")]
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code, *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    np.testing.assert_allclose(np.load(files[2]), classifier.predict_proba(X), atol=1e-6)
