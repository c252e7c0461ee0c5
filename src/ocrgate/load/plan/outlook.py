"""What can be expected: pages at once, pages a second, and what more would cost or give."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import fmean

from ocrgate.errors import InvalidRequest
from ocrgate.load.plan.pages import Weight, weighed
from ocrgate.load.plan.uncertain import Known, draws
from ocrgate.load.plan.wish import Wish
from ocrgate.load.stats import quantile
from ocrgate.load.tune.choose import conclude
from ocrgate.load.tune.planner import propose
from ocrgate.load.tune.trial import Axis, History, Purpose, Rules, Space, Trial
from ocrgate.load.tune.virtual import Stand, slots, unlimited
from ocrgate.simulate.gpus import SHEETS

_VALUES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_SIDES = (768, 1024, 1536, 2048, 3072, 4096)
_START = 4
_DRAWS = 39  # so that the second from either end bounds nine tenths: 36 of 40
_NOMINAL = 4  # trials with what is assumed, each with other pages
_PAGES = 250  # of a trial, and
_TURNS = 1.5  # a page at once before it
_LEAST_KV = 4096  # tokens below which no page can be read
_TRIALS = 9
_DAY = 86_400
_PREEMPTED = 0.02  # of the pages: they were too many for the cache
_STORM = 0.2  # of the pages: much is computed twice
NEVER = "the SLO: even a page alone takes too long too often"
"""What bounds the pages at once where the promise cannot be kept at all."""

_FULL = 0.8  # of the cache, with mean pages

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure: its middle, and where it lies nine times of ten."""

    middle: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rung:
    """A way to more, or to better.

    Attributes:
        name: what is changed.
        rate: pages a second then.
        times: as many as without it.
        at_once: pages at once then.
        remark: what has to be thought of.
    """

    name: str
    rate: float
    times: float
    at_once: int
    remark: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """A plan. Rates are of all GPUs together, pages at once of each.

    Attributes:
        kv_tokens: what the cache holds; ``kv_pages``, mean pages of that.
        weight: what the pages ask for.
        at_once: pages at once that are safe and give the most in time.
        bound: what keeps it from being more.
        rate: pages a second in time, at full load; by guesses that are slower than was assumed
            with fewer at once, if it takes that.
        per_day: at a mean so low that the busiest time is just carried.
        alone: seconds that a mean page takes by itself; ``full``, at full load: the median.
        late: share of the pages at full load that come too late.
        rungs: what more would give.
    """

    kv_tokens: int
    kv_pages: float
    weight: Weight
    at_once: int
    bound: str
    rate: Interval
    per_day: Interval
    late: float
    rungs: tuple[Rung, ...]


def outlook(
    wish: Wish, known: Known | None = None, say: Say = lambda _: None, *, rungs: bool = True
) -> Outlook:
    """The plan for a wish; ``rungs``: with what more would give, which takes most of the time.

    Raises:
        InvalidRequest: the model does not fit on that GPU, or the GPU is full of other things.
    """
    known = known or Known()
    kv = wish.profile().kv_tokens
    _check(wish, kv)
    weight = weighed(wish.prepared, wish.model.cap)
    say("Looking for the number of pages at once ...")
    at_once, rate, late, bound = _knee(wish)
    say(f"Trying {at_once} at once with {_DRAWS} guesses at what is not known ...")
    one = expected(wish, known, at_once)
    interval = _times(one, wish.gpus)
    if rungs:
        say("Trying what more would give ...")
    return Outlook(
        kv,
        kv / weight.held,
        weight,
        at_once,
        bound,
        interval,
        _times(interval, _DAY / wish.peak),
        late,
        tuple(_rungs(wish, rate, one.middle)) if rungs else (),
    )


def expected(wish: Wish, known: Known, at_once: int) -> Interval:
    """Pages a second in time of one GPU with so many pages at once, by what is not known."""
    spread = sorted(
        _rate(each, at_once, number) for number, each in enumerate(draws(wish, known, _DRAWS))
    )
    middle = fmean(_rate(wish, at_once, _DRAWS + number) for number in range(_NOMINAL))
    low, high = (quantile(spread, share) or 0.0 for share in (0.05, 0.95))
    return Interval(middle, min(low, middle), max(high, middle))


def _check(wish: Wish, kv: int) -> None:
    held = wish.model.weights.held / 1e9
    if kv < _LEAST_KV:
        raise InvalidRequest(
            f"{wish.model.name} ({held:.1f} GB of weights) does not fit on a {wish.gpu.name} "
            "with room for a page beside it",
            field="--gpu",
        )
    if wish.fitting < 1:
        raise InvalidRequest(
            f"other programs leave no memory on a {wish.gpu.name} outside of vLLM's share",
            field="--neighbour",
        )


def _times(interval: Interval, factor: float) -> Interval:
    return Interval(interval.middle * factor, interval.low * factor, interval.high * factor)


def _knee(wish: Wish) -> tuple[int, float, float, str]:
    """Pages at once, pages a second, share too late, and what bounds it."""
    most = wish.fitting
    values = tuple(value for value in _VALUES if value <= most) or (1,)
    start = max(value for value in values if value <= _START)
    space = Space((Axis("slots", values, start, climbs=True, risky=True),))
    stand = _stand(wish, 1)
    rules = Rules(late=wish.late, trials=(_TRIALS,), confirmations=1)
    history: History = ()
    while (trial := propose(history, space, rules)) is not None:
        history = (*history, stand.measure(trial))
    choice = conclude(history, space, rules)
    if choice.setting is None or choice.site is None:
        alone = stand.measure(Trial((1,), Purpose.CLIMB))
        return 1, alone.goodput, alone.late, NEVER
    found = int(choice.setting[0])
    last = next(one for one in history if one.trial.setting == choice.setting)
    waiting = any(one.late > wish.late for one in history if one.trial.setting[0] > found)
    bound = _bound(found, values, wish, last.preemptions, waiting=waiting)
    return found, choice.site.goodput, choice.site.late, bound


def _bound(
    found: int, values: tuple[int, ...], wish: Wish, preemptions: float, *, waiting: bool
) -> str:
    above = [value for value in _VALUES if value > found]
    if found == values[-1] and above:
        return f"memory outside of vLLM's share: {wish.fitting} pages at 16 MiB each"
    held = found * weighed(wish.prepared, wish.model.cap, count=500).held
    if preemptions > _PREEMPTED or held > _FULL * wish.profile().kv_tokens:
        return "KV cache"
    if waiting:
        return "the SLO: more at once make each page wait too long"
    return "the GPU's pace: more at once do not read faster"


def _stand(wish: Wish, seed: int) -> Stand:
    """Trials that are long where pages are slow, and no longer than it takes where they are not."""
    return Stand(
        slots(wish.profile()),
        wish.prepared,
        wish.deadline,
        seconds=6.0,
        warmup=6.0,
        pages=_PAGES,
        longer=max(40.0, _TURNS * wish.deadline / 6.0),
        seed=seed,
        max_tokens=wish.model.cap,
        turns=_TURNS,
    )


def _rate(wish: Wish, at_once: int, seed: int) -> float:
    """Pages a second in time with so many at once, or fewer where that many come too late.

    A gate lets in no more than can be in time; an engine that is filled up to a number that suits
    another one would give nothing at all.
    """
    if wish.profile().kv_tokens < _LEAST_KV:
        return 0.0
    stand, best = unlimited(_stand(wish, seed + 10)), 0.0
    while at_once:
        seen = stand.measure(Trial((at_once,), Purpose.CONFIRM, seed))
        best = max(best, seen.goodput)
        if seen.late <= wish.late and seen.preemptions <= _STORM:
            break
        at_once //= 2
    return best


def _rungs(wish: Wish, base: float, shown: float) -> list[Rung]:
    """Trials with the same pages are compared; what is shown is relative to what is planned."""
    scale = shown / base if base else 1.0
    found = [_rung(name, changed, wish.gpus, base, remark) for name, changed, remark in _ways(wish)]
    found = [replace(rung, rate=rung.rate * scale) for rung in found]
    one_more = wish.gpus + 1
    found.insert(
        0,
        Rung(
            f"{one_more} x {wish.gpu.name} (one engine on each)",
            shown * one_more,
            one_more / wish.gpus,
            0,
            "pages share nothing, so it adds up as long as the machine's cores prepare them",
        ),
    )
    return found


def _rung(name: str, wish: Wish, gpus: int, base: float, remark: str) -> Rung:
    at_once, rate, _, _ = _knee(wish)
    return Rung(name, rate * gpus, rate / base if base else 0.0, at_once, remark)


def _ways(wish: Wish) -> list[tuple[str, Wish, str]]:
    weights = wish.model.weights
    ways = []
    larger = [side for side in _SIDES if side > wish.side][:1]
    smaller = [side for side in _SIDES if side < wish.side][-1:]
    for changed in (replace(wish, side=side) for side in (*larger, *smaller)):
        finer = changed.side > wish.side
        remark = "finer print is read" if finer else "try what it does to the text first"
        if _before(changed) != _before(wish):  # else no page is that large, or sizes are not known
            ways.append((f"side {changed.side}", changed, remark))
    if weights.bytes > 1:
        eighth = replace(wish.model, weights=replace(weights, bytes=1.0))
        ways.append(("weights in fp8", replace(wish, model=eighth), "compare texts before"))
    half = replace(weights, kv_bytes=weights.kv_bytes // 2)
    cached = replace(wish, model=replace(wish.model, weights=half))
    ways.append(("KV cache in fp8", cached, "compare texts before"))
    faster = _next(wish)
    if faster is not None:
        ways.append((f"{wish.gpus} x {faster.gpu.name}", faster, "the next GPU up"))
    return ways


def _before(wish: Wish) -> float:
    """Tokens of a mean page's prompt."""
    return weighed(wish.prepared, wish.model.cap, count=500).before


def _next(wish: Wish) -> Wish | None:
    """The least GPU with at least half as much again of bandwidth, and not less of the rest."""
    more = [
        sheet
        for sheet in SHEETS.values()
        if sheet.bandwidth >= 1.5 * wish.gpu.bandwidth and sheet.memory >= wish.gpu.memory
    ]
    least = min(more, key=lambda sheet: (sheet.bandwidth, sheet.memory), default=None)
    return None if least is None else replace(wish, gpu=least)
