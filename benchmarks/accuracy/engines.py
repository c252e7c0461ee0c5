"""The engines that are compared, each as: pages in, text and CPU seconds out."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from benchmarks.accuracy.corpus import Pixels

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import PageRequest, Quality
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.engines.cpu.session import Session

RUNNER = Path(__file__).with_name("rapid_runner.py")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine made of one page."""

    text: str
    cpu: float
    warnings: tuple[str, ...] = ()


class Contender(Protocol):
    """Something that reads pages."""

    def read(self, pages: Iterable[Pixels]) -> list[Answer]:
        """One answer per page."""


class Ours:
    """The embedded engine in this process."""

    def __init__(self, quality: Quality) -> None:
        self._quality = quality
        self._session = Session(CpuParams())
        self._session.warm_up()

    def read(self, pages: Iterable[Pixels]) -> list[Answer]:
        return [self._one(page) for page in pages]

    def _one(self, page: Pixels) -> Answer:
        image = page_image(page)
        started = time.process_time()
        reading = self._session.read(image, PageRequest(quality=self._quality))
        return Answer(reading.text, time.process_time() - started, tuple(reading.warnings))


def page_image(page: Pixels) -> PageImage:
    """Raw pixels as the engine is given them."""
    height, width = page.shape[:2]
    channels = 1 if page.ndim == 2 else 3
    return PageImage(page.tobytes(), Encoding.RAW, width, height, channels, width, height)


class Reference:
    """The reference package in a process of its own interpreter, one compute thread."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self._folder = folder

    def read(self, pages: Iterable[Pixels]) -> list[Answer]:
        files = []
        for number, page in enumerate(pages):
            files.append(str(self._folder / f"{number}.npy"))
            np.save(files[-1], page)
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps({"files": files}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the reference package broke off; its error is above")
        return [Answer(page["text"], page["cpu"]) for page in json.loads(line)["pages"]]


@contextmanager
def reference(python: str, *, classifier: bool) -> Iterator[Reference]:
    """Start the reference package with or without its line classifier."""
    command = [python, str(RUNNER), *(["cls"] if classifier else [])]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        yield Reference(process, Path(folder))
        assert process.stdin
        process.stdin.close()
