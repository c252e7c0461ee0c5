"""What is sent, in four contracts."""

import base64
import json

from ocrgate.load.link import parse_url
from ocrgate.load.targets import Api, Asking, Endpoint
from ocrgate.load.workload import Document

DOCUMENT = Document("p", "page", "image/png", b"\x89PNG\r\n")
URI = "data:image/png;base64," + base64.b64encode(DOCUMENT.data).decode()


def endpoint(api: Api, asking: Asking | None = None) -> Endpoint:
    return Endpoint(parse_url("http://h:1/x?y=1"), api, asking or Asking(model="m"))


def sent(target: Endpoint) -> object:
    kind, body = target.body(DOCUMENT.work(1))
    assert kind == "application/json"
    return json.loads(body)


def test_a_chat_holds_the_picture_the_words_and_the_bounds() -> None:
    asking = Asking(model='m"x', prompt="Read\nit", max_tokens=99)
    assert sent(endpoint(Api.OPENAI, asking)) == {
        "model": 'm"x',
        "temperature": 0,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": URI}},
                    {"type": "text", "text": "Read\nit"},
                ],
            }
        ],
        "max_tokens": 99,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_chat_in_one_piece_and_without_bounds() -> None:
    body = sent(endpoint(Api.OPENAI, Asking(model="m", max_tokens=0, stream=False)))
    assert isinstance(body, dict)
    assert not {"stream", "stream_options", "max_tokens"} & body.keys()


def test_mistral_s_document() -> None:
    assert sent(endpoint(Api.MISTRAL)) == {
        "model": "m",
        "document": {"type": "image_url", "image_url": URI},
    }
    letter = Document("d", "pdf", "application/pdf", b"%PDF-")
    _, body = endpoint(Api.MISTRAL).body(letter.work(1))
    assert json.loads(body)["document"]["type"] == "document_url"


def test_a_file_as_it_is_or_in_a_form() -> None:
    assert endpoint(Api.OCR).body(DOCUMENT.work(1)) == ("image/png", DOCUMENT.data)
    assert endpoint(Api.RAW).body(DOCUMENT.work(1)) == ("image/png", DOCUMENT.data)
    kind, body = endpoint(Api.RAW, Asking(form="upload")).body(DOCUMENT.work(1))
    mark = kind.partition("boundary=")[2].encode()
    assert body.startswith(b"--" + mark + b"\r\n")
    assert body.endswith(b"\r\n--" + mark + b"--\r\n")
    assert b'name="upload"; filename="page"\r\nContent-Type: image/png\r\n\r\n' in body


def test_the_head_names_route_host_length_key_and_more() -> None:
    asking = Asking(headers={"X-Mine": "1"})
    head = endpoint(Api.RAW, asking).head("image/png", 6, "secret", {"X-Priority": "batch"})
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /x?y=1 HTTP/1.1"
    assert {
        "Host: h:1",
        "Content-Length: 6",
        "Content-Type: image/png",
        "Authorization: Bearer secret",
        "X-Mine: 1",
        "X-Priority: batch",
    } <= set(lines)
    assert head.endswith(b"\r\n\r\n")
    assert b"Authorization" not in endpoint(Api.RAW).head("a/b", 0, "", {})


def test_other_pages_of_a_server_are_beside_its_route() -> None:
    """Metrics behind a prefix are looked for behind it too."""
    path = "http://h:1/models/ocr/v1/chat/completions?x=1"
    assert Endpoint(parse_url(path), Api.OPENAI).base == "http://h:1/models/ocr"
    assert Endpoint(parse_url("http://h:1/ocr"), Api.OCR).base == "http://h:1"
