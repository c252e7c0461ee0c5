"""Exit codes: scripts can tell failures apart."""

from ocrgate.cli.exit import MEANING, Exit, code_of
from ocrgate.cli.report import CommandFailed, describe
from ocrgate.errors import InvalidRequest, Overloaded, leaves
from ocrgate.settings import InsecureBind, Problem, SettingsError


def test_every_error_has_an_exit_code() -> None:
    """No failure ends with a code that the documentation does not explain."""
    assert {error.code: code_of(error) for error in leaves()}.keys() == {e.code for e in leaves()}
    assert Exit.OK not in {code_of(error) for error in leaves()}
    assert set(MEANING) == set(Exit)


def test_refusals_and_bad_input_have_codes_of_their_own() -> None:
    """A script retries the one and not the other."""
    groups = [{code_of(e) for e in leaves() if e.retryable}, {Exit.USAGE, Exit.INPUT, Exit.ACCESS}]
    assert groups[0] & groups[1] == set()


def test_an_error_is_one_line_and_a_hint() -> None:
    """People read what is wrong and what to do, not where in the code it was noticed."""
    assert describe(Overloaded("it is full", retry_after=3.2)) == (
        "it is full",
        "try again in 3 s",
        Exit.REFUSED,
    )
    assert describe(InvalidRequest("7 is no rate", field="--rate"))[0] == "7 is no rate (--rate)"
    late = InvalidRequest("'3600' is too long", field="X-Request-Timeout")
    assert describe(late)[0] == "'3600' is too long (--timeout)"
    assert describe(CommandFailed("no", Exit.ENVIRONMENT, "do"))[1:] == ("do", Exit.ENVIRONMENT)
    assert describe(InsecureBind("public"))[2] is Exit.ENVIRONMENT
    problems = SettingsError((Problem("a.b", "X", "is wrong"), Problem("c.d", "Y", "too")))
    message, _, code = describe(problems)
    assert (message.count("\n"), code) == (2, Exit.SETTINGS)


def test_mistakes_of_ours_say_how_to_report_them() -> None:
    """An internal error names itself and asks for --debug."""
    message, hint, code = describe(ZeroDivisionError("division by zero"))
    assert "ZeroDivisionError" in message
    assert "--debug" in hint
    assert code is Exit.INTERNAL
    assert describe(OSError(28, "No space left on device", "/out/a.txt")) == (
        "/out/a.txt: No space left on device",
        "",
        Exit.ENVIRONMENT,
    )
