"""Measure what a search costs on more cores, and compute what more recordings would cost.

The first table is a search of four candidates in three folds, with the default network of a
classifier, on 1,200 features of one second, in one process with all threads and in two processes
with one each, for some numbers of epochs: with few epochs, the processes take longer to start than
they save. A network that uses several threads well gains less from processes. The second table is
where the time of a starting process goes. The last one is computed from the rates measured here:
what features, one training with the default number of epochs and a search cost, in core-hours and
disk, for other numbers of recordings of one second::

    python examples/benchmarks/scaling.py
    python examples/benchmarks/scaling.py --epochs 5 --classifier GRUClassifier

With another number of threads, sums are rounded in another order: with ``OMP_NUM_THREADS=1`` in the
environment, the scores of one and two processes are equal. Run it on an idle machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
from search import write_sounds
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skaudio import MFCCTransformer, classifiers
from skaudio.classifiers._optimization import epoch_count

GRID = {"dropout": [0.0, 0.2, 0.4, 0.6]}
FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)
N_FITS = 12
SIZES = {"these": 1200, "Speech Commands": 105_829, "ten million": 10_000_000}
STARTS = {
    "Python": "pass",
    "and NumPy, SciPy, scikit-learn": "import sklearn.pipeline, sklearn.model_selection",
    "and skaudio's transformers": "from skaudio import MFCCTransformer",
    "and Keras, TensorFlow": "from skaudio import MFCCTransformer, ConvClassifier",
    "and one epoch": (
        "from skaudio import MFCCTransformer, ConvClassifier; import numpy as np;"
        "ConvClassifier(epochs=1).fit(np.zeros((64, 101, 40), 'f'), np.arange(64) % 3)"
    ),
}


def search(kind, X, y, epochs, n_jobs):
    """Search, and return the seconds and the scores."""
    candidate = kind(epochs=epochs, random_state=0)
    grid = GridSearchCV(candidate, GRID, cv=FOLDS, n_jobs=n_jobs, refit=False)
    started = time.perf_counter()
    scores = grid.fit(X, y).cv_results_["mean_test_score"]
    return time.perf_counter() - started, scores


def cores(kind, X, y, epochs):
    """Compare one process with two, which start anew each time."""
    columns = f"{'epochs':>6}{'n_jobs=1':>11}{'n_jobs=2':>11}{'ratio':>7}"
    print(f"{columns}{'largest difference of a score':>31}")
    kind(epochs=1).fit(X, y)  # compile, as in a search after its first fit
    for number in epochs:
        alone, scores = search(kind, X, y, number, 1)
        joblib.externals.loky.get_reusable_executor().shutdown()
        together, other_scores = search(kind, X, y, number, 2)
        difference = np.abs(scores - other_scores).max()
        print(
            f"{number:6}{alone:9.1f} s{together:9.1f} s{alone / together:7.2f}{difference:31.4f}",
            flush=True,
        )


def start():
    """Print the time of a process up to each step."""
    print(f"\n{'a new process':34}{'seconds':>8}")
    for name, code in STARTS.items():
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        print(f"{name:34}{time.perf_counter() - started:8.1f}", flush=True)


def rates(paths, y):
    """Measure clips a second of one core: features from files, and training."""
    with tempfile.TemporaryDirectory() as folder:
        transformer = MFCCTransformer(duration=1.0, memory=folder)
        started = time.perf_counter()
        X = transformer.fit_transform(paths)
        features = len(paths) / (time.perf_counter() - started)
        n_bytes = sum(path.stat().st_size for path in Path(folder).rglob("*")) / len(paths)
    code = (
        "import sys, time, numpy as np; from skaudio import ConvClassifier;"
        "X, y = np.load(sys.argv[1]), np.load(sys.argv[2]); c = ConvClassifier(epochs=1).fit(X, y);"
        "t = time.perf_counter(); ConvClassifier(epochs=5).fit(X, y);"
        "print(5 * len(X) / (time.perf_counter() - t))"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, array in (("X", X), ("y", y)):
            np.save(f"{folder}/{name}.npy", array)
        command = [sys.executable, "-c", code, f"{folder}/X.npy", f"{folder}/y.npy"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return X, features, float(run.stdout), n_bytes


def costs(features, training, n_bytes, clip_bytes):
    """Print what numbers of clips cost."""
    print(
        f"\none core: {features:.0f} clips a second from files to stored features, "
        f"{training:.0f} trained"
    )
    print(
        f"{'':18}{'clips':>12}{'features':>12}{'store':>10}{'in memory':>11}{'epochs':>8}"
        f"{'one fit':>11}{'20 x 5 fits':>13}"
    )
    for name, n_clips in SIZES.items():
        epochs = epoch_count(n_clips, "auto", "auto")
        fit = n_clips * epochs / training / 3600
        print(
            f"{name:18}{n_clips:12,}{n_clips / features / 3600:10.2f} h"
            f"{n_clips * n_bytes / 1e9:7.1f} GB{n_clips * clip_bytes / 1e9:8.1f} GB{epochs:8}"
            f"{fit:9.1f} h{100 * 0.8 * fit:11.0f} h"
        )


def main(epochs, n_clips, kind):
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        paths, y = write_sounds(folder, n_clips)
        X, features, training, n_bytes = rates(list(paths), y)
    if epochs:
        cores(kind, X, y, epochs)
    start()
    costs(features, training, n_bytes, X[0].nbytes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, nargs="*", default=[1, 5, 25])
    parser.add_argument("--clips", type=int, default=1200)
    parser.add_argument("--classifier", default="ConvClassifier", help="of the first table")
    arguments = parser.parse_args()
    main(arguments.epochs, arguments.clips, getattr(classifiers, arguments.classifier))
