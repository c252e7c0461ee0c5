"""What the routes work with, gathered in one typed object."""

from dataclasses import dataclass
from typing import Self

from starlette.requests import Request

from ocrgate.gateway.access import Access
from ocrgate.gateway.quota import Quotas
from ocrgate.runtime.service import Service
from ocrgate.settings import Settings
from ocrgate.telemetry.metrics import Metrics


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
