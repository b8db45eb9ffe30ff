"""
Tune a network with Optuna
==========================

`Optuna <https://optuna.org>`_ proposes the next candidate from the scores of those before it, and
ends a trial early when its accuracy after an epoch is below the median of the earlier trials. Here
it chooses learning rate, dropout and augmentation of a small network, on folds by speaker::

    pip install optuna
    python examples/tune_with_optuna.py

The first fold of a trial decides whether it ends early: a Keras callback reports the accuracy for
the held-out speakers after each epoch. Only a trial that survives is trained on the other folds.
The learning rate is constant here, so that epochs of one trial can be compared with the same epochs
of another one.
"""

# sphinx_gallery_thumbnail_path = 'images/mfcc.png'

import argparse

import numpy as np
import optuna
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold

from skaudio import ConvClassifier, MFCCTransformer
from skaudio.augmentation import FeatureAugmentation
from skaudio.datasets import fetch_speech_commands, make_spoken_words
from skaudio.exceptions import DatasetError

WORDS = ["bed", "happy", "cat"]


def pruning(trial):
    """Make a callback that reports each validation accuracy, and ends a hopeless trial."""
    import keras  # after skaudio, which hides the messages of TensorFlow's start

    def report(epoch, logs):
        trial.report(logs["val_accuracy"], step=epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    return keras.callbacks.LambdaCallback(on_epoch_end=report)


def load(n_clips):
    """Return features, labels and speakers."""
    try:
        words = fetch_speech_commands(WORDS, random_state=0)
    except DatasetError as error:
        words = make_spoken_words(WORDS, n_clips=n_clips, random_state=0)
        print(f"{error}\nUsing SYNTHETIC SPEECH: the results do not apply to human speech.")
    chosen = np.concatenate([np.flatnonzero(words.target == word)[:n_clips] for word in WORDS])
    # With a given duration nothing is learned from the clips, so that one computation is enough.
    transformer = MFCCTransformer(duration=1.0, hop_length=320)
    X = transformer.fit_transform([words.data[index] for index in chosen])
    return X, words.target[chosen], words.groups[chosen]


def candidate(trial, epochs):
    """Make the classifier that a trial proposes."""
    return ConvClassifier(
        filters=(16, 16),
        epochs=epochs,
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 3e-2, log=True),
        learning_rate_schedule="constant",
        dropout=trial.suggest_float("dropout", 0.0, 0.6),
        augmentation=FeatureAugmentation(time_mask=trial.suggest_float("time_mask", 0.0, 0.3)),
        random_state=0,
    )


def tune(n_clips, n_trials, epochs):
    """Search, and return the finished study."""
    X, y, speakers = load(n_clips)
    folds = list(StratifiedGroupKFold(3, shuffle=True, random_state=0).split(X, y, speakers))

    def objective(trial):
        classifier = candidate(trial, epochs)
        accuracies = []
        for number, (train, test) in enumerate(folds):
            of_fold = clone(classifier)
            if number == 0:
                of_fold.set_params(callbacks=pruning(trial))
                of_fold.fit(X[train], y[train], X_val=X[test], y_val=y[test])
            else:
                of_fold.fit(X[train], y[train])
            accuracies.append(of_fold.score(X[test], y[test]))
        return np.mean(accuracies)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=2),
    )
    study.optimize(objective, n_trials=n_trials, show_progress_bar=True)
    return study


def main():
    """Print the trials, best first."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--clips", type=int, default=100, help="of each word")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    study = tune(arguments.clips, arguments.trials, arguments.epochs)
    print(f"{'trial':>5}{'accuracy':>10}  epochs")
    for trial in sorted(study.trials, key=lambda trial: -(trial.value or 0)):
        is_pruned = trial.state == optuna.trial.TrialState.PRUNED
        accuracy = "ended early" if is_pruned else f"{trial.value:.3f}"
        shown = ", ".join(f"{name} {value:.2g}" for name, value in trial.params.items())
        print(f"{trial.number:5}{accuracy:>12}{len(trial.intermediate_values):4}  {shown}")


if __name__ == "__main__":
    main()
