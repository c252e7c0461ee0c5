"""What a starting vLLM says about its capacity. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class LaunchFacts:
    """Capacity as vLLM logs it once; None where it has not (yet) said so.

    Attributes:
        kv_tokens: tokens that the KV cache holds.
        kv_gib: memory of the KV cache, GiB.
        concurrency: requests of the full context that fit into it at once.
        encoder_tokens: tokens of the largest image that is accepted; a larger one is refused
            with status 400.
        batched_tokens: most tokens that one step of the engine works on.
    """

    kv_tokens: int | None = None
    kv_gib: float | None = None
    concurrency: float | None = None
    encoder_tokens: int | None = None
    batched_tokens: int | None = None


_NUMBER = r"([\d][\d,]*(?:\.\d+)?)"
_SAYINGS: Mapping[str, tuple[re.Pattern[str], Callable[[str], float]]] = {
    "kv_tokens": (re.compile(rf"KV cache size: {_NUMBER} tokens"), int),
    "kv_gib": (re.compile(rf"Available KV cache memory: {_NUMBER} GiB"), float),
    "concurrency": (re.compile(rf"Maximum concurrency for [\d,]+ tokens[^:]*: {_NUMBER}x"), float),
    "encoder_tokens": (re.compile(rf"Encoder cache will be .*?budget of {_NUMBER} tokens"), int),
    "batched_tokens": (re.compile(rf"max_num_batched_tokens={_NUMBER}\b"), int),
}


def noticed(facts: LaunchFacts, line: str) -> LaunchFacts:
    """``facts`` with what ``line`` adds. Of several GPUs the least counts."""
    for name, (pattern, convert) in _SAYINGS.items():
        found = pattern.search(line)
        if found:
            facts = _with(facts, name, found[1].replace(",", ""), convert)
    return facts


def _with(
    facts: LaunchFacts, name: str, digits: str, convert: Callable[[str], float]
) -> LaunchFacts:
    try:
        value = convert(digits)
    except ValueError:  # a fraction where a count belongs
        return facts
    known: float | None = getattr(facts, name)
    change: dict[str, Any] = {name: value if known is None else min(known, value)}
    return replace(facts, **change)
