"""What a load test is to do, from the words of the command line."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ocrgate.cli.reading.inputs import STDIN, expand, is_plain
from ocrgate.cli.report import CommandFailed
from ocrgate.load.arrivals import Arrivals, Closed, Open, parse_ramp, read_trace
from ocrgate.load.link import parse_url
from ocrgate.load.quantities import duration, number, share
from ocrgate.load.runner import Span
from ocrgate.load.slo import Slo, parse
from ocrgate.load.targets import Api, Asking
from ocrgate.load.workload import Callers, parse_lanes
from ocrgate.simulate.workload import MIXES

_CONCURRENCY = 8  # where nothing is said
_SECONDS = 30.0
_WARMUP = 5.0  # seconds at most, where nothing is said
_WARMUP_SHARE = 0.1
_RAMP_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Order:
    """Everything that was asked for, checked.

    Attributes:
        url: of the target.
        asking: what is said beside the page.
        callers: in whose name.
        api: the contract; None to find out.
        verify: whether certificates have to be good.
        loads: what is held, one after the other.
        span: for how long each.
        slo: what was promised.
        files: what is sent, each with its place; drawn pages without any.
        mix: of drawn pages, ``pages`` of them.
        metrics: pages of metrics to read; None to look for them, empty for none.
        out: where the record goes.
        command: the command line, without secrets.
    """

    url: str
    asking: Asking
    callers: Callers
    api: Api | None
    verify: bool
    loads: tuple[Arrivals, ...]
    span: Span
    slo: Slo
    files: tuple[tuple[Path, Path], ...] = ()
    mix: str = "ocr"
    pages: int = 64
    metrics: tuple[str, ...] | None = None
    out: Path | None = None
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The command line as it was written; the names are those of the options."""

    url: str
    files: list[str] | None = None
    concurrency: str | None = None
    rate: str | None = None
    burstiness: float = 1.0
    ramp: str | None = None
    trace: Path | None = None
    duration: str | None = None
    requests: int | None = None
    warmup: str | None = None
    think: str = "0"
    timeout: str = "60s"
    retries: int = 0
    seed: int = 0
    mix: str = "ocr"
    pages: int = 64
    api: str | None = None
    key: list[str] | None = None
    key_shares: str | None = None
    lanes: str | None = None
    model: str = ""
    prompt: str = ""
    max_tokens: int = 2048
    no_stream: bool = False
    form: str = ""
    header: list[str] | None = None
    insecure: bool = False
    slo: str | None = None
    metrics: list[str] | None = None
    out: Path | None = None
    force: bool = False
    as_json: bool = False

    def span(self) -> Span:
        """For how long a load is held."""
        measured = duration(self.duration, "--duration") if self.duration else None
        if measured is None and self.requests is None:
            measured = _RAMP_SECONDS if self.ramp else _SECONDS
        if self.warmup is not None:
            warmup = duration(self.warmup, "--warmup")
        elif self.ramp or self.requests is not None or measured is None:
            warmup = 0.0  # a ramp warms up by itself, and a count of requests is exact
        else:
            warmup = min(_WARMUP, round(measured * _WARMUP_SHARE))
        return Span(
            seconds=measured,
            requests=self.requests,
            warmup=warmup,
            timeout=duration(self.timeout, "--timeout"),
            retries=self.retries,
            seed=self.seed,
        )

    def loads(self, span: Span) -> tuple[Arrivals, ...]:
        """The loads, one after the other; more than one where several figures were given.

        Raises:
            CommandFailed: two ways of sending exclude each other.
            InvalidRequest: a figure is none.
        """
        self._check()
        if self.trace is not None:
            rate = number(self.rate, "--rate") if self.rate else None
            return (read_trace(self.trace, rate),)
        if self.ramp is not None:
            return (parse_ramp(self.ramp, span.warmup + (span.seconds or _RAMP_SECONDS)),)
        if self.rate is not None:
            rates = _several(self.rate, "--rate")
            return tuple(Open(rate, self.burstiness) for rate in rates)
        users = _several(self.concurrency or str(_CONCURRENCY), "--concurrency")
        think = duration(self.think, "--think")
        return tuple(Closed(_whole(each), think) for each in users)

    def asking(self) -> Asking:
        """What is said beside the page."""
        return Asking(
            self.model,
            self.prompt,
            self.max_tokens,
            not self.no_stream,
            self.form,
            headers(self.header or ()),
        )

    def _check(self) -> None:
        open_ways = {
            "--rate": self.rate is not None and self.trace is None,
            "--ramp": self.ramp is not None,
            "--trace": self.trace is not None,
            "--concurrency": self.concurrency is not None,
        }
        ways = [name for name, given in open_ways.items() if given]
        if len(ways) > 1:
            raise CommandFailed(f"{' and '.join(ways)} exclude each other")
        if self.burstiness != 1 and (self.rate is None or self.trace is not None):
            raise CommandFailed("--burstiness goes with --rate")
        if self.think != "0" and ways not in ([], ["--concurrency"]):
            raise CommandFailed("--think goes with --concurrency")


def checked(given: Given, command: str = "") -> Order:
    """What is asked for, with every mistake told before anything is sent.

    Raises:
        OcrgateError: a value that is none.
        CommandFailed: options that do not go together.
        OSError: a trace cannot be read.
    """
    span = given.span()
    return Order(
        url=given.url,
        asking=given.asking(),
        callers=callers(given.key or (), given.key_shares, given.lanes),
        api=named_api(given.api),
        verify=not given.insecure,
        loads=given.loads(span),
        span=span,
        slo=parse(given.slo) if given.slo else Slo(),
        files=files(given.files or ()),
        mix=named_mix(given.mix),
        pages=given.pages,
        metrics=metric_pages(given.metrics),
        out=given.out,
        command=command,
    )


def callers(keys: Sequence[str], shares: str | None, lanes: str | None) -> Callers:
    """In whose name requests are sent.

    Raises:
        InvalidRequest: shares that are none, or a lane that there is not.
    """
    weights = tuple(share(each, "--key-shares") for each in _split(shares or ""))
    return Callers(tuple(keys) or ("",), weights, parse_lanes(lanes) if lanes else ())


def headers(lines: Sequence[str]) -> dict[str, str]:
    """``Name: value`` lines.

    Raises:
        CommandFailed: one has no colon.
    """
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise CommandFailed(f"--header {line!r}: written as 'Name: value'")
        found[name.strip()] = value.strip()
    return found


def named_api(name: str | None) -> Api | None:
    """The contract of that name; None to find out.

    Raises:
        CommandFailed: there is none.
    """
    if name in {None, "auto"}:
        return None
    try:
        return Api(str(name))
    except ValueError:
        raise CommandFailed(f"--api {name}: there are {', '.join(Api)}") from None


def named_mix(name: str) -> str:
    """The name of a mix that there is.

    Raises:
        CommandFailed: there is none.
    """
    if name not in MIXES:
        raise CommandFailed(f"--mix {name}: there are {', '.join(MIXES)}")
    return name


def files(names: Sequence[str]) -> tuple[tuple[Path, Path], ...]:
    """Files that names, folders and patterns stand for, each with its place.

    Raises:
        OcrgateError: one is not there or cannot be opened.
        CommandFailed: standard input or a pipe is named.
    """
    if STDIN in names:
        raise CommandFailed("a load needs files, not standard input")
    for name in names:
        if not is_plain(Path(name)) and not Path(name).is_dir():
            raise CommandFailed(f"{name}: a load needs files, not a pipe or a device")
    found = expand(names, stdin=io.BytesIO(), scratch=Path(), most=0)
    return tuple((source.path, source.place) for source in found)


def metric_pages(urls: Sequence[str] | None) -> tuple[str, ...] | None:
    """Pages of metrics; None to look for them.

    Raises:
        InvalidRequest: one is no URL.
    """
    if not urls:
        return None
    named = () if list(urls) == ["none"] else tuple(urls)
    for url in named:
        parse_url(url)
    return named


def with_prompt(asking: Asking, prompt: str) -> Asking:
    """The same with the words that a model is used to."""
    return replace(asking, prompt=prompt)


def _several(text: str, option: str) -> list[float]:
    found = [number(each, option) for each in _split(text)]
    if not found:
        raise CommandFailed(f"{option} is empty")
    return found


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _whole(value: float) -> int:
    if value != int(value) or value > 100_000:
        raise CommandFailed(f"--concurrency {value:g}: a whole number up to 100,000 is needed")
    return int(value)
