"""Exit codes: the only place that knows their numbers."""

from collections.abc import Mapping
from enum import IntEnum

from ocrgate import errors
from ocrgate.errors import OcrgateError


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    MISSED = 1
    USAGE = 2
    PARTIAL = 3
    INPUT = 4
    ACCESS = 5
    REFUSED = 6
    ENGINE = 7
    DEADLINE = 8
    SETTINGS = 9
    ENVIRONMENT = 10
    INTERNAL = 70
    INTERRUPTED = 130
    PIPE = 141
    TERMINATED = 143


MEANING: Mapping[Exit, str] = {
    Exit.OK: "Everything that was asked for was done.",
    Exit.MISSED: "A limit that was given with `--slo` did not hold.",
    Exit.USAGE: "The command line asks for something that there is not.",
    Exit.PARTIAL: "Some files or pages failed; the others were written.",
    Exit.INPUT: "The input is missing, damaged, too large or of a format that is not read.",
    Exit.ACCESS: "The server wants an API key, or another one.",
    Exit.REFUSED: "The server is full or going away, or the key's quota is used up; try later.",
    Exit.ENGINE: "The engine is missing or failed.",
    Exit.DEADLINE: "The time given ran out.",
    Exit.SETTINGS: "The settings are wrong; every problem is named.",
    Exit.ENVIRONMENT: "This machine lacks something: a port, a right, a package.",
    Exit.INTERNAL: "A mistake inside ocrgate; run again with `--debug` to see where.",
    Exit.INTERRUPTED: "Ctrl-C; finished pages were kept.",
    Exit.PIPE: "Whoever read the output closed it early, as `head` does.",
    Exit.TERMINATED: "SIGTERM; finished pages were kept.",
}

_BY_ERROR: Mapping[type[OcrgateError], Exit] = {
    errors.InvalidRequest: Exit.USAGE,
    errors.Conflict: Exit.USAGE,
    errors.UnsupportedMedia: Exit.INPUT,
    errors.UnreadableDocument: Exit.INPUT,
    errors.PayloadTooLarge: Exit.INPUT,
    errors.DocumentLimit: Exit.INPUT,
    errors.NotFound: Exit.INPUT,
    errors.Gone: Exit.INPUT,
    errors.AccessError: Exit.ACCESS,
    errors.RefusedError: Exit.REFUSED,
    errors.EngineError: Exit.ENGINE,
    errors.DeadlineExceeded: Exit.DEADLINE,
    errors.InternalError: Exit.INTERNAL,
}


def code_of(error: type[OcrgateError]) -> Exit:
    """The exit code of an error.

    Raises:
        KeyError: the error has none; a test asks that every leaf has one.
    """
    return next(_BY_ERROR[kind] for kind in error.__mro__ if kind in _BY_ERROR)
