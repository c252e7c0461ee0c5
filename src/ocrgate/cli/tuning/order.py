"""What a search is to do, from the words of the command line."""

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocrgate.cli.benching import order as bench
from ocrgate.cli.exit import Exit
from ocrgate.cli.options import load_settings
from ocrgate.cli.report import CommandFailed
from ocrgate.cli.tuning import names
from ocrgate.cli.tuning.steer import Command, Still, Vllm
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.load.probe import detect
from ocrgate.load.quantities import duration
from ocrgate.load.slo import Slo, parse
from ocrgate.load.targets import Api, Asking
from ocrgate.load.tune.session import Steer
from ocrgate.load.tune.trial import Rules, Space
from ocrgate.load.workload import Callers

if TYPE_CHECKING:
    from ocrgate.settings import Settings

_ERRORS = 0.01  # share of pages that may fail, where nothing is said
_PROMISES = ("e2e", "ttft", "tpot", "error")
_SHORTEST = 1.0  # seconds of a trial
_SIDES = (2048, 1536, 1280, 1024, 768)


SETTINGS = Path("ocrgate.toml")
"""What ``--apply`` writes, unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The command line as it was written; the names are those of the options."""

    url: str | None = None
    files: list[str] | None = None
    profile: str | None = None
    what: str = "seqs"
    least: int = 4
    most: int = 256
    slo: str = "e2e=10s,error=1%"
    trial: str = "2m"
    trials: int | None = None
    restart_command: str | None = None
    restore_command: str | None = None
    now: str | None = None
    start_timeout: str = "10m"
    sides: str | None = None
    max_error_increase: str = "0"
    concurrency: int = 4
    mix: str = "ocr"
    pages: int = 64
    api: str | None = None
    key: list[str] | None = None
    model: str = ""
    prompt: str = ""
    max_tokens: int = 2048
    header: list[str] | None = None
    insecure: bool = False
    seed: int = 0
    state: Path | None = None
    fresh: bool = False
    fixed: bool = False
    apply: bool = False
    plot: Path | None = None
    config: Path | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """Everything that was asked for, checked.

    Attributes:
        given: the command line.
        slo: what was promised.
        rules: how the search decides.
        space: what is searched.
        seconds: of an ordinary trial.
        url: where the engine answers; None where it is started here, or is virtual.
        steer: what changes it.
        engine: the settings of a vLLM that is started here.
        asking, callers, api: as for ``ocrgate bench``.
        files: what is sent; drawn pages without any.
    """

    given: Given
    slo: Slo
    rules: Rules
    space: Space
    seconds: float
    steer: Steer | None
    url: str | None
    engine: VllmParams | None
    asking: Asking
    callers: Callers
    api: Api | None
    files: tuple[tuple[Path, Path], ...]

    def about(self) -> dict[str, Any]:
        """What trials hold for: a search goes on only with trials of the same."""
        given = self.given
        return {
            "target": given.profile or self.url or str(self.engine and self.engine.model),
            "command": given.restart_command,
            "slo": dict(self.slo.limits),
            "axes": [[axis.name, axis.values, axis.start] for axis in self.space.axes],
            "seconds": self.seconds,
            "pages": [given.mix, given.pages, given.seed, sorted(str(at) for at, _ in self.files)],
            "max_tokens": given.max_tokens,
        }


def checked(given: Given) -> Order:
    """What is asked for, with every mistake told before anything is started.

    Raises:
        OcrgateError: a value that is none.
        CommandFailed: options that do not go together.
        SettingsError: the settings file is wrong.
    """
    slo = parse(given.slo)
    _check_places(given)
    settings = None if given.profile else load_settings(given.config).settings
    url, engine = _target(given, settings)
    callers = bench.callers(given.key or (), None, None)
    steer = _steer(given, url, engine, callers.keys[0])
    largest = _largest(engine)
    restarts = not isinstance(steer, Still)
    bounds = names.Bounds(given.least, given.most, largest, restarts)
    if given.least > given.most:
        raise CommandFailed("--least is above --most")
    seconds = duration(given.trial, "--trial")
    if seconds < _SHORTEST:
        raise CommandFailed(f"--trial {given.trial}: a try takes a second at least")
    space = names.space(tuple(filter(None, given.what.split(","))), bounds)
    return Order(
        given,
        slo,
        _rules(given, slo, len(space.axes)),
        space,
        seconds,
        steer,
        url,
        engine,
        Asking(
            given.model,
            given.prompt,
            given.max_tokens,
            headers=bench.headers(given.header or ()),
        ),
        callers,
        bench.named_api(given.api),
        bench.files(given.files or ()),
    )


def _check_places(given: Given) -> None:
    """Whether what is found can be written, before an hour is spent on finding it."""
    wanted = [("--plot", given.plot)]
    if given.apply:
        wanted.append(("--apply", given.config or SETTINGS))
    for option, place in wanted:
        if place is None:
            continue
        folder = place.parent
        if not folder.is_dir():
            raise CommandFailed(f"{option} {place}: there is no folder {folder}")
        if place.is_dir():
            raise CommandFailed(f"{option} {place}: that is a folder")
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            message = f"{option} {place}: {folder} cannot be written ({error.strerror})"
            raise CommandFailed(message, Exit.ENVIRONMENT) from error


def _target(given: Given, settings: "Settings | None") -> tuple[str | None, VllmParams | None]:
    """Where the engine answers, or the one to start: the URL, else what the settings name."""
    if settings is None:
        if given.url or given.restart_command:
            raise CommandFailed("--profile is an engine of its own: no URL, no command beside it")
        return None, None
    if given.url is not None:
        return given.url, None
    if isinstance(settings.engine, VllmParams):
        return None, settings.engine
    if isinstance(settings.engine, OpenAIParams):
        return settings.engine.url[0], None
    raise CommandFailed(
        "what is to be tuned?",
        hint="a URL, --profile NAME, or an engine of kind vllm or openai in the settings",
    )


def _steer(given: Given, url: str | None, engine: VllmParams | None, key: str) -> Steer | None:
    """What changes the engine. It asks for it as trials do: with their key and contract."""
    if engine is not None:
        return Vllm(engine)
    if url is None:
        return None
    patience = duration(given.start_timeout, "--start-timeout")
    api, verify = bench.named_api(given.api), not given.insecure
    ask = partial(detect, url, Asking(), api=api, key=key, verify=verify)
    if given.restart_command is None:
        return Still(url, patience=patience, ask=ask)
    return Command(
        given.restart_command,
        url,
        back=given.restore_command,
        before=names.parse(given.now, "--now") if given.now else None,
        patience=patience,
        ask=ask,
    )


def _largest(engine: VllmParams | None) -> int:
    """Tokens of the largest page of an engine that is started here."""
    if engine is None:
        return 0
    from ocrgate.engines.launch.served import recipe_of, served

    model = served(recipe_of(engine), engine)
    return model.page_tokens(model.pixels)


def _rules(given: Given, slo: Slo, axes: int) -> Rules:
    late = 1.0
    for name in slo.limits:  # e2e.p95=10s asks for 95 % in time; e2e=10s only does not count them
        what, _, share = name.partition(".p")
        if what not in _PROMISES:
            raise CommandFailed(
                f"--slo {name}: a search goes by {', '.join(_PROMISES)}",
                hint="wrong answers never count as served; `ocrgate bench` holds the rest",
            )
        if slo.limits[name] <= 0 and what != "error":
            raise CommandFailed(f"--slo {name}=0: nothing is read in no time")
        if share:
            late = min(late, 1 - float(share) / 100)
    rules = Rules(failures=slo.limits.get("error", _ERRORS), late=late, seed=given.seed)
    return rules if given.trials is None else replace(rules, trials=(given.trials,) * axes)


def sides(given: Given) -> tuple[int, ...]:
    """The sides to try, the largest first.

    Raises:
        CommandFailed: one is no number of pixels.
    """
    if given.sides is None:
        return _SIDES
    try:
        found = sorted({int(part) for part in given.sides.split(",")}, reverse=True)
    except ValueError:
        found = []
    if len(found) < 2 or not 64 <= found[-1] <= found[0] <= 16_384:
        raise CommandFailed(f"--sides {given.sides!r}: two or more, as in 2048,1536,1024")
    return tuple(found)
