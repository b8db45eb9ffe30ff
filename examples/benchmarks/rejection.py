"""How much of what it never heard a model of three words rejects, and what that costs.

Trains the literal line on the training speakers of *bed*, *happy*, *cat*, chooses the
threshold of `UnknownRejector` on 15 % of those speakers, and asks about the validation
speakers, about fourteen other words and about seconds of background noise::

    SKAUDIO_DATA=... python examples/benchmarks/rejection.py --seeds 0 1 2

The peer is the same model without a threshold, which rejects nothing. ``SKAUDIO_DATA`` has
to have the folders ``other_words`` (a folder a word) and ``background_noise``.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import soundfile
from sklearn.metrics import roc_auc_score

from skaudio import ConvClassifier, MFCCTransformer, Pipeline, UnknownRejector
from skaudio.datasets import fetch_speech_commands, load_audio_folder

WORDS = ["bed", "happy", "cat"]
RATE = 16000


def seconds_of_noise(folder):
    """Cut the recordings of a folder into seconds."""
    seconds = []
    for path in sorted(Path(folder).glob("*.wav")):
        samples, rate = soundfile.read(path, dtype="float32")
        pieces = samples[: len(samples) // rate * rate].reshape(-1, rate)
        seconds += [(piece, rate) for piece in pieces]
    return seconds


def main():
    """Print a line for every seed and share to keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--keep", type=float, nargs="+", default=[0.97, 0.95, 0.93])
    options = parser.parse_args()
    data = Path(os.environ["SKAUDIO_DATA"])
    train = fetch_speech_commands(WORDS, subset="train", random_state=0)
    known = fetch_speech_commands(WORDS, subset="validation", random_state=0)
    others = load_audio_folder(data / "other_words").data
    noise = seconds_of_noise(data / "background_noise")
    print(
        f"{len(train.data)} clips to learn from; {len(known.data)} of other speakers, "
        f"{len(others)} of other words, {len(noise)} of noise to ask about"
    )
    print(
        f"{'':8}{'keep':>6}{'words kept':>12}{'and right':>11}{'others rejected':>17}"
        f"{'noise rejected':>16}{'AUC, others':>13}"
    )
    rows = []
    for seed in options.seeds:
        model = Pipeline([MFCCTransformer(), ConvClassifier(random_state=seed)])
        rejector = UnknownRejector(model, cv=0.15, refit=False, random_state=0)
        rejector.fit(train.data, train.target, groups=train.groups)
        scores = [rejector.score_samples(clips) for clips in (known.data, others, noise)]
        right = rejector.estimator_.predict(known.data) == known.target
        is_known = np.repeat([True, False], [len(known.data), len(others)])
        area = roc_auc_score(is_known, np.concatenate(scores[:2]))
        for keep in options.keep:
            threshold = np.quantile(rejector.held_out_scores_, 1 - keep, method="lower")
            kept = scores[0] >= threshold
            rejected = [(score < threshold).mean() for score in scores[1:]]
            rows.append([keep, kept.mean(), right[kept].mean(), *rejected, area])
            print(f"seed {seed:<3}", line(rows[-1]), flush=True)
    for keep in options.keep:
        print(f"{'mean':8}", line(np.mean([row for row in rows if row[0] == keep], axis=0)))


def line(row):
    """Format the figures of one row."""
    return "{:5.2f}{:12.3f}{:11.4f}{:17.3f}{:16.3f}{:13.3f}".format(*row)


if __name__ == "__main__":
    main()
