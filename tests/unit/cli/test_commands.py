"""Commands in this process: what they print, and how they end."""

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ocrgate.cli.app import main
from ocrgate.cli.exit import Exit
from ocrgate.cli.keys import parse_rate
from ocrgate.errors import InvalidRequest
from ocrgate.keys import SqlKeyStore


class Shell:
    """Runs commands; keeps what came out."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder
        self.config = folder / "ocrgate.toml"
        self.config.write_text(f'[auth]\ndatabase = "{folder}/keys.sqlite"\n')
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        code: object = 0
        try:
            main(words)
        except SystemExit as ended:
            code = ended.code
        self.out, self.err = self._capsys.readouterr()
        assert code is None or isinstance(code, int)
        return code or 0


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(capsys, tmp_path)


COMMANDS = [
    [],
    ["serve"],
    ["read"],
    ["bench"],
    ["report"],
    ["tune"],
    ["plan"],
    ["simulate"],
    ["keys"],
    ["keys", "create"],
    ["keys", "list"],
    ["keys", "revoke"],
    ["config", "show"],
    ["config", "schema"],
    ["config", "check"],
    ["doctor"],
    ["version"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_h_explains_every_command(shell: Shell, words: list[str]) -> None:
    """-h works everywhere and goes to standard output."""
    assert shell(*words, "-h") == Exit.OK
    assert "Usage: ocrgate" in shell.out
    assert "<bool>" not in shell.out  # a flag takes no value
    assert shell.err == ""


def test_help_is_quick_because_it_loads_little() -> None:
    """No engine, no server, no database for a help text; half a second of CPU at most."""
    code = (
        "import sys, time\n"
        "from ocrgate.cli.app import main\n"
        "try: main(['-h'])\n"
        "except SystemExit: pass\n"
        "print('LOADED', time.process_time(), *sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *modules = done.stdout.partition("LOADED ")[2].split()
    heavy = {"numpy", "cv2", "onnxruntime", "PIL", "starlette", "sqlalchemy", "httpx", "pydantic"}
    assert heavy & set(modules) == set()
    assert float(seconds) < 0.5


def test_the_secret_of_a_new_key_is_all_that_is_printed(shell: Shell) -> None:
    """KEY=$(ocrgate keys create NAME) works; the explanation goes beside it."""
    config = ["--config", str(shell.config)]
    assert shell("keys", "create", "scanner", "--rate", "2/s", "--concurrency", "4", *config) == 0
    secret = shell.out.strip()
    assert re.fullmatch(r"ocrg_\w{8}_\w{40}", secret)
    assert "only time" in shell.err
    key = SqlKeyStore(shell.folder / "keys.sqlite").find(secret)
    assert key is not None
    assert (key.name, key.rate, key.concurrency) == ("scanner", 120.0, 4)


@pytest.mark.parametrize("words", [["create", "a"], ["list"], ["revoke", "a"]])
def test_a_database_that_fails_is_told_as_such(shell: Shell, words: list[str]) -> None:
    """A full disk, or a file of something else, is not a mistake inside ocrgate."""
    with closing(sqlite3.connect(shell.folder / "keys.sqlite")) as database:
        database.execute("CREATE TABLE api_keys (id TEXT, name TEXT, revoked REAL)")
    assert shell("keys", *words, "--config", str(shell.config)) == Exit.ENVIRONMENT
    assert "cannot be used as the database of keys: " in shell.err
    assert "auth.database" in shell.err


def test_keys_can_be_listed_and_revoked(shell: Shell) -> None:
    """Nobody needs to open the database."""
    config = ["--config", str(shell.config)]
    shell("keys", "create", "one", *config)
    shell("keys", "create", "two", "--lane", "batch", *config)
    assert shell("keys", "revoke", "one", *config) == 0
    assert shell("keys", "list", "--json", *config) == 0
    rows = json.loads(shell.out)
    assert [(row["name"], row["lane"], row["revoked"] is None) for row in rows] == [
        ("one", "standard", False),
        ("two", "batch", True),
    ]
    assert shell("keys", "list", *config) == 0
    assert "two" in shell.out
    assert "ocrg_" not in shell.out


def test_mistakes_with_keys_are_told(shell: Shell) -> None:
    """Each in one line, with a code of its own."""
    config = ["--config", str(shell.config)]
    shell("keys", "create", "one", *config)
    assert shell("keys", "create", "one", *config) == Exit.USAGE
    assert "'one'" in shell.err
    assert shell("keys", "revoke", "none", *config) == Exit.INPUT
    assert shell("keys", "create", "two", "--rate", "fast", *config) == Exit.USAGE
    assert "--rate" in shell.err
    assert shell("keys", "create", "a b", *config) == Exit.USAGE
    assert shell.err.count("\n") == 1
    assert shell.out == ""


def test_a_database_that_is_none_is_told(shell: Shell) -> None:
    """A wrong path does not end in a traceback."""
    (shell.folder / "keys.sqlite").write_text("this is no database, whatever its name says")
    assert shell("keys", "list", "--config", str(shell.config)) == Exit.ENVIRONMENT
    assert "OCRGATE_AUTH__DATABASE" in shell.err


@pytest.mark.parametrize(
    ("text", "pages"),
    [("60/min", 60.0), ("60", 60.0), ("2/s", 120.0), ("1.5/s", 90.0), ("120/h", 2.0)],
)
def test_rates_are_read_per_second_minute_hour(text: str, pages: float) -> None:
    """As people say them."""
    assert parse_rate(text) == pytest.approx(pages)


@pytest.mark.parametrize("text", ["", "0/min", "-1", "60/fortnight", "many", "1e3/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """No key is made with a limit that nobody meant."""
    with pytest.raises(InvalidRequest):
        parse_rate(text)


def test_settings_are_shown_with_their_origin(shell: Shell) -> None:
    """For people in columns, for scripts as JSON."""
    assert shell("config", "show", "--config", str(shell.config)) == 0
    assert re.search(rf"auth\.database +\"{shell.folder}/keys.sqlite\" +{shell.config}", shell.out)
    assert shell("config", "show", "--json", "--config", str(shell.config)) == 0
    found = json.loads(shell.out)
    assert found["auth.database"]["origin"] == str(shell.config)


def test_a_settings_file_can_be_checked(shell: Shell) -> None:
    """Before it is rolled out."""
    assert shell("config", "check", str(shell.config)) == 0
    shell.config.write_text("[server]\nprot = 1\n")
    assert shell("config", "check", str(shell.config)) == Exit.SETTINGS
    assert "did you mean server.port?" in shell.err
    assert shell("config", "check", "--json", str(shell.config)) == Exit.SETTINGS
    assert json.loads(shell.out)["problems"][0]["key"] == "server.prot"
    assert shell("config", "schema") == 0
    assert json.loads(shell.out)["title"] == "ocrgate.toml"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["read"], Exit.USAGE, "Missing argument"),
        (["read", "none.png"], Exit.INPUT, "none.png: there is no such file"),
        (["read", "https://h/a.png?b[1]"], Exit.INPUT, "try curl URL | ocrgate read -"),
        (["read", "{config}", "--schema", "none"], Exit.USAGE, "--schema none: No such file"),
        (["read", "{config}", "--schema", "{config}"], Exit.USAGE, "it is not JSON"),
        (["read", "{folder}"], Exit.INPUT, "no picture or PDF"),
        (["read", "{config}", "--pages", "3-1"], Exit.USAGE, "ranges rise"),
        (["read", "{config}", "-f", "docx"], Exit.USAGE, "is not a format"),
        (["read", "{config}", "--quality", "best"], Exit.USAGE, "best"),
        (["read", "{config}", "--force", "--skip-existing"], Exit.USAGE, "exclude each other"),
        (["read", "{config}", "{other}", "-f", "json"], Exit.USAGE, "-o DIR"),
        (["read", "{config}", "--timeout", "0"], Exit.USAGE, "greater than or equal to 1"),
        (["read", "{config}", "-o", "{other}"], Exit.USAGE, "--output names a folder"),
        (["read", "{config}", "--server", "h:1"], Exit.USAGE, "no address of a server"),
        (["keys", "create", "x", "--rate", "9" * 400], Exit.USAGE, "is no rate"),
        (["fly"], Exit.USAGE, "fly"),
        (["serve", "--engine", "gpu"], Exit.SETTINGS, "(from --engine)"),
        (["serve", "--port", "70000"], Exit.SETTINGS, "0 to 65,535"),
        (["serve", "--config", "none.toml"], Exit.SETTINGS, "there is no such file"),
    ],
)
def test_mistakes_are_told_before_any_work(
    shell: Shell, words: list[str], code: Exit, says: str
) -> None:
    """Each ends at once, with its reason on standard error and nothing on standard output."""
    other = shell.folder / "other.bin"
    other.write_bytes(b"x")
    places = {"folder": other.parent / "empty", "config": shell.config, "other": other}
    places["folder"].mkdir()
    assert shell(*(word.format(**places) for word in words)) == code
    assert says in " ".join(shell.err.split())
    assert "Traceback" not in shell.err
    assert shell.err.startswith("ocrgate: ")
    assert len(shell.err.splitlines()) <= 3
    assert shell.out == ""


def test_nothing_is_started_where_every_result_is_there(shell: Shell) -> None:
    """Neither an engine nor a server is needed to do nothing."""
    out = shell.folder / "out"
    out.mkdir()
    (out / "page.txt").write_text("read before")
    (shell.folder / "page.png").write_bytes(b"x")
    words = ["read", str(shell.folder / "page.png"), "-o", str(out), "--skip-existing"]
    assert shell(*words, "--server", "http://127.0.0.1:1") == Exit.OK
    assert shell.err == "left alone, since their results exist: 1\n"
    assert shell(*words, "--server", "http://127.0.0.1:1", "--json") == Exit.OK
    assert json.loads(shell.out) == {"exit_code": 0, "files": []}


def test_debug_shows_the_traceback(shell: Shell) -> None:
    """Who reports a mistake can say where it happened."""
    assert shell("--debug", "config", "check", str(shell.folder / "none.toml")) == Exit.SETTINGS
    assert "Traceback" in shell.err


def test_version_is_printed(shell: Shell) -> None:
    """For people and for scripts."""
    assert shell("version") == 0
    assert shell.out.startswith("ocrgate ")
    assert shell("version", "--json") == 0
    assert set(json.loads(shell.out)) == {"ocrgate", "python"}


def test_a_name_in_wide_letters_keeps_the_columns(shell: Shell) -> None:
    """A letter of Chinese takes two columns of a terminal, and is itself in JSON."""
    config = ["--config", str(shell.config)]
    shell("keys", "create", "\u53d1\u7968", *config)
    shell("keys", "create", "invoices", *config)
    shell("keys", "list", *config)
    head, first, second = shell.out.splitlines()
    assert second.index("standard") == head.index("LANE")
    assert first.index("standard") == head.index("LANE") - 2
    shell("keys", "list", "--json", *config)
    assert "\u53d1\u7968" in shell.out


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["--pages", "x"], "--pages"),
        (["-f", "docx"], "--format"),
        (["--quality", "x"], "--quality"),
    ],
)
def test_what_is_wrong_names_its_option(shell: Shell, words: list[str], option: str) -> None:
    """Not the field of a request that nobody sent."""
    assert shell("read", "a.png", *words) == Exit.USAGE
    assert option in shell.err


def test_lists_are_shown_as_they_are_written_in_a_file(shell: Shell) -> None:
    """So that they can be copied from one place to the other."""
    shell.config.write_text('[engine]\nkind = "openai"\nurl = ["http://a:1", "http://b:2"]\n')
    shell("config", "show", "--config", str(shell.config))
    assert '["http://a:1", "http://b:2"]' in shell.out
    shell("config", "show", "--json", "--config", str(shell.config))
    assert json.loads(shell.out)["engine.url"]["value"] == ["http://a:1", "http://b:2"]


def test_the_version_is_an_option_too(shell: Shell) -> None:
    """As with every other program."""
    assert shell("--version") == 0
    assert shell.out.startswith("ocrgate ")
    with_option = shell.out
    shell("version")
    assert shell.out == with_option


def test_help_flows(shell: Shell) -> None:
    """Paragraphs are broken where the terminal ends, not where the code does."""
    assert shell("read", "-h") == 0
    words = " ".join(shell.out.split())
    assert "the pages that were read are kept" in words
    short = [line for line in shell.out.splitlines() if line.strip() == "the exit code says so."]
    assert len(shell.out.splitlines()) > 10
    assert not short
