"""Why a server ended, from its exit code and its last lines. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

_EVIDENCE = 5  # lines that are shown
_KILLED = frozenset({-9, 137})
_TERMINATED = frozenset({-15, 143, -2, 130})


class Cause(StrEnum):
    """Why a server ended."""

    GPU_OUT_OF_MEMORY = "gpu_out_of_memory"
    HOST_OUT_OF_MEMORY = "host_out_of_memory"
    GPU_TAKEN = "gpu_taken"  # by another process, before ours came
    CONTEXT_TOO_LONG = "context_too_long"  # the KV cache does not hold one longest request
    MODEL_NOT_FOUND = "model_not_found"
    MODEL_OUT_OF_REACH = "model_out_of_reach"  # the hub does not answer
    MODEL_LOCKED = "model_locked"  # a licence must be accepted, or a token be given
    MODEL_UNSUPPORTED = "model_unsupported"
    PORT_TAKEN = "port_taken"
    REFUSED_ARGUMENT = "refused_argument"
    NO_GPU = "no_gpu"
    DISK_FULL = "disk_full"
    BROKEN_INSTALLATION = "broken_installation"
    ENGINE_CRASH = "engine_crash"
    KILLED = "killed"
    ENDED = "ended"  # by itself or by SIGTERM
    TOO_SLOW = "too_slow"  # had not read a page by the end of the time for it
    CANNOT_READ = "cannot_read"  # answers, but not with the text of the page
    HUNG = "hung"  # lives but answers no more
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What happened, and what to do.

    Attributes:
        cause: one of a bounded set.
        what: what happened, a sentence without its period.
        hint: what to do next; empty where nothing needs to be done.
        evidence: the lines that tell, oldest first.
        heals: whether another start may go better though nobody changed anything.
        refused: flags that the server does not know.
        context: tokens of the longest request that would fit, where the server said so.
    """

    cause: Cause
    what: str
    hint: str = ""
    evidence: tuple[str, ...] = ()
    heals: bool = True
    refused: tuple[str, ...] = ()
    context: int | None = None

    @property
    def of_memory(self) -> bool:
        """Whether a smaller load is safer."""
        return self.cause in {Cause.GPU_OUT_OF_MEMORY, Cause.HOST_OUT_OF_MEMORY}

    @property
    def text(self) -> str:
        """All of it, for an error's detail."""
        parts = [f"{self.what}. {self.hint}" if self.hint else self.what, *self.evidence]
        return "\n  ".join(parts)


@dataclass(frozen=True, slots=True)
class _Sign:
    cause: Cause
    pattern: re.Pattern[str]
    what: str
    hint: str
    heals: bool = True


def _sign(cause: Cause, pattern: str, what: str, hint: str, *, heals: bool = True) -> _Sign:
    return _Sign(cause, re.compile(pattern), what, hint, heals)


# The one that was seen last counts: what stands before it (a hub that did not answer, say) was
# overcome.
_SIGNS = (
    _sign(
        Cause.REFUSED_ARGUMENT,
        r"unrecognized arguments: |error: argument |error: ambiguous option",
        "vLLM refused an argument",
        "Look at engine.args, or install a newer vLLM",
        heals=False,
    ),
    _sign(
        Cause.MODEL_NOT_FOUND,
        r"Repository Not Found|RepositoryNotFoundError|RevisionNotFoundError"
        r"|Invalid rev(?:ision)? id|is not a valid model identifier"
        r"|Can't load the configuration of|EntryNotFoundError: 404",
        "the model was not found on the hub, nor as a folder",
        "Check engine.model and engine.revision; a private model needs HF_TOKEN",
        heals=False,
    ),
    _sign(
        Cause.MODEL_LOCKED,
        r"GatedRepoError|gated repo|401 Client Error|403 Client Error",
        "the hub does not hand out this model to you",
        "Accept its licence on its page, then set HF_TOKEN",
        heals=False,
    ),
    _sign(
        Cause.MODEL_OUT_OF_REACH,
        r"outgoing traffic has been disabled|OfflineModeIsEnabled|LocalEntryNotFoundError"
        r"|We couldn't connect to|Max retries exceeded with url|Name or service not known"
        r"|Temporary failure in name resolution",
        "the model is not on this machine and the hub cannot be reached",
        "Connect it, set HF_ENDPOINT to a mirror, or put the model into a folder and name that as "
        "engine.model",
    ),
    _sign(
        Cause.PORT_TAKEN,
        r"[Aa]ddress already in use|Errno 98\b",
        "its port is taken by another program",
        "End that program or choose another engine.port",
    ),
    _sign(
        Cause.CONTEXT_TOO_LONG,
        r"To serve at least one request with the model's max seq len|larger than the available KV",
        "the memory left for the KV cache does not hold one request of the full context",
        "Raise engine.gpu_memory, or lower the context with --max-model-len in engine.args",
    ),
    _sign(
        Cause.GPU_TAKEN,
        r"Free memory on device .* less than desired GPU memory utilization",
        "another process holds the GPU's memory",
        "End it (nvidia-smi shows it), or lower engine.gpu_memory",
    ),
    _sign(
        Cause.GPU_OUT_OF_MEMORY,
        r"OutOfMemoryError|(?:CUDA|HIP)(?: error:)? out of memory|CUBLAS_STATUS_ALLOC_FAILED"
        r"|CUDA_ERROR_OUT_OF_MEMORY|No available memory for the cache blocks",
        "the GPU ran out of memory",
        "The next start carries less; if it goes on, lower engine.gpu_memory or engine.max_pixels",
    ),
    _sign(
        Cause.NO_GPU,
        r"No CUDA GPUs are available|Failed to infer device type|Found no NVIDIA driver"
        r"|NVIDIA driver on your system is too old|driver version is insufficient"
        r"|libcuda\.so\.\d+: cannot open",
        "vLLM can use no GPU here",
        "Install or update the NVIDIA driver, or use the embedded engine with --engine cpu",
        heals=False,
    ),
    _sign(
        Cause.MODEL_UNSUPPORTED,
        r"are not supported for now|does not recognize this architecture|trust_remote_code=True",
        "this vLLM does not know that kind of model",
        "Install a newer vLLM; a model with code of its own also needs --trust-remote-code in "
        "engine.args",
        heals=False,
    ),
    _sign(
        Cause.DISK_FULL,
        r"No space left on device|Errno 28\b",
        "a disk is full",
        "Make room, or point HF_HOME at a larger one",
    ),
    _sign(
        Cause.HOST_OUT_OF_MEMORY,
        r"DefaultCPUAllocator: (?:can't|not enough)|\bMemoryError\b|Cannot allocate memory",
        "the machine ran out of memory",
        "The next start carries less; give it more memory if it goes on",
    ),
    _sign(
        Cause.BROKEN_INSTALLATION,
        r"^(?:\([^()]*\) )?(?:ImportError|ModuleNotFoundError|OSError: Could not load this library"
        r"|importlib\.metadata\.PackageNotFoundError)\b",
        "vLLM's installation is broken",
        "Run `vllm serve --help` by hand; a fresh environment with nothing but vLLM helps most",
        heals=False,
    ),
)
_CRASH = _sign(  # said after every cause above, too
    Cause.ENGINE_CRASH,
    r"EngineCore encountered|EngineDeadError|Engine core initialization failed"
    r"|Engine core proc \S+ died",
    "vLLM's engine crashed",
    "Its log above says where",
)

_ANY = re.compile("|".join(f"(?:{sign.pattern.pattern})" for sign in _SIGNS))
_REFUSED = re.compile(r"unrecognized arguments: (.*)")
_FLAG = re.compile(r"--[a-z][a-z0-9-]*")
_FITS = re.compile(r"estimated maximum model length is (\d+)")
_TELLING = re.compile(r"\b(?:[A-Z]\w*(?:Error|Exception|Exit)\b|error:|ERROR\b|CRITICAL\b|Killed)")


def tells(line: str) -> bool:
    """Whether a line names a reason for an end, if one comes after it."""
    return _ANY.search(line) is not None


def diagnose(code: int, lines: Iterable[str], oom_kills: int | None = None) -> Diagnosis:
    """Why a server ended.

    Args:
        code: its exit code; negative is the signal that ended it.
        lines: the last that it printed, oldest first.
        oom_kills: processes that the kernel has killed for memory since it was started; None
            where the kernel does not say.
    """
    lines = tuple(lines)
    for line in reversed(lines):
        sign = next((sign for sign in _SIGNS if sign.pattern.search(line)), None)
        if sign is not None:
            return _found(sign, lines)
    if oom_kills:  # the kernel rarely takes the first process, which is the smallest
        return _by_code(-9, _last_words(lines), oom_kills)
    if any(_CRASH.pattern.search(line) for line in lines):
        return _found(_CRASH, [line for line in lines if _TELLING.search(line)])
    return _by_code(code, _last_words(lines), oom_kills)


def _found(sign: _Sign, lines: Sequence[str]) -> Diagnosis:
    telling = [line for line in lines if sign.pattern.search(line)] or lines
    text = "\n".join(telling)
    refused = _REFUSED.search(text)
    fits = _FITS.search(text)
    return Diagnosis(
        sign.cause,
        sign.what,
        sign.hint,
        tuple(dict.fromkeys(telling))[-_EVIDENCE:],
        sign.heals,
        tuple(_FLAG.findall(refused[1])) if refused else (),
        int(fits[1]) if fits else None,
    )


def _by_code(code: int, words: tuple[str, ...], oom_kills: int | None) -> Diagnosis:
    if code in _KILLED and oom_kills != 0:
        what = "a process of it was killed, as the kernel does when memory runs out"
        hint = "The next start carries less; give the machine more memory if it goes on"
        return Diagnosis(Cause.HOST_OUT_OF_MEMORY, what, hint, words)
    if code in _KILLED:
        return Diagnosis(Cause.KILLED, "it was killed (SIGKILL), not for memory", "", words)
    if code == 0 or code in _TERMINATED:
        return Diagnosis(Cause.ENDED, "it was told to end by somebody else", "", words)
    how = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
    return Diagnosis(Cause.UNKNOWN, f"it {how}", "Its last lines may say why", words)


def _last_words(lines: Sequence[str]) -> tuple[str, ...]:
    telling = [line for line in lines if _TELLING.search(line)]
    return tuple(telling[-_EVIDENCE:] or lines[-_EVIDENCE:])
