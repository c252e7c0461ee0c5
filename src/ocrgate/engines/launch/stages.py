"""How far the start of a vLLM is, from what it prints. Pure.

Its lines hold paths and settings of this machine, and what is told of a start reaches strangers, so
only words of ours go out.
"""

import re

FIRST = "it starts"

_STAGES = (
    (
        re.compile(r"[Dd]ownloading|Fetching \d+ files|\.safetensors: +\d+%"),
        "it downloads the model",
    ),
    (
        re.compile(r"Starting to load model|Loading .*checkpoint shards|Loading weights"),
        "it loads the weights",
    ),
    (re.compile(r"Dynamo bytecode|[Cc]ompiling a graph|torch\.compile takes"), "it compiles"),
    (re.compile(r"KV cache memory|KV cache size"), "it lays out its cache"),
    (re.compile(r"Capturing CUDA graph"), "it captures CUDA graphs"),
    (re.compile(r"Starting vLLM (?:API )?server|Application startup"), "it reads a first page"),
)
_PERCENT = re.compile(r"\b(\d{1,2}|100) ?%")


def stage(before: str, line: str) -> str:
    """The stage after ``line`` was printed; ``before`` where it tells of none.

    What was seen last counts: some servers load one model after another.
    """
    for pattern, words in _STAGES:
        if pattern.search(line):
            found = _PERCENT.search(line)
            return f"{words}, {found[1]} %" if found else words
    return before
