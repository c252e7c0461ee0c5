"""The OpenAPI document as one HTML page without scripts, pictures or anything from elsewhere."""

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from typing import Any

from ocrgate.errors import leaves
from ocrgate.gateway.problem import STATUS
from ocrgate.gateway.reference import body_of, operations, rows_of, type_of

Json = dict[str, Any]

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{background:#8882;padding:1rem;overflow:auto;border-radius:.4rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}
td,th{border-bottom:1px solid #8884;padding:.3rem .5rem;text-align:left;vertical-align:top}
td code,td a{overflow-wrap:anywhere}td:first-child{min-width:7.5rem}
@media(max-width:32rem){table{display:block;overflow-x:auto}}
h2{margin-top:2.5rem}nav ul{columns:18rem;padding-left:1.2rem}:target{background:#fd03}
:root{color-scheme:light dark}
"""

_EXAMPLE = """curl -F file=@page.png {base}/ocr
curl --data-binary @page.pdf "{base}/ocr?format=markdown&pages=1-3"
"""


@cache
def _errors() -> str:
    rows = (
        (
            f'<code id="{kind.code}">{kind.code}</code>',
            str(STATUS[kind]),
            "yes" if kind.retryable else "no",
            escape((kind.__doc__ or "").split("\n")[0]),
        )
        for kind in leaves()
    )
    return _table(("code", "status", "worth a retry", "meaning"), rows)


def html(spec: Json, base: str = "http://127.0.0.1:7860") -> str:
    """The page; ``base`` is the address under which the reader found it."""
    info = spec["info"]
    title = escape(f"{info['title']} {info['version']}")
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>",
        f"<p>{_prose(info['description'])}</p><pre>{escape(_EXAMPLE.format(base=base))}</pre>",
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>',
        _contents(spec),
        *(_operation(*found) for found in operations(spec)),
        '<h2 id="errors">Errors</h2>',
        _errors(),
        '<h2 id="types">Types</h2>',
        *(_type(name, schema) for name, schema in spec["components"]["schemas"].items()),
        "</html>",
    ]
    return "\n".join(parts)


def _contents(spec: Json) -> str:
    routes = [
        (operation["operationId"], f"<code>{method} {escape(path)}</code>")
        for method, path, operation in operations(spec)
    ]
    places = [*routes, ("errors", "Errors"), ("types", "Types")]
    items = "".join(f'<li><a href="#{place}">{words}</a></li>' for place, words in places)
    return f'<nav aria-label="On this page"><ul>{items}</ul></nav>'


def _prose(text: str) -> str:
    """A sentence of the specification, which marks code by backticks, as HTML."""
    return re.sub(r"(`{1,2})([^`]+)\1", r"<code>\2</code>", escape(text))


def _operation(method: str, path: str, operation: Json) -> str:
    parameters = (
        (f"<code>{escape(item['name'])}</code>", item["in"], _prose(item.get("description", "")))
        for item in operation.get("parameters", ())
    )
    bodies = (
        (f"<code>{escape(media)}</code>", _body(content["schema"]))
        for media, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    answers = (
        (status, _prose(answer["description"]), _media(answer))
        for status, answer in operation["responses"].items()
    )
    return "".join(
        [
            f'<h2 id="{operation["operationId"]}"><code>{method} {escape(path)}</code></h2>',
            f"<p>{escape(operation['summary'])}. {_prose(operation.get('description', ''))}</p>",
            _table(("parameter", "in", "meaning"), parameters),
            _table(("body", "is"), bodies),
            _table(("status", "meaning", "content"), answers),
        ]
    )


def _body(schema: Json) -> str:
    return _link(type_of(schema)) if "$ref" in schema else _prose(body_of(schema))


def _media(answer: Json) -> str:
    kinds = answer.get("content", {}).items()
    return "<br>".join(
        f"<code>{escape(media)}</code> {_link(type_of(content['schema']))}"
        for media, content in kinds
    )


def _type(name: str, schema: Json) -> str:
    rows = (
        (f"<code>{escape(member)}</code>", _link(kind), _prose(words))
        for member, kind, words in rows_of(schema)
    )
    values = ", ".join(map(str, schema.get("enum", ())))
    return "".join(
        [
            f'<h3 id="{name}">{name}</h3>',
            f"<p>{_prose(schema.get('description', ''))} {escape(values)}</p>",
            _table(("member", "type", "meaning"), rows),
        ]
    )


def _link(kind: str) -> str:
    words = (f'<a href="#{w}">{w}</a>' if w[:1].isupper() else escape(w) for w in kind.split(" "))
    return " ".join(words)


def _table(head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    titles = "".join(f'<th scope="col">{name}</th>' for name in head)
    return f"<table><tr>{titles}</tr>{body}</table>" if body else ""
