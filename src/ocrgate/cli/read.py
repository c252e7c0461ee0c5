"""``ocrgate read``: text out of files, here or through a server."""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ocrgate.cli.options import (
    ConfigOption,
    Files,
    ForceOption,
    FormatOption,
    KeyOption,
    KeysOption,
    LanguageOption,
    OutputOption,
    PagesOption,
    PromptOption,
    QualityOption,
    SchemaOption,
    ServerOption,
    SkipOption,
    SummaryOption,
    TargetOption,
    TaskOption,
    TimeoutOption,
    load_settings,
)
from ocrgate.cli.report import CommandFailed, say, show
from ocrgate.domain.recognition import PageRequest, Quality, Task

if TYPE_CHECKING:
    from ocrgate.cli.reading.inputs import Source
    from ocrgate.cli.reading.outputs import Target
    from ocrgate.cli.reading.report import FileReport
    from ocrgate.formats import Format
    from ocrgate.settings import Settings


def read(
    files: Files,
    *,
    output_format: FormatOption = "text",
    output: OutputOption = None,
    pages: PagesOption = None,
    quality: QualityOption = Quality.AUTO,
    task: TaskOption = None,
    language: LanguageOption = None,
    keys: KeysOption = None,
    schema: SchemaOption = None,
    target: TargetOption = None,
    prompt: PromptOption = None,
    force: ForceOption = False,
    skip_existing: SkipOption = False,
    server: ServerOption = None,
    key: KeyOption = None,
    timeout: TimeoutOption = 600.0,
    config: ConfigOption = None,
    as_json: SummaryOption = False,
) -> None:
    """Read text out of pictures and PDFs, here and now, without a server.

    A finished result appears under its own name all at once. After Ctrl-C the pages that were
    read are kept as NAME.partial.SUFFIX. What fails in one file or page does not stop the others;
    the exit code says so. A name under which there is nothing is told before any file is read.
    """
    from ocrgate.cli.reading.session import Order, run
    from ocrgate.domain.document import PageSelection
    from ocrgate.formats import Format

    PageSelection.parse(pages)  # a mistake in it is told before anything is opened
    kind = (
        Format.JSON if as_json and output is None else Format.parse(output_format, field="--format")
    )
    settings = _settings(config, here=server is None)
    asked = PageRequest(
        task=task or Task.TEXT,
        quality=quality,
        language=language,
        keys=_names(keys),
        schema=_schema(schema),
        target=target,
        prompt=prompt,
    )
    order = Order(settings, kind, pages, task, asked, server, key, timeout)
    existing = _existing(force=force, skip=skip_existing)
    with tempfile.TemporaryDirectory(prefix="ocrgate-") as scratch:
        sources = _sources(files, Path(scratch), settings)
        _check_folder(output)
        targets = _targets(sources, kind, output, existing, Path(scratch))
        reports = run(order, targets)
        if output is None and kind is Format.PDF:
            _print_file(targets)
    _finish(reports, summary=as_json and output is not None, talk=output is not None)


def _names(keys: str | None) -> tuple[str, ...]:
    return tuple(name for part in (keys or "").split(",") if (name := part.strip()))


def _schema(file: Path | None) -> dict[str, object] | None:
    if file is None:
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandFailed(f"--schema {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise CommandFailed(f"--schema {file}: it is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise CommandFailed(f"--schema {file}: a JSON schema is an object")
    return found


def _settings(config: Path | None, *, here: bool) -> "Settings":
    from ocrgate.cli.reading.own import for_own_files

    loaded = load_settings(config)
    return for_own_files(loaded) if here else loaded.settings


def _existing(*, force: bool, skip: bool) -> str:
    if force and skip:
        raise CommandFailed("--force and --skip-existing exclude each other")
    return "replace" if force else "skip" if skip else "refuse"


def _sources(files: list[str], scratch: Path, settings: "Settings") -> "list[Source]":
    from ocrgate.cli.reading.inputs import expand

    most = settings.image.max_bytes
    return expand(files, stdin=sys.stdin.buffer, scratch=scratch, most=most)


def _check_folder(output: Path | None) -> None:
    """Told before the engine is started and pages are read in vain."""
    from ocrgate.cli.reading.outputs import obstacle

    if output is not None and (found := obstacle(output)):
        raise CommandFailed(*found)


def _targets(
    sources: "list[Source]", kind: "Format", output: Path | None, existing: str, scratch: Path
) -> "list[Target]":
    from ocrgate.cli.reading.outputs import Existing, Target, plan
    from ocrgate.formats import Format

    if output is not None:
        targets, skipped = plan(sources, output, kind.suffix, Existing(existing))
        if skipped:
            say(f"left alone, since their results exist: {len(skipped)}")
        return targets
    if len(sources) > 1 and kind not in {Format.TEXT, Format.MARKDOWN}:
        raise CommandFailed(f"{len(sources)} files as {kind} need a folder: -o DIR")
    if kind is not Format.PDF:
        return [Target(source, None) for source in sources]
    if sys.stdout.isatty():
        raise CommandFailed("a PDF is not for the terminal: use -o DIR or > FILE")
    return [Target(source, scratch / "result.pdf") for source in sources]


def _print_file(targets: "list[Target]") -> None:
    for target in targets:
        if target.path is not None and target.path.exists():
            with target.path.open("rb") as stream:
                shutil.copyfileobj(stream, sys.stdout.buffer)
            sys.stdout.buffer.flush()


def _finish(reports: "list[FileReport]", *, summary: bool, talk: bool) -> None:
    """Say how it went and end with the code for it."""
    from ocrgate.cli.reading.report import exit_code, named

    code = exit_code(reports)
    if summary:
        files = [report.as_json() for report in reports]
        show(json.dumps({"exit_code": code, "files": files}, indent=2, ensure_ascii=False))
    elif len(reports) == 1 and reports[0].error is not None:
        raise named(reports[0].error, reports[0].target.source.shown)
    elif talk or code:
        _talk(reports)
    if code:
        raise typer.Exit(code)


def _talk(reports: "list[FileReport]") -> None:
    wrong = [report for report in reports if report.status != "ok"]
    for report in wrong:
        say(f"ocrgate: {report.sentence()}")
    if reports:
        say(f"{len(reports) - len(wrong)} of {len(reports)} files read")
