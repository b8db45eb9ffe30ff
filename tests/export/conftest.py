"""Clips that front ends treat differently."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def clips():
    """Clips of several lengths, levels and tails, and silence."""
    rng = np.random.default_rng(0)
    clips = np.zeros((12, 6400), np.float32)
    for index, clip in enumerate(clips[1:], start=1):
        length = 500 * index
        clip[:length] = rng.normal(size=length) * 10.0 ** -rng.integers(0, 4)
    clips[5, 1000:1400] = 0  # silence in the middle
    return clips
