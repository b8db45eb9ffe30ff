"""Batches, optimizers and the learning rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaudio.classifiers._optimization import batch_count, epoch_count, learning_rate_at

QUICK = {"epochs": 1, "learning_rate": 0.02, "random_state": 0}


def test_the_cosine_warms_up_falls_and_stays():
    rates = [learning_rate_at(p, highest=2.0) for p in np.linspace(0, 1.5, 301)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(2.0)
    assert np.argmax(rates) == 10  # a twentieth
    assert (np.diff(rates[10:201]) < 0).all()
    assert rates[200:] == pytest.approx([0.02] * 101)


@given(n_clips=st.integers(1, 10_000), batch_size=st.integers(1, 256) | st.just("auto"))
def test_no_batch_is_larger_than_asked(n_clips, batch_size):
    n_batches = batch_count(n_clips, batch_size)
    largest = 64 if batch_size == "auto" else batch_size
    assert -(-n_clips // n_batches) <= largest
    assert n_batches <= n_clips


@pytest.mark.parametrize(
    ("n_clips", "n_epochs"), [(8, 2400), (16, 1200), (400, 71), (2000, 50), (4112, 25), (10**5, 25)]
)
def test_automatic_epochs_give_enough_updates_and_passes(n_clips, n_epochs):
    assert epoch_count(n_clips, "auto", "auto") == n_epochs
    assert epoch_count(n_clips, "auto", 7) == 7
