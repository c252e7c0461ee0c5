"""The whole pipeline with the real weights."""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, PageWarning, Quality, bounding_box
from ocrgate.engines.cpu.cancel import ReadingCancelled
from ocrgate.engines.cpu.known_page import KNOWN_TEXT, known_page
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.engines.cpu.session import Session

LINES = [
    "The harbor lies between two hills.",
    "Every morning the boats go out",
    "and the market opens at seven.",
    "Invoice 4711, total 128.50",
]


@pytest.fixture(scope="module")
def session() -> Session:
    """One session for all tests, as in a worker."""
    return Session(CpuParams())


def page(lines: list[str], size: int = 24, width: int = 640) -> Image.Image:
    """Black lines on white, set with the font that Pillow carries."""
    picture = Image.new("L", (width, 60 + 40 * len(lines)), 255)
    for number, text in enumerate(lines):
        font = ImageFont.load_default(size)
        ImageDraw.Draw(picture).text((40, 30 + 40 * number), text, fill=0, font=font)
    return picture


def packed(picture: Image.Image, scale: float = 1.0) -> PageImage:
    """A picture as the image path hands it over; its source is ``scale`` times as large."""
    picture = picture if picture.mode == "L" else picture.convert("RGB")
    width, height = picture.size
    source = (round(width * scale), round(height * scale))
    channels = len(picture.getbands())
    return PageImage(picture.tobytes(), Encoding.RAW, width, height, channels, *source)


def read(session: Session, picture: Image.Image, quality: Quality = Quality.AUTO) -> PageReading:
    return session.read(packed(picture), PageRequest(quality=quality))


def lines_of(reading: PageReading) -> list[str]:
    return [line.text for line in reading.lines()]


def test_the_known_page_is_read(session: Session) -> None:
    """What the engine's start relies on."""
    session.warm_up()
    assert session.read(known_page(), PageRequest()).text == KNOWN_TEXT


@pytest.mark.parametrize("quality", list(Quality))
def test_a_plain_page_is_read_in_every_quality(session: Session, quality: Quality) -> None:
    """Text, order and spaces come out right."""
    reading = read(session, page(LINES), quality)
    assert lines_of(reading) == LINES
    assert reading.warnings == ()


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_page_is_read_and_keeps_its_places(session: Session, turn: int) -> None:
    """The text is right, the turn is reported, and boxes lie on the page as displayed."""
    upright = page(LINES)
    lying = upright.rotate(turn, expand=True)  # counterclockwise, so clockwise makes it right
    reading = read(session, lying)
    assert lines_of(reading) == LINES
    assert reading.rotation == turn
    pixels = np.asarray(lying)
    for line in reading.lines():
        assert line.polygon is not None
        box = bounding_box(line.polygon)
        inside = pixels[round(box.y1) : round(box.y2), round(box.x1) : round(box.x2)]
        assert (inside < 128).any()
        assert (box.y2 - box.y1 > box.x2 - box.x1) == (turn != 180)


@pytest.mark.parametrize("turn", [0, 180])
def test_a_single_line_shows_which_way_up_it_is(session: Session, turn: int) -> None:
    """One line is enough."""
    reading = read(session, page(LINES[:1]).rotate(turn))
    assert (lines_of(reading), reading.rotation) == (LINES[:1], turn)


def test_boxes_are_pixels_of_the_source(session: Session) -> None:
    """A page that was shrunk to half reports places in its full size."""
    picture = page(LINES[:1])
    (small,) = session.read(packed(picture), PageRequest()).lines()
    (large,) = session.read(packed(picture, scale=2.0), PageRequest()).lines()
    assert small.polygon is not None
    assert large.polygon is not None
    assert np.allclose(np.array(large.polygon), 2 * np.array(small.polygon), atol=0.1)


def test_words_lie_on_their_ink(session: Session) -> None:
    """Each word's box holds its own letters: what selecting in a searchable PDF needs."""
    picture = page(["alpha beta gamma"])
    (line,) = read(session, picture).lines()
    assert [word.text for word in line.words] == ["alpha", "beta", "gamma"]
    font = ImageFont.load_default(24)
    for word, start in zip(line.words, ("", "alpha ", "alpha beta "), strict=True):
        begin = 40 + font.getlength(start)
        end = begin + font.getlength(word.text)
        box = bounding_box(word.polygon)
        assert abs(box.x1 - begin) < 12
        assert abs(box.x2 - end) < 12


@pytest.mark.parametrize("size", [12, 24, 60])
@pytest.mark.parametrize("ink", [0, 255], ids=["dark", "light"])
def test_a_tight_crop_of_one_word_is_read(session: Session, size: int, ink: int) -> None:
    """Cut out to the last pixel, dark on light or light on dark."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox("Harbor 42")
    picture = Image.new("L", (round(right - left), round(bottom - top)), 255 - ink)
    ImageDraw.Draw(picture).text((-left, -top), "Harbor 42", fill=ink, font=font)
    assert read(session, picture).text == "Harbor 42"


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (40, 40), (800, 600)])
def test_a_blank_page_is_empty(session: Session, size: tuple[int, int]) -> None:
    """No text is invented, and the caller is told."""
    reading = read(session, Image.new("RGB", size, "white"))
    assert (reading.text, reading.warnings) == ("", (PageWarning.EMPTY,))


def test_scrawl_is_not_confident_rubbish(session: Session) -> None:
    """Strokes of no script yield a warning or nothing."""
    picture = Image.new("L", (600, 200), 255)
    draw = ImageDraw.Draw(picture)
    lot = np.random.default_rng(5)
    for x in range(30, 560, 26):
        points = [(x + int(lot.integers(0, 22)), int(lot.integers(80, 120))) for _ in range(6)]
        draw.line(points, fill=0, width=3)
    assert set(read(session, picture).warnings) & {PageWarning.LOW_CONFIDENCE, PageWarning.EMPTY}


def test_color_and_gray_read_the_same(session: Session) -> None:
    """Channels change nothing for black on white."""
    picture = page(LINES)
    assert read(session, picture).text == read(session, picture.convert("RGB")).text


def test_light_text_on_a_dark_page_is_read(session: Session) -> None:
    """Dark mode needs no help."""
    assert lines_of(read(session, ImageOps.invert(page(LINES)))) == LINES


def test_a_skewed_page_is_read_in_order(session: Session) -> None:
    """Three degrees do not mix the lines."""
    picture = page(LINES).rotate(3, fillcolor=255, expand=True, resample=Image.Resampling.BICUBIC)
    assert lines_of(read(session, picture)) == LINES


def test_two_columns_are_read_one_after_the_other(session: Session) -> None:
    """The order of a real page image, from pixels to text."""
    left = [f"{number} left the harbor before the morning came" for number in range(1, 9)]
    right = [f"{number} right the market opens at seven today" for number in range(1, 9)]
    sheet = Image.new("L", (1120, 400), 255)
    sheet.paste(page(left, 22, 560), (0, 0))
    sheet.paste(page(right, 22, 560), (560, 0))
    assert lines_of(read(session, sheet)) == left + right


def test_a_page_nobody_waits_for_is_dropped_at_once(session: Session) -> None:
    """Cancelled before the first step."""
    with pytest.raises(ReadingCancelled):
        session.read(known_page(), PageRequest(), cancelled=lambda: True)


@pytest.mark.parametrize("step", [1, 3, 6])
def test_a_page_is_dropped_between_two_steps(session: Session, step: int) -> None:
    """The probe is asked many times, and the first yes ends the page."""
    asked: Iterator[int] = count(1)
    with pytest.raises(ReadingCancelled):
        session.read(packed(page(LINES)), PageRequest(), cancelled=lambda: next(asked) >= step)
    assert next(asked) == step + 1


def test_steps_are_short(session: Session) -> None:
    """The longest time between two questions stays well under a second on a full page."""
    instants: list[float] = []

    def probe() -> bool:
        instants.append(time.thread_time())
        return False

    sheet = page([f"{number}. {LINES[0]} {LINES[1]}" for number in range(30)], 24, 1100)
    session.read(packed(sheet), PageRequest(quality=Quality.HIGH), cancelled=probe)
    assert float(np.diff(instants).max()) < 0.6


def corpus_page(corpus: Path, name: str) -> PageReading:
    with Image.open(corpus / "images" / name) as picture:
        return Session(CpuParams()).read(packed(ImageOps.exif_transpose(picture)), PageRequest())


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cn_helloworld.jpg", None),
        ("word_word_1_en.png", None),
        ("word_word_2_zh.jpg", None),
        ("rapid_short.png", None),
    ],
)
def test_tight_crops_of_the_corpus_are_read(corpus: Path, name: str, text: str | None) -> None:
    """Crops that the usual pipeline finds nothing on."""
    truth = (corpus / "gt" / name).with_suffix(".txt").read_text(encoding="utf-8")
    assert squeezed(corpus_page(corpus, name).text) == squeezed(text or truth)


@pytest.mark.corpus
@pytest.mark.parametrize(
    "name", ["rapid_arabic.png", "rapid_eslav.jpg", "rapid_te.png", "rapid_th_rec.jpg"]
)
def test_scripts_the_weights_do_not_know_are_marked(corpus: Path, name: str) -> None:
    """The caller is warned instead of given rubbish."""
    assert PageWarning.LOW_CONFIDENCE in corpus_page(corpus, name).warnings


@pytest.mark.corpus
def test_columns_set_downwards_are_read_from_the_right(corpus: Path) -> None:
    """Traditional print: the page is upright and its first column is the rightmost."""
    reading = corpus_page(corpus, "rapid_text_vertical_words.png")
    truth = (corpus / "gt" / "rapid_text_vertical_words.txt").read_text(encoding="utf-8")
    assert reading.rotation == 0
    assert squeezed(reading.text) == squeezed(truth)


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_arrays_of_the_page_are_not_changed(session: Session) -> None:
    """Two reads of the same image give the same text: nothing is drawn into it."""
    image = packed(page(LINES))
    pixels: NDArray[np.uint8] = np.frombuffer(image.data, np.uint8).copy()
    first = session.read(image, PageRequest()).text
    assert session.read(image, PageRequest()).text == first
    assert (np.frombuffer(image.data, np.uint8) == pixels).all()
