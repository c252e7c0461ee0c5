"""Trials of picture sizes on a server: every page once at each side, and what came of its text.

This is no load test: whoever is refused comes back when told to, so that what is compared is text.
"""

import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from PIL import Image

from ocrgate.errors import InvalidRequest
from ocrgate.load.arrivals import Closed
from ocrgate.load.probe import detect
from ocrgate.load.record import OK, Record
from ocrgate.load.runner import Span, run
from ocrgate.load.targets import Api, Asking, Endpoint
from ocrgate.load.tune.picture import SideTrial
from ocrgate.load.workload import Callers, Document, Workload

_PATIENCE = 600.0  # seconds for a page, its waits included
_RETRIES = 30  # of a refusal, and of a connection that is refused: a minute or two
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
    """

    documents: Sequence[Document]
    asking: Asking
    clients: int = 4
    callers: Callers = field(default_factory=Callers)
    api: Api | None = None
    verify: bool = True
    words: Callable[[Endpoint], Endpoint] = lambda endpoint: endpoint

    def __post_init__(self) -> None:
        if not self.documents or any(document.text is None for document in self.documents):
            raise InvalidRequest(
                "sides are weighed on pages whose text is known: scan.png with scan.txt beside it",
                field="FILE",
            )

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
        span = Span(seconds=None, requests=len(pages), timeout=_PATIENCE, retries=_RETRIES)
        work = Workload(pages, f"pages of {side} pixels")
        record = await run(
            self.words(found), work, Closed(self.clients), span=span, callers=self.callers
        )
        return _of(record, side, len(pages))


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
