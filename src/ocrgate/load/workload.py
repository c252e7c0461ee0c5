"""What is sent, and in whose name: documents in an order that a seed decides."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ocrgate.domain.ticket import Lane
from ocrgate.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Document:
    """Something to read.

    Attributes:
        name: a file's name, or what was drawn.
        page_class: the class that results are grouped by.
        media: content type.
        data: the file.
        text: what stands on it, where that is known.
        pages: of a PDF that is sent whole, else 1.
        fresh: makes a file that no cache has seen, from the number of the request; None where the
            same bytes are sent each time.
    """

    name: str
    page_class: str
    media: str
    data: bytes
    text: str | None = None
    pages: int = 1
    fresh: Callable[[int], bytes] | None = None

    def work(self, number: int) -> "Work":
        """The document as the request of that number sends it."""
        data = self.data if self.fresh is None else self.fresh(number)
        return Work(self, self.media, data)


@dataclass(frozen=True, slots=True)
class Work:
    """One request's worth: the document and the bytes that are sent."""

    document: Document
    media: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Workload:
    """Documents that are sent over and over, each once before any comes again.

    Attributes:
        documents: at least one.
        source: where they are from, for people and for the record.
        notes: what a reader of the results should know.
    """

    documents: tuple[Document, ...]
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.documents:
            raise InvalidRequest(f"{self.source}: there is nothing to send", field="--work")

    def order(self, source: random.Random) -> Iterator[Document]:
        """Documents without end, shuffled anew each time round."""
        documents = list(self.documents)
        while True:
            source.shuffle(documents)
            yield from documents

    def described(self) -> dict[str, Any]:
        """For the record: no names of files, which may be private."""
        sizes = sorted(len(document.data) for document in self.documents)
        return {
            "source": self.source,
            "documents": len(self.documents),
            "pages": sum(document.pages for document in self.documents),
            "bytes_median": sizes[len(sizes) // 2],
            "bytes_largest": sizes[-1],
            "known_text": sum(document.text is not None for document in self.documents),
            "fresh": all(document.fresh is not None for document in self.documents),
            "classes": dict(Counter(document.page_class for document in self.documents)),
        }


@dataclass(frozen=True, slots=True)
class Caller:
    """In whose name a request is sent. ``key`` is the number of the API key, ``lane`` may be ''."""

    key: int = 0
    lane: str = ""


@dataclass(frozen=True, slots=True)
class Callers:
    """Who the requests come from.

    Attributes:
        keys: API keys; the empty one sends none.
        weights: share of the load by key; even without them.
        lanes: share of the load by lane; empty leaves the lane to the server.
    """

    keys: tuple[str, ...] = ("",)
    weights: tuple[float, ...] = ()
    lanes: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if any(not key.isprintable() or not key.isascii() or " " in key for key in self.keys):
            raise InvalidRequest("an API key has no blanks or control characters", field="--key")
        if self.weights and len(self.weights) != len(self.keys):
            raise InvalidRequest("one share for each --key is needed", field="--key-shares")

    def draw(self, source: random.Random) -> Caller:
        """The caller of one request of an open loop."""
        lane = source.choices(*zip(*self.lanes, strict=True))[0] if self.lanes else ""
        numbers = range(len(self.keys))
        key = source.choices(numbers, self.weights or None)[0] if len(self.keys) > 1 else 0
        return Caller(key, lane)

    def users(self, count: int) -> list[Caller]:
        """The callers of a closed loop: each user keeps to one key and one lane."""
        keys = apportion(self.weights or (1.0,) * len(self.keys), count)
        lanes = apportion([share for _, share in self.lanes] or [1.0], count)
        names = [name for name, _ in self.lanes] or [""]
        # Keys are dealt out in blocks, lanes in turn, so that every key has users in every lane.
        key_of = [number for number, times in enumerate(keys) for _ in range(times)]
        lane_of = _in_turn([(name, times) for name, times in zip(names, lanes, strict=True)])
        return [Caller(key, lane) for key, lane in zip(key_of, lane_of, strict=True)]


def parse_lanes(text: str) -> tuple[tuple[str, float], ...]:
    """``interactive=0.2,batch=0.8``.

    Raises:
        InvalidRequest: a lane that there is not, or shares that are none.
    """
    lanes: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, share = part.partition("=")
        if name not in set(Lane):
            known = ", ".join(Lane)
            raise InvalidRequest(f"--lanes: no lane {name!r}; there are {known}", field="--lanes")
        try:
            lanes[name] = float(share or 1)
        except ValueError:
            lanes[name] = -1.0
        if not 0 < lanes[name] < 1e9:
            raise InvalidRequest(f"--lanes {part!r}: a share above 0 is needed", field="--lanes")
    if not lanes:
        raise InvalidRequest("--lanes is empty", field="--lanes")
    return tuple(lanes.items())


def apportion(shares: Sequence[float], count: int) -> list[int]:
    """``count`` whole things by shares: the largest remainders get what rounding leaves over."""
    total = sum(shares)
    exact = [share / total * count for share in shares]
    found = [int(each) for each in exact]
    by_rest = sorted(range(len(shares)), key=lambda place: found[place] - exact[place])
    for place in by_rest[: count - sum(found)]:
        found[place] += 1
    return found


def _in_turn(counts: Sequence[tuple[str, int]]) -> list[str]:
    """Each name as often as it says, spread evenly."""
    places = [
        ((turn + 0.5) / times, name) for name, times in counts for turn in range(times) if times
    ]
    return [name for _, name in sorted(places)]
