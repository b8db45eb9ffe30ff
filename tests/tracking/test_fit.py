"""What is recorded, as plain data."""

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudio import PerceptronClassifier, UnknownRejector
from skaudio.tracking._fit import confusion_figure, cv_table, described, texts

X = np.random.default_rng(0).normal(size=(20, 6, 3))
Y = np.repeat(["cat", "dog"], 10)
CLASSIFIER = PerceptronClassifier(epochs=2, augmentation=None, random_state=0)


def test_a_fit_is_described():
    fitted = CLASSIFIER.fit(X, Y)
    fit = described(fitted, X, Y, fitted.predict(X), {"accuracy": 0.5})
    assert fit.name == "PerceptronClassifier"
    assert fit.params["epochs"] == "2"
    assert fit.params["learning_rate"] == "0.003"  # a default
    assert fit.curves["history/loss"] == fitted.history_["loss"]
    assert fit.labels == ["cat", "dog"]
    assert fit.confusion.sum() == fit.n_held_out == 20
    assert np.trace(fit.confusion) == (fitted.predict(X) == Y).sum()
    assert "precision" in fit.report


def test_a_fold_has_the_same_name_for_all_candidates():
    first, second = (described(CLASSIFIER.fit(X, Y), X, Y, Y, {}) for _ in range(2))
    other = described(CLASSIFIER, X[1:], Y[1:], Y[1:], {})
    assert first.held_out == second.held_out != other.held_out


def test_curves_are_found_inside_meta_estimators():
    search = GridSearchCV(UnknownRejector(CLASSIFIER, cv=2), {"keep": [0.9]}, cv=2).fit(X, Y)
    fit = described(search, X, Y, Y, {})
    assert fit.name == "PerceptronClassifier"
    assert len(fit.curves["history/loss"]) == 2


def test_estimators_without_curves_or_classes():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:, 0], Y)
    fit = described(pipeline, X[:, 0], Y, Y, {})
    assert fit.name == "LogisticRegression"
    assert fit.curves == {}
    assert fit.params["logisticregression"] == "LogisticRegression"
    regressor = LinearRegression().fit(X[:, 0], np.arange(20.0))
    assert described(regressor, X[:, 0], np.arange(20.0), None, {}).confusion is None


def test_long_parameters_are_cut():
    assert len(texts({"filters": tuple(range(1000))})["filters"]) == 500


def test_the_table_has_a_line_for_each_candidate():
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X[:, 0], Y)
    header, *rows = cv_table(search)
    assert "mean_test_score" in header
    assert [len(row) for row in rows] == [len(header)] * 2


def test_many_labels_are_readable():
    figures = []
    for n_labels in (2, 10, 30):
        labels = np.array([f"label {index}" for index in range(n_labels)])
        data = np.tile(np.eye(n_labels), (3, 1)), np.tile(labels, 3)
        fitted = LogisticRegression().fit(*data)
        figures.append(confusion_figure(described(fitted, *data, data[1], {})))
    widths = [figure.get_figwidth() for figure in figures]
    assert widths == sorted(widths)
    n_texts = [len(figure.axes[0].texts) for figure in figures]
    assert n_texts == [4, 100, 0]
