"""What went wrong, in one line and a hint; talk goes to standard error only."""

import sys
import traceback
from typing import NoReturn

from ocrgate.cli.exit import Exit, code_of
from ocrgate.errors import OcrgateError


class CommandFailed(Exception):
    """A command cannot go on for a reason of this machine or of the command line.

    Args:
        message: one sentence.
        code: how the process ends.
        hint: what to do about it.
    """

    def __init__(self, message: str, code: Exit = Exit.USAGE, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def say(text: str = "") -> None:
    """Talk to the person at the terminal."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def show(text: str) -> None:
    """Print a result: what a pipe or a script reads."""
    sys.stdout.write(f"{text}\n")


def fail(error: Exception, *, debug: bool) -> NoReturn:
    """Print an error and end the process with its code."""
    if debug:
        traceback.print_exception(error)
    message, hint, code = describe(error)
    say(f"ocrgate: {message}")
    if hint:
        say(f"  hint: {hint}")
    raise SystemExit(code)


def describe(error: Exception) -> tuple[str, str, Exit]:
    """Message, hint and exit code of an error."""
    from ocrgate.settings import InsecureBind, SettingsError

    if isinstance(error, CommandFailed):
        return str(error), error.hint, error.code
    if isinstance(error, OcrgateError):
        return _of(error)
    if isinstance(error, SettingsError):
        return f"the settings are wrong\n{_indented(error)}", _SETTINGS_HINT, Exit.SETTINGS
    if isinstance(error, InsecureBind):
        return str(error), "", Exit.ENVIRONMENT
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}", "", Exit.ENVIRONMENT
    message = f"internal error: {type(error).__name__}: {error}"
    return message, "run again with --debug and report what it prints", Exit.INTERNAL


_SETTINGS_HINT = "`ocrgate config show` lists every setting, its value and where it came from"


def _indented(error: Exception) -> str:
    return "\n".join(f"  {line}" for line in str(error).splitlines())


def _of(error: OcrgateError) -> tuple[str, str, Exit]:
    option = error.field or ""
    where = f" ({option})" if option.startswith("--") and option not in error.detail else ""
    hint = f"try again in {error.retry_after:.0f} s" if error.retry_after else ""
    return f"{error.detail}{where}", hint, code_of(type(error))
