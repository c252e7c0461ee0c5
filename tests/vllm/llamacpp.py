"""Starts llama.cpp's server with a tiny HunyuanOCR, inside of its own environment.

``python llamacpp.py MODEL_FOLDER PORT`` writes the model of ``model.py`` in llama.cpp's format,
text and vision apart, noise for weights, and serves it with two slots until it is killed.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

MODEL = "tencent/HunyuanOCR"
TEXT = "hunyuan_vl"  # llama.cpp's names of the architecture
VISION = "hunyuanvl"
SPECIALS = 128  # the last ids of the vocabulary
TEMPLATE = """\
{{ bos_token }}
{%- for m in messages -%}
  {%- if m.content is string -%}{{ m.content }}
  {%- else -%}{%- for p in m.content -%}{{ p.text }}{%- endfor -%}
  {%- endif -%}
  {{- {'system': '<\uff5chy_place▁holder▁no▁3\uff5c>', 'user': '<\uff5chy_User\uff5c>'}
    .get(m.role, eos_token) -}}
{%- endfor -%}"""


class Maker:
    """Writes one file: settings first, then tensors of noise."""

    def __init__(self, path: Path, architecture: str) -> None:
        import gguf
        import numpy as np

        self._np = np
        self._random = np.random.default_rng(0)
        self.writer = gguf.GGUFWriter(str(path), architecture)

    def noise(self, *names: str, shape: tuple[int, ...], bias: bool = False) -> None:
        """Tensors of a shape, and their biases."""
        for name in names:
            self.add(f"{name}.weight", self.draw(shape))
            if bias:
                self.add(f"{name}.bias", self.draw(shape[:1]))

    def ones(self, *names: str, size: int) -> None:
        """Weights of norms."""
        for name in names:
            self.add(f"{name}.weight", self._np.ones(size, self._np.float32))

    def draw(self, shape: tuple[int, ...]) -> Any:
        """Noise of a shape."""
        return (self._random.standard_normal(shape) * 0.05).astype(self._np.float32)

    def add(self, name: str, tensor: Any) -> None:
        """One tensor."""
        self.writer.add_tensor(name, tensor)

    def close(self) -> None:
        """Write it all."""
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def write_text(folder: Path, path: Path) -> None:
    """The language model and its tokenizer."""
    config = json.loads((folder / "config.json").read_text())["text_config"]
    maker = Maker(path, TEXT)
    writer, width, head = maker.writer, config["hidden_size"], config["head_dim"]
    inner, heads = config["intermediate_size"], config["num_attention_heads"] * head
    groups = config["num_key_value_heads"] * head
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(width)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(inner)
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1e4)
    writer.add_float32(f"{TEXT}.rope.scaling.alpha", 1000.0)
    writer.add_rope_dimension_sections(config["rope_parameters"]["mrope_section"])
    write_tokenizer(folder, writer, config)
    embedding = maker.draw((config["vocab_size"], width))
    embedding[-SPECIALS:] = 0  # so that greedy text has words in it
    maker.add("token_embd.weight", embedding)
    maker.ones("output_norm", size=width)
    for layer in range(config["num_hidden_layers"]):
        block = f"blk.{layer}."
        maker.noise(f"{block}attn_q", shape=(heads, width))
        maker.noise(f"{block}attn_k", f"{block}attn_v", shape=(groups, width))
        maker.noise(f"{block}attn_output", shape=(width, heads))
        maker.noise(f"{block}ffn_gate", f"{block}ffn_up", shape=(inner, width))
        maker.noise(f"{block}ffn_down", shape=(width, inner))
        maker.ones(f"{block}attn_norm", f"{block}ffn_norm", size=width)
        maker.ones(f"{block}attn_q_norm", f"{block}attn_k_norm", size=head)
    maker.close()


def write_tokenizer(folder: Path, writer: Any, config: dict[str, Any]) -> None:
    """The vocabulary: plain words are of type 1, special tokens of type 3."""
    read = json.loads((folder / "tokenizer.json").read_text())
    special = {token["id"]: token["content"] for token in read["added_tokens"]}
    words = {number: word for word, number in read["model"]["vocab"].items()} | special
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("hunyuan-dense")
    writer.add_token_list([words[number] for number in range(config["vocab_size"])])
    writer.add_token_types([3 if n in special else 1 for n in range(config["vocab_size"])])
    writer.add_token_merges([" ".join(pair) for pair in read["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def write_vision(folder: Path, path: Path) -> None:
    """The image encoder and what leads from it to the language model."""
    whole = json.loads((folder / "config.json").read_text())
    config, out = whole["vision_config"], whole["text_config"]["hidden_size"]
    prepared = json.loads((folder / "preprocessor_config.json").read_text())
    maker = Maker(path, "clip")
    writer, width, inner = maker.writer, config["hidden_size"], config["intermediate_size"]
    side, patch = config["max_image_size"], config["patch_size"]
    writer.add_type("mmproj")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type(VISION)
    writer.add_vision_projection_dim(out)
    writer.add_vision_image_size(side)
    writer.add_vision_patch_size(patch)
    writer.add_vision_embedding_length(width)
    writer.add_vision_feed_forward_length(inner)
    writer.add_vision_block_count(config["num_hidden_layers"])
    writer.add_vision_head_count(config["num_attention_heads"])
    writer.add_vision_attention_layernorm_eps(1e-5)
    writer.add_vision_image_mean(prepared["image_mean"])
    writer.add_vision_image_std(prepared["image_std"])
    writer.add_vision_use_gelu(True)
    writer.add_vision_spatial_merge_size(config["spatial_merge_size"])
    writer.add_vision_min_pixels(prepared["size"]["shortest_edge"])
    writer.add_vision_max_pixels(prepared["size"]["longest_edge"])
    maker.noise("v.patch_embd", shape=(width, 3, patch, patch), bias=True)
    maker.noise("v.position_embd", shape=((side // patch) ** 2, width))
    for layer in range(config["num_hidden_layers"]):
        block = f"v.blk.{layer}."
        attention = [f"{block}attn_{name}" for name in ("q", "k", "v", "out")]
        maker.noise(*attention, shape=(width, width), bias=True)
        maker.noise(f"{block}ffn_up", shape=(inner, width), bias=True)
        maker.noise(f"{block}ffn_down", shape=(width, inner), bias=True)
        maker.ones(f"{block}ln1", f"{block}ln2", size=width)
        for norm in ("ln1", "ln2"):
            maker.add(f"{block}{norm}.bias", maker.draw((width,)))
    maker.noise("mm.0", shape=(2 * width, width, 2, 2), bias=True)
    maker.noise("mm.2", shape=(4 * width, 2 * width, 1, 1), bias=True)
    maker.noise("mm.model.fc", shape=(out, 4 * width), bias=True)
    maker.ones("mm.pre_norm", size=width)
    maker.ones("mm.post_norm", size=out)
    for name, size in (
        ("v.image_newline", 4 * width),
        ("v.view_seperator", 4 * width),
        ("mm.image_begin", out),
        ("mm.image_end", out),
    ):
        maker.add(name, maker.draw((size,)))
    maker.close()


def main() -> None:
    """Write and serve until it is killed."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    text, vision = folder / "text.gguf", folder / "vision.gguf"
    write_text(folder, text)
    write_vision(folder, vision)
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.mmproj.path = str(text), str(vision)
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_ctx, params.n_parallel = 2 * 8192, 2
    params.cpuparams.n_threads = 1
    params.use_jinja, params.model_alias = True, {MODEL}
    params.endpoint_metrics, params.warmup = True, False
    server = xllamacpp.Server(params)
    while server:
        time.sleep(60)


if __name__ == "__main__":
    main()
