"""Fuzz the readers of `skaudio.audio` with damaged files of many formats.

Whatever is in a file, its samples or an `AudioError` that names it must come out: no other
exception, no crash, not a word on stderr, within 10 s and 1 GB. Good recordings are made with
soundfile and PyAV, damaged, and read in processes of their own, whose memory is limited (Linux
only). The same seed gives the same files. Those that fail are kept in the folder `fuzz-cases`
of the temporary folder, and are read again by their paths. Pytest does not collect this file::

    python tests/fuzz/fuzz_formats.py --files 10000 --seed 0 --jobs 2
    python tests/fuzz/fuzz_formats.py /tmp/fuzz-cases/0-00042-flac.bin
"""

import argparse
import faulthandler
import io
import multiprocessing
import os
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import soundfile
import tqdm

from skaudio import audio
from skaudio.exceptions import AudioError

SECONDS, BYTES = 10, 2**30
CASES = Path(tempfile.gettempdir(), "fuzz-cases")
FORMATS = ["wav", "aiff", "w64", "caf", "au", "flac", "avr", "pvf", "nist", "svx", "ircam", "voc"]
# The above are soundfile's, the rest is PyAV's: container and codec.
FORMATS += ["wav adpcm_ms", "flac flac", "mp3 libmp3lame", "ogg vorbis", "ogg libopus", "adts aac"]
FORMATS += ["ipod aac", "ipod alac", "webm libopus", "matroska pcm_s16le", "caf alac", "ac3 ac3"]
FORMATS += ["mp4 aac video", "avi mp2 video", "mpegts mp2 video", "asf wmav2", "wv wavpack"]
FORMATS += ["tta tta", "flv aac", "nut mp2 video", "rm ac3", "sox pcm_s32le", "wtv mp2 video"]
FORMATS += ["mov adpcm_ima_qt", "mpeg mp2 video", "smjpeg pcm_s16le", "wav libmp3lame", "eac3 eac3"]
WORDS = [0, 1, 2, 7, 128, 255, 2**14, 2**16, 2**20, 2**24, 2**28, 2**31 - 1, 2**31, 2**32 - 1]
WAYS = {"all": {}, "start": {"duration": 0.1}, "part": {"offset": 0.2, "duration": 0.1}}
WAYS |= {"late": {"offset": 6.0, "duration": 0.1}, "durations": None}  # 6 s are sought


def record(name, seconds):
    """Make a good recording."""
    container, *codec = name.split()
    rate = 48000 if "libopus" in codec else 44100
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).normal(0, 0.05, len(t))
    tone = (0.3 * np.sin(2 * np.pi * 440 * t) + noise).astype(np.float32)
    file = io.BytesIO()
    if not codec:
        soundfile.write(file, tone, rate, "PCM_16", format=container.upper())
        return file.getvalue()
    # Bitexact files hold no random numbers.
    with av.open(file, "w", container, options={"fflags": "+bitexact"}) as output:
        output.metadata["title"] = "fuzz"
        sound = output.add_stream(codec[0], rate, layout="stereo", options={"strict": "-2"})
        sound.bit_rate = 128000
        pictures = output.add_stream("mpeg4", 25, width=32, height=32) if codec[1:] else None
        for index in range(10 if pictures else 0):
            picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), index * 20, np.uint8))
            picture.pts, picture.time_base = index, Fraction(1, 25)
            output.mux(pictures.encode(picture))
        frame = av.AudioFrame.from_ndarray(np.stack([tone, -0.5 * tone]), "fltp", "stereo")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        output.mux(sound.encode(frame) + sound.encode() + (pictures.encode() if pictures else []))
    return file.getvalue()


def damage(data, others, rng):
    """Damage a file in one to three ways, and tell which."""
    data, done = bytearray(data), []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        # Most of what can go wrong is in the headers, at either end of a file.
        size = max(len(data), 16)
        reach = min(rng.choice([64, 512, 4096, size]), size)
        a, b = np.abs(rng.choice([0, 0, 0, size - 1]) - rng.integers(reach, size=2)).tolist()
        n, n_times = int(2 ** rng.uniform(0, 12)), int(rng.choice([1, 1, 2, 50]))
        block, other = data[a : a + n], others[rng.integers(len(others))]
        low, high, word = min(a, b), max(a, b), int(rng.choice(WORDS))
        flips = rng.integers(256, size=len(block)) * (rng.random(len(block)) < 0.05)
        edits = {
            "byte": (a, a + 1, rng.bytes(1)),
            "bytes": (a, a + n, bytes(np.frombuffer(block, "u1") ^ flips.astype("u1"))),
            "little": (a, a + 4, struct.pack("<I", word)),
            "big": (a, a + 4, struct.pack(">I", word)),
            "half": (a, a + 2, struct.pack(rng.choice(["<H", ">H"]), word >> 16)),
            "cut": (a, size, b""),
            "end": (size - n, size, b""),
            "double": (a, a, block * n_times),
            "drop": (a, a + n, b""),
            "swap": (low, high + n, data[high : high + n] + data[low + n : high] + data[low:][:n]),
            "zero": (a, a + n, bytes(len(block))),
            "splice": (a, size, other[rng.choice([0, a, b]) :]),
            "noise": (size, size, rng.bytes(n)),
            "join": (size, size, other),
        }
        kind = str(rng.choice(list(edits)))
        start, stop, new = edits[kind]
        data[start:stop] = new
        done.append(f"{kind} at {start}")
    return bytes(data[: 2**20]), ", ".join(done)


def memory(key):
    """Look up one of the kernel's numbers about this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def read(path, way):
    """Read a file in one of the ways: whether it was refused, and what is wrong."""
    try:
        if way == "durations":
            assert 0 < audio.durations([path], sample_rate=16000)[0] < np.inf
        else:
            samples = audio.load(path, **WAYS[way])
            assert 0 < samples.size <= (1600 if WAYS[way] else np.inf), samples.shape
            assert np.isfinite(samples).all()
    except AudioError as error:
        wrong = [] if error.failures[0][0] == path and path in str(error) else ["nameless"]
        wrong += ["memory"] if "annot allocate memory" in str(error) else []
        return True, [f"{what} in {way}: {error}" for what in wrong]
    except BaseException as error:
        lines = [f"{c.name}:{c.lineno}" for c in traceback.extract_tb(error.__traceback__)[-3:]]
        return False, [f"exception in {way}: {error!r} ({', '.join(lines)})"]
    return False, []


def work(connection, log, good):
    """Read files, with 1 GB more than what it takes to read good ones."""
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND), 2)
    faulthandler.enable()
    assert not any(any(read(str(path), "all")) for path in good)
    size = memory("VmSize")
    resource.setrlimit(resource.RLIMIT_AS, (size + BYTES, resource.RLIM_INFINITY))
    connection.send(None)
    while True:
        path = connection.recv()
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak
        before, outcomes = memory("VmRSS"), [read(path, way) for way in WAYS]
        if any(text.startswith("memory") for _, wrong in outcomes for text in wrong):
            # FFmpeg refuses absurd sizes in the same words: see what it takes without the limit.
            resource.setrlimit(resource.RLIMIT_AS, (size + 8 * BYTES, resource.RLIM_INFINITY))
            outcomes = [read(path, way) for way in WAYS]
            resource.setrlimit(resource.RLIMIT_AS, (size + BYTES, resource.RLIM_INFINITY))
        found = [t for _, wrong in outcomes for t in wrong if not t.startswith("memory")]
        grown = memory("VmHWM") - before
        found += ["memory: over 1 GB"] if grown > BYTES else []
        found += ["the good file after it is refused"] if any(read(str(good[-1]), "all")) else []
        connection.send((outcomes[0][0], grown, found))


class Worker:
    """A process that reads; it is replaced when it crashes or hangs."""

    def __init__(self, log, good):
        self.log, self.good, self.process = log, good, None

    def read(self, path):
        """Have a file read: whether it was refused, the memory it took, and what is wrong."""
        if self.process is None:
            spawn = multiprocessing.get_context("spawn")
            self.connection, end = spawn.Pipe()
            self.process = spawn.Process(target=work, args=(end, self.log, self.good), daemon=True)
            self.process.start()
            end.close()
            self.connection.recv()
            self.n_said = self.log.stat().st_size
        self.connection.send(str(path))
        refused, grown, found = False, 0, []
        try:
            if self.connection.poll(SECONDS):
                refused, grown, found = self.connection.recv()
            else:
                os.kill(self.process.pid, signal.SIGABRT)  # faulthandler writes where it is
                self.process.join(2)
                self.process.kill()
                found, self.process = [f"hang: over {SECONDS} s"], None
        except EOFError:
            self.process.join()
            found, self.process = [f"crash: exit code {self.process.exitcode}"], None
        if said := self.log.read_bytes()[self.n_said :]:
            self.n_said += len(said)
            path.with_suffix(".stderr").write_bytes(said)
            found.append(f"stderr: {said[:80]}...")
        return refused, grown, found


def main():
    """Make good files, damage them, have them read, and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", help="files to read instead of damaging any")
    for name, default in {"--files": 10000, "--seed": 0, "--jobs": 2}.items():
        parser.add_argument(name, type=int, default=default)
    options = parser.parse_args()
    CASES.mkdir(exist_ok=True)
    temporary = tempfile.TemporaryDirectory()
    folder = Path(temporary.name)
    small = {name: record(name, 0.3) for name in FORMATS}
    large = {name: record(name, 0.29 * 2**20 / len(data)) for name, data in small.items()}
    good, others = [folder / name for name in FORMATS], [*small.values(), *large.values()]
    for path in good:
        path.write_bytes(small[path.name])
    workers = [Worker(folder / f"stderr-{job}", good) for job in range(options.jobs)]
    table, violations = defaultdict(Counter), []

    def check(task):
        name, how, path, worker = "given", "as it is", Path(str(task)), workers.pop()
        if not options.paths:
            name, rng = FORMATS[task % len(FORMATS)], np.random.default_rng([options.seed, task])
            data, how = damage((large if rng.random() < 0.05 else small)[name], others, rng)
            path = CASES / f"{options.seed}-{task:05d}-{name.replace(' ', '-')}.bin"
            path.write_bytes(data)
        started, row = time.monotonic(), table[name]
        refused, grown, found = worker.read(path)
        row.update(files=1, read=not refused and not found, refused=refused, violations=len(found))
        row["seconds"] = max(row["seconds"], time.monotonic() - started)
        row["MB"] = max(row["MB"], grown / 2**20)
        violations.extend(f"{path} ({how}): {text}" for text in found)
        if not found and not options.paths:
            path.unlink()
        workers.append(worker)

    tasks = options.paths or range(options.files)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(tqdm.tqdm(pool.map(check, tasks), total=len(tasks), unit="file"))
    print(pd.DataFrame.from_dict(table, orient="index").round(1).to_string())
    print("\n".join(sorted(violations)) or "No violations.")
    temporary.cleanup()
    sys.exit(bool(violations))


if __name__ == "__main__":
    main()
