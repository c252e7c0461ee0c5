"""The pages that a plan is made for: a mix, made smaller as the gate does it."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

from ocrgate.errors import InvalidRequest
from ocrgate.load.tune.virtual import Pages
from ocrgate.simulate.workload import MIXES, Kind, Mix, Page

Tokens = Callable[[int, int], int]
"""Visual tokens of a picture of so many pixels in width and height."""

PROMPT = 24
"""Tokens of instruction and template around the image."""

_PLAIN = re.compile(r"(\d{2,5})x(\d{2,5}):(\d{1,5})")
_ALL = "mix"
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Prepared:
    """Pages of a mix as the engine gets them.

    Attributes:
        mix: as they come.
        tokens: what the model makes of a picture.
        side: longest side in pixels that the gate leaves.
    """

    mix: Pages
    tokens: Tokens
    side: int

    def pages(self, source: random.Random) -> Iterator[Page]:
        """Pages without end."""
        return map(self._page, self.mix.pages(source))

    def _page(self, page: Page) -> Page:
        if not page.width:  # a measured one: its tokens are known, its size is not
            return page
        scale = min(1.0, self.side / max(page.width, page.height))
        width, height = (max(1, round(side * scale)) for side in (page.width, page.height))
        image = self.tokens(width, height)
        return replace(
            page,
            width=width,
            height=height,
            image_tokens=image,
            input_tokens=image + PROMPT,
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """Pages that were counted in a run: tokens of prompt and of text of each, drawn again."""

    counts: tuple[tuple[int, int], ...]

    def pages(self, source: random.Random) -> Iterator[Page]:
        """Pages without end."""
        while True:
            yield _measured(*source.choice(self.counts))


@dataclass(frozen=True, slots=True)
class Replayed:
    """The same in the order in which they were sent, and over again: as the run had them."""

    counts: tuple[tuple[int, int], ...]

    def pages(self, source: random.Random) -> Iterator[Page]:
        """Pages without end."""
        del source
        return (_measured(before, after) for before, after in cycle(self.counts))


def _measured(before: int, after: int) -> Page:
    return Page("measured", 0, 0, max(0, before - PROMPT), before, after)


def named(text: str) -> Pages:
    """The pages that a name or a size stands for.

    ``mix`` is all kinds together; ``1240x1754:700`` are pages of that size with texts of 700 tokens
    in the middle of them.

    Raises:
        InvalidRequest: it is neither.
    """
    if text == _ALL:
        return MIXES["ocr"]
    if text in MIXES:
        return MIXES[text]
    if (plain := _PLAIN.fullmatch(text)) is None:
        names = ", ".join((_ALL, *(name for name in MIXES if name != "ocr")))
        raise InvalidRequest(
            f"--pages {text!r}: there are {names}, and sizes such as 1240x1754:700",
            field="--pages",
        )
    width, height, tokens = map(int, plain.groups())
    return Mix(text, (Kind("page", 1.0, (width, height), (width, height), tokens, 0.4, _LONGEST),))


@dataclass(frozen=True, slots=True)
class Weight:
    """What pages ask of the engine, in tokens.

    Attributes:
        before: of prompt, image included: the mean.
        after: of text: the mean.
        held: KV that the mean page holds at its end.
        largest: that one of a hundred holds at least.
        image: the largest image seen.
        context: KV that a page has while it is written, the mean over all its tokens of text: long
            texts are written for longer, and with more behind them.
    """

    before: float
    after: float
    held: float
    largest: int
    image: int
    context: float


def weighed(pages: Pages, cap: int, seed: int = 1, count: int = 2000) -> Weight:
    """The weight of so many pages, texts cut at ``cap``."""
    stream = pages.pages(random.Random(seed))  # noqa: S311 - not a secret
    found = [next(stream) for _ in range(count)]
    after = [min(cap, _written(page, cap)) for page in found]
    held = sorted(page.input_tokens + text for page, text in zip(found, after, strict=True))
    return Weight(
        _mean([page.input_tokens for page in found]),
        _mean(after),
        _mean(held),
        held[int(0.99 * len(held))],
        max(page.image_tokens for page in found),
        _context([page.input_tokens for page in found], after),
    )


def _context(before: Sequence[int], after: Sequence[int]) -> float:
    behind = sum(text * (prompt + text / 2) for prompt, text in zip(before, after, strict=True))
    return behind / sum(after)


def _written(page: Page, cap: int) -> int:
    return page.output_tokens if page.loops_at is None else cap


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)
