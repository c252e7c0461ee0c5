"""The gate's state in one line, for people who ask why they wait."""

from collections.abc import Iterator, Sequence

from ocrgate.control.decision import Snapshot
from ocrgate.control.ladder import Rung
from ocrgate.runtime.station import StationState


def explained(
    gate: Snapshot,
    stations: Sequence[StationState],
    rungs: Sequence[Rung],
    pressure: float,
    other: tuple[int, int] | None = None,
) -> str:
    """Pairs as in ``Server-Timing``: the gate first, then each replica from 0 on.

    ``limit`` and ``reason`` are those of the replica's law; ``wait`` is the predicted wait of a
    page that came now, in seconds; ``held``, ``promised`` and ``capacity`` are tokens. ``other`` is
    how many pages the other engine reads and may have now, where there is one.
    """
    waiting = sum(gate.backlog.values())
    wait = waiting / gate.rate if gate.rate else 0.0
    first = (
        f"gate;places={gate.limit};inflight={sum(gate.inflight.values())};backlog={waiting}"
        f";wait={wait:.3f};pressure={pressure:.2f};rungs={'+'.join(rungs) or 'none'}"
    )
    beside = [] if other is None else [f"other;inflight={other[0]};places={other[1]}"]
    return ", ".join([first, *_replicas(stations), *beside])


def _replicas(stations: Sequence[StationState]) -> Iterator[str]:
    for index, state in enumerate(stations):
        capacity = "" if state.capacity is None else f";capacity={state.capacity}"
        usable = "" if state.usable else ";down"
        yield (
            f"replica{index};limit={state.limit};reason={state.reason}{usable}"
            f";held={state.held};promised={state.promised}{capacity}"
        )
