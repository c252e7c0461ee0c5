"""How much a server that died of memory may be given next time.

A start takes flags that cannot be changed later, so the law chooses between starts. It walks a
ladder of loads from safe to bold (:func:`ladder`):

* an out-of-memory death halves the load, fewer sequences first, then smaller pages; it does not
  fall below a bolder load that has proven itself;
* healthy time under work at a load earns the next rung: ``patience`` seconds, doubled for every
  death remembered at that rung or under it (whoever dies carrying little dies carrying more);
* a rung that killed twice within ``ban`` is not tried again until one of the deaths is older.

In a world where everything above some load dies at once, that makes at most log2(boldest load /
safest load) deaths, then at most two a day, one rung above what works.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

_KNEE = 4  # sequences under which pages are made smaller first: one more page hardly costs more
_CREEPS = 16  # steps from no sequences to the most
_REMEMBERED = 64  # deaths; older ones add nothing that a doubling 64 times over has not said
_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Load:
    """What a server is started with.

    Attributes:
        sequences: pages that it works on at the same time.
        pixels: of the largest page that it takes.
    """

    sequences: int
    pixels: int

    @property
    def mass(self) -> int:
        """Pixels in work at most, the measure that is halved."""
        return self.sequences * self.pixels


@dataclass(frozen=True, slots=True)
class GuardParams:
    """The range and the pace.

    Attributes:
        least: never less than this: it must still read a page.
        most: never more than this.
        patience: seconds of work without a death that earn the next rung.
        ban: seconds within which two deaths close a rung; also the time after which a death is
            put down to a rare page and costs one rung only.
        memory: seconds after which a death is forgotten.
    """

    least: Load
    most: Load
    patience: float = 600.0
    ban: float = 86_400.0
    memory: float = 7 * 86_400.0

    def __post_init__(self) -> None:
        if not (0 < self.least.sequences <= self.most.sequences):
            raise ValueError("sequences must be positive, and the least not above the most")
        if not (0 < self.least.pixels <= self.most.pixels):
            raise ValueError("pixels must be positive, and the least not above the most")


@dataclass(frozen=True, slots=True)
class Death:
    """A death of memory: when (seconds since the epoch), and what was carried."""

    at: float
    load: Load


@dataclass(frozen=True, slots=True)
class GuardState:
    """What is known.

    Attributes:
        load: what the next start is given.
        healthy: seconds of work at ``load`` so far.
        proven: the boldest load that worked for ``patience`` and has not died since.
        deaths: those remembered, in the order they came.
    """

    load: Load
    healthy: float = 0.0
    proven: Load | None = None
    deaths: tuple[Death, ...] = ()


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """A server died of memory.

    Attributes:
        at: seconds since the epoch; clocks may be set back.
        load: what it was started with.
        after: seconds it had worked before.
    """

    at: float
    load: Load
    after: float


@dataclass(frozen=True, slots=True)
class Healthy:
    """A server worked for ``seconds`` (more) at ``load`` and lives; ``at`` is the end of them."""

    at: float
    load: Load
    seconds: float


def ladder(params: GuardParams) -> tuple[Load, ...]:
    """The loads that may be chosen, from safest to boldest; neither part ever falls on the way up.

    From the top: all pixels and ever fewer sequences down to a few, then ever fewer pixels, then
    (when even that is too much) one page after the other.
    """
    least, most = params.least, params.most
    knee = max(least.sequences, min(_KNEE, most.sequences))
    step = max(1, most.sequences // _CREEPS)
    few = [Load(count, least.pixels) for count in range(least.sequences, knee)]
    small = [Load(knee, pixels) for pixels in _pixels(least.pixels, most.pixels)]
    many = [Load(count, most.pixels) for count in range(knee + step, most.sequences, step)]
    last = [most] if most.sequences > knee else []
    return (*few, *small, *many, *last)


def begin(params: GuardParams, known: GuardState | None, now: float) -> GuardState:
    """Where to start from, given what was learned before (perhaps with another range)."""
    deaths = _remembered(params, known.deaths, now) if known else ()
    if known is None or not deaths:
        return GuardState(params.most)
    rungs = ladder(params)
    proven = known.proven if known.proven in rungs else None
    load = rungs[_place(rungs, known.load)]
    return GuardState(load, max(0.0, known.healthy) if load == known.load else 0.0, proven, deaths)


def learn(params: GuardParams, state: GuardState, event: OutOfMemory | Healthy) -> GuardState:
    """What is known after ``event``."""
    if isinstance(event, OutOfMemory):
        return _lowered(params, state, event)
    return _credited(params, state, event)


def _lowered(params: GuardParams, state: GuardState, event: OutOfMemory) -> GuardState:
    rungs = ladder(params)
    place = _place(rungs, event.load)
    died = Death(event.at, event.load)
    deaths = (*_remembered(params, state.deaths, event.at), died)[-_REMEMBERED:]
    proven = state.proven
    if proven is not None and _place(rungs, proven) >= place:
        proven = None
    target = max(0, place - 1) if event.after >= params.ban else _half(rungs, place)
    if proven is not None:
        target = max(target, _place(rungs, proven))
    load = rungs[min(target, _place(rungs, state.load))]
    healthy = state.healthy if load == state.load and load != event.load else 0.0
    return GuardState(load, healthy, proven, deaths)


def _credited(params: GuardParams, state: GuardState, event: Healthy) -> GuardState:
    if event.load != state.load or event.seconds <= 0:
        return state  # it runs with what was chosen before; nothing is known of the choice
    rungs = ladder(params)
    deaths = _remembered(params, state.deaths, event.at)
    healthy = state.healthy + event.seconds
    proven = state.proven
    if healthy >= params.patience and (proven is None or proven.mass < state.load.mass):
        proven = state.load
    place = _place(rungs, state.load)
    known = replace(state, healthy=healthy, proven=proven, deaths=deaths)
    if place + 1 == len(rungs) or not _earned(params, known, rungs[place + 1], event.at):
        return known
    return replace(known, load=rungs[place + 1], healthy=0.0)


def _earned(params: GuardParams, state: GuardState, load: Load, now: float) -> bool:
    """Whether the healthy time at the present load suffices for ``load``, the next rung."""
    speaking = [
        death
        for death in state.deaths
        if death.load.sequences <= load.sequences and death.load.pixels <= load.pixels
    ]
    if sum(now - death.at < params.ban for death in speaking) > 1:
        return False
    return state.healthy >= params.patience * 2.0 ** min(len(speaking), _DOUBLINGS)


def _half(rungs: tuple[Load, ...], place: int) -> int:
    """The boldest rung that carries at most half of what ``place`` does, else the safest."""
    bound = rungs[place].mass / 2
    return max((n for n in range(place) if rungs[n].mass <= bound), default=0)


def _place(rungs: tuple[Load, ...], load: Load) -> int:
    """The boldest rung that is nowhere bolder than ``load``, else the safest."""
    fitting = (
        n
        for n, rung in enumerate(rungs)
        if rung.sequences <= load.sequences and rung.pixels <= load.pixels
    )
    return max(fitting, default=0)


def _remembered(params: GuardParams, deaths: tuple[Death, ...], now: float) -> tuple[Death, ...]:
    return tuple(death for death in deaths if now - death.at < params.memory)


def _pixels(least: int, most: int) -> Iterator[int]:
    """From least to most, each about the square root of two times the one before."""
    pixels = least
    while pixels < most:
        yield pixels
        pixels = max(pixels + 1, int(pixels * 2**0.5))
    yield most
