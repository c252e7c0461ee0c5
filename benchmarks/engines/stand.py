"""What these benchmarks share: a real vLLM with the tiny model, and a gateway in front of it.

They use the suite in ``tests/vllm``, whose ``install.sh`` has to have run once.
"""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.vllm import script
from tests.vllm.gateway import Gateway, gateway
from tests.vllm.server import NoVllm, Vllm, serve

SEQUENCES = 16


@contextlib.contextmanager
def stand() -> Iterator[tuple[Vllm, Gateway]]:
    """A vLLM that works on 16 pages at once, and a gateway with default settings."""
    flags = ("--max-num-seqs", str(SEQUENCES), *script.SCRIPTED)
    with tempfile.TemporaryDirectory() as folder, vllm(Path(folder), *flags) as server:
        print(f"vLLM read its first page after {server.seconds_to_ready:.0f} s", flush=True)
        state = Path(folder) / "gateway"
        state.mkdir()
        with gateway(state, "--url", server.url) as front:
            yield server, front


@contextlib.contextmanager
def vllm(folder: Path, *flags: str) -> Iterator[Vllm]:
    """A vLLM; the program ends with a sentence where none is installed."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(serve(folder, *flags))
        except NoVllm as reason:
            sys.exit(str(reason))
        yield server


def percentile(values: list[float], share: float) -> float:
    """The value that ``share`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
