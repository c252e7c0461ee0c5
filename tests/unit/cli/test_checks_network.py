"""What ``doctor`` says of proxies."""

import pytest

from ocrgate.cli.checks.check import State
from ocrgate.cli.checks.network import proxies
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.settings import Settings, TelemetrySettings

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (CpuParams(), "downloads nothing"),
        (OpenAIParams(), "their URLs are reached directly"),
        (VllmParams(), "vLLM downloads its model through it"),
    ],
)
def test_each_engine_says_who_uses_the_proxy(
    engine: CpuParams | OpenAIParams | VllmParams, words: str
) -> None:
    """An internal address never goes through a proxy by surprise."""
    (check,) = proxies(Settings(engine=engine), {"HTTPS_PROXY": PROXY})
    assert (check.state, words in check.detail) == (State.OK, True)


@pytest.mark.parametrize("environ", [{}, {"HTTP_PROXY": "", "NO_PROXY": "*"}])
def test_nothing_is_said_without_one(environ: dict[str, str]) -> None:
    """Most machines have none."""
    assert list(proxies(Settings(), environ)) == []


def test_the_password_of_a_proxy_is_not_shown() -> None:
    """What ``doctor`` prints ends in bug reports."""
    checks = proxies(Settings(), {"all_proxy": "ann:geheim@proxy:1", "http_proxy": PROXY})
    text = " ".join(f"{check.detail} {check.hint}" for check in checks)
    assert "geheim" not in text


def test_a_proxy_without_a_scheme_ends_downloads() -> None:
    """It works with curl, and not with what loads the model."""
    environ = {"HTTPS_PROXY": "proxy.example:3128"}
    _, told = proxies(Settings(engine=VllmParams()), environ)
    assert (told.state, "HTTPS_PROXY=http://proxy.example:3128" in told.hint) == (
        State.FAILED,
        True,
    )
    _, noted = proxies(Settings(), environ)
    assert noted.state is State.NOTE


def test_models_come_over_https() -> None:
    """A proxy for plain HTTP alone helps no download."""
    _, told = proxies(Settings(engine=VllmParams()), {"http_proxy": PROXY})
    assert "HTTPS_PROXY" in told.hint


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"HTTP_PROXY": PROXY}, True),
        ({"HTTP_PROXY": PROXY, "NO_PROXY": "collector.local"}, False),
        ({"HTTP_PROXY": PROXY, "NO_PROXY": ".local"}, False),
        ({"HTTP_PROXY": PROXY, "no_proxy": "*"}, False),
        ({"HTTPS_PROXY": PROXY}, False),
    ],
)
def test_traces_follow_the_environment(environ: dict[str, str], told: bool) -> None:
    """Their exporter is not ours."""
    telemetry = TelemetrySettings(otlp_endpoint="http://collector.local:4318")
    checks = [check.hint for check in proxies(Settings(telemetry=telemetry), environ)]
    assert any("collector.local" in hint for hint in checks) is told
