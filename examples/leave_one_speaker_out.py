"""
Accuracy on a new speaker
=========================

Six people speak digits. A network is trained on five of them and tested on the sixth, with
``LeaveOneGroupOut``; some speakers are much harder than others. Two steps improve the
accuracy most, and the table has a row for each:

* features of the word only, at a common loudness: a log-mel spectrogram of the trimmed
  clip, without further normalisation;
* a hundred synthetic voices in the training set (``make_spoken_words``, which needs the
  extra ``demo``).

The whole comparison fits 18 networks for each seed::

    python examples/leave_one_speaker_out.py 0 1 2
"""

# sphinx_gallery_thumbnail_path = 'images/mfcc.png'

import sys
import tempfile
import time

import numpy as np
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

from skaudio import ConvClassifier, LogMelTransformer, MFCCTransformer, Pipeline
from skaudio.datasets import fetch_free_spoken_digits, make_spoken_words

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
seeds = [int(seed) for seed in sys.argv[1:]] or [0]

digits = fetch_free_spoken_digits(subset="train")
speakers = np.unique(digits.groups)
spoken = make_spoken_words(NAMES, n_clips=100, sample_rate=8000, snr_db=None, random_state=0)

# The synthetic clips come after the real ones, and are in the training set of every fold.
clips = [*digits.data, *spoken.data]
labels = np.concatenate([digits.target, [str(NAMES.index(name)) for name in spoken.target]])
folds = list(LeaveOneGroupOut().split(digits.data, digits.target, digits.groups))
synthetic = np.arange(len(digits.data), len(clips))
with_synthetic = [(np.concatenate([train, synthetic]), test) for train, test in folds]

store = tempfile.TemporaryDirectory()
mfcc = MFCCTransformer(sample_rate=8000, duration=0.8, memory=store.name)
bands = LogMelTransformer(
    sample_rate=8000,
    duration=0.8,
    hop_length=160,
    n_mels=40,
    fmin=60,
    fmax=3800,
    top_db=40,
    align="trim",
    trim_db=40,
    loudness=-23,
    memory=store.name,
)
network = ConvClassifier(epochs=30)
candidates = {
    "the defaults": (mfcc, ConvClassifier(), folds),
    "trimmed, levelled log-mel": (bands, network, folds),
    "and 100 synthetic voices": (bands, network, with_synthetic),
}

print(f"{len(digits.data)} clips of {', '.join(speakers)}; {len(spoken.data)} synthetic ones")
print(f"{'accuracy on':28}" + "".join(f"{speaker:>10}" for speaker in speakers) + f"{'mean':>8}")
for name, (transformer, classifier, cv) in candidates.items():
    started = time.perf_counter()
    by_seed = np.array(
        [
            cross_val_score(
                Pipeline([transformer, classifier.set_params(random_state=seed)]),
                clips,
                labels,
                cv=cv,
            )
            for seed in seeds
        ]
    )
    means, scores = by_seed.mean(axis=1), by_seed.mean(axis=0)
    seconds = (time.perf_counter() - started) / len(cv) / len(seeds)
    print(
        f"{name:28}" + "".join(f"{score:10.3f}" for score in scores) + f"{scores.mean():8.3f}"
        f"  ({means.min():.3f} to {means.max():.3f} by seed, {seconds:.0f} s per fit)",
        flush=True,
    )
store.cleanup()
