"""The literal line, and scikit-learn's own pipelines."""

import imblearn.pipeline
import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline as SklearnPipeline
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline, WaveformAugmenter


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


def test_bare_steps_may_be_set_and_searched(tones):
    clips, labels = tones
    model = _model().set_params(steps=[PCA(), LogisticRegression()], pca__n_components=3)
    assert list(model.named_steps) == ["pca", "logisticregression"]
    assert model["pca"].n_components == 3
    candidates = [[PCA(3), LogisticRegression()], [StandardScaler(), LogisticRegression()]]
    search = GridSearchCV(model, {"steps": candidates}, cv=2, error_score="raise")
    search.fit(clips, labels)
    names = [list(Pipeline(steps).named_steps) for steps in search.cv_results_["param_steps"]]
    assert names == [["pca", "logisticregression"], ["standardscaler", "logisticregression"]]
    model.steps = [PCA()]
    assert list(model.named_steps) == ["pca"]


@pytest.mark.parametrize("fitted", [False, True])
def test_steps_are_found_by_their_names_before_and_after_fit(fitted, tone_files):
    paths, labels, _ = tone_files
    bare = [MFCCTransformer(n_mfcc=13), PerceptronClassifier(epochs=1, random_state=0)]
    model = Pipeline(bare)
    if fitted:
        model.fit(paths, labels)
    assert [name for name, _ in model.steps] == ["mfcctransformer", "perceptronclassifier"]
    assert model["mfcctransformer"] is model.named_steps["mfcctransformer"] is model.steps[0][1]
    assert model.get_params(deep=False)["steps"] is model.steps
    assert list(vars(model)) == list(vars(SklearnPipeline(model.steps)))
    assert model.get_params()["perceptronclassifier__epochs"] == 1
    assert list(model[:-1].named_steps) == ["mfcctransformer"]
    assert "('mfcctransformer', MFCCTransformer(n_mfcc=13))" in repr(model)
    assert "PerceptronClassifier" in model._repr_html_()
    assert type(clone(model)) is Pipeline
    assert clone(model)[0].n_mfcc == 13
    search = GridSearchCV(model, {"mfcctransformer__n_mfcc": [5, 8]}, cv=2, error_score="raise")
    assert search.fit(paths, labels).best_estimator_["mfcctransformer"].n_mfcc in (5, 8)
    assert model.set_params(perceptronclassifier__dropout=0.5)[-1].dropout == 0.5
    assert len(bare) == 2
    assert all(isinstance(step, BaseEstimator) for step in bare)


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


def test_data_frames_between_the_other_steps(tones):
    clips, labels = tones
    steps = MFCCTransformer(n_mfcc=13), FunctionTransformer(_data_frame), StandardScaler(), PCA(3)
    with sklearn.config_context(transform_output="pandas"):
        model = Pipeline([WaveformAugmenter(), *steps, LogisticRegression()]).fit(clips, labels)
        assert model.score(clips, labels) == 1.0
        assert model[:-1].transform(clips).columns.tolist() == ["pca0", "pca1", "pca2"]


def _data_frame(features):
    return pd.DataFrame(features.mean(axis=1))


# Samplers -----------------------------------------------------------------------------------


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps what `fit` was given."""

    def fit(self, X, y, sample_weight=None, option=None):
        self.seen_ = {"n": len(X), "y": y, "sample_weight": sample_weight, "option": option}
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


def _augmented(*steps, pipeline=Pipeline, n_copies=1, **kwargs):
    augmenter = WaveformAugmenter(n_copies=n_copies, random_state=0)
    steps = steps or (MFCCTransformer(n_mfcc=13), Recorder())
    if pipeline is Pipeline:
        return Pipeline([augmenter, *steps], **kwargs)
    return imblearn.pipeline.make_pipeline(augmenter, *steps, **kwargs)


def _flatten(features):
    return features.reshape(len(features), -1)


def test_the_literal_line_with_augmentation(tone_files):
    paths, labels, _ = tone_files
    model = _augmented(MFCCTransformer(n_mfcc=13), PerceptronClassifier(epochs=5, random_state=0))
    assert next(iter(model.named_steps)) == "waveformaugmenter"
    assert model.fit(paths, labels).score(paths, labels) == 1.0
    assert len(model.predict_proba(paths)) == 30
    check_is_fitted(model)
    assert model.classes_.tolist() == ["high", "low"]


def test_agrees_with_imbalanced_learns(tone_files):
    paths, labels, _ = tone_files
    steps = MFCCTransformer(n_mfcc=13), FunctionTransformer(_flatten), LogisticRegression()
    ours, theirs = (
        _augmented(*map(clone, steps), pipeline=pipeline).fit(paths, labels)
        for pipeline in (Pipeline, imblearn.pipeline.Pipeline)
    )
    np.testing.assert_array_equal(ours.predict_proba(paths), theirs.predict_proba(paths))
    np.testing.assert_array_equal(
        ours[:-1].fit_transform(paths, labels), theirs[:-1].fit_transform(paths, labels)
    )


@pytest.mark.parametrize("off", ["passthrough", None])
def test_a_sampler_can_be_taken_out(off, tone_files):
    paths, labels, _ = tone_files
    model = _augmented().fit(paths, labels)
    assert model[-1].seen_["n"] == 60
    model.set_params(waveformaugmenter=off).fit(paths, labels)
    assert model[-1].seen_["n"] == 30


def test_slices_and_attributes_with_a_sampler(tones):
    clips, labels = tones
    model = _augmented().fit(clips, labels)
    assert model.n_features_in_ == 4800
    assert model[:-1].transform(clips).shape == (30, 33, 13)
    assert model[:-1].get_feature_names_out()[0] == "mfcc0"
    assert not hasattr(model[:1], "transform")
    assert not hasattr(model, "fit_predict")
    assert not hasattr(model, "fit_transform")
    assert model.set_output(transform="default") is model
    html = model._repr_html_()
    assert "WaveformAugmenter" in html
    assert "MFCCTransformer" in html
    assert clone(model).get_params()["waveformaugmenter__n_copies"] == 1


def test_fit_predict_is_for_what_was_fitted(tone_files):
    paths, _, _ = tone_files
    steps = MFCCTransformer(n_mfcc=13), FunctionTransformer(_flatten)
    model = _augmented(*steps, KMeans(2, n_init=1, random_state=0))
    assert len(model.fit_predict(paths)) == 60
    assert len(model.predict(paths)) == 30


def test_memory_finds_the_features_of_augmented_clips(tone_files, tmp_path):
    paths, labels, _ = tone_files
    memory = joblib.Memory(tmp_path, verbose=0)
    first = _augmented(memory=memory).fit(paths, labels)
    stored = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("output.pkl")}
    clone(first).fit(paths, labels)
    again = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("output.pkl")}
    assert stored == again != {}
    clone(first).set_params(waveformaugmenter__random_state=1).fit(paths, labels)
    assert len(list(tmp_path.rglob("output.pkl"))) == 2


@pytest.mark.parametrize("container", [list, np.asarray, pd.Series])
def test_what_is_given_clip_by_clip_follows_the_clips(container, tone_files):
    paths, labels, _ = tone_files
    weights = np.arange(30.0)
    model = _augmented(n_copies=2)
    model.fit(paths, labels, recorder__sample_weight=container(weights), recorder__option="x" * 30)
    seen = model[-1].seen_
    np.testing.assert_array_equal(seen["sample_weight"], np.tile(weights, 3))
    np.testing.assert_array_equal(seen["y"], np.tile(labels, 3))
    assert seen["option"] == "x" * 30


@pytest.mark.parametrize("option", [None, 3, {"a": 1}, np.float64(2), [1, 2], "text"])
def test_other_parameters_pass_as_they_are(option, tone_files):
    paths, labels, _ = tone_files
    assert _augmented().fit(paths, labels, recorder__option=option)[-1].seen_["option"] is option


def test_weights_follow_through_a_search(tone_files):
    paths, labels, _ = tone_files
    grid = {"waveformaugmenter__n_copies": [0, 2]}
    search = GridSearchCV(_augmented(), grid, cv=2, error_score="raise")
    search.fit(paths, labels, recorder__sample_weight=np.arange(30.0))
    seen = search.best_estimator_[-1].seen_
    n_copies = search.best_params_["waveformaugmenter__n_copies"]
    np.testing.assert_array_equal(seen["sample_weight"], np.tile(np.arange(30.0), 1 + n_copies))


def test_weights_follow_with_metadata_routing(tone_files):
    paths, labels, _ = tone_files
    with sklearn.config_context(enable_metadata_routing=True):
        recorder = Recorder().set_fit_request(sample_weight=True)
        model = _augmented(MFCCTransformer(n_mfcc=13), recorder)
        model.fit(paths, labels, sample_weight=np.arange(30.0))
        seen = model[-1].seen_["sample_weight"]
        np.testing.assert_array_equal(seen, np.tile(np.arange(30.0), 2))
        assert len(model.predict(paths)) == 30


def test_what_is_transformed_like_x_has_clips_of_its_own(tone_files):
    paths, labels, _ = tone_files
    with sklearn.config_context(enable_metadata_routing=True):
        recorder = Recorder().set_fit_request(option=True)
        model = _augmented(MFCCTransformer(n_mfcc=13), recorder, transform_input=["option"])
        model.fit(paths, labels, option=paths)
        assert model[-1].seen_["option"].shape == (30, 33, 13)


def test_a_sampler_gets_its_own_parameters_or_refuses_them(tone_files):
    paths, labels, _ = tone_files
    with pytest.raises(TypeError, match="unexpected keyword argument 'strength'"):
        _augmented().fit(paths, labels, waveformaugmenter__strength=3)


def test_other_samplers_work_and_weights_follow_if_they_can(sequences):
    features, labels = sequences
    X, keep = features[:, 0], np.r_[:25, 30:60]
    weights = np.arange(55.0)
    under = RandomUnderSampler(random_state=0)
    model = Pipeline([under, StandardScaler(), Recorder()])
    model.fit(X[keep], labels[keep], recorder__sample_weight=weights)
    chosen = under.sample_indices_
    assert len(chosen) < 55
    np.testing.assert_array_equal(model[-1].seen_["sample_weight"], weights[chosen])

    model = Pipeline([SMOTE(random_state=0), StandardScaler(), Recorder()])
    assert model.fit(X[keep], labels[keep])[-1].seen_["n"] == 60
    with pytest.raises(ValueError, match=r"'recorder__sample_weight'.*no sample_indices_"):
        model.fit(X[keep], labels[keep], recorder__sample_weight=weights)


def test_a_sampler_behind_a_transformer_is_refused(tone_files):
    paths, labels, _ = tone_files
    model = Pipeline([MFCCTransformer(), WaveformAugmenter(), PerceptronClassifier()])
    with pytest.raises(TypeError, match="'waveformaugmenter' comes after the transformer"):
        model.fit(paths, labels)


@pytest.mark.parametrize("before", [[], [MFCCTransformer()]])
def test_a_sampler_at_the_end_is_refused(before, tone_files):
    paths, labels, _ = tone_files
    model = Pipeline([*before, WaveformAugmenter()])
    with pytest.raises(TypeError, match="The sampler 'waveformaugmenter' is the last step"):
        model.fit(paths, labels)


def test_scikit_learns_own_pipeline_refuses_samplers(tone_files):
    paths, labels, _ = tone_files
    model = make_pipeline(WaveformAugmenter(), MFCCTransformer(), Recorder())
    with pytest.raises(TypeError, match="All intermediate steps should be transformers"):
        model.fit(paths, labels)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "empty|not enough values"),
        (3, "'steps' parameter"),
        ([("a__b", PCA()), ("c", PCA())], "__"),
    ],
)
def test_wrong_steps_are_scikit_learns_errors(steps, message):
    with pytest.raises(ValueError, match=message):
        Pipeline(steps).fit(np.ones((3, 3)))
