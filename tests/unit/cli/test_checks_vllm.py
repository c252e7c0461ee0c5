"""What ``ocrgate doctor`` says about vLLM and GPUs."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ocrgate.cli.checks.check import Check, State
from ocrgate.cli.checks.vllm import vllm
from ocrgate.engines.launch.params import VllmParams
from ocrgate.settings import Settings

GPU = "echo '0, GPU-1, NVIDIA H100 80GB HBM3, 81559'"


def looked(folder: Path, params: VllmParams | None = None) -> dict[str, Check]:
    """The checks by name, on a machine with the tools of ``folder`` only."""
    settings = Settings() if params is None else replace(Settings(), engine=params)
    return {check.name: check for check in vllm(settings, os.environ | {"PATH": str(folder)})}


def tool(folder: Path, name: str, body: str) -> Path:
    made = folder / name
    made.write_text(f"#!/bin/sh\n{body}\n")
    made.chmod(0o755)
    return made


def test_what_is_missing_is_only_a_note_for_another_engine(tmp_path: Path) -> None:
    """The embedded engine needs neither; how to get them is said."""
    found = looked(tmp_path)
    assert found["vllm"].state is found["gpu"].state is State.NOTE
    assert "pip install vllm" in found["vllm"].hint
    assert "driver" in found["gpu"].hint


def test_what_is_missing_fails_where_vllm_is_chosen(tmp_path: Path) -> None:
    found = looked(tmp_path, VllmParams())
    assert found["vllm"].state is found["gpu"].state is State.FAILED


@pytest.mark.parametrize("chosen", [True, False])
def test_what_is_there_is_shown(tmp_path: Path, chosen: bool) -> None:
    """Version, place, GPU and its memory."""
    made = tool(tmp_path, "vllm", "echo 0.33.0")
    tool(tmp_path, "nvidia-smi", GPU)
    found = looked(tmp_path, VllmParams() if chosen else None)
    assert found["vllm"] == Check("vllm", State.OK, f"0.33.0 ({made})")
    assert found["gpu"] == Check("gpu", State.OK, "NVIDIA H100 80GB HBM3 with 80 GiB")


def test_a_build_for_the_cpu_needs_no_gpu(tmp_path: Path) -> None:
    tool(tmp_path, "vllm", "echo 0.33.0+cpu")
    found = looked(tmp_path, VllmParams())
    assert found["gpu"] == Check("gpu", State.OK, "not needed: this vLLM runs on the CPU")


def test_a_vllm_that_is_too_old_is_told(tmp_path: Path) -> None:
    """For the model that is to be served."""
    tool(tmp_path, "vllm", "echo 0.10.2")
    found = looked(tmp_path, VllmParams())
    assert found["vllm"].state is State.FAILED
    assert "tencent/HunyuanOCR needs 0.25.1" in found["vllm"].detail
    assert "--upgrade" in found["vllm"].hint


def test_a_model_that_cannot_be_served_is_told(tmp_path: Path) -> None:
    tool(tmp_path, "vllm", "echo 0.33.0")
    found = looked(tmp_path, VllmParams(model="zai-org/GLM-OCR"))
    assert found["vllm"].state is State.FAILED
    assert "cannot be used" in found["vllm"].detail


def test_fewer_gpus_than_asked_for_are_told(tmp_path: Path) -> None:
    tool(tmp_path, "vllm", "echo 0.33.0")
    tool(tmp_path, "nvidia-smi", GPU)
    found = looked(tmp_path, VllmParams(gpus=2))
    assert found["gpu"].state is State.FAILED
    assert "2 GPUs were asked for" in found["gpu"].detail
