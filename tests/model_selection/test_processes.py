"""Searches in threads and in forked processes, with nested n_jobs."""

import os
import subprocess
import sys

import pytest

SEARCH = """
import sys
import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV
from skaudio import ConvClassifier, MFCCTransformer, Pipeline

def main():
    backend, when = sys.argv[1:]
    X = 0.1 * np.random.default_rng(0).normal(size=(32, 3200)).astype(np.float32)
    y = np.arange(32) % 2
    classifier = ConvClassifier(epochs=1, filters=(4,), random_state=0)
    model = Pipeline([MFCCTransformer(duration=0.2, n_jobs=2), classifier])
    if when == "after":
        fitted = model.fit(X, y)
        fitted.predict(X)
    grid = {"convclassifier__learning_rate": [0.001, 0.1]}
    search = GridSearchCV(model, grid, cv=2, n_jobs=2, refit=False, error_score="raise")
    with joblib.parallel_config(backend):
        scores = search.fit(X, y).cv_results_["mean_test_score"]
    expected = search.set_params(n_jobs=1).fit(X, y).cv_results_["mean_test_score"]
    print((scores == expected).all())

if __name__ == "__main__":
    main()
"""


def _run(tmp_path, *arguments):
    script = tmp_path / "search.py"
    script.write_text(SEARCH)
    environment = os.environ | {"JOBLIB_START_METHOD": "fork", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "when"), [("threading", "after"), ("multiprocessing", "before")]
)
def test_searches_end(backend, when, tmp_path):
    """`when` is whether TensorFlow has started."""
    run = _run(tmp_path, backend, when)
    assert run.stdout == "True\n", run.stderr


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_after_the_start_of_tensorflow_is_an_error(tmp_path):
    """It would wait forever for threads that it does not have."""
    run = _run(tmp_path, "multiprocessing", "after")
    assert run.returncode == 1
    assert "This process was forked from one that had used TensorFlow" in run.stderr
