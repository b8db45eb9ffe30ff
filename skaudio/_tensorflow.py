"""Import TensorFlow and Keras without their start-up chatter.

TensorFlow's C++ half writes to file descriptor 2 while it is imported: which CUDA
libraries it did not find, which instructions it could use. None of it helps someone
who classifies audio on a CPU. This module imports both with that chatter caught; what
else was written meanwhile is written out again.

Whoever sets ``TF_CPP_MIN_LOG_LEVEL`` to 0 or 1, or imports TensorFlow first, sees what they
asked for: nothing is caught then, nor by `start`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import tempfile
from collections.abc import Iterator

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_CHATTER = re.compile(
    rb"^(WARNING: All log messages before absl::InitializeLog"
    rb"|[IWE]\d{4} \d\d:\d\d:\d+\.\d+ .*\.cc:\d+\]"
    rb"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] "
    rb"|To enable the following instructions:"
    rb"|Skipping registering GPU devices)"
)


def _has_stderr() -> bool:
    """Whether anyone listens: services and windowed programs have no stderr."""
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.stderr is not None


def _wants_silence() -> bool:
    """Whether the user did not ask for chatter: to TensorFlow, what is no number is 0."""
    level = os.environ.get(_LEVEL, "2")
    return level.isdigit() and int(level) >= 2


_CATCHES = _wants_silence() and "tensorflow" not in sys.modules and _has_stderr()


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    if not _CATCHES:
        yield
        return
    # Errors only, while it starts, unless the user chose; the variable is taken back, for it
    # is the user's, also in the processes that are started from here.
    is_ours = _LEVEL not in os.environ
    os.environ.setdefault(_LEVEL, "2")
    try:
        with _chatter_caught():
            yield
    finally:
        if is_ours:
            del os.environ[_LEVEL]


@contextlib.contextmanager
def _chatter_caught() -> Iterator[None]:
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught, _stderr_kept() as terminal:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            caught.seek(0)
            lines = [line for line in caught if not _CHATTER.match(line)]
            if lines:
                os.write(2, b"".join(lines))


@contextlib.contextmanager
def _stderr_kept() -> Iterator[int]:
    copy = os.dup(2)
    try:
        yield copy
    finally:
        os.close(copy)


with _quiet_start():
    import keras
    import tensorflow as tf

    # Looking for devices is what prints the last of it; nothing is initialised yet.
    tf.config.list_physical_devices("GPU")

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"skaudio trains with Keras on TensorFlow, and Keras is set to "
        f"{keras.backend.backend()!r}. Set the environment variable KERAS_BACKEND=tensorflow "
        "(or remove it) before Keras is imported."
    )

__all__ = ["keras", "start", "tf"]


@functools.cache
def start() -> None:
    """Start TensorFlow's runtime, for the first network; one thread at a time.

    Turning a matrix of booleans, as the masks of recurrent networks are, is an error to it
    on some processors, though only oneDNN has no kernel for it and another one does the
    work. It says so once in a process: here.
    """
    if _CATCHES and _has_stderr():
        with _chatter_caught():
            tf.transpose(tf.constant([[True]]))
