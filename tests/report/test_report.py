"""The page about a classifier, as a file and in a browser, and the model card."""

import os
import re

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skaudio import (
    MFCCTransformer,
    PerceptronClassifier,
    Pipeline,
    PrototypeClassifier,
    UnknownRejector,
)
from skaudio.datasets import check_clips
from skaudio.model_selection import Evaluation
from skaudio.report import describe, write_model_card, write_report
from skaudio.report._facts import accuracy_by_group, kept_share, reliability

# One process, which makes the page of these tests once.
pytestmark = pytest.mark.xdist_group("report")

FOLDS = 2


def averages(X):
    """Average over time."""
    return X.mean(axis=1)


@pytest.fixture(scope="module")
def clips(tone_files, tmp_path_factory):
    """The tones, with two wrong labels, and one file whose name is an attack on the page."""
    paths, labels, speakers = tone_files
    hostile = tmp_path_factory.mktemp("hostile") / "<script>alert(1)<script>.wav"
    samples, rate = soundfile.read(paths[0])
    soundfile.write(hostile, samples[::-1], rate)
    labels = np.array([*labels, "low"])
    labels[3], labels[20] = labels[20], labels[3]
    return [*paths, str(hostile)], labels, np.array([*speakers, 4])


@pytest.fixture(scope="module")
def pipeline(clips):
    classifier = PerceptronClassifier(epochs=20, learning_rate=0.02, random_state=0)
    return Pipeline([MFCCTransformer(n_mfcc=13), classifier]).fit(*clips[:2])


@pytest.fixture(scope="module")
def report(clips, pipeline, tmp_path_factory):
    """The path of the page, and the predictions that it is about."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    paths, labels, speakers = clips
    evaluation = write_report(pipeline, paths, labels, path, groups=speakers, cv=FOLDS)
    return path, evaluation


def test_the_page_stands_alone(report):
    page = report[0].read_text()
    addresses = re.findall(r"""(?:src|href)=["']([^"']*)""", page)
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert '<link rel="stylesheet' not in page
    assert "<script" not in page  # neither ours nor that of a file's name


def test_it_says_what_was_found(report, clips):
    path, evaluation = report
    page = path.read_text()
    assert f"{100 * evaluation.accuracy:.1f} %" in page
    assert f"cross-validated in {FOLDS} folds, split by group" in page
    assert page.count("<audio") == len(evaluation.mistakes) + 6  # three examples of a class
    for position in evaluation.mistakes:
        assert (
            clips[0][evaluation.indices[position]].replace("<", "&lt;").replace(">", "&gt;") in page
        )
    assert {3, 20} <= set(evaluation.indices[evaluation.mistakes])


def test_the_same_report_is_the_same_file(report, clips, pipeline, tmp_path):
    """But for the time that a clip takes."""
    paths, labels, _ = clips
    write_report(pipeline, paths, labels, tmp_path / "again.html", evaluation=report[1])
    pages = [
        re.sub(r"[\d.]+ ms", "", path.read_text()) for path in (report[0], tmp_path / "again.html")
    ]
    groups_differ = [re.sub(r", \d+ groups", "", page) for page in pages]
    assert groups_differ[0] == groups_differ[1]


def test_a_rejector_shows_its_threshold(clips, tmp_path):
    paths, labels, _ = clips
    model = make_pipeline(
        MFCCTransformer(n_mfcc=13),
        FunctionTransformer(averages),
        LogisticRegression(max_iter=10_000),
    )
    rejector = UnknownRejector(model, cv=2).fit(paths, labels)
    evaluation = Evaluation.from_estimator(rejector, paths, labels)
    write_report(rejector, paths, labels, tmp_path / "page.html", evaluation=evaluation)
    page = (tmp_path / "page.html").read_text()
    assert f"The threshold of this classifier is {rejector.threshold_:.3f}" in page


def test_a_threshold_of_another_score_is_not_shown(clips, tmp_path):
    paths, labels, _ = clips
    classifier = make_pipeline(
        MFCCTransformer(n_mfcc=13), FunctionTransformer(averages), PrototypeClassifier()
    )
    rejector = UnknownRejector(classifier, cv=2).fit(paths, labels)
    evaluation = Evaluation.from_estimator(rejector, paths, labels)
    write_report(rejector, paths, labels, tmp_path / "page.html", evaluation=evaluation)
    assert "The threshold of this" not in (tmp_path / "page.html").read_text()


@pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
def test_a_split_that_ignores_groups_is_not_called_one_by_group(clips, pipeline, tmp_path):
    cv = StratifiedKFold(2, shuffle=True, random_state=0)
    write_report(pipeline, *clips[:2], tmp_path / "page.html", groups=clips[2], cv=cv)
    page = (tmp_path / "page.html").read_text()
    assert "split by group" not in page
    assert "clips of other groups" not in page


def test_recordings_may_be_a_series(clips, pipeline, report, tmp_path):
    pandas = pytest.importorskip("pandas")
    paths = pandas.Series(clips[0], index=np.arange(len(clips[0]))[::-1] + 100)
    labels = pandas.Series(clips[1], index=paths.index)
    write_report(pipeline, paths, labels, tmp_path / "page.html", evaluation=report[1])
    for path in (report[0], tmp_path / "page.html"):
        assert path.read_text().count("<audio") == len(report[1].mistakes) + 6


def test_names_of_any_bytes_are_written(pipeline, tones, tmp_path):
    recordings, labels = list(tones[0]), tones[1]
    path = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    try:
        with open(path, "wb") as file:
            soundfile.write(file, recordings[0], 16000, format="WAV")
    except OSError:
        pytest.skip("this file system takes Unicode only")
    evaluation = Evaluation.from_estimator(pipeline, recordings, labels)
    recordings[0] = os.fsdecode(path)
    write_report(pipeline, recordings, labels, tmp_path / "page.html", evaluation=evaluation)
    assert r"caf\udce9.wav" in (tmp_path / "page.html").read_text()


def test_an_unreadable_recording_is_on_the_page(clips, pipeline, report, tmp_path):
    paths, labels, _ = clips
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    paths = [str(broken), *paths[1:]]
    check = check_clips(paths, labels)
    write_report(pipeline, paths, labels, tmp_path / "page.html", evaluation=report[1], check=check)
    assert f"Unreadable (1): {broken}" in (tmp_path / "page.html").read_text()


def test_an_unfitted_classifier_is_refused(clips, tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        write_report(PerceptronClassifier(), *clips[:2], tmp_path / "page.html")


# In a browser -----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_works_in_a_browser(browser, report, scheme, width):
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    messages = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: messages.append(request.url[:60]))
    page.goto(report[0].as_uri())
    loaded = [text for text in messages if not text.startswith(("data:", "file:", "blob:"))]
    assert loaded == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    durations = page.evaluate(
        """async () => Promise.all([...document.querySelectorAll("audio")].map(async audio => {
            await audio.play(); audio.pause(); return audio.duration; }))"""
    )
    assert durations == pytest.approx([0.3] * len(durations), abs=0.01)
    assert page.evaluate(
        """[...document.images].every(image => image.complete && image.naturalWidth > 5)"""
    )
    text, background = page.evaluate(
        """(() => { const style = getComputedStyle(document.body);
            return [style.color, style.backgroundColor]; })()"""
    )
    brightness = [sum(map(float, re.findall(r"[\d.]+", color)[:3])) for color in (text, background)]
    assert (brightness[0] < brightness[1]) == (scheme == "light")
    page.close()


# Numbers ----------------------------------------------------------------------------------


def test_a_calibrated_classifier_has_no_calibration_error():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1, size=20_000)
    evaluation = Evaluation(
        indices=np.arange(len(p)),
        y_true=np.where(rng.random(len(p)) < p, 1, 0),
        y_pred=np.ones(len(p), int),
        probabilities=np.stack([1 - p, p], axis=1),
        classes=np.array([0, 1]),
        folds=np.zeros(len(p), int),
        groups=np.arange(len(p)) % 3,
    )
    bins, error = reliability(evaluation)
    assert bins[:, 2].sum() == len(p)
    assert error < 0.01
    threshold, share, accuracy = kept_share(evaluation).T
    assert share[-1] == 1
    assert accuracy[-1] == pytest.approx(evaluation.accuracy)
    assert (np.diff(threshold) <= 0).all()
    groups = accuracy_by_group(evaluation)
    assert sorted(count for _, count, _ in groups) == [6666, 6667, 6667]
    shares = [share for _, _, share in groups]
    assert shares == sorted(shares)


def test_describe_finds_the_network_and_what_was_changed(pipeline):
    found = describe(pipeline)
    assert found["classes"] == ["high", "low"]
    assert found["n_weights"] == pipeline[-1].model_.count_params()
    parameters = found["parameters"]
    assert parameters["mfcctransformer__n_mfcc"] == "13"
    assert parameters["perceptronclassifier__random_state"] == "0"
    assert "mfcctransformer__fmin" not in parameters


def test_the_model_card_has_the_sections_and_metadata_of_the_hub(clips, pipeline, report, tmp_path):
    yaml = pytest.importorskip("yaml")
    paths, labels, speakers = clips
    write_model_card(
        pipeline,
        paths,
        tmp_path / "README.md",
        evaluation=report[1],
        check=check_clips(paths, labels, speakers),
        title='Tones: "high" and low',
        license="mit",
    )
    _, front, text = (tmp_path / "README.md").read_text().split("---\n", 2)
    metadata = yaml.safe_load(front)
    assert metadata["license"] == "mit"
    (result,) = metadata["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == pytest.approx(report[1].accuracy, abs=1e-4)
    assert metadata["model-index"][0]["name"] == 'Tones: "high" and low'
    for section in ("Model Details", "Uses", "Training Details", "Evaluation"):
        assert f"## {section}" in text
    assert "\n\n\n" not in text
    assert "unless a threshold" not in text


def test_labels_cannot_break_the_model_card(clips, tmp_path):
    paths, labels, _ = clips
    labels = np.where(labels == "low", "a|b <img src=x onerror=alert(1)>", labels)
    model = make_pipeline(
        MFCCTransformer(n_mfcc=13),
        FunctionTransformer(averages),
        LogisticRegression(max_iter=10_000),
    )
    rejector = UnknownRejector(model, cv=2).fit(paths, labels)
    write_model_card(
        rejector,
        paths,
        tmp_path / "README.md",
        evaluation=Evaluation.from_estimator(rejector, paths, labels),
        check=check_clips(paths, labels),
        title="plain",
    )
    text = (tmp_path / "README.md").read_text()
    assert "<img" not in text
    assert "| a\\|b &lt;img" in text
    assert "unless a threshold rejects it" in text
