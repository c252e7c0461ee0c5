"""What is shown of arguments that hold secrets."""

import pytest

from ocrgate.engines.launch.secrets import secrets_in, without_secrets


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("--hf-token hf_x --port 8000", "--hf-token *** --port 8000"),
        ("--hf-token=hf_y --seed 1", "--hf-token=*** --seed 1"),
        ("--ssl_keyfile_password p", "--ssl_keyfile_password ***"),
        ("--api-key a b --seed 1", "--api-key *** *** --seed 1"),
        ("--ssl-keyfile /etc/key.pem", "--ssl-keyfile /etc/key.pem"),
        ("--tokenizer m --max-num-batched-tokens 9", "--tokenizer m --max-num-batched-tokens 9"),
        ("env HF_TOKEN=hf_x GPUS=1 vllm", "env HF_TOKEN=*** GPUS=1 vllm"),
        ("--otlp-traces-endpoint http://me:pw@h:1/x", "--otlp-traces-endpoint http://***@h:1/x"),
        ('--x {"hub_token":"hf_x","a":"b"}', '--x {"hub_token":"***","a":"b"}'),
        ("--hf-token -x y --seed 1", "--hf-token *** *** --seed 1"),
        ("", ""),
        ("- --", "- --"),
    ],
)
def test_all_is_shown_but_secrets(words: str, shown: str) -> None:
    """Given as one word or as several; all else stays, as it is what people copy."""
    assert " ".join(without_secrets(words.split())) == shown


def test_a_command_stays_a_list_of_as_many_words() -> None:
    """A secret with white space in it is still one word."""
    assert without_secrets(["--hf-token", "a b", "c"]) == ["--hf-token", "***", "***"]


def test_the_secrets_themselves_are_known() -> None:
    """Of both forms of an option and of variables; longest first, so that no rest stays."""
    words = ["vllm", "--hf-token", "hf_secret", "--x-password=longest secret", "--seed", "1"]
    env = {"VLLM_API_KEY": "sk-secret", "HF_TOKEN": "short", "PATH": "/usr/bin"}
    assert secrets_in(words, env) == ("longest secret", "hf_secret", "sk-secret")
