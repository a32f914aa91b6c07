"""Reading a dataflow's metrics, and the memory's slope."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from benchmarks.live import memory
from benchmarks.live.samples import Scrape, between, each, parse

BOUNDS = (0.001, 0.01, 0.1)


class Exposed:
    """A registry with one metric of each kind."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ticks = Counter("undertone_ticks_read", "", registry=self.registry)
        self.lag = Gauge("undertone_lag", "", ["partition"], registry=self.registry)
        self.passes = Histogram("undertone_pass_seconds", "", ["part"], buckets=BOUNDS, registry=self.registry)
        self.cuts = Histogram("undertone_cut_seconds", "", buckets=BOUNDS, registry=self.registry)

    def scrape(self) -> Scrape:
        return parse(generate_latest(self.registry).decode(), 0)


def test_metrics_are_read_by_name_and_label() -> None:
    exposed = Exposed()
    assert not exposed.scrape().has("lag")
    exposed.ticks.inc(1e7 + 5)
    exposed.lag.labels("0").set(2)
    exposed.lag.labels("1").set(-3.5)
    found = exposed.scrape()
    assert found.of("ticks_read_total") == 1e7 + 5
    assert found.of("lag") == -1.5
    assert found.of("lag", partition="1") == -3.5
    assert found.of("nothing") == 0
    assert found.has("lag")


def test_a_quantile_between_two_looks_leaves_out_what_was_before() -> None:
    exposed = Exposed()
    for _ in range(1000):
        exposed.passes.labels("ticks").observe(0.09)
    before = exposed.scrape()
    for _ in range(100):
        exposed.passes.labels("ticks").observe(0.0005)
        exposed.passes.labels("bars").observe(0.05)
    after = exposed.scrape()
    assert between(before, after, "pass_seconds", 0.5, part="ticks") == pytest.approx(0.0005)
    assert between(before, after, "pass_seconds", 0.5, part="bars") == pytest.approx(0.055)
    assert between(after, after, "pass_seconds", 0.5, part="ticks") is None


def test_each_event_is_seen_where_looks_are_more_frequent() -> None:
    exposed, looks = Exposed(), []
    for seconds in (None, 0.02, None, 0.04):
        if seconds is not None:
            exposed.cuts.observe(seconds)
        looks.append(exposed.scrape())
    assert each(looks, "cut_seconds") == pytest.approx([0.02, 0.04])


def test_the_slope_is_that_of_a_line() -> None:
    seconds = np.arange(0, 600, 5.0)
    noise = np.random.default_rng(1).normal(0, 0.1, len(seconds))
    assert memory.slope_per_hour(seconds, 900 + seconds * 36 / 3600 + noise) == pytest.approx(36, abs=2)
    assert memory.slope_per_hour(seconds[:1], seconds[:1]) == 0


def test_the_slope_leaves_out_the_beginning() -> None:
    samples = [(float(s), 500.0 + min(s, 60.0) * 5, 100.0) for s in range(0, 600, 5)]
    line = memory.line(samples, "bars")
    assert line.values["slope_mb_per_hour"] == pytest.approx(0, abs=1e-6)
    assert line.values["most_mb"] == 800
    assert "from 500 to 800 MB" in line.measured
