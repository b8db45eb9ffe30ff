"""Pictures in scikit-learn's form."""

import matplotlib as mpl
import numpy as np
import pytest

from skaudio import MFCCDisplay, MFCCTransformer, PerceptronClassifier, TrainingHistoryDisplay

mpl.use("agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_mfcc_display_shows_time_upright(tones):
    clips, _ = tones
    transformer = MFCCTransformer(n_mfcc=13).fit(clips)
    display = MFCCDisplay.from_estimator(transformer, clips[0], label="high")
    shown = display.image_.get_array()
    np.testing.assert_array_equal(shown, transformer.transform(clips[:1])[0].T)
    assert display.image_.get_extent() == [0, pytest.approx(0.32), -0.5, 12.5]
    assert display.ax_.get_xlabel() == "time (s)"
    assert display.ax_.get_title() == "high"


def test_mfcc_display_draws_where_it_is_told():
    figure, ax = plt.subplots()
    display = MFCCDisplay(np.random.default_rng(0).normal(size=(5, 3))).plot(ax=ax, cmap="gray")
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert display.image_.get_cmap().name == "gray"
    assert ax.get_xlabel() == "frame"


def test_history_display_takes_classifiers_and_pipelines(sequences):
    classifier = PerceptronClassifier(epochs=3, early_stopping=True).fit(*sequences)
    display = TrainingHistoryDisplay.from_estimator(classifier, metric="loss")
    training, validation = display.lines_
    np.testing.assert_array_equal(training.get_ydata(), classifier.history_["loss"])
    np.testing.assert_array_equal(validation.get_ydata(), classifier.history_["val_loss"])
    np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3])
    assert display.ax_.get_title() == "PerceptronClassifier"


def test_history_display_refuses_what_has_no_history():
    with pytest.raises(ValueError, match="PerceptronClassifier has no history_"):
        TrainingHistoryDisplay.from_estimator(PerceptronClassifier())
    with pytest.raises(ValueError, match=r"no 'speed'; it has \['loss'\]"):
        TrainingHistoryDisplay({"loss": [1.0]}).plot(metric="speed")
