"""How one model family is spoken to and understood: data first, with the few rules all share."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ocrgate.domain.patches import PatchGrid
from ocrgate.domain.recognition import Block, PageRequest, PageWarning, Task
from ocrgate.engines.recipes.answer import Geometry, Parsed, Reader
from ocrgate.engines.recipes.cost import VisualCost
from ocrgate.engines.recipes.prompt import Instruction, Prompt, check_fields, wanted_schema
from ocrgate.engines.recipes.reading.repeats import RepeatRule, without_loop
from ocrgate.engines.recipes.reading.spotting import says_nothing
from ocrgate.errors import InvalidRequest

_LONG_LOOP = 200  # characters cut off from which a caller is told: a row of dots is no failure
_STEP = 1024  # of the engine's token budget, which also holds the words of the prompt
_PLACED_TASKS = frozenset({Task.SPOTTING, Task.MARKDOWN})  # a figure without words says something


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn, as fields of OpenAI's request body (vLLM's own among them).

    Attributes:
        max_tokens: most tokens of an answer.
        body: for the first attempt.
        again: what changes in the second, third… attempt, after an answer that went in circles;
            the last entry is for all further ones.
    """

    max_tokens: int
    body: Mapping[str, object]
    again: tuple[Mapping[str, object], ...]

    def fields(self, attempt: int) -> dict[str, object]:
        """All fields of an attempt; the first is 0. The caller may change what it is given."""
        fields = {**self.body, "max_tokens": self.max_tokens}
        if attempt > 0 and self.again:
            fields |= self.again[min(attempt, len(self.again)) - 1]
        return copy.deepcopy(fields)


@dataclass(frozen=True, slots=True)
class Serving:
    """How a vLLM is to be started for a model; what is None is left to vLLM or the checkpoint.

    Attributes:
        served_name: name under which it is served.
        context: ``--max-model-len`` that holds the largest image and the longest answer.
        batched_tokens: least ``--max-num-batched-tokens``: the encoder's cache is as large as
            this, and an image that does not fit is refused rather than shrunk.
        images: ``--limit-mm-per-prompt``.
        prefix_caching: False for ``--no-enable-prefix-caching``: pages share no prefix.
        processor_cache_gb: ``--mm-processor-cache-gb``; 0 as pages do not come twice.
        min_pixels, max_pixels: for ``--mm-processor-kwargs``, where a cap is to be set.
        trust_remote_code: ``--trust-remote-code``.
        content_format: ``--chat-template-content-format``.
        logits_processors: ``--logits-processors``.
        arguments: further ones, as they stand.
        gpu_memory: ``--gpu-memory-utilization`` on a GPU of its own.
        min_vllm: the oldest release that serves it.
    """

    served_name: str
    context: int | None = None
    batched_tokens: int | None = None
    images: int = 1
    prefix_caching: bool = False
    processor_cache_gb: float = 0
    min_pixels: int | None = None
    max_pixels: int | None = None
    trust_remote_code: bool = False
    content_format: str | None = None
    logits_processors: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    gpu_memory: float = 0.85
    min_vllm: str | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """Another prompt of the vendor's for a task, for those who want it instead.

    Attributes:
        task: whose prompt it takes the place of.
        prompt: the words.
        reader: reads what they bring forth.
    """

    task: Task
    prompt: Prompt
    reader: Reader


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """One model family. There is one object of each, so recipes are compared by identity.

    Attributes:
        name: how it is named in settings.
        title: how it is shown.
        models: ids under which servers serve it; ``*`` stands for any characters.
        default_model: what to serve.
        revision: the pinned commit of its weights; None where none is known to us.
        prompts: the words for each task that it knows.
        readers: what reads the answers, for the same tasks.
        system: the system message; None for none, "" for an empty one.
        image_first: whether the image comes before the words.
        cost: visual tokens.
        draws: how tokens are drawn (see :meth:`sampling`).
        serving: how to start an engine for it.
        loops: when a repeated ending is cut off.
        max_side: longest side in pixels that it was trained for; None: no such bound.
        notice: words of its licence that whoever starts it must see.
        boxes: whether task ``spotting`` gives boxes.
        variants: other prompts of the vendor's, by name.
    """

    name: str
    title: str
    models: tuple[str, ...]
    default_model: str
    revision: str | None
    prompts: Mapping[Task, Prompt]
    readers: Mapping[Task, Reader]
    system: str | None
    image_first: bool
    cost: VisualCost
    draws: Sampling
    serving: Serving
    loops: RepeatRule = field(default_factory=lambda: RepeatRule(2000))
    max_side: int | None = None
    notice: str | None = None
    boxes: bool = False
    variants: Mapping[str, Variant] = field(default_factory=lambda: MappingProxyType({}))

    def tasks(self) -> frozenset[Task]:
        """What it can be asked for."""
        return frozenset(self.prompts)

    def instruction(self, request: PageRequest) -> Instruction:
        """What to send with the image. ``request.prompt`` takes the place of the recipe's words.

        Raises:
            InvalidRequest: (``task``, ``target``, ``keys``, ``schema``) it does not do that.
        """
        prompt = self.prompts.get(request.task)
        if prompt is None:
            raise InvalidRequest(
                f"{self.title} does not do {request.task}; it does {_listed(self.tasks())}",
                field="task",
            )
        if request.task is Task.FIELDS:
            check_fields(request)
        text = prompt.text(request) if request.prompt is None else request.prompt
        return Instruction(self.system, text, self.image_first, wanted_schema(request))

    def sampling(self, request: PageRequest, attempt: int = 0) -> Mapping[str, object]:
        """Fields of the request body for an attempt; the first is 0, later ones follow a loop.

        ``request.max_tokens`` can only lower the recipe's own bound.

        Raises:
            InvalidRequest: (``max_tokens``) fewer than one token is asked for.
        """
        fields = self.draws.fields(attempt)
        if request.max_tokens is not None:
            if request.max_tokens < 1:
                raise InvalidRequest("max_tokens must be at least 1", field="max_tokens")
            fields["max_tokens"] = min(request.max_tokens, self.draws.max_tokens)
        return fields

    def parse(self, text: str, request: PageRequest, geometry: Geometry) -> Parsed:
        """What an answer says; whatever it holds, nothing is raised.

        A looping end is cut off (``repetition``, unless it is short), an answer without words or
        places is ``empty``.
        """
        said = _without_thoughts(text)
        kept = without_loop(said, self.loops)
        reader = self.readers.get(request.task, self.readers[Task.TEXT])
        empty = request.task is not Task.FIELDS and says_nothing(kept)
        parsed = Parsed(()) if empty else reader(kept, request, geometry)
        blocks = tuple(block for block in parsed.blocks if _is_shown(block, request.task))
        warnings = list(parsed.warnings)
        if len(said) - len(kept) >= _LONG_LOOP:
            warnings.append(PageWarning.REPETITION)
        if parsed.fields is None and not any(map(_says_something, blocks)):
            warnings.append(PageWarning.EMPTY)
        return replace(parsed, blocks=blocks, warnings=tuple(warnings))

    def variant(self, name: str) -> "Recipe":
        """The same with another of the vendor's prompts.

        Raises:
            KeyError: there is none of that name.
        """
        other = self.variants[name]
        return replace(
            self,
            name=f"{self.name}+{name}",
            prompts=MappingProxyType({**self.prompts, other.task: other.prompt}),
            readers=MappingProxyType({**self.readers, other.task: other.reader}),
        )

    def capped(self, max_pixels: int) -> "Recipe":
        """The same for a server that shrinks images to ``max_pixels``: less memory, less detail.

        The engine has to be started with the same number, and its token budget can be smaller.

        Raises:
            ValueError: the model's sizes are not known, or it takes no images that small.
        """
        if not isinstance(self.cost, PatchGrid):
            message = f"{self.title} cuts images in a way of its own: they cannot be capped"
            raise ValueError(message)  # noqa: TRY004 - it is the recipe that has no such cap
        if max_pixels < self.cost.min_pixels:
            raise ValueError(f"{self.title} takes images of {self.cost.min_pixels} pixels or more")
        cost = replace(self.cost, max_pixels=min(max_pixels, self.cost.max_pixels))
        serving = replace(
            self.serving, max_pixels=cost.max_pixels, batched_tokens=token_budget(cost)
        )
        return replace(self, cost=cost, serving=serving)


def token_budget(cost: VisualCost) -> int:
    """An engine's token budget (``--max-num-batched-tokens``) that holds every image."""
    return (cost.most() // _STEP + 1) * _STEP


def _without_thoughts(text: str) -> str:
    """The answer of a model that thinks aloud first, where its server does not take that off."""
    if not text.lstrip().startswith("<think>"):
        return text
    thoughts, end, answer = text.partition("</think>")
    return answer if end else thoughts.lstrip().removeprefix("<think>")


def _listed(tasks: frozenset[Task]) -> str:
    return ", ".join(task for task in Task if task in tasks)


def _is_shown(block: Block, task: Task) -> bool:
    return task in _PLACED_TASKS or _has_words(block)


def _says_something(block: Block) -> bool:
    return any(line.text or line.polygon for line in block.lines)


def _has_words(block: Block) -> bool:
    return any(line.text for line in block.lines)
