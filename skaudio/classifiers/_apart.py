"""Building and tracing under settings that nothing else in the process has changed."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from skaudio._tensorflow import keras

_T = TypeVar("_T")
_settings = threading.Lock()
_here = threading.local()


def apart(make: Callable[[], _T]) -> _T:
    """Call a function that builds or traces a network, in a thread of its own.

    There, no scope of a distribution strategy and no dtype policy of the caller is in force,
    and Keras numbers layers from one: TensorFlow keeps something for every name that it has
    seen, half a megabyte for each fit of a small network. Keras' two settings of the whole
    process are at their defaults meanwhile. A function that is called apart may call others so.
    """
    if getattr(_here, "is_apart", False):
        return make()
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_with_default_settings, make).result()


def _with_default_settings(make: Callable[[], _T]) -> _T:
    config = keras.config
    _here.is_apart = True
    with _settings:
        before = config.floatx(), config.image_data_format()
        config.set_floatx("float32")
        config.set_image_data_format("channels_last")
        try:
            return make()
        finally:
            config.set_floatx(before[0])
            config.set_image_data_format(before[1])


@contextlib.contextmanager
def seeded_python(seed: int) -> Iterator[None]:
    """Seed Python's random numbers, from which Keras draws seeds that it is not given."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
