"""OpenTelemetry traces: a span per request, with queue, prepare and engine inside it.

Without an endpoint nothing of OpenTelemetry is imported, and a span costs a method call.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

MISSING = (
    "telemetry.otlp_endpoint is set but the tracing extra is not installed; "
    "run: pip install 'ocrgate[tracing]'"
)
Attribute = str | int | float | bool


class TracingUnavailable(Exception):
    """Traces were asked for and their library is not installed."""


class Tracing(Protocol):
    """Where spans go."""

    def request(self, name: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:
        """The span of one request, continuing the trace of its ``traceparent`` header."""

    def span(self, name: str, **attributes: Attribute) -> AbstractContextManager[None]:
        """A stage of the current request: ``queue``, ``prepare`` or ``engine``."""

    def trace_id(self) -> str | None:
        """The current trace as 32 hex digits, for logs; None outside of one."""

    def close(self) -> None:
        """Send what has not been sent, for a few seconds at most."""


class NoTracing:
    """Spans that go nowhere."""

    _nothing: AbstractContextManager[None] = nullcontext()

    def request(self, name: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:  # noqa: ARG002
        """Nothing."""
        return self._nothing

    def span(self, name: str, **attributes: Attribute) -> AbstractContextManager[None]:  # noqa: ARG002
        """Nothing."""
        return self._nothing

    def trace_id(self) -> str | None:
        """No trace."""
        return None

    def close(self) -> None:
        """Nothing."""


class OtelTracing:
    """Spans through the OpenTelemetry SDK.

    Args:
        provider: who makes and exports spans; owned, so closed with this object.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._tracer = provider.get_tracer("ocrgate")
        self._parents = TraceContextTextMapPropagator()
        self._server = trace.SpanKind.SERVER
        self._current = trace.get_current_span

    @contextmanager
    def request(self, name: str, headers: Mapping[str, str]) -> Iterator[None]:
        """The span of one request, continuing the trace of its ``traceparent`` header."""
        parent = self._parents.extract(dict(headers))
        with self._tracer.start_as_current_span(name, context=parent, kind=self._server):
            yield

    @contextmanager
    def span(self, name: str, **attributes: Attribute) -> Iterator[None]:
        """A stage of the current request; an error inside marks it as failed."""
        with self._tracer.start_as_current_span(name, attributes=attributes):
            yield

    def trace_id(self) -> str | None:
        """The current trace as 32 hex digits; None outside of one."""
        context = self._current().get_span_context()
        return f"{context.trace_id:032x}" if context.is_valid else None

    def close(self) -> None:
        """Send what has not been sent, then stop."""
        self._provider.shutdown()


def build_tracing(endpoint: str | None, *, version: str = "") -> Tracing:
    """Traces to a collector, or none.

    Args:
        endpoint: base URL of the collector; ``/v1/traces`` is added. The standard
            ``OTEL_EXPORTER_OTLP_HEADERS`` and ``OTEL_SERVICE_NAME`` keep their meaning.
        version: of ocrgate, put on every trace.

    Raises:
        TracingUnavailable: an endpoint is given but the extra is not installed.
    """
    if not endpoint:
        return NoTracing()
    try:
        return OtelTracing(_provider(endpoint, version))
    except ImportError as error:
        raise TracingUnavailable(MISSING) from error


def _provider(endpoint: str, version: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create({"service.version": version})
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "ocrgate"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    url = endpoint.rstrip("/") + "/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    return provider
