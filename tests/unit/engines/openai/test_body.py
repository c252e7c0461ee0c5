"""What is sent to which server."""

import json
from collections.abc import Mapping
from typing import Any

from ocrgate.domain.document import Encoding
from ocrgate.engines.openai.body import Dialect, request_body
from ocrgate.engines.openai.params import ServerKind
from ocrgate.engines.openai.servers import SERVERS, Version
from ocrgate.engines.recipes import Instruction

SAMPLING: Mapping[str, Any] = {
    "max_tokens": 9,
    "temperature": 0.0,
    "top_k": 1,
    "repetition_penalty": 1.08,
    "skip_special_tokens": True,
    "priority": -5,
    "mm_processor_kwargs": {"max_pixels": 1},
    "vllm_xargs": {"x": 1},
}
SCHEMA = {"type": "object"}


def sent(kind: ServerKind, version: Version | None = None, *, live: bool = False) -> dict[str, Any]:
    words = Instruction("", "read", image_first=True, schema=SCHEMA)
    dialect = Dialect(SERVERS[kind], "m", version)
    body = request_body(dialect, words, SAMPLING, (Encoding.JPEG, b"x"), live=live)
    found: dict[str, Any] = json.loads(body)
    return found


def test_only_fields_that_are_known_and_harmless_are_sent() -> None:
    """To no server what could harm its other requests."""
    for kind in SERVERS:
        assert not {"priority", "mm_processor_kwargs", "n", "user"} & set(sent(kind))


def test_a_recipe_s_words_for_logits_processors_reach_vllm_alone() -> None:
    """DeepSeek-OCR's own guard against loops does nothing without its numbers."""
    for kind in SERVERS:
        assert sent(kind).get("vllm_xargs") == ({"x": 1} if kind == "vllm" else None)


def test_no_bound_on_tokens_in_each_server_s_own_words() -> None:
    """-1 is refused by TensorRT-LLM, and ends transformers' drawing in a 500."""
    free = {**SAMPLING, "top_k": -1}
    words = Instruction("", "read", image_first=True)
    found = {}
    for kind, server in SERVERS.items():
        body = request_body(Dialect(server, "m"), words, free, (Encoding.JPEG, b"x"))
        fields = json.loads(body)
        found[kind] = (fields | json.loads(fields.get("generation_config", "{}"))).get("top_k")
    told = {"vllm": -1, "sglang": -1, "llamacpp": -1, "transformers": 0, "trtllm": 0}
    assert found == told | {"openai": None}


def test_penalties_by_the_server_s_own_name() -> None:
    """llama.cpp calls it otherwise; transformers wants it inside a string."""
    assert sent("vllm")["repetition_penalty"] == 1.08
    llama = sent("llamacpp")
    assert llama["repeat_penalty"] == 1.08
    assert "repetition_penalty" not in llama
    inner = json.loads(sent("transformers")["generation_config"])
    assert inner == {"top_k": 1, "repetition_penalty": 1.08}
    assert "repetition_penalty" not in sent("openai")


def test_transformers_is_told_to_draw() -> None:
    """It looks at a temperature only then; a second try would be the first one again."""
    words = Instruction("", "read", image_first=True)
    for temperature, draws in ((0.0, None), (0.3, True)):
        sampling = {"max_tokens": 9, "temperature": temperature, "top_k": 5}
        dialect = Dialect(SERVERS["transformers"], "m")
        fields = json.loads(request_body(dialect, words, sampling, (Encoding.JPEG, b"x")))
        assert json.loads(fields["generation_config"]).get("do_sample") is draws


def test_a_schema_is_asked_for_where_it_can_be() -> None:
    """As OpenAI does it, which the others read too."""
    wanted = {"type": "json_schema", "json_schema": {"name": "fields", "schema": SCHEMA}}
    for kind in SERVERS:
        assert sent(kind).get("response_format") == (wanted if kind != "transformers" else None)


def test_loops_are_ended_by_servers_that_can() -> None:
    """By version; a recipe's own bounds win."""
    assert "repetition_detection" in sent("vllm", (0, 32))
    assert "repetition_detection" not in sent("vllm", (0, 16))
    assert "repetition_detection" not in sent("sglang")


def test_the_first_word_comes_at_once_to_who_reads_along() -> None:
    """Others get several tokens per event."""
    assert "stream_interval" not in sent("vllm", live=True)
    assert sent("vllm")["stream_interval"] > 1


def test_an_image_alone() -> None:
    """Some models are asked without words."""
    words = Instruction(None, "", image_first=True)
    body = json.loads(
        request_body(Dialect(SERVERS["vllm"], "m"), words, SAMPLING, (Encoding.PNG, b"x"))
    )
    [message] = body["messages"]
    assert [part["type"] for part in message["content"]] == ["image_url"]
