"""The command line. Everything heavy is imported by the command that needs it."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ocrgate.cli import (
    bench,
    config,
    doctor,
    keys,
    plan,
    read,
    reporting,
    serve,
    simulate,
    tune,
    version,
)
from ocrgate.cli.exit import Exit
from ocrgate.cli.report import fail
from ocrgate.cli.streams import hold_streams, let_go_of_output

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
app.command("bench")(bench.bench)
app.command("report")(reporting.report)
app.command("tune")(tune.tune)
app.command("plan")(plan.plan)
app.command("simulate")(simulate.simulate)
app.command("read")(read.read)
app.add_typer(keys.app, name="keys")
app.add_typer(config.app, name="config")
app.command("doctor")(doctor.doctor)
app.command("version")(version.version)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with one of the codes in :mod:`ocrgate.cli.exit`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    hold_streams()
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        let_go_of_output()
        code = Exit.PIPE
    except Exception as error:  # noqa: BLE001 - the last frame: nobody else can say it
        _finish_output()
        fail(error, debug="--debug" in words)
    raise SystemExit(code)


def _finish_output() -> None:
    """Write what is left; what cannot be written is not tried again at the interpreter's end."""
    try:
        sys.stdout.flush()
    except OSError:
        let_go_of_output()


def _run(words: Sequence[str]) -> int:
    """The code with which a command wants to end. Raises whatever it raises."""
    try:
        return app(list(words), prog_name="ocrgate", standalone_mode=False) or Exit.OK
    except SystemExit as ended:  # Typer's own answer to a pipe that was closed early
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        raise
