"""The settings of the engine as values."""

import pytest

from ocrgate.engines.openai.params import OpenAIParams, base_url, shown


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://gpu:8000", "http://gpu:8000"),
        ("http://gpu:8000/", "http://gpu:8000"),
        ("http://gpu:8000/v1", "http://gpu:8000"),
        ("https://host/openai/v1/", "https://host/openai"),
        ("http://[::1]:8000/v1", "http://[::1]:8000"),
        (" http://gpu ", "http://gpu"),
    ],
)
def test_a_base_url_with_or_without_v1(url: str, base: str) -> None:
    """People paste both."""
    assert base_url(url) == base


@pytest.mark.parametrize(
    "url",
    [
        "gpu:8000",
        "ftp://gpu",
        "http://",
        "http://gpu?x=1",
        "",
        "http://[::1",
        "http://gpu:99999",
        "http://gpu:0",
    ],
)
def test_no_url_is_refused_when_settings_are_read(url: str) -> None:
    """Not at the first page."""
    with pytest.raises(ValueError, match=r"engine\.url"):
        OpenAIParams(url=(url,))


def test_at_least_one_server() -> None:
    """An engine without a server reads nothing."""
    with pytest.raises(ValueError, match="names no server"):
        OpenAIParams(url=())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("http://gpu:8000", "http://gpu:8000"),
        ("http://gpu:8000", "http://GPU:8000/v1/"),
        ("http://gpu", "http://gpu:80"),
        ("https://gpu:443/x", "https://me:secret@gpu/x/v1"),
    ],
)
def test_a_server_is_named_once(first: str, second: str) -> None:
    """However it is spelled; the message has no password."""
    with pytest.raises(ValueError, match=r"one server twice: https?://gpu") as raised:
        OpenAIParams(url=("http://other", first, second))
    assert "secret" not in str(raised.value)


def test_several_servers_of_one_machine() -> None:
    """By port, path or scheme."""
    OpenAIParams(url=("http://gpu", "https://gpu", "http://gpu:8000", "http://gpu:8000/a"))


def test_secrets_are_not_shown() -> None:
    """Neither the key nor a password in the URL."""
    params = OpenAIParams(api_key="sk-secret")
    assert "secret" not in repr(params)
    assert shown("http://me:secret@gpu:8000/x@y") == "http://gpu:8000/x@y"


@pytest.mark.parametrize(
    "url",
    [
        "http://me:secret@gpu:99999",
        "http://me:secret@gpu:port",
        "http://me:sec/secret@gpu",
        "me:secret@gpu:8000",
        "http://me:secret@gpu?x=1",
        "http://me:secret@[gpu",
    ],
)
def test_a_password_in_a_wrong_url_is_not_repeated(url: str) -> None:
    """Refusals are printed and logged."""
    with pytest.raises(ValueError, match=r"engine\.url") as refused:
        OpenAIParams(url=(url,))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("key", ["sk\nX-Other: 1", "sk\r", "sk\x00"])
def test_a_key_is_one_line(key: str) -> None:
    """Else every request would fail, and say nothing of the key."""
    with pytest.raises(ValueError, match=r"engine\.api_key") as refused:
        OpenAIParams(api_key=key)
    assert "sk" not in str(refused.value)


def test_one_way_to_say_who_asks() -> None:
    """HTTP has one header for both."""
    with pytest.raises(ValueError, match=r"engine\.api_key is set"):
        OpenAIParams(url=("http://gpu", "http://me:secret@gpu-2"), api_key="sk-secret")
    assert OpenAIParams(url=("http://me:secret@gpu",)).api_key is None
