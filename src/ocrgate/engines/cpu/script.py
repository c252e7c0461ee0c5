"""What a text is written in, as far as layout and trust need to know."""

from difflib import SequenceMatcher


def is_cjk(character: str) -> bool:
    """Whether it is a Chinese character, kana, Hangul, or a mark that goes with them."""
    code = ord(character)
    return (
        0x2E80 <= code <= 0xA4CF
        or 0xAC00 <= code <= 0xD7AF
        or 0xF900 <= code <= 0xFAFF
        or 0xFE30 <= code <= 0xFE4F
        or 0xFF00 <= code <= 0xFFEF
        or code >= 0x20000
    )


def is_cjk_text(text: str) -> bool:
    """Whether more than half of the letters and digits of a text are Chinese or Japanese."""
    letters = [character for character in text if character.isalnum()]
    return 2 * sum(map(is_cjk, letters)) > len(letters) > 0


def has_accents(text: str) -> bool:
    """Whether a text has Latin letters that English does without."""
    return any(0xC0 <= ord(character) < 0x250 for character in text)


def has_rare_characters(text: str) -> bool:
    """Whether a text has Chinese characters outside of the 6,763 of GB 2312.

    Those are traditional forms and rare ones.
    """
    return any(0x3400 <= ord(character) <= 0x9FFF and not _common(character) for character in text)


def _common(character: str) -> bool:
    return len(character.encode("gb2312", errors="ignore")) == 2


def same_share(one: str, other: str) -> float:
    """Characters that both texts have in the same order, as a share of the longer one."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    same = sum(block.size for block in matcher.get_matching_blocks())
    return same / max(len(one), len(other), 1)
