"""
Search, cross-validate by speaker, save
=======================================

``GridSearchCV`` tunes the features, the sizes and the architecture of one pipeline. The
best model is cross-validated on new speakers, saved with joblib, loaded again and
used to classify a single file.
"""

# %%
# Recordings
# ----------
# 100 recordings of each of three words. The pipeline maps *paths* to labels, so the
# features are computed during the search.

from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedGroupKFold, cross_validate

from skaudio import (
    ConvClassifier,
    LSTMClassifier,
    MFCCTransformer,
    PerceptronClassifier,
    Pipeline,
    TrainingHistoryDisplay,
)
from skaudio.datasets import fetch_speech_commands, make_spoken_words
from skaudio.exceptions import DatasetError
from skaudio.model_selection import ResumableSearch

WORDS = ["bed", "happy", "cat"]
N_CLIPS = 100
output = Path("skaudio-output")
output.mkdir(exist_ok=True)

try:
    recordings = fetch_speech_commands(WORDS, random_state=0)
    print("Real recordings: Speech Commands (P. Warden, CC BY 4.0).")
except DatasetError as error:
    recordings = make_spoken_words(
        WORDS, n_clips=N_CLIPS, random_state=0, folder=output / "synthetic"
    )
    print(f"{error}\nUsing SYNTHETIC SPEECH: the results do not apply to human speech.")

chosen = np.concatenate([np.flatnonzero(recordings.target == word)[:N_CLIPS] for word in WORDS])
paths = [recordings.data[index] for index in chosen]
words, speakers = recordings.target[chosen], recordings.groups[chosen]

# %%
# Search features, sizes and architectures
# ----------------------------------------
# The labels are sorted by word. This is not a problem: scikit-learn recognises the pipeline
# as a classifier, and would stratify a plain ``cv=3``. Here whole speakers are held out.
#
# ``ResumableSearch`` keeps the score of every fit in a folder. If this script is stopped, or if
# the grid grows, the next run only fits what is missing.

model = Pipeline(
    [("features", MFCCTransformer(duration=1.0, hop_length=320)), ("classifier", ConvClassifier())]
)
quick = {"epochs": 12, "random_state": 0}
grid = [
    {
        "features__n_mfcc": [13, 40],
        "classifier": [ConvClassifier(**quick)],
        "classifier__filters": [(32, 32), (32, 64, 64)],
    },
    {"classifier": [PerceptronClassifier(**quick), LSTMClassifier(units=32, **quick)]},
]
folds = StratifiedGroupKFold(n_splits=3, shuffle=True, random_state=0)
search = GridSearchCV(model, grid, cv=folds, n_jobs=2, verbose=1)
search = ResumableSearch(search, output / "fits")
search.fit(paths, words, groups=speakers)

# %%
# Every candidate, best first.


def describe(candidate):
    """Describe a candidate in one line."""
    classifier = candidate["classifier"]
    sizes = f" {candidate['classifier__filters']}" if "classifier__filters" in candidate else ""
    n_mfcc = candidate.get("features__n_mfcc", model["features"].n_mfcc)
    return f"{type(classifier).__name__}{sizes} on {n_mfcc} coefficients"


results = search.cv_results_
order = np.argsort(results["rank_test_score"])
names = [describe(results["params"][index]) for index in order]
means, spreads = results["mean_test_score"][order], results["std_test_score"][order]
for name, mean, spread in zip(names, means, spreads, strict=True):
    print(f"{mean:.3f} ± {spread:.3f}  {name}")

figure, ax = plt.subplots(figsize=(9, 3.5), layout="constrained")
ax.barh(names[::-1], means[::-1], xerr=spreads[::-1], color="tab:purple", alpha=0.8)
ax.axvline(1 / len(WORDS), color="gray", linestyle=":")
ax.set(xlabel="accuracy on held-out speakers (dotted: guessing)", xlim=(0, 1))
figure.savefig(output / "search.png", dpi=120)

# %%
# Evaluate the best model
# -----------------------
# The score in the search is biased, since it was used for the choice. New folds, again by
# speaker, give a fairer estimate; this time the model is trained for more epochs.

best = search.best_estimator_.set_params(classifier__epochs=25)
result = cross_validate(
    best, paths, words, groups=speakers, cv=GroupKFold(3), n_jobs=2, return_estimator=True
)
scores = result["test_score"]
print(f"\nThe best model on other folds: {scores.mean():.3f} (minimum {scores.min():.3f})")

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
TrainingHistoryDisplay.from_cv_results(result, ax=ax)
figure.savefig(output / "training.png", dpi=120)

# %%
# Save, load and predict
# ----------------------
# The file contains the whole pipeline, from the path of a recording to its label. Only load
# such files from sources that you trust: like every pickle, they can run code.

best.fit(paths, words)
joblib.dump(best, output / "words.joblib")
loaded = joblib.load(output / "words.joblib")
(probabilities,) = loaded.predict_proba(paths[:1])
print(f"\n{Path(paths[0]).name}: {loaded.predict(paths[:1])[0]}")
for word, probability in zip(loaded.classes_, probabilities, strict=True):
    print(f"  {word:6} {probability:.3f}")
