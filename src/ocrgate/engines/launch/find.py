"""Where vLLM is, and which version."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ocrgate.engines.launch.versions import Version
from ocrgate.errors import EngineUnavailable

_ASK_METADATA = "from importlib.metadata import version; print(version('vllm'))"
_SOON = 15.0  # seconds to read the version of an installed distribution
_LATE = 90.0  # seconds for vLLM to say it: it imports all of itself first
_SHEBANG = re.compile(rb"\A#![ \t]*(\S*python\S*)(?:[ \t].*)?$", re.MULTILINE)
_LONG_SHEBANG = re.compile(rb"\A#!/bin/sh\s*\n'''exec' \"?([^\"\n]*python[^\"\s]*)\"? ")

MISSING = (
    "vLLM is not installed here: {command!r} is neither beside our own Python nor on the PATH. "
    "Install it (pip install vllm, in this or another environment), name it with engine.command "
    "(OCRGATE_ENGINE__COMMAND), attach to a running server with --engine openai, or use the "
    "embedded engine with --engine cpu"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A vLLM: the words that call it, and its version where that can be told."""

    words: tuple[str, ...]
    version: Version | None


def find(command: str, environ: Mapping[str, str]) -> Found:
    """Look for vLLM. Blocks for a moment, for long if the version must be asked of vLLM itself.

    Raises:
        EngineUnavailable: there is none, or ``command`` cannot be read.
    """
    words = _words(command)
    place = _place(words[0], environ.get("PATH"))
    if place is None:
        raise EngineUnavailable(MISSING.format(command=words[0]))
    found = (place, *words[1:])
    return Found(found, _version(found, environ))


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise EngineUnavailable(f"engine.command cannot be read: {error}") from None
    if not words:
        raise EngineUnavailable("engine.command is empty; it names the vllm executable")
    return words


def _place(word: str, path: str | None) -> str | None:
    if os.sep in word:
        return shutil.which(str(Path(word).expanduser()))
    beside = Path(sys.executable).parent / word
    return shutil.which(str(beside)) or shutil.which(word, path=path)


def _version(words: tuple[str, ...], environ: Mapping[str, str]) -> Version | None:
    python = interpreter(Path(words[0])) if len(words) == 1 else None
    if python is not None:
        # The entry in the environment's records: no import of vLLM, which takes ten seconds.
        said = _ask([python, "-c", _ASK_METADATA], _SOON, environ)
        if said is not None:
            return said
    return _ask([*words, "--version"], _LATE, environ)


def interpreter(script: Path) -> str | None:
    """The Python that an installed script is run by; None where its first line names none."""
    try:
        with script.open("rb") as file:
            head = file.read(1024)
    except OSError:
        return None
    found = _SHEBANG.search(head) or _LONG_SHEBANG.search(head)
    return found[1].decode(errors="replace") if found else None


def _ask(words: list[str], patience: float, environ: Mapping[str, str]) -> Version | None:
    try:
        done = subprocess.run(  # noqa: S603 - what the user named
            words,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience,
            check=False,
            stdin=subprocess.DEVNULL,
            env=dict(environ),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.split("\n") if done.returncode == 0 else []
    parsed = (Version.parse(line) for line in reversed(lines))
    return next((version for version in parsed if version is not None), None)
