"""Train a small network with 50 clips of each word, alone and by a teacher.

The student has fewer than 30,000 weights and MFCCs as its features. The teacher is a logistic
regression on a frozen speech embedding. Both learn from 50 clips of *bed*, *cat* and *happy*,
each of another speaker, and are tested on the validation speakers of Speech Commands::

    SKAUDIO_DATA=... python examples/benchmarks/distillation.py --seeds 0 1 2

The student is trained on the clips alone; with ten augmented copies of each; and with these
copies and 900 synthetic clips of the three words, all labelled by the teacher.
"""

import argparse
import time
import warnings

import numpy as np
from few_clips import WORDS, drawn
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import Normalizer

from skaudio import (
    ConvClassifier,
    DistilledClassifier,
    EmbeddingTransformer,
    MFCCTransformer,
    Pipeline,
    TCResNetClassifier,
    WaveformAugmenter,
)
from skaudio.datasets import fetch_speech_commands, make_spoken_words

STUDENTS = {
    "ConvClassifier(filters=(32, 40, 48))": lambda seed: ConvClassifier(
        filters=(32, 40, 48), random_state=seed
    ),
    "TCResNetClassifier(width_multiplier=0.6)": lambda seed: TCResNetClassifier(
        width_multiplier=0.6, random_state=seed
    ),
}


def main(seeds):
    """Print a row for each student and each way to train it."""
    train = fetch_speech_commands(WORDS, subset="train")
    validation = fetch_speech_commands(WORDS, subset="validation")
    synthetic = make_spoken_words(WORDS, n_clips=300, random_state=0)
    rows = {}
    for seed in seeds:
        indices = drawn(train, 50, seed)
        X, y = [train.data[index] for index in indices], np.asarray(train.target)[indices]
        mfcc = MFCCTransformer(duration=1.0, n_jobs=-1)
        augmenter = WaveformAugmenter(
            n_copies=10, speed=(0.8, 1.2), noise="white", noise_probability=0.5, random_state=seed
        )
        embedding = EmbeddingTransformer(duration=1.0, pooling="mean_std", n_jobs=-1)
        teacher = Pipeline([embedding, Normalizer(), LogisticRegression(C=10)])
        copies = augmenter.fit_resample(X, y)[0][len(X) :]
        models = {"teacher": teacher}
        for name, make in STUDENTS.items():
            alone = Pipeline([mfcc, make(seed)])
            models[name] = alone
            models[f"{name}, augmented"] = Pipeline([augmenter, mfcc, make(seed)])
            models[f"{name}, distilled"] = DistilledClassifier(
                alone, teacher, unlabeled=[*copies, *synthetic.data]
            )
        for name, model in models.items():
            started = time.perf_counter()
            model.fit(X, y)
            seconds = time.perf_counter() - started
            network = getattr(getattr(model, "student_", model)[-1], "model_", None)
            n_weights = network.count_params() if network else 0
            score = model.score(validation.data, validation.target)
            rows.setdefault(name, []).append((score, seconds, n_weights))
            print(f"{seed}  {name:52}{score:.4f}  {seconds:5.1f} s", flush=True)
    print(f"\n{'mean':55}{'accuracy':>8}{'fit, s':>8}{'weights':>9}")
    for name, row in rows.items():
        score, seconds, n_weights = np.mean(row, axis=0)
        print(f"   {name:52}{score:8.4f}{seconds:8.1f}{n_weights:9.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    main(arguments.seeds)
