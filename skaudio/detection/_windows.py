"""The windows of a recording that arrives in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

__all__ = ["windows"]


def windows(
    blocks: Iterable[np.ndarray], *, n_samples: int, step: int, batch_size: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Cut overlapping windows, in batches that do not depend on the blocks.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n,)
        Successive samples, ``float32``, in blocks of any lengths.
    n_samples : int
        Samples of a window.
    step : int
        Samples between two windows.
    batch_size : int
        Windows that are yielded together; the last time there may be fewer.

    Yields
    ------
    batch : ndarray of shape (n_windows, n_samples)
        A view, whose rows share memory. The last window ends with zeros, if the recording ends
        before it does.
    n_read : int
        Samples that were read until then.
    """
    held: list[np.ndarray] = []
    n_held = n_read = n_windows = 0
    n_wanted = (batch_size - 1) * step + n_samples
    for block in blocks:
        held.append(block)
        n_held += len(block)
        n_read += len(block)
        while n_held >= n_wanted:
            whole = np.concatenate(held)
            yield _cut(whole[:n_wanted], n_samples, step), n_read
            n_windows += batch_size
            held = [whole[batch_size * step :]]
            n_held = len(held[0])
    # The last window that was cut reaches n_samples - step into what is held.
    n_left = -(-(n_held - n_samples + step) // step)
    if n_windows == 0:
        n_left = max(1, n_left)
    if n_read and n_left > 0:
        rest = np.concatenate(held)
        n_padded = (n_left - 1) * step + n_samples
        yield _cut(np.pad(rest, (0, n_padded - n_held)), n_samples, step), n_read


def _cut(samples: np.ndarray, n_samples: int, step: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(samples, n_samples)[::step]
