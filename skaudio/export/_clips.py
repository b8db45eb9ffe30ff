"""Synthetic clips, to compare an exported model with what it was made from."""

from __future__ import annotations

from typing import Any

import numpy as np

from skaudio.export._parts import Parts

__all__ = ["synthetic_clips"]


def synthetic_clips(parts: Parts, n_clips: int = 16) -> Any:
    """Make clips of different lengths, levels and pitches, or features like those of training.

    Parameters
    ----------
    parts : Parts
        What is exported.
    n_clips : int, default=16
        Number of clips.

    Returns
    -------
    ndarray of shape (n_clips, n_samples) or of features
        The clips, the same for every call.
    """
    rng = np.random.default_rng(0)
    if parts.transformer is None:
        return _features(parts, rng.normal(size=(n_clips, *parts.classifier.input_shape_)))
    n_samples = parts.transformer.n_samples_
    times = np.arange(n_samples) / parts.transformer.sample_rate
    clips = np.zeros((n_clips, n_samples), np.float32)
    for clip in clips[1:]:  # the first is silence
        pitches = rng.uniform(80, 400) * np.arange(1, 11)
        harmonics = np.sin(2 * np.pi * pitches[:, None] * times * rng.uniform(0.8, 1.2))
        sound = rng.exponential(size=10) @ harmonics * np.abs(np.sin(rng.uniform(3, 30) * times))
        sound += rng.exponential() * rng.normal(size=n_samples)
        length = int(rng.integers(n_samples // 3, n_samples + 1))
        clip[:length] = (sound * rng.uniform(0.01, 1) / np.abs(sound).max())[:length]
    return clips


def _features(parts: Parts, normal: np.ndarray) -> np.ndarray:
    """Give standard normal values the mean and the scale of the training features."""
    standardize = parts.classifier.model_.layers[1]
    if not hasattr(standardize, "scale"):
        return normal.astype(np.float32)
    scale = np.asarray(standardize.scale)
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    return (np.asarray(standardize.mean) + normal * inverse).astype(np.float32)
