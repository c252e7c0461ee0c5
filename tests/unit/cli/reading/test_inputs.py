"""What file arguments stand for."""

import io
import os
import threading
from pathlib import Path

import pytest

from ocrgate.cli.reading.inputs import Source, expand
from ocrgate.errors import (
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    RequestError,
    UnreadableDocument,
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ["b.png", "a.JPG", "notes.txt", "sub/c.pdf", "sub/.hidden.png", ".git/d.png"]:
        file = tmp_path / "scans" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return tmp_path / "scans"


def expanded(*arguments: str, stdin: bytes = b"", scratch: Path | None = None) -> list[Source]:
    return expand(arguments, stdin=io.BytesIO(stdin), scratch=scratch or Path(), most=1000)


def places(sources: list[Source]) -> list[str]:
    return [str(source.place) for source in sources]


def test_a_folder_means_its_pictures_and_pdfs(tree: Path) -> None:
    """All folders below are gone through, in order; hidden and other files are left out."""
    assert places(expanded(str(tree))) == ["a.JPG", "b.png", "sub/c.pdf"]


def test_a_named_file_is_read_whatever_its_suffix(tree: Path) -> None:
    """Who names a file means it."""
    assert places(expanded(str(tree / "notes.txt"))) == ["notes.txt"]


def test_patterns_work_where_the_shell_left_them_alone(tree: Path) -> None:
    """Quoted patterns, ** included, keep the folders below their fixed part."""
    assert places(expanded(f"{tree}/**/*.p*")) == ["b.png", "sub/c.pdf"]
    assert places(expanded(f"{tree}/[ab].*")) == ["a.JPG", "b.png"]


def test_a_name_that_looks_like_a_pattern_is_a_name_first(tree: Path) -> None:
    """scan[1].png is a usual name of downloads."""
    odd = tree / "scan[1].png"
    odd.write_bytes(b"x")
    assert places(expanded(str(odd))) == ["scan[1].png"]


def test_each_file_is_read_once(tree: Path) -> None:
    """A folder and a file in it do not read it twice."""
    (tree / "link.png").symlink_to(tree / "b.png")
    assert len(expanded(str(tree), str(tree / "b.png"))) == 3


def test_folders_that_link_in_circles_end(tree: Path) -> None:
    """A link to a parent folder is not followed."""
    (tree / "loop").symlink_to(tree)
    assert len(expanded(str(tree))) == 3


@pytest.mark.parametrize("argument", ["missing.png", "none*.png", "sub/x/y.pdf"])
def test_what_is_not_there_is_named(tree: Path, argument: str) -> None:
    """A typo is told before anything is read."""
    with pytest.raises(NotFound, match=argument[:4]):
        expanded(str(tree / argument))


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    """Nothing to do is not a success."""
    with pytest.raises(NotFound, match="no picture or PDF"):
        expanded(str(tmp_path))


def test_standard_input_is_spooled_once(tmp_path: Path) -> None:
    """A pipe is read into a file of the scratch folder, and only once."""
    (source,) = expanded("-", stdin=b"data", scratch=tmp_path)
    assert source.path.read_bytes() == b"data"
    assert source.path.parent == tmp_path
    with pytest.raises(InvalidRequest, match="once"):
        expanded("-", "-", stdin=b"data", scratch=tmp_path)


def test_a_pipe_is_read_once_from_its_beginning(tmp_path: Path) -> None:
    """As the shell makes one of <(command): it has no length and no way back."""
    pipe = tmp_path / "63"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"data",))
    writer.start()
    (source,) = expanded(str(pipe), scratch=tmp_path)
    writer.join()
    assert (source.path.read_bytes(), source.shown) == (b"data", str(pipe))
    assert source.place == Path("63")


def test_a_pipe_in_a_folder_is_left_out(tree: Path) -> None:
    """Nobody may ever write into it, and who named the folder means its files."""
    os.mkfifo(tree / "pipe.png")
    assert places(expanded(str(tree))) == ["a.JPG", "b.png", "sub/c.pdf"]


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_devices_are_bounded_as_standard_input_is(tmp_path: Path, device: str) -> None:
    """Nothing to read, and no end of it."""
    with pytest.raises(RequestError, match=device):
        expanded(device, scratch=tmp_path)


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
def test_standard_input_is_bounded(tmp_path: Path, size: int, fits: bool) -> None:
    """An endless pipe does not fill the disk."""
    if fits:
        assert len(expanded("-", stdin=b"x" * size, scratch=tmp_path)) == 1
    else:
        with pytest.raises(PayloadTooLarge, match="1000 bytes"):
            expanded("-", stdin=b"x" * size, scratch=tmp_path)


def test_empty_standard_input_is_told(tmp_path: Path) -> None:
    """A pipe whose writer failed is an error."""
    with pytest.raises(UnreadableDocument, match="empty"):
        expanded("-", scratch=tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every folder")
def test_a_folder_below_that_may_not_be_opened_is_told(tree: Path) -> None:
    """Its pages would be missing and nobody would know."""
    (tree / "sub").chmod(0)
    with pytest.raises(UnreadableDocument, match="sub: this folder may not be opened"):
        expanded(str(tree))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every file")
def test_a_file_that_may_not_be_opened_is_told(tree: Path) -> None:
    """Rights are looked at before any work."""
    (tree / "b.png").chmod(0)
    with pytest.raises(UnreadableDocument, match="may not be opened"):
        expanded(str(tree))
