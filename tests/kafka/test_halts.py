"""A halt that an ingester or an operator puts into the topic reaches the stored bars, however the topic is read."""

from __future__ import annotations

import pytest

from dataflows.assembly.assemble import assemble
from dataflows.messages.encode import encode_event
from dataflows.messages.formats import Format
from dataflows.sources.files import lanes_of
from schema.bars import BarFlag
from schema.events import Event, EventKind
from tests.kafka.topics import delivering, market, names, new_topic, opened, publish, settings
from tests.sources.reading import read

SECOND = 10**9


@pytest.fixture(scope="module")
def halted(kafka: str) -> tuple[str, int, int]:
    """A topic of a market in which the first symbol is halted; begin and end of the halt (ns UTC)."""
    topic, parts = new_topic(kafka), list(read(market(20.0, faults=0.0)))
    begin = (int(parts[0].ticks.ts_event[0]) // SECOND + 6) * SECOND + SECOND // 2
    end = begin + 3 * SECOND
    home = int(lanes_of([names()[0]], 4)[0])
    with delivering(kafka, topic) as delivery:
        for at, kind in ((begin, EventKind.HALT), (end, EventKind.RESUME)):
            delivery.send(encode_event(Event(at, kind, names()[0]), Format.JSON), home, Format.JSON)
    publish(kafka, topic, parts, beat_ns=SECOND + 1)
    return topic, begin, end


@pytest.mark.parametrize("batch_ticks", [50, 1_000, 65_536])
def test_bars_of_a_halt_are_marked_in_the_store(kafka: str, halted: tuple[str, int, int], batch_ticks: int) -> None:
    topic, begin, end = halted
    flow = assemble(settings("store.url=memory:"), opened(kafka, topic, finite=True, batch_ticks=batch_ticks))
    flow.pipeline.run()
    flow.finish()
    rows = list(flow.store.query("SELECT symbol, start, time, flags FROM bars"))
    marked = {(row["symbol"], row["time"]) for row in rows if row["flags"] & BarFlag.HALTED}
    touched = {
        (row["symbol"], row["time"])
        for row in rows
        if row["symbol"] == names()[0] and row["start"] < end and row["time"] > begin
    }
    assert marked == touched and len(touched) >= 4
    flow.close()
