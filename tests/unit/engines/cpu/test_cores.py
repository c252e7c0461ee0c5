"""Cores of a machine, and of a container on it."""

import os
from pathlib import Path

import pytest

from ocrgate.engines.cpu.cores import usable_cores

HERE = len(os.sched_getaffinity(0))


def groups(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        place = root / "cgroup" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root / "cgroup"


def named(root: Path, text: str) -> Path:
    own = root / "own"
    own.write_text(text)
    return own


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, HERE),
        ({"cpu.max": "90000000 100000\n"}, HERE),
        ({"cpu.max": "nonsense"}, HERE),
        ({"cpu.max": "100000 0"}, HERE),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, HERE),
        ({}, HERE),
    ],
)
def test_a_container_has_the_cores_that_it_was_given(
    tmp_path: Path, files: dict[str, str], cores: int
) -> None:
    """By either version of control groups; what cannot be read limits nothing."""
    assert usable_cores(groups(tmp_path, files), named(tmp_path, "0::/\n")) == cores


def test_the_tightest_group_above_counts(tmp_path: Path) -> None:
    """A service without a quota of its own may run in a slice that has one."""
    files = {
        "system.slice/ocr.service/cpu.max": "max 100000",
        "system.slice/cpu.max": "20000 100000",
    }
    own = named(tmp_path, "1:name=systemd:/x\n0::/system.slice/ocr.service\n")
    assert usable_cores(groups(tmp_path, files), own) == 1
    assert usable_cores(groups(tmp_path, files), tmp_path / "missing") == HERE


def test_a_share_of_a_core_more_is_a_core(tmp_path: Path) -> None:
    """So that none of the time is left over."""
    if HERE < 2:
        pytest.skip("a machine of one core")
    found = groups(tmp_path, {"cpu.max": "150000 100000"})
    assert usable_cores(found, named(tmp_path, "0::/")) == 2
