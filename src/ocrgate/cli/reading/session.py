"""One run of ``ocrgate read``: from the order to the reports, signals included."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import NoReturn

import typer

from ocrgate.cli.exit import Exit
from ocrgate.cli.reading.outputs import Target
from ocrgate.cli.reading.progress import Progress, choose
from ocrgate.cli.reading.report import FileReport
from ocrgate.cli.reading.run import FileReader, look_at_all, read_all
from ocrgate.cli.report import say
from ocrgate.domain.document import PageSelection
from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.domain.ticket import Lane
from ocrgate.formats import Format
from ocrgate.settings import Settings


@dataclass(frozen=True, slots=True)
class Order:
    """Everything that was asked for on the command line, checked."""

    settings: Settings
    kind: Format
    pages: str | None
    task: Task | None
    asked: PageRequest
    server: str | None
    key: str | None
    timeout: float


def run(order: Order, targets: Sequence[Target]) -> list[FileReport]:
    """Read everything.

    Raises:
        typer.Exit: interrupted; what was kept has been said.
        OcrgateError: nothing can be read at all.
    """
    if not targets:  # all results exist: no engine is started, no server is asked
        return []
    printed = any(target.path is None for target in targets)
    unit = "pages" if order.server is None else "files"
    on_screen = printed and sys.stdout.isatty()
    progress = choose(sys.stderr, unit=unit, text_on_same_terminal=on_screen)
    reports: list[FileReport] = []
    try:
        asyncio.run(_until_signalled(_read(order, targets, progress, reports)))
    except KeyboardInterrupt:
        progress.close()
        _interrupted(reports, len(targets), Exit.INTERRUPTED)
    except asyncio.CancelledError:
        progress.close()
        _interrupted(reports, len(targets), Exit.TERMINATED)
    finally:
        progress.close()
    return reports


def _interrupted(reports: Sequence[FileReport], files: int, code: Exit) -> NoReturn:
    for report in reports:
        if report.begun and not report.finished:
            say(f"ocrgate: {report.sentence()}")
    done = sum(report.finished for report in reports)
    say(f"ocrgate: interrupted; {done} of {files} files are finished")
    raise typer.Exit(code)


async def _until_signalled(work: Coroutine[None, None, None]) -> None:
    """SIGTERM ends the work as Ctrl-C does, to which asyncio itself sees."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await work


async def _read(
    order: Order, targets: Sequence[Target], progress: Progress, reports: list[FileReport]
) -> None:
    printed = any(target.path is None for target in targets)
    async with AsyncExitStack() as stack:
        open_reader = _local if order.server is None else _remote
        reader = await open_reader(order, stack, titled=printed and len(targets) > 1)
        reports += await look_at_all(reader, targets, progress)
        await read_all(reader, reports, progress, in_order=printed)


async def _remote(order: Order, stack: AsyncExitStack, *, titled: bool) -> FileReader:
    from ocrgate.cli.reading.remote import RemoteReader, checked_url, greet
    from ocrgate.client import AsyncClient, Reading

    assert order.server is not None
    await greet(checked_url(order.server), order.key, order.timeout)
    # Nobody hurries: a full server is asked again until the time given is used up.
    client = AsyncClient(order.server, api_key=order.key, retries=10_000)
    await stack.enter_async_context(client)
    asked = order.asked
    reading = Reading(
        task=order.task,
        language=asked.language,
        pages=order.pages,
        quality=asked.quality,
        keys=asked.keys,
        schema=asked.schema,
        target=asked.target,
        prompt=asked.prompt,
        max_tokens=asked.max_tokens,
        lane=Lane.BATCH,
        timeout=order.timeout,
    )
    return RemoteReader(client, reading, order.kind, sys.stdout, titled=titled)


async def _local(order: Order, stack: AsyncExitStack, *, titled: bool) -> FileReader:
    from ocrgate.cli.reading.local import LocalReader, Wish
    from ocrgate.cli.reading.machine import started_machine
    from ocrgate.runtime.recognizer import DocumentRequest

    machine = await stack.enter_async_context(started_machine(order.settings))
    task = order.task or order.kind.task(machine.description.tasks)
    request = DocumentRequest(
        replace(order.asked, task=task),
        selection=PageSelection.parse(order.pages),
        lane=Lane.BATCH,
        caller="command line",
    )
    return LocalReader(machine, Wish(request, order.kind, sys.stdout, titled))
