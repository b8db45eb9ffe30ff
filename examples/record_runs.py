"""
Keep a record of every fit
==========================

A search tries a dozen networks; a month later nobody knows which of them had which score. A
recorder is a scorer that writes each fit, as a run of its own, to MLflow, Weights & Biases or
TensorBoard: parameters, scores, learning curves and the confusion matrix::

    pip install "skaudio[demo,mlflow,wandb,tensorboard]"
    python examples/record_runs.py runs

Nothing is sent anywhere: MLflow writes to a database, and Weights & Biases to files. This script
prints how to look at them.
"""

import argparse
from pathlib import Path

from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

from skaudio import ConvClassifier, MFCCTransformer, Pipeline
from skaudio.datasets import make_spoken_words
from skaudio.tracking import MLflowRecorder, TensorBoardRecorder, WandbRecorder


def recorders(folder):
    """Make a recorder of each kind."""
    return [
        MLflowRecorder(f"sqlite:///{folder}/mlflow.db", experiment="words", group="dropout"),
        WandbRecorder("words", folder=folder, group="dropout"),
        TensorBoardRecorder(folder / "tensorboard", group="dropout"),
    ]


def main(folder, n_clips=40, epochs=10):
    """Search once with each recorder."""
    folder.mkdir(parents=True, exist_ok=True)
    words = make_spoken_words(["bed", "cat", "happy"], n_clips=n_clips, random_state=0)
    pipeline = Pipeline(
        [
            MFCCTransformer(hop_length=320, memory=folder / "features"),
            ConvClassifier(filters=(16, 16), epochs=epochs, random_state=0),
        ]
    )
    folds = StratifiedGroupKFold(2, shuffle=True, random_state=0)
    for recorder in recorders(folder):
        with recorder:
            search = GridSearchCV(
                pipeline, {"convclassifier__dropout": [0.0, 0.5]}, cv=folds, scoring=recorder
            )
            search.fit(words.data, words.target, groups=words.groups)
            recorder.record(search)
        print(f"{type(recorder).__name__}: best accuracy {search.best_score_:.3f}")
    print(
        "\nLook at them with:\n"
        f"  mlflow ui --backend-store-uri sqlite:///{folder}/mlflow.db   (pip install mlflow)\n"
        f"  wandb sync --include-offline {folder}/wandb/offline-run-*    (uploads them)\n"
        f"  tensorboard --logdir {folder}/tensorboard"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write the records")
    main(parser.parse_args().folder)
