"""Pages as they come: sizes, prompt tokens, text lengths, drawn from the caller's source."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ocrgate.simulate.cost import TEXT_BEFORE, ImageRule
from ocrgate.simulate.request import Request, RequestId

_PROMPT = 24  # tokens of instruction and template around the image
_RULE = ImageRule()


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its picture, what its prompt costs, and the text that the model writes of it.

    ``kind`` names the class of the mix it was drawn from; ``loops_at`` is the token from which the
    model repeats itself, None on pages where it does not.
    """

    kind: str
    width: int
    height: int
    image_tokens: int
    input_tokens: int
    output_tokens: int
    loops_at: int | None = None

    def request(
        self, request_id: RequestId, max_tokens: int, *, progress_every: int = 0
    ) -> Request:
        """The page as a request to the engine."""
        return Request(
            request_id,
            self.input_tokens,
            self.output_tokens,
            max_tokens,
            self.image_tokens,
            self.width * self.height,
            self.loops_at,
            progress_every=progress_every,
            text_before=TEXT_BEFORE if self.image_tokens else 0,
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of pages.

    Attributes:
        name: what they are.
        weight: their share of the mix, relative to the others.
        small: width and height of the smallest, ``large`` of the largest; drawn evenly between.
        median: tokens of text, log-normal with ``sigma``, never above ``longest``.
        huge: width and height of scans at a printer's resolution, and their share.
    """

    name: str
    weight: float
    small: tuple[int, int]
    large: tuple[int, int]
    median: float
    sigma: float
    longest: int = 8192
    huge: tuple[tuple[int, int], float] | None = None

    def draw(self, source: random.Random) -> tuple[int, int, int]:
        """Width, height and tokens of text of one page."""
        if self.huge is not None and source.random() < self.huge[1]:
            width, height = self.huge[0]
        else:
            place = source.random()
            width = round(self.small[0] + place * (self.large[0] - self.small[0]))
            height = round(self.small[1] + place * (self.large[1] - self.small[1]))
        return width, height, draw_length(source, self.median, self.sigma, self.longest)


@dataclass(frozen=True, slots=True)
class Mix:
    """Pages of several kinds; on a share of them, ``loops``, the model repeats itself for ever."""

    name: str
    kinds: tuple[Kind, ...]
    loops: float = 0.02

    def pages(self, source: random.Random) -> Iterator[Page]:
        """Pages without end."""
        weights = [kind.weight for kind in self.kinds]
        while True:
            yield self._page(source.choices(self.kinds, weights)[0], source)

    def _page(self, kind: Kind, source: random.Random) -> Page:
        width, height, output = kind.draw(source)
        image = _RULE.tokens(width, height)
        loops = min(output, 64) if source.random() < self.loops else None
        return Page(kind.name, width, height, image, image + _PROMPT, output, loops)


@dataclass(frozen=True, slots=True)
class PlainMix:
    """Prompts of an even spread of tokens without a picture, and log-normal texts.

    ``loops`` of the pages write ``longest`` tokens.
    """

    name: str = "plain"
    shortest_prompt: int = 700
    longest_prompt: int = 1300
    median: float = 220.0
    sigma: float = 0.6
    longest: int = 2048
    loops: float = 0.02

    def pages(self, source: random.Random) -> Iterator[Page]:
        """Pages without end."""
        while True:
            prompt = source.randint(self.shortest_prompt, self.longest_prompt)
            output = draw_length(source, self.median, self.sigma, self.longest)
            loops = min(output, 64) if source.random() < self.loops else None
            yield Page("plain", 0, 0, 0, prompt, self.longest if loops else output, loops)


def draw_length(source: random.Random, median: float, sigma: float, longest: int) -> int:
    """Tokens of one text: log-normal, at least one."""
    factor = source.lognormvariate(0.0, sigma)
    return max(1, min(longest, round(median * factor)))


OCR = Mix(
    "ocr",
    (
        Kind("crop", 0.40, (253, 38), (938, 237), 16, 0.9, 600),
        Kind("poster", 0.25, (600, 600), (800, 800), 47, 0.7, 300),
        Kind("receipt", 0.15, (623, 1395), (935, 2141), 298, 0.33, 700, ((4961, 7016), 0.1)),
        Kind("page", 0.17, (1240, 1754), (2000, 2530), 720, 0.42, 3000),
        Kind("newspaper", 0.03, (2000, 2530), (3340, 4872), 3600, 0.45, 8800),
    ),
)
"""The mix that the public corpora suggest; the weights are a judgement."""

SCREENSHOTS = Mix("screenshots", (Kind("screenshot", 1.0, (552, 177), (1594, 1200), 88, 0.8, 700),))
DENSE = Mix("dense", (Kind("page", 1.0, (1240, 1754), (2000, 2530), 900, 0.45, 4000),))
MICE_AND_ELEPHANTS = Mix(
    "mice-and-elephants",
    (
        Kind("mouse", 0.9, (300, 200), (640, 480), 40, 0.2, 100),
        Kind("elephant", 0.1, (1654, 2339), (2480, 3508), 1200, 0.2, 2400),
    ),
)
"""Lengths of 1 : 30."""

SMALLER = Mix("up-to-1024", (Kind("page", 1.0, (512, 400), (768, 1024), 64, 0.6, 1024),), 0.0)
"""Pages that a gateway has already made smaller: 1,024 pixels on the long side at most."""

MIXES = {mix.name: mix for mix in (OCR, SCREENSHOTS, DENSE, MICE_AND_ELEPHANTS, SMALLER)}
