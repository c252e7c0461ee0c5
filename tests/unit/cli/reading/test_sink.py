"""What takes the pages of one file."""

import contextlib
from pathlib import Path

import pytest

from ocrgate.cli.reading.sink import FileSink
from ocrgate.domain.recognition import Usage
from ocrgate.formats import Format
from ocrgate.testing import page_reading


def sink_to(target: Path) -> FileSink:
    return FileSink(target, Format.TEXT, engine="e", source_pdf=None, language=None)


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    """Not before, and nothing stays beside it."""
    sink = sink_to(tmp_path / "below" / "a.txt")
    sink.page(page_reading("hello"), None, Usage(pages=1))
    assert not (tmp_path / "below" / "a.txt").exists()
    sink.finish()
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["a.txt"]


def test_a_full_disk_names_the_file_and_leaves_nothing_empty(tmp_path: Path) -> None:
    """The error itself says neither which file nor which disk."""
    (tmp_path / "a.partial.txt.part").symlink_to("/dev/full")
    sink = sink_to(tmp_path / "a.txt")
    with pytest.raises(OSError, match="No space left") as failed:
        sink.page(page_reading("hello"), None, Usage())
    assert failed.value.filename == str(tmp_path / "a.txt")
    with contextlib.suppress(OSError):
        sink.discard()
    assert list(tmp_path.iterdir()) == []
