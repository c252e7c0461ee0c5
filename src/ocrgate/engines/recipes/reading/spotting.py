"""Lines with boxes, in every form in which HunyuanOCR was seen to write them.

``text(x1,y1),(x2,y2)`` back to back; the same in ``<ref>`` and ``<quad>`` tags; JSON.
"""

import re
from collections.abc import Iterator

from ocrgate.domain.recognition import Line, Polygon
from ocrgate.engines.recipes.reading.loose_json import Object, items, loads, objects
from ocrgate.engines.recipes.reading.place import Plane, numbers

_POINT = r"\( ?\d{1,5} ?, ?\d{1,5} ?\)"
_POINTS = re.compile(rf"{_POINT}(?: ?, ?{_POINT})++")
_ONE_POINT = re.compile(_POINT)
_CUT_TAIL = re.compile(rf"(?:{_POINT} ?,? ?\(?|\() ?(?:\d{{1,5}} ?)?(?:, ?\d{{0,5}})?\Z")
_LONGEST_TAIL = 60  # characters that a cut-off box can have
_TAG = re.compile(r"<(/?)(ref|quad|poly)>")
_POSITION = re.compile(r"<pos_[a-z]{0,2}_?(\d{1,5})>")
_TEXT_KEYS = ("text", "content", "transcription")
_BOX_KEYS = ("box", "bbox", "bbox_2d", "quad", "poly", "polygon")
_RAW_BOX = re.compile(r'"(?:box|bbox|bbox_2d)" ?: ?(\[[^\[\]{}]{0,200}\])')
_RAW_TEXT = re.compile(r'"text" ?: ?"')
_TEXT_END = re.compile(r'"\s{0,8}(?:\}|,\s{0,8}"(?:box|bbox|bbox_2d)")')
_EMPTY_JSON = frozenset({"[", "[]", "{}", "[{}]"})
_NOTHING = frozenset({"没有文字", "无文字", "no text", "no text found"})


def says_nothing(text: str) -> bool:
    """Whether an answer only says that there is no text."""
    return text.strip().strip(".!\"'\u3002\uff01").lower() in _NOTHING


def spotted(text: str, plane: Plane) -> tuple[Line, ...]:
    """The lines of an answer, whatever form it has; without places where it names none."""
    text = text.strip()
    if not text or says_nothing(text):
        return ()
    if "<quad>" in text or "<ref>" in text or "<poly>" in text:
        return tuple(_tagged(text, plane))
    if _looks_like_json(text) and (lines := tuple(_json(text, plane))):
        return lines
    if text.strip("`json \n\t") in _EMPTY_JSON:
        return ()
    return tuple(_pairs(text, plane))


def item_text(item: Object) -> str:
    """The text of a JSON item, under any of its names."""
    return next((value for key in _TEXT_KEYS if isinstance(value := item.get(key), str)), "")


def item_place(item: Object, plane: Plane) -> Polygon | None:
    """The place of a JSON item, under any of its names and in any of its forms."""
    values = (item[key] for key in _BOX_KEYS if key in item)
    return next((place for value in values if (place := plane.polygon(numbers(value)))), None)


def _looks_like_json(text: str) -> bool:
    begins = text.lstrip("`json \n")[:1] in {"[", "{"}
    return begins or any(f'"{key}"' in text for key in _BOX_KEYS)


def _json(text: str, plane: Plane) -> Iterator[Line]:
    for raw in objects(text):
        loaded = loads(raw)
        for item in items(loaded) if loaded is not None else [_scraped(raw)]:
            words = item_text(item)
            if words.strip():
                yield Line(" ".join(words.split()), item_place(item, plane))


def _scraped(raw: str) -> Object:
    """Box and text of an item whose text holds quotation marks as they were printed."""
    start = _RAW_TEXT.search(raw)
    box = _RAW_BOX.search(raw)
    if start is None:
        return {}
    ends = [match.start() for match in _TEXT_END.finditer(raw, start.end())]
    return {"text": raw[start.end() : ends[-1] if ends else None], "box": box and box[1]}


def _tagged(text: str, plane: Plane) -> Iterator[Line]:
    """``<ref>t</ref><quad>…</quad>`` and the other way round; text outside tags stands alone."""
    words, place = "", None
    for kind, piece in _pieces(text):
        if kind == "quad":
            place = plane.polygon(_positions(piece))
        elif piece.strip():
            if words:
                yield Line(words)
            words = " ".join(piece.split())
        if words and place is not None:
            yield Line(words, place)
            words, place = "", None
    if words:
        yield Line(words)


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Stretches of text with the tag that they stand in: ``quad``, or anything else."""
    tags = list(_TAG.finditer(text))
    if tags and text[: tags[0].start()].strip():
        yield "", text[: tags[0].start()]
    ends = [tag.start() for tag in tags[1:]] + [len(text)]
    for tag, end in zip(tags, ends, strict=True):
        kind = "" if tag[1] else tag[2].replace("poly", "quad")
        yield kind, text[tag.end() : end]


def _positions(text: str) -> tuple[float, ...]:
    named = _POSITION.findall(text[:400])
    return tuple(map(float, named)) if named else numbers(text)


def _pairs(text: str, plane: Plane) -> Iterator[Line]:
    """Texts, each before the points of its box: two, or four of a quadrilateral.

    The text may hold parentheses, even points: the last two points before the next text are the
    box.
    """
    end = 0
    for match in _POINTS.finditer(text):
        points = list(_ONE_POINT.finditer(text, match.start(), match.end()))
        count = 4 if len(points) == 4 else 2
        first = points[-count]
        words = " ".join(text[end : first.start()].split())
        if len(points) > count:
            words = words.rstrip(", ")
        end = match.end()
        if words:
            yield Line(words, plane.polygon(numbers(text[first.start() : end])))
    yield from _rest(text[end:], placed=end > 0)


def _rest(text: str, *, placed: bool) -> Iterator[Line]:
    """Text behind the last box: a line whose box was cut off, or all of an answer without any."""
    if placed:
        text = text[:-_LONGEST_TAIL] + _CUT_TAIL.sub("", text[-_LONGEST_TAIL:])
    for line in text.splitlines():
        if words := " ".join(line.split()):
            yield Line(words)
