"""Check containers of recordings, which must be ordered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MappingView, Set
from typing import Any

import numpy as np

from skaudio.audio._bytes import BYTES, PATHS

__all__ = ["in_order"]


def in_order(sources: Any, *, caller: str) -> Iterable[Any]:
    """Check that recordings are in an ordered container; errors name the `caller`.

    Arrays and tables are returned as an array, or as a list if they contain paths or other
    objects; everything else, including iterators, is returned unchanged.
    """
    expected = f"{caller} expects a list of recordings, got"
    one = f"{expected} one {type(sources).__name__}. Wrap it in a list: [recording]."
    if isinstance(sources, PATHS + BYTES):
        raise ValueError(one)
    if hasattr(sources, "__array__") or hasattr(sources, "__dataframe__"):
        array = np.asarray(sources)
        is_column = array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)
        return array.ravel().tolist() if array.dtype.kind in "OSTU" and is_column else array
    if hasattr(sources, "read") or hasattr(sources, "render"):
        raise ValueError(one)
    if isinstance(sources, tuple) and len(sources) == 2 and {*map(np.ndim, sources)} == {0, 1}:
        raise ValueError(
            f"{expected} one pair (samples, sample_rate). Wrap it in a list: "
            "[(samples, sample_rate)]."
        )
    if isinstance(sources, Set | Mapping | MappingView):
        raise TypeError(
            f"{expected} a {type(sources).__name__}, whose order labels cannot follow. Make a list "
            "of it: sorted(X) of a set, list(X.values()) of a dict."
        )
    if not hasattr(sources, "__iter__"):
        raise TypeError(f"{expected} {type(sources).__name__}.")
    return sources
