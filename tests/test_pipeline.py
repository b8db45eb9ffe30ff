"""The literal line, and scikit-learn's own pipelines."""

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline as SklearnPipeline
from sklearn.pipeline import make_pipeline

from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline


def _model(pipeline=Pipeline, **kwargs):
    steps = [MFCCTransformer(n_mfcc=13), PerceptronClassifier(epochs=5, random_state=0)]
    if pipeline is Pipeline:
        return Pipeline(steps, **kwargs)
    return make_pipeline(*steps, **kwargs)


def test_bare_steps_are_named_as_make_pipeline_names_them():
    assert list(_model().named_steps) == list(_model(make_pipeline).named_steps)
    twice = Pipeline([PCA(), PCA(), ("last", PerceptronClassifier())])
    assert list(twice.named_steps) == ["pca-1", "pca-2", "last"]


def test_named_steps_stay_as_they_are():
    steps = [("mfcc", MFCCTransformer()), ("clf", PerceptronClassifier())]
    assert Pipeline(steps).steps is steps


def test_fits_paths_and_labels_literally(tone_files):
    paths, labels, _ = tone_files
    model = _model().fit(paths, labels)
    assert model.score(paths, labels) == 1.0
    assert model.predict(paths[:1]).tolist() == ["high"]
    assert model.classes_.tolist() == ["high", "low"]


def test_agrees_with_scikit_learns_own(tone_files):
    paths, labels, _ = tone_files
    expected = _model(make_pipeline).fit(paths, labels).predict_proba(paths)
    np.testing.assert_array_equal(_model().fit(paths, labels).predict_proba(paths), expected)


def test_clone_set_params_and_html():
    model = clone(_model())
    assert isinstance(model, Pipeline)
    assert isinstance(model, SklearnPipeline)
    model.set_params(mfcctransformer__n_mfcc=20, perceptronclassifier__dropout=0.1)
    assert model[0].n_mfcc == 20
    assert clone(model).get_params()["perceptronclassifier__dropout"] == 0.1
    html = model._repr_html_()
    assert "MFCCTransformer" in html
    assert "PerceptronClassifier" in html


def test_a_misspelt_step_parameter_is_refused():
    with pytest.raises(ValueError, match="Invalid parameter 'n_mfccs'"):
        _model().set_params(mfcctransformer__n_mfccs=3)


def test_memory_keeps_the_fitted_transformer(tone_files, tmp_path):
    paths, labels, _ = tone_files
    model = _model(memory=joblib.Memory(tmp_path, verbose=0))
    expected = _model().fit(paths, labels).predict_proba(paths)
    np.testing.assert_array_equal(model.fit(paths, labels).predict_proba(paths), expected)
    again = clone(model).fit(paths, labels)
    np.testing.assert_array_equal(again.predict_proba(paths), expected)
    assert list(tmp_path.rglob("output.pkl"))


def test_labels_of_another_length_are_found_first(tone_files):
    paths, labels, _ = tone_files
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[30, 29\]"):
        _model().fit(paths, labels[:-1])
