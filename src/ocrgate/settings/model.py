"""What can be set. Sections are plain frozen values; bounds stand in :mod:`.catalog`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Discriminator

from ocrgate.control.admission import AdmissionParams
from ocrgate.control.degrade import DegradeParams
from ocrgate.control.limit.choice import AutoLaw, EngineLaw, FixedLaw, LatencyLaw
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.imaging.limits import ImageLimits

EngineParams = Annotated[CpuParams | OpenAIParams | VllmParams, Discriminator("kind")]
"""The engines that can be chosen, told apart by ``kind``."""


LimitLaw = Annotated[AutoLaw | EngineLaw | LatencyLaw | FixedLaw, Discriminator("kind")]
"""The laws by which the number of pages at an engine is found, told apart by ``kind``."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where and how HTTP is served.

    Attributes:
        host: address to listen on. One that others can reach asks for an API key or `insecure`.
        port: TCP port to listen on; 0 takes a free one.
        hosts: names under which this machine's browsers may ask a server without keys, beside
            addresses and names that nobody else can have (`localhost`, without a dot, `.local`,
            `.internal`). For a proxy on this machine that passes on its own name.
        insecure: serve on a public address although no API key exists.
        max_body_bytes: largest request body, in bytes. Base64 makes a file a third larger.
        timeout: seconds a request may take when the caller names no `X-Request-Timeout`.
        max_timeout: most seconds that a caller may ask for with `X-Request-Timeout`.
        body_timeout: seconds a client may go silent while it sends a body.
        keep_alive: seconds an idle connection is kept open.
        connections: connections that may be open at the same time; without it 10,000, or as many
            as this process may have file descriptors for. When it is reached the longest idle one
            gives way, and where all are at work, requests are refused.
        drain: seconds that work in flight is given to finish after SIGTERM.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    hosts: tuple[str, ...] = ()
    insecure: bool = False
    max_body_bytes: int = 96 * 2**20
    timeout: float = 60.0
    max_timeout: float = 600.0
    body_timeout: float = 30.0
    keep_alive: int = 75
    connections: int | None = None
    drain: float = 30.0

    def __post_init__(self) -> None:
        if self.timeout > self.max_timeout:
            raise ValueError("server.timeout must not be longer than server.max_timeout")


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Who may use the server.

    Attributes:
        database: SQLite file with the API keys, readable by its owner only. Without this setting
            it lies in `$XDG_STATE_HOME/ocrgate`, where that variable is set.
        required: ask for a key even while none exists. As soon as one exists it is asked for.
        cache_seconds: how long a key that was checked is trusted, so how long after its
            revocation a key may still work.
    """

    database: Path = Path("~/.local/state/ocrgate/keys.sqlite")
    required: bool = False
    cache_seconds: float = 5.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "database", self.database.expanduser())


@dataclass(frozen=True, slots=True)
class GateSettings(AdmissionParams):
    """Who waits, how long, who is refused, and how many pages the engine is given.

    Attributes:
        limit: how the number of pages at an engine is found, unless `engine.slots` is set.
        degrade: what pages get less of under pressure.
    """

    limit: LimitLaw = field(default_factory=AutoLaw)
    degrade: DegradeParams = field(default_factory=DegradeParams)


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """What the server says about itself.

    Attributes:
        log_format: `console` for people, `json` for machines, `auto` for whichever standard
            error is.
        log_level: least important events that are logged.
        otlp_endpoint: base URL of an OpenTelemetry collector (`http://host:4318`); traces are
            sent only when it is set. `OTEL_EXPORTER_OTLP_ENDPOINT` is read too.
    """

    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str | None = None

    def __post_init__(self) -> None:
        if self.otlp_endpoint and not self.otlp_endpoint.startswith(("http://", "https://")):
            raise ValueError("telemetry.otlp_endpoint must begin with http:// or https://")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, fixed once it was read.

    Attributes:
        server: where and how HTTP is served.
        auth: who may use the server.
        engine: what reads the pages.
        gate: who waits, how long, and who is refused.
        image: what a document may cost before it is refused.
        telemetry: what the server says about itself.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    server: ServerSettings = field(default_factory=ServerSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    engine: EngineParams = field(default_factory=CpuParams)
    gate: GateSettings = field(default_factory=GateSettings)
    image: ImageLimits = field(default_factory=ImageLimits)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
