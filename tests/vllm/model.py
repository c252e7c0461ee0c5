"""A HunyuanOCR small enough for a CPU: everything of a model directory except the weights.

vLLM fills the weights with noise (``--load-format dummy``), so the text is noise too; but page
sizes, tokens, memory, scheduling, streaming and errors are those of the real architecture. Sizes
of pages and special tokens follow the published checkpoint; layers and widths do not.

Run by itself it writes a directory: ``python tests/vllm/model.py FOLDER``.
"""

import itertools
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

VOCABULARY = 4096
SPECIALS = 128  # the last ids of the vocabulary
CONTEXT = 32768
MIN_PIXELS, MAX_PIXELS = 512**2, 2048**2

# Characters of the official prompts and their translations: one token each, as in the real
# vocabulary, where bare bytes would make a prompt three times as long.
FREQUENT = (
    "提取文档图片中正的所有信息用格式表示其页眉脚部分忽略表达公按照阅读顺序组织进行解析。\uff0c、"
    "检测并识别将本坐标化输出把为对于流程使图先再内容翻译英字段返回的字幕"
)
WORDS = (
    "the of and to in image text from document extract all information format table formula HTML "
    "LaTeX Markdown Mermaid JSON coordinates output reading order header footer chart represent "
    "translate into English read page line"
)


def _special(name: str) -> str:
    return f"<\uff5chy_{name}\uff5c>"


def _placeholder(number: int) -> str:
    return _special(f"place▁holder▁no▁{number}")


BOS, PAD, USER = (_special(n) for n in ("begin▁of▁sentence", "▁pad▁", "User"))
EOS, SYSTEM_END = _placeholder(2), _placeholder(3)
IMAGE_START, IMAGE_END, IMAGE, NEWLINE = (_placeholder(n) for n in (100, 101, 102, 103))

CHAT_TEMPLATE = """\
{{ bos_token }}
{%- for message in messages -%}
  {%- if message.content is string -%}{{ message.content }}
  {%- else -%}
    {%- for part in message.content -%}{{ part.text if part.type == 'text' else 'PAGE' }}
    {%- endfor -%}
  {%- endif -%}
  {{- {'system': 'SYSTEM_END', 'user': 'USER'}.get(message.role, eos_token) -}}
{%- endfor -%}"""


def _specials() -> list[str]:
    """The special tokens in the order of their ids."""
    named = {0: BOS, 1: _special("end▁of▁sentence"), 2: PAD, 6: USER, 7: _special("Assistant")}
    return [
        named.get(i) or (_placeholder(i - 18) if i >= 18 else _special(f"reserved_{i}"))
        for i in range(SPECIALS)
    ]


def token_id(token: str) -> int:
    """The id of a special token."""
    return VOCABULARY - SPECIALS + _specials().index(token)


def _alphabet() -> list[str]:
    """The printable stand-in of each of the 256 bytes, as byte-level tokenizers agree on it."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = itertools.count(256)
    return [chr(byte) if byte in plain else chr(next(spare)) for byte in range(256)]


def _tokenizer() -> dict[str, Any]:
    """A byte-level tokenizer that knows some words; every id of it decodes to something."""
    alphabet = _alphabet()
    vocabulary = {letter: number for number, letter in enumerate(sorted(alphabet))}
    merges: dict[tuple[str, str], None] = {}
    for text in (*FREQUENT, *(f" {word}" for word in WORDS.split())):
        letters = [alphabet[byte] for byte in text.encode()]
        for left, right in zip(itertools.accumulate(letters), letters[1:], strict=False):
            merges.setdefault((left, right))
            vocabulary.setdefault(left + right, len(vocabulary))
    # The rest are words that no text is ever split into, for a model that answers at random.
    syllables = ["".join(pair) for pair in itertools.product("bdfgklmnprstvz", "aeiou")]
    for pair in itertools.product(syllables, repeat=2):
        if len(vocabulary) < VOCABULARY - SPECIALS:
            vocabulary.setdefault(alphabet[32] + "".join(pair), len(vocabulary))
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": token_id(token), "content": token, "special": True} | flags
            for token in _specials()
        ],
        "pre_tokenizer": level | {"use_regex": True},
        "decoder": level | {"use_regex": True},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [list(pair) for pair in merges]},
    }


def text(ids: Iterable[int]) -> str:
    """What ids of plain words decode to."""
    vocabulary: dict[str, int] = _tokenizer()["model"]["vocab"]
    names = {number: name for name, number in vocabulary.items()}
    return "".join(names[number] for number in ids).replace(_alphabet()[32], " ")


def _config() -> dict[str, Any]:
    ends = {"bos_token_id": token_id(BOS), "eos_token_id": token_id(EOS)}
    text = {
        "model_type": "hunyuan_vl_text",
        "vocab_size": VOCABULARY,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": True,
        "eod_token_id": token_id(EOS),
        "pad_token_id": token_id(PAD),
        "rope_parameters": {
            "rope_type": "dynamic",
            "rope_theta": 10000.0,
            "alpha": 1000.0,
            "factor": 1.0,
            "beta_fast": 32,
            "beta_slow": 1,
            "mscale": 1.0,
            "mscale_all_dim": 1.0,
            "mrope_section": [4, 4, 4, 4],  # adds up to half of head_dim
        },
    }
    vision = {
        "model_type": "hunyuan_vl_vision",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "out_hidden_size": 128,
        "text_hidden_size": 128,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 1,
        "max_image_size": 2048,
        "min_image_size": 512,
        "img_max_token_num": 4096,
        "max_vit_seq_len": 16384,
        "interpolate_mode": "bilinear",
    }
    return {
        "architectures": ["HunYuanVLForConditionalGeneration"],
        "model_type": "hunyuan_vl",
        "dtype": "bfloat16",
        "tie_word_embeddings": True,
        "image_token_id": token_id(IMAGE),
        "im_start_id": token_id(IMAGE_START),
        "im_end_id": token_id(IMAGE_END),
        "im_newline_id": token_id(NEWLINE),
        "text_config": text | ends,
        "vision_config": vision,
    }


def _tokenizer_config() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "processor_class": "HunYuanVLProcessor",
        "model_max_length": CONTEXT,
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "clean_up_tokenization_spaces": False,
        "extra_special_tokens": {
            "image_token": IMAGE,
            "image_start_token": IMAGE_START,
            "image_end_token": IMAGE_END,
            "image_newline_token": NEWLINE,
        },
    }


def _preprocessor() -> dict[str, Any]:
    return {
        "processor_class": "HunYuanVLProcessor",
        "image_processor_type": "HunYuanVLImageProcessor",
        "size": {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS},
        "patch_size": 16,
        "temporal_patch_size": 1,
        "merge_size": 2,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }


def write(folder: Path) -> Path:
    """Write the model directory ``folder``; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    generation = {"eos_token_id": token_id(EOS), "pad_token_id": token_id(PAD), "do_sample": False}
    files = {
        "config.json": _config(),
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": _tokenizer_config(),
        "preprocessor_config.json": _preprocessor(),
        "generation_config.json": generation | {"bos_token_id": token_id(BOS)},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    template = (
        CHAT_TEMPLATE.replace("PAGE", IMAGE_START + IMAGE + IMAGE_END)
        .replace("SYSTEM_END", SYSTEM_END)
        .replace("USER", USER)
    )
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]))
