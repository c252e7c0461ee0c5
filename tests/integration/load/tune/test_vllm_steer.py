"""A vLLM of ocrgate's own, started anew for every setting: here with the stand-in that plays it."""

from dataclasses import replace
from pathlib import Path

from tests.integration.launch.conftest import Place, place, vllm_params

from ocrgate.cli.tuning.steer import Vllm, set_engine
from ocrgate.engines.launch.params import VllmParams

__all__ = ["place"]


def params(folder: Path) -> VllmParams:
    return VllmParams(args=("--max-num-batched-tokens=2048",), state=folder)


def test_settings_become_those_of_the_engine(tmp_path: Path) -> None:
    setting = {
        "max-num-seqs": 24.0,
        "gpu-memory-utilization": 0.8,
        "max-num-batched-tokens": 8192.0,
    }
    found = set_engine(params(tmp_path), setting)
    assert found.max_sequences == 24
    assert found.gpu_memory == 0.8
    assert found.args == ("--max-num-batched-tokens", "8192")
    assert replace(found, max_sequences=None, gpu_memory=None, args=()) == replace(
        params(tmp_path), args=()
    )


async def test_it_is_started_with_each_setting_and_ended(place: Place) -> None:
    steer = Vllm(vllm_params(place))
    for at_once in (4.0, 8.0):
        url = await steer.apply({"max-num-seqs": at_once})
        assert url.startswith("http://127.0.0.1:")
    await steer.restore()
    assert place.given("--max-num-seqs") == ["4", "8"]
    assert place.left() == set()


async def test_what_a_guard_learned_in_a_trial_is_forgotten(place: Place) -> None:
    """A search must not leave an engine behind that is started with less from now on."""
    asked = vllm_params(place)
    steer = Vllm(asked)
    await steer.apply({"max-num-seqs": 4.0})
    await steer.restore()
    assert not list(asked.state.glob("vllm-*.json"))
