"""Where results go."""

import os
from pathlib import Path

import pytest

from ocrgate.cli.exit import Exit
from ocrgate.cli.reading.inputs import Source
from ocrgate.cli.reading.outputs import Existing, obstacle, plan
from ocrgate.errors import Conflict


def source(path: Path, place: str | None = None) -> Source:
    return Source(path, str(path), Path(place or path.name))


def planned(folder: Path, *sources: Source, suffix: str = ".txt") -> list[str]:
    targets, _ = plan(sources, folder, suffix, Existing.REFUSE)
    return [str(target.path.relative_to(folder)) for target in targets if target.path]


def test_results_are_named_after_their_files(tmp_path: Path) -> None:
    """b.png becomes b.txt, below the same folders."""
    found = planned(tmp_path, source(Path("x/b.png")), source(Path("y/c.pdf"), "deep/c.pdf"))
    assert found == ["b.txt", "deep/c.txt"]


def test_two_files_that_differ_in_suffix_keep_it(tmp_path: Path) -> None:
    """No result overwrites another of the same run."""
    found = planned(tmp_path, source(Path("a.png")), source(Path("a.jpg")), source(Path("b.png")))
    assert found == ["a.png.txt", "a.jpg.txt", "b.txt"]


def test_two_files_of_one_name_keep_their_folders(tmp_path: Path) -> None:
    """The shell's */page.png gives results that can be told apart."""
    found = planned(tmp_path, source(Path("s/1/p.png")), source(Path("s/2/p.png")))
    assert found == ["1/p.png.txt", "2/p.png.txt"]


def test_a_result_is_not_named_as_the_draft_of_another(tmp_path: Path) -> None:
    """Reading what an interrupted run left: its draft must not replace the other result."""
    found = planned(tmp_path, source(Path("a.partial.pdf")), source(Path("a.pdf")))
    assert found == ["a.partial.pdf.txt", "a.txt"]


def test_dots_in_names_are_kept(tmp_path: Path) -> None:
    """Only the suffix is exchanged."""
    assert planned(tmp_path, source(Path("v1.2.final.png"))) == ["v1.2.final.txt"]


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    """A searchable PDF beside its scan would replace it; --force does not allow that."""
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"x")
    with pytest.raises(Conflict, match="is an input"):
        plan([source(scan)], tmp_path, ".pdf", Existing.REPLACE)


def test_existing_results_are_refused_replaced_or_skipped(tmp_path: Path) -> None:
    """A text that somebody corrected by hand is not lost to a second run."""
    (tmp_path / "a.txt").write_text("corrected")
    sources = [source(Path("a.png")), source(Path("b.png"))]
    with pytest.raises(Conflict, match="--force"):
        plan(sources, tmp_path, ".txt", Existing.REFUSE)
    assert len(plan(sources, tmp_path, ".txt", Existing.REPLACE)[0]) == 2
    left, skipped = plan(sources, tmp_path, ".txt", Existing.SKIP)
    assert [t.source.path.name for t in left] == ["b.png"]
    assert [t.source.path.name for t in skipped] == ["a.png"]


def test_a_file_is_no_folder_for_results(tmp_path: Path) -> None:
    """-o result.txt is told as a mistake before anything is read; new folders are fine."""
    file = tmp_path / "result.txt"
    file.touch()
    for folder in (file, file / "below"):
        found = obstacle(folder)
        assert found is not None
        assert found[1] is Exit.USAGE
        assert "--output names a folder" in found[0]
    assert obstacle(tmp_path / "new" / "deep") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written_is_told_first(tmp_path: Path) -> None:
    """Not after an hour of reading."""
    tmp_path.chmod(0o500)
    found = obstacle(tmp_path / "new")
    assert found is not None
    assert found[1] is Exit.ENVIRONMENT
