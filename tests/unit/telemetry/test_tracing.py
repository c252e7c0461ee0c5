"""Traces: spans in their places when wanted, nothing at all when not."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ocrgate.telemetry.asgi import Receive, Scope, Send, TraceRequests
from ocrgate.telemetry.tracing import NoTracing, OtelTracing, Tracing, build_tracing

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return OtelTracing(provider)


def test_stages_are_children_of_the_request(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    """A trace shows where a request's time went, inside the caller's own trace."""
    with tracing.request("POST /ocr", {"traceparent": PARENT}):
        assert tracing.trace_id() == PARENT.split("-")[1]
        with tracing.span("queue"):
            pass
        with tracing.span("engine", page=3):
            pass
    queue, engine, request = spans.get_finished_spans()
    assert [queue.name, engine.name, request.name] == ["queue", "engine", "POST /ocr"]
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT.split("-")[2]
    assert {s.parent.span_id for s in (queue, engine) if s.parent} == {request.context.span_id}
    assert dict(engine.attributes or {}) == {"page": 3}


def test_a_failed_stage_is_marked(tracing: Tracing, spans: InMemorySpanExporter) -> None:
    """Errors stand out in a trace and go on to whoever handles them."""
    with pytest.raises(ValueError, match="boom"), tracing.span("engine"):
        raise ValueError("boom")
    assert not spans.get_finished_spans()[0].status.is_ok


@pytest.mark.parametrize("headers", [{}, {"traceparent": "rubbish"}])
def test_a_request_without_a_usable_parent_starts_its_own_trace(
    tracing: Tracing, headers: dict[str, str]
) -> None:
    """A broken header is no error."""
    with tracing.request("GET /", headers):
        assert len(tracing.trace_id() or "") == 32
    assert tracing.trace_id() is None


def test_without_an_endpoint_nothing_of_it_is_loaded() -> None:
    """Who wants no traces pays nothing for them."""
    code = (
        "import sys; from ocrgate.telemetry.tracing import build_tracing\n"
        "t = build_tracing(None)\n"
        "with t.request('x', {}), t.span('y'):\n"
        "    assert t.trace_id() is None\n"
        "t.close()\n"
        "assert not [m for m in sys.modules if m.startswith('opentelemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_endpoint_without_the_extra_is_told() -> None:
    """The message says what to install, instead of traces that silently go nowhere."""
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from ocrgate.telemetry.tracing import build_tracing, TracingUnavailable\n"
        "try: build_tracing('http://127.0.0.1:4318')\n"
        "except TracingUnavailable as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "ocrgate[tracing]" in done.stdout


def test_an_endpoint_turns_traces_on() -> None:
    """With endpoint and extra spans are recorded; a collector that is away stops nobody."""
    assert isinstance(build_tracing(""), NoTracing)
    tracing = build_tracing("http://127.0.0.1:9/", version="1")
    assert isinstance(tracing, OtelTracing)
    tracing.close()


async def test_every_http_request_gets_a_span_and_nothing_else_does(
    tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    """The span continues the trace of the header that came over the wire; start-up has none."""

    async def nothing(*_: object) -> None:
        return None

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        scope["seen"] = tracing.trace_id()

    layer = TraceRequests(application, tracing=tracing)
    request: Scope = {
        "type": "http",
        "method": "POST",
        "headers": [(b"traceparent", PARENT.encode())],
    }
    start: Scope = {"type": "lifespan"}
    await layer(request, nothing, nothing)
    await layer(start, nothing, nothing)
    assert (request["seen"], start["seen"]) == (PARENT.split("-")[1], None)
    assert [span.name for span in spans.get_finished_spans()] == ["POST"]
