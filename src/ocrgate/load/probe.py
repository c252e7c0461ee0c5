"""Finds out what answers at a URL, and whether it answers a page, before a load is put on it."""

import time
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec

from ocrgate.errors import (
    DeadlineExceeded,
    EngineFailed,
    EngineUnavailable,
    Forbidden,
    InvalidRequest,
    OcrgateError,
    PayloadTooLarge,
    Unauthenticated,
    UnreadableDocument,
    UnsupportedMedia,
)
from ocrgate.load.link import Exchange, Link, parse_url
from ocrgate.load.record import OK, UNREADABLE
from ocrgate.load.sending import AGAIN, Result, Sender
from ocrgate.load.targets import PATHS, Api, Asking, Endpoint
from ocrgate.load.workload import Caller, Callers, Document

_SECONDS = 10.0
_ROUTES = {path: api for api, path in PATHS.items() if path}
_OWNERS = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llama.cpp",
    "tensorrt_llm": "trtllm",
    "ocrgate": "ocrgate",
}


async def detect(
    url: str, asking: Asking, *, api: Api | None = None, key: str = "", verify: bool = True
) -> Endpoint:
    """The endpoint behind a URL: a server's root, its ``/v1``, or the very route to post to.

    Args:
        url: where to look.
        asking: what is to be said beside a page; the model's name is found out where it is empty.
        api: the contract, where it is known.
        key: an API key, where the server asks for one.
        verify: whether the certificate of a secure server has to be good.

    Raises:
        EngineUnavailable: nothing can be reached there.
        InvalidRequest: no contract that is spoken here.
        Unauthenticated: it wants a key, or another one.
    """
    address = parse_url(url)
    link = Link(address, verify=verify)
    try:
        await link.find()
        place, found = _route(address.path, api)
        if found is Api.RAW:
            return Endpoint(replace(address, path=place), Api.RAW, asking, "http", verify=verify)
        endpoint = await _ask_around(link, place, found, asking, key)
    finally:
        link.close()
    return replace(endpoint, verify=verify)


def _route(path: str, api: Api | None) -> tuple[str, Api | None]:
    """The prefix of all routes (or for the raw contract the route), and the contract if told."""
    bare, question, query = path.partition("?")
    trimmed = bare.rstrip("/")
    if api is Api.RAW:
        return path, api
    for route in sorted(_ROUTES, key=len, reverse=True):
        if trimmed.endswith(route):
            return trimmed.removesuffix(route) + question + query, api or _ROUTES[route]
    if api is None and trimmed and not trimmed.endswith("/v1"):
        return path, Api.RAW
    return trimmed.removesuffix("/v1") + question + query, api


async def _ask_around(
    link: Link, prefix: str, api: Api | None, asking: Asking, key: str
) -> Endpoint:
    base, question, query = prefix.partition("?")
    version = _json(await _get(link, f"{base}/version", key))
    ours = version.get("name") == "ocrgate"
    listed = await _get(link, f"{base}/v1/models", key)
    if listed.failure and not version:
        raise EngineUnavailable(f"{link.address.url} does not speak HTTP: {listed.told}")
    models = _json(listed).get("data")
    first = models[0] if isinstance(models, list) and models else {}
    if api is None:
        api = Api.OCR if ours else Api.OPENAI if first else None
    if api is None:
        if listed.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise Unauthenticated(f"{link.address.url} wants an API key, or another one")
        raise InvalidRequest(
            f"what answers at {link.address.url} is neither ocrgate nor OpenAI-compatible; "
            "name its route in the URL, or its contract with --api",
            field="--api",
        )
    if not asking.model:
        asking = replace(asking, model=str(first.get("id", "")))
    kind = "ocrgate" if ours else _OWNERS.get(str(first.get("owned_by", "")), str(api))
    address = replace(link.address, path=base + PATHS[api] + question + query)
    return Endpoint(address, api, asking, kind, str(version.get("version", "")))


async def _get(link: Link, path: str, key: str) -> Exchange:
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {link.address.authority}",
        "User-Agent: ocrgate-bench",
        "Accept: application/json",
    ]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    return await link.ask(("\r\n".join(lines) + "\r\n\r\n").encode(), b"", _SECONDS)


def _json(exchange: Exchange) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(exchange.body)
    except UNREADABLE:
        return {}
    good = exchange.status == HTTPStatus.OK and isinstance(found, dict)
    return found if good else {}


async def try_out(
    endpoint: Endpoint, document: Document, callers: Callers, seconds: float
) -> list[Result]:
    """Send one page with each key, before any of it counts. A full server is no error.

    Raises:
        OcrgateError: why no page would be read, in the words of the server where it has any.
    """
    link = Link(endpoint.address, verify=endpoint.verify)
    results = []
    try:
        await link.find()
        sender = Sender(endpoint, link, callers, timeout=seconds)
        for key in range(len(callers.keys)):
            prepared = sender.prepare(document.work(key))
            lane = callers.lanes[0][0] if callers.lanes else ""
            result = await sender.send(prepared, Caller(key, lane), time.monotonic())
            if (error := fault(result, endpoint, callers, key)) is not None:
                raise error
            results.append(result)
    finally:
        link.close()
    return results


def fault(result: Result, endpoint: Endpoint, callers: Callers, key: int) -> OcrgateError | None:
    """Why a page was not read, unless it is that the server is full."""
    where = endpoint.address.url + endpoint.address.path
    if result.outcome == OK or result.status in AGAIN - {HTTPStatus.BAD_GATEWAY}:
        return None
    if result.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        which = f" (key {key + 1} of {len(callers.keys)})" if len(callers.keys) > 1 else ""
        kind = Unauthenticated if result.status == HTTPStatus.UNAUTHORIZED else Forbidden
        return kind(f"{where}: {result.message}{which}")
    kind_of = _BY_STATUS.get(result.status)
    if kind_of is not None:
        return kind_of(f"{where}: {result.message}")
    if not result.status:
        kind_of = DeadlineExceeded if result.outcome == "timeout" else EngineUnavailable
        return kind_of(f"{where}: {result.message}")
    if result.outcome == "bad_answer":
        message = f"{where} answers, but not as {endpoint.api} is answered: {result.message}"
        return InvalidRequest(message, field="--api")
    return EngineFailed(f"{where}: HTTP {result.status}: {result.message}")


_BY_STATUS: Mapping[int, type[OcrgateError]] = {
    HTTPStatus.BAD_REQUEST: InvalidRequest,
    HTTPStatus.NOT_FOUND: InvalidRequest,
    HTTPStatus.METHOD_NOT_ALLOWED: InvalidRequest,
    HTTPStatus.UNPROCESSABLE_ENTITY: UnreadableDocument,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: PayloadTooLarge,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: UnsupportedMedia,
}
