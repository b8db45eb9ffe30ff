"""Milliseconds from one clip to its label, and what a batch costs over the bare network.

The first table is a clip in memory, one second of noise, to its label: the median over
calls to fitted pipelines. The peer, in the same run, is what people write themselves: a
per-clip librosa transformer and a SciKeras ``KerasClassifier`` around the same network. All
take turns::

    python examples/benchmarks/predict.py

TensorFlow divides even one clip among its threads, which takes longer than it saves. A service
that answers one clip at a time does without, and that is measured by::

    TF_NUM_INTRAOP_THREADS=1 python examples/benchmarks/predict.py

The second table is the probabilities of many feature clips at once, by `ConvClassifier`
and by its own network, ``model_``: as one compiled TensorFlow call, the floor, and by the
methods of Keras.
"""

import argparse
import time

import librosa
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skaudio import (
    BCResNetClassifier,
    ConvClassifier,
    CRNNClassifier,
    DSCNNClassifier,
    GRUClassifier,
    LSTMClassifier,
    MFCCTransformer,
    PerceptronClassifier,
    Pipeline,
    TCResNetClassifier,
)
from skaudio.architectures import convolutional

RATE = 16000
RECIPE = {"n_mfcc": 40, "n_fft": 512, "win_length": 480, "hop_length": 160, "n_mels": 64}
CLASSIFIERS = (
    ConvClassifier,
    PerceptronClassifier,
    LSTMClassifier,
    GRUClassifier,
    CRNNClassifier,
    DSCNNClassifier,
    TCResNetClassifier,
    BCResNetClassifier,
)
TURN = 20  # calls that one of them makes before the next one does
TARGET_MS, TARGET_RATIO = 2.0, 1.2


class PerClip(TransformerMixin, BaseEstimator):
    """One librosa call a clip."""

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def transform(self, X):
        """Transform each clip."""
        return np.stack([librosa.feature.mfcc(y=clip, sr=RATE, **RECIPE).T for clip in X])


def peer():
    """What people write: SciKeras around the same network."""
    from scikeras.wrappers import KerasClassifier

    network = KerasClassifier(
        model=lambda meta: convolutional(meta["X_shape_"][1:], meta["n_classes_"]),
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        epochs=1,
        verbose=0,
    )
    return Pipeline([PerClip(), network])


def taking_turns(calls, n_calls, turn=TURN):
    """Median and least milliseconds of each call."""
    spent = {name: [] for name in calls}
    for start in range(0, n_calls, turn):
        for name, call in calls.items():
            call()  # another's turn has emptied the caches
            for _ in range(min(turn, n_calls - start)):
                started = time.perf_counter()
                call()
                spent[name].append(1000 * (time.perf_counter() - started))
    return {name: (float(np.median(times)), min(times)) for name, times in spent.items()}


def one_clip(n_calls):
    """Print the first table."""
    rng = np.random.default_rng(0)
    clips = 0.1 * rng.standard_normal((24, RATE), dtype=np.float32)
    labels = np.resize(["one", "two", "three"], len(clips))
    models = {"librosa and SciKeras": peer()}
    for Classifier in CLASSIFIERS:
        models[Classifier.__name__] = Pipeline([MFCCTransformer(), Classifier(epochs=1)])
    for model in models.values():
        model.fit(clips, labels)
    calls = {name: lambda model=model: model.predict(clips[:1]) for name, model in models.items()}
    features, classifier = (step for _, step in models["ConvClassifier"].steps)
    transformed = features.transform(clips[:1])
    calls["MFCCTransformer alone"] = lambda: features.transform(clips[:1])
    calls["ConvClassifier alone"] = lambda: classifier.predict(transformed)
    spent = taking_turns(calls, n_calls)
    slowest, _ = spent["librosa and SciKeras"]
    print(f"{'one clip, waveform to label':32}{'median ms':>10}{'best':>8}{'peer /':>9}")
    for name, (median, best) in spent.items():
        print(f"{name:32}{median:10.2f}{best:8.2f}{slowest / median:9.1f}")
    print(f"The target is at most {TARGET_MS:g} ms for ConvClassifier, the default.\n")


def many_clips(n_clips, n_calls):
    """Print the second table."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_clips, 101, 40), dtype=np.float32)
    y = np.resize(["one", "two", "three"], n_clips)
    classifier = ConvClassifier(epochs=1, random_state=0).fit(X[:60], y[:60])
    model = classifier.model_
    bare = tf.function(lambda features: model(features, training=False)).get_concrete_function(
        tf.TensorSpec([None, 101, 40], tf.float32)
    )
    calls = {
        "one compiled call": lambda: bare(tf.constant(X)).numpy(),
        "ConvClassifier.predict_proba": lambda: classifier.predict_proba(X),
        "model_.predict_on_batch": lambda: model.predict_on_batch(X),
        "model_.predict": lambda: model.predict(X, verbose=0),
    }
    ours, theirs = (calls[name]() for name in ("ConvClassifier.predict_proba", "model_.predict"))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    spent = taking_turns(calls, n_calls, turn=5)
    bare_median, bare_best = spent["one compiled call"]
    print(f"{f'{n_clips} feature clips':32}{'median ms':>10}{'best':>8}{'/ bare':>9}{'best':>8}")
    for name, (median, best) in spent.items():
        print(
            f"{name:32}{median:10.2f}{best:8.2f}{median / bare_median:9.2f}{best / bare_best:8.2f}"
        )
    print(f"The target is at most {TARGET_RATIO:g} times the bare call for predict_proba.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--clips", type=int, default=600)
    arguments = parser.parse_args()
    one_clip(arguments.calls)
    many_clips(arguments.clips, arguments.calls // 4)
