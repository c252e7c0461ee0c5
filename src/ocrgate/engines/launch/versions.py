"""Versions of vLLM, as far as flags depend on them."""

import re
from dataclasses import dataclass
from typing import Self

_FORM = re.compile(r"\s*v?(\d+(?:\.\d+)*)[^+\s]*(?:\+(\S+))?")


@dataclass(frozen=True, slots=True)
class Version:
    """A version such as ``0.32.0+cpu``: the numbers, and the local part that names the build."""

    numbers: tuple[int, ...]
    build: str = ""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read one; None when it begins with no number. Pre-release marks are left out."""
        found = _FORM.match(text)
        if found is None:
            return None
        return cls(tuple(int(part) for part in found[1].split(".")), found[2] or "")

    @property
    def for_cpu(self) -> bool:
        """Whether it was built for the CPU: vLLM itself looks for that word."""
        return "cpu" in self.build

    def __str__(self) -> str:
        text = ".".join(map(str, self.numbers))
        return f"{text}+{self.build}" if self.build else text
