"""How many cores this process may use: a container's share of them shows in no count of cores."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def usable_cores(groups: Path = _GROUPS, own: Path = _OWN) -> int:
    """Cores that it may run on, less where its control group is given less time than they have.

    A quota of 1.5 cores counts as two.

    Args:
        groups: where the system shows its control groups, of version 2 or 1.
        own: names the group of this process.
    """
    quotas = [math.ceil(quota) for quota in _quotas(groups, own) if quota > 0]
    return max(1, min([len(os.sched_getaffinity(0)), *quotas]))


def _quotas(groups: Path, own: Path) -> Iterator[float]:
    """Cores by each quota that holds for this process; those of groups above it count too."""
    for folder in _folders(groups, own):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        yield _cores(quota, period)
    time = groups / "cpu"
    yield _cores(_text(time / "cpu.cfs_quota_us"), _text(time / "cpu.cfs_period_us"))


def _folders(groups: Path, own: Path) -> Iterator[Path]:
    """Its group of version 2 and those above, up to the root."""
    names = [line[3:] for line in _text(own).splitlines() if line.startswith("0::/")]
    inner = groups / (names[0].lstrip("/") if names else "")
    yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(groups))


def _cores(quota: str, period: str) -> float:
    """What a quota comes to; 0 for none (``max``, ``-1``, or no such file)."""
    try:
        return max(0.0, int(quota) / int(period))
    except (ValueError, ZeroDivisionError):
        return 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
