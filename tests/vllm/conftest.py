"""One real vLLM per module: started before its first test, gone after its last."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.vllm.server import NoVllm, Vllm, executable, serve

HERE = Path(__file__).parent
FIGURES = pytest.StashKey[dict[str, str]]()
SECONDS = 480  # most for one test, the start of its module's server included


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, and give it the time that a server takes to start."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("vllm")
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(SECONDS))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was measured, since a pass says only that it was below a bound."""
    if measured := config.stash.get(FIGURES, {}):
        terminalreporter.section("measured against a real vLLM")
        for name, value in measured.items():
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture
def figures(pytestconfig: pytest.Config) -> dict[str, str]:
    """Where a test writes what it measured, by name."""
    return pytestconfig.stash.setdefault(FIGURES, {})


@pytest.fixture(scope="session")
def installed() -> Path:
    """The ``vllm`` command; everything is skipped, with the reason, where there is none."""
    try:
        return executable()
    except NoVllm as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def server(
    installed: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Vllm]:
    """A server with the ``FLAGS`` of the test's module."""
    flags: tuple[str, ...] = getattr(request.module, "FLAGS", ())
    with serve(tmp_path_factory.mktemp("vllm"), *flags) as running:
        yield running
