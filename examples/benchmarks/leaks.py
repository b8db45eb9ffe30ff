"""Plant copies on the other side of a split and count those found; measure what leaks are worth.

Takes 42 recordings each of English words, Lithuanian words and environmental sounds, and tests on
copies of them: the same samples, at another level, rate, or encoded as MP3. `check_split` should
find all of them. Then it checks splits that should have no leak, and those that should: the same
clips in random folds. The last table is `leak_value` of the default pipeline on sets with groups::

    SKAUDIO_DATA=... python examples/benchmarks/leaks.py
    SKAUDIO_DATA=... python examples/benchmarks/leaks.py --value emodb4 drumkits
"""

import argparse
import io
import time
import warnings

import av
import numpy as np
import soxr
from many_sets import folds_of, load_sets
from sklearn.model_selection import StratifiedKFold

from skaudio import ConvClassifier, MFCCTransformer, Pipeline, audio
from skaudio.model_selection import check_split, leak_value

RATE, N_EACH = 16000, 42
PLANTED = ["bed_cat_happy", "lithuanian", "esc10"]


def as_mp3(clip, bit_rate):
    """Encode a clip."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as out:
        stream = out.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.bit_rate = bit_rate
        for start in range(0, len(clip), 1024):
            part = np.ascontiguousarray(clip[None, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="flt", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


COPIES = {
    "same samples": lambda clip: clip.copy(),
    "20 dB lower": lambda clip: clip / 10,
    "at 44.1 kHz": lambda clip: (soxr.resample(clip, RATE, 44100), 44100),
    "at 8 kHz": lambda clip: (soxr.resample(clip, RATE, 8000), 8000),
    "MP3, 64 kbit/s": lambda clip: as_mp3(clip, 64000),
    "MP3, 32 kbit/s": lambda clip: as_mp3(clip, 32000),
}


def plant(sets):
    """Print how many copies of each kind are found."""
    clips = []
    for name in PLANTED:
        indices = np.random.default_rng(0).permutation(len(sets[name].data))[:N_EACH]
        clips += [audio.load(sets[name].data[index], sample_rate=RATE) for index in indices]
    print(f"{'planted':24}{'copies':>8}{'found':>8}{'lowest correlation':>20}")
    for name, copied in COPIES.items():
        n_clips = len(clips)
        split = [(np.arange(n_clips), n_clips + np.arange(n_clips))]
        check = check_split([*clips, *map(copied, clips)], cv=split)
        right = [r for i, j, r in check.near_copies if j - i == n_clips]
        equal = [same for same in check.copies if same[-1] - same[0] == n_clips]
        lowest = f"{min(right):.3f}" if right else ""
        print(f"{name:24}{n_clips:8}{len(right) + len(equal):8}{lowest:>20}", flush=True)


def check(sets):
    """Print what is found in the folds of each set, and in random ones."""
    print(f"\n{'split':34}{'clips':>8}{'copies':>8}{'near':>6}{'groups':>8}{'seconds':>9}")
    for name, clips in sets.items():
        y, groups = np.asarray(clips.target), clips.get("groups")
        random = list(StratifiedKFold(5, shuffle=True, random_state=0).split(y, y))
        for kind, folds in (("own folds", folds_of(clips)), ("random folds", random)):
            started = time.perf_counter()
            found = check_split(list(clips.data), y, groups, cv=folds)
            print(
                f"{name + ', ' + kind:34}{len(y):8}{len(found.copies):8}{len(found.near_copies):6}"
                f"{len(found.shared_groups):8}{time.perf_counter() - started:9.1f}",
                flush=True,
            )


def value(sets):
    """Print the accuracy in random folds and in folds by group."""
    print(f"\n{'':20}{'random folds':>14}{'by group':>10}  difference")
    for name, clips in sets.items():
        pipeline = Pipeline([MFCCTransformer(), ConvClassifier(random_state=0)])
        found = leak_value(pipeline, list(clips.data), clips.target, clips.groups)
        low, high = found.interval
        print(
            f"{name:20}{found.random:14.3f}{found.by_group:10.3f}  {found.difference:+.3f} "
            f"({low:+.3f} to {high:+.3f})",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--value", nargs="*", help="sets of the last table", default=["emodb4"])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # the same problems, in sentences
    loaded = dict(load_sets([*PLANTED, "emodb4", "drumkits"]))
    plant(loaded)
    check(loaded)
    if arguments.value:
        value(dict(load_sets(arguments.value)))
