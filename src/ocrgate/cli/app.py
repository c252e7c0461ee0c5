"""The command line. Everything heavy is imported by the command that needs it."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ocrgate.cli import config, doctor, keys, read, serve, version
from ocrgate.cli.report import fail

app = typer.Typer(
    name="ocrgate",
    help="A self-hosted OCR service that stays up when too many people use it at once.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def _options(
    debug: Annotated[  # looked for by main(), which is also there when parsing fails
        bool, typer.Option("--debug", help="Show tracebacks of errors.")
    ] = False,
) -> None:
    """A self-hosted OCR service that stays up when too many people use it at once."""


app.command("serve")(serve.serve)
app.command("read")(read.read)
app.add_typer(keys.app, name="keys")
app.add_typer(config.app, name="config")
app.command("doctor")(doctor.doctor)
app.command("version")(version.version)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with one of the codes in :mod:`ocrgate.cli.exit`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(words, prog_name="ocrgate")
    except Exception as error:  # noqa: BLE001 - the last frame: nobody else can say it
        fail(error, debug="--debug" in words)
