"""The wall clock is stepped back an hour while a flow runs: what is computed is the same, and it goes on reporting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.sinks.station import STATUS
from dataflows.sources.synthetic import SyntheticMarket
from ops.meter import Meter
from tests.kafka.topics import settings

HOUR, SECOND = 3_600 * 10**9, 10**9
NOW = 1_700_000_000 * SECOND


class Stepped:
    """A clock of one second a reading that an administrator sets back by an hour."""

    def __init__(self, back_at: int | None) -> None:
        self.readings, self.back_at = 0, back_at

    def __call__(self) -> int:
        self.readings += 1
        gone = HOUR if self.back_at is not None and self.readings > self.back_at else 0
        return NOW + self.readings * SECOND - gone


def run(clock: Stepped, folder: Path) -> tuple[Flow, list[int]]:
    """Return the flow at its end, and the times at which it reported."""
    market = SyntheticMarket(4, seed=5, duration_s=60, faults=0.01, batch_size=100)
    wanted = settings("store.url=memory:", "universe.symbols=SYN000,SYN001,SYN002,SYN003", "checkpoint.every_s=0.05")
    flow = assemble(wanted, market, checkpoint_folder=folder, clock=clock)
    meter, reports = Meter(flow, clock), list[int]()

    def on_batch(batch: Any) -> None:
        meter.note(batch)
        flow.store.flush()
        if text := flow.store.get_meta(STATUS):
            reports.append(json.loads(text)["at"])

    flow.pipeline.on_batch = on_batch
    flow.pipeline.run()
    flow.finish()
    flow.close()
    return flow, reports


def test_a_clock_that_is_stepped_back_changes_nothing_and_stops_no_report(tmp_path: Path) -> None:
    steady, _ = run(Stepped(None), tmp_path / "steady")
    names = [f"undertone_{name}_sum" for name in ("prediction_seconds", "close_seconds")]
    before = [REGISTRY.get_sample_value(name) or 0.0 for name in names]
    clock = Stepped(back_at=100)
    stepped, reports = run(clock, tmp_path / "stepped")
    assert clock.readings > 200
    assert stepped.certifier.certificate() == steady.certifier.certificate()
    assert stepped.tally.counts == steady.tally.counts
    behind = sorted({at for at in reports if at < NOW})
    assert len(behind) > 20, "it stopped reporting when the clock was stepped back"
    assert [REGISTRY.get_sample_value(name) or 0.0 for name in names] >= before, "a negative duration was measured"
    assert len(list((tmp_path / "stepped").glob("*.checkpoint"))) > 0
