"""The YAML between two ``---`` before a document (olmOCR), left out."""

import re

_FRONT = re.compile(r"\s{0,20}---[ \t]{0,20}\n((?:[^\n]{0,300}\n){0,40}?)---[ \t]{0,20}(?:\n|\Z)")
_MEMBER = re.compile(r"[a-z_]{1,40}:[^\n]*")


def without_front_matter(text: str) -> str:
    """The document behind its front matter; all of it where it has none."""
    found = _FRONT.match(text)
    if found is None:
        return text
    lines = [line for line in found[1].splitlines() if line.strip()]
    is_front = bool(lines) and all(_MEMBER.fullmatch(line.strip()) for line in lines)
    return text[found.end() :] if is_front else text
