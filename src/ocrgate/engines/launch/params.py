"""Parameters of a vLLM that we start ourselves. Light: importing this loads nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_INSTEAD = {  # without these we would wait for a server that answers elsewhere, or not to us
    "--host": "engine.host",
    "--port": "engine.port",
    "--uds": "engine.port",
    "--served-model-name": "engine.model",
    "--api-key": "VLLM_API_KEY in the environment",
}


@dataclass(frozen=True, slots=True)
class VllmParams:
    """A `vllm serve` that is started and supervised, one for each GPU.

    Attributes:
        kind: selects this engine.
        model: model to serve, by its name on the hub or as a folder; None takes the recipe's.
        recipe: how the model is started, asked and understood; None finds it by the model's name.
        revision: commit of the model on the hub; None takes the recipe's, else the one that was
            served here first, so that the weights behind a name do not change unseen.
        command: how vLLM is called, split as a shell would; a bare name is looked for beside our
            own Python and on the PATH.
        host: address that vLLM listens on; others should reach the gateway only.
        port: port of the first vLLM; the next ones take the ports after it.
        device: `cpu` where vLLM was built for the CPU, `gpu` where one is there that is not seen
            (no NVIDIA tools), `auto` to look.
        gpus: how many GPUs are used; None means all that are visible.
        parallel: with several GPUs, `instances` starts one server for each, `data` one server
            over all of them (vLLM's data parallelism).
        gpu_memory: share of each GPU's memory that vLLM takes; None leaves it to the recipe.
        max_sequences: most pages in work at once on one GPU; None chooses by the GPU's memory.
            After a death of memory it is lowered by itself and creeps back.
        max_pixels: largest page, in pixels; None leaves it to the recipe. Lowered like
            `max_sequences`.
        args: arguments for `vllm serve`, put after all of ours as they are.
        start_timeout: seconds until a server must have read its first page; the first start
            also downloads the model.
        shutdown_timeout: seconds that pages in flight are given, first by us, then by vLLM.
        state: folder that remembers across restarts which load was too much, and that the
            model's notice was shown.
        notice: show the model's licence notice before its first start.
        slots: pages at the same time at one server; without it, a limit law finds the number
            (`gate.limit`), up to `max_sequences`.
        max_side: longest side in pixels of a page as it is sent. The server is started for pages
            of that size, so a smaller one leaves more memory for more pages at once.
        lossless: send pages as PNG or WebP instead of JPEG.
        stall: seconds without a token, after the first, until the server is given up for this page.
        first_token: seconds until the first token; the server's own queue and the page's encoding
            fall into them.
        custom_prompts: let callers give prompts of their own.
        max_tokens: most tokens that a page may have written, whatever recipe and caller ask for.
    """

    kind: Literal["vllm"] = "vllm"
    model: str | None = None
    recipe: str | None = None
    revision: str | None = None
    command: str = "vllm"
    host: str = "127.0.0.1"
    port: int = 8000
    device: Literal["auto", "gpu", "cpu"] = "auto"
    gpus: int | None = None
    parallel: Literal["instances", "data"] = "instances"
    gpu_memory: float | None = None
    max_sequences: int | None = None
    max_pixels: int | None = None
    args: tuple[str, ...] = ()
    start_timeout: float = 1800.0
    shutdown_timeout: float = 10.0
    state: Path = Path("~/.local/state/ocrgate")
    notice: bool = True
    slots: int | None = None
    max_side: int = 1024
    lossless: bool = False
    stall: float = 30.0
    first_token: float = 45.0
    custom_prompts: bool = False
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        for word in self.args:
            name = word.split("=", maxsplit=1)[0]  # the rest may be a secret
            instead = _INSTEAD.get(name.replace("_", "-"))
            if instead is not None:
                raise ValueError(f"engine.args must not hold {name}: set {instead} instead")
        object.__setattr__(self, "state", self.state.expanduser())
