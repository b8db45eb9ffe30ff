"""
Learn words from five clips of each
===================================

A network that is trained from nothing needs hundreds of clips of each word. A frozen speech
embedding has been trained on much more speech than that, and the mean of five vectors is enough
to find a word again, in the voices of other speakers. The same model also says "unknown" to
most other words.

The embedding needs ``pip install "skaudio[embedding]"``. The recordings are in the folder given by
the environment variable ``SKAUDIO_DATA``. Without it, synthetic speech is used, with voices as
speakers.
"""

# %%
# Recordings
# ----------
# Three words, by many speakers; other words, which the model never sees.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skaudio import EmbeddingTransformer, Pipeline, PrototypeClassifier, UnknownRejector
from skaudio.datasets import fetch_speech_commands, load_audio_folder, make_spoken_words

WORDS = ["bed", "cat", "happy"]
OTHER_WORDS = ["dog", "house", "tree", "seven"]
pictures = Path("skaudio-output")
pictures.mkdir(exist_ok=True)

data = os.environ.get("SKAUDIO_DATA")
if data and Path(data, "other_words").is_dir():
    recordings = fetch_speech_commands(WORDS, random_state=0)
    others = load_audio_folder(Path(data, "other_words")).data
    print("Real recordings: Speech Commands (P. Warden, CC BY 4.0).")
else:
    recordings = make_spoken_words(WORDS, n_clips=100, random_state=0)
    others = make_spoken_words(OTHER_WORDS, n_clips=35, random_state=0).data
    print("SKAUDIO_DATA is not set: SYNTHETIC SPEECH. The results do not apply to human speech.")

# %%
# One clip of each word by five speakers; the clips of all other speakers are for the test.

rng = np.random.default_rng(0)
words, speakers = np.asarray(recordings.target), np.asarray(recordings.groups)
training = []
for word in WORDS:
    indices = rng.permutation(np.flatnonzero(words == word))
    _, first = np.unique(speakers[indices], return_index=True)
    training.extend(indices[np.sort(first)][:5])
is_new = ~np.isin(speakers, speakers[training])
test = rng.permutation(np.flatnonzero(is_new))[:500]
print(f"{len(training)} training clips, {len(test)} clips of other speakers.")

# %%
# Train
# -----
# :class:`~skaudio.EmbeddingTransformer` turns each recording into vectors, one for each 80 ms,
# and pools them over time. :class:`~skaudio.PrototypeClassifier` compares directions.

clips = [recordings.data[index] for index in training]
embedding = EmbeddingTransformer(pooling="mean_std", duration=1.0, n_jobs=2)
model = UnknownRejector(Pipeline([embedding, PrototypeClassifier()]))
model.fit(clips, words[training])

# %%
# The threshold rests on 15 clips, so that the share of known words that it accepts is uncertain.

low, high = model.keep_interval_
print(f"Known words accepted: about {model.keep:.0%}, between {low:.0%} and {high:.0%}.")

# %%
# Test
# ----

test_clips = [recordings.data[index] for index in test]
predicted = model.predict(test_clips)
accuracy = np.mean(model.estimator_.predict(test_clips) == words[test])
rejected = np.mean(model.predict(others) == "unknown")
print(f"Accuracy on {len(test)} clips of other speakers: {accuracy:.3f}")
print(f"Known words accepted: {np.mean(predicted != 'unknown'):.3f}")
print(f"Other words rejected: {rejected:.3f}")

# %%
# How similar a clip is to the most similar of the three prototypes.

figure, ax = plt.subplots(figsize=(9, 3.5), layout="constrained")
known, unknown = model.score_samples(test_clips), model.score_samples(others)
bins = np.linspace(min(known.min(), unknown.min()), 1, 51)
for name, scores in (("bed, cat, happy, by new speakers", known), ("other words", unknown)):
    ax.hist(scores, bins, density=True, alpha=0.6, label=name)
ax.axvline(model.threshold_, color="black", linestyle=":", label="threshold")
ax.set(xlabel="cosine similarity", ylabel="density", xlim=(bins[0], bins[-1]))
ax.legend(loc="upper left")
figure.savefig(pictures / "five-clips.png", dpi=120)
print(f"\nPicture in {pictures}/five-clips.png.")
