"""Decode whole recordings, to find out what they are."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from skaudio._progress import progress_bar
from skaudio.audio._failures import Unusable
from skaudio.audio._recording import measure, read
from skaudio.audio._sources import in_order


class Inspection(NamedTuple):
    """What is known about one recording after it was decoded to its end.

    Attributes
    ----------
    problem : str or None
        Why the recording cannot be used. The other attributes are then nan or empty.
    duration : float
        Seconds.
    sample_rate : float
        Rate of the recording in Hz, before it is resampled.
    peak : float
        Largest absolute sample; full scale is 1.
    content : bytes
        16 bytes that identify the mono samples at the common rate, in whatever format and file
        they are.
    """

    problem: str | None
    duration: float = np.nan
    sample_rate: float = np.nan
    peak: float = np.nan
    content: bytes = b""


def inspect(
    sources: Iterable[Any],
    *,
    sample_rate: int = 16000,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> list[Inspection]:
    """Decode recordings to their end, and describe each.

    Parameters
    ----------
    sources : iterable
        Recordings as :func:`load` takes them, in an ordered container (not a set or dict).
    sample_rate : int, default=16000
        The rate that they will be resampled to, in Hz.
    n_jobs : int, default=None
        Threads that decode at the same time, as joblib counts them; None means one.
    verbose : int, default=0
        Positive shows a progress bar.

    Returns
    -------
    list of Inspection
        One for each recording, in order. A broken recording is described, not an error.

    See Also
    --------
    skaudio.datasets.check_clips : Find the problems of a data set.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import inspect
    >>> good, bad = inspect([(np.ones(800), 8000), np.array([0.0, np.nan])])
    >>> good.duration, good.sample_rate, bad.problem
    (0.1, 8000.0, '1 of its 2 samples is NaN or infinite')
    """
    items: Iterable[Any] = in_order(sources, caller="inspect")
    if verbose > 0:
        items = progress_bar(list(items), desc="Checking", unit="recording")
    if n_jobs in (None, 1):
        return [_inspect(source, sample_rate) for source in items]
    import joblib  # takes a fraction of a second, which is not needed to predict

    parallel = joblib.Parallel(n_jobs, prefer="threads", return_as="generator")
    return list(parallel(joblib.delayed(_inspect)(source, sample_rate) for source in items))


def find_unreadable(
    sources: Iterable[Any],
    *,
    sample_rate: int = 16000,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> list[tuple[int, str]]:
    """Find the recordings that cannot be used.

    Every recording is decoded to its end, since a file may open and report a duration but
    be damaged in the middle.

    Parameters
    ----------
    sources : iterable
        Recordings as :func:`load` takes them, in an ordered container (not a set or dict).
    sample_rate : int, default=16000
        The rate that they will be resampled to, in Hz.
    n_jobs : int, default=None
        Threads that decode at the same time, as joblib counts them; None means one.
    verbose : int, default=0
        Positive shows a progress bar.

    Returns
    -------
    list of (int, str)
        Index in `sources` and reason, in order.

    See Also
    --------
    inspect : Also lengths, rates, levels and content.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudio.audio import find_unreadable
    >>> X, y = [np.ones(16), np.array([0.0, np.nan])], ["good", "bad"]
    >>> unreadable = find_unreadable(X)
    >>> unreadable
    [(1, '1 of its 2 samples is NaN or infinite')]

    Remove them from the recordings and labels:

    >>> bad = {index for index, _ in unreadable}
    >>> X, y = zip(*[pair for index, pair in enumerate(zip(X, y)) if index not in bad])
    >>> y
    ('good',)
    """
    inspected = inspect(sources, sample_rate=sample_rate, n_jobs=n_jobs, verbose=verbose)
    return [
        (index, inspection.problem)
        for index, inspection in enumerate(inspected)
        if inspection.problem is not None
    ]


def _inspect(source: Any, sample_rate: int) -> Inspection:
    try:
        samples = read(source, sample_rate=sample_rate)
        _, own_rate = measure(source, sample_rate=sample_rate)
    except Unusable as error:
        return Inspection(str(error))
    content = blake2b(samples.tobytes(), digest_size=16).digest()
    peak = max(float(samples.max()), -float(samples.min()))
    return Inspection(None, len(samples) / sample_rate, own_rate, peak, content)
