"""``ocrgate simulate``: an OpenAI-compatible server that behaves like a vLLM on a given GPU."""

import asyncio
import json
import socket
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocrgate.cli.exit import Exit
from ocrgate.cli.options import JsonOption
from ocrgate.cli.report import CommandFailed, say, show

if TYPE_CHECKING:
    from ocrgate.simulate.changes import Change
    from ocrgate.simulate.profile import Profile

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_LEAST_KV = 64  # tokens

Slots = Annotated[int | None, typer.Option(min=1, help="Sequences in the batch at most.")]
KvTokens = Annotated[
    int | None, typer.Option(min=_LEAST_KV, help="Tokens that the KV cache holds.")
]
Batched = Annotated[int | None, typer.Option(min=1, help="Tokens of one step at most.")]
Queued = Annotated[
    int | None, typer.Option(min=0, help="Refuse (503) above so many requests; 0 for never.")
]


def simulate(
    *,
    profile: Annotated[str, typer.Option(help="Which engine; --list shows them.")] = "f-model",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    seed: Annotated[int, typer.Option(help="Of text lengths, memory and drift.")] = 0,
    max_num_seqs: Slots = None,
    kv_tokens: KvTokens = None,
    max_num_batched_tokens: Batched = None,
    max_num_queued_reqs: Queued = None,
    speed: Annotated[
        float, typer.Option(min=0.001, max=1000, help="Run so many times as fast as real.")
    ] = 1.0,
    script: Annotated[
        Path | None, typer.Option(help="JSON list of what happens to the engine, and when.")
    ] = None,
    model: Annotated[str, typer.Option(help="Name it serves.")] = "tencent/HunyuanOCR",
    shutdown_timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to finish after SIGTERM; 0 aborts.")
    ] = 0.0,
    restart: Annotated[
        bool, typer.Option("--restart", help="Come back after the engine died.")
    ] = False,
    list_profiles: Annotated[
        bool, typer.Option("--list", help="Show the profiles and end.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Serve like a vLLM on a GPU that is not here: same routes, errors, metrics and queueing.

    The text is made up, always the same for the same picture. Try it with
    `ocrgate serve --url http://127.0.0.1:8000`.
    """
    from ocrgate.simulate.profiles import PROFILES
    from ocrgate.simulate.profiles import profile as named

    if list_profiles:
        _list(list(PROFILES.values()), as_json=as_json)
        return
    chosen = _with(
        named(profile),
        max_num_seqs=max_num_seqs,
        kv_tokens=kv_tokens,
        max_num_batched_tokens=max_num_batched_tokens,
        max_num_queued_reqs=max_num_queued_reqs,
    )
    _serve(
        chosen,
        (host, port),
        as_json=as_json,
        seed=seed,
        speed=speed,
        changes=_changes(script),
        model=model,
        shutdown_timeout=shutdown_timeout,
        restarts=restart,
    )


def _serve(profile: "Profile", place: tuple[str, int], *, as_json: bool, **options: object) -> None:
    from ocrgate.cli.listening import listen, url_of
    from ocrgate.simulate.server.app import Options
    from ocrgate.simulate.server.run import serve

    first = listen(*place)
    if place[0] not in _LOOPBACK:
        say("WARNING: anybody who reaches this address may use the simulated server.")
    bound = first.getsockname()[:2]
    url = url_of(first)
    waiting = [first]

    def bind() -> socket.socket:
        return waiting.pop() if waiting else listen(*bound)

    def ready() -> None:
        if as_json:
            show(json.dumps({"url": url, "profile": asdict(profile)}))
            sys.stdout.flush()  # whoever started us waits for it
        say(f"{profile.name}: {profile.about}")
        say(f"Serving {options['model']} on {url}; metrics at {url}/metrics. Ctrl-C ends it.")

    ended = asyncio.run(serve(profile, Options(**options), bind, ready))  # type: ignore[arg-type]
    if not ended:
        message = "the simulated engine died: CUDA out of memory, or killed by the script"
        raise CommandFailed(message, Exit.ENGINE, "--restart lets it come back by itself")


def _with(profile: "Profile", **figures: int | None) -> "Profile":
    given = {name: value for name, value in figures.items() if value is not None}
    if "kv_tokens" in given:  # as the real one: the context must fit into the cache
        given["max_model_len"] = min(profile.max_model_len, given["kv_tokens"])
    return replace(profile, **given)  # type: ignore[arg-type]


def _changes(script: Path | None) -> "tuple[Change, ...]":
    from ocrgate.simulate.changes import parse_script

    if script is None:
        return ()
    try:
        return parse_script(script.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no text"
        raise CommandFailed(f"{script}: {reason}", Exit.INPUT) from error


def _list(profiles: "list[Profile]", *, as_json: bool) -> None:
    if as_json:
        show(json.dumps([asdict(profile) for profile in profiles], indent=2))
        return
    rows = [("NAME", "SLOTS", "KV TOKENS", "BATCHED", "WHAT IT IS")]
    rows += [
        (
            each.name,
            f"{each.max_num_seqs}",
            f"{each.kv_tokens:,}",
            f"{each.max_num_batched_tokens:,}",
            each.about,
        )
        for each in profiles
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            f"{cell:>{width}}" if 0 < place < 4 else f"{cell:<{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        show("  ".join(cells).rstrip())
