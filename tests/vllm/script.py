"""What the scripted model writes: a pure function of a page's prompt length, so that tests know it.

A tiny model with random weights repeats one word forever. With the flags of ``SCRIPTED`` the server
writes these ids instead, while scheduling, memory, sampling and streaming stay vLLM's own. Pages of
different sizes have prompts of different lengths, so text that ended early, lost a piece or went to
another page's caller is told from the right one.
"""

from itertools import count, islice
from zlib import crc32

SCRIPTED = ("--logits-processors", "tests.vllm.scripted:Script")
LENGTHY = ("--logits-processors", "tests.vllm.scripted:Lengthy")  # texts four times as long
TIMES = 4
DYING = ("--logits-processors", "tests.vllm.scripted:Dying")  # the same, until it shall die
DIES = "TESTS_VLLM_DIES"  # names a file: once it is there, the engine dies for want of memory

FIRST, WORDS = 2048, 1900  # ids of words that decode to themselves
EOS = 3988
SHORTEST, LONGEST = 24, 160  # tokens, without the last one that ends the text
ENDLESS = 4000  # of one page in 16: it runs until somebody ends it


def is_long(prompt_tokens: int) -> bool:
    """Whether it is a page that takes many seconds."""
    return crc32(b"long %d" % prompt_tokens) % 16 == 0


def length(prompt_tokens: int, times: int = 1) -> int:
    """How many words the text of such a page has."""
    if is_long(prompt_tokens):
        return ENDLESS
    return times * (SHORTEST + crc32(b"%d" % prompt_tokens) % (LONGEST - SHORTEST + 1))


def token(prompt_tokens: int, position: int, times: int = 1) -> int:
    """The id at a position of the text: a word, or the end."""
    if position >= length(prompt_tokens, times):
        return EOS
    return FIRST + crc32(b"%d/%d" % (prompt_tokens, position)) % WORDS


def words(prompt_tokens: int) -> list[int]:
    """All ids of the text, without the end."""
    ids = (token(prompt_tokens, position) for position in count())
    return list(islice(ids, length(prompt_tokens)))
