"""``ocrgate simulate`` without serving."""

import json
from pathlib import Path

import pytest

from ocrgate.cli.app import main
from ocrgate.cli.exit import Exit
from ocrgate.simulate.profiles import PROFILES


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *words])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_list_shows_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--list") == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(PROFILES)


def test_list_as_json_says_where_figures_are_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--list", "--json") == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in found] == list(PROFILES)
    assert all(each["source"] for each in found)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--profile", "h1000"), Exit.USAGE, "there is no profile 'h1000'"),
        (("--script", "{tmp}/nothing.json"), Exit.INPUT, "No such file"),
        (("--script", "{tmp}/bad.json"), Exit.USAGE, "change 1 of the script has no kind"),
        (("--speed", "0"), Exit.USAGE, "--speed"),
        (("--host", "256.1.1.1"), Exit.ENVIRONMENT, "is not an address"),
    ],
)
def test_mistakes_are_told_in_a_line(
    words: tuple[str, ...],
    code: Exit,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad.json").write_text('[{"at": 1, "kind": "melt"}]')
    assert run(*(word.format(tmp=tmp_path) for word in words)) == code
    assert told in capsys.readouterr().err
