"""The options of ``ocrgate bench``."""

from pathlib import Path
from typing import Annotated

import typer

_LOAD, _WORK, _ASK, _RESULT = "How much", "What", "Whom and how", "What comes of it"

Url = Annotated[
    str, typer.Argument(metavar="URL", help="The server, or the very route to post to.")
]
Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE",
        help="Pictures, PDFs, folders to send; without any, drawn pages of known text.",
        show_default=False,
    ),
]
Concurrency = Annotated[
    str | None,
    typer.Option(
        "-c",
        "--concurrency",
        help="Closed loop: so many at once (8 where nothing is said); 1,2,4 for one after the "
        "other.",
        rich_help_panel=_LOAD,
    ),
]
Rate = Annotated[
    str | None,
    typer.Option(
        "-r",
        "--rate",
        help="Open loop: so many a second whatever comes back; 2,4,8 for one after the other.",
        rich_help_panel=_LOAD,
    ),
]
Burstiness = Annotated[
    float,
    typer.Option(
        help="Shape of the pauses of --rate: 1 is Poisson, 0.25 comes in bursts.",
        rich_help_panel=_LOAD,
    ),
]
Ramp = Annotated[
    str | None,
    typer.Option(help="Open loop from one rate to another, as in 1:20.", rich_help_panel=_LOAD),
]
Trace = Annotated[
    Path | None,
    typer.Option(
        help="Open loop at the instants of a file: seconds a line, Azure's CSV or Mooncake's "
        "JSON; --rate speeds it up or slows it down.",
        rich_help_panel=_LOAD,
    ),
]
Duration = Annotated[
    str | None,
    typer.Option(
        "-d",
        "--duration",
        help="Of what is measured, such as 2m (30s where nothing is said; a ramp 2m).",
        rich_help_panel=_LOAD,
    ),
]
Requests = Annotated[
    int | None,
    typer.Option("-n", "--requests", min=1, help="Requests to measure.", rich_help_panel=_LOAD),
]
Warmup = Annotated[
    str | None,
    typer.Option(
        help="Time before that is not measured (a tenth, 5s at most; 0 with -n and --ramp).",
        rich_help_panel=_LOAD,
    ),
]
Think = Annotated[
    str, typer.Option(help="Pause of each user of -c between requests.", rich_help_panel=_LOAD)
]
Timeout = Annotated[
    str,
    typer.Option(
        "-t", "--timeout", help="For one request, from when it is due.", rich_help_panel=_LOAD
    ),
]
Retries = Annotated[
    int,
    typer.Option(
        min=0,
        max=100,
        help="Further tries after a refusal, when Retry-After says.",
        rich_help_panel=_LOAD,
    ),
]
Seed = Annotated[int, typer.Option(help="Of everything that is drawn.", rich_help_panel=_LOAD)]
Mix = Annotated[
    str,
    typer.Option(
        help="Sizes and lengths of drawn pages: ocr, screenshots, dense, mice-and-elephants, "
        "up-to-1024.",
        rich_help_panel=_WORK,
    ),
]
Pages = Annotated[
    int,
    typer.Option(min=1, max=10_000, help="How many pages are drawn.", rich_help_panel=_WORK),
]
Api = Annotated[
    str | None,
    typer.Option(
        help="ocr, openai, mistral, raw; found out where nothing is said.",
        rich_help_panel=_ASK,
    ),
]
Key = Annotated[
    list[str] | None,
    typer.Option(
        help="API key; several share the load, with results for each.",
        envvar="OCRGATE_API_KEY",
        show_default=False,
        rich_help_panel=_ASK,
    ),
]
KeyShares = Annotated[
    str | None,
    typer.Option(help="Shares of the keys, as in 0.9,0.1; even without.", rich_help_panel=_ASK),
]
Lanes = Annotated[
    str | None,
    typer.Option(
        help="Shares of the lanes, as in interactive=0.2,batch=0.8.", rich_help_panel=_ASK
    ),
]
Model = Annotated[
    str,
    typer.Option(
        help="Name of the model; the server's first without.",
        show_default=False,
        rich_help_panel=_ASK,
    ),
]
Prompt = Annotated[
    str,
    typer.Option(
        help="Words for the model (openai); the model's own without.",
        show_default=False,
        rich_help_panel=_ASK,
    ),
]
MaxTokens = Annotated[
    int,
    typer.Option(
        min=0,
        help="Most tokens of an answer (openai); 0 leaves it to the server.",
        rich_help_panel=_ASK,
    ),
]
NoStream = Annotated[
    bool,
    typer.Option(
        "--no-stream",
        help="Ask for answers in one piece (openai): no time to first text.",
        rich_help_panel=_ASK,
    ),
]
Form = Annotated[
    str,
    typer.Option(
        help="Send a form with the file in this field (raw); the bare file without.",
        show_default=False,
        rich_help_panel=_ASK,
    ),
]
Header = Annotated[
    list[str] | None,
    typer.Option(
        "-H",
        "--header",
        help="Another header, 'Name: value'.",
        show_default=False,
        rich_help_panel=_ASK,
    ),
]
Insecure = Annotated[
    bool,
    typer.Option("--insecure", help="Accept any certificate.", rich_help_panel=_ASK),
]
Slo = Annotated[
    str | None,
    typer.Option(
        help="What has to hold, as in e2e=5s,ttft=1s,error=1%; exit code 1 where it does not.",
        rich_help_panel=_RESULT,
    ),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        help="Page of metrics to read beside the load, or 'none'; the target's own without.",
        show_default=False,
        rich_help_panel=_RESULT,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", help="File for the whole record, as JSON.", rich_help_panel=_RESULT
    ),
]
Compare = Annotated[
    list[str] | None,
    typer.Option(
        "--compare",
        metavar="URL",
        help="Another server under the same load afterwards, for a table of all; may be repeated. "
        "It gets the same key and headers.",
        show_default=False,
        rich_help_panel=_RESULT,
    ),
]
