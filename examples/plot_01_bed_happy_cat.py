"""
Classify three spoken words with eight networks
===============================================

One-second recordings of the words *bed*, *happy* and *cat* become images of 20 cepstral
coefficients over time. Seven networks are trained to classify them, all on the same folds: a
perceptron, one convolution, two, two with dropout and with augmentation, an LSTM and a GRU.
The eighth is skaudio's default. No speaker is in both the training and the test set.

The recordings are in the folder given by the environment variable ``SKAUDIO_DATA``. Without
it they are downloaded (1.5 GB, once). Without a network, synthetic speech is used instead.
"""

# %%
# Recordings
# ----------
# 400 recordings of each word, with their speakers.

import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import StratifiedGroupKFold, cross_validate
from tqdm.auto import tqdm

from skaudio import (
    ConvClassifier,
    GRUClassifier,
    LSTMClassifier,
    MFCCDisplay,
    MFCCTransformer,
    PerceptronClassifier,
    TrainingHistoryDisplay,
)
from skaudio.datasets import fetch_speech_commands, make_spoken_words
from skaudio.exceptions import DatasetError

started = time.perf_counter()
WORDS = ["bed", "happy", "cat"]
N_CLIPS = 400
pictures = Path("skaudio-output")
pictures.mkdir(exist_ok=True)

try:
    recordings = fetch_speech_commands(WORDS, random_state=0)
    print("Real recordings: Speech Commands (P. Warden, CC BY 4.0).")
except DatasetError as error:
    recordings = make_spoken_words(WORDS, n_clips=N_CLIPS, random_state=0)
    print(f"{error}\nUsing SYNTHETIC SPEECH: the results do not apply to human speech.")

chosen = np.concatenate([np.flatnonzero(recordings.target == word)[:N_CLIPS] for word in WORDS])
clips = [recordings.data[index] for index in chosen]
words, speakers = recordings.target[chosen], recordings.groups[chosen]
print(f"{len(clips)} clips of {len(WORDS)} words by {len(set(speakers))} speakers.")

# %%
# Features
# --------
# 20 coefficients every 20 ms; time runs from left to right. The lowest row is the
# loudness, whose values are far outside the range of the others.

mfcc = MFCCTransformer(n_mfcc=20, hop_length=320, duration=1.0).fit(clips)
figure, axes = plt.subplots(3, 4, figsize=(11, 7), layout="constrained", sharex=True, sharey=True)
for row, word in zip(axes, WORDS, strict=True):
    for ax, index in zip(row, np.flatnonzero(words == word)[:4], strict=True):
        MFCCDisplay.from_estimator(mfcc, clips[index], label=word, ax=ax)
        ax.label_outer()
figure.suptitle("20 MFCCs over one second, four speakers per word")
figure.savefig(pictures / "mfcc.png", dpi=120)

# %%
# Eight networks on the same folds
# --------------------------------
# The features of a clip depend on that clip only, so they can be computed once, before
# the data are split. Only the fifth and the last network use augmentation.
# ``early_stopping``, with a patience that is never reached, only serves to record the
# accuracy on clips held out of the training folds in each epoch.

X = mfcc.transform(clips)

watched = {"early_stopping": True, "patience": 1000, "random_state": 0}
plain = {"augmentation": None, "label_smoothing": 0}
plain |= {**watched, "batch_size": 32, "epochs": 20}
image = {**plain, "conv_dim": 2, "kernel_size": 3, "batch_norm": False, "global_pooling": None}
dropout = {"dropout": 0.5, "conv_dropout": 0.3}
augmented = {**image, "augmentation": "default"}
frames = {**plain, "bidirectional": False}

models = {
    "perceptron": PerceptronClassifier(dropout=0, **plain),
    "one convolution": ConvClassifier(filters=32, dropout=0, **image),
    "two convolutions": ConvClassifier(filters=(32, 32), dropout=0, **image),
    "two and dropout": ConvClassifier(filters=(32, 32), **dropout, **image),
    "and augmentation": ConvClassifier(filters=(32, 32), **dropout, **augmented),
    "LSTM": LSTMClassifier(units=48, **frames),
    "GRU": GRUClassifier(units=48, **frames),
    "the default": ConvClassifier(**watched),
}
folds = StratifiedGroupKFold(n_splits=2, shuffle=True, random_state=0)
results = {}
for name, model in (progress := tqdm(models.items(), unit="network")):
    progress.set_description(name)
    results[name] = cross_validate(
        model, X, words, groups=speakers, cv=folds, return_train_score=True, return_estimator=True
    )

# %%
# Results
# -------
# Accuracies are means over the folds; *seconds* is the time of one fit.

print(f"\n{'architecture':18}{'parameters':>11}{'seconds':>9}{'training':>10}{'testing':>9}")
for name, result in results.items():
    parameters = result["estimator"][0].model_.count_params()
    print(
        f"{name:18}{parameters:11,}{result['fit_time'].mean():9.1f}"
        f"{result['train_score'].mean():10.3f}{result['test_score'].mean():9.3f}"
    )
test_scores = {name: result["test_score"].mean() for name, result in results.items()}
gaps = {name: r["train_score"].mean() - test_scores[name] for name, r in results.items()}
best = max(test_scores, key=test_scores.get)
print(
    "\nOverfitting is the gap between training and testing: "
    f"{gaps['two convolutions']:.3f} for two convolutions,\n{gaps['two and dropout']:.3f} with "
    f"dropout, {gaps['and augmentation']:.3f} with augmentation as well. Best on new "
    f"speakers: {best}, {test_scores[best]:.3f}."
)

# %%
# Learning curves
# ---------------
# Where the two curves diverge, the network overfits. With dropout or augmentation the
# training curve is measured with both, and may be the lower one.

figure, axes = plt.subplots(2, 4, figsize=(13, 6), layout="constrained", sharex=True, sharey=True)
for ax, (name, result) in zip(axes.ravel(), results.items(), strict=True):
    TrainingHistoryDisplay.from_estimator(result["estimator"][0], name=name, ax=ax)
    ax.set_ylim(0.3, 1.02)
    ax.legend(loc="lower right")
    ax.label_outer()
figure.suptitle("Accuracy on training clips and on held-out clips (first fold)")
figure.savefig(pictures / "learning-curves.png", dpi=120)

# %%
# Confusion matrix
# ----------------
# Each clip is classified by the network that was not trained on its speaker.

predicted = np.empty_like(words)
splits = folds.split(X, words, speakers)
for (_, test), network in zip(splits, results[best]["estimator"], strict=True):
    predicted[test] = network.predict(X[test])
display = ConfusionMatrixDisplay.from_predictions(words, predicted, cmap="Blues", colorbar=False)
display.ax_.set_title(f"{best}: new speakers")
display.figure_.savefig(pictures / "confusion.png", dpi=120)

# %%
# The last step is the final model: fit the best one on all clips.

final = clone(models[best]).set_params(early_stopping=False).fit(X, words)
print(f"\nFitted on all clips, it predicts {final.predict(X[:1])[0]} for a clip of {words[0]}.")
print(f"Figures: {pictures}/mfcc.png, learning-curves.png, confusion.png")
print(f"{time.perf_counter() - started:.0f} s in total.")
