"""Compare exported models with the pipelines that they were made from.

The first table has a row for each classifier behind each front end: the largest difference of a
probability and the share of equal labels over 500 clips of *bed*, *cat* and *happy* in
``SKAUDIO_DATA``, the size of the file, and the median time for one clip, from an array to its
label, on one thread::

    SKAUDIO_DATA=... python examples/benchmarks/export.py

The second table compares :func:`skaudio.runtime.load` with ``joblib.load``, each in a process of
its own (on Linux): the time until the model is loaded, imports included, the largest memory, and
the median time for one clip.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np

from skaudio import (
    BCResNetClassifier,
    ConvClassifier,
    CRNNClassifier,
    DSCNNClassifier,
    GRUClassifier,
    LogMelTransformer,
    LSTMClassifier,
    MFCCTransformer,
    PCENTransformer,
    PerceptronClassifier,
    Pipeline,
    TCResNetClassifier,
    audio,
)
from skaudio.export import to_onnx
from skaudio.runtime import load

TRANSFORMERS = MFCCTransformer, LogMelTransformer, PCENTransformer
CLASSIFIERS = (
    PerceptronClassifier,
    ConvClassifier,
    TCResNetClassifier,
    DSCNNClassifier,
    BCResNetClassifier,
    CRNNClassifier,
    GRUClassifier,
    LSTMClassifier,
)
RATE = 16000

# In a new process: load, report, and time single clips.
TIMED = """
import time
started = time.perf_counter()
{load}
loaded = time.perf_counter() - started
import numpy as np, re
clips = np.load({clips!r})
for clip in clips[:20]:
    model.predict(clip[None])
times = []
for clip in clips:
    started = time.perf_counter()
    model.predict(clip[None])
    times.append(time.perf_counter() - started)
# Not getrusage, whose maximum includes the process that started this one.
memory = int(re.search("VmHWM:[^0-9]+([0-9]+)", open("/proc/self/status").read())[1]) / 1024
print(f"{{loaded:10.2f}}{{memory:12.0f}}{{1000 * np.median(times):10.2f}}")
"""


def load_clips(n_clips):
    """Load as many clips of each word, as waveforms of one second."""
    words = sorted((Path(os.environ["SKAUDIO_DATA"]) / "speech_commands").iterdir())
    paths = [path for word in words for path in sorted(word.iterdir())[: n_clips // len(words)]]
    clips = [audio.fit_length(audio.load(path, sample_rate=RATE), RATE) for path in paths]
    return np.stack(clips), np.array([path.parent.name for path in paths])


def milliseconds(model, clips):
    """Measure the median time for one clip."""
    times = []
    for clip in clips:
        started = time.perf_counter()
        model.predict(clip[None])
        times.append(time.perf_counter() - started)
    return 1000 * np.median(times)


def compare(folder):
    """Print the first table; return the pipeline and the file of the literal line."""
    clips, labels = load_clips(600)
    chosen = np.random.default_rng(0).permutation(len(clips))[:500]
    print(f"{'':16}{'':24}{'difference':>11}{'labels':>8}{'kB':>7}{'ms a clip':>11}")
    for Transformer in TRANSFORMERS:
        for Classifier in CLASSIFIERS:
            pipeline = Pipeline([Transformer(), Classifier(epochs=3, random_state=0)])
            pipeline.fit(clips, labels)
            file = folder / f"{Transformer.__name__}{Classifier.__name__}"
            export = to_onnx(pipeline, f"{file}.onnx", X=clips[chosen])
            joblib.dump(pipeline, f"{file}.joblib")
            model = load(f"{file}.onnx")
            equal = np.mean(model.predict(clips[chosen]) == pipeline.predict(clips[chosen]))
            print(
                f"{Transformer.__name__.removesuffix('Transformer'):16}"
                f"{Classifier.__name__.removesuffix('Classifier'):24}"
                f"{export.largest_difference:11.1e}{equal:8.3f}{export.n_bytes / 1000:7.0f}"
                f"{milliseconds(model, clips[chosen][:200]):11.2f}",
                flush=True,
            )
    np.save(folder / "clips.npy", clips[chosen][:200])
    return folder / f"{MFCCTransformer.__name__}{ConvClassifier.__name__}"


def compare_processes(file, clips):
    """Print the second table."""
    ways = {
        "runtime": f"from skaudio.runtime import load; model = load('{file}.onnx')",
        "joblib": f"import joblib; model = joblib.load('{file}.joblib')",
    }
    print(f"\n{'':10}{'loaded, s':>10}{'memory, MB':>12}{'ms a clip':>10}")
    for name, way in ways.items():
        code = TIMED.format(load=way, clips=os.fspath(clips))
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        print(f"{name:10}{run.stdout.rstrip() or run.stderr}")


def main():
    """Print both tables."""
    with tempfile.TemporaryDirectory() as name:
        file = compare(Path(name))
        compare_processes(file, Path(name) / "clips.npy")


if __name__ == "__main__":
    main()
