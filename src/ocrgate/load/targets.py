"""Whom to ask, and how: four contracts, each with its request and its answer."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
import pybase64

from ocrgate.errors import InvalidRequest
from ocrgate.load import answers
from ocrgate.load.link import Address
from ocrgate.load.workload import Work

PROMPT = "Extract all text of the image in reading order; answer with the text alone, no remarks."


class Api(StrEnum):
    """The contracts that are spoken."""

    OCR = "ocr"  # POST /ocr with the file as the body
    OPENAI = "openai"  # POST /v1/chat/completions with the image as a data URI
    MISTRAL = "mistral"  # POST /v1/ocr with the file as a data URI
    RAW = "raw"  # POST wherever the URL points, with the file as the body or in a form


PATHS: Mapping[Api, str] = {
    Api.OCR: "/ocr",
    Api.OPENAI: "/v1/chat/completions",
    Api.MISTRAL: "/v1/ocr",
    Api.RAW: "",
}


@dataclass(frozen=True, slots=True)
class Asking:
    """What is said beside the page.

    Attributes:
        model: name of the model (OpenAI, Mistral).
        prompt: words for the model (OpenAI).
        max_tokens: most tokens of an answer (OpenAI); 0 leaves it to the server.
        stream: whether text is asked for as it is written (OpenAI), which shows the first token.
        form: name of the form's field that holds the file (raw); empty for the bare bytes.
        headers: more headers, by name.
    """

    model: str = ""
    prompt: str = PROMPT
    max_tokens: int = 2048
    stream: bool = True
    form: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            if not name or any(mark in name + value for mark in "\r\n\0") or ":" in name:
                raise InvalidRequest(f"{name!r} is no header", field="--header")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and the contract spoken with it.

    Attributes:
        address: where it is; the path is where to post to.
        api: the contract.
        asking: what is said beside the page.
        kind: which server it seems to be, for the record: ``ocrgate``, ``vllm``, ``openai``…
        version: of that server, where it says so.
        verify: whether the certificate of a secure server has to be good.
    """

    address: Address
    api: Api
    asking: Asking = field(default_factory=Asking)
    kind: str = ""
    version: str = ""
    verify: bool = True

    @property
    def base(self) -> str:
        """The URL under which all routes of the server are, without the one to post to."""
        path = self.address.path.partition("?")[0]
        return self.address.url + path.removesuffix(PATHS[self.api])

    @property
    def whole_documents(self) -> bool:
        """Whether it takes a PDF as it is; else each page is sent as a picture."""
        return self.api is not Api.OPENAI

    def body(self, work: Work) -> tuple[str, bytes]:
        """The content type and the body with one piece of work."""
        if self.api is Api.OPENAI:
            return "application/json", self._chat(work)
        if self.api is Api.MISTRAL:
            return "application/json", self._mistral(work)
        if self.api is Api.RAW and self.asking.form:
            return _form(self.asking.form, work)
        return work.media, work.data

    def head(self, content_type: str, length: int, key: str, more: Mapping[str, str]) -> bytes:
        """The head of a request for one piece of work, blank line included."""
        lines = [
            f"POST {self.address.path or '/'} HTTP/1.1",
            f"Host: {self.address.authority}",
            "User-Agent: ocrgate-bench",
            "Accept: */*",
            f"Content-Type: {content_type}",
            f"Content-Length: {length}",
            *(f"{name}: {value}" for name, value in {**self.asking.headers, **more}.items()),
        ]
        if key:
            lines.append(f"Authorization: Bearer {key}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    @property
    def streams(self) -> bool:
        """Whether the answer comes piece by piece."""
        return self.api is Api.OPENAI and self.asking.stream

    @property
    def read(self) -> Callable[[bytes], answers.Answer]:
        """What turns the body of a good answer into one."""
        return _READERS[self.api]

    def _chat(self, work: Work) -> bytes:
        asking = self.asking
        ends = b'"}},{"type":"text","text":%s}]}]' % msgspec.json.encode(asking.prompt)
        if asking.max_tokens:
            ends += b',"max_tokens":%d' % asking.max_tokens
        if asking.stream:
            ends += b',"stream":true,"stream_options":{"include_usage":true}'
        start = b'{"model":%s,"temperature":0,"messages":[{"role":"user","content":[' % (
            msgspec.json.encode(asking.model)
        )
        image = b'{"type":"image_url","image_url":{"url":"data:%s;base64,' % work.media.encode()
        return b"".join((start, image, pybase64.b64encode(work.data), ends, b"}"))

    def _mistral(self, work: Work) -> bytes:
        kind = b"document_url" if work.media == "application/pdf" else b"image_url"
        start = b'{"model":%s,"document":{"type":"%s","%s":"data:%s;base64,' % (
            msgspec.json.encode(self.asking.model or "mistral-ocr-latest"),
            kind,
            kind,
            work.media.encode(),
        )
        return b"".join((start, pybase64.b64encode(work.data), b'"}}'))


_READERS: Mapping[Api, Callable[[bytes], answers.Answer]] = {
    Api.OCR: answers.read_ocr,
    Api.OPENAI: answers.read_chat,
    Api.MISTRAL: answers.read_mistral,
    Api.RAW: answers.read_raw,
}


def _form(name: str, work: Work) -> tuple[str, bytes]:
    mark = secrets.token_hex(12)
    head = (
        f"--{mark}\r\nContent-Disposition: form-data; "
        f'name="{name}"; filename="page"\r\nContent-Type: {work.media}\r\n\r\n'
    )
    body = b"".join((head.encode(), work.data, f"\r\n--{mark}--\r\n".encode()))
    return f"multipart/form-data; boundary={mark}", body
