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


@pytest.mark.parametrize("url", ["gpu:8000", "ftp://gpu", "http://", "http://gpu?x=1", ""])
def test_no_url_is_refused_when_settings_are_read(url: str) -> None:
    """Not at the first page."""
    with pytest.raises(ValueError, match=r"engine\.url"):
        OpenAIParams(url=(url,))


def test_at_least_one_server() -> None:
    """An engine without a server reads nothing."""
    with pytest.raises(ValueError, match="names no server"):
        OpenAIParams(url=())


def test_secrets_are_not_shown() -> None:
    """Neither the key nor a password in the URL."""
    params = OpenAIParams(api_key="sk-secret")
    assert "secret" not in repr(params)
    assert shown("http://me:secret@gpu:8000/x@y") == "http://gpu:8000/x@y"
