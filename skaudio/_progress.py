"""Progress bars, for which tqdm is imported when the first is made."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable
from typing import Any

__all__ = ["progress_bar"]


def progress_bar(
    items: Iterable[Any] | None = None,
    *,
    total: int | None = None,
    desc: str,
    unit: str,
    unit_scale: bool = False,
    disable: bool = False,
) -> Any:
    """Make a bar of tqdm, of a notebook's kind in notebooks that have ipywidgets.

    Parameters
    ----------
    items : iterable, default=None
        What is gone through; None is for bars that are told of progress by `update`.
    total : int, default=None
        Number of units; None takes the length of `items`, if it has one.
    desc : str
        What stands before the bar.
    unit : str
        What is counted.
    unit_scale : bool, default=False
        Whether to write large numbers as k, M, ...
    disable : bool, default=False
        Whether to show nothing.

    Returns
    -------
    tqdm.tqdm
        The bar: an iterable, and a context manager.
    """
    return _tqdm()(items, total=total, desc=desc, unit=unit, unit_scale=unit_scale, disable=disable)


@functools.cache
def _tqdm() -> Any:
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        # Where ipywidgets is missing, the bar is one of text, which is no reason to warn.
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm
    return tqdm
