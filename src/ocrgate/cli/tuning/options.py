"""The options of ``ocrgate tune``."""

from pathlib import Path
from typing import Annotated

import typer

_SEARCH, _ENGINE, _RESULT = "What is searched", "The engine", "What comes of it"

Url = Annotated[
    str | None, typer.Argument(metavar="URL", help="Server; else that of the settings.")
]
Profile = Annotated[
    str | None,
    typer.Option(
        help="Search on a simulated engine instead, in seconds: see `ocrgate simulate --list`.",
        rich_help_panel=_ENGINE,
    ),
]
What = Annotated[
    str,
    typer.Option(
        help="seqs (pages at once), batched (tokens of a step), memory (share of the GPU's), "
        "several with commas; or side (how small pages may be sent).",
        rich_help_panel=_SEARCH,
    ),
]
Least = Annotated[
    int, typer.Option(min=1, help="Pages at once to begin with.", rich_help_panel=_SEARCH)
]
Most = Annotated[int, typer.Option(min=1, help="Pages at once at most.", rich_help_panel=_SEARCH)]
Slo = Annotated[
    str,
    typer.Option(
        help="What counts: e2e=10s (later pages do not), e2e.p95=10s (95 % must be in time), "
        "error=1% (no more may fail).",
        rich_help_panel=_SEARCH,
    ),
]
Trial = Annotated[str, typer.Option(help="How long one try is.", rich_help_panel=_SEARCH)]
Trials = Annotated[
    int | None,
    typer.Option(
        min=1, help="Most tries; 12, 20 or 30 by what is searched.", rich_help_panel=_SEARCH
    ),
]
RestartCommand = Annotated[
    str | None,
    typer.Option(
        help="Starts the engine anew with {flags}, {max_num_seqs}, ...; the server itself or "
        "something that starts it.",
        rich_help_panel=_ENGINE,
    ),
]
RestoreCommand = Annotated[
    str | None,
    typer.Option(help="Brings back what ran before.", rich_help_panel=_ENGINE),
]
Now = Annotated[
    str | None,
    typer.Option(
        help="What it runs with now, to be brought back: max-num-seqs=16.",
        rich_help_panel=_ENGINE,
    ),
]
StartTimeout = Annotated[
    str, typer.Option(help="For one start of the engine.", rich_help_panel=_ENGINE)
]
Sides = Annotated[
    str | None,
    typer.Option(help="With --what side: pixels, as in 2048,1024.", rich_help_panel=_SEARCH),
]
MaxErrorIncrease = Annotated[
    str,
    typer.Option(
        help="With --what side: wrong characters that may be more, as in 0.5%.",
        rich_help_panel=_SEARCH,
    ),
]
Concurrency = Annotated[
    int, typer.Option("-c", "--concurrency", min=1, help="With --what side: pages at once.")
]
State = Annotated[
    Path | None,
    typer.Option(
        help="Where tries are kept, to go on after an interruption (ocrgate-tune.json).",
        rich_help_panel=_RESULT,
    ),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Forget earlier tries.", rich_help_panel=_RESULT)
]
Fixed = Annotated[
    bool,
    typer.Option(
        "--fixed",
        help="Give the gate a fixed limit, also where its own law could find it.",
        rich_help_panel=_RESULT,
    ),
]
Apply = Annotated[
    bool,
    typer.Option(
        "--apply", help="Write what was found into the settings file.", rich_help_panel=_RESULT
    ),
]
Plot = Annotated[Path | None, typer.Option(help="Draw the curve (SVG).", rich_help_panel=_RESULT)]
