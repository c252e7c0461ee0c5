"""What a report says, in the reader's language. The sentences stand in ``languages/*.toml``."""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from ocrgate.load import quantities
from ocrgate.load.report.digest import StepDigest

LANGUAGES = ("en", "zh")


class Words:
    """The sentences and labels of a language.

    Raises:
        KeyError: there is no such language, see :data:`LANGUAGES`.
    """

    def __init__(self, language: str = "en") -> None:
        if language not in LANGUAGES:
            raise KeyError(language)
        self.language = language
        self._entries = _entries(language)

    def __call__(self, key: str, **fields: object) -> str:
        """A sentence with its fields filled in, ``words("load.closed", n=20)``."""
        return self._entries[key].format(**fields)

    def known(self, key: str, otherwise: str) -> str:
        """A label, or another text where there is none of that key."""
        return self._entries.get(key, otherwise)

    def load(self, each: StepDigest) -> str:
        """What a step is called: its own label, else its load."""
        step = each.step
        if step.label:
            return step.label
        if step.loop == "closed" and step.concurrency is not None:
            return self("load.closed", n=step.concurrency)
        if step.rate is not None:
            return self("load.open", n=f"{step.rate:.4g}")
        return self("load.other", n=step.index + 1)

    def loads(self, steps: Sequence[StepDigest]) -> list[str]:
        """The names of steps, told apart where two are called the same."""
        names = [self.load(each) for each in steps]
        return [
            name if names.count(name) == 1 else f"{name} ({names[: place + 1].count(name)})"
            for place, name in enumerate(names)
        ]


@cache
def _entries(language: str) -> Mapping[str, str]:
    text = resources.files(__package__).joinpath("languages", f"{language}.toml").read_text("utf-8")
    return {
        f"{section}.{key}": sentence
        for section, sentences in tomllib.loads(text).items()
        for key, sentence in sentences.items()
    }


NOTHING = "–"  # noqa: RUF001 - a dash, where there is no figure


def rate(value: float | None) -> str:
    """A figure per second, three digits of it."""
    return NOTHING if value is None else _digits(value)


def share(value: float | None) -> str:
    """A share as a percentage."""
    return NOTHING if value is None else f"{_digits(100 * value)} %"


def share_between(value: float, bounds: tuple[float, float]) -> str:
    """A share and where it lies 95 times of 100: ``0 % (0 to 1.2 %)``."""
    return f"{share(value)} ({between(bounds)})"


def between(bounds: tuple[float, float]) -> str:
    """The bounds of a share, to the two figures that can be meant: ``0 to 1.2 %``."""
    low, high = (_digits(float(f"{100 * bound:.2g}")) for bound in bounds)
    return f"{low} to {high} %"


def seconds(value: float | None) -> str:
    """A duration with its unit."""
    return NOTHING if value is None else quantities.seconds(value)


def count(value: int) -> str:
    """A whole number, thousands apart."""
    return f"{value:,}"


def moment(stamp: str) -> str:
    """An instant of ISO 8601 in UTC as people read it; other text as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::[\d.]+)?(?:Z|\+00:00)", stamp)
    return f"{found[1]} {found[2]} UTC" if found else stamp


def gibibytes(value: float | None) -> str:
    """Bytes as GiB."""
    return NOTHING if value is None else f"{value / 2**30:.1f} GiB"


def measured(measure: str, value: float | None) -> str:
    """A figure in the unit of its measure or SLO (``p99``, ``errors``, ``goodput``…)."""
    if measure in {"throughput", "goodput"}:
        return rate(value)
    if measure in {"errors", "error", "wrong", "cer", "degraded"}:
        return share(value)
    return seconds(value)


def _digits(value: float) -> str:
    if not math.isfinite(value):
        return NOTHING
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.1e}"
