"""The engine that reads pages with a vision model behind OpenAI's chat completions."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ocrgate.control.limit.law import Signals
from ocrgate.domain.document import Encoding, ImageSpec, PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, PageWarning, Task, Usage
from ocrgate.engines.openai.attempt import Attempt, Tell, Waits
from ocrgate.engines.openai.body import Dialect, request_body
from ocrgate.engines.openai.faults import (
    EngineAborted,
    EngineBusy,
    EngineUnreachable,
    EngineUnusable,
    PageTooLarge,
    is_replica_fault,
)
from ocrgate.engines.openai.images import canary, packed
from ocrgate.engines.openai.link import Link
from ocrgate.engines.openai.params import FIRST_SLOTS, OpenAIParams, base_url
from ocrgate.engines.openai.probe import Capabilities, probe, prompt_tokens, read_signals
from ocrgate.engines.openai.transcript import Transcript
from ocrgate.engines.recipes import (
    Geometry,
    Instruction,
    Recipe,
    UnsupportedModel,
    recipe_for,
    recipe_named,
    sizing,
)
from ocrgate.errors import EngineError, EngineUnavailable, InvalidRequest, RequestError
from ocrgate.ports import Clock, EngineDescription, Listener, Piece

CANARY_TOKENS = 16
"""Written about the known page: enough to show that images are looked at."""

SIGNALS_SECONDS = 1.0
"""To read the metrics; a server busy with images answers late, and old news is no news."""

_TEMPLATE_TOKENS = 64  # of a prompt around the image, where the server does not count them
_MARGIN_TOKENS = 8  # markers around the image, which no count of the text holds
_ANSWER_TOKENS = 4096  # of the context that images may not take: a page full of words


@dataclass(frozen=True, slots=True)
class _Asked:
    """One page on its way: what is sent for each attempt."""

    words: Instruction
    image: tuple[Encoding, bytes]
    room: int | None  # tokens that the context leaves for the answer; None: not known


class OpenAIEngine:
    """One server, which is one replica.

    Until :meth:`start`, :attr:`description` tells what parameters alone say. Starting may refine
    the name, the tasks, the boxes and the size of images, since only the server knows its model;
    ``slots``, ``live`` and ``prompts`` stay, so a gate can be built before.

    Args:
        params: how to speak to it.
        url: its base URL, with or without ``/v1``.
        clock: tells the time of waiting for tokens.
        recipe: how to prompt and to read; without it, the one that ``params`` name, else the one
            for the served model.
    """

    def __init__(
        self, params: OpenAIParams, url: str, clock: Clock, *, recipe: Recipe | None = None
    ) -> None:
        self._params = params
        self._link = Link(base_url(url), api_key=params.api_key, connect=params.connect)
        self._clock = clock
        self._given = recipe or (recipe_named(params.recipe) if params.recipe else None)
        self._recipe = self._given or recipe_for(params.model or "")
        self._found: Capabilities | None = None
        self._prompt: tuple[int, int] = (_TEMPLATE_TOKENS, 0)
        self._lost = False
        self._asking: asyncio.Task[None] | None = None
        kind = "openai" if params.server == "auto" else params.server
        self._description = EngineDescription(
            name=f"{kind}/{params.model or self._recipe.name}",
            tasks=self._recipe.tasks(),
            input=self._input(None),
            slots=params.slots or min(FIRST_SLOTS, params.most or FIRST_SLOTS),
            boxes=self._recipe.boxes,
            live=True,
            prompts=params.custom_prompts,
            instructions=_vendor_texts(self._recipe),
            elastic=params.slots is None,
            most=params.most,
            tokens=self._page_tokens,
        )

    @property
    def description(self) -> EngineDescription:
        """What it is; refined by :meth:`start`."""
        return self._description

    @property
    def capabilities(self) -> Capabilities | None:
        """What the server was found to be; None before :meth:`start`."""
        return self._found

    @property
    def recipe(self) -> Recipe:
        """How pages are prompted and answers read."""
        return self._recipe

    @property
    def prompt_tokens(self) -> int:
        """Tokens of a usual prompt beside those of the image."""
        return self._prompt[0]

    async def start(self) -> None:
        """Ask the server what it is, and have it read a known page.

        Raises:
            EngineUnavailable: it is not there, does not serve the model, or reads no images.
        """
        await self._learn()
        await self._read_known_page()

    async def _learn(self) -> None:
        """Ask the server what it is."""
        found = await probe(self._link, self._params)
        self._recipe = self._given or self._recipe_of(found)
        words = self._recipe.instruction(self._usual())
        tokens = await prompt_tokens(self._link, found.server, found.model, words)
        self._prompt = (tokens or _TEMPLATE_TOKENS, len(words.text))
        try:
            images = self._input(found.context)
        except ValueError as error:
            raise EngineUnusable(f"{self._link.server} takes no images: {error}") from error
        self._found = found
        self._description = replace(
            self._description,
            name=f"{found.server.kind}/{found.model}",
            tasks=self._recipe.tasks(),
            boxes=self._recipe.boxes,
            input=images,
            instructions=_vendor_texts(self._recipe),
            signals=found.metrics,
            kv_tokens=found.kv_capacity_tokens,
        )
        self._lost = False

    async def _learn_anew(self) -> None:
        """The same, once for all pages that want to know."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._learn())
            self._asking.add_done_callback(_noted)
        asking = self._asking
        try:
            await asyncio.shield(asking)
        except asyncio.CancelledError:
            if asking.cancelled():  # by our own end, which is not the caller's
                raise EngineUnavailable("the engine was closed") from None
            raise

    async def recognize(
        self, image: PageImage, request: PageRequest, listener: Listener | None = None
    ) -> tuple[PageReading, Usage]:
        """Read one page. Cancelling the call closes the connection, so the server stops too.

        A first answer that runs in a loop is asked for once more, with the recipe's other sampling,
        unless ``request.live`` and some of it went out. A listener hears of the second attempt's
        tokens from 1 again.

        A server that was away, or does not know the model any more, is asked anew what it serves:
        it may have been started with another model meanwhile.

        Raises:
            InvalidRequest: the model does not do what is asked, or takes no prompts.
            DocumentLimit: the page does not fit into the server's context.
            EngineUnavailable, EngineFailed, BadEngineOutput: see :mod:`.faults`.
        """
        if request.prompt is not None and not self._description.prompts:
            raise InvalidRequest("this engine takes no prompts of callers", field="prompt")
        if self._lost:
            await self._learn_anew()
        known = self._found
        try:
            return await self._read(image, request, listener)
        except EngineUnreachable:
            self._lost = True
            raise
        except EngineUnusable:
            if self._found is known:
                await self._learn_anew()
            if self._found == known:
                raise
        return await self._read(image, request, listener)

    async def _read(
        self, image: PageImage, request: PageRequest, listener: Listener | None = None
    ) -> tuple[PageReading, Usage]:
        words = self._recipe.instruction(request)
        asked = _Asked(words, await packed(image), self._room(image, words))
        kept, dropped = await self._attempts(asked, request, listener)
        return self._reading(kept, image, request), _usage(kept, dropped)

    async def signals(self) -> Signals | None:
        """The server's load now; None if it does not show it.

        Raises:
            EngineUnavailable, EngineFailed: it did not answer within :data:`SIGNALS_SECONDS`.
        """
        if self._found is None:
            return None
        try:
            return await read_signals(self._link, self._found.server, seconds=SIGNALS_SECONDS)
        except EngineUnreachable:
            self._lost = True
            raise

    async def close(self) -> None:
        """Close all connections; pages being read fail. Safe to call twice."""
        self._found = None
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._link.close()

    async def _attempts(
        self, asked: _Asked, request: PageRequest, listener: Listener | None
    ) -> tuple[Transcript, list[Transcript]]:
        """The attempt to keep, and those thrown away."""
        first = Transcript(self._max_tokens(asked, request))
        try:
            await self._attempt(asked, request, first, listener)
        except EngineAborted:
            if first.begun:
                raise
        else:
            if first.end != "loop" or (request.live and first.begun):
                return first, []
        second = Transcript(self._max_tokens(asked, request, attempt=1))
        try:
            await self._attempt(asked, request, second, listener, number=1)
        except EngineError:
            if first.end != "loop":
                raise
            return first, [second]  # half a page is better than none
        poor = second.end == "loop" or not second.text.strip()
        if poor and len(first.kept) > len(second.kept):
            return first, [second]
        return second, [first]

    async def _attempt(
        self,
        asked: _Asked,
        request: PageRequest,
        transcript: Transcript,
        listener: Listener | None,
        *,
        number: int = 0,
    ) -> None:
        found = self._found
        if found is None:
            raise EngineUnavailable(f"the engine at {self._link.server} is not started")
        sampling = dict(self._recipe.sampling(request, number))
        sampling["max_tokens"] = self._max_tokens(asked, request, attempt=number)
        dialect = Dialect(found.server, found.model, found.version)
        body = request_body(dialect, asked.words, sampling, asked.image, live=request.live)
        waits = Waits(self._params.first_token, self._params.stall)
        await Attempt(self._link, waits, self._clock, _telling(listener)).run(body, transcript)

    def _page_tokens(self, width: int, height: int) -> int:
        """Tokens of a usual prompt with an image of that size."""
        return self._recipe.cost.tokens(width, height) + self._prompt[0] + _MARGIN_TOKENS

    def _max_tokens(self, asked: _Asked, request: PageRequest, *, attempt: int = 0) -> int:
        """The least of what recipe, caller, settings and the server's context allow."""
        wanted = self._recipe.sampling(request, attempt)["max_tokens"]
        assert isinstance(wanted, int)
        bounds = (wanted, request.max_tokens, self._params.max_tokens, asked.room)
        return min(bound for bound in bounds if bound is not None)

    def _room(self, image: PageImage, words: Instruction) -> int | None:
        """Tokens that the context leaves for the answer to this page.

        Raises:
            PageTooLarge: none.
        """
        context = self._found.context if self._found else None
        if context is None:
            return None
        usual, length = self._prompt
        spent = usual + max(0, len(words.text) - length) + _MARGIN_TOKENS
        room = context - spent - self._recipe.cost.tokens(image.width, image.height)
        if room < 1:
            raise PageTooLarge(
                "the page leaves no room for an answer in the engine's context",
                limit=f"{context} tokens",
            )
        return room

    def _reading(self, kept: Transcript, image: PageImage, request: PageRequest) -> PageReading:
        text = kept.text if request.live else kept.kept
        size = Geometry(image.width, image.height, image.source_width, image.source_height)
        parsed = self._recipe.parse(text, request, size)
        own = {
            PageWarning.REPETITION: kept.end == "loop",
            PageWarning.TRUNCATED: kept.end == "length",
            PageWarning.EMPTY: not text.strip(),
        }
        warnings = dict.fromkeys([w for w, given in own.items() if given] + [*parsed.warnings])
        return PageReading(
            number=request.number,
            width=image.source_width,
            height=image.source_height,
            blocks=parsed.blocks,
            warnings=tuple(warnings),
            fields=parsed.fields,
        )

    def _input(self, context: int | None) -> ImageSpec:
        """Images no larger than asked for, than the encoder takes, and than the context holds
        beside a prompt and a long answer (or half of it, where it is short).
        """
        limits = [self._params.encoder_tokens]
        if context is not None:
            limits.append(context - min(_ANSWER_TOKENS, context // 2) - self._prompt[0])
        known = [limit for limit in limits if limit is not None]
        side = min(self._params.max_side, self._recipe.max_side or self._params.max_side)
        return ImageSpec(
            max_side=side,
            encoding=Encoding.JPEG,
            lossless=self._params.lossless,
            sizing=sizing(self._recipe.cost, limit=min(known) if known else None, max_side=side),
        )

    def _recipe_of(self, found: Capabilities) -> Recipe:
        try:
            return recipe_for(found.model, context=found.context)
        except UnsupportedModel as error:
            raise EngineUnusable(f"{self._link.server}: {error}") from error

    def _usual(self) -> PageRequest:
        tasks = self._recipe.tasks()
        return PageRequest(task=min(tasks, key=list(Task).index), max_tokens=CANARY_TOKENS)

    async def _read_known_page(self) -> None:
        try:
            await self._read(canary(), self._usual())
        except EngineUnavailable:
            raise
        except EngineBusy:
            return  # full, so at work
        except (EngineError, RequestError) as error:
            kind = EngineUnreachable if is_replica_fault(error) else EngineUnusable
            raise kind(f"{self._link.server} did not read a known page: {error.detail}") from error


def _noted(asked: "asyncio.Task[None]") -> None:
    """Whoever waits for it raises its error; that nobody may wait any more is no mistake."""
    if not asked.cancelled():
        asked.exception()


def _vendor_texts(recipe: Recipe) -> Mapping[str, PageRequest]:
    """What each of the vendor's own texts asks for, those with something to fill in left out."""
    return {
        wording.text: PageRequest(task=task, language=wording.language, target=wording.target)
        for task, prompt in recipe.prompts.items()
        for wording in prompt.wordings
        if "{" not in wording.text
    }


def _telling(listener: Listener | None) -> Tell | None:
    if listener is None:
        return None
    return lambda text, tokens: listener(Piece(text, tokens))


def _usage(kept: Transcript, dropped: list[Transcript]) -> Usage:
    """The tokens of all attempts; those that bring the caller nothing are wasted."""
    attempts = [kept, *dropped]
    share = len(kept.kept) / max(1, len(kept.text))
    return Usage(
        pages=1,
        input_tokens=sum(attempt.input_tokens for attempt in attempts),
        output_tokens=sum(attempt.tokens for attempt in attempts),
        wasted_tokens=round(kept.tokens * (1 - share)) + sum(a.tokens for a in dropped),
    )
