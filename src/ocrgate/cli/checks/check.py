"""The result of one look."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a look ended."""

    OK = "ok"
    NOTE = "note"  # works without it
    FAILED = "failed"  # does not work like this


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: in one or two words.
        state: how it is.
        detail: what was found.
        hint: what to do about it.
    """

    name: str
    state: State
    detail: str
    hint: str = ""
