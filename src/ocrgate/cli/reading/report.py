"""How each file ended, for people, for scripts and for the exit code."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from ocrgate.cli.exit import Exit, code_of
from ocrgate.cli.reading.outputs import Target
from ocrgate.cli.report import worded
from ocrgate.domain.recognition import PageWarning
from ocrgate.errors import OcrgateError

MEANING: Mapping[str, str] = {
    PageWarning.LOW_CONFIDENCE: "the text may be wrong",
    PageWarning.EMPTY: "no text was found",
    PageWarning.TRUNCATED: "the text is cut off",
    PageWarning.REPETITION: "the model went in circles and was stopped",
    PageWarning.SCHEMA_MISMATCH: "the fields are not what was asked for",
}
"""What a warning says to a person."""


@dataclass(slots=True)
class FileReport:
    """One file's story.

    Attributes:
        target: the file and where its result goes.
        pages: pages asked for; None until known.
        read: pages in the result.
        failed: the error of each page that has none.
        warnings: what to know of the text of each page; under 0, of all pages together.
        error: why the whole file failed.
        kept: where an interrupted result was kept.
        seconds: time taken.
        begun: whether reading it was begun.
        finished: whether it was gone through to the end.
    """

    target: Target
    pages: int | None = None
    read: int = 0
    failed: dict[int, OcrgateError] = field(default_factory=dict)
    warnings: dict[int, tuple[str, ...]] = field(default_factory=dict)
    error: OcrgateError | None = None
    kept: str | None = None
    seconds: float = 0.0
    begun: bool = False
    finished: bool = False

    @property
    def status(self) -> str:
        """``ok``, ``partial``, ``failed`` or ``interrupted``."""
        if self.error is not None:
            return "failed"
        if not self.finished:
            return "interrupted"
        return "partial" if self.failed else "ok"

    def sentence(self) -> str:
        """What a person wants to know."""
        name = self.target.source.shown
        if self.error is not None:
            return f"{name}: {worded(self.error)}"
        if not self.finished:
            kept = f"; {self.read} pages kept in {self.kept}" if self.kept else ""
            return f"{name}: interrupted{kept}"
        if self.failed:
            numbers = ", ".join(map(str, sorted(self.failed)))
            return f"{name}: {self.read} of {self.pages} pages read; failed: {numbers}"
        return f"{name}: done"

    def doubt(self, warnings: Sequence[str], page: int = 0) -> str:
        """Keep what is to be known of a page's text (of all pages without one), as a sentence."""
        self.warnings[page] = tuple(warnings)
        name = self.target.source.shown + (f", page {page}" if page else "")
        told = (f"{each} ({MEANING[each]})" if each in MEANING else each for each in warnings)
        return f"{name}: {', '.join(told)}"

    def as_json(self) -> dict[str, Any]:
        """The same for a script."""
        return {
            "input": self.target.source.shown,
            "output": self.kept or (str(self.target.path) if self.target.path else None),
            "status": self.status,
            "pages": self.pages,
            "read": self.read,
            "failed": [
                {"page": page, "code": error.code, "detail": error.detail}
                for page, error in sorted(self.failed.items())
            ],
            "warnings": [
                {"page": page or None, "warnings": list(told)}
                for page, told in sorted(self.warnings.items())
            ],
            "error": {"code": self.error.code, "detail": self.error.detail} if self.error else None,
            "seconds": round(self.seconds, 3),
        }


def named(error: OcrgateError, name: str) -> OcrgateError:
    """The same error, which says what it is about."""
    told = copy(error)
    told.detail = f"{name}: {error.detail}"
    return told


def exit_code(reports: Sequence[FileReport]) -> Exit:
    """0 when all is well, ``PARTIAL`` when something was read, else the first failure's code."""
    if all(report.status == "ok" for report in reports):
        return Exit.OK
    if any(report.status in {"ok", "partial"} for report in reports):
        return Exit.PARTIAL
    first = next((report.error for report in reports if report.error), None)
    return code_of(type(first)) if first else Exit.PARTIAL
