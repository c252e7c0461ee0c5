"""A server's own metrics, as far as the gate can use them.

The page has some hundred lines of which a handful matter, and it is read several times a second:
the names are searched for in the bytes, nothing else is looked at.
"""

import math
import re
from collections.abc import Iterator

from ocrgate.control.limit.law import Signals
from ocrgate.engines.openai.servers import MetricNames

_LARGEST = 1e9  # tokens: no block is larger


def parse_signals(page: bytes, names: MetricNames) -> Signals:
    """Read a page in Prometheus' text format. Names that are missing give None."""
    page = b"\n" + page
    combine = sum if names.added else max

    def read(name: str | None) -> float | None:
        values = [value for _, value in _samples(page, name)] if name else []
        return combine(values) if values else None

    usage = [value for _, value in _samples(page, names.kv_usage)] if names.kv_usage else []
    return Signals(
        running=read(names.running),
        waiting=read(names.waiting),
        kv_usage=max(usage, default=None),
        preemptions_total=read(names.preemptions),
        kv_capacity_tokens=_capacity(page, names, read(names.capacity)),
        kv_block_tokens=_block(page, names),
    )


def _samples(page: bytes, name: str) -> Iterator[tuple[bytes, float]]:
    """The label part and the value of every sample of exactly that name."""
    key = b"\n" + name.encode()
    place = page.find(key)
    while place >= 0:
        start = place + len(key)
        end = page.find(b"\n", start)
        line = page[start:] if end < 0 else page[start:end]
        if line[:1] in {b"{", b" "} and (value := _value(line)) is not None:
            yield line, value
        place = page.find(key, start)


def _value(line: bytes) -> float | None:
    """The first number after the labels (a timestamp may follow)."""
    try:
        number = float(line[line.rfind(b"}") + 1 :].split(maxsplit=1)[0])
    except (ValueError, IndexError):
        return None
    return number if number == number and abs(number) != float("inf") else None  # noqa: PLR0124


def _capacity(page: bytes, names: MetricNames, sample: float | None) -> int | None:
    if sample is not None:
        return int(sample)
    if names.capacity_labels is not None:
        return _labelled_capacity(page, names)
    if names.blocks is None:
        return None
    counts = [max((v for _, v in _samples(page, name)), default=0.0) for name in names.blocks]
    product = counts[0] * counts[1]
    return int(product) or None if math.isfinite(product) else None


def _block(page: bytes, names: MetricNames) -> int | None:
    """Tokens of a block; of several engines the largest."""
    if names.blocks is None:
        return None
    if names.capacity_labels is None:
        sizes = [int(value) for _, value in _samples(page, names.blocks[1]) if value < _LARGEST]
    else:
        infos = _samples(page, names.capacity_labels[0])
        sizes = [_label(labels, names.blocks[1]) or 0 for labels, _ in infos]
    return max(sizes, default=0) or None


def _labelled_capacity(page: bytes, names: MetricNames) -> int | None:
    """Added over the engines of one replica."""
    assert names.capacity_labels is not None
    info, label = names.capacity_labels
    total = 0
    for labels, _ in _samples(page, info):
        tokens = _label(labels, label)
        if tokens is None and names.blocks is not None:
            blocks, size = (_label(labels, name) for name in names.blocks)
            tokens = blocks * size if blocks and size else None
        total += tokens or 0
    return total or None


def _label(labels: bytes, name: str) -> int | None:
    match = re.search(rb'[{,]\s*%s="(\d{1,15})"' % re.escape(name.encode()), labels)
    return int(match[1]) if match else None
