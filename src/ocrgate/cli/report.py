"""What went wrong, in one line and a hint; talk goes to standard error only."""

import shlex
import shutil
import sys
import traceback
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ocrgate.cli.exit import Exit, code_of
from ocrgate.errors import AccessError, OcrgateError


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


def installing(packages: str) -> str:
    """The command that installs into the environment of this process.

    A bare ``pip`` would be that of the shell, which is another one where ocrgate is called by its
    path, as ``make serve`` does.
    """
    found = shutil.which("pip")
    ours = found is not None and Path(found).parent == Path(sys.executable).parent
    return f"{'pip' if ours else shlex.quote(sys.executable) + ' -m pip'} install {packages}"


def fail(error: Exception, *, debug: bool) -> NoReturn:
    """Print an error and end the process with its code."""
    if debug:
        traceback.print_exception(error)
    message, hint, code = describe(error)
    if message:
        say(f"ocrgate: {message}")
    if hint:
        say(f"  hint: {hint}")
    raise SystemExit(code)


def aligned(rows: Sequence[Sequence[str]], gap: str = "  ") -> Iterator[str]:
    """The rows of a table with their cells below each other, also where letters take two columns,
    as Chinese ones do.
    """
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)
        )
        yield gap.join(cells).rstrip()


def columns(text: str) -> int:
    """Columns of a terminal that a text takes."""
    wide = sum(unicodedata.east_asian_width(letter) in {"W", "F"} for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def describe(error: Exception) -> tuple[str, str, Exit]:
    """Message, hint and exit code of an error."""
    from ocrgate.settings import InsecureBind, SettingsError

    if isinstance(error, CommandFailed | InsecureBind):
        return str(error), getattr(error, "hint", ""), getattr(error, "code", Exit.ENVIRONMENT)
    if isinstance(error, OcrgateError):
        return _of(error)
    if callable(getattr(error, "format_message", None)):  # of the parser of the command line
        return _misunderstood(error)
    if isinstance(error, SettingsError):
        return f"the settings are wrong\n{_indented(error)}", _SETTINGS_HINT, Exit.SETTINGS
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}", "", Exit.ENVIRONMENT
    message = f"internal error: {type(error).__name__}: {error}"
    return message, "run again with --debug and report what it prints", Exit.INTERNAL


_OPTIONS = frozenset(
    {"task", "pages", "format", "quality", "language", "keys", "schema", "target", "prompt"}
)
"""Fields of a request that are options of the command line, by the same names."""

_BY_HEADER = {"X-Request-Timeout": "--timeout", "api_key": "--key"}
"""Options that travel under another name."""

_SETTINGS_HINT = "`ocrgate config schema` describes every setting"


def _indented(error: Exception) -> str:
    return "\n".join(f"  {line}" for line in str(error).splitlines())


def _misunderstood(error: Any) -> tuple[str, str, Exit]:
    """A mistake on the command line, in one line instead of a box."""
    message = error.format_message().replace("Value error, ", "").rstrip(".")  # "" after help
    context = getattr(error, "ctx", None)
    hint = f"`{context.command_path} -h` explains it" if message and context else ""
    return message.replace("Input should be", "it should be"), hint, Exit.USAGE


def worded(error: OcrgateError) -> str:
    """What went wrong, with the bound that was passed."""
    told = error.limit is None or error.limit.split()[0] in error.detail.split()
    return error.detail if told else f"{error.detail} (limit: {error.limit})"


def _of(error: OcrgateError) -> tuple[str, str, Exit]:
    option = _BY_HEADER.get(error.field or "", error.field or "")
    if option in _OPTIONS:
        option = f"--{option}"
    where = f" ({option})" if option.startswith("--") and option not in error.detail else ""
    hint = f"try again in {error.retry_after:.0f} s" if error.retry_after else ""
    if isinstance(error, AccessError):
        hint = "give a key of the server with --key or OCRGATE_API_KEY"
    return f"{worded(error)}{where}", hint, code_of(type(error))
