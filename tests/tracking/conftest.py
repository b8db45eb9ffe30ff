"""A small search, and what any record of it must contain."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skaudio import MFCCTransformer, PerceptronClassifier, Pipeline


@pytest.fixture(scope="session")
def clips():
    rng = np.random.default_rng(0)
    return list(rng.normal(size=(24, 2000)).astype(np.float32)), np.repeat(["cat", "dog"], 12)


@pytest.fixture(scope="session")
def make_search():
    """Make a search of two candidates in two folds."""

    def make(recorder, **parameters):
        classifier = PerceptronClassifier(epochs=3, augmentation=None, random_state=0)
        grid = {"perceptronclassifier__dropout": [0.0, 0.5]}
        pipeline = Pipeline([MFCCTransformer(), classifier])
        return GridSearchCV(pipeline, grid, cv=2, scoring=recorder, **parameters)

    return make
