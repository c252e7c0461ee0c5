"""Parameters of the engine that talks to OpenAI-compatible servers. Light: no HTTP client here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}

FIRST_SLOTS = 8
"""Pages at the same time of a server of which nothing is known yet."""

ServerKind = Literal["vllm", "sglang", "llamacpp", "transformers", "trtllm", "openai"]
"""The servers whose abilities are known, see :mod:`.servers`."""


@dataclass(frozen=True, slots=True)
class OpenAIParams:
    """Attach to running servers that speak OpenAI's chat completions, such as vLLM.

    Attributes:
        kind: selects this engine.
        url: base URLs of the servers, with or without `/v1`; each is one replica, and none may be
            named twice.
        model: name of the served model to ask for; without it, the first that the server names.
        recipe: how to prompt the model and read its answers; without it, chosen by the model's
            name.
        server: what kind of server it is; `auto` asks it.
        api_key: key that the servers ask for, sent as a bearer token.
        slots: pages at the same time per replica; without it, a limit law finds the number while it
            runs (`gate.limit`).
        most: pages at the same time that the servers were started for (vLLM: `--max-num-seqs`),
            which the limit law will not exceed.
        max_side: longest side in pixels of a page as it is sent.
        lossless: send pages as PNG or WebP instead of JPEG.
        stall: seconds without a token, after the first, until the server is given up for this page.
        first_token: seconds until the first token; the server's own queue and the page's encoding
            fall into them.
        connect: seconds to open a connection.
        custom_prompts: let callers give prompts of their own.
        max_tokens: most tokens that a page may have written, whatever recipe and caller ask for.
        encoder_tokens: most image tokens that the server's encoder takes for one page (vLLM: the
            greater of `--max-num-batched-tokens` and its largest image); larger pages are shrunk.
    """

    kind: Literal["openai"] = "openai"
    url: tuple[str, ...] = ("http://127.0.0.1:8000",)
    model: str | None = None
    recipe: str | None = None
    server: Literal["auto"] | ServerKind = "auto"
    api_key: str | None = field(default=None, repr=False)
    slots: int | None = None
    most: int | None = None
    max_side: int = 1024
    lossless: bool = False
    stall: float = 30.0
    first_token: float = 45.0
    connect: float = 5.0
    custom_prompts: bool = False
    max_tokens: int | None = None
    encoder_tokens: int | None = None

    def __post_init__(self) -> None:
        if not self.url:
            raise ValueError("engine.url names no server")
        bases = [base_url(one) for one in self.url]
        _refuse_twins(bases)
        if self.api_key is None:
            return
        if not self.api_key.isprintable():
            raise ValueError("engine.api_key must be one line of printable text")
        if any("@" in urlsplit(base).netloc for base in bases):
            raise ValueError("engine.url names a user, and engine.api_key is set: give one of them")


def base_url(url: str) -> str:
    """A server's base URL without trailing slash and without `/v1`.

    Raises:
        ValueError: it is not an http or https URL with a host, it carries a query, or its port
            is none.
    """
    told = _doubtful(url)
    try:
        parts = urlsplit(url.strip())
        port_fits = parts.port != 0
    except ValueError:  # its own words may hold a part of a password
        raise ValueError(f"engine.url: {told} has no host and port that can be read") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"engine.url: {told} must begin with http:// or https://")
    if parts.query or parts.fragment:
        raise ValueError(f"engine.url: {told} must not have a query")
    if not port_fits:
        raise ValueError(f"engine.url: {told} must have a port from 1 to 65535")
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _refuse_twins(bases: Sequence[str]) -> None:
    """One server as two replicas would be given twice what it can take, and fail as two."""
    seen = dict[tuple[str, str | None, int | None, str], str]()
    for base in bases:
        parts = urlsplit(base)
        port = parts.port or _PORTS[parts.scheme]
        place = (parts.scheme, parts.hostname, port, parts.path)
        if place in seen:
            raise ValueError(f"engine.url names one server twice: {shown(seen[place])}")
        seen[place] = base


def shown(url: str) -> str:
    """The URL as it may be shown: without user name and password."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def _doubtful(url: str) -> str:
    """Something that is no good URL, quoted; whatever may be a password in it is left out."""
    _, at, rest = url.rpartition("@")
    return repr(f"***@{rest}" if at else url)
