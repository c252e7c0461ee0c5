"""Starts transformers' own server with the tiny model, inside of vLLM's environment.

``python foreign.py MODEL_FOLDER CACHE PORT [DEVICE]`` fills the weights with noise, puts the
model into a cache as if it had been downloaded under its name (the server lists what is cached,
nothing else) and serves it. The server decodes images with a compiled part of torchvision that
has no build without a GPU; Pillow does it here.
"""

import io
import os
import shutil
import sys
from pathlib import Path
from typing import Any

MODEL = "tencent/HunyuanOCR"


def fill(folder: Path) -> None:
    """Write random weights. Special tokens get none, so that greedy text has words in it."""
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    torch.manual_seed(0)
    network = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(folder))
    with torch.no_grad():
        network.get_input_embeddings().weight[-128:] = 0
    network.to(torch.bfloat16).save_pretrained(folder)


def cache(folder: Path, home: Path) -> None:
    """Lay the model out as a download of it would lie there."""
    commit = "0" * 40
    place = home / "hub" / f"models--{MODEL.replace('/', '--')}"
    shutil.copytree(folder, place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)


def decode(buffer: Any, mode: object = None) -> Any:
    """What torchvision's ``decode_image`` gives: channels x height x width, RGB."""
    import numpy as np
    import torch
    from PIL import Image

    picture = Image.open(io.BytesIO(buffer.numpy().tobytes())).convert("RGB")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def main() -> None:
    """Prepare and serve until it is killed."""
    folder, home, port = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    device = sys.argv[4] if sys.argv[4:] else "cpu"
    os.environ["HF_HOME"] = str(home)  # before anything of theirs is imported
    import torchvision.io

    torchvision.io.decode_image = decode  # before transformers takes a name for it
    fill(folder)
    cache(folder, home)
    from transformers.cli.transformers import main as command

    sys.argv[1:] = ["serve", MODEL, "--device", device, "--host", "127.0.0.1", "--port", port]
    command()


if __name__ == "__main__":
    main()
