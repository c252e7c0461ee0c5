"""Goes through the files: look at all, then read some at a time, and keep count."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from ocrgate.cli.reading.outputs import Target
from ocrgate.cli.reading.progress import Progress
from ocrgate.cli.reading.report import FileReport
from ocrgate.errors import AccessError, BreakerOpen, EngineUnavailable, OcrgateError

FATAL = (AccessError, EngineUnavailable, BreakerOpen)
"""What would befall every other file too."""

_TICK = 0.5  # seconds


class FileReader(Protocol):
    """Reads one file after the other."""

    @property
    def at_once(self) -> int:
        """Files worth having open at the same time."""

    async def look(self, target: Target) -> int:
        """Pages (or whatever is counted) to read. Raises OcrgateError if there are none."""

    async def read(self, report: FileReport, progress: Progress) -> None:
        """Read a file, telling of each page, and mark it as finished.

        Raises OcrgateError if nothing was read.
        """


async def look_at_all(
    reader: FileReader, targets: Sequence[Target], progress: Progress
) -> list[FileReport]:
    """Find what is wrong before anything is read: a report for each file, failed ones too."""
    reports = []
    for target in targets:
        report = FileReport(target)
        try:
            report.pages = await reader.look(target)
            progress.expect(report.pages)
        except FATAL:
            raise
        except OcrgateError as error:
            report.error = error
        reports.append(report)
    return reports


async def read_all(
    reader: FileReader, reports: Sequence[FileReport], progress: Progress, *, in_order: bool
) -> None:
    """Read every file whose look found no fault; how each ended is in its report.

    Args:
        reader: reads them.
        reports: from :func:`look_at_all`.
        progress: told of pages.
        in_order: one file at a time, because results follow each other on one stream.

    Raises:
        OcrgateError: one of ``FATAL``; the other files were not tried.
        OSError: a result cannot be written.
    """
    waiting = iter([report for report in reports if report.error is None])
    lanes = 1 if in_order else reader.at_once
    ticking = asyncio.create_task(_tick(progress))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(lanes):
                group.create_task(_lane(reader, waiting, progress))
    except* Exception as errors:  # noqa: BLE001 - one of them is raised again
        raise next(_leaves(errors)) from None
    finally:
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking


async def _lane(reader: FileReader, waiting: Iterator[FileReport], progress: Progress) -> None:
    for report in waiting:
        report.begun, began = True, time.monotonic()
        try:
            await reader.read(report, progress)
        except FATAL:
            raise
        except OcrgateError as error:
            report.error = error  # told at the end, with all others
        finally:
            report.seconds = time.monotonic() - began


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def _tick(progress: Progress) -> None:
    while True:
        await asyncio.sleep(_TICK)
        progress.tick()
