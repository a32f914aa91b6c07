"""Files of ticks with a file of events: each event once, on its symbol's lane, at its time, however the run is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataflows.assembly.assemble import assemble
from dataflows.sources.errors import BadFile, OtherLog
from dataflows.sources.files import FileSource, lanes_of
from ops.settings import load
from schema.events import EventKind

SECOND = 10**9
START = 1_381_239_000 * SECOND
SPLIT = f'{{"ts_event":{START + 60 * SECOND},"kind":"split","symbol":"IBM","details":{{"ratio":2}}}}\n'
HALT = f'{{"ts_event":{START + 30 * SECOND},"kind":"halt","symbol":"AIG"}}\n'


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """IBM at 100 and at 50 behind its split, AIG at 40; two minutes, a trade a second each."""
    header = "ts,symbol,kind,price,size,bid,bid_size,ask,ask_size\n"
    rows = [
        f"2013-10-08T13:{30 + k // 60}:{k % 60:02d}.5Z,{name},trade,{price},100,,,,\n"
        for k in range(120)
        for name, price in (("IBM", 100 if k < 60 else 50), ("AIG", 40))
    ]
    (tmp_path / "ticks.csv").write_text(header + "".join(rows), encoding="utf-8")
    (tmp_path / "events.jsonl").write_text(SPLIT + "\n" + HALT, encoding="utf-8")
    return [tmp_path / "events.jsonl", tmp_path / "ticks.csv"]


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("batch", [7, 100_000])
def test_an_event_is_applied_at_its_time(files: list[Path], batch: int, lanes: int) -> None:
    chosen = ["store.url=memory:", "bus.url=null:", "inference.model=none", "features.families=calendar"]
    flow = assemble(load([], [*chosen, "bars.timeframes=1s"], {}, {}), FileSource(files, batch, lanes))
    basis = {}
    flow.pipeline.on_batch = lambda b: basis.update(zip(zip(b.bars.time, b.bars.symbol), b.bars.basis))
    flow.pipeline.run()
    flow.finish()
    ibm = flow.universe.names.index("IBM")
    for (time, symbol), found in basis.items():
        assert found == (2.0 if symbol == ibm and time > START + 60 * SECOND else 1.0)
    assert len(basis) > 230
    stored = list(flow.store.query("SELECT kind, symbol, source, offset FROM events ORDER BY time"))
    assert [tuple(row.values()) for row in stored] == [
        ("halt", "AIG", "events.jsonl", 2),
        ("split", "IBM", "events.jsonl", 0),
    ]
    assert flow.tally.counts.ticks_dead == {}
    flow.close()


def test_events_come_once_on_their_lanes(files: list[Path]) -> None:
    source = FileSource(files, 50, lanes=3)
    first, position = source.next_batch(), source.position()
    assert {event.symbol: event.lane for event in first.events} == dict(
        zip(["IBM", "AIG"], lanes_of(["IBM", "AIG"], 3))
    )
    again = FileSource(files, 50, lanes=3)
    again.seek(position)
    assert source.next_batch().events == again.next_batch().events == ()
    names, _, rows = source.origin(np.zeros(2, np.int32), np.array([-3, 5]))
    assert (names, rows.tolist()) == (["events.jsonl", "ticks.csv"], [2, 5])


def test_filters_hold_for_events(files: list[Path]) -> None:
    assert [e.kind for e in FileSource(files, end_ns=START + 60 * SECOND).next_batch().events] == [EventKind.HALT]
    assert [e.symbol for e in FileSource(files, symbols=["IBM"]).next_batch().events] == ["IBM"]


def test_other_events_are_another_log(files: list[Path]) -> None:
    source = FileSource(files)
    source.next_batch()
    position = source.position()
    files[0].write_text(SPLIT, encoding="utf-8")
    with pytest.raises(OtherLog):
        FileSource(files).seek(position)


@pytest.mark.parametrize(
    "line, found",
    [
        ("{", "line 2"),
        (f'{{"ts_event":{START},"kind":"trade","symbol":"IBM","price":1.0,"size":1.0}}', "a tick in line 2"),
        ('{"ts_event":0,"kind":"split","symbol":"IBM"}', "line 2"),
    ],
)
def test_a_line_that_is_no_event_is_refused(files: list[Path], line: str, found: str) -> None:
    files[0].write_text(SPLIT + line + "\n", encoding="utf-8")
    with pytest.raises(BadFile, match=found):
        FileSource(files)
