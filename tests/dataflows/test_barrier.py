"""The barrier: what passes together, when, and what a recorded deadline leaves out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dataflows.assembly.assemble import assemble
from dataflows.barrier import Barrier, Rows, joined
from dataflows.batch import Arrivals
from dataflows.sources.synthetic import SyntheticMarket
from features.inputs import BarInputs
from ops.settings import load
from schema.bars import BarFlag, Bars, empty_bars
from schema.events import Decision, DecisionKind
from schema.features import FeatureRows

RANK = np.array([2, 0, 1])


def rows(times: list[int], symbols: list[int]) -> Rows:
    n = len(times)
    bars = empty_bars(n)
    bars = bars._replace(
        time=np.array(times, np.int64), symbol=np.array(symbols, np.int32), timeframe=np.zeros(n, np.int32),
        sequence=np.ones(n, np.int64), flags=np.zeros(n, np.uint16),
    )  # fmt: skip
    inputs = BarInputs(*(np.arange(n) for _ in BarInputs._fields))
    return Rows(bars, FeatureRows(np.array(symbols, float)[:, None], np.zeros((n, 1), np.uint8)), inputs)


def seen(bars: Bars) -> list[tuple[int, int]]:
    return list(zip(bars.time.tolist(), bars.symbol.tolist()))


def test_a_bar_time_passes_once_all_shards_closed_it() -> None:
    barrier = Barrier(["a", "b"], 0, lambda _: None)
    barrier.push("a", rows([10, 20], [0, 0]), 20)
    assert barrier.release(0, RANK) is None
    barrier.push("b", rows([10], [1]), 15)
    passed = barrier.release(0, RANK)
    assert passed is not None
    assert seen(passed.bars) == [(10, 1), (10, 0)]
    assert passed.features.values[:, 0].tolist() == [1.0, 0.0]
    barrier.push("b", rows([20], [2]), 20)
    passed = barrier.release(0, RANK)
    assert passed is not None
    assert seen(passed.bars) == [(20, 2), (20, 0)]
    assert barrier.reasons == {"all_in": 2}


def test_a_deadline_is_recorded_before_it_closes_and_marks_the_rows() -> None:
    recorded: list[Decision] = []
    barrier = Barrier(["a", "b"], 100, recorded.append)
    barrier.push("a", rows([10], [0]), 10)
    assert barrier.release(0, RANK) is None
    assert barrier.release(99, RANK) is None
    passed = barrier.release(100, RANK)
    assert passed is not None
    assert seen(passed.bars) == [(10, 0)]
    assert passed.bars.flags[0] & BarFlag.INCOMPLETE
    assert recorded == [Decision(10, DecisionKind.DEADLINE, "b")]
    assert barrier.reasons == {"all_in": 0, "deadline": 1}
    barrier.push("b", rows([10], [1]), 10)
    assert barrier.release(200, RANK) is None
    assert barrier.dropped == 1


def test_a_replay_obeys_the_recorded_deadline_without_a_clock() -> None:
    decided = [Decision(10, DecisionKind.DEADLINE, "b")]
    barrier = Barrier(["a", "b"], 100, lambda _: None, decided)
    barrier.push("b", rows([10, 20], [1, 1]), 20)
    barrier.push("a", rows([10, 20], [0, 0]), 20)
    passed = barrier.release(0, RANK)
    assert passed is not None
    assert seen(passed.bars) == [(10, 0), (20, 1), (20, 0)]
    assert (passed.bars.flags & BarFlag.INCOMPLETE).tolist() == [BarFlag.INCOMPLETE, 0, 0]


def test_a_dead_shard_does_not_stop_the_others() -> None:
    recorded: list[Decision] = []
    barrier = Barrier(["a", "b"], 10, recorded.append)
    passed = 0
    for k in range(1, 6):
        barrier.push("a", rows([k], [0]), k)
        barrier.release(100 * k, RANK)
        out = barrier.release(100 * k + 10, RANK)
        passed += 0 if out is None else len(out.bars.time)
    assert passed == 5
    assert [d.time for d in recorded] == [1, 2, 3, 4, 5]


def test_a_snapshot_holds_what_waits() -> None:
    barrier = Barrier(["a", "b"], 0, lambda _: None)
    barrier.push("a", rows([10], [0]), 10)
    fresh = Barrier(["a", "b"], 0, lambda _: None)
    fresh.restore(barrier.snapshot())
    fresh.push("b", rows([10], [1]), 10)
    passed = fresh.release(0, RANK)
    assert passed is not None
    assert seen(passed.bars) == [(10, 1), (10, 0)]


def test_joining_orders_by_time_timeframe_and_name() -> None:
    both = joined([rows([20, 30], [0, 0]), rows([10, 20, 20], [1, 2, 1])], RANK)
    assert seen(both.bars) == [(10, 1), (20, 1), (20, 2), (20, 0), (30, 0)]


class Rounded(SyntheticMarket):
    """A market whose times are whole hundredths of a second: many ticks stand at a watermark."""

    def next_batch(self) -> Arrivals | None:
        arrivals = super().next_batch()
        assert arrivals is not None
        time = arrivals.ticks.ts_event // 10_000_000 * 10_000_000
        return replace(arrivals, ticks=arrivals.ticks._replace(ts_event=time))


def test_a_bar_by_activity_that_closes_at_the_watermark_passes() -> None:
    """Rows of a time that had passed were dropped, or stopped the flow; and no cut may change the order."""
    settings = load(
        [],
        ["bars.timeframes=1s,tick:2", "features.families=calendar", "inference.model=none", "store.url=memory:",
         "bus.url=null:", "order.bound_ms=100"],
        {}, {},
    )  # fmt: skip
    found = []
    for size in (40, 1_000, 50_000):
        flow = assemble(settings, Rounded(6, seed=3, duration_s=20, batch_size=size, faults=0.0))
        flow.pipeline.run()
        assert flow.barrier.barrier.dropped == 0
        count = next(iter(flow.store.query("SELECT count(*) AS n, max(bar_sequence) AS last FROM bars")))
        found.append((flow.certifier.certificate().digest, *count.values()))
        last = "SELECT symbol, timeframe, max(bar_sequence) - count(*) AS lost FROM bars GROUP BY symbol, timeframe"
        assert {row["lost"] for row in flow.store.query(last)} == {0}
        flow.close()
    assert len(set(found)) == 1
