"""The command line of one server."""

import itertools
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.control.guard import Load
from ocrgate.engines.launch.command import Start, command, environment, queue_bound
from ocrgate.engines.launch.gpus import Seat
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.served import ServedModel, recipe_of, served
from ocrgate.engines.launch.versions import Version
from ocrgate.engines.recipes.catalogue import recipes

FULL = VllmParams(max_side=4096)  # 1.5's largest page
GIB = 2**30


def model(params: VllmParams = FULL) -> ServedModel:
    return served(recipe_of(params), params)


def start(params: VllmParams = FULL, *, pixels: int | None = None, sequences: int = 16) -> Start:
    """The start of a model on one GPU of 24 GiB."""
    made = model(params)
    load = Load(sequences, pixels or made.pixels)
    return Start(("vllm",), made, params, Seat(0, 8000, ("0",), 1, 24 * GIB), load)


def value(argv: tuple[str, ...], flag: str) -> str | None:
    return argv[argv.index(flag) + 1] if flag in argv else None


def test_the_default_model_is_started_as_its_makers_ask() -> None:
    """Flags of the vendor, the encoder's budget of the largest page, our own queue bound."""
    assert " ".join(command(start())) == (
        "vllm serve tencent/HunyuanOCR --host 127.0.0.1 --port 8000"
        " --served-model-name tencent/HunyuanOCR --max-model-len 40960 --max-num-seqs 16"
        " --max-num-batched-tokens 18432 --gpu-memory-utilization 0.85"
        " --no-enable-prefix-caching --max-num-queued-reqs 20 --shutdown-timeout 10"
        ' --limit-mm-per-prompt {"image":1} --mm-processor-cache-gb 0'
    )


def test_a_lowered_page_size_is_told_and_needs_fewer_tokens() -> None:
    """VLLM shrinks to the cap, and its budget holds what a page of that size can cost."""
    argv = command(start(pixels=2048 * 2048))
    assert json.loads(value(argv, "--mm-processor-kwargs") or "") == {"max_pixels": 4_194_304}
    assert 4_162 <= int(value(argv, "--max-num-batched-tokens") or 0) < 18_432


def test_the_users_arguments_come_last() -> None:
    """So that they win over ours."""
    params = replace(FULL, args=("--max-model-len", "8192", "--enforce-eager"))
    assert command(start(params))[-3:] == ("--max-model-len", "8192", "--enforce-eager")


@pytest.mark.parametrize(
    ("version", "known"), [("0.28.0", False), ("0.29.0", True), ("0.33.0+cu13", True), (None, True)]
)
def test_flags_that_a_version_does_not_know_are_left_out(version: str | None, known: bool) -> None:
    """The bounded queue came with 0.29; where no version can be told it is tried."""
    parsed = Version.parse(version) if version else None
    assert ("--max-num-queued-reqs" in command(replace(start(), version=parsed))) is known


def test_a_refused_flag_is_left_out_with_its_value() -> None:
    dropped = frozenset({"--shutdown-timeout"})
    argv = command(replace(start(), dropped=dropped))
    assert "--shutdown-timeout" not in argv
    assert set(command(start())) - set(argv) == {"--shutdown-timeout", "10"}


def test_a_learned_context_can_only_shorten() -> None:
    assert value(command(replace(start(), context=20_000)), "--max-model-len") == "20000"
    assert value(command(replace(start(), context=99_000)), "--max-model-len") == "40960"


def test_another_model_is_not_pinned_to_the_recipes_commit() -> None:
    """A revision belongs to its repository."""
    own = served(replace(recipe_of(FULL), revision="abc"), FULL)
    assert value(command(replace(start(), served=own)), "--revision") == "abc"
    params = replace(FULL, model="someone/HunyuanOCR-FP8")
    other = served(replace(recipe_of(params), revision="abc"), params)
    assert "--revision" not in command(replace(start(), served=other))
    pinned = replace(params, revision="def")
    assert value(command(start(pinned)), "--revision") == "def"
    assert value(command(start(pinned)), "--tokenizer-revision") == "def"


def test_the_queue_bound_stands_above_our_own_limit() -> None:
    """Also where the gate sends more than the engine works on at once, and over all ranks."""
    assert queue_bound(start()) == 20
    assert queue_bound(start(replace(FULL, slots=40))) == 50
    assert queue_bound(start(sequences=1)) == 5
    ranks = replace(start(), seat=Seat(0, 8000, ("0", "1"), 2))
    assert queue_bound(ranks) == 40
    assert value(command(ranks), "--data-parallel-size") == "2"


def test_on_a_cpu_memory_is_counted_in_gib() -> None:
    """There the share of memory would be one of the whole machine."""
    on_cpu = replace(start(), seat=Seat(0, 8000, cpu=True))
    assert "--gpu-memory-utilization" not in command(on_cpu)
    assert environment(on_cpu, {})["VLLM_CPU_KVCACHE_SPACE"] == "4"
    assert environment(on_cpu, {"VLLM_CPU_KVCACHE_SPACE": "9"})["VLLM_CPU_KVCACHE_SPACE"] == "9"
    assert "VLLM_CPU_KVCACHE_SPACE" not in environment(start(), {})


def test_the_environment_is_passed_on_without_our_secrets() -> None:
    """Hub settings go through; nothing is reported to anybody; the GPU is named."""
    inherited = {"HF_HUB_OFFLINE": "1", "OCRGATE_AUTH__KEY": "secret", "VLLM_NO_USAGE_STATS": "0"}
    env = environment(start(), inherited)
    assert env["HF_HUB_OFFLINE"] == "1"
    assert env["CUDA_VISIBLE_DEVICES"] == "0"
    assert env["VLLM_NO_USAGE_STATS"] == "1"
    assert not [name for name in env if name.startswith("OCRGATE_")]
    blind = replace(start(), seat=Seat(0, 8000))
    assert "CUDA_VISIBLE_DEVICES" not in environment(blind, {})


versions = st.one_of(
    st.none(), st.builds(Version, st.tuples(st.just(0), st.integers(9, 60), st.integers(0, 3)))
)
words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([recipe for recipe in recipes() if recipe.default_model]),
    st.integers(1, 512),
    st.floats(0, 1),
    versions,
    st.lists(words, max_size=4),
    st.builds(Seat, st.integers(0, 7), st.integers(1, 65_535), ranks=st.integers(1, 8)),
)
def test_every_command_is_well_formed(
    recipe: object,
    sequences: int,
    share: float,
    version: Version | None,
    extra: list[str],
    seat: Seat,
) -> None:
    """No empty word, no number out of range, the user's words last, whatever is started."""
    params = VllmParams(recipe=str(getattr(recipe, "name", "")), args=tuple(extra), max_side=9000)
    made = model(params)
    pixels = round(made.least_pixels + share * (made.pixels - made.least_pixels))
    argv = command(Start(("vllm",), made, params, seat, Load(sequences, pixels), version))
    assert all(argv)
    ours = argv[: len(argv) - len(extra)]
    assert list(argv[len(ours) :]) == extra
    numbers = {
        flag: float(number)
        for flag, number in itertools.pairwise(ours)
        if flag.startswith("--") and re.fullmatch(r"-?\d+(\.\d+)?", number)
    }
    assert min(numbers.values()) >= 0
    assert 0 < numbers["--gpu-memory-utilization"] <= 1
    assert numbers["--max-num-batched-tokens"] >= made.page_tokens(pixels) >= 2048
    assert numbers.get("--max-num-queued-reqs", sequences + 1) > sequences
    assert len({flag for flag in ours if flag.startswith("--")}) == sum(
        word.startswith("--") for word in ours
    )
