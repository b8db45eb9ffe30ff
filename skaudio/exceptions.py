"""The exceptions of skaudio.

The hierarchy::

    Exception
     +-- SkaudioError                        base class of all of them
          +-- AudioError (ValueError)        recordings that cannot be used
          +-- DatasetError (ValueError)      a data set that is missing or incomplete
          +-- ExportError (ValueError)       a model that cannot be exported
          +-- MissingDependencyError (ImportError)   an optional package is not installed
          +-- ModelFileError (ValueError)    an exported model that cannot be used

Each one is also the built-in exception that a scikit-learn user would expect, so that
``except ValueError`` still works.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AudioError",
    "DatasetError",
    "ExportError",
    "MissingDependencyError",
    "ModelFileError",
    "SkaudioError",
]

_MAX_NAMED = 10


class SkaudioError(Exception):
    """Base class of skaudio's own exceptions."""


class AudioError(SkaudioError, ValueError):
    """One or more recordings that cannot be used.

    Parameters
    ----------
    failures : sequence of (str, str)
        The name of each recording (its path, or its index in ``X``) and the reason.

    Attributes
    ----------
    failures : list of (str, str)
        All of them, including those that the message only counts.

    Examples
    --------
    >>> from skaudio.exceptions import AudioError
    >>> print(AudioError([("a.wav", "the file is empty (0 bytes)")]))
    Cannot read a.wav: the file is empty (0 bytes).
    """

    def __init__(self, failures: Sequence[tuple[str, str]]):
        self.failures = list(failures)
        super().__init__(self._message())

    def _message(self) -> str:
        if len(self.failures) == 1:
            name, reason = self.failures[0]
            return f"Cannot read {name}: {reason}."
        lines = [f"Cannot read {len(self.failures)} recordings:"]
        lines += [f"  {name}: {reason}" for name, reason in self.failures[:_MAX_NAMED]]
        if len(self.failures) > _MAX_NAMED:
            lines.append(f"  and {len(self.failures) - _MAX_NAMED} more")
        lines.append(
            "Repair or remove them: skaudio.audio.find_unreadable(X) lists their indices in X."
        )
        return "\n".join(lines)

    def __reduce__(self):
        # Exception.__reduce__ would call __init__ with the message.
        return type(self), (self.failures,)


class DatasetError(SkaudioError, ValueError):
    """A data set that is missing or incomplete."""


class MissingDependencyError(SkaudioError, ImportError):
    """An optional package that is needed is not installed."""


class ExportError(SkaudioError, ValueError):
    """A model that cannot be exported, or whose file computes something else; none is left."""


class ModelFileError(SkaudioError, ValueError):
    """An exported model that cannot be used: damaged, foreign, or of a newer format."""
