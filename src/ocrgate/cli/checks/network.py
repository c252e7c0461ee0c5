"""Checks of the proxies that the environment names: who goes through them, and who does not."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from ocrgate.cli.checks.check import Check, State
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.secrets import HIDDEN
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.settings import Settings

_SCHEMES = ("http", "https", "all")


def proxies(settings: Settings, environ: Mapping[str, str]) -> Iterator[Check]:
    """What ``HTTP_PROXY`` and its kin mean here; nothing where none is set."""
    found = named(environ)
    if not found:
        return
    shown = ", ".join(f"{name}={_without_login(url)}" for name, url in found.values())
    yield Check("proxy", State.OK, f"{shown}; {_use_of(settings)}")
    yield from _misspelt(settings, found)
    yield from _downloads(settings, found)
    yield from _traces(settings, found, environ)


def named(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Scheme to variable and proxy, as most programs read them: small letters first."""
    found = {}
    for scheme in _SCHEMES:
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            if environ.get(name) and scheme not in found:
                found[scheme] = (name, environ[name])
    return found


def _use_of(settings: Settings) -> str:
    engine: object = settings.engine
    if isinstance(engine, OpenAIParams):
        return "not used for engines: their URLs are reached directly"
    if isinstance(engine, VllmParams):
        return "vLLM downloads its model through it; ocrgate reaches vLLM directly"
    return "not used: the embedded engine downloads nothing"


def _misspelt(settings: Settings, found: Mapping[str, tuple[str, str]]) -> Iterator[Check]:
    """A proxy without ``http://`` is understood by some programs and ends others."""
    lacking = State.FAILED if isinstance(settings.engine, VllmParams) else State.NOTE
    for name, url in found.values():
        if "://" not in url:
            hint = f"write {name}=http://{_without_login(url)}"
            yield Check("proxy", lacking, f"{name} names no scheme; a download would fail", hint)


def _downloads(settings: Settings, found: Mapping[str, tuple[str, str]]) -> Iterator[Check]:
    if isinstance(settings.engine, VllmParams) and not {"https", "all"} & set(found):
        hint = "set HTTPS_PROXY too, if this machine reaches the hub only through a proxy"
        yield Check("proxy", State.NOTE, "models are downloaded over https, without it", hint)


def _traces(
    settings: Settings, found: Mapping[str, tuple[str, str]], environ: Mapping[str, str]
) -> Iterator[Check]:
    """The exporter of traces follows the environment, as others of its kind do."""
    parts = urlsplit(settings.telemetry.otlp_endpoint or "")
    host = parts.hostname
    if not host or not {parts.scheme, "all"} & set(found):
        return
    spared = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if not _is_spared(host, spared):
        hint = f"add {host} to NO_PROXY, if the collector stands inside"
        yield Check("proxy", State.NOTE, f"traces to {host} are sent through the proxy", hint)


def _is_spared(host: str, spared: str) -> bool:
    """Whether ``NO_PROXY`` names the host, or a domain that it is in."""
    names = [name.strip().lstrip(".").lower() for name in spared.split(",")]
    return any(name in {"*", host} or host.endswith(f".{name}") for name in names if name)


def _without_login(url: str) -> str:
    scheme, given, rest = url.rpartition("://")
    _, login, place = rest.rpartition("@")
    return f"{scheme}{given}{HIDDEN if login else ''}{login}{place}"
