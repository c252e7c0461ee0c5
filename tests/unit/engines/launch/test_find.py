"""Where vLLM is, and which version."""

import os
import sys
from pathlib import Path

import pytest

from ocrgate.engines.launch.find import find, interpreter
from ocrgate.engines.launch.versions import Version
from ocrgate.errors import EngineUnavailable


def script(folder: Path, text: str, name: str = "vllm") -> Path:
    """An executable file."""
    made = folder / name
    made.write_text(text)
    made.chmod(0o755)
    return made


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def test_a_bare_name_is_looked_for_on_the_path(tmp_path: Path) -> None:
    """And asked for its version, which it may say among other things."""
    made = script(tmp_path, "#!/bin/sh\necho INFO loading; echo 0.31.2+cu13; echo\n", "vllm-x")
    found = find("vllm-x", environment(tmp_path))
    assert found.words == (str(made),)
    assert found.version == Version((0, 31, 2), "cu13")


def test_an_installed_script_is_not_run_for_its_version(tmp_path: Path) -> None:
    """Its environment's records are read: importing vLLM takes ten seconds."""
    records = tmp_path / "lib" / "vllm-0.32.0+cpu.dist-info"
    records.mkdir(parents=True)
    (records / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n")
    made = script(tmp_path, f"#!{sys.executable}\nraise SystemExit('must not run')\n")
    env = os.environ | {"PYTHONPATH": str(tmp_path / "lib")}
    version = find(str(made), env).version
    assert version == Version((0, 32, 0), "cpu")
    assert version.for_cpu


def test_a_version_that_cannot_be_told_is_not_an_error(tmp_path: Path) -> None:
    made = script(tmp_path, "#!/bin/sh\nexit 3\n")
    assert find(str(made), os.environ).version is None


def test_several_words_are_one_command(tmp_path: Path) -> None:
    """A wrapper with arguments, quoted as for a shell."""
    made = script(tmp_path, '#!/bin/sh\necho "v0.30.1 $1"\n', "run it")
    found = find(f"'{made}' 'in here'", os.environ)
    assert found.words == (str(made), "in here")
    assert found.version == Version((0, 30, 1))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-vllm", "pip install vllm"),
        ("/no/such", "pip install"),
        ("", "empty"),
        ("'", "read"),
    ],
)
def test_what_is_not_there_is_said(command: str, said: str) -> None:
    with pytest.raises(EngineUnavailable, match=said):
        find(command, os.environ)


@pytest.mark.parametrize(
    ("head", "python"),
    [
        ("#!/opt/v/bin/python\nimport vllm\n", "/opt/v/bin/python"),
        ("#!/opt/v/bin/python3.12 -s\n", "/opt/v/bin/python3.12"),
        (
            "#!/bin/sh\n'''exec' \"/opt/a b/bin/python\" \"$0\" \"$@\"\n' '''\n",
            "/opt/a b/bin/python",
        ),
        ("#!/bin/sh\nexec python\n", None),
        ("\x7fELF", None),
    ],
)
def test_the_interpreter_is_read_from_the_first_line(
    tmp_path: Path, head: str, python: str | None
) -> None:
    """Installers write it in two ways; long paths need the second."""
    assert interpreter(script(tmp_path, head)) == python


def test_no_interpreter_of_a_file_that_is_gone(tmp_path: Path) -> None:
    assert interpreter(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0.33.0", (0, 33, 0)), (" v1.2rc1+g1", (1, 2)), ("0.11", (0, 11)), ("dev", None), ("", None)],
)
def test_versions_are_read(text: str, numbers: tuple[int, ...] | None) -> None:
    version = Version.parse(text)
    assert (version.numbers if version else None) == numbers
