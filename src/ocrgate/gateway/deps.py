"""What the routes work with, gathered in one typed object."""

from dataclasses import dataclass
from typing import Literal, Protocol, Self

from starlette.requests import Request

from ocrgate.gateway.access import Access
from ocrgate.gateway.quota import Quotas
from ocrgate.ports import EngineDescription, Rasterizer
from ocrgate.runtime.recognizer import Recognizer
from ocrgate.settings import Settings
from ocrgate.telemetry.metrics import Metrics


class Readiness(Protocol):
    """Whether a page would be read now.

    ``last_page_age`` is seconds since one was, None before the first.
    """

    @property
    def status(self) -> Literal["ok", "starting", "draining", "unready"]:
        """In one word."""

    @property
    def detail(self) -> str | None:
        """Why not."""

    @property
    def last_page_age(self) -> float | None:
        """Seconds."""


class Service(Protocol):
    """What reads documents."""

    @property
    def description(self) -> EngineDescription:
        """What the engine says of itself."""

    @property
    def recognizer(self) -> Recognizer:
        """Document in, recognition out."""

    @property
    def rasterizer(self) -> Rasterizer:
        """Documents to page images."""

    @property
    def draining(self) -> bool:
        """Whether the server is going away."""

    def readiness(self) -> Readiness:
        """Whether a page would be read now."""

    async def start(self) -> None:
        """Begin to serve."""

    async def close(self) -> None:
        """Stop everything it started."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts of one server.

    Attributes:
        settings: what it was told.
        service: what reads documents.
        access: who may ask.
        quotas: how much of it.
        metrics: what is counted.
    """

    settings: Settings
    service: Service
    access: Access
    quotas: Quotas
    metrics: Metrics

    @classmethod
    def of(cls, request: Request) -> Self:
        """The gateway that serves a request."""
        found: Self = request.app.state.gateway
        return found
