"""What a GPU reaches of its data sheet, in the parts of a step that a plan is made of.

``python benchmarks/load/gpu_shares.py [--sheet h100-80gb] [--out FILE]``: needs PyTorch with CUDA.

Layers of HunyuanOCR's shape with random weights, in bf16, as CUDA graphs, so that the host's part
is left out: the encoder (27 layers of 1152) on pictures of several sizes, the language model (24
layers of 1024) on a prompt, and its decoding for several batches with 1,500 tokens of KV each. No
engine is involved; an engine adds its host's part and reaches no more.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

SHEETS = {"h100-80gb": (3350e9, 989e12), "h200-141gb": (4800e9, 989e12)}
KIND: Any = {"device": "cuda", "dtype": torch.bfloat16}
Layer = Callable[[torch.Tensor], torch.Tensor]


class Encoder(torch.nn.Module):  # type: ignore[misc]  # where there is no torch
    """One layer of the image encoder."""

    def __init__(self, width: int = 1152, inner: int = 4304, heads: int = 16) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = torch.nn.Linear(width, 3 * width, **KIND)
        self.out = torch.nn.Linear(width, width, **KIND)
        self.up = torch.nn.Linear(width, inner, **KIND)
        self.down = torch.nn.Linear(inner, width, **KIND)
        self.before = torch.nn.LayerNorm(width, **KIND)
        self.after = torch.nn.LayerNorm(width, **KIND)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, width = x.shape
        q, k, v = self.qkv(self.before(x)).view(1, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(seen.transpose(1, 2).reshape(count, width))
        return x + self.down(functional.gelu(self.up(self.after(x)), approximate="tanh"))


class Decoder(torch.nn.Module):  # type: ignore[misc]  # as above
    """One layer of the language model."""

    def __init__(self, width: int = 1024, inner: int = 3584) -> None:
        super().__init__()
        self.q = torch.nn.Linear(width, 16 * 128, bias=False, **KIND)
        self.kv = torch.nn.Linear(width, 2 * 8 * 128, bias=False, **KIND)
        self.out = torch.nn.Linear(16 * 128, width, bias=False, **KIND)
        self.gate = torch.nn.Linear(width, 2 * inner, bias=False, **KIND)
        self.down = torch.nn.Linear(inner, width, bias=False, **KIND)
        self.before = torch.nn.RMSNorm(width, **KIND)
        self.after = torch.nn.RMSNorm(width, **KIND)

    def rest(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        x = x + self.out(seen)
        gate, up = self.gate(self.after(x)).chunk(2, -1)
        return x + self.down(functional.silu(gate) * up)

    def prompt(self, x: torch.Tensor) -> torch.Tensor:
        count = x.shape[0]
        h = self.before(x)
        q = self.q(h).view(1, count, 16, 128).transpose(1, 2)
        k, v = self.kv(h).view(1, count, 2, 8, 128).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return self.rest(x, seen.transpose(1, 2).reshape(count, -1))

    def step(self, x: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        batch = x.shape[0]
        h = self.before(x)
        q = self.q(h).view(batch, 16, 1, 128)
        _ = self.kv(h)
        # Two query heads share a head of the cache, so they are its two rows: it is read once.
        seen = functional.scaled_dot_product_attention(q.view(batch, 8, 2, 128), k, v)
        return self.rest(x, seen.reshape(batch, -1))


def seconds(act: Callable[[], torch.Tensor]) -> float:
    """Of one run, as a CUDA graph: the median of thirty."""
    with torch.inference_mode():
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for _ in range(3):
                act()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            act()
        found = []
        for _ in range(30):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            graph.replay()
            end.record()
            torch.cuda.synchronize()
            found.append(begin.elapsed_time(end) / 1000)
    return float(statistics.median(found))


def run(layers: Sequence[Layer], x: torch.Tensor) -> torch.Tensor:
    """Through all layers."""
    for layer in layers:
        x = layer(x)
    return x


def first_token(calls: Sequence[Layer], x: torch.Tensor, head: torch.nn.Linear) -> torch.Tensor:
    """Of a prompt."""
    return head(run(calls, x)[-1:])


def next_tokens(calls: Sequence[Layer], x: torch.Tensor, head: torch.nn.Linear) -> torch.Tensor:
    """One for each sequence."""
    return head(run(calls, x))


def encoder(rate: float) -> list[dict[str, float]]:
    """Seconds by patches."""
    layers = [Encoder().eval() for _ in range(27)]
    rows = []
    for patches in (1024, 2048, 4096, 8192, 16384):
        x = torch.randn(patches, 1152, **KIND)
        took = seconds(partial(run, layers, x))
        matrices = 2 * 411e6 * patches
        pairs = 4 * 27 * 1152 * patches**2
        rows.append(
            {"patches": patches, "seconds": took, "share": (matrices + pairs) / took / rate}
        )
    return rows


def attention(rate: float) -> list[dict[str, float]]:
    """Of the encoder alone, by patches."""
    rows = []
    for patches in (4096, 16384):
        q = torch.randn(1, 16, patches, 72, **KIND)
        took = 27 * seconds(partial(functional.scaled_dot_product_attention, q, q, q))
        pairs = 4 * 27 * 1152 * patches**2
        rows.append({"patches": patches, "seconds": took, "share": pairs / took / rate})
    return rows


def prompt(rate: float) -> list[dict[str, float]]:
    """Seconds by tokens."""
    layers = [Decoder().eval() for _ in range(24)]
    head = torch.nn.Linear(1024, 120818, bias=False, **KIND)
    rows = []
    for tokens in (512, 1024, 2048, 8192):
        x = torch.randn(tokens, 1024, **KIND)
        calls = [layer.prompt for layer in layers]
        took = seconds(partial(first_token, calls, x, head))
        rows.append(
            {"tokens": tokens, "seconds": took, "share": 2 * 0.415e9 * tokens / took / rate}
        )
    return rows


def decoding(bandwidth: float, context: int = 1500) -> list[dict[str, float]]:
    """Seconds by batch."""
    layers = [Decoder().eval() for _ in range(24)]
    head = torch.nn.Linear(1024, 120818, bias=False, **KIND)
    rows = []
    for batch in (1, 8, 16, 32, 64, 128):
        caches = [
            (
                torch.randn(batch, 8, context, 128, **KIND),
                torch.randn(batch, 8, context, 128, **KIND),
            )
            for _ in layers
        ]
        x = torch.randn(batch, 1024, **KIND)
        calls = [
            partial(layer.step, k=k, v=v) for layer, (k, v) in zip(layers, caches, strict=True)
        ]
        took = seconds(partial(next_tokens, calls, x, head))
        moved = 2 * 0.539e9 + batch * context * 98304
        rows.append({"batch": batch, "seconds": took, "share": moved / took / bandwidth})
        del caches, calls
        torch.cuda.empty_cache()
    return rows


def main() -> None:
    """Run it."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--sheet", default="h100-80gb", choices=SHEETS)
    made.add_argument("--out", type=Path)
    asked = made.parse_args()
    bandwidth, rate = SHEETS[asked.sheet]
    found = {
        "gpu": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "encoder": encoder(rate),
        "attention": attention(rate),
        "prompt": prompt(rate),
        "decoding": decoding(bandwidth),
    }
    text = json.dumps(found, indent=1)
    print(text)
    if asked.out:
        asked.out.write_text(text)


if __name__ == "__main__":
    main()
