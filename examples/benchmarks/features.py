"""Measure MFCCs from WAV paths in clips per second, compared with other libraries.

Writes 2,000 one-second recordings to a temporary folder, reads them once so that they
are in the page cache, and computes 40 coefficients of 101 frames::

    python examples/benchmarks/features.py

Installed libraries are measured in the same run: librosa always, and torchaudio,
kaldi-native-fbank and python_speech_features after
``pip install torchaudio kaldi-native-fbank python_speech_features``. All of them read
with soundfile, as in their documentation or as is usual. The lower bound is the time of the
real Fourier transforms of the same frames alone, in one thread. Every figure is the best of
several alternating rounds; a cold store is a new folder each time.
"""

import argparse
import importlib.util
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import scipy.fft
import soundfile

from skaudio import MFCCTransformer

RATE = 16000
RECIPE = {"n_mfcc": 40, "n_fft": 512, "win_length": 480, "hop_length": 160, "n_mels": 64}


def write_clips(folder, n_clips):
    """Write noise with a changing level, one second each."""
    rng = np.random.default_rng(0)
    envelope = np.interp(np.arange(RATE), [0, 4000, 8000, 12000, RATE], [0.01, 0.3, 0.1, 0.3, 0.01])
    paths = [str(Path(folder) / f"{n:05d}.wav") for n in range(n_clips)]
    for path in paths:
        soundfile.write(path, envelope * rng.normal(size=RATE).clip(-3, 3), RATE)
    return paths


def with_librosa(paths):
    """One clip at a time, as in librosa's tutorial."""
    for path in paths:
        clip, _ = librosa.load(path, sr=RATE)
        librosa.feature.mfcc(y=clip, sr=RATE, **RECIPE)


def with_torchaudio(paths):
    """Batches of 64, with as many threads as there are cores."""
    import torch
    import torchaudio

    mel = {name: RECIPE[name] for name in ("n_fft", "win_length", "hop_length", "n_mels")}
    transform = torchaudio.transforms.MFCC(RATE, RECIPE["n_mfcc"], melkwargs=mel)
    with torch.inference_mode():
        for start in range(0, len(paths), 64):
            batch = [soundfile.read(path, dtype="float32")[0] for path in paths[start : start + 64]]
            transform(torch.from_numpy(np.stack(batch)))


def with_kaldi(paths):
    """One clip at a time, through kaldi-native-fbank."""
    import kaldi_native_fbank as knf

    options = knf.MfccOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0
    options.frame_opts.frame_length_ms = 30
    options.frame_opts.frame_shift_ms = 10
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = RECIPE["n_mels"]
    options.num_ceps = RECIPE["n_mfcc"]
    for path in paths:
        mfcc = knf.OnlineMfcc(options)
        mfcc.accept_waveform(RATE, soundfile.read(path, dtype="float32")[0].tolist())
        mfcc.input_finished()
        np.stack([mfcc.get_frame(frame) for frame in range(mfcc.num_frames_ready)])


def with_python_speech_features(paths):
    """One clip at a time, through python_speech_features."""
    from python_speech_features import mfcc

    for path in paths:
        clip, _ = soundfile.read(path, dtype="float32")
        mfcc(clip, RATE, winlen=0.03, winstep=0.01, numcep=40, nfilt=64, nfft=512)


def with_skaudio(paths, **parameters):
    """Call the transformer; the length is given, since librosa does not measure it either."""
    MFCCTransformer(duration=1.0, **RECIPE, **parameters).fit(paths).transform(paths)


def floor(paths):
    """Compute only the transforms of the same number of frames."""
    frames = np.random.default_rng(0).normal(size=(2, 101, 512)).astype(np.float32)
    for _ in range(len(paths) // 2):
        scipy.fft.rfft(frames)


def main(n_clips, n_rounds):
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_clips(folder, n_clips)
        warm = str(Path(folder) / "warm")
        n_stores = iter(range(10**6))
        runs = {
            "librosa, one clip at a time": with_librosa,
            "torchaudio, batches of 64": with_torchaudio,
            "kaldi-native-fbank": with_kaldi,
            "python_speech_features": with_python_speech_features,
            "skaudio, n_jobs=1": with_skaudio,
            "skaudio, n_jobs=2": lambda paths: with_skaudio(paths, n_jobs=2),
            "skaudio, n_jobs=1, cold store": lambda paths: with_skaudio(
                paths, memory=str(Path(folder) / f"cold{next(n_stores)}")
            ),
            "skaudio, n_jobs=1, warm store": lambda paths: with_skaudio(paths, memory=warm),
            "the Fourier transforms alone": floor,
        }
        needs = {
            "torchaudio, batches of 64": "torchaudio",
            "kaldi-native-fbank": "kaldi_native_fbank",
            "python_speech_features": "python_speech_features",
        }
        for name, module in needs.items():
            if importlib.util.find_spec(module) is None:
                print(f"{name}: not installed, skipped")
                del runs[name]
        for run in runs.values():
            run(paths[:64])
        with_skaudio(paths, memory=warm)
        best = dict.fromkeys(runs, np.inf)
        for _ in range(n_rounds):
            for name, run in runs.items():
                started = time.perf_counter()
                run(paths)
                best[name] = min(best[name], time.perf_counter() - started)
    slowest, fastest = best["librosa, one clip at a time"], best["the Fourier transforms alone"]
    print(f"{'':32}{'clips/s':>9}{'/ librosa':>11}{'floor /':>9}")
    for name, seconds in best.items():
        rate = n_clips / seconds
        print(f"{name:32}{rate:9.0f}{slowest / seconds:11.1f}{seconds / fastest:9.1f}")
    cold, bare = best["skaudio, n_jobs=1, cold store"], best["skaudio, n_jobs=1"]
    print(f"A cold store takes {100 * (cold / bare - 1):.0f} % longer than no store.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    main(arguments.clips, arguments.rounds)
