"""Import TensorFlow and Keras without their start-up messages.

While TensorFlow is imported, its C++ code writes to file descriptor 2, for example which CUDA
libraries it did not find and which instructions it could use. This does not help users who
classify audio on a CPU. This module captures stderr while it imports both, removes these
messages, and then writes everything else.

If ``TF_CPP_MIN_LOG_LEVEL`` is 0 or 1, or if TensorFlow was imported before, nothing is
captured, neither here nor in `start`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_CHATTER = re.compile(
    rb"^(WARNING: All log messages before absl::InitializeLog"
    rb"|[IWE]\d{4} \d\d:\d\d:\d+\.\d+ .*\.cc:\d+\]"
    rb"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] "
    rb"|To enable the following instructions:"
    rb"|Skipping registering GPU devices"
    rb"|INFO: Created TensorFlow Lite )"
)


_catching = threading.RLock()


def _has_stderr() -> bool:
    """Return whether there is a stderr, which services and windowed programs do not have."""
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.stderr is not None


def _wants_silence() -> bool:
    """Return whether the log level hides messages; TensorFlow treats non-numbers as 0."""
    level = os.environ.get(_LEVEL, "2")
    return level.isdigit() and int(level) >= 2


_CATCHES = _wants_silence() and "tensorflow" not in sys.modules and _has_stderr()


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    if not _CATCHES:
        yield
        return
    # Show errors only, unless the user set the level. The variable is removed afterwards, so
    # that it does not affect processes that are started later.
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
    # One thread at a time: a second one would keep the first one's file as the terminal.
    with _catching, tempfile.TemporaryFile() as caught, _stderr_kept() as terminal:
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


def _limit_threads() -> None:
    """Give TensorFlow as many threads as ``OMP_NUM_THREADS`` grants to numerical libraries.

    TensorFlow itself does not read this variable, which joblib and Dask set in worker processes.
    It would start a thread for each core in each process. ``TF_NUM_INTRAOP_THREADS`` has
    precedence.
    """
    granted = os.environ.get("OMP_NUM_THREADS", "")
    if not granted.isdigit() or int(granted) < 1 or "TF_NUM_INTRAOP_THREADS" in os.environ:
        return
    with contextlib.suppress(RuntimeError):  # TensorFlow has started, with its own number
        tf.config.threading.set_intra_op_parallelism_threads(int(granted))


with _quiet_start():
    import keras
    import tensorflow as tf

    # Listing devices prints the last of these messages; it does not initialise them.
    tf.config.list_physical_devices("GPU")
    _limit_threads()

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "skaudio needs Keras with the TensorFlow backend, but the backend is "
        f"{keras.backend.backend()!r}. Set the environment variable KERAS_BACKEND=tensorflow "
        "(or remove it) before Keras is imported."
    )

__all__ = ["check_not_forked", "keras", "start", "tf", "without_chatter"]

_is_forked = False


@functools.cache
def start() -> None:
    """Start TensorFlow's runtime before the first network is built; not thread-safe.

    On some processors TensorFlow logs an error when it transposes a boolean matrix, such as a
    mask of a recurrent network: oneDNN has no kernel for it, but another kernel does the
    work. It logs this once per process; doing it here hides the message.
    """
    with without_chatter():
        tf.transpose(tf.constant([[True]]))
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_note_fork)


def _note_fork() -> None:
    global _is_forked
    _is_forked = True


def check_not_forked() -> None:
    """Raise an error in a process that was forked from one in which TensorFlow was running.

    TensorFlow's threads are not there after a fork, and most operations would wait for them
    forever.

    Raises
    ------
    RuntimeError
        If this process was forked after `start`.
    """
    if _is_forked:
        raise RuntimeError(
            "This process was forked from one that had used TensorFlow, which does not work in it. "
            "Start processes in another way: joblib's default backend 'loky', or spawn instead of "
            "fork in multiprocessing (JOBLIB_START_METHOD=spawn in joblib)."
        )


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Remove messages of TensorFlow and LiteRT from stderr, unless the user wants them.

    Yields
    ------
    None
        While stderr is captured.
    """
    if not (_CATCHES and _has_stderr()):
        yield
        return
    with _chatter_caught():
        yield
