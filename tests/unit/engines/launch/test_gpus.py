"""Which GPUs there are, and who sits where."""

from pathlib import Path

import pytest

from ocrgate.engines.launch.gpus import (
    Gpu,
    Seat,
    allowed,
    listed,
    seats,
    sequences,
    visible_gpus,
)
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.versions import Version
from ocrgate.errors import EngineUnavailable

GIB = 2**30
TWO = (
    Gpu("0", "NVIDIA GeForce RTX 4090 D", 24_564 * 2**20),
    Gpu("1", "NVIDIA A10", 23_028 * 2**20),
)
ON_GPU = Version.parse("0.33.0")
ON_CPU = Version.parse("0.33.0+cpu")


def test_the_list_is_read() -> None:
    """Names with commas in quotes, memory that is not told, lines that say something else."""
    output = (
        "0, GPU-5e, NVIDIA GeForce RTX 4090 D, 24564\n"
        '1, GPU-6f, "NVIDIA, odd", [N/A]\n'
        "Failed to initialize NVML: Driver/library version mismatch\n\n"
    )
    assert listed(output) == (TWO[0], Gpu("1", "NVIDIA, odd", 0))


@pytest.mark.parametrize(
    ("variable", "ids"),
    [
        (None, ["0", "1"]),
        ("1,0", ["1", "0"]),
        ("1", ["1"]),
        ("", []),
        ("-1", []),
        ("0,7,1", ["0"]),
        ("GPU-6f", ["GPU-6f"]),
        ("MIG-a, MIG-b", ["MIG-a", "MIG-b"]),
    ],
)
def test_cuda_visible_devices_is_respected(variable: str | None, ids: list[str]) -> None:
    """As CUDA reads it: in its order, up to the first that does not exist."""
    assert [gpu.id for gpu in allowed(TWO, variable)] == ids


@pytest.mark.parametrize("body", ["exit 9", "echo 'no devices were found'; exit 6", "kill -9 $$"])
def test_a_tool_that_fails_shows_no_gpu(tmp_path: Path, body: str) -> None:
    """A driver that is not loaded is no reason to fail here."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{body}\n")
    tool.chmod(0o755)
    assert visible_gpus({"PATH": str(tmp_path)}) == ()


def test_without_the_tool_there_is_no_gpu(tmp_path: Path) -> None:
    assert visible_gpus({"PATH": str(tmp_path)}) == ()


def test_one_server_for_each_gpu() -> None:
    """Ports in a row; or as many as were asked for."""
    assert seats(VllmParams(), TWO, ON_GPU) == (
        Seat(0, 8000, ("0",), 1, TWO[0].memory),
        Seat(1, 8001, ("1",), 1, TWO[1].memory),
    )
    assert len(seats(VllmParams(gpus=1), TWO, None)) == 1


def test_one_server_over_all_gpus() -> None:
    """The smallest decides what each may carry."""
    expected = (Seat(0, 8000, ("0", "1"), 2, TWO[1].memory),)
    assert seats(VllmParams(parallel="data"), TWO, ON_GPU) == expected


def test_a_build_for_the_cpu_needs_no_gpu() -> None:
    """Known by its version, or said by the user."""
    assert seats(VllmParams(), (), ON_CPU) == (Seat(0, 8000, cpu=True),)
    assert seats(VllmParams(device="cpu"), TWO, None) == (Seat(0, 8000, cpu=True),)


def test_a_gpu_that_is_not_seen_may_be_claimed() -> None:
    """Of another maker, say; vLLM finds it itself."""
    assert seats(VllmParams(device="gpu", gpus=2), (), ON_GPU) == (Seat(0, 8000, ranks=2),)


def test_no_gpu_and_too_few_are_said() -> None:
    """With what to do about it."""
    with pytest.raises(EngineUnavailable, match="--engine cpu"):
        seats(VllmParams(), (), ON_GPU)
    with pytest.raises(EngineUnavailable, match=r"3 GPUs were asked for.*2 are seen"):
        seats(VllmParams(gpus=3), TWO, ON_GPU)


@pytest.mark.parametrize(
    ("mebibytes", "expected"),
    [
        (81_559, 256),
        (46_068, 256),
        (40_960, 240),
        (24_564, 120),
        (16_376, 64),
        (12_288, 32),
        (8_188, 7),
        (6_144, 4),
        (0, 64),
    ],
)
def test_sequences_follow_the_memory(mebibytes: int, expected: int) -> None:
    """What the KV cache holds of usual pages, so that the gate's law has room to find the best."""
    assert sequences(VllmParams(), seat_of(mebibytes)) == expected
    assert sequences(VllmParams(max_sequences=3), seat_of(mebibytes)) == 3


def test_larger_pages_and_a_smaller_share_leave_fewer() -> None:
    """Pages of 2,048 pixels have four times the image tokens; a fifth of 80 GB is a small GPU."""
    assert sequences(VllmParams(max_side=2048), seat_of(24_564)) == 40
    assert sequences(VllmParams(max_side=2048, max_pixels=10**6), seat_of(24_564)) == 104
    assert sequences(VllmParams(gpu_memory=0.2), seat_of(81_559)) == 80


def seat_of(mebibytes: int) -> Seat:
    return Seat(0, 8000, ("0",), 1, mebibytes * 2**20)


def test_a_cpu_takes_few() -> None:
    assert sequences(VllmParams(), Seat(0, 8000, cpu=True)) == 4
