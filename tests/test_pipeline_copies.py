"""No copy of a clip that is held out behind a sampler is trained on, or the pipeline says no.

The clips of these tests bear their number, so that what a classifier was fitted to can be
compared with what it is judged by.
"""

import imblearn.pipeline
import numpy as np
import pytest
import sklearn
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from scikeras.wrappers import KerasClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import RFECV
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeClassifierCV
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    RandomizedSearchCV,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skaudio import PerceptronClassifier, Pipeline, UnknownRejector

N_CLIPS = 40
CLIPS = np.arange(N_CLIPS)
LABELS = CLIPS % 2
X = np.column_stack([CLIPS, np.where(LABELS, 1.0, -1.0)])
BY_GROUPS = StratifiedGroupKFold(3)

# How many clips were on both sides, each time that a classifier was judged.
shared = []


@pytest.fixture(autouse=True)
def nothing_was_shared():
    shared.clear()


class Copier(BaseEstimator):
    """Adds a copy of each clip."""

    def fit_resample(self, X, y):
        self.sample_indices_ = np.tile(np.arange(len(X)), 2)
        return X[self.sample_indices_], y[self.sample_indices_]


class Judge(ClassifierMixin, BaseEstimator):
    """Counts the clips that it is asked about and was fitted to."""

    def __init__(self, early_stopping=False):
        self.early_stopping = early_stopping

    def fit(self, X, y, groups=None):
        self.classes_ = np.unique(y)
        self.groups_ = groups
        train = np.arange(len(X))
        if self.early_stopping:
            splitter = ShuffleSplit if groups is None else GroupShuffleSplit
            train, test = next(splitter(1, test_size=0.3, random_state=0).split(X, y, groups))
        self.known_ = set(X[train, 0])
        if self.early_stopping:
            self.predict(X[test])
        return self

    def predict_proba(self, X):
        shared.append(len(self.known_ & set(X[:, 0])))
        right = 0.6 + 0.3 * X[:, 0] / N_CLIPS
        return np.where(X[:, 1:] == [[-1.0, 1.0]], right[:, None], 1 - right[:, None])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def asks(**request):
    return Judge(early_stopping=True).set_fit_request(**request)


def silent():
    return Judge().set_fit_request(groups=False)


def fit(*steps, **params):
    return Pipeline([Copier(), *steps]).fit(X, LABELS, **params)


def assert_nothing_is_shared():
    assert shared
    assert sum(shared) == 0


@pytest.mark.parametrize(
    "step",
    [
        Judge(early_stopping=True),
        make_pipeline(Judge(early_stopping=True)),
        Pipeline([Pipeline([Judge(early_stopping=True)])]),
        UnknownRejector(Judge()),
        UnknownRejector(Judge(), cv=0.3, refit=False),
        UnknownRejector(Judge(), cv=GroupKFold(3)),
        GridSearchCV(Judge(), {}, cv=BY_GROUPS),
        RandomizedSearchCV(Judge(), {}, n_iter=1, cv=GroupShuffleSplit(2, random_state=0)),
        make_pipeline(GridSearchCV(Judge(), {}, cv=BY_GROUPS)),
    ],
    ids=repr,
)
def test_groups_reach_whoever_takes_them(step):
    fit(step)
    assert_nothing_is_shared()


def test_groups_reach_whoever_asks_for_them_by_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        for step in [
            asks(groups=True),
            asks(groups="clip"),
            UnknownRejector(asks(groups=True)),
            UnknownRejector(silent(), cv=GroupKFold(3)),
            GridSearchCV(silent(), {}, cv=BY_GROUPS),
            GridSearchCV(asks(groups=True), {"early_stopping": [True, False]}, cv=BY_GROUPS),
            CalibratedClassifierCV(silent(), cv=BY_GROUPS),
            TunedThresholdClassifierCV(silent(), cv=BY_GROUPS),
            VotingClassifier([("a", asks(groups=True)), ("b", silent())]),
        ]:
            shared.clear()
            fit(step)
            assert_nothing_is_shared()


# A step, what is given to its fit when it stands alone, and the same around whole pipelines.
REFUSED = {
    "calibration": lambda inner: CalibratedClassifierCV(inner(Judge()), cv=3),
    "stacking": lambda inner: StackingClassifier([("a", inner(Judge()))], cv=3),
    "voting": lambda inner: VotingClassifier([("a", inner(Judge(early_stopping=True)))]),
    "threshold": lambda inner: TunedThresholdClassifierCV(inner(Judge()), cv=3),
    "search": lambda inner: GridSearchCV(inner(Judge()), {}, cv=3),
    "search that stops early": lambda inner: GridSearchCV(
        inner(Judge(early_stopping=True)), {}, cv=BY_GROUPS
    ),
    "search for stopping early": lambda inner: GridSearchCV(
        inner(make_pipeline(Judge())),
        {f"{PREFIX[inner]}judge__early_stopping": [True, False]},
        cv=BY_GROUPS,
    ),
    "search for what stops early": lambda inner: RandomizedSearchCV(
        inner(make_pipeline(Judge())),
        [{f"{PREFIX[inner]}judge": [Judge(early_stopping=True)]}],
        n_iter=1,
        cv=BY_GROUPS,
    ),
    "rejection that stops early": lambda inner: UnknownRejector(inner(Judge(early_stopping=True))),
    "rejection": lambda inner: UnknownRejector(inner(Judge()), cv=StratifiedKFold(3)),
}


def alone(step):
    return step


def whole(step):
    return Pipeline([Copier(), ("model", step)])


PREFIX = {alone: "", whole: "model__"}


@pytest.mark.parametrize("kind", REFUSED)
def test_who_cannot_be_told_is_refused_and_the_remedy_helps(kind):
    step = REFUSED[kind](alone)
    copies, labels = Copier().fit_resample(X, LABELS)
    by_groups = getattr(step, "cv", None) is BY_GROUPS
    step.fit(copies, labels, **({"groups": np.tile(CLIPS, 2)} if by_groups else {}))
    assert sum(shared) > 0  # so there is something to be prevented

    shared.clear()
    name = type(step).__name__
    with pytest.raises(ValueError, match=rf"Put the whole pipeline inside it, such as {name}\("):
        fit(step)
    assert not shared
    REFUSED[kind](whole).fit(X, LABELS, **({"groups": CLIPS} if by_groups else {}))
    assert_nothing_is_shared()


@pytest.mark.parametrize(
    ("step", "remedy"),
    [
        (MLPClassifier(early_stopping=True), "Turn that off"),
        (GradientBoostingClassifier(n_iter_no_change=3), "Turn that off"),
        (HistGradientBoostingClassifier(early_stopping=True), "Turn that off"),
        (RandomForestClassifier(oob_score=True), "Turn that off"),
        (KerasClassifier(validation_split=0.2), "Turn that off"),
        (LogisticRegressionCV(cv=3), "Put the whole pipeline inside"),
        (RidgeClassifierCV(), "Put the whole pipeline inside"),
        (GridSearchCV(Judge(), {}, cv=3), r"or set its cv to .* StratifiedGroupKFold\(\)"),
        (GridSearchCV(Judge(), {}, cv=[(CLIPS[:20], CLIPS[20:])]), "StratifiedGroupKFold"),
        (UnknownRejector(Judge(), cv=[(CLIPS[:20], CLIPS[20:])]), "StratifiedGroupKFold"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_errors_say_what_to_do(step, remedy):
    path = type(step).__name__.lower()
    with pytest.raises(ValueError, match=rf"\('{path}'\) holds out some of the clips .*{remedy}"):
        fit(step)


def test_a_transformer_that_holds_out_is_refused():
    with pytest.raises(ValueError, match=r"RFECV \('rfecv'\) .* Remove the sampler or this step"):
        fit(RFECV(LogisticRegression(), cv=3), Judge())


def test_a_request_that_is_missing_is_named():
    with sklearn.config_context(enable_metadata_routing=True):
        for step in Judge(early_stopping=True), asks(groups=False):
            with pytest.raises(ValueError, match=r"Call its set_fit_request\(groups=True\)"):
                fit(step)
        with pytest.raises(ValueError, match="Put the whole pipeline inside"):
            fit(VotingClassifier([("a", asks(groups=True)), ("b", asks(groups=False))]))


def test_groups_that_are_given_are_taken():
    groups = CLIPS // 2
    model = fit(Judge(early_stopping=True), judge__groups=groups)
    np.testing.assert_array_equal(model[-1].groups_, np.tile(groups, 2))
    model = fit(Judge(early_stopping=True), judge__groups=None)
    np.testing.assert_array_equal(model[-1].groups_, np.tile(CLIPS, 2))
    with sklearn.config_context(enable_metadata_routing=True):
        model = fit(asks(groups="speaker"), speaker=groups)
        np.testing.assert_array_equal(model[-1].groups_, np.tile(groups, 2))


@pytest.mark.parametrize(
    "step",
    [
        Judge(),
        MLPClassifier(max_iter=2000, random_state=0),
        GradientBoostingClassifier(n_estimators=2),
        HistGradientBoostingClassifier(max_iter=2),
        StackingClassifier([("a", Judge().fit(X, LABELS))], cv="prefit"),
    ],
    ids=lambda step: type(step).__name__,
)
def test_others_are_left_alone(step):
    assert len(fit(step).predict(X)) == N_CLIPS


def test_without_copies_nothing_is_refused():
    few, labels = X[:-6], LABELS[:-6]
    for sampler in RandomUnderSampler(random_state=0), "passthrough":
        model = Pipeline([("sampler", sampler), ("model", CalibratedClassifierCV(Judge(), cv=3))])
        model.fit(few, labels)
    assert_nothing_is_shared()


def test_copies_of_copies_are_followed():
    over = RandomOverSampler(sampling_strategy={0: 30, 1: 30}, random_state=0)
    model = Pipeline(
        [
            Copier(),
            RandomUnderSampler(random_state=0),
            over.set_params(sampling_strategy={0: 60, 1: 60}),
            Judge(early_stopping=True),
        ]
    )
    model.fit(X, LABELS)
    assert_nothing_is_shared()
    assert len(np.unique(model[-1].groups_)) <= N_CLIPS < len(model[-1].groups_)


def test_a_sampler_that_does_not_say_what_it_took_is_refused():
    smote = SMOTE(sampling_strategy="all", random_state=0)
    Pipeline([smote, Judge()]).fit(X, LABELS)
    with pytest.raises(ValueError, match="no sample_indices_"):
        Pipeline([smote, Judge(early_stopping=True)]).fit(X, LABELS)


def test_skaudios_classifiers_get_groups():
    seen = []

    class Spy(PerceptronClassifier):
        def fit(self, X, y, sample_weight=None, groups=None):
            seen.append(groups)
            return super().fit(X, y, sample_weight=sample_weight, groups=groups)

    for early_stopping in (True, False):
        fit(Spy(early_stopping=early_stopping, epochs=1))
    np.testing.assert_array_equal(seen[0], np.tile(CLIPS, 2))
    assert seen[1] is None


def test_imbalanced_learns_pipeline_does_not_prevent_it():
    """As the documentation says."""
    imblearn.pipeline.make_pipeline(Copier(), Judge(early_stopping=True)).fit(X, LABELS)
    assert sum(shared) > 0
