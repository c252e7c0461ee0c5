"""The report in a real browser: every plot is drawn, nothing is fetched, nobody else's script runs.

Skipped where there is no Chromium (``CHROMIUM`` names one that is not on the path).
"""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image
from tests.browser import Tab, found, tab
from tests.load_records import Server, hostile, sweep

from ocrgate.load.report.page import render
from ocrgate.load.report.several import Several
from ocrgate.load.report.single import page_of
from ocrgate.load.report.words import Words

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),  # 3D is drawn by the CPU here
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(found() is None, reason="there is no Chromium: apt-get install chromium"),
]
DRAWN = "document.documentElement.dataset.drawn === 'yes'"
PLOTS = "Array.from(document.querySelectorAll('.drawn')).map(plot => plot.id)"
BOXES = """Array.from(document.querySelectorAll('.drawn')).map(plot => {
    const box = plot.getBoundingClientRect();
    return [plot.id, box.x + scrollX, box.y + scrollY, box.right + scrollX, box.bottom + scrollY];
})"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports as files: one run, in English and Chinese, and two compared."""
    folder = tmp_path_factory.mktemp("reports")
    record, other = sweep(seconds=20), sweep(seconds=20, server=Server(page=0.6), seed=2)
    for language in ("en", "zh"):
        words = Words(language)
        (folder / f"{language}.html").write_text(render(page_of(record, words), words), "utf-8")
    both = Several([("before", record), ("after", other)])
    attacked = render(page_of(hostile(), Words()), Words())
    (folder / "hostile.html").write_text(attacked, "utf-8")
    (folder / "both.html").write_text(render(both.page(Words()), Words()), "utf-8")
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Tab]:
    """One browser for all; each test opens what it needs."""
    async with tab() as opened:
        yield opened


async def drawn(page: Tab, path: Path) -> None:
    """Open a report and wait for its plots."""
    await page.show(path.as_uri())
    await page.until(DRAWN, 200)


def colours(picture: Image.Image) -> int:
    """How many colours a picture has that are on more than a few pixels."""
    pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    _, counts = np.unique(pixels // 16, axis=0, return_counts=True)
    return int((counts > 25).sum())


@pytest.mark.parametrize(
    ("name", "plots", "dark"), [("en", 17, False), ("zh", 17, True), ("both", 6, False)]
)
async def test_every_plot_is_drawn_and_nothing_is_fetched(
    page: Tab, pages: Path, name: str, plots: int, dark: bool
) -> None:
    """From ``file://``, without a network, in light and dark, and without a word of complaint."""
    await page.look(dark=dark)
    await drawn(page, pages / f"{name}.html")
    picture = Image.open(io.BytesIO(await page.picture()))
    boxes = await page.evaluate(BOXES)
    assert len(boxes) >= plots
    for plot, *box in boxes:
        assert colours(picture.crop(tuple(box))) >= 4, plot  # paper, ink, grid, a line at least
    assert page.errors == []
    assert [url for url in page.asked if not url.startswith(("data:", "blob:"))] == [
        (pages / f"{name}.html").as_uri()
    ]
    paper = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(18, 22, 28)" if dark else "rgb(255, 255, 255)")


async def test_it_is_readable_on_a_phone(page: Tab, pages: Path) -> None:
    """Nothing sticks out to the right; wide tables scroll in their own box."""
    await page.look(width=390, height=800)
    await drawn(page, pages / "en.html")
    assert await page.evaluate(OVERFLOW) <= 0


async def test_the_page_answers_to_its_buttons(page: Tab, pages: Path) -> None:
    """The theme reaches the plots; tables sort by value, a second time the other way round."""
    ink = "getComputedStyle(document.querySelector('#plot-carries .xtick text')).fill"
    column = "Array.from(document.querySelectorAll('#table-steps tbody td:first-child'))"
    texts = f"{column}.map(cell => cell.textContent)"
    heading = "Array.from(document.querySelectorAll('#table-steps th button'))"
    click = f"{heading}.find(b => b.textContent === 'p50').click()"
    await page.look()
    await drawn(page, pages / "en.html")
    before = await page.evaluate(ink)
    await page.evaluate("document.querySelector('button.theme').click()")
    await page.until(f"{ink} !== {before!r}", 30)
    assert await page.evaluate(ink) == "rgb(230, 234, 240)"
    await page.evaluate(click)
    rising = [f"concurrency {n}" for n in (4, 8, 16, 32, 64)]
    assert await page.evaluate(texts) == rising
    await page.evaluate(click)
    assert await page.evaluate(texts) == rising[::-1]


async def test_no_button_sends_the_figures_away(page: Tab, pages: Path) -> None:
    """The plotting library offers one by default."""
    buttons = "Array.from(document.querySelectorAll('.modebar-btn')).map(b => b.dataset.title)"
    await page.look()
    await drawn(page, pages / "both.html")
    titles = set(await page.evaluate(buttons))
    assert titles
    assert not [title for title in titles if "loud" in title or "dit" in title]


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("", "The plots need JavaScript"),
        ("delete window.DecompressionStream", "This browser cannot unpack"),
    ],
)
async def test_a_browser_that_cannot_draw_says_why_and_shows_the_figures(
    page: Tab, pages: Path, before: str, message: str
) -> None:
    """Tables and sentences need nothing."""
    await page.look(script=bool(before))
    await page.show((pages / "en.html").as_uri(), before=before)
    if before:
        await page.until("!document.getElementById('message').hidden", 30)
    assert await page.evaluate("document.querySelector('.drawn').offsetHeight") == 0
    seen = await page.evaluate("document.body.innerText")
    assert message in seen
    assert "SLO broken at concurrency 64" in seen
    assert "concurrency 32" in seen


async def test_without_webgl_the_flat_plots_stand_in(page: Tab, pages: Path) -> None:
    """The surface says what it lacks; all others are drawn."""
    none = "HTMLCanvasElement.prototype.getContext = () => null"
    await page.look()
    await page.show((pages / "en.html").as_uri(), before=none)
    await page.until(DRAWN, 200)
    told = await page.evaluate("document.getElementById('plot-surface').textContent")
    assert "This browser draws no 3D" in told
    count = "document.querySelectorAll('.js-plotly-plot').length"
    assert await page.evaluate(count) == len(await page.evaluate(PLOTS)) - 1


async def test_what_a_server_wrote_does_nothing(page: Tab, pages: Path) -> None:
    """Markup in every string of a record is read as text, in the page and in its plots."""
    await page.look()
    await drawn(page, pages / "hostile.html")
    assert await page.evaluate("typeof window.pwned") == "undefined"
    assert await page.evaluate("document.querySelectorAll('img, a[href^=\"http\"]').length") == 0
    assert page.asked == [(pages / "hostile.html").as_uri()]
    assert page.errors == []
