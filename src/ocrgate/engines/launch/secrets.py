"""Arguments as they may be shown: in the log, by ``config show``, in messages. Light."""

import re
from collections.abc import Iterable, Mapping

HIDDEN = "***"
_SHORTEST = 6

_NAMED = re.compile(r"--?[\w-]*(?:token|password|secret|api-key)", re.IGNORECASE)
_IN_JSON = re.compile(
    r'("[^"]*(?:token|password|secret|api[_-]?key)"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE
)
_ASSIGNED = re.compile(r"(?:\w*(?:TOKEN|PASSWORD|SECRET|API_?KEY))=.+", re.IGNORECASE | re.DOTALL)
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")


def without_secrets(words: Iterable[str]) -> list[str]:
    """The words of a command line, with ``***`` for what is nobody else's business.

    That is whatever follows an option whose name ends in token, password, secret or api-key (in
    the same word or in those up to the next option), such fields of JSON, variables of that kind
    set before a command, and logins in URLs. All else stays, as it is what people copy.
    """
    told: list[str] = []
    hides = begins = False
    for word in words:
        name, given, _ = word.partition("=")
        if begins:
            told.append(HIDDEN)
            begins = False
        elif word.startswith("-") and name.strip("-"):
            is_secret = _NAMED.fullmatch(name.replace("_", "-")) is not None
            told.append(f"{name}={HIDDEN}" if is_secret and given else _covered(word))
            hides = begins = is_secret and not given
        else:
            told.append(HIDDEN if hides else _covered(word))
    return told


def secrets_in(words: Iterable[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets themselves, of a command line and of the variables beside it, longest first.

    Those of less than six characters are left out: they would be found in every other word.
    """
    words = list(words)
    found = {
        word.removeprefix(shown.removesuffix(HIDDEN))
        for word, shown in zip(words, without_secrets(words), strict=True)
        if shown.endswith(HIDDEN) and word != shown
    }
    found |= {value for name, value in env.items() if _ASSIGNED.fullmatch(f"{name}={value}")}
    long = (each for each in found if len(each) >= _SHORTEST)
    return tuple(sorted(long, key=lambda each: (-len(each), each)))


def _covered(word: str) -> str:
    if _ASSIGNED.fullmatch(word):
        return f"{word.partition('=')[0]}={HIDDEN}"
    return _LOGIN.sub(f"{HIDDEN}@", _IN_JSON.sub(rf'\1"{HIDDEN}"', word))
