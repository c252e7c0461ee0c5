"""Characters to codes, and back again for whoever copies or searches.

One composite font per file: codes are handed out as characters turn up, two bytes each
(Identity-H), and the file's ToUnicode map says what each stands for. That covers all of Unicode,
characters beyond the first plane included (ISO 32000-1, 9.7 and 9.10.3).
"""

import struct
from collections.abc import Iterator

from ocrgate.formats.characters import REPLACEMENT, advance
from ocrgate.formats.searchable_pdf.truetype import WIDTHS

NAME = "OcrgateGlyphless"
_LAST_CODE = 0xFFFE
_PER_SECTION = 100  # entries that a bfchar section may have

_CMAP_HEAD = """\
/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
"""

_CMAP_FOOT = """\
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


class GlyphTable:
    """The codes of one file. Codes are 1, 2, 3… in order of first use."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {REPLACEMENT: 1}

    def encode(self, text: str) -> str:
        """The text as a PDF hexadecimal string.

        A file with more than 65,534 different characters shows the rest as U+FFFD.
        """
        return "<" + "".join(f"{self._code(character):04X}" for character in text) + ">"

    def to_unicode(self) -> bytes:
        """The CMap from codes to UTF-16BE."""
        return (_CMAP_HEAD + "".join(self._sections()) + _CMAP_FOOT).encode("ascii")

    def cid_to_gid(self) -> bytes:
        """Which of the font's blank glyphs each code shows, two bytes each from code 0 on."""
        glyphs = [0, *(WIDTHS.index(width) for width in self.widths())]
        return struct.pack(f">{len(glyphs)}H", *glyphs)

    def widths(self) -> list[int]:
        """Widths in thousandths of the type size, from code 1 on."""
        return [advance(character) for character in self._codes]

    def _code(self, character: str) -> int:
        code = self._codes.get(character)
        if code is None:
            code = len(self._codes) + 1
            if code > _LAST_CODE:
                return self._codes[REPLACEMENT]
            self._codes[character] = code
        return code

    def _sections(self) -> Iterator[str]:
        entries = [
            f"<{code:04X}> <{character.encode('utf-16-be').hex().upper()}>\n"
            for character, code in self._codes.items()
        ]
        for start in range(0, len(entries), _PER_SECTION):
            part = entries[start : start + _PER_SECTION]
            yield f"{len(part)} beginbfchar\n{''.join(part)}endbfchar\n"
