"""Compare exported models with the pipelines that they were made from.

The first table has a row for each classifier behind each front end: the largest difference of a
probability over 500 clips of *bed*, *cat* and *happy* in ``SKAUDIO_DATA`` and the share of equal
labels, both for ONNX and for LiteRT, the size of the ONNX file, and the median time for one clip,
from an array to its label, on one thread::

    SKAUDIO_DATA=... python examples/benchmarks/export.py

With ``--int8``, there is a table of the convolutional networks instead, all defaults, trained on
the training speakers: accuracy on the clips of the validation speakers and size of the files, with
floats and with convolutions of 8 bits.

The second table compares :func:`skaudio.runtime.load` with ``joblib.load``, each in a process of
its own (on Linux): the time until the model is loaded, imports included, the largest memory, and
the median time for one clip.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np

import skaudio
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
from skaudio.datasets import fetch_speech_commands
from skaudio.export import to_litert, to_onnx
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
CONVOLUTIONAL = ConvClassifier, TCResNetClassifier, DSCNNClassifier, BCResNetClassifier
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
    print(f"{'':40}{'ONNX':>11}{'labels':>8}{'LiteRT':>11}{'labels':>8}{'kB':>7}{'ms a clip':>11}")
    for Transformer in TRANSFORMERS:
        for Classifier in CLASSIFIERS:
            pipeline = Pipeline([Transformer(), Classifier(epochs=3, random_state=0)])
            pipeline.fit(clips, labels)
            file = folder / f"{Transformer.__name__}{Classifier.__name__}"
            export = to_onnx(pipeline, f"{file}.onnx", X=clips[chosen])
            on_phones = to_litert(pipeline, f"{file}.tflite", X=clips[chosen])
            joblib.dump(pipeline, f"{file}.joblib")
            print(
                f"{Transformer.__name__.removesuffix('Transformer'):16}"
                f"{Classifier.__name__.removesuffix('Classifier'):24}"
                f"{export.largest_difference:11.1e}{export.agreement:8.3f}"
                f"{on_phones.largest_difference:11.1e}{on_phones.agreement:8.3f}"
                f"{export.n_bytes / 1000:7.0f}"
                f"{milliseconds(load(export.path), clips[chosen][:200]):11.2f}",
                flush=True,
            )
    np.save(folder / "clips.npy", clips[chosen][:200])
    return folder / f"{MFCCTransformer.__name__}{ConvClassifier.__name__}"


def compare_precisions(folder, classifiers):
    """Print the table of floats and integers."""
    words = ["bed", "happy", "cat"]
    train = fetch_speech_commands(words, subset="train", random_state=0)
    test = fetch_speech_commands(words, subset="validation", random_state=0)
    print(f"{'':24}{'':8}{'accuracy':>9}{'of int8':>9}{'labels':>8}{'kB':>7}{'of int8':>9}")
    for Classifier in classifiers:
        pipeline = Pipeline([MFCCTransformer(n_jobs=-1), Classifier(random_state=0)])
        pipeline.fit(train.data, train.target)
        for write in (to_onnx, to_litert):
            path, clips = folder / "model", {"X": test.data, "y": test.target}
            floats = write(pipeline, path, **clips)
            integers = write(pipeline, path, **clips, quantize="int8")
            print(
                f"{Classifier.__name__.removesuffix('Classifier'):24}{write.__name__[3:]:8}"
                f"{floats.accuracy:9.4f}{integers.accuracy:9.4f}{integers.agreement:8.3f}"
                f"{floats.n_bytes / 1000:7.0f}{integers.n_bytes / 1000:9.0f}",
                flush=True,
            )


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


def main(classifiers, *, with_integers):
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        if with_integers:
            compare_precisions(Path(name), classifiers or CONVOLUTIONAL)
            return
        file = compare(Path(name))
        compare_processes(file, Path(name) / "clips.npy")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--int8", action="store_true", help="compare floats and integers")
    parser.add_argument("--classifiers", nargs="+", help="convolutional ones, with --int8")
    arguments = parser.parse_args()
    chosen = [getattr(skaudio, name) for name in arguments.classifiers or []]
    main(chosen, with_integers=arguments.int8)
