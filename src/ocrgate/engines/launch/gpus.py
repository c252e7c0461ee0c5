"""Which GPUs there are, and which server sits on which."""

import csv
import math
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.versions import Version
from ocrgate.errors import EngineUnavailable

_QUERY = ("--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits")
_PATIENCE = 20.0  # seconds; a driver that must first wake its GPUs takes some

_TOKEN = 96 * 2**10  # bytes of the KV cache: HunyuanOCR; models of up to 8B have 28 to 144 KiB
_RESIDENT = 6 * 2**30  # bytes for weights, activations and CUDA graphs of a model of 1B
_SHARE = 0.85  # of the memory that vLLM takes, where nobody says otherwise
_TEXT = 512  # tokens of a page's text: receipts have 60 to 350, pages of documents 600 to 1,500
_FEW, _MANY, _UNSEEN = 4, 256, 64  # the least, the most, and where no memory is known
_STEP = 8  # vLLM records CUDA graphs for multiples of this

NO_GPU = (
    "vLLM is there but no NVIDIA GPU is seen (nvidia-smi lists none). Use the embedded engine with "
    "--engine cpu, install vLLM's build for the CPU (its version ends in +cpu), or set "
    "engine.device to gpu if there is one that nvidia-smi does not show"
)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU.

    Attributes:
        id: its number or UUID, as CUDA_VISIBLE_DEVICES takes it.
        name: as its maker calls it.
        memory: bytes; 0 where that is not known.
    """

    id: str
    name: str
    memory: int


@dataclass(frozen=True, slots=True)
class Seat:
    """Where one server runs.

    Attributes:
        index: counted from 0.
        port: TCP port that it listens on.
        gpus: ids of its GPUs; empty leaves the choice to vLLM (or it runs on the CPU).
        ranks: copies of the model inside this one server.
        memory: bytes of its smallest GPU; 0 where that is not known or it has none.
        cpu: whether it runs on the CPU.
    """

    index: int
    port: int
    gpus: tuple[str, ...] = ()
    ranks: int = 1
    memory: int = 0
    cpu: bool = False


def visible_gpus(environ: Mapping[str, str]) -> tuple[Gpu, ...]:
    """The NVIDIA GPUs that a process with these variables may use, in its order. Takes seconds."""
    tool = shutil.which("nvidia-smi", path=environ.get("PATH"))
    if tool is None:
        return ()
    try:
        done = subprocess.run(  # noqa: S603 - a fixed query
            [tool, *_QUERY], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = listed(done.stdout) if done.returncode == 0 else ()
    return allowed(found, environ.get("CUDA_VISIBLE_DEVICES"))


def listed(output: str) -> tuple[Gpu, ...]:
    """The GPUs in what ``nvidia-smi`` printed; lines of another form are passed over."""
    rows = csv.reader(output.splitlines(), skipinitialspace=True)
    return tuple(
        Gpu(row[0].strip(), row[2].strip(), _mebibytes(row[3]))
        for row in rows
        if len(row) == 4 and row[0].strip().isdigit()
    )


def _mebibytes(text: str) -> int:
    digits = text.strip()
    return int(digits) * 2**20 if digits.isdigit() else 0  # "[N/A]" where memory is shared


def allowed(gpus: tuple[Gpu, ...], variable: str | None) -> tuple[Gpu, ...]:
    """Those that CUDA_VISIBLE_DEVICES names, in its order, up to the first it does not know.

    That is how CUDA reads it: an empty value or ``-1`` hides them all. Parts of a GPU (``MIG-…``)
    and UUIDs are taken as they are.
    """
    if variable is None:
        return gpus
    by_id = {gpu.id: gpu for gpu in gpus}
    chosen: list[Gpu] = []
    for word in (part.strip() for part in variable.split(",")):
        if word not in by_id and not word.startswith(("GPU-", "MIG-")):
            break
        chosen.append(by_id.get(word, Gpu(word, word.split("-", maxsplit=1)[0], 0)))
    return tuple(chosen) if gpus else ()


def seats(params: VllmParams, gpus: tuple[Gpu, ...], version: Version | None) -> tuple[Seat, ...]:
    """Where the servers run.

    Raises:
        EngineUnavailable: there are no GPUs, or fewer than were asked for.
    """
    if params.device == "cpu" or (params.device == "auto" and version and version.for_cpu):
        return (Seat(0, params.port, cpu=True),)
    if not gpus and params.device == "gpu":
        return _blind(params)
    if not gpus:
        raise EngineUnavailable(NO_GPU)
    count = len(gpus) if params.gpus is None else params.gpus
    if count > len(gpus):
        raise EngineUnavailable(f"{count} GPUs were asked for (engine.gpus), {len(gpus)} are seen")
    return _seated(params, gpus[:count])


def _seated(params: VllmParams, gpus: tuple[Gpu, ...]) -> tuple[Seat, ...]:
    if params.parallel == "data":
        least = min(gpu.memory for gpu in gpus)
        return (Seat(0, params.port, tuple(gpu.id for gpu in gpus), len(gpus), least),)
    return tuple(Seat(n, params.port + n, (gpu.id,), 1, gpu.memory) for n, gpu in enumerate(gpus))


def _blind(params: VllmParams) -> tuple[Seat, ...]:
    """GPUs that we cannot list: one server, which finds them itself."""
    return (Seat(0, params.port, ranks=params.gpus or 1),)


def sequences(params: VllmParams, seat: Seat) -> int:
    """Most pages in work at once on one GPU, when nobody has set it.

    As many as the KV cache holds of pages of a usual kind: A4 at ``engine.max_side`` (a token for
    each 32 x 32 pixels) and its text. That is 120 on 24 GB with the usual 1,024 pixels. It is meant
    to be too much rather than too little, since the gate's law finds the number below it and can
    never go above. It costs little memory: vLLM allots the KV cache at its start, whatever this
    number is, less what CUDA graphs of larger batches need, and puts pages back that do not fit.
    The most is 256, vLLM's own default on GPUs of less than 70 GiB: at that size a step of a model
    of 1B is bound by arithmetic, and more pages at once only make each of them slower.
    """
    if params.max_sequences is not None:
        return params.max_sequences
    if seat.cpu:
        return _FEW
    if not seat.memory:
        return _UNSEEN
    square = params.max_side**2
    pixels = min(square / math.sqrt(2), params.max_pixels or square)  # of A4
    tokens = pixels / 32**2 + _TEXT
    cache = seat.memory * (params.gpu_memory or _SHARE) - _RESIDENT
    count = int(max(0.0, cache) / _TOKEN / tokens)
    return min(_MANY, max(_FEW, count - count % _STEP if count > _STEP else count))
