"""Measure the time of a grid search, in total and for the features.

A typical search with four candidates, three folds and a refit on 1,200 one-second recordings:
the dropout of a network is searched, the features are not. It is compared with the naive
pipeline: a transformer that calls librosa clip by clip, and a SciKeras
``KerasClassifier`` that builds the same network from Keras' layers, with the same optimizer,
epochs and batches. Augmentation, label smoothing and the cosine schedule, which the naive
pipeline does not have, are off in skaudio's; its standardisation is on.
skaudio is measured without a store and with one, and its classifier also with the librosa
transformer. The script counts the clips that are read and times ``transform``; the ratio is
that of the total times::

    python examples/benchmarks/search.py

The sounds are tones, bands of noise and sweeps, in noise. The score is the best candidate's
mean over the folds, which are the same for all.
"""

import argparse
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import scipy.signal
import soundfile
from features import RATE, RECIPE
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skaudio import ConvClassifier, MFCCTransformer, Pipeline
from skaudio.feature_extraction import _extractor

EPOCHS, BATCH = 5, 32
DROPOUTS = [0.0, 0.2, 0.4, 0.6]
KINDS = ("tone", "band", "sweep")
TARGET = 0.35
SPENT = {"features": 0.0, "clips": 0}


class PerClip(TransformerMixin, BaseEstimator):
    """Call librosa once per clip."""

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
    """The transformer, with a timer."""

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


def sound(kind, rng):
    """Make one second of a kind of sound, at a random time and pitch, in noise."""
    seconds = np.arange(RATE) / RATE
    pitch = rng.uniform(400, 2500)
    if kind == "tone":
        clip = np.sin(2 * np.pi * pitch * seconds)
    elif kind == "sweep":
        clip = scipy.signal.chirp(seconds, pitch, 1.0, pitch * rng.uniform(1.8, 3.0))
    else:
        band = [0.7 * pitch, 1.4 * pitch]
        sections = scipy.signal.butter(2, band, "bandpass", fs=RATE, output="sos")
        clip = scipy.signal.sosfilt(sections, rng.standard_normal(RATE))
        clip *= np.sqrt(0.5) / clip.std()
    start, length = rng.uniform(0, 0.4), rng.uniform(0.3, 0.6)
    is_on = (seconds >= start) & (seconds < start + length)
    return 0.05 * (clip * is_on + rng.uniform(0.1, 0.4) * rng.standard_normal(RATE))


def write_sounds(folder, n_clips):
    """Write recordings; return their paths and labels."""
    rng = np.random.default_rng(0)
    labels = np.resize(KINDS, n_clips)
    paths = [str(Path(folder) / f"{number:05d}.wav") for number in range(n_clips)]
    for path, label in zip(paths, labels, strict=True):
        soundfile.write(path, sound(label, rng), RATE)
    return np.array(paths), labels


def build(meta, dropout):
    """Build the network of ConvClassifier from Keras' own layers, for SciKeras."""
    import keras

    layers = keras.layers
    model = keras.Sequential([keras.Input(meta["X_shape_"][1:])])
    for n_filters in (64, 96, 128):
        model.add(layers.Conv1D(n_filters, 5, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        model.add(layers.MaxPooling1D(2, padding="same"))
    model.add(layers.GlobalAveragePooling1D())
    model.add(layers.Dropout(dropout))
    model.add(layers.Dense(meta["n_classes_"], activation="softmax"))
    return model


def naive():
    """Make a SciKeras classifier of the network."""
    import keras
    from scikeras.wrappers import KerasClassifier

    return KerasClassifier(
        model=build,
        dropout=0.3,
        optimizer=keras.optimizers.AdamW,
        optimizer__learning_rate=0.003,
        optimizer__weight_decay=0.001,
        loss="sparse_categorical_crossentropy",
        epochs=EPOCHS,
        batch_size=BATCH,
        random_state=0,
        verbose=0,
    )


def ours():
    """Make a ConvClassifier like the naive one: average pooling, no augmentation or schedule."""
    return ConvClassifier(
        epochs=EPOCHS,
        batch_size=BATCH,
        global_pooling="average",
        augmentation=None,
        label_smoothing=0.0,
        learning_rate_schedule="constant",
        random_state=0,
    )


def measure(name, transformer, classifier, paths, labels, naive_seconds=None):
    """Search, print one line, and return the seconds."""
    SPENT.update(features=0.0, clips=0)
    model = Pipeline([("features", transformer), ("classifier", classifier)])
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(model, {"classifier__dropout": DROPOUTS}, cv=folds)
    started, worked = time.perf_counter(), time.process_time()
    search.fit(paths, labels)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    print(
        f"{name:28}{SPENT['clips']:10}{SPENT['features']:11.2f} s"
        f"{100 * SPENT['features'] / seconds:8.1f} %{seconds:9.1f} s"
        f"{worked:8.1f} s{seconds / (naive_seconds or seconds):9.2f}{search.best_score_:8.3f}",
        flush=True,
    )
    return seconds


def main(n_clips):
    """Print the table."""
    count_clips()
    with tempfile.TemporaryDirectory() as folder:
        paths, labels = write_sounds(folder, n_clips)
        # librosa and TensorFlow initialise themselves on first use.
        few = PerClip().transform(paths[:6])
        for classifier in (naive(), ours()):
            classifier.set_params(epochs=1).fit(few[:, :20], labels[:6]).predict(few[:, :20])
        print(
            f"{'':28}{'clips read':>10}{'features':>13}{'share':>10}{'total':>11}"
            f"{'CPU':>10}{'/ naive':>9}{'score':>8}"
        )
        data = paths, labels
        seconds = measure("librosa and SciKeras", PerClip(), naive(), *data)
        measure("librosa and ConvClassifier", PerClip(), ours(), *data, seconds)
        measure("skaudio", Timed(duration=1.0), ours(), *data, seconds)
        stored = Timed(duration=1.0, memory=str(Path(folder) / "store"))
        measure("skaudio, memory=folder", stored, ours(), *data, seconds)
        print(f"The target is at most {TARGET:g} of the naive search with a store.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=1200)
    main(parser.parse_args().clips)
