"""`undertone latency`: percentiles and timelines of known stamps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from dataflows.sinks.stores import open_store
from ops import latency
from schema.messages import prediction_id
from tests.ops.commands import undertone

SECOND, MS = 1_000_000_000, 1_000_000
T0 = 1_700_000_000 * SECOND


def row(k: int, timeframe: str = "1s", symbol: str = "AAA") -> dict[str, object]:
    """A prediction whose inference takes k ms; the other stages take 1, 2, 3 and 4 ms."""
    received = T0 + k * SECOND + 500 * MS
    at = np.cumsum([received, MS, 2 * MS, 3 * MS, k * MS, 4 * MS]).tolist()
    key = {"time": T0 + k * SECOND, "symbol": symbol, "timeframe": timeframe, "bar_sequence": k, "horizon": 5,
           "model_version": "small_1"}  # fmt: skip
    return {**key, "sequence": k + 1, "tier": "cpu", "source": "log", "partition": 0, "offset": 7,
            **dict(zip(latency.STAMPS, at))}  # fmt: skip


def test_percentiles_of_known_rows() -> None:
    spans = {span.name: span for span in latency.of_rows([row(k) for k in range(1, 101)])}
    inference = spans["inference"]
    assert (inference.count, inference.p50, inference.worst) == (100, pytest.approx(50.5), pytest.approx(100.0))
    assert inference.p99 == pytest.approx(np.percentile(np.arange(1, 101), 99))
    assert spans["tick received -> enqueued"].worst == pytest.approx(110.0)
    assert spans["bar's end -> enqueued"].worst == pytest.approx(610.0)
    assert latency.of_rows([{**row(1), "closed": None}])[0].count == 0


def test_percentiles_of_a_histogram_are_within_a_bucket() -> None:
    registry = CollectorRegistry()
    histogram = Histogram("undertone_stage_seconds", "x", ("stage",), registry=registry, buckets=(0.01, 0.02, 0.05))
    for value in (0.005, 0.015, 0.016, 0.045):
        histogram.labels("written").observe(value)
    (span,) = latency.of_metrics(generate_latest(registry).decode())
    assert (span.name, span.count) == ("enqueued -> written", 4)
    assert span.p50 == pytest.approx(15.0)
    assert 20 < (span.p99 or 0) <= 50
    assert latency.quantile([0.01, float("inf")], [0, 3], 0.5) is None


@pytest.mark.parametrize("timeframe", ["1s", "tick:50"])
@pytest.mark.parametrize("symbol", ["AAA", "BINANCE:BTC"])
def test_an_id_is_read_back(timeframe: str, symbol: str) -> None:
    made = row(3, timeframe, symbol)
    assert latency.parse_id(prediction_id(made)) == {key: made[key] for key in list(made)[:6]}
    with pytest.raises(ValueError, match="expected timeframe:symbol"):
        latency.parse_id("1s:AAA")


def test_the_commands(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'rows.db'}", "live")
    rows = [row(k) for k in range(1, 11)]
    store.append("predictions", {name: [r[name] for r in rows] for name in rows[0]}, 1)
    store.commit(1)
    store.close()
    place = ("--store", f"sqlite:///{tmp_path / 'rows.db'}")
    none = ("--set", "metrics.port=0")
    done = undertone("latency", *place, *none, "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["process"] is None
    assert answer["stored"][3]["p50"] == pytest.approx(5.5)
    told = undertone("latency", "explain", prediction_id(rows[3]), *place, "--json", folder=tmp_path)
    stages = json.loads(told.stdout)["stages"]
    assert [stage["since_previous_ms"] for stage in stages[2:]] == pytest.approx([1, 2, 3, 4, 4])
    assert "inference_done" in undertone("latency", "explain", prediction_id(rows[3]), *place, folder=tmp_path).stdout
    missing = undertone("latency", "explain", prediction_id(row(99)), *place, folder=tmp_path)
    assert (missing.returncode, "GET /predictions/latest" in missing.stderr) == (1, True)
    away = undertone("latency", "--store", "sqlite:///none.db", *none, folder=tmp_path)
    assert (away.returncode, "no such file" in away.stderr) == (75, True)
