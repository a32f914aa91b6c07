"""Law: a market with renames is the same market without, bit for bit apart from the names.

Any renames (new names, swaps, chains, names that come back), any cut into batches, any restarts; late and broken ticks
are among them. What a symbol is called is said by `renamed_market`, in plain Python.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.checkpoints import file as checkpoint_file
from dataflows.interfaces import EndOfInput
from dataflows.sources.files import lanes_of
from ops.settings import Settings, load
from schema.bars import Bars, concat_bars
from schema.ticks import Ticks
from tests.dataflows.renamed_market import Log, Schedule, called, events_of, market, under_new_names

FRESH = ("NEW0", "AAA", "ZZZ")  # names that no symbol has at first, in front of and behind those
ROWS = len(market()[0].offset)


def settings(*more: str) -> Settings:
    chosen = ("features.families=calendar,statistical,cross_asset", "universe.leaders=SYN001")
    quiet = ("store.url=null:", "bus.url=null:", "inference.model=none")
    return load([], [*chosen, "bars.timeframes=1s,tick:7", *quiet, *more], {}, {})


class Found(NamedTuple):
    """What a run gave: bars, their symbols' names, values and validity, what died (name, time, reason), the flow."""

    bars: Bars
    names: list[str]
    values: np.ndarray
    why: np.ndarray
    dead: list[tuple[str, int, str]]
    late: list[tuple[str, int]]
    flow: Flow


def run(log: Log, restarts: tuple[int, ...] = (), folder: Path | None = None, chosen: Settings | None = None) -> Found:
    """Run a log; before each batch whose number is named, go on in a new flow from a checkpoint file."""
    flow = assemble(chosen or settings(), log)
    parts: list[tuple[Bars, list[str], np.ndarray, np.ndarray]] = []
    dead, late = [], []
    while True:
        if flow.pipeline.number in restarts and folder is not None:
            flow = resumed(flow, log, folder, chosen)
        try:
            batch = flow.pipeline.advance()
        except EndOfInput:
            break
        assert batch is not None
        known = flow.universe.names
        dead += [(letter.symbol, letter.time, str(letter.reason)) for letter in batch.dead]
        late += [(known[k], time) for k, time in zip(batch.late.symbol.tolist(), batch.late.ts_event.tolist())]
        parts += rows_of(batch, known)
    bars, names, values, why = zip(*parts)
    every = [name for part in names for name in part]
    return Found(concat_bars(list(bars)), every, np.concatenate(values), np.concatenate(why), dead, late, flow)


def rows_of(batch: Batch, names: list[str]) -> list[tuple[Bars, list[str], np.ndarray, np.ndarray]]:
    if batch.features is None:
        return []
    rows = batch.features
    return [(batch.bars, [names[k] for k in batch.bars.symbol.tolist()], rows.values.copy(), rows.why.copy())]


def resumed(flow: Flow, log: Log, folder: Path, chosen: Settings | None) -> Flow:
    """A new flow over the log, at a checkpoint that went through a file."""
    path = folder / "between.checkpoint"
    checkpoint_file.write(path, *checkpoint_file.Arena().copy(flow.pipeline.snapshot()))
    after = assemble(chosen or settings(), log)
    after.pipeline.restore(checkpoint_file.read(path))
    return after


@cache
def plain(lanes: int = 1) -> Found:
    """The market without renames."""
    return run(Log(*market(lanes), lanes=lanes))


def assert_same_but_for_names(found: Found, schedule: Schedule, truth: Found, but: tuple[str, ...] = ()) -> None:
    expected = [called(name, time - 1, schedule) for name, time in zip(truth.names, truth.bars.time.tolist())]
    assert found.names == expected
    for name, mine, theirs in zip(Bars._fields, found.bars, truth.bars):
        if name not in ("symbol", "position", *but):
            assert mine.tobytes() == theirs.tobytes(), name
    assert found.values.tobytes() == truth.values.tobytes()
    assert found.why.tobytes() == truth.why.tobytes()
    named = [(called(name, time, schedule), time, reason) for name, time, reason in truth.dead]
    assert sorted(found.dead) == sorted(named)
    assert found.late == [(called(name, time, schedule), time) for name, time in truth.late]


@st.composite
def schedules(draw: st.DrawFn, ticks: Ticks, names: tuple[str, ...]) -> Schedule:
    """Up to four times at which some symbols change names, with each other or for names that are free."""
    accepted = ticks.ts_event[(ticks.kind < 2) & (ticks.ts_event > 0)]
    low, high = int(accepted.min()) + 3 * 10**9, int(accepted.max())
    instants = st.one_of(st.sampled_from(sorted(set(accepted[accepted > low].tolist()))), st.integers(low, high))
    times = sorted(draw(st.sets(instants, min_size=1, max_size=4)))
    now, schedule = list(names), []
    for time in times:
        olds = draw(st.lists(st.sampled_from(sorted(now)), min_size=1, max_size=3, unique=True))
        free = sorted({*names, *FRESH} - set(now))
        news = draw(st.permutations([*olds, *free]))[: len(olds)]
        moves = {old: new for old, new in zip(olds, news) if old != new}
        now = [moves.get(name, name) for name in now]
        schedule += [(time, moves)] if moves else []
    return schedule


@effort(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data(), lanes=st.sampled_from([1, 3]))
def test_a_market_with_renames_is_the_same_market_without(
    data: st.DataObject, lanes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ticks, names = market(lanes)
    schedule = data.draw(schedules(ticks, names))
    ahead = data.draw(st.lists(st.integers(0, ROWS), min_size=1, max_size=3))
    ends = data.draw(st.lists(st.integers(1, ROWS), max_size=8))
    restarts = tuple(data.draw(st.lists(st.integers(1, 8), max_size=3)))
    own = data.draw(st.lists(st.integers(0, lanes - 1), min_size=1, max_size=3))
    log = Log(*under_new_names(ticks, names, schedule), events_of(schedule, ticks, ahead, own), ends, lanes)
    found = run(log, restarts, tmp_path_factory.mktemp("state") if restarts else None)
    assert_same_but_for_names(found, schedule, plain(lanes))


def test_a_new_name_may_come_on_another_lane() -> None:
    """As where a topic's partition is the name's hash; the feed is a clean one, since lateness is judged by lane."""
    ticks, names = market(3, faults=0.0)
    schedule = [
        (int(ticks.ts_event[ROWS // 2]), {"SYN000": "NEW0", "SYN001": "AAA", "SYN002": "SYN003", "SYN003": "Q"})
    ]
    named, every = under_new_names(ticks, names, schedule)
    lane = lanes_of(every, 3)
    assert any(lane[every.index(old)] != lane[every.index(new)] for old, new in schedule[0][1].items())
    named.lane[named.symbol >= 0] = lane[named.symbol[named.symbol >= 0]]
    for ends in ([], list(range(0, ROWS, 23))):
        found = run(Log(named, every, events_of(schedule, ticks, [40], [0, 2, 1, 1]), ends, lanes=3))
        assert_same_but_for_names(found, schedule, run(Log(ticks, names, lanes=3)), but=("lane",))


def test_the_law_sees_a_rename_that_is_not_followed() -> None:
    """Without the message the new name is a new symbol: other bars, other columns."""
    ticks, names = market()
    schedule = [(int(ticks.ts_event[ROWS // 2]), {"SYN001": "NEW0"})]
    found = run(Log(*under_new_names(ticks, names, schedule)))
    with pytest.raises(AssertionError):
        assert_same_but_for_names(found, schedule, plain())


def test_the_plain_market_has_what_the_law_speaks_of() -> None:
    truth = plain()
    assert len(truth.late) > 0 and len(truth.dead) > 0
    assert np.isfinite(truth.values).mean() > 0.2
    assert set(truth.bars.timeframe.tolist()) == {0, 1}


def certificate(flow: Flow) -> dict[tuple[str, str, str], tuple[int, str]]:
    entries = flow.certifier.certificate().entries
    return {(e.symbol, e.timeframe, e.kind): (e.rows, e.digest) for e in entries}


def test_the_certificate_names_rows_as_they_are_stored_whatever_the_cuts(tmp_path: Path) -> None:
    ticks, names = market()
    third = ROWS // 3
    schedule = [
        (int(ticks.ts_event[third]), {"SYN000": "NEW0", "SYN001": "SYN002", "SYN002": "SYN001"}),
        (int(ticks.ts_event[2 * third]), {"NEW0": "SYN000"}),
    ]
    given = under_new_names(ticks, names, schedule)
    events = events_of(schedule, ticks, [5])
    whole = certificate(run(Log(*given, events)).flow)
    ends = list(range(0, ROWS, 37))
    assert certificate(run(Log(*given, events, ends), tuple(range(3, len(ends), 5)), tmp_path).flow) == whole
    truth = plain()
    expected: dict[Any, int] = {}
    for name, time, timeframe in zip(truth.names, truth.bars.time.tolist(), truth.bars.timeframe.tolist()):
        key = called(name, time - 1, schedule), ("1s", "tick:7")[timeframe], "bars"
        expected[key] = expected.get(key, 0) + 1
    assert {key: rows for key, (rows, _) in whole.items() if key[2] == "bars"} == expected
