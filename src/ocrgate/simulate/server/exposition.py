"""The page at ``/metrics``, with vLLM's names, types and labels."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ocrgate.simulate.model import Snapshot
from ocrgate.simulate.profile import Profile
from ocrgate.simulate.request import Finished, Reason

_REQUEST = (0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960)
_FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20)
_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20)
_COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_FEW = (1, 2, 5, 10, 20)
_HTTP = (0.1, 0.5, 1)

_HISTOGRAMS = {
    "time_to_first_token_seconds": ("Histogram of time to first token in seconds.", _FIRST),
    "inter_token_latency_seconds": ("Histogram of inter-token latency in seconds.", _TOKEN),
    "request_time_per_output_token_seconds": (
        "Histogram of time_per_output_token_seconds per request.",
        _TOKEN,
    ),
    "e2e_request_latency_seconds": ("Histogram of e2e request latency in seconds.", _REQUEST),
    "request_queue_time_seconds": (
        "Histogram of time spent in WAITING phase for request.",
        _REQUEST,
    ),
    "request_inference_time_seconds": (
        "Histogram of time spent in RUNNING phase for request.",
        _REQUEST,
    ),
    "request_prefill_time_seconds": (
        "Histogram of time spent in PREFILL phase for request.",
        _REQUEST,
    ),
    "request_decode_time_seconds": (
        "Histogram of time spent in DECODE phase for request.",
        _REQUEST,
    ),
    "request_prompt_tokens": ("Number of prefill tokens processed.", _COUNTS),
    "request_generation_tokens": ("Number of generation tokens processed.", _COUNTS),
    "request_params_max_tokens": ("Histogram of the max_tokens request parameter.", _COUNTS),
    "request_num_preemptions": (
        "Histogram of the number of times a request was preempted.",
        _FEW,
    ),
}


@dataclass(slots=True)
class Histogram:
    """Counts by upper bound."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float, times: int = 1) -> None:
        """One value, or the same one several times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def lines(self, name: str, labels: str) -> Iterator[str]:
        """The samples of one family; ``labels`` are inside braces."""
        running = 0
        edges = [*(str(float(bound)) for bound in self.bounds), "+Inf"]
        for edge, count in zip(edges, self.counts, strict=True):
            running += count
            yield f'{name}_bucket{{{labels},le="{edge}"}} {float(running)}'
        yield f"{name}_count{{{labels}}} {float(running)}"
        yield f"{name}_sum{{{labels}}} {self.total}"


class Exposition:
    """Counts what ends and writes it down for a scraper."""

    def __init__(self, profile: Profile, model: str) -> None:
        self._profile = profile
        self._labels = f'engine="0",model_name="{model}"'
        self._histograms = {name: Histogram(bounds) for name, (_, bounds) in _HISTOGRAMS.items()}
        self._prompt_tokens = 0
        self._finished: Counter[Reason] = Counter()
        self._rejected = 0
        self._images = 0
        self._started = time.time()
        self._http: Counter[tuple[str, str, str]] = Counter()
        self._durations: dict[tuple[str, str], Histogram] = {}

    def answered(self, handler: str, method: str, code: int, seconds: float) -> None:
        """An HTTP request got its answer."""
        self._http[handler, method, f"{code // 100}xx"] += 1
        self._durations.setdefault((handler, method), Histogram(_HTTP)).observe(seconds)

    def prefilled(self, prompt_tokens: int, waited: float, *, image: bool) -> None:
        """A first token was written."""
        self._prompt_tokens += prompt_tokens
        self._images += image
        self._histograms["time_to_first_token_seconds"].observe(waited)

    def rejected(self) -> None:
        """The bound of the queue said no."""
        self._rejected += 1

    def finished(self, end: Finished, prompt_tokens: int, max_tokens: int) -> None:
        """A request ended. What its client aborted is in no counter and in no histogram."""
        if end.reason in {Reason.ABORT, Reason.ERROR} or end.first_token is None:
            return
        self._finished[end.reason] += 1
        assert end.queued is not None
        assert end.scheduled is not None
        decoding = end.at - end.first_token
        values = {
            "e2e_request_latency_seconds": end.at - end.submitted,
            "request_queue_time_seconds": end.scheduled - end.queued,
            "request_inference_time_seconds": end.at - end.scheduled,
            "request_prefill_time_seconds": end.first_token - end.scheduled,
            "request_decode_time_seconds": decoding,
            "request_prompt_tokens": prompt_tokens,
            "request_generation_tokens": end.tokens,
            "request_params_max_tokens": max_tokens,
            "request_num_preemptions": end.preemptions,
        }
        for name, value in values.items():
            self._histograms[name].observe(value)
        if end.tokens > 1:
            each = decoding / (end.tokens - 1)
            self._histograms["request_time_per_output_token_seconds"].observe(each)
            self._histograms["inter_token_latency_seconds"].observe(each, end.tokens - 1)

    def page(self, seen: Snapshot) -> str:
        """The whole page."""
        parts = (self._gauges(seen), self._counters(seen), self._spread(), self._web())
        return "\n".join([line for part in parts for line in part]) + "\n"

    def _family(self, name: str, kind: str, about: str, samples: Iterable[str]) -> Iterator[str]:
        yield f"# HELP {name} {about}"
        yield f"# TYPE {name} {kind}"
        yield from samples

    def _one(self, name: str, kind: str, about: str, value: float) -> Iterator[str]:
        full = f"vllm:{name}"
        return self._family(full, kind, about, [f"{full}{{{self._labels}}} {float(value)}"])

    def _gauges(self, seen: Snapshot) -> Iterator[str]:
        yield from self._one(
            "num_requests_running",
            "gauge",
            "Number of requests in model execution batches.",
            seen.running,
        )
        yield from self._one(
            "num_requests_waiting",
            "gauge",
            "Number of requests waiting to be processed.",
            seen.waiting,
        )
        reasons = {"capacity": seen.waiting, "deferred": 0}
        name = "vllm:num_requests_waiting_by_reason"
        yield from self._family(
            name,
            "gauge",
            "Number of waiting requests by reason.",
            [f'{name}{{{self._labels},reason="{why}"}} {float(n)}' for why, n in reasons.items()],
        )
        yield from self._one(
            "kv_cache_usage_perc",
            "gauge",
            "KV-cache usage. 1 means 100 percent usage.",
            seen.kv_usage,
        )
        yield from self._family(
            "vllm:cache_config_info",
            "gauge",
            "Information of the LLMEngine CacheConfig",
            [self._cache_config()],
        )
        yield from self._family(
            "process_start_time_seconds",
            "gauge",
            "Start time of the process since unix epoch in seconds.",
            [f"process_start_time_seconds {self._started}"],
        )

    def _cache_config(self) -> str:
        profile = self._profile
        tokens = profile.blocks * profile.block_size
        labels = {
            "block_size": profile.block_size,
            "cache_dtype": "auto",
            "enable_prefix_caching": False,
            "engine": 0,
            "gpu_memory_utilization": 0.9,
            "kv_cache_max_concurrency": round(tokens / profile.max_model_len, 2),
            "kv_cache_size_tokens": tokens,
            "num_gpu_blocks": profile.blocks,
            "num_gpu_blocks_override": "None",
        }
        inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
        return f"vllm:cache_config_info{{{inside}}} 1.0"

    def _counters(self, seen: Snapshot) -> Iterator[str]:
        single = (
            (
                "num_preemptions_total",
                "Cumulative number of preemption from the engine.",
                seen.preemptions,
            ),
            ("prompt_tokens_total", "Number of prefill tokens processed.", self._prompt_tokens),
            (
                "generation_tokens_total",
                "Number of generation tokens processed.",
                seen.generated,
            ),
            ("prefix_cache_queries_total", "Prefix cache queries, in tokens.", 0),
            ("prefix_cache_hits_total", "Prefix cache hits, in tokens.", 0),
            ("mm_cache_queries_total", "Multi-modal cache queries, in items.", self._images),
            ("mm_cache_hits_total", "Multi-modal cache hits, in items.", 0),
        )
        for name, about, value in single:
            yield from self._one(name, "counter", about, value)
        name = "vllm:request_success_total"
        yield from self._family(
            name,
            "counter",
            "Count of successfully processed requests.",
            [
                f'{name}{{{self._labels},finished_reason="{why}"}} {float(self._finished[why])}'
                for why in Reason
            ],
        )
        rejected = {"max_num_queued_reqs": self._rejected, "max_num_queued_tokens": 0}
        name = "vllm:admission_rejections_total"
        yield from self._family(
            name,
            "counter",
            "Number of admission attempts rejected by a queue limit, by reason.",
            [f'{name}{{{self._labels},reason="{why}"}} {float(n)}' for why, n in rejected.items()],
        )

    def _spread(self) -> Iterator[str]:
        for name, histogram in self._histograms.items():
            full = f"vllm:{name}"
            lines = histogram.lines(full, self._labels)
            yield from self._family(full, "histogram", _HISTOGRAMS[name][0], lines)

    def _web(self) -> Iterator[str]:
        name = "http_requests_total"
        yield from self._family(
            name,
            "counter",
            "Total number of requests by method, status and handler.",
            [
                f'{name}{{handler="{handler}",method="{method}",status="{code}"}} {float(count)}'
                for (handler, method, code), count in sorted(self._http.items())
            ],
        )
        name = "http_request_duration_seconds"
        samples = [
            line
            for (handler, method), histogram in sorted(self._durations.items())
            for line in histogram.lines(name, f'handler="{handler}",method="{method}"')
        ]
        yield from self._family(
            name, "histogram", "Latency with only few buckets by handler.", samples
        )
