"""The OpenAPI document, written by hand beside the routes, since no body is a Pydantic model."""

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

from ocrgate import errors
from ocrgate.domain.document import MediaType
from ocrgate.domain.ticket import Lane
from ocrgate.errors import OcrgateError, leaves
from ocrgate.formats import Format
from ocrgate.gateway.intake.forms import JSON, MULTIPART
from ocrgate.gateway.problem import NOT_READY, PROBLEM_JSON, STATUS, title_of
from ocrgate.wire.mistral import MistralReply, MistralRequest
from ocrgate.wire.ocr import LEAST_SECONDS, OcrOptions, OcrReply, OcrRequest
from ocrgate.wire.openai import ChatChunk, ChatCompletion, ChatRequest, Model, ModelList
from ocrgate.wire.problem import MistralError, OpenAIError, Problem
from ocrgate.wire.status import Health, Live, Version

Json = dict[str, Any]

REF = "#/components/schemas/{name}"
TYPES = (
    OcrRequest,
    OcrOptions,
    OcrReply,
    MistralRequest,
    MistralReply,
    ChatRequest,
    ChatCompletion,
    ChatChunk,
    Model,
    ModelList,
    Health,
    Live,
    Version,
    Problem,
    OpenAIError,
    MistralError,
)
SECURITY: list[dict[str, list[str]]] = [{}, {"bearer": []}, {"apiKey": []}]
"""Nothing is asked of local callers of a server without keys, hence the empty choice."""

ABOUT = """Reads images and PDFs. Every error has a stable `code`; every refusal says when to come
back. Send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY` where keys exist."""

_OPTIONS = {
    "task": "What to read for; without it what the format shows most of.",
    "language": "A hint such as en or zh; engines may ignore it.",
    "pages": "1-based pages and ranges such as 1-3,7; all without it.",
    "format": "json, text, markdown, hocr, alto or pdf; without it the Accept header decides.",
    "quality": "Work that may be spent on a page.",
    "keys": "Names of the fields wanted: separated by commas, or a JSON array (task fields).",
    "schema": "JSON schema of the fields wanted, as JSON text, instead of keys.",
    "target": "Language to translate into, en or zh (task translate).",
    "prompt": "Your own words for the model, on servers that allow it.",
    "max_tokens": "Most tokens that a page may be written in.",
}


def ref(kind: type) -> Json:
    """A pointer to a type's schema."""
    return {"$ref": REF.format(name=kind.__name__)}


def document(title: str, version: str) -> Json:
    """The OpenAPI 3.1 document of the application."""
    _, schemas = msgspec.json.schema_components(TYPES, ref_template=REF)
    schemas = {name: _portable(schema) for name, schema in schemas.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": ABOUT},
        "paths": {path: {method: op} for (method, path), op in OPERATIONS.items()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
            "headers": _ANSWER_HEADERS,
        },
    }


def _portable(schema: Any) -> Any:
    """The same schema as generators of clients understand it.

    None of them takes ``false`` for the schema of further members, which ``maxItems`` excludes
    already, nor a list that says nothing of its members. Words about a type come from docstrings.
    """
    if isinstance(schema, list):
        return [_portable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _portable(part) for key, part in schema.items() if (key, part) != _NO_MORE}
    if found.get("type") == "array" and not {"items", "prefixItems"} & found.keys():
        found["items"] = {}
    if isinstance(words := found.get("description"), str):
        found["description"] = inspect.cleandoc(words)
    return found


_NO_MORE = ("items", False)

_ANSWER_HEADERS: Json = {
    "X-Request-Id": {
        "description": "The caller's own id when it sent a harmless one, else a new one.",
        "schema": {"type": "string"},
    },
    "Server-Timing": {
        "description": "queue, prepare, engine, parse and total, milliseconds.",
        "schema": {"type": "string"},
    },
    "X-OCR-Warnings": {
        "description": "What to know of the text, of all pages together: low_confidence, empty, "
        "truncated, repetition, schema_mismatch.",
        "schema": {"type": "string"},
    },
    "X-OCR-Degraded": {
        "description": "What the pages got less of since the server is under pressure.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which a retry is worth it.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "RateLimit": {
        "description": 'Pages left and seconds until the quota is whole: "pages";r=9;t=6.',
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'Pages per window: "pages";q=60;w=60.',
        "schema": {"type": "string"},
    },
}


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


_ALWAYS = _headers("X-Request-Id", "Server-Timing")
_QUOTA = _headers("RateLimit", "RateLimit-Policy")
_OF_THE_TEXT = _headers("X-OCR-Warnings", "X-OCR-Degraded")


def answer(description: str, content: Json, headers: Json | None = None) -> Json:
    """A successful answer."""
    told = _ALWAYS | _QUOTA | (headers or {})
    return {"description": description, "content": content, "headers": told}


def failures(kinds: Iterable[type[OcrgateError]], body: type, media: str) -> Json:
    """Error answers by status; each lists the codes behind it."""
    found: dict[int, list[type[OcrgateError]]] = {}
    for kind in kinds:
        found.setdefault(STATUS[kind], []).append(kind)
    return {str(status): _failure(status, found[status], body, media) for status in sorted(found)}


def _failure(status: int, kinds: list[type[OcrgateError]], body: type, media: str) -> Json:
    codes = ", ".join(f"`{kind.code}`" for kind in kinds)
    later = _headers("Retry-After") if any(kind.retryable for kind in kinds) else {}
    return {
        "description": f"{title_of(status)}: {codes}",
        "content": {media: {"schema": ref(body)}},
        "headers": _ALWAYS | later | _QUOTA,
    }


def _header(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": schema}


ASKING: list[Json] = [
    _header("X-Priority", "Lane; never above the key's own.", {"enum": [*Lane]}),
    _header(
        "X-Request-Timeout",
        "Seconds the caller gives the whole request, up to the server's bound.",
        {"type": "number", "minimum": LEAST_SECONDS},
    ),
    _header(
        "X-No-Degradation",
        "1, or the names of what pages may not get less of while the server is under pressure: "
        "smaller_image, shorter_output, other_engine. What they got less of stands in `degraded`, "
        "and in `X-OCR-Degraded` of formats that have no place for it.",
        {"type": "string", "maxLength": 128},
    ),
    _header(
        "X-Debug",
        "`gate` answers with a header `X-Debug-Gate`: limits and their reasons, pages in flight "
        "and waiting, the predicted wait, tokens held and promised.",
        {"enum": ["gate"]},
    ),
    _header(
        "X-Request-Id",
        "Names the request in logs and errors.",
        {"type": "string", "maxLength": 128},
    ),
]

_READING = tuple(kind for kind in leaves() if kind not in {errors.Conflict, errors.Gone})


def _reading(summary: str, body: Json, success: Json, failing: Json, **more: Any) -> Json:
    return {
        "summary": summary,
        "security": SECURITY,
        "parameters": [*ASKING, *more.pop("parameters", [])],
        "requestBody": {"required": True, "content": body},
        "responses": {"200": success, **failing},
        **more,
    }


def _schema(kind: type) -> Json:
    return {"schema": ref(kind)}


def _form_schema(options: Json) -> Json:
    file = {"type": "string", "format": "binary", "description": "One image or PDF."}
    return {
        "type": "object",
        "required": ["file"],
        "additionalProperties": False,
        "properties": {"file": file, **options},
    }


def _option_schemas() -> Json:
    _, schemas = msgspec.json.schema_components((OcrOptions,), ref_template=REF)
    properties: Json = schemas["OcrOptions"]["properties"]
    return {name: _plain(schema) for name, schema in properties.items()}


def _plain(schema: Json) -> Json:
    """Forms and queries carry no null and no default that a generator would send as text."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if kinds else {k: v for k, v in schema.items() if k != "default"}


def _query(options: Json) -> list[Json]:
    about = "For bare bytes only. "
    return [
        {"name": name, "in": "query", "description": about + _OPTIONS[name], "schema": schema}
        for name, schema in options.items()
    ]


def _ocr() -> Json:
    options = _option_schemas()
    binary = {"schema": {"type": "string", "format": "binary", "minLength": 1}}
    written = {kind.media_type.partition(";")[0]: {"schema": {"type": "string"}} for kind in Format}
    return _reading(
        "Read one image or a short PDF",
        {
            JSON: _schema(OcrRequest),
            MULTIPART: {"schema": _form_schema(options)},
            **{str(media): binary for media in MediaType},
            "application/octet-stream": binary,
        },
        answer(
            "What was read, in the format asked for.",
            {**written, JSON: _schema(OcrReply), "application/pdf": binary},
            _OF_THE_TEXT,
        ),
        failures(_READING, Problem, PROBLEM_JSON),
        operationId="ocr",
        tags=["reading"],
        parameters=_query(options),
    )


def _mistral() -> Json:
    return _reading(
        "Read one document, Mistral's contract",
        {JSON: _schema(MistralRequest)},
        answer("What was read.", {JSON: _schema(MistralReply)}, _OF_THE_TEXT),
        failures(_READING, MistralError, JSON),
        operationId="mistral_ocr",
        tags=["reading"],
        description="The document is a data URI under `image_url` or `document_url`. Pages count "
        "from 0. URLs are not fetched and files are not stored.",
    )


def _chat() -> Json:
    return _reading(
        "Read the image in a conversation, OpenAI's contract",
        {JSON: _schema(ChatRequest)},
        answer(
            "The text of the image. With `stream` a series of chunks, ended by [DONE].",
            {
                JSON: _schema(ChatCompletion),
                "text/event-stream": {"schema": {"type": "string"}, "x-event": ref(ChatChunk)},
            },
            _OF_THE_TEXT,
        ),
        failures(_READING, OpenAIError, JSON),
        operationId="chat_completions",
        tags=["reading"],
        description="The last message with an image (or a `file` with `file_data`) is read: one "
        "data URI. The words beside it are acted on where they are an instruction that the model's "
        "own documentation gives, or where the server allows any. Other fields are dropped.",
    )


_ASKED_WHO = (errors.Unauthenticated, errors.Forbidden, errors.InvalidRequest)


def _asking(summary: str, success: Json, failing: Json, **more: Any) -> Json:
    return {
        "summary": summary,
        "security": SECURITY,
        "responses": {"200": success, **failing},
        **more,
    }


def _status(name: str, summary: str, kind: type, **responses: Json) -> Json:
    success = {"description": summary, "content": {JSON: _schema(kind)}, "headers": _ALWAYS}
    return {
        "summary": summary,
        "operationId": name,
        "tags": ["server"],
        "security": [],
        "responses": {"200": success, **responses},
    }


_NAME = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
_TEXT: Json = {"text/plain": {"schema": {"type": "string"}}}

OPERATIONS: dict[tuple[str, str], Json] = {
    ("post", "/ocr"): _ocr(),
    ("post", "/v1/ocr"): _mistral(),
    ("post", "/v1/chat/completions"): _chat(),
    ("get", "/v1/models"): _asking(
        "The engines that can be asked for",
        answer("All of them.", {JSON: _schema(ModelList)}),
        failures(_ASKED_WHO, OpenAIError, JSON),
        operationId="list_models",
        tags=["reading"],
    ),
    ("get", "/v1/models/{name}"): _asking(
        "One engine",
        answer("It is served.", {JSON: _schema(Model)}),
        failures((*_ASKED_WHO, errors.NotFound), OpenAIError, JSON),
        operationId="retrieve_model",
        tags=["reading"],
        parameters=[_NAME],
    ),
    ("get", "/livez"): _status("livez", "The process answers", Live),
    ("get", "/readyz"): _status(
        "readyz",
        "A page would be read now",
        Health,
        **{str(NOT_READY): {"description": "Not now.", "content": {JSON: _schema(Health)}}},
    ),
    ("get", "/health"): _status("health", "The same facts, always with 200", Health),
    ("get", "/version"): _status("version", "Which program answers", Version),
    ("get", "/metrics"): _asking(
        "Everything that is counted, for Prometheus",
        {"description": "Prometheus text or OpenMetrics.", "content": _TEXT},
        failures(_ASKED_WHO, Problem, PROBLEM_JSON),
        operationId="metrics",
        tags=["server"],
    ),
}
"""By method and path: what is published about each route."""
