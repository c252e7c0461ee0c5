"""``ocrgate read`` as people and scripts run it, with the embedded engine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont
from tests.e2e.conftest import Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

OCRGATE = [sys.executable, "-m", "ocrgate"]
WORDS = "Hello ocrgate 42"


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with one large line."""
    image = Image.new("L", (640, 200), 255)
    ImageDraw.Draw(image).text((30, 60), WORDS, fill=0, font=ImageFont.load_default(size=48))
    path = tmp_path_factory.mktemp("pictures") / "hello.png"
    image.save(path)
    return path


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scanned PDF of 200 pages, each with a dozen lines."""
    page = Image.new("L", (900, 900), 255)
    font = ImageFont.load_default(size=30)
    for row in range(12):
        ImageDraw.Draw(page).text((40, 40 + 70 * row), f"{row} {WORDS}", fill=0, font=font)
    path = tmp_path_factory.mktemp("scans") / "long.pdf"
    page.save(path, save_all=True, append_images=[page] * 199)
    return path


def run(*words: object, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [*OCRGATE, *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=90, check=False)


def test_text_is_printed_and_nothing_else(picture: Path) -> None:
    """The output can be piped on; on success there is no talk."""
    done = run("read", picture)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, WORDS + "\n", b"")


def test_standard_input_is_read_and_a_pdf_comes_out(picture: Path) -> None:
    """A filter between two programs."""
    done = run("read", "-", "-f", "pdf", stdin=picture.read_bytes())
    assert done.returncode == 0
    assert done.stdout.startswith(b"%PDF-")


def test_results_of_a_folder_lie_in_another(picture: Path, tmp_path: Path) -> None:
    """A damaged file beside a good one is named; the good one is there; a second run refuses."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "good.png").write_bytes(picture.read_bytes())
    (folder / "bad.png").write_bytes(picture.read_bytes()[:100])
    out = tmp_path / "out"
    first = run("read", folder, "-o", out, "--json")
    summary = json.loads(first.stdout)
    assert first.returncode == summary["exit_code"] == 3
    assert {Path(f["input"]).name: f["status"] for f in summary["files"]} == {
        "good.png": "ok",
        "bad.png": "failed",
    }
    assert [path.name for path in out.iterdir()] == ["good.txt"]
    assert (out / "good.txt").read_text() == WORDS + "\n"
    again = run("read", folder / "good.png", "-o", out)
    assert again.returncode == 2
    assert b"--skip-existing" in again.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_keeps_pages_and_leaves_no_process(
    scan: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Ctrl-C reaches the whole group of a terminal: what was read is kept, nobody stays."""
    command = [*OCRGATE, "read", str(scan), "-o", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    draft = tmp_path / "long.partial.txt.part"
    while not (draft.is_file() and draft.stat().st_size):
        assert process.poll() is None
        time.sleep(0.02)
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    os.killpg(process.pid, number)
    said = process.communicate(timeout=20)[1].decode()
    assert process.returncode == code
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert [path.name for path in tmp_path.iterdir()] == ["long.partial.txt"]
    assert (tmp_path / "long.partial.txt").read_text().count("11 " + WORDS) >= 1
    assert "pages kept in" in said
    assert "Traceback" not in said


def test_a_server_can_read_instead(server: Server, picture: Path, tmp_path: Path) -> None:
    """The same command, the same text, and only the server's engine at work."""
    here, there = run("read", picture), run("read", picture, "--server", server.url)
    assert there.stdout == here.stdout
    saved = run("read", picture, "-f", "pdf", "-o", tmp_path, "--server", server.url)
    assert saved.returncode == 0
    assert (tmp_path / "hello.pdf").read_bytes().startswith(b"%PDF-")
    bad = run("read", picture, "--pages", "7", "--server", server.url)
    assert bad.returncode == 2
    assert b"page 7" in bad.stderr


def test_a_server_that_is_not_there_is_named(picture: Path) -> None:
    """A wrong address ends with its own code and says which address."""
    done = run("read", picture, "--server", "http://127.0.0.1:9", "--timeout", 1)
    assert done.returncode in {7, 8}
    assert b"127.0.0.1:9" in done.stderr or b"no answer" in done.stderr
