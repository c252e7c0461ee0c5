"""What can be tuned, and what it is called: here, at vLLM's command line, and in the settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from ocrgate.cli.report import CommandFailed
from ocrgate.load.tune.trial import Axis, Space

SEQUENCES, BATCHED, MEMORY = "max-num-seqs", "max-num-batched-tokens", "gpu-memory-utilization"
"""vLLM's own flags, without the dashes before them."""

SHORT = {"seqs": SEQUENCES, "batched": BATCHED, "memory": MEMORY}
"""What ``--what`` takes."""

_COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_TOKENS = (2048, 4096, 8192, 16384, 32768)
_SHARES = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where to look.

    Attributes:
        least: pages at once to begin with.
        most: pages at once at most.
        largest_page: tokens of a step that hold the largest page; fewer are not tried.
        restarts: whether the engine can be started anew.
    """

    least: int = 4
    most: int = 256
    largest_page: int = 0
    restarts: bool = False


def space(wanted: tuple[str, ...], bounds: Bounds) -> Space:
    """The settings to try.

    Raises:
        CommandFailed: nothing of that name can be tuned, or not without starting the engine.
    """
    unknown = [name for name in wanted if name not in SHORT]
    if unknown:
        alone = "side is searched alone" if "side" in unknown else ""
        raise CommandFailed(f"--what {unknown[0]}: there are {', '.join(SHORT)}", hint=alone)
    names = tuple(dict.fromkeys(SHORT[name] for name in ("seqs", *wanted)))
    if len(names) > 1 and not bounds.restarts:
        raise CommandFailed(
            f"--what {','.join(wanted)} needs an engine that is started anew for every try",
            hint='--restart-command, or [engine] kind = "vllm" in the settings file',
        )
    return Space(tuple(_axis(name, bounds) for name in names))


def _axis(name: str, bounds: Bounds) -> Axis:
    if name == SEQUENCES:
        within = [value for value in _COUNTS if value <= bounds.most]
        values = tuple(sorted({*within, bounds.least, bounds.most}))
        start = float(bounds.least)
        return Axis(name, values, start, climbs=True, risky=True, restarts=bounds.restarts)
    if name == BATCHED:
        fit = [value for value in _TOKENS if value >= bounds.largest_page] or [bounds.largest_page]
        return Axis(name, tuple(fit), fit[min(1, len(fit) - 1)], restarts=True)
    return Axis(name, _SHARES, 0.9, risky=True, restarts=True)


def flags(setting: Mapping[str, float]) -> tuple[str, ...]:
    """As vLLM's command line has them."""
    return tuple(word for name, value in setting.items() for word in (f"--{name}", f"{value:g}"))


def shown(setting: Mapping[str, float]) -> str:
    """For people."""
    return ", ".join(f"{name} {value:g}" for name, value in setting.items())


def parse(text: str, field: str) -> dict[str, float]:
    """``max-num-seqs=16,gpu-memory-utilization=0.9``.

    Raises:
        CommandFailed: it is no such text.
    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        known = SHORT.get(name, name)
        try:
            found[known] = float(value)
        except ValueError:
            equals = ""
        if not equals or known not in SHORT.values():
            raise CommandFailed(f"{field} {part!r}: written as max-num-seqs=16")
    return found
