"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocrgate.domain.recognition import Quality, Task

if TYPE_CHECKING:
    from ocrgate.settings import Loaded

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Settings file; else OCRGATE_CONFIG, else ./ocrgate.toml."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def load_settings(config: Path | None, **flags: object) -> "Loaded":
    """Read the settings; flags are named ``section__name``.

    Raises:
        SettingsError: with every problem.
    """
    from ocrgate.settings import load

    return load({name.replace("__", "."): value for name, value in flags.items()}, config=config)


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="Pictures, PDFs, folders, patterns such as 'scans/*.png'; - is standard input.",
        show_default=False,
    ),
]
FormatOption = Annotated[
    str, typer.Option("-f", "--format", help="text, markdown, json, hocr, alto or pdf.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Folder for results; without it they are printed."),
]
PagesOption = Annotated[
    str | None, typer.Option(help="Pages to read, counted from 1, such as 1-3,7 or 5-.")
]
QualityOption = Annotated[Quality, typer.Option(help="How much work a page is worth.")]
TaskOption = Annotated[
    Task | None,
    typer.Option(help="What to read for; without it what the format shows most of."),
]
LanguageOption = Annotated[
    str | None, typer.Option(help="Language of the text as a hint, such as en or zh.")
]
KeysOption = Annotated[
    str | None, typer.Option(help="Fields wanted, separated by commas (with --task fields).")
]
SchemaOption = Annotated[
    Path | None, typer.Option(help="File with a JSON schema of the fields wanted.")
]
TargetOption = Annotated[
    str | None, typer.Option(help="Language to translate into: en or zh (--task translate).")
]
PromptOption = Annotated[
    str | None, typer.Option(help="Your own words for the model, where that is allowed.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace results that exist.")]
SkipOption = Annotated[
    bool, typer.Option("--skip-existing", help="Leave out files whose result exists.")
]
ServerOption = Annotated[
    str | None,
    typer.Option(help="Let this server read, as in http://host:7860.", envvar="OCRGATE_URL"),
]
KeyOption = Annotated[
    str | None, typer.Option(help="API key for --server.", envvar="OCRGATE_API_KEY")
]
TimeoutOption = Annotated[
    float, typer.Option(min=1, help="Seconds that --server may take for one file.")
]
SummaryOption = Annotated[
    bool, typer.Option("--json", help="Without -o: -f json. With -o: print a JSON summary.")
]
