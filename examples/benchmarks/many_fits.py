"""Measure memory and time of many fits in one process.

Fits a small `ConvClassifier` 200 times, with a new seed and new clips each time, and
predicts; then 100 times with different filters each time, so that no two networks are the
same. It is compared with a search in plain Keras, which builds, compiles, fits and predicts
each time. Each runs in a separate process; Keras is slow, and has fewer fits::

    python -m pip install psutil
    python examples/benchmarks/many_fits.py

Memory is the resident memory after some of the fits; without psutil it is the peak until
then. Seconds are the median of five fits: those around the tenth, and the last ones. The
targets are less than 5 % more memory than after the tenth fit, and a last fit that takes
no longer than the tenth.
"""

import argparse
import multiprocessing
import resource
import sys
import time

import numpy as np

N_CLIPS, SHAPE, CLASSES = 200, (40, 20), ("one", "two", "three")
FILTERS, EPOCHS, BATCH = (16, 24), 2, 32
REPORTED = (10, 50, 100, 200)


def resident():
    """Return the memory of this process in MB."""
    try:
        import psutil
    except ImportError:
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return psutil.Process().memory_info().rss / 2**20


def clips(number):
    """Make new clips for each fit."""
    rng = np.random.default_rng(number)
    codes = rng.permutation(np.arange(N_CLIPS) % len(CLASSES))
    return rng.standard_normal((N_CLIPS, *SHAPE), dtype=np.float32) + codes[:, None, None], codes


def with_skaudio(number, filters=FILTERS):
    """Fit ConvClassifier."""
    from skaudio import ConvClassifier

    X, codes = clips(number)
    classifier = ConvClassifier(
        filters=filters, epochs=EPOCHS, batch_size=BATCH, random_state=number
    )
    classifier.fit(X, np.array(CLASSES)[codes]).predict(X)


def with_new_designs(number):
    """Fit ConvClassifier, with another network each time."""
    with_skaudio(number, (*FILTERS, 4 + number))


def with_keras(number):
    """Fit the same network with plain Keras."""
    import keras

    from skaudio.architectures import convolutional

    X, codes = clips(number)
    model = convolutional(SHAPE, len(CLASSES), filters=FILTERS, seed=number)
    model.compile("adamw", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    keras.utils.set_random_seed(number)
    model.fit(X, codes, epochs=EPOCHS, batch_size=BATCH, verbose=0)
    model.predict(X, verbose=0).argmax(axis=1)


def measure(name, fit, n_fits):
    """Fit many times, and print one line."""
    times, memory = [], {}
    for number in range(1, n_fits + 1):
        started = time.perf_counter()
        fit(number)
        times.append(time.perf_counter() - started)
        if number in REPORTED or number == n_fits:
            memory[number] = resident()
    tenth, last = np.median(times[7:12]), np.median(times[-5:])
    shown = "".join(f"{memory[n]:7.0f}" if n in memory else f"{'':7}" for n in REPORTED)
    growth = 100 * (memory[n_fits] / memory[10] - 1)
    print(
        f"{name:30}{n_fits:6}{shown}{growth:9.1f} %{tenth:9.3f}{last:9.3f}{last / tenth:8.2f}",
        flush=True,
    )


def main(n_fits):
    """Measure each in a separate process."""
    columns = "".join(f"{n:7}" for n in REPORTED)
    print(f"{'':36}{'MB resident after fit':^28}{'':11}{'seconds per fit':>18}")
    print(f"{'':30}{'fits':>6}{columns}{'growth':>11}{'10th':>9}{'last':>9}{'ratio':>8}")
    context = multiprocessing.get_context("spawn")
    for name, fit, share in (
        ("ConvClassifier, one design", with_skaudio, 1.0),
        ("ConvClassifier, new designs", with_new_designs, 0.5),
        ("plain Keras, one design", with_keras, 0.3),
    ):
        arguments = (name, fit, max(15, round(share * n_fits)))
        process = context.Process(target=measure, args=arguments)
        process.start()
        process.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=200)
    main(parser.parse_args().fits)
