"""Progress bars; tqdm is imported when the first one is made."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["no_progress_bars", "progress_bar"]

_is_silent = contextvars.ContextVar("_is_silent", default=False)


@contextlib.contextmanager
def no_progress_bars() -> Iterator[None]:
    """Show no progress bars in this thread, for many short computations of a long one.

    Yields
    ------
    None
        Nothing.
    """
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)


def progress_bar(
    items: Iterable[Any] | None = None,
    *,
    total: int | None = None,
    desc: str,
    unit: str,
    unit_scale: bool = False,
    disable: bool = False,
) -> Any:
    """Return a progress bar of tqdm, in notebooks with ipywidgets a widget.

    Parameters
    ----------
    items : iterable, default=None
        What to iterate over; None for a bar that is advanced by `update`.
    total : int, default=None
        Number of units; None takes the length of `items`, if it has one.
    desc : str
        Text before the bar.
    unit : str
        Name of the unit.
    unit_scale : bool, default=False
        Whether to abbreviate large numbers with k, M, ...
    disable : bool, default=False
        Whether to show nothing.

    Returns
    -------
    tqdm.tqdm
        The bar: an iterable, and a context manager.
    """
    return _tqdm()(
        items,
        total=total,
        desc=desc,
        unit=unit,
        unit_scale=unit_scale,
        disable=disable or _is_silent.get(),
    )


@functools.cache
def _tqdm() -> Any:
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        # Without ipywidgets the bar is plain text; do not warn about this.
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm
    return tqdm
