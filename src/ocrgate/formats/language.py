"""The language of a text, as files can carry it."""

import re

_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


def language_tag(language: str | None) -> str | None:
    """A caller's hint as ``xml:lang`` and ALTO's ``LANG`` take it; None for what is no such tag.

    ``zh_CN``, as locales are written, is taken for ``zh-CN``. A file that named "Chinese
    (simplified)" would not be valid, so it names none.
    """
    tag = (language or "").strip().replace("_", "-")
    return tag if _TAG.fullmatch(tag) else None
