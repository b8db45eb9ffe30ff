"""Compare the defaults with three cheap classifiers on sets of different kinds.

Cross-validates ``Pipeline([MFCCTransformer(), ConvClassifier()])``, all defaults, on every set in
``SKAUDIO_DATA``: words of three languages, digits, emotions, environmental sounds, drums, and
whatever else lies in ``sets/<name>`` with a table ``clips.csv``; and on synthetic sounds of
machines with faults. The folds are those of the set, if it has some, otherwise five by group
(speaker, actor, kit, machine), or one for each of fewer than ten groups::

    SKAUDIO_DATA=... python examples/benchmarks/many_sets.py
    SKAUDIO_DATA=... python examples/benchmarks/many_sets.py --sets esc10 --seeds 0 1 2 \\
        --classifiers ConvClassifier TCResNetClassifier embedding

``embedding`` is a logistic regression on the frozen speech embedding of ``EmbeddingTransformer``,
with ``pooling="mean_std"``, after ``Normalizer`` and with ``C=10``.

The cheap classifiers are a support vector machine and a random forest on mean and standard
deviation of librosa's MFCCs over time, and MiniRocket on the sequences of ``MFCCTransformer``,
if ``aeon`` is installed.

The accuracy is that of all clips, each predicted by a pipeline that was not trained on its fold:
the mean over seeds. The last columns are the difference from the best cheap classifier, and from
the first of ``--classifiers``, each with its 95 % interval, which accounts for how the difference
varies between groups, or between the clips of a set without groups.
"""

import argparse
import os
import time
import warnings
from functools import partial
from pathlib import Path

import librosa
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import Bunch

from skaudio import EmbeddingTransformer, MFCCTransformer, audio, classifiers
from skaudio.datasets import fetch_free_spoken_digits, load_audio_folder, load_audio_table
from skaudio.model_selection import Comparison, Evaluation

try:
    from aeon.classification.convolution_based import MiniRocketClassifier
except ImportError:
    MiniRocketClassifier = None

RATE = 16000


# Sets ---------------------------------------------------------------------------------------


def load_sets(names):
    """Yield the name and the clips of each set."""
    folder = Path(os.environ["SKAUDIO_DATA"])
    tables = {table.parent.name: table for table in sorted(folder.glob("sets/*/clips.csv"))}
    loaders = {
        "bed_cat_happy": lambda: load_words(folder / "speech_commands"),
        "spoken_digits": lambda: fetch_free_spoken_digits(subset="train"),
        **{name: lambda table=table: load_audio_table(table) for name, table in tables.items()},
        "machines": make_machines,
    }
    for name in names or loaders:
        yield name, loaders[name]()


def load_words(folder):
    """Load the three words, with their speakers."""
    clips = load_audio_folder(folder)
    clips.groups = np.array([Path(path).name.split("_nohash_")[0] for path in clips.data])
    return clips


def make_machines(n_machines=40, n_clips=10, seconds=2.0):
    """Synthesise machines of different speeds and resonances, some with a fault.

    A machine is a sum of harmonics of its speed and noise, both through its own resonances.
    Faults: the blows of a damaged bearing, an unbalanced shaft, a squealing belt.
    """
    clips, labels, groups = [], [], []
    times = np.arange(int(seconds * RATE)) / RATE
    for machine in range(n_machines):
        rng = np.random.default_rng(machine)
        speed = rng.uniform(15, 60)
        strengths = rng.exponential(size=30) / np.arange(1, 31)
        resonances = rng.uniform(300, 6000, size=3)
        for clip in range(n_clips):
            fault = ["none", "bearing", "unbalanced", "belt"][clip % 4]
            turns = speed * rng.uniform(0.95, 1.05) * times + rng.random()
            phases = 2 * np.pi * np.outer(np.arange(1, 31), turns + rng.random())
            sound = strengths @ np.sin(phases)
            noise = rng.normal(size=len(times))
            if fault == "unbalanced":
                depth = rng.uniform(0.3, 0.9)
                noise *= 1 + depth * np.sin(2 * np.pi * turns)
                sound *= 1 + depth * np.sin(2 * np.pi * turns)
            sound = sound / sound.std() + noise
            if fault == "bearing":
                ratio = rng.uniform(3.2, 5.4)  # blows in each turn
                sound += rng.uniform(3, 12) * (np.diff(np.floor(turns * ratio), prepend=0) > 0)
            spectrum = np.fft.rfft(sound)
            hertz = np.fft.rfftfreq(len(times), 1 / RATE)
            gain = 0.1 + sum(1 / (1 + ((hertz - f) / 150) ** 2) for f in resonances)
            sound = np.fft.irfft(spectrum * gain, len(times))
            if fault == "belt":
                squeal = np.sin(2 * np.pi * rng.uniform(1000, 5000) * times)
                squeal *= np.sin(np.pi * turns * rng.uniform(0.2, 0.5)) > 0.5
                sound += rng.uniform(0.3, 1) * sound.std() * squeal
            background = rng.uniform(0.2, 1) * sound.std() * rng.normal(size=len(times))
            clips.append((sound + background).astype(np.float32) / 50)
            labels.append(fault)
            groups.append(machine)
    return Bunch(data=clips, target=np.array(labels), groups=np.array(groups))


def folds_of(clips):
    """Return training and test indices, of the set's folds or of five folds by group."""
    folds, groups = clips.get("folds"), clips.get("groups")
    if folds is not None and "test" in folds:
        return [(np.flatnonzero(folds != "test"), np.flatnonzero(folds == "test"))]
    if folds is not None:
        return list(LeaveOneGroupOut().split(clips.data, clips.target, folds))
    if len(np.unique(groups)) < 10:
        return list(LeaveOneGroupOut().split(clips.data, clips.target, groups))
    cv = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    return list(cv.split(clips.data, clips.target, groups))


# Classifiers --------------------------------------------------------------------------------


def statistics(recordings):
    """Compute mean and standard deviation of librosa's MFCCs over time."""
    rows = []
    for recording in recordings:
        samples = audio.load(recording, sample_rate=RATE)
        mfcc = librosa.feature.mfcc(y=samples, sr=RATE, n_mfcc=40)
        rows.append([*mfcc.mean(axis=1), *mfcc.std(axis=1)])
    return np.array(rows)


def cross_validated(make, X, y, folds):
    """Predict each clip with a classifier that was not trained on its fold."""
    predicted, seconds = np.full(len(y), "", dtype=object), []
    for index, (train, test) in enumerate(folds):
        classifier = make()
        X_train, X_test = X[index] if isinstance(X, list) else (X[train], X[test])
        started = time.perf_counter()
        classifier.fit(X_train, y[train])
        seconds.append(time.perf_counter() - started)
        predicted[test] = classifier.predict(X_test)
    return predicted, np.mean(seconds)


def features_of(clips, folds, make_transformer):
    """Compute the features of training and test clips in every fold."""
    X = []
    for train, test in folds:
        transformer = make_transformer()
        X_train = transformer.fit_transform([clips.data[index] for index in train])
        X.append((X_train, transformer.transform([clips.data[index] for index in test])))
    return X


def on_statistics(classifier):
    """Make a pipeline on the statistics of each clip."""
    return make_pipeline(StandardScaler(), classifier)


CHEAP = {
    "SVC": lambda seed: on_statistics(SVC(C=10)),
    "forest": lambda seed: on_statistics(RandomForestClassifier(500, random_state=seed, n_jobs=-1)),
}
if MiniRocketClassifier is not None:
    CHEAP["MiniRocket"] = lambda seed: MiniRocketClassifier(random_state=seed)


# Results ------------------------------------------------------------------------------------


def inputs_of(clips, folds, names):
    """Compute the inputs of each kind of classifier: for all clips, or for each fold."""
    sequences = features_of(clips, folds, lambda: MFCCTransformer(n_jobs=-1))
    of_clips = statistics(clips.data)
    channels_first = [[part.transpose(0, 2, 1) for part in pair] for pair in sequences]
    inputs = {"SVC": of_clips, "forest": of_clips, "MiniRocket": channels_first}
    if "embedding" in names:
        inputs["embedding"] = features_of(
            clips, folds, lambda: EmbeddingTransformer(pooling="mean_std", n_jobs=-1)
        )
    return sequences, inputs


def compare(clips, makers, seeds):
    """Print a row for each classifier."""
    y, folds = np.asarray(clips.target), folds_of(clips)
    groups = None if clips.get("groups") is None else np.asarray(clips.groups)
    tested = np.unique(np.concatenate([test for _, test in folds]))
    sequences, inputs = inputs_of(clips, folds, makers)
    shapes = sorted({train.shape[1:] for train, _ in sequences})
    print(f"{len(y)} clips, {len(set(y))} classes, {len(folds)} folds, features {shapes}")
    comparison = Comparison({})
    for name, make in makers.items():
        evaluations = []
        is_random = name not in ("SVC", "embedding")
        for seed in seeds if is_random else seeds[:1]:
            X = inputs.get(name, sequences)
            predicted, seconds = cross_validated(partial(make, seed), X, y, folds)
            evaluations.append(
                Evaluation(
                    indices=tested,
                    y_true=y[tested],
                    y_pred=predicted[tested].astype(y.dtype),
                    probabilities=None,
                    classes=np.unique(y),
                    folds=np.zeros(len(tested), int),  # not used here
                    groups=None if groups is None else groups[tested],
                )
            )
        comparison.evaluations[name] = evaluations if is_random else evaluations * len(seeds)
        balanced = np.mean([evaluation.balanced_accuracy for evaluation in evaluations])
        line = f"{name:22}{comparison.accuracy(name):9.4f}{balanced:10.4f}{seconds:7.1f}"
        if name not in CHEAP:
            best = max(CHEAP, key=comparison.accuracy)
            first = next(name for name in comparison.evaluations if name not in CHEAP)
            for other in [best] if name == first else [best, first]:
                difference, low, high = comparison.difference(name, other)
                line += f"  {difference:+.4f} ({low:+.4f} to {high:+.4f}) from {other}"
        print(line, flush=True)


def main(sets, seeds, networks):
    """Compare all classifiers on all sets."""
    makers = dict(CHEAP)
    for network in networks:
        if network == "embedding":
            makers[network] = lambda seed: make_pipeline(Normalizer(), LogisticRegression(C=10))
        else:
            kind = getattr(classifiers, network)
            makers[network] = lambda seed, kind=kind: kind(random_state=seed)
    for name, clips in load_sets(sets):
        print(f"\n{name:22}{'accuracy':>9}{'balanced':>10}{'fit, s':>7}  ", end="")
        compare(clips, makers, seeds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", help="names of sets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--classifiers", nargs="+", default=["ConvClassifier"])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # of clips that the learned length cuts
    main(arguments.sets, arguments.seeds, arguments.classifiers)
