"""Pictures in scikit-learn's form."""

import warnings

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skaudio import (
    DetectionDisplay,
    DetectionErrorTradeoffDisplay,
    MFCCDisplay,
    MFCCTransformer,
    PerceptronClassifier,
    SearchResultsDisplay,
    TrainingHistoryDisplay,
)
from skaudio import (
    Pipeline as NamingPipeline,
)

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


def test_history_display_takes_searches(sequences):
    classifier = PerceptronClassifier(epochs=2, random_state=0)
    search = GridSearchCV(classifier, {"dropout": [0.0, 0.5]}, cv=2).fit(*sequences)
    display = TrainingHistoryDisplay.from_estimator(search)
    assert display.history == search.best_estimator_.history_
    assert display.ax_.get_title() == "PerceptronClassifier"


def test_history_display_refuses_what_has_no_history():
    with pytest.raises(ValueError, match="PerceptronClassifier has no history_"):
        TrainingHistoryDisplay.from_estimator(PerceptronClassifier())
    with pytest.raises(ValueError, match=r"no 'speed'; it has \['loss'\]"):
        TrainingHistoryDisplay({"loss": [1.0]}).plot(metric="speed")


class ConvClassifier:
    """What a fitted classifier has that is drawn."""

    def __init__(self, **history):
        self.history_ = history


class LSTMClassifier(ConvClassifier):
    pass


def _legend(ax):
    legend = ax.get_legend()
    return None if legend is None else [text.get_text() for text in legend.get_texts()]


def test_runs_of_a_list_are_named_after_their_classes():
    runs = [
        ConvClassifier(loss=[3.0, 2.0], val_loss=[3.5, 3.0]),
        Pipeline([("classifier", LSTMClassifier(loss=[2.0]))]),
        ConvClassifier(loss=[1.0, 0.5, 0.2]),
    ]
    display = TrainingHistoryDisplay.from_estimators(runs, metric="loss", lw=4)
    names = ["ConvClassifier 1", "LSTMClassifier", "ConvClassifier 2"]
    assert _legend(display.ax_) == [*names, "validation"]
    assert [list(line.get_ydata()) for line in display.lines_] == [
        [3.0, 2.0],
        [3.5, 3.0],
        [2.0],
        [1.0, 0.5, 0.2],
    ]
    colors = [line.get_color() for line in display.lines_]
    assert colors == ["C0", "C0", "C1", "C2"]
    assert [line.get_linestyle() for line in display.lines_] == ["-", "--", "-", "-"]
    assert {line.get_linewidth() for line in display.lines_} == {4}
    assert display.mean_lines_ == []
    assert display.ax_.get_ylabel() == "loss"


@pytest.mark.parametrize(("n_runs", "has_legend"), [(8, True), (9, False)])
def test_runs_of_a_dict_have_its_names_and_no_long_legend(n_runs, has_legend):
    runs = {index: ConvClassifier(accuracy=[0.1, 0.2]) for index in range(n_runs)}
    display = TrainingHistoryDisplay.from_estimators(runs)
    assert len(display.lines_) == n_runs
    assert _legend(display.ax_) == ([str(index) for index in runs] if has_legend else None)


def test_folds_have_a_bold_mean_as_far_as_all_go():
    folds = [
        ConvClassifier(accuracy=[0.2, 0.4, 0.6], val_accuracy=[0.1, 0.2, 0.3]),
        ConvClassifier(accuracy=[0.4, 0.8], val_accuracy=[0.3, 0.4]),
    ]
    display = TrainingHistoryDisplay.from_cv_results({"estimator": folds, "test_score": [1, 1]})
    training, validation = display.mean_lines_
    np.testing.assert_allclose(training.get_ydata(), [0.3, 0.6])
    np.testing.assert_allclose(validation.get_ydata(), [0.2, 0.3])
    np.testing.assert_array_equal(training.get_xdata(), [1, 2])
    assert [len(line.get_ydata()) for line in display.lines_] == [3, 3, 2, 2]
    assert training.get_linewidth() > display.lines_[0].get_linewidth()
    assert training.get_color() == display.lines_[0].get_color() != validation.get_color()
    assert _legend(display.ax_) == ["training (mean of 2 folds)", "validation (mean of 2 folds)"]
    assert display.ax_.get_title() == "ConvClassifier"


def test_folds_of_a_cross_validation(sequences):
    model = Pipeline([("classifier", PerceptronClassifier(epochs=2, random_state=0))])
    results = cross_validate(model, *sequences, cv=2, return_estimator=True)
    display = TrainingHistoryDisplay.from_cv_results(results, metric="loss")
    losses = [estimator[-1].history_["loss"] for estimator in results["estimator"]]
    np.testing.assert_allclose(display.mean_lines_[0].get_ydata(), np.mean(losses, axis=0))
    assert display.ax_.get_title() == "PerceptronClassifier"


def test_history_display_says_what_several_runs_need():
    run = ConvClassifier(accuracy=[0.5])
    run.fit = None
    with pytest.raises(ValueError, match=r"one ConvClassifier.*use from_estimator\."):
        TrainingHistoryDisplay.from_estimators(run)
    with pytest.raises(ValueError, match="GaussianNB has no history_"):
        TrainingHistoryDisplay.from_estimators([run, GaussianNB()])
    with pytest.raises(ValueError, match=r"\['test_score'\].*Pass return_estimator=True"):
        TrainingHistoryDisplay.from_cv_results({"test_score": [1.0]})
    with pytest.raises(ValueError, match="cv_results is a list"):
        TrainingHistoryDisplay.from_cv_results([run])
    with pytest.raises(ValueError, match="1 names and 2 histories"):
        TrainingHistoryDisplay([run.history_] * 2, name=["one"]).plot()
    with pytest.raises(ValueError, match="at least one"):
        TrainingHistoryDisplay.from_estimators([])
    with pytest.raises(ValueError, match="no 'loss'"):
        TrainingHistoryDisplay([run.history_] * 2).plot(metric="loss")


@pytest.fixture(scope="module")
def data():
    return make_classification(90, n_informative=5, flip_y=0.2, random_state=0)


@pytest.fixture(scope="module")
def grid(data):
    tree = DecisionTreeClassifier(random_state=0)
    params = {"max_depth": [1, 2, 4, 8], "criterion": ["gini", "entropy"], "splitter": ["best"]}
    return GridSearchCV(tree, params, cv=3).fit(*data)


def _ticks(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def test_each_varied_parameter_has_a_panel(grid):
    display = SearchResultsDisplay.from_search(grid, name="A tree")
    criterion, depth = display.axes_
    assert [ax.get_xlabel() for ax in display.axes_] == ["criterion", "max_depth"]
    assert [ax.get_ylabel() for ax in display.axes_] == ["mean test score", ""]
    assert display.figure_.get_suptitle() == "A tree"
    assert _ticks(criterion.xaxis) == ["gini", "entropy"]
    assert (criterion.get_xscale(), depth.get_xscale()) == ("linear", "log")
    assert _ticks(depth.xaxis) == ["1", "2", "4", "8"]
    assert display.n_left_out_ == 0
    assert _legend(criterion) is None


def test_points_are_candidates_and_marks_their_means_and_spreads(grid):
    display = SearchResultsDisplay.from_search(grid, params="max_depth")
    results = grid.cv_results_
    points = display.points_[0].get_offsets()
    np.testing.assert_allclose(points[:, 0], results["param_max_depth"].astype(float))
    np.testing.assert_allclose(points[:, 1], results["mean_test_score"])

    line, _, (bars,) = display.means_[0]
    assert list(line.get_xdata()) == [1, 2, 4, 8]
    assert line.get_linestyle() == "-"
    folds = np.array([results[f"split{fold}_test_score"] for fold in range(3)])
    for depth, mean, bar in zip([1, 2, 4, 8], line.get_ydata(), bars.get_segments(), strict=True):
        of_folds = folds[:, results["param_max_depth"] == depth].mean(axis=1)
        assert mean == pytest.approx(of_folds.mean())
        np.testing.assert_allclose(bar[:, 1], [mean - of_folds.std(), mean + of_folds.std()])


def test_a_metric_without_folds_has_no_bars(grid):
    display = SearchResultsDisplay.from_search(grid, metric="mean_fit_time", params="criterion")
    assert not display.means_[0].has_yerr
    assert display.axes_[0].get_ylabel() == "mean fit time"


def test_a_search_of_several_metrics(data):
    search = GridSearchCV(
        GaussianNB(), {"var_smoothing": [0.1, 1]}, cv=2, scoring=["f1", "recall"], refit=False
    ).fit(*data)
    with pytest.raises(ValueError, match=r"'mean_test_score': expected .*'mean_test_f1'"):
        SearchResultsDisplay.from_search(search)
    display = SearchResultsDisplay.from_search(search, metric="mean_test_f1")
    np.testing.assert_allclose(
        display.points_[0].get_offsets()[:, 1], search.cv_results_["mean_test_f1"]
    )
    assert display.means_[0].has_yerr


@pytest.mark.parametrize(
    ("values", "scale", "labels"),
    [
        ([0.1, 0.2, 0.3], "linear", ["0.1", "0.2", "0.3"]),
        ([13, 40], "linear", ["13", "40"]),
        ([1e-4, 1e-3, 1e-2], "log", ["0.0001", "0.001", "0.01"]),
        ([16, 1, 4], "log", ["1", "4", "16"]),
        ([0, 1, 1000], "even", ["0", "1", "1000"]),
        ([None, 3, 1], "category", ["None", "3", "1"]),
        ([np.True_, np.False_], "category", ["True", "False"]),
        ([(16,), (16, 32)], "category", ["(16,)", "(16, 32)"]),
        ([[1], [2]], "category", ["[1]", "[2]"]),
        ([np.mean, np.float64], "category", ["mean", "float64"]),
        (["a" * 50, "b"], "category", ["a" * 18 + "...", "b"]),
        ([object(), object()], "category", ["object 1", "object 2"]),
    ],
)
def test_values_have_a_scale_and_short_names(values, scale, labels):
    column = np.ma.masked_all(len(values), dtype=object)
    for index, value in enumerate(values):
        column[index] = value
    results = {
        "params": [{"p": value} for value in values],
        "param_p": column,
        "mean_test_score": np.linspace(0.5, 0.9, len(values)),
    }
    ax = SearchResultsDisplay(results).plot().axes_[0]
    assert _ticks(ax.xaxis) == labels
    assert ax.get_xscale() == ("log" if scale == "log" else "linear")
    if scale in ("even", "category"):
        assert list(ax.get_xticks()) == list(range(len(values)))


def test_random_numbers_have_an_axis_of_their_own_and_no_line(data):
    rng = np.random.default_rng(0)
    distributions = {"C": list(10 ** rng.uniform(-4, 2, 50)), "tol": list(rng.uniform(0, 1, 50))}
    search = RandomizedSearchCV(
        LogisticRegression(), distributions, n_iter=12, cv=2, random_state=0
    ).fit(*data)
    display = SearchResultsDisplay.from_search(search, params=["C", "tol"])
    assert [ax.get_xscale() for ax in display.axes_] == ["log", "linear"]
    assert {container[0].get_linestyle() for container in display.means_} == {"None"}
    display.plot(kind="map")
    np.testing.assert_allclose(
        display.image_.get_offsets(),
        np.transpose([search.cv_results_["param_C"], search.cv_results_["param_tol"]]).astype(
            float
        ),
    )
    np.testing.assert_allclose(display.image_.get_array(), search.cv_results_["mean_test_score"])


@pytest.fixture(scope="module")
def lists(data):
    """Two grids with different parameters; the fits with a smoothing below zero fail."""
    model = Pipeline([("features", StandardScaler()), ("classifier", GaussianNB())])
    params = [
        {
            "features": [StandardScaler(), MinMaxScaler((0, 1)), MinMaxScaler((0, 2))],
            "classifier": [GaussianNB()],
            "classifier__var_smoothing": [1e-9, -1.0],
        },
        {"classifier": [GaussianNB(), DecisionTreeClassifier(random_state=0)]},
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        warnings.simplefilter("ignore", UserWarning)
        return GridSearchCV(model, params, cv=2).fit(*data)


def test_estimators_are_named_after_their_class(lists):
    display = SearchResultsDisplay.from_search(lists, params=["classifier", "features"])
    classifier, features = display.axes_
    # The classifiers of both grids are alike.
    assert _ticks(classifier.xaxis) == ["GaussianNB", "DecisionTreeClassifier"]
    assert _ticks(features.xaxis) == ["StandardScaler", "MinMaxScaler 1", "MinMaxScaler 2"]
    # Candidates of the other grid have no such parameter.
    assert [len(points.get_offsets()) for points in display.points_] == [5, 3]


def test_failed_candidates_are_left_out_and_counted(lists):
    display = SearchResultsDisplay.from_search(lists)
    assert display.n_left_out_ == 3
    assert display.figure_.get_suptitle() == "Without a score: 3 of 8 candidates"
    for kind in ("map", "time"):
        shown = SearchResultsDisplay.from_search(
            lists, params=["classifier", "features"], kind=kind, name="Mine"
        )
        assert shown.axes_[0].get_title() == "Mine\nWithout a score: 3 of 8 candidates"


def test_a_map_has_the_mean_score_of_each_pair(grid):
    display = SearchResultsDisplay.from_search(grid, params=["max_depth", "criterion"], kind="map")
    results, (ax,) = grid.cv_results_, display.axes_
    cells = display.image_.get_array()
    assert cells.shape == (2, 4)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("max_depth", "criterion")
    assert _ticks(ax.xaxis) == ["1", "2", "4", "8"]
    assert _ticks(ax.yaxis) == ["gini", "entropy"]
    of_pair = (results["param_max_depth"] == 4) & (results["param_criterion"] == "entropy")
    assert cells[1, 2] == pytest.approx(results["mean_test_score"][of_pair].mean())
    assert ax.texts[6].get_text() == f"{cells[1, 2]:.3f}"
    assert display.points_ == display.means_ == []


def test_pairs_without_a_candidate_stay_empty(lists):
    display = SearchResultsDisplay.from_search(lists, params=["classifier", "features"], kind="map")
    np.testing.assert_array_equal(
        np.ma.getmaskarray(display.image_.get_array()), [[False, True]] * 3
    )
    assert len(display.axes_[0].texts) == 3


def test_time_is_drawn_in_seconds(grid):
    display = SearchResultsDisplay.from_search(grid, kind="time")
    np.testing.assert_allclose(
        display.points_[0].get_offsets(),
        np.transpose([grid.cv_results_[f"mean_{key}"] for key in ("fit_time", "test_score")]),
    )
    assert display.axes_[0].get_xlabel() == "mean fit time (s)"
    assert _legend(display.axes_[0]) is None


def test_time_has_a_colour_for_each_value_of_one_parameter(grid, lists):
    display = SearchResultsDisplay.from_search(grid, kind="time", params="max_depth")
    (ax,) = display.axes_
    assert _legend(ax) == ["1", "2", "4", "8"]
    assert ax.get_legend().get_title().get_text() == "max_depth"
    assert [len(points.get_offsets()) for points in display.points_] == [2, 2, 2, 2]
    ax = SearchResultsDisplay.from_search(lists, kind="time", params="features").axes_[0]
    assert _legend(ax)[-1] == "(not set)"


def test_iterations_of_a_halving_search_are_apart(data):
    search = HalvingGridSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": [1, 2, 3, 4, 5, 6], "splitter": ["best", "random"]},
        cv=2,
        min_resources=20,
        random_state=0,
    ).fit(*data)
    results = search.cv_results_
    assert search.n_candidates_ == [12, 4]
    display = SearchResultsDisplay.from_search(search)
    assert _legend(display.axes_[0]) == ["n_resources = 20", "n_resources = 60"]
    assert [len(points.get_offsets()) for points in display.points_] == [12, 4, 12, 4]
    first = display.means_[0][0]
    expected = results["mean_test_score"][:12][results["param_max_depth"][:12] == 1].mean()
    assert first.get_ydata()[0] == pytest.approx(expected)

    display.plot(kind="time")
    assert _legend(display.axes_[0]) == ["n_resources = 20", "n_resources = 60"]

    cells = display.plot(kind="map").image_.get_array()
    last = results["params"][-1]
    row = ["best", "random"].index(last["splitter"])
    assert cells[row, last["max_depth"] - 1] == pytest.approx(results["mean_test_score"][-1])


def test_search_display_draws_where_it_is_told(grid):
    figure, axes = plt.subplots(1, 2)
    display = SearchResultsDisplay.from_search(grid, ax=axes, name="A tree")
    assert list(display.axes_) == list(axes)
    assert display.figure_ is figure
    assert axes[0].get_title() == "A tree"
    for kind in ("params", "time"):
        display = SearchResultsDisplay.from_search(grid, params="max_depth", kind=kind, ax=axes[1])
        assert list(display.axes_) == [axes[1]]
    with pytest.raises(ValueError, match="ax has 1 axes: expected 2"):
        SearchResultsDisplay.from_search(grid, ax=axes[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "heat"}, r"kind is 'heat': expected one of \['params', 'map', 'time'\]"),
        ({"metric": "accuracy"}, "metric is 'accuracy': expected one of .*'mean_test_score'"),
        ({"params": ["depth"]}, r"params has \['depth'\].*'max_depth'"),
        ({"params": []}, "params has no name"),
        ({"params": "max_depth", "kind": "map"}, r"two parameters, got \['max_depth'\]"),
    ],
)
def test_search_display_says_what_was_expected(grid, arguments, message):
    with pytest.raises(ValueError, match=message):
        SearchResultsDisplay.from_search(grid, **arguments)


def test_search_display_refuses_what_has_no_results(data):
    with pytest.raises(NotFittedError, match=r"GridSearchCV is not fitted.*Call fit first"):
        SearchResultsDisplay.from_search(GridSearchCV(GaussianNB(), {}))
    with pytest.raises(ValueError, match="GaussianNB has no cv_results_: expected a fitted search"):
        SearchResultsDisplay.from_search(GaussianNB())
    with pytest.raises(ValueError, match="cv_results is a list"):
        SearchResultsDisplay([]).plot()
    single = GridSearchCV(GaussianNB(), {"var_smoothing": [0.1]}, cv=2).fit(*data)
    with pytest.raises(ValueError, match=r"No parameter has more than one value.*var_smoothing"):
        SearchResultsDisplay.from_search(single)
    assert len(SearchResultsDisplay.from_search(single, params="var_smoothing").axes_) == 1
    failed = {**single.cv_results_, "mean_test_score": [np.nan]}
    with pytest.raises(ValueError, match=r"None of the 1 candidates.*error_score"):
        SearchResultsDisplay(failed).plot()


@pytest.fixture(scope="module")
def detector(tones):
    from skaudio.detection import SoundDetector

    pipeline = NamingPipeline([MFCCTransformer(), PerceptronClassifier(random_state=0)])
    return SoundDetector(pipeline.fit(*tones), hop=0.05)


@pytest.fixture(scope="module")
def scene(tones):
    from skaudio.datasets import make_soundscape

    return make_soundscape(*tones, duration=20, events_per_hour=1800, snr_db=30, random_state=0)


def test_a_detection_display_has_a_panel_for_each_view(detector, scene):
    display = DetectionDisplay.from_detector(detector, scene.data, events=scene.events)
    assert len(display.axes_) == 4
    assert [ax.get_xlim() for ax in display.axes_] == [(0, 20)] * 4
    scores = display.axes_[2].get_lines()
    np.testing.assert_array_equal(
        scores[0].get_ydata(), detector.score_windows(scene.data).values[:, 0]
    )
    frames = [path for bars in display.axes_[3].collections for path in bars.get_paths()]
    assert len(frames) == len(scene.events) + len(display.found)
    assert len(DetectionDisplay.from_detector(detector, scene.data).axes_) == 3


def test_a_part_of_a_recording_has_its_own_times(detector, scene):
    display = DetectionDisplay.from_detector(
        detector, scene.data, events=scene.events, start=5, stop=12
    )
    assert display.axes_[-1].get_xlim() == (5, 12)
    assert len(display.samples) == 7 * 16000
    n_inside = sum(event.end > 5 and event.start < 12 for event in scene.events)
    assert len(display.true) == n_inside
    np.testing.assert_allclose(display.axes_[2].get_lines()[0].get_xdata()[0], 5.16)


def test_silence_can_be_drawn(detector):
    DetectionDisplay.from_detector(detector, np.zeros(16000)).figure_.canvas.draw()


def test_a_tradeoff_display_marks_the_thresholds(detector, scene):
    from skaudio.detection import score_events

    display = DetectionErrorTradeoffDisplay.from_detector(detector, [scene.data], [scene.events])
    assert [line.get_label() for line in display.lines_] == ["high", "low"]
    found = score_events([scene.events], [detector.detect(scene.data)], duration=20)
    points = [line for line in display.ax_.get_lines() if line.get_marker() == "o"]
    for point, row in zip(points, found.labels, strict=True):
        expected = [[row.false_per_hour], [1 - row.recall]]
        np.testing.assert_allclose(point.get_data(), expected)
    assert display.ax_.get_xscale() == "symlog"
