"""Sessions for worker processes, each odd in its own way. Imported inside the workers."""

import os
import signal
import sys
import time
from collections.abc import Callable

from ocrgate.domain.document import PageImage
from ocrgate.errors import DocumentLimit, EngineUnavailable

Probe = Callable[[], bool]


class Session:
    """Does what its methods say."""

    def __init__(self, hoard: int = 0) -> None:
        self._hoard = [bytes(hoard)]

    def pid(self, *, cancelled: Probe) -> int:
        return os.getpid()

    def nice(self, *, cancelled: Probe) -> int:
        return os.nice(0)

    def echo(self, value: object, *, cancelled: Probe) -> object:
        return value

    def size(self, image: PageImage, *, cancelled: Probe) -> tuple[int, str]:
        return len(image.data), type(image.data).__name__

    def image(self, size: int, *, cancelled: Probe) -> PageImage:
        return PageImage(b"x" * size, "raw", size, 1, 1, size, 1)  # type: ignore[arg-type]

    def die(self, *, cancelled: Probe) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def refuse(self, *, cancelled: Probe) -> None:
        raise DocumentLimit("too many pixels", field="image", limit="5 pixels")

    def stumble(self, *, cancelled: Probe) -> None:
        raise ZeroDivisionError("a bug")

    def unpicklable(self, *, cancelled: Probe) -> object:
        return lambda: None

    def obedient(self, mark: str, *, cancelled: Probe) -> str:
        with open(mark, "w") as file:  # noqa: PTH123
            file.write("began")
        while not cancelled():
            time.sleep(0.005)
        with open(mark, "w") as file:  # noqa: PTH123
            file.write("stopped")
        return "stopped"

    def deaf(self, mark: str, *, cancelled: Probe) -> None:
        with open(mark, "w") as file:  # noqa: PTH123
            file.write("began")
        time.sleep(60)

    def rant(self, *, cancelled: Probe) -> str:
        os.write(1, b"out" * 1_000_000)
        os.write(2, b"err" * 1_000_000)
        sys.stderr.write("more")
        return "done"

    def grow(self, size: int, *, cancelled: Probe) -> int:
        self._hoard.append(b"x" * size)
        return os.getpid()


def unavailable() -> None:
    raise EngineUnavailable("no weights here")


def broken() -> None:
    raise RuntimeError("wrong wiring")


def dying() -> None:
    os.write(2, b"last words")
    os._exit(3)


class Dies:
    """A decoder that a hostile file brings down."""

    def probe(self, path: str, *, cancelled: Probe) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class Hangs:
    """A decoder that never comes back."""

    def probe(self, path: str, *, cancelled: Probe) -> None:
        time.sleep(60)
