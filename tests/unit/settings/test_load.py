"""Settings: every source in its order, every mistake named."""

import json
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

import ocrgate
from ocrgate.control.limit.choice import AutoLaw, EngineLaw, FixedLaw
from ocrgate.domain.ticket import Lane
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.settings import Loaded, Settings, SettingsError, declared, kinds, load, schema


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def written(folder: Path, text: str) -> Path:
    file = folder / "ocrgate.toml"
    file.write_text(text)
    return file


def read(folder: Path, environ: dict[str, str] | None = None, **flags: object) -> Loaded:
    named = {key.replace("__", "."): value for key, value in flags.items()}
    return load(named, environ=environ or {}, folder=folder)


def problems(folder: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(folder, environ)
    return [str(problem) for problem in caught.value.problems]


def test_without_any_source_there_are_defaults(folder: Path) -> None:
    """Nothing needs to be set."""
    assert read(folder).settings == Settings()


def test_flag_beats_variable_beats_file_beats_default(folder: Path) -> None:
    """The nearer to the hand, the stronger."""
    written(folder, "[server]\nport = 1\ntimeout = 2.0\ndrain = 3\n")
    loaded = read(
        folder,
        {"OCRGATE_SERVER__PORT": "10", "OCRGATE_SERVER__TIMEOUT": "20"},
        server__port=100,
        server__host=None,
    )
    server = loaded.settings.server
    assert (server.port, server.timeout, server.drain, server.host) == (100, 20.0, 3.0, "127.0.0.1")


def test_the_origin_of_every_value_is_known(folder: Path) -> None:
    """Who wonders about a value is told where to change it."""
    file = written(folder, "[server]\ntimeout = 2.0\n")
    loaded = read(folder, {"OCRGATE_ENGINE__WORKERS": "3"}, server__max_body_bytes=4096)
    origins = {key: origin for key, _, origin in loaded.rows()}
    assert set(origins) == {
        key for key in declared() if not kinds(key) or {"cpu", "auto"}.intersection(kinds(key))
    }
    assert origins["server.timeout"] == str(file)
    assert origins["engine.workers"] == "OCRGATE_ENGINE__WORKERS"
    assert origins["server.max_body_bytes"] == "--max-body-bytes"
    assert origins["server.port"] == "default"


def test_a_file_can_be_named(folder: Path) -> None:
    """By flag, or by OCRGATE_CONFIG; one that is not there is an error, not a default."""
    file = written(folder, "[server]\nport = 5\n")
    other = folder / "other"
    other.mkdir()
    assert load(config=file, environ={}, folder=other).settings.server.port == 5
    assert read(other, {"OCRGATE_CONFIG": str(file)}).settings.server.port == 5
    assert (
        "there is no such file" in problems(other, {"OCRGATE_CONFIG": str(folder / "no.toml")})[0]
    )


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("OCRGATE_SERVER__PROT", "1", "did you mean OCRGATE_SERVER__PORT?"),
        ("OCRGATE_SERVER_PORT", "1", "did you mean OCRGATE_SERVER__PORT?"),
        ("OCRGATE_PORT", "1", "did you mean OCRGATE_SERVER__PORT?"),
        ("OCRGATE_SERVER", "1", "is a section"),
        ("OCRGATE_XYZZY", "1", "config schema"),
        ("OCRGATE_SERVER__PORT__X", "1", "no such setting"),
    ],
)
def test_an_unknown_variable_is_refused_with_a_suggestion(
    folder: Path, variable: str, value: str, hint: str
) -> None:
    """A typo never passes as a default."""
    (problem,) = problems(folder, {variable: value})
    assert variable in problem
    assert hint in problem


def test_an_unknown_key_of_the_file_is_refused_with_a_suggestion(folder: Path) -> None:
    """The same holds for the file."""
    file = written(folder, "[server]\nprot = 1\n[gat]\nx = 1\n")
    found = problems(folder)
    assert len(found) == 2
    assert (
        found[0]
        == f"server.prot (from {file}): there is no such setting; did you mean server.port?"
    )


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("OCRGATE_SERVER__PORT", "70000", ["server.port", "70000", "0 to 65,535"]),
        ("OCRGATE_SERVER__PORT", "http", ["server.port", "'http'", "a whole number"]),
        ("OCRGATE_IMAGE__MAX_BYTES", "64MB", ["image.max_bytes", "'64MB'", "a whole number"]),
        ("OCRGATE_SERVER__TIMEOUT", "30s", ["server.timeout", "'30s'", "a number"]),
        ("OCRGATE_TELEMETRY__OTLP_ENDPOINT", "collector:4318", ["otlp_endpoint", "http://"]),
        ("OCRGATE_SERVER__TIMEOUT", "nan", ["server.timeout", "0.1 to 86,400"]),
        ("OCRGATE_SERVER__TIMEOUT", "900", ["server.timeout", "server.max_timeout"]),
        ("OCRGATE_SERVER__INSECURE", "maybe", ["server.insecure", "true or false"]),
        ("OCRGATE_ENGINE__KIND", "gpu", ["engine.kind", "'gpu'", "cpu, openai, vllm"]),
        ("OCRGATE_TELEMETRY__LOG_FORMAT", "xml", ["log_format", "'json'"]),
        ("OCRGATE_IMAGE__MAX_PAGES", "0", ["image.max_pages", "1 to"]),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    folder: Path, variable: str, value: str, parts: list[str]
) -> None:
    """One line says which key, from where, and what would do."""
    (problem,) = problems(folder, {variable: value})
    assert [part for part in parts if part not in problem] == []
    assert "\n" not in problem


def test_all_problems_are_told_at_once(folder: Path) -> None:
    """Nobody mends a file line by line."""
    written(folder, "[server]\nport = 'x'\ndrain = 'y'\n[engine]\nnice = 'z'\n")
    assert len(problems(folder)) == 3


@pytest.mark.parametrize(
    "text", ["server = [", "[server]\nport = 1\nport = 2\n", "a = \x00", "a = " + "[" * 5000]
)
def test_a_file_that_is_not_toml_is_told_with_its_name(folder: Path, text: str) -> None:
    """A syntax error names file and place."""
    file = written(folder, text)
    assert problems(folder)[0].startswith(f"{file} (from file): cannot be read")


def test_bytes_that_are_no_text_are_told(folder: Path) -> None:
    """A binary file in the place of the settings is an error message, not a traceback."""
    (folder / "ocrgate.toml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in problems(folder)[0]


def test_empty_variables_count_as_not_set(folder: Path) -> None:
    """Compose files pass on variables that nobody set as empty ones."""
    assert read(folder, {"OCRGATE_SERVER__PORT": "", "OCRGATE_CONFIG": ""}).settings == Settings()


def test_the_standard_variable_for_traces_is_read(folder: Path) -> None:
    """OTEL_EXPORTER_OTLP_ENDPOINT keeps its meaning; our own name is stronger."""
    standard = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318"}
    assert read(folder, standard).settings.telemetry.otlp_endpoint == "http://a:4318"
    both = standard | {"OCRGATE_TELEMETRY__OTLP_ENDPOINT": "http://b:4318"}
    assert read(folder, both).settings.telemetry.otlp_endpoint == "http://b:4318"


def test_the_key_file_follows_the_state_folder(folder: Path) -> None:
    """XDG_STATE_HOME is honored where it is set, the home folder serves where it is not."""
    database = read(folder, {"XDG_STATE_HOME": str(folder)}).settings.auth.database
    assert database == folder / "ocrgate" / "keys.sqlite"
    assert read(folder).settings.auth.database.is_absolute()


def test_what_a_started_engine_remembers_follows_the_state_folder(folder: Path) -> None:
    """Only where there is such an engine."""
    environ = {"XDG_STATE_HOME": "/var/state", "OCRGATE_ENGINE__KIND": "vllm"}
    engine = read(folder, environ).settings.engine
    assert isinstance(engine, VllmParams)
    assert engine.state == Path("/var/state/ocrgate")
    assert read(folder, {"XDG_STATE_HOME": "/var/state"}).settings.engine.kind == "cpu"


def test_passwords_in_addresses_are_not_shown(folder: Path) -> None:
    """What `config show` prints can be pasted into a ticket."""
    loaded = read(folder, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:pw@host:4318/x"})
    rows = {key: value for key, value, _ in loaded.rows()}
    assert rows["telemetry.otlp_endpoint"] == "http://***@host:4318/x"


def test_settings_do_not_change_after_they_were_read(folder: Path) -> None:
    """Everything that runs sees the same values."""
    settings = read(folder).settings
    with pytest.raises(FrozenInstanceError):
        settings.server.port = 1  # type: ignore[misc]


def test_every_number_has_bounds_that_its_default_keeps() -> None:
    """No number is taken unchecked, and what is shipped is allowed."""
    numbers = [s for s in declared().values() if s.annotation in {int, float, int | None}]
    assert [s.key for s in numbers if s.bounds is None] == []
    outside = [
        s.key
        for s in numbers
        if s.bounds
        and isinstance(s.default, int | float)
        and not s.bounds[0] <= s.default <= s.bounds[1]
    ]
    assert outside == []


def test_every_setting_says_what_it_is_for() -> None:
    """The reference has no empty rows."""
    assert [s.key for s in declared().values() if not s.help] == []


def test_the_schema_describes_every_setting() -> None:
    """Editors that know JSON schema complete and check ocrgate.toml."""
    text = json.dumps(schema())
    assert [s.key for s in declared().values() if json.dumps(s.help)[1:-1] not in text] == []
    port = schema()["$defs"]["ServerSettings"]["properties"]["port"]
    assert (port["minimum"], port["maximum"]) == (0, 65535)
    assert schema()["additionalProperties"] is False


def test_importing_settings_loads_nothing_heavy() -> None:
    """The command line answers at once because this is light."""
    code = "import sys, ocrgate.settings; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "cv2", "onnxruntime", "PIL", "fastapi", "starlette", "sqlalchemy", "gradio"}
    heavy |= {"plotly", "httpx", "structlog", "prometheus_client", "asyncio", "pypdfium2"}
    assert heavy & set(done.stdout.split()) == set()


def test_every_setting_is_used() -> None:
    """No setting is offered that nothing reads."""
    source = Path(ocrgate.__file__).parent
    code = "\n".join(
        path.read_text() for path in source.rglob("*.py") if path.parent.name != "settings"
    )
    names = {key.rpartition(".")[2] for key in declared()} - {"kind", *Lane}
    assert [name for name in names if not re.search(rf"\.{name}\b", code)] == []


def test_blanks_around_a_variable_do_not_count() -> None:
    """A variable of blanks is not set; a value with a blank behind it is that value."""
    blank = load(environ={"OCRGATE_SERVER__HOST": "  "})
    assert blank.settings.server.host == "127.0.0.1"
    trailing = load(environ={"OCRGATE_SERVER__HOST": "::1 "})
    assert trailing.settings.server.host == "::1"


def test_a_kind_brings_its_own_settings(folder: Path) -> None:
    """What an engine needs is set beside its kind, lists with commas or as JSON."""
    environ = {
        "OCRGATE_ENGINE__KIND": "openai",
        "OCRGATE_ENGINE__URL": "http://a:8000, http://b:8000/v1",
        "OCRGATE_ENGINE__SLOTS": "32",
    }
    engine = read(folder, environ).settings.engine
    assert isinstance(engine, OpenAIParams)
    assert (engine.url, engine.slots) == (("http://a:8000", "http://b:8000/v1"), 32)
    as_json = {**environ, "OCRGATE_ENGINE__URL": '["http://a:8000", "http://b:8000/v1"]'}
    assert read(folder, as_json).settings.engine == engine


def test_a_setting_of_another_kind_says_where_it_belongs(folder: Path) -> None:
    """Half a configuration is not taken for a whole one."""
    (problem,) = problems(folder, {"OCRGATE_ENGINE__URL": "http://a:8000"})
    assert problem.startswith("engine.url (from OCRGATE_ENGINE__URL): goes with ")
    assert "engine.kind = openai" in problem


def test_the_key_of_an_engine_is_not_shown(folder: Path) -> None:
    """Neither among the settings nor in a complaint."""
    environ = {"OCRGATE_ENGINE__KIND": "openai", "OCRGATE_ENGINE__API_KEY": "sk-hidden"}
    assert "sk-hidden" not in str(list(read(folder, environ).rows()))
    file = written(folder, '[engine]\nkind = "openai"\napi_key = ["sk-hidden"]\n')
    assert "sk-hidden" not in str(problems(file.parent))


@pytest.mark.parametrize(
    "args",
    [
        '["--hf-token", "hf_hidden", "--seed", "1"]',
        '["--hf-token=hf_hidden"]',
        '["--hf-token", 1, "hf_hidden"]',
        '"--hf-token hf_hidden"',
        '["--api-key=hf_hidden"]',
        '["--api_key", "hf_hidden"]',
    ],
)
def test_arguments_of_an_engine_are_shown_without_secrets(folder: Path, args: str) -> None:
    """Neither among the settings nor in a complaint, well formed or not."""
    file = written(folder, f'[engine]\nkind = "vllm"\nargs = {args}\n')
    try:
        told = str(list(read(file.parent).rows()))
        assert "--hf-token" in told
    except SettingsError as error:
        told = str(error)
        assert "engine.args" in told
    assert "hf_hidden" not in told


def test_a_limit_law_is_chosen_and_tuned(folder: Path) -> None:
    """Its parameters stand beside its kind; nothing set means that the law finds the number."""
    assert read(folder).settings.gate.limit == AutoLaw()
    written(folder, '[gate.limit]\nkind = "engine"\nstart = 4\n[gate.limit.trust]\nstuck = 9.0\n')
    limit = read(folder).settings.gate.limit
    assert isinstance(limit, EngineLaw)
    assert (limit.start, limit.trust.stuck, limit.growth) == (4, 9.0, EngineLaw().growth)


def test_a_fixed_limit_is_a_variable_away(folder: Path) -> None:
    """What people do by hand stays possible."""
    environ = {"OCRGATE_GATE__LIMIT__KIND": "fixed", "OCRGATE_GATE__LIMIT__LIMIT": "32"}
    assert read(folder, environ).settings.gate.limit == FixedLaw(32)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"OCRGATE_GATE__LIMIT__KIND": "magic"}, "should be one of auto, engine, latency, fixed"),
        (
            {"OCRGATE_GATE__LIMIT__START": "4"},
            "goes with gate.limit.kind = engine, which is not the one chosen",
        ),
        (
            {"OCRGATE_GATE__LIMIT__KIND": "engine", "OCRGATE_GATE__LIMIT__KV": "1.5"},
            "out of range",
        ),
        ({"OCRGATE_GATE__LIMIT": "16"}, "is a section; set a key in it"),
    ],
)
def test_a_wrong_law_is_told_plainly(folder: Path, environ: dict[str, str], told: str) -> None:
    """The message names the setting and what is allowed."""
    with pytest.raises(SettingsError, match=re.escape(told)) as caught:
        read(folder, environ)
    assert caught.value.problems[0].key.startswith("gate.limit")


def test_logins_in_a_list_of_addresses_are_not_shown(folder: Path) -> None:
    """Each of several replicas may be asked with a login of its own."""
    urls = "http://me:secret@a:8000,http://you:hidden@b:8000"
    environ = {"OCRGATE_ENGINE__KIND": "openai", "OCRGATE_ENGINE__URL": urls}
    shown = str(list(read(folder, environ).rows()))
    assert "***@a:8000" in shown
    assert not [secret for secret in ("secret", "hidden") if secret in shown]
