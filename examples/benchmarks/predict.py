"""Measure the prediction time of one clip, and the overhead for a batch.

The first table shows the time to predict the label of a clip in memory, one second of noise:
the median over calls to fitted pipelines. They are compared with a typical pipeline of a
per-clip librosa transformer and a SciKeras ``KerasClassifier`` with the same network. The
calls alternate::

    python examples/benchmarks/predict.py

TensorFlow distributes even one clip over its threads, which costs more time than it saves. To
measure a service that predicts one clip at a time, without threads::

    TF_NUM_INTRAOP_THREADS=1 python examples/benchmarks/predict.py

The second table shows the time to predict the probabilities of many feature clips, with
`ConvClassifier` and with its network, ``model_``: as one compiled TensorFlow call, the lower
bound, and with the methods of Keras.
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
TURN = 20  # successive calls of one model before the next one
TARGET_MS, TARGET_RATIO = 2.0, 1.2


class PerClip(TransformerMixin, BaseEstimator):
    """Call librosa once per clip."""

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def transform(self, X):
        """Transform each clip."""
        return np.stack([librosa.feature.mfcc(y=clip, sr=RATE, **RECIPE).T for clip in X])


def peer():
    """Make a typical pipeline: librosa, and SciKeras with the same network."""
    from scikeras.wrappers import KerasClassifier

    network = KerasClassifier(
        model=lambda meta: convolutional(meta["X_shape_"][1:], meta["n_classes_"]),
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        epochs=1,
        verbose=0,
    )
    return Pipeline([PerClip(), network])


def alternating(calls, n_calls, turn=TURN):
    """Measure the median and the minimum milliseconds of each call."""
    spent = {name: [] for name in calls}
    for start in range(0, n_calls, turn):
        for name, call in calls.items():
            call()  # the caches hold the data of another call
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
    spent = alternating(calls, n_calls)
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
    spent = alternating(calls, n_calls, turn=5)
    bare_median, bare_best = spent["one compiled call"]
    print(f"{f'{n_clips} feature clips':32}{'median ms':>10}{'best':>8}{'/ bare':>9}{'best':>8}")
    for name, (median, best) in spent.items():
        print(
            f"{name:32}{median:10.2f}{best:8.2f}{median / bare_median:9.2f}{best / bare_best:8.2f}"
        )
    print(f"The target is at most {TARGET_RATIO:g} times the compiled call for predict_proba.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--clips", type=int, default=600)
    arguments = parser.parse_args()
    one_clip(arguments.calls)
    many_clips(arguments.clips, arguments.calls // 4)
