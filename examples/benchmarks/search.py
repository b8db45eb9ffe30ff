"""How much of a grid search goes into features, with a store and without.

Four candidates, three folds and a refit on 1,200 one-second recordings, as people write
it: the dropout of a small network is searched, features are not. Counts the clips that
are read and times `MFCCTransformer.transform`, in the same run, for a per-clip librosa
transformer, for skaudio without a store, and with one::

    python examples/benchmarks/search.py
"""

import tempfile
import time

import librosa
import numpy as np
from features import RATE, RECIPE, write_clips
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV

from skaudio import ConvClassifier, MFCCTransformer, Pipeline
from skaudio.feature_extraction import _extractor

N_CLIPS = 1200
SPENT = {"features": 0.0, "clips": 0}


class PerClip(TransformerMixin, BaseEstimator):
    """One librosa call a clip."""

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def transform(self, X):
        """Load and transform each clip."""
        started = time.perf_counter()
        rows = []
        for path in X:
            clip, _ = librosa.load(path, sr=RATE)
            rows.append(librosa.feature.mfcc(y=clip, sr=RATE, **RECIPE).T)
        SPENT["clips"] += len(rows)
        SPENT["features"] += time.perf_counter() - started
        return np.stack(rows)


class Timed(MFCCTransformer):
    """The transformer, with a clock."""

    def transform(self, X):
        """Transform and add up the time."""
        started = time.perf_counter()
        features = super().transform(X)
        SPENT["features"] += time.perf_counter() - started
        return features


def count_clips():
    """Count the clips that skaudio reads."""
    load_batch = _extractor.audio.load_batch

    def counting(sources, **settings):
        SPENT["clips"] += len(sources)
        return load_batch(sources, **settings)

    _extractor.audio.load_batch = counting


def measure(name, transformer, paths, labels):
    """Search, and print one line."""
    SPENT.update(features=0.0, clips=0)
    classifier = ConvClassifier(epochs=5, random_state=0)
    model = Pipeline([("features", transformer), ("classifier", classifier)])
    search = GridSearchCV(model, {"classifier__dropout": [0.0, 0.2, 0.4, 0.6]}, cv=3)
    started = time.perf_counter()
    search.fit(paths, labels)
    seconds = time.perf_counter() - started
    share = 100 * SPENT["features"] / seconds
    print(f"{name:24}{SPENT['clips']:10}{SPENT['features']:11.2f} s{seconds:9.1f} s{share:8.1f} %")


def main():
    """Print the table."""
    count_clips()
    with tempfile.TemporaryDirectory() as folder:
        paths = np.array(write_clips(folder, N_CLIPS))
        labels = np.array(["one", "two", "three"])[np.arange(N_CLIPS) % 3]
        ConvClassifier(epochs=1).fit(np.zeros((6, 20, 5)), labels[:6])  # TensorFlow's start
        with_librosa, plain = PerClip(), Timed(duration=1.0)
        with_librosa.transform(paths[:5])
        print(f"{'':24}{'clips read':>10}{'features':>13}{'in all':>11}{'share':>10}")
        measure("librosa, clip by clip", with_librosa, paths, labels)
        measure("skaudio", plain, paths, labels)
        measure("skaudio, memory=folder", Timed(duration=1.0, memory=folder), paths, labels)


if __name__ == "__main__":
    main()
