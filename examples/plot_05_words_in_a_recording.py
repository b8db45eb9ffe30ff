"""
Find words in a long recording
==============================

A classifier of clips finds its words in a recording: with times, and with thresholds that keep
false alarms rare. The words are *bed*, *cat* and *happy* of synthetic voices, among many other
words, so that the example runs anywhere.

It needs ``pip install "skaudio[demo,embedding,export]"``.
"""

# %%
# A folder of words
# -----------------
# Most of what a detector hears is none of its words. So the classifier also needs clips of other
# words, with the label ``"unknown"``. Voices of training, tuning and test are different.

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import Normalizer

from skaudio import (
    CascadeClassifier,
    ConvClassifier,
    DetectionDisplay,
    DetectionErrorTradeoffDisplay,
    EmbeddingTransformer,
    MFCCTransformer,
    Pipeline,
)
from skaudio.datasets import make_soundscape, make_spoken_words
from skaudio.detection import SoundDetector, cut_windows, score_events, write_events
from skaudio.export import to_onnx
from skaudio.page import write_page

pictures = Path("skaudio-output")
pictures.mkdir(exist_ok=True)
words = make_spoken_words(["bed", "cat", "happy"], 120, snr_db=None, random_state=0)
other_words = (
    "bad bat bath better bird body cab can cap carry cut dead dog five go had half hat head heavy "
    "house kept left marry many nine off one puppy red sad seven six three two very web zero"
)
others = make_spoken_words(other_words.split(), 24, snr_db=None, random_state=1)

parts = {}
for part, remainders in (("train", [0, 1]), ("tune", [2]), ("test", [3])):
    is_word, is_other = (
        np.isin(np.unique(clips.groups, return_inverse=True)[1] % 4, remainders)
        for clips in (words, others)
    )
    parts[part] = words.data[is_word], words.target[is_word], others.data[is_other]

clips, labels, unknown = parts["train"]
X = [*clips, *unknown]
y = [*labels, *["unknown"] * len(unknown)]
model = Pipeline([MFCCTransformer(duration=1.0), ConvClassifier(random_state=0)]).fit(X, y)

# %%
# Recordings with labels
# ----------------------
# Recordings of the place where the detector will be used are best. If they are marked in Audacity,
# Raven or Praat, :func:`~skaudio.detection.read_events` reads the marks. Here they are made: words
# among other words, in noise 15 dB below them.


def make_recordings(part, n_recordings, events_per_hour=300):
    """Make recordings of ten minutes, and lists of their events."""
    clips, labels, unknown = parts[part]
    made = [
        make_soundscape(
            clips,
            labels,
            duration=600,
            events_per_hour=events_per_hour,
            others=unknown,
            others_per_hour=1500,
            snr_db=15,
            random_state=seed,
        )
        for seed in range(n_recordings)
    ]
    return [each.data for each in made], [each.events for each in made]


tuning, tuning_events = make_recordings("tune", 3)
test, test_events = make_recordings("test", 2)

detector = SoundDetector(model)
detector.tune(tuning, tuning_events, max_false_per_hour=12)
print(detector.tuning_)

# %%
# The waveform, the spectrogram, the score of each word with its threshold (dotted), and the words
# that were said (frames) and found (filled):

start = test_events[0][2].start - 5
display = DetectionDisplay.from_detector(
    detector, test[0], events=test_events[0], start=start, stop=start + 60
)
display.figure_.savefig(pictures / "detection.png")

# %%
# Windows, false alarms, and a second opinion
# -------------------------------------------
# The classifier has seen words alone, in their place. In a recording it sees windows that contain
# words at any place, and halves of two words. So train it with such windows, too, and with those
# that it takes for words although they are not. Both come from recordings of the training voices.
# A second classifier, a regression on a speech embedding, judges what the first takes for a word.

scenes, scene_events = make_recordings("train", 2, events_per_hour=900)
windows, window_labels = cut_windows(scenes, scene_events, duration=1.0, random_state=0)
mined, mined_labels = SoundDetector(model, threshold=0.2).mine(scenes, scene_events)
print(f"{len(windows)} windows and {len(mined)} false alarms were added to {len(X)} clips.")

network = Pipeline([MFCCTransformer(duration=1.0), ConvClassifier(random_state=0)])
embedding = EmbeddingTransformer(pooling="mean_std", duration=1.0)
regression = Pipeline([embedding, Normalizer(), LogisticRegression(C=10, max_iter=1000)])
cascade = CascadeClassifier(network, regression)
cascade.fit([*X, *windows, *mined], [*y, *window_labels, *mined_labels])

better = SoundDetector(cascade)
better.tune(tuning, tuning_events, max_false_per_hour=12)
print(better.tuning_)

# %%
# Voices that nothing was trained or tuned on
# -------------------------------------------
# The points are the thresholds that were chosen:

_, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
duration = sum(map(len, test)) / 16000
names = "clips", "windows, false alarms, cascade"
for ax, name, each in zip(axes, names, (detector, better), strict=True):
    scores = [each.score_windows(recording) for recording in test]
    found = [each.detect(recording) for recording in scores]
    print(f"{name}\n{score_events(test_events, found, duration=duration)}\n")
    DetectionErrorTradeoffDisplay.from_detector(each, scores, test_events, ax=ax)
    ax.set_title(name)
axes[0].figure.savefig(pictures / "tradeoff.png")

# %%
# Half an hour of recordings is little: the intervals show how little. :doc:`../detection` has the
# figures for human voices and many hours.
#
# Audacity opens the labels together with the recording:

write_events(found[0], pictures / "found.txt")

# %%
# A page that listens
# -------------------
# The network of the cascade, as a web page with a microphone. Call
# ``python -m http.server --directory skaudio-output/page`` to see it.

to_onnx(cascade.first_, pictures / "words.onnx")
page = write_page(pictures / "words.onnx", pictures / "page", title="Bed, cat, happy")
print(f"Wrote {page}.")
