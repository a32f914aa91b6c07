"""Through the flow: every bar over a gap says so, and a replay of the log gives the live run's certificate."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.interfaces import EndOfInput
from dataflows.sources.segments import SegmentSource
from features import families
from features.catalogue import registered
from ops.settings import load
from schema.bars import BarFlag
from schema.events import Event
from schema.reasons import Why
from schema.ticks import HEARTBEAT
from tests.ingest.recording import exchange_of, record

SETTINGS = [
    "bars.timeframes=1s,tick:20", "store.url=memory:", "store.namespace=replay", "bus.url=null:",
    "inference.model=none", "order.outlier_bound=0",
]  # fmt: skip
GROUPS = ("candles", "returns")


@dataclass
class Seen:
    """What went through a flow: bars of 1 s with the reasons of two columns, and the gaps as they took effect."""

    bars: dict[tuple[str, int], tuple[int, int, int]] = field(default_factory=dict)  # flags, body_share, return_1
    gaps: list[Event] = field(default_factory=list)
    heartbeats: int = 0

    def note(self, flow: Flow, batch: Batch) -> None:
        self.gaps += batch.events
        if batch.arrivals is not None:
            self.heartbeats += int((batch.arrivals.ticks.kind == HEARTBEAT).sum())
        bars, rows = batch.bars, batch.features
        for k in range(len(bars.time)):
            assert rows is not None
            if bars.timeframe[k] == 0:
                why = (int(rows.why[k, flow.features.names.index(name)]) for name in ("body_share", "return_1"))
                key = flow.universe.names[bars.symbol[k]], int(bars.time[k])
                self.bars[key] = int(bars.flags[k]), *why  # type: ignore[assignment]


def flow_over(source: SegmentSource, seen: Seen, *more: str, **options: Any) -> Flow:
    families.load()
    groups = tuple(group for group in registered() if group.name in GROUPS)
    settings = load([], [*SETTINGS, *more], {}, {})
    flow = assemble(settings, source, groups=groups, **options)
    flow.pipeline.on_batch = lambda batch: seen.note(flow, batch)
    return flow


def replayed(root: Path, chunk_bytes: int) -> tuple[Flow, Seen]:
    seen = Seen()
    flow = flow_over(SegmentSource(root, follow=False, chunk_bytes=chunk_bytes), seen)
    flow.pipeline.run()
    return flow, seen


@pytest.fixture(scope="module", params=["binance", "coinbase"])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Flow, Seen]:
    """Ten seconds of a bad feed, and the flow that followed it while it was written."""
    root, first = tmp_path_factory.mktemp(request.param), tmp_path_factory.mktemp("first")
    record(exchange_of(request.param), first, 1.5)
    replayed(first, 1 << 20)  # what has to be compiled is compiled, so that the flow can keep up
    exchange = exchange_of(
        request.param, 3, drop=0.004, overtake=0.02, repeat=0.02, close=0.0004, stall=0.0004, garbage=0.005
    )
    seen, failures = Seen(), list[BaseException]()

    def recording() -> None:
        try:
            record(exchange, root, 9.0)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=recording)
    thread.start()
    while not list(root.glob("*/*.segment")) and thread.is_alive():
        thread.join(0.01)
    source = SegmentSource(root)
    flow = flow_over(source, seen)
    while thread.is_alive():
        if flow.pipeline.advance() is None:
            thread.join(0.003)
    assert not failures
    source.follow = False
    flow.pipeline.run()
    return root, flow, seen


def test_a_replay_of_the_log_gives_the_live_runs_certificate(recorded: tuple[Path, Flow, Seen]) -> None:
    root, live, seen = recorded
    for chunk_bytes in (1, 3_000, 1 << 20):
        flow, again = replayed(root, chunk_bytes)
        assert again.bars == seen.bars
        assert again.gaps == seen.gaps
        assert flow.certifier.certificate() == live.certifier.certificate()
        assert flow.tally.counts == live.tally.counts
    assert live.tally.counts.lost() == 0
    assert live.pipeline.number > 20  # the live run was cut otherwise than the replays


def test_a_bar_is_marked_if_and_only_if_a_gap_overlaps_it(recorded: tuple[Path, Flow, Seen]) -> None:
    _, _, seen = recorded
    first: dict[str, int] = {}
    for symbol, time in sorted(seen.bars, key=lambda key: key[1]):
        first.setdefault(symbol, time)
    expected = {
        (symbol, time)
        for symbol, time in seen.bars
        if any(
            gap.symbol == symbol and first[symbol] <= gap.ts_event < time
            and time - 1_000_000_000 <= gap.details["end"]
            for gap in seen.gaps
        )
    }  # fmt: skip
    marked = {key for key, (flags, _, _) in seen.bars.items() if flags & BarFlag.GAP}
    assert marked == expected
    assert 0 < len(marked) < len(seen.bars)


def test_no_bar_over_a_gap_closed_before_the_mark_came(recorded: tuple[Path, Flow, Seen]) -> None:
    """The flow waits a second for stragglers, the recorder a third of one for missing numbers. A symbol's first trade
    behind an outage may show a hole that began before it: its bars are the outage's too."""
    _, _, seen = recorded
    first = min(time for _, time in seen.bars)
    for gap in seen.gaps:
        for (symbol, time), (flags, _, _) in seen.bars.items():
            over = gap.details["begin"] < time and time - 1_000_000_000 <= gap.details["end"]
            if symbol == gap.symbol and over and time > first + 1_000_000_000:
                assert flags & BarFlag.GAP, (gap, time)


def test_rows_over_a_gap_say_so(recorded: tuple[Path, Flow, Seen]) -> None:
    _, _, seen = recorded
    for (symbol, time), (flags, body_share, return_1) in seen.bars.items():
        before = seen.bars.get((symbol, time - 1_000_000_000))
        assert bool(body_share & Why.GAP) == bool(flags & BarFlag.GAP)
        if before is not None:
            assert bool(return_1 & Why.GAP) == bool((flags | before[0]) & BarFlag.GAP)


def test_gaps_and_garbage_are_in_the_store(recorded: tuple[Path, Flow, Seen]) -> None:
    _, live, seen = recorded
    stored = list(live.store.query("SELECT time, kind, symbol, details, source FROM events"))
    assert len(stored) == len(seen.gaps)
    assert {row["kind"] for row in stored} == {"gap"}
    letters = list(live.store.query("SELECT reason, found, source FROM dead_letters"))
    assert letters
    assert {row["reason"] for row in letters} == {"malformed"}
    assert all('"unreadable":' in row["found"] and row["source"].startswith("segments:") for row in letters)


def test_a_run_that_was_drained_goes_on_where_it_was(recorded: tuple[Path, Flow, Seen], tmp_path: Path) -> None:
    root, live, _ = recorded
    more = f"store.url=sqlite:///{tmp_path}/rows.db"
    seen = Seen()
    flow = flow_over(SegmentSource(root, chunk_bytes=2_000), seen, more, checkpoint_folder=tmp_path / "c")
    for _ in range(60):
        flow.pipeline.advance()
    flow.finish()
    flow.close()
    source = SegmentSource(root, follow=False, chunk_bytes=5_000)
    flow = flow_over(source, seen, more, checkpoint_folder=tmp_path / "c", resume=True)
    with pytest.raises(EndOfInput):
        while True:
            flow.pipeline.advance()
    assert flow.certifier.certificate() == live.certifier.certificate()
    flow.close()
