"""
Classify sounds that are not speech
===================================

Dogs, rain, chainsaws: ten classes of the data set ESC-50, five seconds each. Nothing is set for
them: the window, the hop and the length of a clip follow the recordings. The test set is one of
the official five folds; cross-validate over all of them to compare models.

The recordings are in ``sets/esc10`` of the folder given by the environment variable
``SKAUDIO_DATA``. Without it, five synthetic sounds are used.
"""

# %%
# Recordings
# ----------
# A table of paths, labels and folds.

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, balanced_accuracy_score

from skaudio import ConvClassifier, MFCCTransformer, Pipeline
from skaudio.datasets import load_audio_table

RATE = 16000
pictures = Path("skaudio-output")
pictures.mkdir(exist_ok=True)


def synthetic_sound(kind, rng, seconds=2.0):
    """Make a sound of a kind: hiss, hum, siren, clock or drops."""
    times = np.arange(int(seconds * RATE)) / RATE
    noise = rng.normal(size=len(times))
    frequency = rng.uniform(0.7, 1.4)
    phases = 2 * np.pi * np.cumsum(800 + 400 * np.sin(2 * np.pi * frequency * times)) / RATE
    return {
        "hiss": noise,
        "hum": sum(np.sin(2 * np.pi * 100 * frequency * n * times) / n for n in range(1, 9)),
        "siren": np.sin(phases),
        "clock": noise * np.exp(-60 * ((times * 2 * frequency) % 1)),
        "drops": np.sin(2 * np.pi * 2000 * frequency * times) * (rng.random(len(times)) > 0.999),
    }[kind] + rng.uniform(0.05, 0.3) * noise


data = os.environ.get("SKAUDIO_DATA")
if data and Path(data, "sets", "esc10").is_dir():
    sounds = load_audio_table(Path(data, "sets", "esc10", "clips.csv"))
    clips, labels, is_test = sounds.data, sounds.target, np.asarray(sounds.folds) == "5"
    print("ESC-10, a part of ESC-50 (K. Piczak, CC BY 3.0).")
else:
    rng = np.random.default_rng(0)
    labels = np.array(["hiss", "hum", "siren", "clock", "drops"] * 30)
    clips = [synthetic_sound(kind, rng).astype(np.float32) / 10 for kind in labels]
    is_test = np.arange(len(clips)) >= 100
    print("SKAUDIO_DATA is not set: SYNTHETIC SOUNDS. The results do not apply to recordings.")
training, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
print(f"{len(training)} training clips and {len(test)} test clips of {len(set(labels))} classes.")

# %%
# Train and test
# --------------

model = Pipeline([MFCCTransformer(n_jobs=2), ConvClassifier(random_state=0, verbose=1)])
started = time.perf_counter()
model.fit([clips[index] for index in training], labels[training])
features = model[0]
print(f"Fitted in {time.perf_counter() - started:.0f} s.")
print(
    f"Clips of {features.duration_:g} s, windows of {1000 * features.win_length_ / RATE:.0f} ms, "
    f"one every {1000 * features.hop_length_ / RATE:.0f} ms."
)

predicted = model.predict([clips[index] for index in test])
print(f"Accuracy: {np.mean(predicted == labels[test]):.3f}")
print(f"Balanced accuracy: {balanced_accuracy_score(labels[test], predicted):.3f}")

# %%
# Which sounds are confused.

figure, ax = plt.subplots(figsize=(7, 6), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    labels[test], predicted, ax=ax, cmap="Purples", colorbar=False, xticks_rotation=45
)
figure.savefig(pictures / "environmental-sounds.png", dpi=120)
print(f"\nPicture in {pictures}/environmental-sounds.png.")
