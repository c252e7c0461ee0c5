"""Trials of picture sizes on a server: every page once at each side, and what came of its text.

This is no load test: whoever is refused comes back when told to, so that what is compared is text.
"""

import asyncio
import io
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from PIL import Image

from ocrgate.errors import EngineUnavailable, InvalidRequest
from ocrgate.load.arrivals import Closed
from ocrgate.load.link import Address, Link
from ocrgate.load.probe import detect
from ocrgate.load.record import OK, Record
from ocrgate.load.runner import Span, run
from ocrgate.load.targets import Api, Asking, Endpoint
from ocrgate.load.tune.picture import SideTrial
from ocrgate.load.workload import Callers, Document, Workload

_PATIENCE = 600.0  # seconds for a page, its waits included
_RETRIES = 30  # of a refusal, and of a connection that is refused: a minute or two
_POLL = 2.0  # seconds between looks at whether the target is still there
_LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True, slots=True)
class SideTrials:
    """How sides are tried.

    Attributes:
        documents: pictures whose text is known.
        asking: what is said beside a page.
        clients: at once.
        callers: in whose name.
        api: the contract; None to find out.
        verify: whether certificates have to be good.
        words: the prompt for a model, where none was given.
        patience: seconds that a target may be away, as one that is started again is, before it is
            given up.
        told: is told when it is away.
    """

    documents: Sequence[Document]
    asking: Asking
    clients: int = 4
    callers: Callers = field(default_factory=Callers)
    api: Api | None = None
    verify: bool = True
    words: Callable[[Endpoint], Endpoint] = lambda endpoint: endpoint
    patience: float = 120.0
    told: Callable[[str], None] = lambda _text: None

    def __post_init__(self) -> None:
        if not self.documents or any(document.text is None for document in self.documents):
            raise InvalidRequest(
                "sides are weighed on pages whose text is known: scan.png with scan.txt beside it",
                field="FILE",
            )

    async def __call__(self, side: int, url: str) -> SideTrial:
        """Read every page once.

        Raises:
            OcrgateError: the target cannot be asked, or went away and did not come back. What was
                read meanwhile is dropped then: pages that nobody was there to read say nothing of
                a side.
        """
        key = self.callers.keys[0]
        found = await detect(url, self.asking, api=self.api, key=key, verify=self.verify)
        pages = tuple(
            shrunk(document, side, f"{number}") for number, document in enumerate(self.documents)
        )
        reading = asyncio.ensure_future(self._read(found, pages, side))
        missing = asyncio.ensure_future(self._missed(found.address))
        try:
            await asyncio.wait({reading, missing}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                return _of(reading.result(), side, len(pages))
            raise EngineUnavailable(f"{url}: nobody has answered for {self.patience:g} s")
        finally:
            for task in (reading, missing):
                task.cancel()
            await asyncio.gather(reading, missing, return_exceptions=True)

    async def _read(self, found: Endpoint, pages: tuple[Document, ...], side: int) -> Record:
        span = Span(seconds=None, requests=len(pages), timeout=_PATIENCE, retries=_RETRIES)
        work = Workload(pages, f"pages of {side} pixels")
        load = Closed(self.clients)
        return await run(self.words(found), work, load, span=span, callers=self.callers)

    async def _missed(self, address: Address) -> None:
        """Return when nobody has listened there for too long."""
        since: float | None = None
        while since is None or time.monotonic() - since < self.patience:
            await asyncio.sleep(min(_POLL, self.patience))
            if await _listens(address, verify=self.verify):
                since = None
            elif since is None:
                since = time.monotonic()
                self.told(f"nobody is there: waiting up to {self.patience:g} s for it to come back")


async def _listens(address: Address, *, verify: bool) -> bool:
    link = Link(address, verify=verify)
    try:
        await link.find()
    except EngineUnavailable:
        return False
    finally:
        link.close()
    return True


def _of(record: Record, side: int, count: int) -> SideTrial:
    samples = record.samples.rows
    read = [sample for sample in samples if sample.outcome == OK]
    errors = {int(one.page_class): one.cer for one in read}
    why = Counter(sample.outcome for sample in samples if sample.outcome != OK)
    seconds = max((one.done for one in read), default=0.0) - min(
        (one.sent for one in samples), default=0.0
    )
    return SideTrial(
        side,
        tuple(errors.get(number) for number in range(count)),
        len(read) / seconds if seconds > 0 else 0.0,
        sum(one.input_tokens for one in read) / len(read) if read else 0.0,
        why.most_common(1)[0][0] if why else "",
    )


def shrunk(document: Document, side: int, name: str) -> Document:
    """A picture with its longest side at most so long, as PNG; its class is its name.

    Raises:
        InvalidRequest: it is no picture.
    """
    try:
        with Image.open(io.BytesIO(document.data)) as image:
            scale = min(1.0, side / max(image.size))
            width, height = (max(1, round(length * scale)) for length in image.size)
            made = image if scale == 1 else image.resize((width, height), _LANCZOS)
            data = io.BytesIO()
            made.save(data, "PNG")
    except OSError as error:
        raise InvalidRequest(f"{document.name} is no picture", field="FILE") from error
    return replace(document, data=data.getvalue(), media="image/png", page_class=name, fresh=None)
