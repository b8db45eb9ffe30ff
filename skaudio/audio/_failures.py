"""Names of recordings that cannot be used, and the reasons."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from skaudio.exceptions import AudioError

NAMELESS = "the recording"


class Unusable(Exception):
    """The reason why a recording cannot be used; the caller adds the name."""

    def __init__(self, reason: str, failures: Sequence[tuple[str, str]] = ()):
        super().__init__(reason)
        self.failures = list(failures)

    @classmethod
    def because_of(cls, error: AudioError) -> Unusable:
        """Pass on the failures inside a recording that is made of others."""
        reason = "; ".join(f"{name}: {reason}" for name, reason in error.failures)
        return cls(reason, error.failures)

    def named(self, name: str) -> list[tuple[str, str]]:
        """Name the failures, except those that already have a name."""
        if not self.failures:
            return [(name, str(self))]
        return [
            (name if inner.startswith(f"{NAMELESS} (") else inner, reason)
            for inner, reason in self.failures
        ]


def describe(source: Any, index: int | None = None) -> str:
    """Name a recording in a message: by its path if it has one, else by its index in X."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    item = NAMELESS if index is None else f"X[{index}]"
    name = getattr(source, "name", None)
    if isinstance(name, str):
        return f"{item} (open file {name!r})"
    return f"{item} ({type(source).__name__})"
