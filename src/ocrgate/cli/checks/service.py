"""Checks of what a server would need: port, key database, and a page read end to end."""

import asyncio
import io
import time

from ocrgate.cli.checks.check import Check, State
from ocrgate.cli.report import CommandFailed
from ocrgate.errors import OcrgateError
from ocrgate.settings import Settings


def port(settings: Settings) -> Check:
    """Whether the port is free."""
    from ocrgate.cli.listening import listen

    server = settings.server
    try:
        listen(server.host, server.port).close()
    except CommandFailed as error:
        return Check("port", State.NOTE, str(error), error.hint)
    return Check("port", State.OK, f"{server.host} port {server.port} is free")


def keys(settings: Settings) -> Check:
    """Whether keys can be stored, and how many there are."""
    from ocrgate.cli.keys import open_store, usable

    try:
        with usable(settings.auth.database):
            keys = open_store(settings).all()
    except CommandFailed as error:
        return Check("keys", State.FAILED, str(error), error.hint)
    active = sum(key.revoked is None for key in keys)
    return Check("keys", State.OK, f"{active} active in {settings.auth.database}")


def page(settings: Settings) -> Check:
    """Start the engine and read a page whose text is known. A vLLM is not started for that."""
    if settings.engine.kind == "vllm":
        return Check("a page", State.NOTE, "not read: that would start vLLM, which takes minutes")
    try:
        text, started, took = asyncio.run(_read_known_page(settings))
    except OcrgateError as error:
        return Check("a page", State.FAILED, error.detail)
    from ocrgate.engines.cpu.known_page import KNOWN_TEXT

    exact = settings.engine.kind == "cpu"  # a model that writes may add a word of its own
    read = text == KNOWN_TEXT if exact else bool(text.strip())
    state = State.OK if read else State.FAILED
    detail = f"read {text!r} in {took * 1000:.0f} ms, after {started:.1f} s to start the engine"
    return Check("a page", state, detail)


async def _read_known_page(settings: Settings) -> tuple[str, float, float]:
    from ocrgate.cli.reading.machine import started_machine
    from ocrgate.domain.document import Document
    from ocrgate.runtime.recognizer import DocumentRequest

    begun = time.perf_counter()
    async with started_machine(settings) as machine:
        started = time.perf_counter()
        result = await machine.recognizer.recognize(Document(data=_known_png()), DocumentRequest())
        done = time.perf_counter()
    return result.recognition.text, started - begun, done - started


def _known_png() -> bytes:
    from PIL import Image

    from ocrgate.engines.cpu.known_page import known_page

    raw = known_page()
    mode = "L" if raw.channels == 1 else "RGB"
    file = io.BytesIO()
    Image.frombytes(mode, (raw.width, raw.height), raw.data).save(file, "PNG")
    return file.getvalue()
