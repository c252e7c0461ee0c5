"""Trials of picture sizes on a server: every page once at each side, and what came of its text."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from PIL import Image

from ocrgate.errors import InvalidRequest
from ocrgate.load.arrivals import Closed
from ocrgate.load.probe import detect
from ocrgate.load.record import OK, Record
from ocrgate.load.runner import Span, run
from ocrgate.load.slo import Slo
from ocrgate.load.targets import Api, Asking, Endpoint
from ocrgate.load.tune.picture import SideTrial
from ocrgate.load.workload import Callers, Document, Workload

_LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True, slots=True)
class SideTrials:
    """How sides are tried.

    Attributes:
        documents: pictures whose text is known.
        asking: what is said beside a page.
        slo: which answers count.
        clients: at once.
        callers: in whose name.
        api: the contract; None to find out.
        verify: whether certificates have to be good.
        words: the prompt for a model, where none was given.
    """

    documents: Sequence[Document]
    asking: Asking
    slo: Slo
    clients: int = 4
    callers: Callers = field(default_factory=Callers)
    api: Api | None = None
    verify: bool = True
    words: Callable[[Endpoint], Endpoint] = lambda endpoint: endpoint

    def __post_init__(self) -> None:
        if not self.documents or any(document.text is None for document in self.documents):
            raise InvalidRequest("sides are weighed on pages whose text is known", field="FILE")

    async def __call__(self, side: int, url: str) -> SideTrial:
        """Read every page once.

        Raises:
            OcrgateError: the target cannot be asked.
        """
        key = self.callers.keys[0]
        found = await detect(url, self.asking, api=self.api, key=key, verify=self.verify)
        pages = tuple(
            shrunk(document, side, f"{number}") for number, document in enumerate(self.documents)
        )
        span = Span(seconds=None, requests=len(pages), timeout=600.0)
        work = Workload(pages, f"pages of {side} pixels")
        record = await run(
            self.words(found), work, Closed(self.clients), self.slo, span=span, callers=self.callers
        )
        return _of(record, side, len(pages), self.slo)


def _of(record: Record, side: int, count: int, slo: Slo) -> SideTrial:
    step = record.steps[0]
    samples = record.of(step)
    errors = {int(one.page_class): one.cer for one in samples if one.outcome == OK}
    good = sum(map(slo.good, samples))
    tokens = [one.input_tokens for one in samples if one.outcome == OK]
    found = [errors.get(number) for number in range(count)]
    return SideTrial(
        side,
        tuple(1.0 if error is None else error for error in found),
        good / step.seconds if step.seconds else 0.0,
        sum(tokens) / len(tokens) if tokens else 0.0,
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
