"""What each kind of server can do, as data.

Fields that a server does not know are never sent to it: TensorRT-LLM and ``transformers serve``
refuse requests with unknown fields, the others ignore them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ocrgate.engines.openai.params import ServerKind

OPENAI_FIELDS = frozenset(
    {"temperature", "top_p", "seed", "stop", "presence_penalty", "frequency_penalty"}
)
_LOCAL_FIELDS = OPENAI_FIELDS | {"top_k", "min_p", "repetition_penalty", "skip_special_tokens"}
_EVER = (0,)
_NEVER = None

Version = tuple[int, ...]
Since = Version | None
"""The first version that has something; ``(0,)`` for all, None for none."""


@dataclass(frozen=True, slots=True)
class MetricNames:
    """Where a server's own metrics are and how they are called; None for what it does not show.

    Attributes:
        path: below the base URL.
        running, waiting, kv_usage, preemptions: samples; a replica's are added over its engines
            where ``added``, else the greatest counts (ranks of one engine repeat them).
        capacity: sample with the tokens that the KV cache holds.
        capacity_labels: an info sample, with the label that holds those tokens.
        blocks: samples or labels whose product is those tokens: how many blocks, tokens in each.
    """

    path: str
    running: str
    waiting: str
    kv_usage: str | None = None
    preemptions: str | None = None
    capacity: str | None = None
    capacity_labels: tuple[str, str] | None = None
    blocks: tuple[str, str] | None = None
    added: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """The abilities of one kind of server.

    Attributes:
        kind: its name in settings and in the engine's name.
        owner: what it writes as ``owned_by`` of its models; None where that says nothing.
        fields: sampling fields of the body that it knows.
        renamed: fields that it knows by another name.
        any_token: what it takes as ``top_k`` for no bound, which recipes write as -1.
        nested: body field that takes, as a JSON string, the sampling fields that are not in
            ``fields``.
        usage: takes ``stream_options.include_usage``.
        running_usage: takes ``stream_options.continuous_usage_stats`` since that version.
        stream_interval: takes ``stream_interval`` per request since that version.
        repetition_detection: takes ``repetition_detection`` since that version.
        structured: how a JSON schema is asked for: OpenAI's ``response_format``, or not at all.
        metrics: where its load can be seen.
        health, version: paths below the base URL.
        props: path of a page with the context of one request and whether images are taken.
        tokenize: what ``/tokenize`` counts: whole ``messages`` with the template, or a bare
            text under the name given here.
        routes: paths of its own in its ``/openapi.json``, by which it is known where neither its
            models nor metrics tell; none where those do.
    """

    kind: ServerKind
    owner: str | None = None
    fields: frozenset[str] = _LOCAL_FIELDS
    renamed: tuple[tuple[str, str], ...] = ()
    any_token: int = -1
    nested: str | None = None
    usage: bool = True
    running_usage: Since = _NEVER
    stream_interval: Since = _NEVER
    repetition_detection: Since = _NEVER
    structured: Literal["response_format"] | None = "response_format"
    metrics: MetricNames | None = None
    health: str = "/health"
    version: str | None = "/version"
    props: str | None = None
    tokenize: Literal["messages", "prompt", "content"] | None = None
    routes: frozenset[str] = frozenset()


SERVERS: Mapping[ServerKind, Server] = {
    server.kind: server
    for server in (
        Server(
            "vllm",
            owner="vllm",
            fields=_LOCAL_FIELDS | {"vllm_xargs"},  # what a model's own logits processors are told
            running_usage=_EVER,
            stream_interval=_EVER,  # ignored before 0.29, where it is not known
            repetition_detection=(0, 17),
            tokenize="messages",
            metrics=MetricNames(
                "/metrics",
                running="vllm:num_requests_running",
                waiting="vllm:num_requests_waiting",
                kv_usage="vllm:kv_cache_usage_perc",
                preemptions="vllm:num_preemptions_total",
                capacity_labels=("vllm:cache_config_info", "kv_cache_size_tokens"),
                blocks=("num_gpu_blocks", "block_size"),
                added=True,
            ),
        ),
        Server(
            "sglang",
            owner="sglang",
            running_usage=_EVER,
            version=None,
            tokenize="prompt",
            metrics=MetricNames(
                "/metrics",
                running="sglang:num_running_reqs",
                waiting="sglang:num_queue_reqs",
                kv_usage="sglang:token_usage",
                preemptions="sglang:num_retracted_reqs",
                capacity="sglang:max_total_num_tokens",
            ),
        ),
        Server(
            "llamacpp",
            owner="llamacpp",
            fields=_LOCAL_FIELDS - {"repetition_penalty", "skip_special_tokens"}
            | {"repeat_penalty"},
            renamed=(("repetition_penalty", "repeat_penalty"),),
            version=None,
            props="/props",
            tokenize="content",
            metrics=MetricNames(
                "/metrics",
                running="llamacpp:requests_processing",
                waiting="llamacpp:requests_deferred",
                kv_usage="llamacpp:kv_cache_usage_ratio",
            ),
        ),
        Server(
            "transformers",
            fields=frozenset({"temperature", "top_p", "seed", "frequency_penalty"}),
            any_token=0,  # a drawing answer with -1 is a 500
            nested="generation_config",
            usage=False,
            structured=None,
            version=None,
            routes=frozenset({"/load_model", "/reset"}),  # its models are owned by their authors
        ),
        Server(
            "trtllm",
            owner="tensorrt_llm",
            any_token=0,  # -1 is refused
            metrics=MetricNames(
                "/prometheus/metrics",
                running="trtllm_num_requests_running",
                waiting="trtllm_num_requests_waiting",
                kv_usage="trtllm_kv_cache_utilization",
                blocks=("trtllm_kv_cache_max_blocks", "trtllm_kv_cache_tokens_per_block"),
            ),
        ),
        Server("openai", fields=OPENAI_FIELDS, version=None, health="/v1/models"),
    )
}


def has(since: Since, version: Version | None) -> bool:
    """Whether a server of that version has what came with ``since``.

    A version that is not known is taken for a new one: builds from source name none.
    """
    return since is not None and (version is None or version >= since)


def parse_version(text: str) -> Version | None:
    """The numbers at the start of a version such as ``0.32.0+cpu``; None where it has none.

    ``0.1.dev123`` and the like, which builds from source carry, count as not known.
    """
    match = re.match(r"v?(\d{1,9}(?:\.\d{1,9})*)(\.dev)?", text.strip())
    if match is None or match[2]:
        return None
    return tuple(int(part) for part in match[1].split("."))
