"""Measure how many unknown words and noises a model of three words rejects, and the cost.

Trains on the training speakers of *bed*, *happy*, *cat*, chooses the threshold of
`UnknownRejector` on 15 % of those speakers, and tests on the validation speakers, on
fourteen other words and on seconds of background noise::

    SKAUDIO_DATA=... python examples/benchmarks/rejection.py --seeds 0 1 2

There are two models: the default pipeline, and a committee of three networks of the same kind.
These use different features (MFCCs, MFCCs normalised per clip, PCEN), and are also trained
on 380 other words in synthetic voices; none of these is among the fourteen test words.
The second network is also trained on sounds that are not words: the known words reversed, and
halves of two of them joined.

``SKAUDIO_DATA`` must contain the folders ``other_words`` (one sub-folder per word) and
``background_noise``.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from few_clips import seconds_of_noise
from sklearn.base import BaseEstimator
from sklearn.ensemble import VotingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit

from skaudio import (
    ConvClassifier,
    MFCCTransformer,
    PCENTransformer,
    Pipeline,
    UnknownRejector,
    audio,
    dsp,
)
from skaudio.datasets import fetch_speech_commands, load_audio_folder, make_spoken_words

WORDS = ["bed", "happy", "cat"]
RATE = 16000
OTHER_WORDS = """
actor airplane airport anchor angry ankle answer any apple army autumn baby bad bag bake
banana bat bathroom bedroom beg begin believe bell bend bent berry best bet bicycle bid
blanket blood boat body boil bone book boot bottle brain bread break breakfast bridge
brother bud build busy butter butterfly button cad can candle cap captain car carpet carrot
carry cash cast catch cattle ceiling chain chair chapter cheek cheese cherry chicken child
children cinema city clean climb close cloud coat coffee color cook copper copy corner cot
cotton cousin cow cry cup curtain cut dance dead dinner doctor dog door draw dream drink
duck easy eat eight elbow elephant engine evening explain farmer fat father fed finger
finish fire floor flower follow forehead forget fork four friend garage garden gate
geography giraffe glass glove goat goose grammar grape habit half hammer happen harbor harp
hat have head heart heavy hippie history hobby holiday horse hospital hour house hungry
hurry insect iron island jacket journey jump kept king kit kitchen kite knee knife ladder
lady lamp language laugh learn leather led lemon letter library lift light lion listen lunch
man many market marry marvin mat medicine melon metal milk minute mirror moment money monkey
month morning mother motor mountain mouse mouth muscle museum music nail needle night no
number nurse ocean on onion open orange paint painter paper party pat peach pencil penny
people pepper person picture pig pillow planet plastic plate plum pocket poet poppy potato
pretty prince problem pull puppy push queen question rabbit rain rainbow rat read ready
reason red remember repair right river road rocket rope run said sailor salt sappy sat saw
scarf school science screw season second sentence shadow shed sheep sheila ship shirt shoe
shoulder shout silk silver sing sister skin sleep smell smile smoke snake snappy snow sock
soldier song sorry speech spider spoon spring start station stomach stone stop storm story
street sugar summer sunshine supper swim table taste tea teach teacher that theater think
thread throat throw thumb thunder ticket tiger today tomato tomorrow tongue tooth touch
train travel tree trouser truck uncle understand up valley very village visit voice walk
wash watch water weather wed week wheel whisper wind window winter woman wood wool write
writer year yes yesterday
"""


class PseudoWords(BaseEstimator):
    """Add unknown words to the training set, made of the known ones.

    A reversed word, and the beginning of one with the end of another, have the voices,
    rooms and microphones of the known words, and most of their sounds. They are only made of
    recordings in files: synthetic voices, which are arrays, have no room.

    Parameters
    ----------
    unknown_label : str or int
        The label of the new clips.
    n_reversed, n_spliced : int
        The number of clips of each kind.
    random_state : int
        Seed of the choice.
    """

    def __init__(self, unknown_label, n_reversed=1500, n_spliced=2000, random_state=0):
        self.unknown_label = unknown_label
        self.n_reversed = n_reversed
        self.n_spliced = n_spliced
        self.random_state = random_state

    def fit_resample(self, X, y):
        """Return the recordings, followed by the new clips."""
        rng = np.random.default_rng(self.random_state)
        in_file = [isinstance(recording, str | os.PathLike) for recording in X]
        known = np.flatnonzero((y != self.unknown_label) & in_file)
        words = [audio.fit_length(audio.load(X[index], sample_rate=RATE), RATE) for index in known]
        made = [words[index][::-1] for index in rng.integers(len(words), size=self.n_reversed)]
        while len(made) < self.n_reversed + self.n_spliced:
            first, second = rng.integers(len(words), size=2)
            if y[known[first]] != y[known[second]]:
                made.append(spliced(words[first], words[second], rng))
        return [*X, *made], np.concatenate([y, np.full(len(made), self.unknown_label)])


def spliced(first, second, rng):
    """Cross-fade from the middle of one word to the middle of another, in 10 ms."""
    (start, end), (other_start, other_end) = (dsp.sounding_interval(w) for w in (first, second))
    here = start + int((end - start) * rng.uniform(0.35, 0.65))
    there = other_start + int((other_end - other_start) * rng.uniform(0.35, 0.65))
    loudness = np.sqrt(np.mean(first[start:end] ** 2))
    other_loudness = np.sqrt(np.mean(second[other_start:other_end] ** 2))
    # Rolled, not padded: digital silence would be easy to recognise.
    second = np.roll(second, here - there) * (loudness / max(other_loudness, 1e-9))
    weight = np.clip((np.arange(len(first)) - here) / (0.01 * RATE) + 0.5, 0, 1)
    return np.clip(first * (1 - weight) + second * weight, -1, 1).astype(np.float32)


def committee(random_state):
    """Combine three networks with different features, one of them trained on pseudo-words."""
    # VotingClassifier encodes the labels of its members; "unknown" is the last of them.
    pseudo_words = PseudoWords(unknown_label=len(WORDS))
    network = ConvClassifier(random_state=random_state)
    members = {
        "mfcc": Pipeline([MFCCTransformer(), network]),
        "normalised": Pipeline([pseudo_words, MFCCTransformer(normalize="mean_var"), network]),
        "pcen": Pipeline([PCENTransformer(), network]),
    }
    return VotingClassifier(list(members.items()), voting="soft")


def main():
    """Print a line for every model, seed and value of `keep`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    models = ["literal", "committee"]
    parser.add_argument("--models", nargs="+", choices=models, default=models)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--keep", type=float, nargs="+", default=[0.97, 0.95, 0.945, 0.94, 0.93])
    options = parser.parse_args()
    train = fetch_speech_commands(WORDS, subset="train", random_state=0)
    known = fetch_speech_commands(WORDS, subset="validation", random_state=0)
    others = load_audio_folder(Path(os.environ["SKAUDIO_DATA"]) / "other_words")
    noise = seconds_of_noise()
    print(
        f"{len(train.data)} training clips; test clips: {len(known.data)} of other speakers, "
        f"{len(others.data)} of other words, {len(noise)} of noise"
    )
    # The threshold is chosen on human voices: synthetic ones are only used for training.
    splitter = GroupShuffleSplit(1, test_size=0.15, random_state=0)
    learned, held_out = next(splitter.split(train.data, groups=train.groups))
    print(
        f"{'':17}{'keep':>6}{'words kept':>12}{'accuracy':>11}{'others rejected':>17}"
        f"{'noise rejected':>16}{'AUC, others':>13}{'fit s':>8}"
    )
    for name in options.models:
        rows = []
        X, y = list(train.data), train.target
        if name == "committee":
            spoken, labels = synthetic_words(test_words=set(others.target))
            X, y = X + spoken, np.concatenate([y, labels])
        splits = [(np.r_[learned, len(train.data) : len(X)], held_out)]
        for seed in options.seeds:
            if name == "committee":
                model = committee(random_state=seed)
            else:
                model = Pipeline([MFCCTransformer(), ConvClassifier(random_state=seed)])
            rejector = UnknownRejector(model, cv=splits, refit=False)
            start = time.perf_counter()
            rejector.fit(X, y)
            seconds = time.perf_counter() - start
            scores = [rejector.score_samples(clips) for clips in (known.data, others.data, noise)]
            is_correct = rejector.estimator_.predict(known.data) == known.target
            is_known = np.repeat([True, False], [len(known.data), len(others.data)])
            area = roc_auc_score(is_known, np.concatenate(scores[:2]))
            for keep in options.keep:
                threshold = np.quantile(rejector.held_out_scores_, 1 - keep, method="lower")
                kept = scores[0] >= threshold
                rejected = [(score < threshold).mean() for score in scores[1:]]
                accuracy = is_correct[kept].mean()
                rows.append([keep, kept.mean(), accuracy, *rejected, area, seconds])
                print(f"{name:10} seed {seed}", line(rows[-1]), flush=True)
        for keep in options.keep:
            mean = np.mean([row for row in rows if row[0] == keep], axis=0)
            print(f"{name:10} mean  ", line(mean))


def synthetic_words(test_words):
    """Synthesise the three words, and others as "unknown", in the same voices.

    With the other words alone, the networks would learn to recognise synthetic voices.
    """
    known = make_spoken_words(WORDS, n_clips=400, random_state=1)
    words = [word for word in OTHER_WORDS.split() if word not in test_words]
    others = make_spoken_words(words, n_clips=12, random_state=2)
    labels = np.concatenate([known.target, np.full(len(others.target), "unknown")])
    return [*known.data, *others.data], labels


def line(row):
    """Format one row."""
    return "{:5.3f}{:12.3f}{:11.4f}{:17.3f}{:16.3f}{:13.3f}{:8.0f}".format(*row)


if __name__ == "__main__":
    main()
