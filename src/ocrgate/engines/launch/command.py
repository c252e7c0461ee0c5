"""The command line and environment of one server. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ocrgate.control.guard import Load
from ocrgate.engines.launch.gpus import Seat
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.served import ServedModel
from ocrgate.engines.launch.versions import Version

SINCE: Mapping[str, tuple[int, ...]] = {
    "--max-num-queued-reqs": (0, 29),
    "--mm-processor-cache-gb": (0, 11),
}
"""The first vLLM that knows a flag; those that are not named are known to all we can start."""

DISPENSABLE = frozenset({"--max-num-queued-reqs", "--shutdown-timeout", "--mm-processor-cache-gb"})
"""Flags of ours that a vLLM may refuse: it is then started without them."""

_QUIET = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "NO_COLOR": "1",
    "PYTHONUNBUFFERED": "1",
}
_GENTLE = {"VLLM_WORKER_MULTIPROC_METHOD": "spawn"}  # Python 3.12 cannot fork with threads

_ON_CPU = {"VLLM_CPU_KVCACHE_SPACE": "4"}  # GiB; without it, most of the machine's memory


@dataclass(frozen=True, slots=True)
class Start:
    """All that one start depends on.

    Attributes:
        executable: the words that call vLLM, before ``serve``.
        served: the model.
        params: what the user set.
        seat: where it runs.
        load: what the guard allows.
        version: of vLLM; None where it is not known, and every flag is tried.
        context: a bound under the model's own, learned from a start that failed.
        dropped: flags that this vLLM refused.
    """

    executable: tuple[str, ...]
    served: ServedModel
    params: VllmParams
    seat: Seat
    load: Load
    version: Version | None = None
    context: int | None = None
    dropped: frozenset[str] = field(default_factory=frozenset)


def command(start: Start) -> tuple[str, ...]:
    """The arguments of the process, the executable first and the user's own last."""
    return (*start.executable, "serve", start.served.model, *_flags(start), *start.params.args)


def environment(start: Start, inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables of the process: ours are kept from it, everything else is passed on."""
    kept = {name: value for name, value in inherited.items() if not name.startswith("OCRGATE_")}
    made = {**_GENTLE, **(_ON_CPU if start.seat.cpu else {}), **kept, **_QUIET}
    if start.seat.gpus:
        made["CUDA_VISIBLE_DEVICES"] = ",".join(start.seat.gpus)
    return made


def queue_bound(start: Start) -> int:
    """Requests that vLLM holds before it refuses: a quarter (at least four) above our own limit.

    Our gate stands before it, so this only speaks when somebody goes around the gate.
    """
    ours = max(start.params.slots or 0, start.load.sequences) * start.seat.ranks
    return ours + max(4, ours // 4)


def batched_tokens(start: Start) -> int:
    """Tokens of one step, at least those of the largest page.

    The encoder's cache is as large as this number, and an image that does not fit into it is
    refused rather than made smaller.
    """
    return start.served.page_tokens(start.load.pixels)


def _flags(start: Start) -> Iterator[str]:
    for name, value in _options(start):
        if _is_wanted(name, start):
            yield name
            if value is not None:
                yield str(value)
    yield from start.served.args


def _is_wanted(name: str, start: Start) -> bool:
    """Whether this vLLM knows the flag, and the recipe does not give it in its own words."""
    if name in start.served.args:
        return False
    since = SINCE.get(name, (0,))
    return name not in start.dropped and (start.version is None or start.version.numbers >= since)


def _options(start: Start) -> Iterator[tuple[str, object]]:
    yield from _identity(start)
    yield from _capacity(start)
    yield from _images(start)


def _identity(start: Start) -> Iterator[tuple[str, object]]:
    served = start.served
    yield "--host", start.params.host
    yield "--port", start.seat.port
    yield "--served-model-name", served.name
    if served.revision is not None:
        yield "--revision", served.revision
        yield "--tokenizer-revision", served.revision
    if served.trust_remote_code:
        yield "--trust-remote-code", None
    if served.content_format is not None:
        yield "--chat-template-content-format", served.content_format
    if served.logits_processors:
        yield "--logits-processors", served.logits_processors[0]
        yield from ((path, None) for path in served.logits_processors[1:])


def _capacity(start: Start) -> Iterator[tuple[str, object]]:
    served, params = start.served, start.params
    contexts = [bound for bound in (served.context, start.context) if bound is not None]
    if contexts:
        yield "--max-model-len", min(contexts)
    yield "--max-num-seqs", start.load.sequences
    yield "--max-num-batched-tokens", batched_tokens(start)
    if params.gpu_memory is not None or not start.seat.cpu:  # there it is a share of all memory
        yield "--gpu-memory-utilization", params.gpu_memory or served.gpu_memory
    if not served.prefix_caching:
        yield "--no-enable-prefix-caching", None
    if start.seat.ranks > 1:
        yield "--data-parallel-size", start.seat.ranks
    yield "--max-num-queued-reqs", queue_bound(start)
    yield "--shutdown-timeout", round(max(0.0, params.shutdown_timeout))


def _images(start: Start) -> Iterator[tuple[str, object]]:
    served, pixels = start.served, start.load.pixels
    yield "--limit-mm-per-prompt", _json({"image": served.images})
    yield "--mm-processor-cache-gb", f"{served.processor_cache:g}"
    cap: dict[str, int] = {}
    if served.min_pixels is not None:
        cap["min_pixels"] = served.min_pixels
    if served.free_pixels is not None and pixels < served.free_pixels:
        cap["max_pixels"] = pixels
    if cap:
        yield "--mm-processor-kwargs", _json(cap)


def _json(value: Mapping[str, int]) -> str:
    return json.dumps(value, separators=(",", ":"))
