"""What is published holds: requests are made from the OpenAPI document, and answers held to it."""

import gc
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from ocrgate.settings import ServerSettings
from ocrgate.testing import ScriptedEngine

EXAMPLES = 20
PATIENCE = 60  # seconds for one answer: how fast it comes is not what is looked at here


def unbroken(_context: Any, answer: Any, _case: Any) -> None:
    """Time may run out (504), but nothing breaks."""
    assert answer.status_code not in {500, 502, 503}


CHECKS = [
    unbroken,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
]


@pytest.mark.timeout(600)  # seconds of work, but minutes of them on a machine that is full of it
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_made_from_the_document_surprises(
    build: Any, served: Any, mode: GenerationMode
) -> None:
    """Good and bad requests to every route: no 5xx, and each answer is one that is published."""
    # What earlier tests left is collected now: a finalizer that warns while source is parsed makes
    # CPython 3.11 end that with a SystemError, and source is parsed here all the time.
    gc.collect()
    site = build(ScriptedEngine(slots=8), server=ServerSettings(body_timeout=5))
    with served(site) as site:
        schema = schemathesis.openapi.from_url(f"{site.url}/openapi.json")
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            if operation.body or mode is GenerationMode.POSITIVE:
                exercise(operation, mode)  # without a body there is no wrong way to ask


def exercise(operation: Any, mode: GenerationMode) -> None:
    """Send a number of requests to one route and hold the answers to the document."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        case.call_and_validate(checks=CHECKS, timeout=PATIENCE)

    check()


SENT: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "OcrReply": ("POST", "/ocr", {"json": {"image": "QUJD"}}, "OcrReply"),
    "Problem": ("POST", "/ocr", {"json": {}}, "Problem"),
    "MistralReply": (
        "POST",
        "/v1/ocr",
        {
            "json": {
                "document": {"image_url": "QUJD"},
                "confidence_scores_granularity": "word",
            }
        },
        "MistralReply",
    ),
    "MistralError": ("POST", "/v1/ocr", {"json": {}}, "MistralError"),
    "OpenAIError": ("POST", "/v1/chat/completions", {"json": {}}, "OpenAIError"),
    "ModelList": ("GET", "/v1/models", {}, "ModelList"),
    "Health": ("GET", "/readyz", {}, "Health"),
    "Version": ("GET", "/version", {}, "Version"),
}


@pytest.mark.parametrize("name", SENT)
async def test_answers_have_their_published_shape(build: Any, started: Any, name: str) -> None:
    """Whoever generates a client from the document can decode what comes."""
    method, path, arguments, kind = SENT[name]
    async with started(build()) as (site, client):
        answer = await client.request(method, path, **arguments)
        components = site.app.openapi()["components"]
    schema = {"$ref": f"#/components/schemas/{kind}", "components": components}
    jsonschema_rs.Draft202012Validator(schema).validate(answer.json())
