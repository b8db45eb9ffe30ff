"""Measure the peak memory of transforming 100,000 clips.

The clips are synthetic and rendered when they are read, so that only the transformer is
measured: the peak of the process compared with the size of its output. It is compared, in
separate processes, with the naive method: decode everything, then transform it as one
batch with skaudio's own functions, for a fiftieth of the clips::

    python examples/benchmarks/memory.py
"""

import argparse
import multiprocessing
import resource
import sys
import time

import numpy as np

from skaudio import MFCCTransformer, dsp

RATE = 16000


class Noise:
    """A recording that renders itself."""

    __slots__ = ("seed",)

    def __init__(self, seed):
        self.seed = seed

    def render(self, *, sample_rate, duration):
        """Return one second of noise."""
        return np.random.default_rng(self.seed).standard_normal(sample_rate, dtype=np.float32)

    def duration(self, *, sample_rate):
        """Return one second."""
        return 1.0

    def fingerprint(self):
        """Identify the noise by its seed."""
        return self.seed.to_bytes(16, "little")


def peak():
    """Return the peak memory of this process in MB."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def in_blocks(clips, n_jobs):
    """Use the transformer."""
    return MFCCTransformer(n_jobs=n_jobs).fit_transform(clips)


def all_at_once(clips, n_jobs):
    """Transform everything as one batch."""
    waveforms = np.stack([clip.render(sample_rate=RATE, duration=None) for clip in clips])
    window = dsp.amplitude_window("hann", 480, 512)
    mel = dsp.mel_filterbank(sample_rate=RATE, n_fft=512, n_mels=64, fmin=0, fmax=8000)
    power = dsp.power_spectrogram(waveforms, window, hop_length=160)
    return dsp.cepstrum(dsp.power_to_db(power @ mel), 40)


def measure(name, transform, n_clips, n_jobs):
    """Print one line."""
    transform([Noise(0)], 1)
    before, started = peak(), time.perf_counter()
    features = transform([Noise(seed) for seed in range(n_clips)], n_jobs)
    seconds, output = time.perf_counter() - started, features.nbytes / 2**20
    extra = peak() - before - output
    print(
        f"{name:24}{n_clips:8} clips{seconds:7.1f} s   output {output:6.0f} MB   "
        f"extra {extra:6.0f} MB ({1024 * extra / n_clips:.1f} kB per clip)",
        flush=True,
    )


def main(n_clips):
    """Measure each in a separate process, since a peak never decreases."""
    context = multiprocessing.get_context("spawn")
    runs = [
        ("skaudio, n_jobs=1", in_blocks, n_clips, 1),
        ("skaudio, n_jobs=2", in_blocks, n_clips, 2),
        ("everything at once", all_at_once, n_clips // 50, 1),
    ]
    for arguments in runs:
        process = context.Process(target=measure, args=arguments)
        process.start()
        process.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=100_000)
    main(parser.parse_args().clips)
