"""A run in words: what a reader should know before looking at a single plot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ocrgate.load.record import Verdict
from ocrgate.load.report import meters
from ocrgate.load.report.digest import Digest, StepDigest
from ocrgate.load.report.words import Words, count, measured, rate, seconds, share
from ocrgate.load.stats import Spread, wilson

Tone = Literal["good", "bad", "warn", "plain"]
_TOLD = 5  # kinds of errors that are named


@dataclass(frozen=True, slots=True)
class Say:
    """One sentence, and whether it is good news."""

    tone: Tone
    text: str


def summary(digest: Digest, words: Words) -> list[Say]:
    """What a run showed, most important first. Never empty."""
    said = [*_state(digest, words)]
    if not digest.total:
        return [*said, Say("bad", words("say.nothing"))]
    if not digest.answered:
        text = words("say.no_answer", total=count(digest.total))
        return [*said, Say("bad", text), *_errors(digest, words)]
    return [
        *said,
        *_promise(digest, words),
        *_unsure(digest, words),
        *_bottleneck(digest, words),
        *_speed(digest, words),
        *_short(digest, words),
        *_errors(digest, words),
        *_text(digest, words),
        *_server(digest, words),
        *_client(digest, words),
    ]


def promised(name: str, limit: float) -> str:
    """An SLO as people write it: ``e2e ≤ 5 s``."""
    sign = "≥" if name in {"goodput", "throughput"} else "≤"
    return f"{name} {sign} {measured(name, limit)}"


def limits(promise: Mapping[str, float]) -> str:
    """All SLOs in a row."""
    return ", ".join(promised(name, limit) for name, limit in promise.items())


def _state(digest: Digest, words: Words) -> Iterator[Say]:
    steps = digest.record.steps
    if not digest.record.complete or not all(step.finished for step in steps):
        yield Say("warn", words("say.broken_off"))


def _promise(digest: Digest, words: Words) -> Iterator[Say]:
    judged = [each for each in digest.steps if each.held is not None]
    if not judged:
        yield Say("plain", words("say.slo_none"))
        return
    failing = [each for each in judged if not each.held]
    told = limits(digest.record.run.slo)
    if not failing:
        yield Say("good", words("say.slo_kept", limits=told))
        return
    first = failing[0]
    what = "; ".join(_broken(each, words) for each in first.step.verdicts if not each.held)
    if len(failing) == len(judged) > 1:
        yield Say("bad", words("say.slo_broken_all", load=words.load(first), what=what))
        return
    if digest.best_held and digest.is_sweep:
        load = words.load(digest.best_held)
        yield Say("good", words("say.slo_kept_to", load=load, limits=told))
    yield Say("bad", words("say.slo_broken", load=words.load(first), what=what))


def _unsure(digest: Digest, words: Words) -> Iterator[Say]:
    """Promises that so few requests cannot settle, either way."""
    what = [
        words(
            "say.slo_unsure_one",
            name=promised(verdict.name, verdict.limit),
            load=words.load(each),
            requests=count(each.total),
        )
        for each in digest.steps
        for verdict in each.step.verdicts
        if verdict.sure is False
    ]
    if what:
        more = ", …" if len(what) > _TOLD else ""
        yield Say("warn", words("say.slo_unsure", what=", ".join(what[:_TOLD]) + more))


def _short(digest: Digest, words: Words) -> Iterator[Say]:
    for each in digest.steps:
        if each.is_short and each.latency:
            times = {"seconds": seconds(each.step.seconds), "p50": seconds(each.latency.p50)}
            yield Say("warn", words("say.too_short", load=words.load(each), **times))
            return


def _broken(verdict: Verdict, words: Words) -> str:
    if verdict.value is None:
        return words("say.slo_unmeasured", name=verdict.name)
    value = measured(verdict.name, verdict.value)
    limit = measured(verdict.name, verdict.limit)
    return words("say.slo_one", name=verdict.name, value=value, limit=limit)


def _speed(digest: Digest, words: Words) -> Iterator[Say]:
    best = digest.knee or max(digest.steps, key=lambda each: each.goodput)
    if not best.latency:
        return
    times = {"p50": seconds(best.latency.p50), "tail": _tail(best.latency, words)}
    if not digest.is_sweep:
        yield Say(
            "plain",
            words("say.one", throughput=rate(best.throughput), pages=rate(best.pages), **times),
        )
    else:
        key = "say.best" if digest.promise else "say.best_plain"
        figures = {"goodput": rate(best.goodput), "load": words.load(best), **times}
        yield Say("plain", words(key, **figures))
        knee = "say.knee_last" if digest.knee_is_last else "say.knee"
        yield Say("warn" if digest.knee_is_last else "plain", words(knee, load=words.load(best)))
    yield from _omission(digest, words)


def _tail(spread: Spread, words: Words) -> str:
    """The slow end of the latencies: of a few answers there is no hundredth."""
    if spread.tells("p99"):
        return words("say.tail_p99", p99=seconds(spread.p99))
    fields = {"answers": count(spread.count), "largest": seconds(spread.largest)}
    return words("say.tail_all", **fields)


def _omission(digest: Digest, words: Words) -> Iterator[Say]:
    """Say where a client that counts from its own send would have told another story."""
    for each in reversed(digest.steps):
        if each.waits_hidden and each.latency:
            fields = {"p99": seconds(each.latency.p99), "as_sent": seconds(each.as_sent)}
            yield Say("plain", words("say.omission", load=words.load(each), **fields))
            return


def _errors(digest: Digest, words: Words) -> Iterator[Say]:
    failed = digest.total - digest.answered
    if not failed:
        most = share(float(f"{wilson(0, digest.total)[1]:.2g}"))
        yield Say("good", words("say.errors_none", total=count(digest.total), most=most))
        return
    kinds = [f"{name} {count(times)}" for name, times in digest.outcomes.items()]
    what = ", ".join(kinds[:_TOLD]) + (", …" if len(kinds) > _TOLD else "")
    part = failed / digest.total
    fields = {"failed": count(failed), "total": count(digest.total), "share": share(part)}
    if digest.is_sweep:  # which goes beyond what the server can do on purpose
        yield Say("warn", words("say.errors_sweep", what=what, **fields))
    else:
        yield Say("bad" if part > 0.01 else "warn", words("say.errors", what=what, **fields))


def _text(digest: Digest, words: Words) -> Iterator[Say]:
    known = [each for each in digest.steps if each.cer]
    if known:
        yield from _accuracy(known, words)
    answers = sum(len(each.served) for each in digest.steps)
    wrong = sum(len(each.served) * (each.wrong or 0) for each in digest.steps)
    if answers and wrong:
        yield Say("warn", words("say.wrong", share=share(wrong / answers)))
    cheaper = sum(len(each.served) * each.quality.get("degraded", 0) for each in digest.steps)
    if answers and cheaper:
        yield Say("plain", words("say.degraded", share=share(cheaper / answers)))


def _accuracy(known: list[StepDigest], words: Words) -> Iterator[Say]:
    means = [(each.cer.mean, each) for each in known if each.cer]
    low, high = means[0], max(means, key=lambda item: item[0])
    if high[0] > 1.5 * low[0] + 0.01:
        fields = {"low_load": words.load(low[1]), "high_load": words.load(high[1])}
        text = words("say.cer_rises", low=share(low[0]), high=share(high[0]), **fields)
        yield Say("warn", text)
        return
    total = sum(len(each.served) for each in known)
    mean = sum(value * len(each.served) for value, each in means) / total
    yield Say("plain", words("say.cer", mean=share(mean)))


def _server(digest: Digest, words: Words) -> Iterator[Say]:
    found = meters.lines(digest.record.series)
    preempted = meters.grown(found, "preemptions")
    if preempted:
        yield Say("warn", words("say.preemptions", count=count(round(preempted))))
    full = meters.highest(found, "kv_usage")
    if full is not None:
        yield Say("plain", words("say.kv", share=share(full)))


def _bottleneck(digest: Digest, words: Words) -> Iterator[Say]:
    """Whose figures these are, before anybody reads them as the server's."""
    if digest.saturated:
        loads = ", ".join(words.loads(digest.saturated))
        worst = max(digest.saturated, key=lambda e: e.step.client.lag_p99 + e.step.client.late_p99)
        why = worst.step.client.saturated
        yield Say("warn", words("say.saturated", load=loads, why=why))


def _client(digest: Digest, words: Words) -> Iterator[Say]:
    if not digest.saturated:
        yield Say("plain", words("say.client_fine"))
    samples = digest.record.samples
    if samples.every > 1:
        kept = count(len(samples.rows))
        yield Say("plain", words("say.thinned", every=samples.every, kept=kept))
