"""Why a server died."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.engines.launch.diagnosis import Cause, diagnose

CASES = {
    Cause.GPU_OUT_OF_MEMORY: [
        "(EngineCore pid=7) torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 32 GiB",
        "RuntimeError: CUDA error: out of memory",
        "ValueError: No available memory for the cache blocks. Try increasing",
    ],
    Cause.CONTEXT_TOO_LONG: [
        (
            "ValueError: To serve at least one request with the model's max seq len (8192), (1.5"
            " GiB KV cache is needed, which is larger than the available KV cache memory (0.5 GiB)."
            " Based on the available memory, the estimated maximum model length is 2944. Try"
        ),
    ],
    Cause.GPU_TAKEN: [
        (
            "ValueError: Free memory on device cuda:0 (3.1/23.6 GiB) on startup is less than"
            " desired GPU memory utilization (0.9, 21.3 GiB). Decrease GPU memory utilization"
        ),
    ],
    Cause.MODEL_NOT_FOUND: [
        "OSError: a/b is not a local folder and is not a valid model identifier listed on the hub",
        "huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error. Repository Not Found",
    ],
    Cause.MODEL_LOCKED: [
        "huggingface_hub.errors.GatedRepoError: 403 Client Error. Access to model"
    ],
    Cause.MODEL_OUT_OF_REACH: [
        (
            "LocalEntryNotFoundError: Cannot find the requested files in the disk cache and"
            " outgoing traffic has been disabled"
        ),
        "OSError: We couldn't connect to the hub to load the files",
    ],
    Cause.PORT_TAKEN: ["OSError: [Errno 98] Address already in use"],
    Cause.REFUSED_ARGUMENT: ["vllm: error: unrecognized arguments: --max-num-queued-reqs 20"],
    Cause.NO_GPU: ["RuntimeError: No CUDA GPUs are available"],
    Cause.DISK_FULL: ["OSError: [Errno 28] No space left on device"],
    Cause.MODEL_UNSUPPORTED: [
        "ValueError: Model architectures ['XForOcr'] are not supported for now."
    ],
    Cause.BROKEN_INSTALLATION: ["(APIServer pid=3) ModuleNotFoundError: No module named 'torch'"],
    Cause.ENGINE_CRASH: [
        "EngineDeadError: EngineCore encountered an issue. See stack trace (above)"
    ],
}


@pytest.mark.parametrize(
    ("cause", "line"), [(cause, line) for cause, lines in CASES.items() for line in lines]
)
def test_each_cause_is_known_by_its_words(cause: Cause, line: str) -> None:
    """In the middle of others; the line is quoted, and something is advised."""
    said = ["INFO loading", line, "RuntimeError: Engine core initialization failed. See above"]
    found = diagnose(1, said)
    assert found.cause is cause
    assert line in found.evidence
    assert found.hint
    assert found.what in found.text


def test_what_was_overcome_is_not_the_cause() -> None:
    """A hub that did not answer was a warning; the model came from the disk."""
    lines = [
        "WARNING Max retries exceeded with url: /tencent/HunyuanOCR",
        "INFO Loading weights took 3.1 seconds",
        "torch.OutOfMemoryError: CUDA out of memory.",
        "RuntimeError: Engine core initialization failed.",
    ]
    assert diagnose(1, lines).cause is Cause.GPU_OUT_OF_MEMORY


def test_refused_flags_are_named() -> None:
    """Their values are not flags."""
    line = "vllm: error: unrecognized arguments: --max-num-queued-reqs 20 --shutdown-timeout 10"
    assert diagnose(2, [line]).refused == ("--max-num-queued-reqs", "--shutdown-timeout")


def test_the_context_that_fits_is_read() -> None:
    found = diagnose(1, CASES[Cause.CONTEXT_TOO_LONG])
    assert found.context == 2944


@pytest.mark.parametrize(
    ("code", "kills", "cause", "of_memory"),
    [
        (-9, None, Cause.HOST_OUT_OF_MEMORY, True),
        (137, 1, Cause.HOST_OUT_OF_MEMORY, True),
        (-9, 0, Cause.KILLED, False),
        (-15, None, Cause.ENDED, False),
        (0, None, Cause.ENDED, False),
        (-11, None, Cause.UNKNOWN, False),
        (1, None, Cause.UNKNOWN, False),
    ],
)
def test_without_words_the_exit_code_tells(
    code: int, kills: int | None, cause: Cause, of_memory: bool
) -> None:
    """SIGKILL is put down to memory unless the kernel says that it killed nobody for it."""
    found = diagnose(code, ["INFO all is well"], kills)
    assert (found.cause, found.of_memory) == (cause, of_memory)


def test_a_process_below_that_the_kernel_killed_is_a_death_of_memory() -> None:
    """The engine is larger than the server that speaks for it, and is the one to go."""
    crash = CASES[Cause.ENGINE_CRASH]
    assert diagnose(1, crash, 1).cause is Cause.HOST_OUT_OF_MEMORY
    assert diagnose(1, crash, 0).cause is Cause.ENGINE_CRASH


def test_an_unknown_end_quotes_the_lines_that_look_like_errors() -> None:
    """Else the last ones."""
    lines = ["INFO a", "ValueError: odd", *[f"INFO {n}" for n in range(20)]]
    assert diagnose(1, lines).evidence == ("ValueError: odd",)
    assert diagnose(1, lines[2:]).evidence == tuple(f"INFO {n}" for n in range(15, 20))


@given(
    st.integers(-64, 255), st.lists(st.text(max_size=80), max_size=20), st.none() | st.integers()
)
def test_anything_is_diagnosed(code: int, lines: list[str], kills: int | None) -> None:
    """Whatever was printed, there is an answer that a person can read."""
    found = diagnose(code, lines, kills)
    assert found.what
    assert len(found.evidence) <= 5
