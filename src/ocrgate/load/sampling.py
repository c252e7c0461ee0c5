"""What a server says of itself while it is under load, read from its page of metrics."""

import asyncio
import contextlib
import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from ocrgate.errors import EngineUnavailable
from ocrgate.load.answers import is_good
from ocrgate.load.journal import Journal
from ocrgate.load.link import Link, parse_url
from ocrgate.load.targets import Api, Endpoint

_TIMEOUT = 5.0  # seconds
_SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_APART = ("engine", "gpu", "replica", "GPU")  # labels that tell one thing from the next
_MIB = 2.0**20


@dataclass(frozen=True, slots=True)
class Known:
    """A metric that is of interest: what it is called here, and in how many of its units."""

    name: str
    factor: float = 1.0
    where: tuple[str, str] | None = None  # a label and the value that it must have


KNOWN: Mapping[str, tuple[Known, ...]] = {
    # vLLM
    "vllm:kv_cache_usage_perc": (Known("kv_usage"),),
    "vllm:gpu_cache_usage_perc": (Known("kv_usage"),),  # its name before 0.10
    "vllm:num_requests_running": (Known("running"),),
    "vllm:num_requests_waiting": (Known("waiting"),),
    "vllm:num_preemptions_total": (Known("preemptions"),),
    "vllm:generation_tokens_total": (Known("generated_tokens"),),
    "vllm:admission_rejections_total": (Known("rejections"),),
    # SGLang, llama.cpp, trtllm-serve, Triton before TensorRT-LLM
    "sglang:num_running_reqs": (Known("running"),),
    "sglang:num_queue_reqs": (Known("waiting"),),
    "sglang:token_usage": (Known("kv_usage"),),
    "llamacpp:requests_processing": (Known("running"),),
    "llamacpp:requests_deferred": (Known("waiting"),),
    "llamacpp:kv_cache_usage_ratio": (Known("kv_usage"),),
    "trtllm_num_requests_running": (Known("running"),),
    "trtllm_num_requests_waiting": (Known("waiting"),),
    "trtllm_kv_cache_utilization": (Known("kv_usage"),),
    "nv_trt_llm_kv_cache_block_metrics": (
        Known("kv_usage", 1.0, ("kv_cache_block_type", "fraction")),
    ),
    # ours
    "ocrgate_inflight": (Known("admitted"),),
    "ocrgate_backlog": (Known("backlog"),),
    "ocrgate_limit": (Known("limit"),),
    "ocrgate_ledger_tokens": (
        Known("kv_held_tokens", 1.0, ("kind", "held")),
        Known("kv_promised_tokens", 1.0, ("kind", "promised")),
        Known("kv_capacity_tokens", 1.0, ("kind", "capacity")),
    ),
    "ocrgate_engine_preemptions_total": (Known("preemptions"),),
    "ocrgate_refusals_total": (Known("refusals"),),
    "ocrgate_wasted_tokens_total": (Known("wasted_tokens"),),
    "ocrgate_breaker_state": (Known("breaker"),),
    "ocrgate_ladder_rung": (Known("ladder_rung"),),
    "ocrgate_gpu_memory_bytes": (Known("gpu_memory_bytes"),),
    "ocrgate_gpu_temperature_celsius": (Known("gpu_temperature"),),
    "ocrgate_gpu_utilization_ratio": (Known("gpu_utilization"),),
    # NVIDIA's exporter
    "DCGM_FI_DEV_FB_USED": (Known("gpu_memory_bytes", _MIB),),
    "DCGM_FI_DEV_GPU_TEMP": (Known("gpu_temperature"),),
    "DCGM_FI_DEV_GPU_UTIL": (Known("gpu_utilization", 0.01),),
    # of most servers
    "process_resident_memory_bytes": (Known("server_memory_bytes"),),
}

USUAL = ("/metrics", "/prometheus/metrics")
"""Where servers have their pages; the second is trtllm-serve's, whose first is another format."""

Reading = tuple[str, str, float]
"""What was read: its name, what it is of (an engine, a GPU, or nothing), and the value."""


def parse(page: str) -> list[Reading]:
    """The known readings of a page in Prometheus' text format, added up over other labels.

    Those without end are left out: a record has no word for them.
    """
    found: dict[tuple[str, str], float] = {}
    for name, labels, value in _samples(page):
        for known in KNOWN.get(name, ()):
            if known.where is not None and labels.get(known.where[0]) != known.where[1]:
                continue
            source = next((labels[label] for label in _APART if label in labels), "")
            place = known.name, source
            found[place] = found.get(place, 0.0) + value * known.factor
    return [(*place, value) for place, value in found.items() if math.isfinite(value)]


def _samples(page: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in page.splitlines():
        if line.startswith("#") or not (matched := _SAMPLE.match(line)):
            continue
        try:
            value = float(matched[3])
        except ValueError:
            continue
        if matched[1] in KNOWN and not math.isnan(value):
            yield matched[1], dict(_LABEL.findall(matched[2] or "")), value


class Meter(Protocol):
    """Something that is read beside a load."""

    async def watch(self, journal: Journal, zero: float) -> None:
        """Read it into the journal until cancelled; second 0 was at the monotonic ``zero``."""


class MetricsPage:
    """A server's page of metrics.

    Args:
        url: of the page.
        key: where it asks for one.
        every: seconds between readings.
        name: tells several servers apart; empty for the only one.
        verify: whether the certificate of a secure server has to be good.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        every: float = 1.0,
        name: str = "",
        verify: bool = True,
    ) -> None:
        self.url = url
        self._address = parse_url(url)
        self._every = every
        self._name = name
        self._link = Link(self._address, verify=verify)
        lines = [
            f"GET {self._address.path or '/metrics'} HTTP/1.1",
            f"Host: {self._address.authority}",
            "Accept: text/plain;version=0.0.4",
            "User-Agent: ocrgate-bench",
        ]
        if key:
            lines.append(f"Authorization: Bearer {key}")
        self._head = ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def read(self) -> list[Reading] | None:
        """What it says now; None where there is no such page or nothing known on it."""
        with contextlib.suppress(EngineUnavailable):
            if not self._link.opened:
                await self._link.find()
            exchange = await self._link.ask(self._head, b"", _TIMEOUT)
            if is_good(exchange.status):
                return parse(exchange.body.decode(errors="replace")) or None
        return None

    async def watch(self, journal: Journal, zero: float) -> None:
        """Read it until cancelled."""
        try:
            while True:
                begun = time.monotonic()
                for name, source, value in await self.read() or ():
                    place = " ".join(filter(None, (self._name, source)))
                    journal.point(round(begun - zero, 3), name, value, place)
                await asyncio.sleep(max(0.0, begun + self._every - time.monotonic()))
        finally:
            self._link.close()

    def close(self) -> None:
        """Close its connection."""
        self._link.close()


async def own_page(endpoint: Endpoint, key: str = "") -> tuple[MetricsPage, list[Reading]] | None:
    """The target's own page of metrics and what it says now; None where it has none that is known.

    It is looked for under the path below which the target's other routes are: behind a proxy the
    root is another server's. A bare route to post to tells nothing of where its server begins.
    """
    for path in USUAL if endpoint.api is not Api.RAW else ():
        page = MetricsPage(f"{endpoint.base}{path}", key, verify=endpoint.verify)
        if (readings := await page.read()) is not None:
            return page, readings
        page.close()
    return None
