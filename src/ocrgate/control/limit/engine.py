"""The limit from the engine's own signals: slow start, then additive increase and cuts.

Slow start multiplies by ``growth`` each second until the first complaint. A complaint is a
preemption, a queue that stands in the engine or, out of its sight, before it
(:mod:`ocrgate.control.limit.standing`), or a KV cache that is nearly full. Then, as in TCP
(Jacobson 1988) with CUBIC's memory of where the last complaint was (Ha, Rhee, Xu 2008; RFC 9438): a
cut, a hold of ``hold`` seconds, a quick return to where that was, a rest there, and a probe beyond
that is careful at first and doubles its steps while nothing is wrong. To that are added

* the size of a cut, in proportion to the harm: pages that the engine threw out or did not let in
  are what is too much, so one preempted page of thirty costs one place and not three, and a halved
  KV cache costs the half at once;
* a goodput term. No growth that does not raise throughput: where the elasticity of streamed work
  (:mod:`ocrgate.control.limit.goodput`) is below ``gain`` beyond doubt, the limit stays, what was
  grown in vain is taken back, and a lower limit that once brought as much is tried
  (:mod:`ocrgate.control.limit.trials`). No cut that lowers it: a KV cache that is nearly full ends
  slow start and stops growth, but costs no place until somebody is thrown out; and cuts after
  which less is done while the trouble is no smaller are taken back
  (:mod:`ocrgate.control.limit.regret`);
* lateness: where pages come too late for whoever waited, it is not tokens that count but pages in
  time (:mod:`ocrgate.control.limit.lateness`), and the probe doubles its steps no sooner than a
  page takes, as no harm is felt before;
* judgement of the signals themselves (:mod:`ocrgate.control.limit.trust`).

Growth happens only while the limit is full (the app-limited rule: an unused limit proves nothing),
and the limit is never over ``headroom`` times what was lately in flight.
"""

import math
from collections import deque
from dataclasses import dataclass, field

from ocrgate.control.limit.goodput import Goodput, GoodputParams
from ocrgate.control.limit.lateness import Lateness, LatenessParams
from ocrgate.control.limit.law import Change, Reason, Sample, Signals
from ocrgate.control.limit.occupancy import Occupancy
from ocrgate.control.limit.regret import Regret
from ocrgate.control.limit.standing import Standing
from ocrgate.control.limit.trials import TrialParams, Trials, Verdict
from ocrgate.control.limit.trust import Trust, TrustParams


@dataclass(frozen=True, slots=True)
class EngineParams:
    """How the law moves. Seconds; parts of the limit; none of it depends on the GPU.

    Attributes:
        start: the first limit.
        growth: factor per second in slow start.
        recover: part per second by which a cut limit returns to below the last complaint.
        probe: part per second of growth beyond it, at least one place per second.
        double: seconds of probing without a complaint after which its steps are twice as large;
            where pages come too late, the time that they take if that is longer.
        quick: part of the complained-of limit up to which the return is as fast as slow start.
        rest: seconds between the return and the probe.
        near: part of the complained-of limit to which the return goes.
        backoff: factor of the deepest cut that is not asked for by the engine's own counts.
        first_backoff: the same, leaving slow start.
        full_backoff: the same, where all that is complained of is a nearly full KV cache.
        hold: seconds without growth after a cut.
        unfelt: seconds for which preemptions say nothing new after a cut while more pages are in
            the engine than the limit allows.
        waiting: pages that may stand in the engine's queue, or a twentieth of its batch if that is
            more, but no more than a tenth of the limit.
        standing: seconds for which they must have stood there.
        idle: seconds without a page of ours after which trouble in the engine is somebody else's.
        preparing: pages that may stand before the engine's queue, neither in it nor in the batch,
        crowd: or this part of the batch, if that is more.
        kv: used share of the KV cache that counts as nearly full: no growth.
        gain: least elasticity of throughput that is worth growing for.
        reprobe: seconds after which growth is tried again where it brought nothing.
        distrust: seconds for which a complaint that cuts do not mend is not believed at first.
        stale: polls that may be missed before the limit decays.
        decay: part by which it decays with each missed poll after that, down to a safe value.
        settled: seconds after which a limit that nothing was complained of counts as safe.
        headroom: bound of the limit in times of the pages lately in flight.
        crowded: part of the limit in use from which on it may be found too high; whether it is
            too low is said by all of it only, as whoever keeps pages out may be the ledger.
        nearly: part that counts as all of it in that.
        few: under so many places only all of them count.
        most: bound of the limit.
        goodput: how throughput is watched.
        trials: how another limit is tried where growth brings nothing.
        trust: when signals are not believed.
        lateness: how pages that come too late are watched.
    """

    start: int = 8
    growth: float = 1.5
    recover: float = 0.1
    probe: float = 0.02
    double: float = 2.0
    quick: float = 0.7
    rest: float = 3.0
    near: float = 1.0
    backoff: float = 0.9
    first_backoff: float = 0.7
    full_backoff: float = 0.85
    hold: float = 1.5
    unfelt: float = 6.0
    waiting: float = 2.0
    standing: float = 1.0
    idle: float = 2.0
    preparing: float = 4.0
    crowd: float = 0.5
    kv: float = 0.92
    gain: float = 0.1
    reprobe: float = 30.0
    distrust: float = 30.0
    stale: int = 3
    decay: float = 0.1
    settled: float = 6.0
    headroom: float = 5.0
    crowded: float = 0.8
    nearly: float = 0.95
    few: float = 10.0
    most: int = 4096
    goodput: GoodputParams = field(default_factory=GoodputParams)
    trials: TrialParams = field(default_factory=TrialParams)
    trust: TrustParams = field(default_factory=TrustParams)
    lateness: LatenessParams = field(default_factory=LatenessParams)

    def __post_init__(self) -> None:
        bounds = {
            "start": 1 <= self.start <= self.most,
            "growth": self.growth > 1,
            "recover": self.recover > 0,
            "probe": self.probe > 0 and self.double > 0,
            "quick": 0 <= self.quick <= 1,
            "near": 0 < self.near <= 1,
            "preparing": self.preparing >= 0 and self.crowd >= 0,
            "backoff": 0 < self.backoff < 1,
            "first_backoff": 0 < self.first_backoff < 1,
            "full_backoff": 0 < self.full_backoff < 1,
            "seconds": min(self.rest, self.hold, self.unfelt, self.reprobe, self.distrust) >= 0,
            "kv": 0 < self.kv <= 1,
            "decay": 0 <= self.decay < 1,
            "headroom": self.headroom >= 1,
        }
        if wrong := [name for name, holds in bounds.items() if not holds]:
            raise ValueError(f"out of range: {', '.join(wrong)}")


class EngineLimit:
    """The law ``engine``.

    Args:
        params: how it moves.
    """

    def __init__(self, params: EngineParams | None = None) -> None:
        self._params = params or EngineParams()
        self._goodput = Goodput(self._params.goodput)
        self._lateness = Lateness(self._params.lateness)
        self._trials = Trials(self._params.trials, self._lateness)
        self._trust = Trust(self._params.trust)
        self._limit = float(self._params.start)
        self._reason: Reason = "start"
        self._slow = True
        self._anchor: float | None = None  # where the last complaint was
        self._calm = deque([(-math.inf, self._limit)])  # limits nothing was complained of at
        self._held_until = -math.inf
        self._cut_at = -math.inf
        self._arrived: float | None = None  # at the anchor, since
        self._regret = Regret(self._params.distrust)
        self._preemptions: float | None = None
        self._last = Signals()
        self._repeated = 0  # complaints of a queue in a row, at the same limit
        self._queue = Standing(self._params.standing)
        self._blind = False
        self._occupancy = Occupancy()
        self._stepped = 0.0

    def value(self, now: float) -> int:  # noqa: ARG002 - a law's value may depend on it
        """Places now."""
        return max(1, int(self._limit + 0.5))

    def occupied(
        self,
        now: float,
        inflight: int,
        started: int | None = None,  # noqa: ARG002 - the engine's own counts are better
    ) -> None:
        """So many pages are at the replica."""
        self._occupancy.set(inflight)
        self._goodput.occupied(self._occupancy.advance(now), inflight)

    def progress(self, now: float, work: float) -> None:
        """So much was streamed."""
        self._goodput.progress(self._occupancy.advance(now), work)
        self._trust.progress(work)

    def sample(self, now: float, sample: Sample) -> Change:
        """A page ended. A drop is the engine's own bound speaking: as a queue in it."""
        now = self._occupancy.advance(now)
        if sample.dropped:
            self.complain(now, "drop")
        else:
            self._lateness.add(now, sample.seconds, late=sample.late)
        return self.say()

    def signals(self, now: float, signals: Signals | None) -> Change:
        """A poll."""
        now = self._occupancy.advance(now)
        if signals is None:
            self._trust.miss(now)
            self._limit = self._trials.give_up(now, self._limit)
            return self._decay()
        believed = self._trust.accept(now, signals, self._occupancy.inflight)
        if believed is None:
            self._limit = self._trials.give_up(now, self._limit)
            if not self._blind:  # what they led to is undone
                self._limit = self._calm[0][1]
            self._blind, self._reason = True, "distrust"
            return self.say()
        self._blind = False
        self._last = believed
        self._queue.add(now, believed, self._occupancy.inflight)
        self._listen(now, believed)
        return self.say()

    def tick(self, now: float) -> Change:
        """Grow, hold, or decay."""
        now = self._occupancy.advance(now)
        if self._trust.overdue(now):
            self._decay()
        elif self._trust.missed == 0:
            self._grow(now)
        return self.say()

    # Cuts.

    def _listen(self, now: float, signals: Signals) -> None:
        lost = self._lost(signals.preemptions_total)
        self._regret.note_lost(now, lost)
        if lost > 0 and self._regret.believes(now, "preemption"):
            self.complain(now, "preemption", lost)
        elif self._queue.waiting > self._bearable():
            self.complain(now, "waiting", 0.0)
        elif self._hides(now):
            self.complain(now, "preparing", 0.0)
        elif (signals.kv_usage or 0.0) >= self._params.kv:
            self.complain(now, "kv", 0.0)
        elif self._occupancy.inflight >= 0.9 * self._limit and now >= self._held_until:
            self._calm.append((now, self._limit))
        while len(self._calm) > 1 and self._calm[1][0] <= now - self._params.settled:
            self._calm.popleft()

    def _bearable(self) -> float:
        return min(max(self._params.waiting, 0.05 * self._queue.running), 0.1 * self._limit)

    def _hides(self, now: float) -> bool:
        """Whether pages stand before the engine's own queue, and more of them bring nothing.

        Where they do bring more, it is the way to the engine that takes its time, not the engine.
        """
        if self._queue.hidden <= self._hideable():
            return False
        seen = self._goodput.elasticity(now)
        if seen is None:
            return not self._slow  # which says more in a moment
        return not seen.above(self._params.gain)

    def _hideable(self) -> float:
        return max(self._params.preparing, self._params.crowd * self._queue.running)

    def _lost(self, total: float | None) -> float:
        """Preemptions since the last poll; a counter that fell is a new engine's."""
        before, self._preemptions = self._preemptions, total
        if total is None or before is None:
            return 0.0
        if total < before:
            self._goodput.forget()
            self._regret.forget()
            self._lateness.forget()
        return max(0.0, total - before)

    def complain(self, now: float, reason: Reason, lost: float = 0.0) -> None:
        """Something is too much, by ``lost`` pages at least: cut, unless the last cut is still
        to be felt or complaints of the kind are not believed.
        """
        if self._occupancy.idle(now) > self._params.idle:
            return  # others drive the engine: the limit would fall to 1 and mend nothing
        if not self._regret.believes(now, reason):
            return
        if self._is_old_news(now, reason):
            return  # the last cut is not felt yet: pages leave as they end
        if self._trials.under_way and reason in {"waiting", "preparing"}:
            return  # of the trial's making, which is judged by what it brings
        if reason == "kv" and not self._slow:
            return  # reason enough not to grow (see _room), but no harm is done yet
        self._limit = self._trials.give_up(now, self._limit)
        if not self._take_back(now, reason):
            self._lower(now, reason, self._target(reason, lost))

    def _is_old_news(self, now: float, reason: Reason) -> bool:
        """Whether a cut is so recent that what is complained of is still from before it."""
        above = self._occupancy.inflight > self.value(now)
        if now < self._held_until and (above or now < self._cut_at + 1.0):
            return True
        return above and reason == "preemption" and now < self._cut_at + self._params.unfelt

    def _target(self, reason: Reason, lost: float) -> float:
        base = self._occupancy.used(self._limit)
        params = self._params
        least = base * (params.first_backoff if self._slow else params.backoff)
        if reason in {"drop", "latency"}:
            return least
        if reason == "kv":
            return base * params.full_backoff
        if reason == "preparing":
            return base - (self._queue.hidden - self._hideable())
        if reason == "preemption":
            return least if self._slow else base - max(lost, 1.0)
        queue, running = self._queue.waiting, self._queue.running
        if running >= base / 4 and queue > params.waiting:
            return min(base - 1, running)
        return max(least, base - max(queue, 1.0))

    def _lower(self, now: float, reason: Reason, target: float) -> None:
        params = self._params
        base = self._occupancy.used(self._limit)
        self._regret.cut(now, reason, self._limit, self._goodput, self._queue.waiting)
        same = self._anchor is not None and abs(base - self._anchor) <= 0.1 * base
        self._repeated = (self._repeated if same else 0) + 1 if reason == "waiting" else 0
        overshot = self._slow and reason != "preparing"  # that one is told exactly
        self._anchor = (base + target) / 2 if overshot else min(base, target / params.backoff)
        self._limit = max(1.0, min(self._limit, target))
        self._slow = False
        self._arrived = None
        self._held_until = now + params.hold
        self._cut_at = now
        self._reason = reason

    def _take_back(self, now: float, reason: Reason) -> bool:
        """Whether cuts did harm and no good, and so are undone."""
        before = self._regret.undone(
            now,
            reason,
            self._limit,
            self._occupancy.inflight,
            self._goodput,
            self._queue.waiting,
        )
        if before is None:
            return False
        self._limit = self._anchor = before
        self._reason = "no_harm"
        return True

    # Growth.

    def _grow(self, now: float) -> None:
        passed = now - self._stepped
        if passed < 0.5:
            return
        self._stepped = now
        used = self._used()
        full = self._occupancy.was_full(self.value(now))
        if self._tries(now, used):
            return
        if now < self._held_until:
            self._settle("hold")
        elif self._is_vain(now, used):
            self._stop(now)
        elif not full:
            self._settle("app_limited")
        else:
            self._raise(now, min(passed, 1.0))
        most = self._occupancy.ceiling(self._params.headroom, passed)
        self._limit = min(
            self._limit, max(most, float(self._params.start)), float(self._params.most)
        )

    def _used(self) -> float:
        """Part of the limit that was in use; of few places one is much, so all or none of them."""
        full = self._occupancy.peak >= self.value(self._stepped)
        return (
            self._occupancy.peak / self._limit if full or self._limit >= self._params.few else 0.0
        )

    def _tries(self, now: float, used: float) -> bool:
        """Whether another limit is being tried; see :mod:`ocrgate.control.limit.trials`."""
        if self._trials.under_way:
            if verdict := self._judged(now):
                self._follow(now, verdict)
            return True
        other = self._other(now, used)
        if other is None:
            return False
        self._limit = other
        return True

    def _judged(self, now: float) -> Verdict | None:
        trials, inflight = self._trials, self._occupancy.inflight
        if trials.is_vain(inflight, self._queue):
            return trials.fail(now)
        return trials.judge(now, inflight, self._goodput)

    def _other(self, now: float, used: float) -> float | None:
        """The limit that is worth a trial now, if any is."""
        trials, goodput = self._trials, self._goodput
        if used < self._params.crowded or not self._is_grown(now):
            return trials.far_better(now, self._limit, self._occupancy.inflight, goodput)
        flat = self._reason == "no_gain"
        other = trials.fewer(now, self._limit, goodput, flat or self._repeated > 2)
        if other is None and flat and not self._blind and used >= self._params.nearly:
            most = min(self._limit + self._room(), float(self._params.most))
            other = trials.more(now, self._limit, most, goodput)
        return other

    def _is_grown(self, now: float) -> bool:
        """Whether the limit is where the last complaint was, and so many pages are there."""
        felt = (
            now >= self._cut_at + self._params.hold and self._occupancy.inflight <= self._limit + 1
        )
        return felt and self._anchor is not None and self._limit >= 0.95 * self._anchor

    def _follow(self, now: float, verdict: Verdict) -> None:
        self._limit = verdict.limit
        if verdict.over:
            self._anchor, self._arrived = self._limit, None
        if verdict.kept:
            self._slow, self._held_until = False, now + self._params.reprobe

    def _settle(self, reason: Reason) -> None:
        lasting = {"preemption", "waiting", "preparing", "kv", "drop", "no_gain", "no_harm"}
        if reason == "app_limited" or self._reason not in lasting:
            self._reason = reason

    def _is_vain(self, now: float, used: float) -> bool:
        """Whether more pages bring nothing beyond doubt; less, where the limit is not full."""
        seen = self._goodput.elasticity(now, self._lateness.urgency(now))
        if seen is None or self._blind or used < self._params.crowded:
            return False
        return seen.below(self._params.gain if used >= self._params.nearly else 0.0)

    def _stop(self, now: float) -> None:
        """Grow no more for a while; what was grown while that was not certain is taken back."""
        self._reason = "no_gain"
        if self._slow:
            urgency = self._lateness.urgency(now)
            self._limit = self._goodput.enough(now, self._limit, 0.0, urgency) or self._limit
        elif self._arrived is not None:
            self._limit = min(self._limit, self._anchor or self._limit)
        self._anchor, self._slow, self._arrived = self._limit, False, None
        self._held_until = now + self._params.reprobe

    def _raise(self, now: float, passed: float) -> None:
        if self._blind:
            seen = self._goodput.elasticity(now)
            if seen is None or not seen.above(self._params.gain):
                self._reason = "distrust"
                return
        self._limit += min(self._step(now, passed), self._room())

    def _step(self, now: float, passed: float) -> float:
        params = self._params
        if self._slow:
            self._reason = "slow_start"
            return self._limit * (float(params.growth**passed) - 1)
        target = (self._anchor or self._limit) * params.near
        if self._limit < target:
            self._reason = "probe"
            quick = self._limit < params.quick * target
            part = float(params.growth**passed) - 1 if quick else params.recover * passed
            return min(target - self._limit, max(passed, part * self._limit))
        if self._arrived is None:
            self._arrived = now
        if now < self._arrived + params.rest:
            self._reason = "hold"
            return 0.0
        self._reason = "probe"
        probing = now - self._arrived - params.rest
        double = max(params.double, self._lateness.period(now))
        larger = float(2.0 ** min(probing / double, 30.0))
        step = max(1.0, params.probe * self._limit) * larger
        return min(step, (params.growth - 1) * self._limit) * passed

    def _room(self) -> float:
        """Places until the KV cache would be nearly full, as pages stand now."""
        usage = self._last.kv_usage
        if usage is None or usage <= 0 or self._blind:
            return self._limit
        return max(0.0, self._limit * (self._params.kv / usage - 1))

    # Signals that do not come.

    def _decay(self) -> Change:
        if self._trust.missed <= self._params.stale:
            self._reason = "stale"
        else:
            self._reason = "decay"
            lower = max(self._calm[0][1], self._limit * (1 - self._params.decay))
            self._limit = max(1.0, min(self._limit, lower))
        return self.say()

    def say(self) -> Change:
        """The value and its reason."""
        return Change(max(1, int(self._limit + 0.5)), self._reason)
