"""What the server says of itself beside its answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Persona:
    """The pages that every server of its kind has.

    Attributes:
        model: the id of the one model that it serves.
        owner: ``owned_by`` of that model, by which a client may know the server's kind.
        context: ``max_model_len`` of that model; None leaves it out.
        version: answered under ``/version``; None: there is no such page.
        metrics: text under ``/metrics``; None: there is no such page.
        tokens: ``count`` under ``/tokenize``; None: there is no such page.
        key: bearer token asked for below ``/v1``; None: no key is asked for.
        pages: further pages, or other answers to those above: status, content type and body by
            path.
    """

    model: str = "tencent/HunyuanOCR"
    owner: str = "vllm"
    context: int | None = 8192
    version: str | None = "0.32.0"
    metrics: str | None = None
    tokens: int | None = None
    key: str | None = None
    pages: Mapping[str, tuple[int, str, bytes]] | None = None

    def page(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body of a page; 404 where there is none."""
        if self.pages and path in self.pages:
            return self.pages[path]
        answers = {
            "/health": b"",
            "/v1/models": self._models(),
            "/version": self._json(self.version and {"version": self.version}),
            "/tokenize": self._json(self.tokens and {"count": self.tokens}),
            "/metrics": None if self.metrics is None else self.metrics.encode(),
        }
        body = answers.get(path)
        if body is None:
            return 404, "application/json", b'{"detail":"Not Found"}'
        return 200, "text/plain" if path == "/metrics" else "application/json", body

    def allows(self, path: str, authorization: str) -> bool:
        """Whether a request with that header may see the page."""
        return not self.key or not path.startswith("/v1") or authorization == f"Bearer {self.key}"

    def _models(self) -> bytes:
        card = {"id": self.model, "object": "model", "owned_by": self.owner}
        length = {} if self.context is None else {"max_model_len": self.context}
        return json.dumps({"object": "list", "data": [card | length]}).encode()

    def _json(self, value: object) -> bytes | None:
        return json.dumps(value).encode() if value else None
