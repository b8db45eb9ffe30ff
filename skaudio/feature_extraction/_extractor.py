"""Compute the features of a few recordings, with all the steps from reading to normalisation.

An extractor is created for one call of ``transform`` and does not depend on scikit-learn, so
that it can be sent to any worker: a thread, a process or another machine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skaudio import audio, dsp

__all__ = ["Extractor"]

# Reading small files is mostly work of the interpreter. Two threads that read at the same time
# slow each other down, so they take turns: one transforms while the other reads. Reading that
# takes longer than this many seconds is mostly decoding, which runs in parallel.
_TURN = 0.005
_reading = threading.Lock()

# Frame and hop, in seconds, for finding the part with sound.
_FRAME, _HOP = 0.025, 0.010


@dataclass(frozen=True)
class Extractor:
    """Read clips and compute their features.

    Attributes
    ----------
    front_end : callable
        Maps waveforms ``(n_clips, n_samples)`` to features. The next five attributes are
        those of the transformers.
    finish : callable or None
        Maps features and the lengths of the clips in samples, without the zeros at their ends, to
        the final features.
    """

    front_end: Callable[[np.ndarray], np.ndarray]
    sample_rate: int
    n_samples: int
    align: str | None
    trim_db: float
    loudness: float | None
    finish: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None

    def __call__(
        self, recordings: Sequence[Any], indices: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]:
        """Compute the features of recordings, whose `indices` in ``X`` are for messages.

        Returns the features, a mask of the usable recordings, and the names of the others
        with the reasons.
        """
        overlapping = self.overlapping(recordings)
        if overlapping is None:
            waveforms, lengths, failures = self._read(recordings, indices)
        else:
            # Their loudness is changed in place.
            waveforms = overlapping if self.loudness is None else overlapping.copy()
            lengths, failures = np.full(len(waveforms), self.n_samples), []
        if self.loudness is not None:
            _level(waveforms, lengths, sample_rate=self.sample_rate, loudness=self.loudness)
        features = self.front_end(waveforms)
        if self.finish is not None:
            features = self.finish(features, dsp.unpadded_lengths(waveforms))
        return features, lengths > 0, failures

    def overlapping(self, recordings: Sequence[Any]) -> np.ndarray | None:
        """Find out whether recordings are overlapping clips in memory, which need not be read.

        Parameters
        ----------
        recordings : sequence of recordings
            Those of ``X``.

        Returns
        -------
        ndarray of shape (n_clips, n_samples) or None
            The clips, whose rows share memory; None for all other recordings.
        """
        is_usable = (
            isinstance(recordings, np.ndarray)
            and recordings.dtype == np.float32
            and recordings.shape[1:] == (self.n_samples,)
            and self.align is None
            and dsp.are_overlapping(recordings)
            and np.isfinite(recordings).all()
        )
        return np.asarray(recordings) if is_usable else None

    def _read(
        self, recordings: Sequence[Any], indices: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]:
        has_turn = _reading.acquire(timeout=_TURN)
        try:
            return audio.load_batch(
                recordings,
                sample_rate=self.sample_rate,
                n_samples=self.n_samples,
                indices=indices,
                prepare=None if self.align is None else self._aligned,
            )
        finally:
            if has_turn:
                _reading.release()

    def _aligned(self, samples: np.ndarray) -> np.ndarray:
        start, end = dsp.sounding_interval(
            samples,
            top_db=self.trim_db,
            frame_length=max(1, round(_FRAME * self.sample_rate)),
            hop_length=max(1, round(_HOP * self.sample_rate)),
        )
        if self.align == "trim":
            return samples[start:end]
        begin = (start + end) // 2 - self.n_samples // 2
        before = max(0, -begin)
        return np.pad(samples[max(0, begin) :], (before, 0))


def _level(
    waveforms: np.ndarray, lengths: np.ndarray, *, sample_rate: int, loudness: float
) -> None:
    """Scale each clip to the same loudness, in place; silence is not changed."""
    for clip, length in zip(waveforms, lengths, strict=True):
        found = dsp.loudness(clip[:length], sample_rate=sample_rate) if length else -np.inf
        if np.isfinite(found):
            clip *= np.float32(10 ** ((loudness - found) / 20))
