"""The command line. Everything heavy is imported by the command that needs it."""

import inspect
import sys
from collections.abc import Callable, Sequence
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
from ocrgate.cli.helping import Command, Group
from ocrgate.cli.report import fail
from ocrgate.cli.streams import hold_streams, let_go_of_output

app = typer.Typer(
    name="ocrgate",
    help="A self-hosted OCR service that stays up when too many people use it at once.",
    cls=Group,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        version.version()
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[  # looked for by main(), which is also there when parsing fails
        bool, typer.Option("--debug", help="Show tracebacks of errors.")
    ] = False,
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """A self-hosted OCR service that stays up when too many people use it at once."""


def _add(name: str, run: Callable[..., None]) -> None:
    """A command. Its docstring is broken into lines for readers of the code, not of the help."""
    paragraphs = inspect.cleandoc(run.__doc__ or "").split("\n\n")
    words = "\n\n".join(" ".join(each.split()) for each in paragraphs)
    app.command(name, cls=Command, help=words)(run)


_add("serve", serve.serve)
_add("bench", bench.bench)
_add("report", reporting.report)
_add("tune", tune.tune)
_add("plan", plan.plan)
_add("simulate", simulate.simulate)
_add("read", read.read)
app.add_typer(keys.app, name="keys")
app.add_typer(config.app, name="config")
_add("doctor", doctor.doctor)
_add("version", version.version)


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
