"""Build and trace networks with Keras' default settings."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from skaudio._tensorflow import check_not_forked, keras

_T = TypeVar("_T")
_settings = threading.Lock()
_here = threading.local()


def isolated(make: Callable[[], _T]) -> _T:
    """Call a function that builds or traces a network in a separate thread.

    The caller's scope of a distribution strategy and dtype policy have no effect there,
    and Keras numbers layers from one, which saves memory: TensorFlow keeps half a megabyte
    of new names for each fit of a small network. Keras' two global settings are at their
    defaults during the call. Calls can be nested.
    """
    if getattr(_here, "is_isolated", False):
        return make()
    check_not_forked()
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_with_default_settings, make).result()


def _with_default_settings(make: Callable[[], _T]) -> _T:
    config = keras.config
    _here.is_isolated = True
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
    """Seed Python's random numbers, from which Keras draws missing seeds."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
