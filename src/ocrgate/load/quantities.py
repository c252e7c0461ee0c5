"""Figures as people write them: ``2m``, ``500ms``, ``1%``."""

import math
import re

from ocrgate.errors import InvalidRequest

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|min|s|m|h)")
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_LONGEST = 366 * 86_400.0


def duration(text: str, field: str) -> float:
    """Seconds of ``90``, ``90s``, ``1m30s``, ``250ms`` or ``2h``.

    Raises:
        InvalidRequest: it is no such text; ``field`` names the option.
    """
    text = text.strip().lower()
    seconds = float(text) if _PLAIN.fullmatch(text) else _sum(text)
    if seconds is None or seconds > _LONGEST:
        raise InvalidRequest(f"{field} {text!r}: a time is written 30s, 2m or 1m30s", field=field)
    return seconds


def _sum(text: str) -> float | None:
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def share(text: str, field: str) -> float:
    """``1%`` or ``0.01`` as a figure from 0 to 1.

    Raises:
        InvalidRequest: it is none.
    """
    text = text.strip()
    percent = text.endswith("%")
    found = number(text.removesuffix("%"), field) / (100 if percent else 1)
    if found > 1:
        raise InvalidRequest(f"{field} {text!r}: a share is at most 100%", field=field)
    return found


def number(text: str, field: str) -> float:
    """A figure of at least 0.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or found < 0:
        raise InvalidRequest(f"{field} {text!r}: a figure of at least 0 is needed", field=field)
    return found


def seconds(value: float) -> str:
    """A time for people: ``4.2 ms``, ``1.30 s``, ``2m05s``."""
    if value < 0.9995:
        return f"{value * 1000:.3g} ms"
    if value < 99.5:
        return f"{value:.3g} s"
    if value < 3600:
        return f"{int(value) // 60}m{int(value) % 60:02d}s"
    return f"{value / 3600:.1f} h"
