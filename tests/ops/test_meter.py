"""What a flow did and what its metrics say are the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from dataflows.assembly.assemble import assemble
from dataflows.batch import Batch
from dataflows.sources.files import FileSource
from ops import metrics
from ops.meter import Meter
from ops.settings import load
from tests.ops.commands import ROOT

HEADER = "ts,symbol,kind,price,size,bid,bid_size,ask,ask_size\n"


def total(name: str) -> float:
    """Return a metric's sum over its labels."""
    return sum(
        sample.value for family in REGISTRY.collect() for sample in family.samples if sample.name == name
    )  # fmt: skip


def test_metrics_say_what_the_flow_counted(tmp_path: Path) -> None:
    rows = [f"2013-10-08T14:{k // 60:02d}:{k % 60:02d}Z,IBM,trade,{180 + k % 3}.5,100,,,,\n" for k in range(600)]
    rows += ["2013-10-08T14:00:01Z,IBM,trade,180,100,,,,\n", "2013-10-08T14:11:00Z,IBM,trade,-1,100,,,,\n"]
    path = tmp_path / "ticks.csv"
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    chosen = ["store.url=null:", "bus.url=null:", "inference.model=none", "bars.timeframes=1s,1m"]
    flow = assemble(load(assignments=chosen, environ={}), FileSource([path], batch_size=50))
    before = {metric.name: total(metric.name) for metric in metrics.declared()}
    passes, passed = total("undertone_pass_seconds_count"), total("undertone_pass_seconds_sum")
    spent = [total("undertone_station_seconds_sum")]
    meter = Meter(flow)

    def note(batch: Batch) -> None:
        meter.note(batch)
        spent.append(total("undertone_station_seconds_sum"))

    flow.pipeline.on_batch = note
    flow.pipeline.run()
    flow.finish()
    flow.close()

    def moved(name: str) -> float:
        return total(f"undertone_{name}_total") - before[f"undertone_{name}_total"]

    counts = flow.tally.counts
    assert (moved("ticks_read"), moved("ticks_used"), moved("ticks_late"), moved("ticks_dead")) == (602, 600, 1, 1)
    assert moved("bars") == counts.bars > 600
    assert moved("feature_rows") == counts.feature_rows
    assert moved("batches") == flow.pipeline.number
    assert moved("barriers") == sum(flow.barrier.barrier.reasons.values())
    assert total("undertone_ticks_waiting") == 0
    # The last pass is nobody's before and not counted: the stations' time without that batch lies within the passes.
    assert total("undertone_pass_seconds_count") - passes == flow.pipeline.number - 1
    assert total("undertone_pass_seconds_sum") - passed >= spent[-2] - spent[0] > 0


@pytest.mark.parametrize("metric", metrics.declared(), ids=lambda metric: metric.name)
def test_every_metric_is_moved_by_someone(metric: metrics.Declared) -> None:
    name = metric.name.removesuffix("_total")
    (constant,) = [key for key, value in vars(metrics).items() if getattr(value, "_name", None) == name]
    packages = ("ops", "dataflows", "models", "api")
    sources = [path.read_text(encoding="utf-8") for package in packages for path in (ROOT / package).rglob("*.py")]
    assert any(f"metrics.{constant}." in source for source in sources)
