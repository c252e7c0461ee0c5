"""The published contract."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from ocrgate.errors import leaves
from ocrgate.gateway.app import create_app
from ocrgate.gateway.docs_page import html
from ocrgate.gateway.problem import STATUS
from ocrgate.gateway.reference import api_markdown, operations
from ocrgate.runtime.service import Parts, Service
from ocrgate.settings import Settings
from ocrgate.telemetry.metrics import Metrics
from ocrgate.testing import ScriptedEngine, ScriptedRasterizer


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    """The document of an application that was never started."""
    metrics = Metrics()
    service = Service(Parts(ScriptedEngine(), ScriptedRasterizer()), metrics=metrics)
    return dict(create_app(Settings(), service, metrics=metrics).openapi())


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """Every object inside of a document."""
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from walk(child)


def test_it_is_a_document_of_openapi_3_1(spec: dict[str, Any]) -> None:
    """It travels as JSON, and says what it is."""
    assert spec["openapi"].startswith("3.1")
    assert json.loads(json.dumps(spec)) == spec


def test_every_reference_leads_somewhere(spec: dict[str, Any]) -> None:
    """Generators of clients do not stumble."""
    for node in walk(spec):
        if isinstance(node.get("$ref"), str):
            _, *path = node["$ref"].split("/")
            found: Any = spec
            for step in path:
                found = found[step]
            assert found


def test_generators_of_clients_find_nothing_they_do_not_know(spec: dict[str, Any]) -> None:
    """Some of them break off at a boolean schema, or leave out a type with a bare list in it."""
    for node in walk(spec["components"]["schemas"]):
        assert not isinstance(node.get("items"), bool)
        assert node.get("type") != "array" or {"items", "prefixItems"} & node.keys()


def test_every_operation_has_a_name_of_its_own(spec: dict[str, Any]) -> None:
    """Generated clients call their functions by it."""
    names = [operation["operationId"] for _, _, operation in operations(spec)]
    assert len({*names}) == len(names) == 10


def test_every_schema_is_one(spec: dict[str, Any]) -> None:
    """Each type is valid JSON Schema 2020-12 with a title and words about it."""
    for schema in spec["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid(schema)
        assert schema["title"]
    for name in ("OcrRequest", "OcrReply", "Problem", "MistralReply", "ChatCompletion"):
        assert spec["components"]["schemas"][name]["description"]


def test_every_route_of_the_contract_is_published(spec: dict[str, Any]) -> None:
    """The routes of the design, each with what it needs."""
    assert [f"{method} {path}" for method, path, _ in operations(spec)] == [
        "POST /ocr",
        "POST /v1/ocr",
        "POST /v1/chat/completions",
        "GET /v1/models",
        "GET /v1/models/{name}",
        "GET /livez",
        "GET /readyz",
        "GET /health",
        "GET /version",
        "GET /metrics",
    ]


def test_reading_publishes_every_error_it_can_answer_with(spec: dict[str, Any]) -> None:
    """Each status, its codes, its body and its Retry-After stand in the document."""
    answers = spec["paths"]["/ocr"]["post"]["responses"]
    for kind in leaves():
        if kind.code in {"conflict", "gone"}:
            continue  # they belong to routes that keep things
        answer = answers[str(STATUS[kind])]
        assert f"`{kind.code}`" in answer["description"]
        assert "application/problem+json" in answer["content"]
        assert not kind.retryable or "Retry-After" in answer["headers"]


def test_all_three_forms_of_a_request_are_published(spec: dict[str, Any]) -> None:
    """JSON, form and bare bytes, the latter with query parameters for the options."""
    operation = spec["paths"]["/ocr"]["post"]
    assert {"application/json", "multipart/form-data", "image/png", "application/pdf"} <= set(
        operation["requestBody"]["content"]
    )
    names = {item["name"] for item in operation["parameters"]}
    assert {"task", "language", "pages", "format", "quality", "X-Request-Timeout"} <= names


def test_the_page_for_people_needs_nothing_from_elsewhere(spec: dict[str, Any]) -> None:
    """It shows without a network: no script, style or picture is fetched."""
    page = html(spec)
    assert "<script" not in page
    assert "http" not in page.replace("http://127.0.0.1", "").replace("HTTP", "")
    for method, path, _ in operations(spec):
        assert f"<code>{method} {path}</code>" in page
    for kind in leaves():
        assert f'id="{kind.code}"' in page  # what a problem's type points at


def test_links_of_the_page_lead_to_what_is_shown(spec: dict[str, Any]) -> None:
    """None to a name that is not there, none to something folded away."""
    page = html(spec)
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert {"ocr", "OcrRequest", "errors"} <= targets <= set(re.findall(r'id="([^"]+)"', page))
    assert "<details" not in page


def test_the_page_names_the_fields_of_a_form(spec: dict[str, Any]) -> None:
    """Whoever writes a form has to know that the file is called file."""
    assert "form: <code>file*</code>, <code>task</code>" in html(spec)
    assert "form: `file*`, `task`" in api_markdown(spec)


def test_the_reference_tells_every_route_and_type(spec: dict[str, Any]) -> None:
    """The docs folder's page is made of the same document."""
    text = api_markdown(spec)
    for method, path, _ in operations(spec):
        assert f"## {method} {path}\n" in text
    for name in spec["components"]["schemas"]:
        assert f"### {name}\n" in text
    assert "| `image*` | string |" in text


def test_examples_name_the_server_that_shows_them(spec: dict[str, Any]) -> None:
    """So that they can be copied; whatever stands in the address stays text."""
    assert "curl -F file=@page.png https://ocr.example:8443/ocr" in html(
        spec, "https://ocr.example:8443"
    )
    assert "<script>" not in html(spec, "http://<script>")


def test_code_is_marked_and_backticks_are_not_shown(spec: dict[str, Any]) -> None:
    """Those of Markdown, and the double ones of docstrings."""
    page = html(spec)
    assert "`" not in page
    assert "<code>X-Debug-Gate</code>" in page
    assert "<code>usage</code> is null" in page
