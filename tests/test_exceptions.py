"""Messages that name what failed, and errors that cross processes."""

import pickle

import pytest

from skaudio.exceptions import AudioError, SkaudioError


def test_up_to_ten_are_named_then_counted():
    message = str(AudioError([(f"{n}.wav", "it is empty") for n in range(13)]))
    assert "Cannot read 13 recordings" in message
    assert "9.wav: it is empty" in message
    assert "10.wav" not in message
    assert "and 3 more" in message


@pytest.mark.parametrize("n_failures", [1, 12])
def test_survives_pickling_with_all_failures(n_failures):
    error = AudioError([(f"{n}.wav", "it is empty") for n in range(n_failures)])
    again = pickle.loads(pickle.dumps(error))
    assert again.failures == error.failures
    assert str(again) == str(error)


def test_is_what_a_scikit_learn_user_would_catch():
    assert issubclass(AudioError, ValueError)
    assert issubclass(AudioError, SkaudioError)
