"""Which limit law goes with an engine."""

from dataclasses import replace

from ocrgate.control.limit.choice import AutoLaw, LimitLaw
from ocrgate.control.limit.engine import EngineLimit, EngineParams
from ocrgate.control.limit.fixed import FixedLimit, FixedParams
from ocrgate.control.limit.latency import LatencyLimit, LatencyParams
from ocrgate.control.limit.law import Limit
from ocrgate.ports import EngineDescription


def law_for(chosen: LimitLaw, engine: EngineDescription) -> Limit:
    """A new law at its beginning.

    An engine that is not elastic keeps its own number, whatever was chosen: its workers are
    counted, or somebody has set ``engine.slots``. No law exceeds what the engine was started for.
    """
    if not engine.elastic:
        return FixedLimit(FixedParams(engine.slots))
    if isinstance(chosen, AutoLaw):
        return _own(engine)
    if isinstance(chosen, EngineParams):
        return EngineLimit(_within(chosen, engine.most))
    if isinstance(chosen, LatencyParams):
        return LatencyLimit(replace(chosen, climb=_within(chosen.climb, engine.most)))
    return FixedLimit(FixedParams(min(chosen.limit, engine.most or chosen.limit)))


def _own(engine: EngineDescription) -> Limit:
    if engine.signals:
        return EngineLimit(_within(EngineParams(), engine.most))
    if engine.live:
        params = LatencyParams()
        return LatencyLimit(replace(params, climb=_within(params.climb, engine.most)))
    return FixedLimit(FixedParams(engine.slots))


def _within(params: EngineParams, most: int | None) -> EngineParams:
    if most is None or most >= params.most:
        return params
    return replace(params, most=most, start=min(params.start, most))
