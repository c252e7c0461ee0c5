"""``ocrgate doctor``: what is missing here, and how to get it."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from ocrgate.cli.exit import Exit
from ocrgate.cli.options import ConfigOption, JsonOption, load_settings
from ocrgate.cli.report import show

if TYPE_CHECKING:
    from pathlib import Path

    from ocrgate.cli.checks.check import Check

_MARKS = {"ok": "ok    ", "note": "note  ", "failed": "FAILED"}


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check this machine and this installation, down to a page read end to end."""
    found = []
    for check in _checks(config):
        found.append(check)
        if not as_json:
            show(_line(check))
    failed = any(check.state == "failed" for check in found)
    if as_json:
        show(json.dumps({"ok": not failed, "checks": [asdict(c) for c in found]}, indent=2))
    if failed:
        raise typer.Exit(Exit.ENVIRONMENT)


def _checks(config: "Path | None") -> "Iterator[Check]":
    from ocrgate.cli.checks import machine, network, service, vllm

    settings = load_settings(config).settings
    yield from machine.versions()
    yield machine.weights(settings)
    yield machine.cores()
    yield machine.memory(settings)
    yield from machine.extras()
    yield from vllm.vllm(settings, os.environ)
    yield from network.proxies(settings, os.environ)
    yield service.port(settings)
    yield service.keys(settings)
    yield service.page(settings)


def _line(check: "Check") -> str:
    hint = f"\n          {check.hint}" if check.hint else ""
    return f"{_MARKS[check.state]}  {check.name}: {check.detail}{hint}"
