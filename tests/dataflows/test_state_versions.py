"""State of an older version is brought up step by step or refused with the way out."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.batch import Batch
from dataflows.checkpoints.state_versions import KEY, StateVersionMismatch, migrated
from dataflows.stations.bars import BarStation
from dataflows.universe import Universe
from features.inputs import SHORT_RING, past
from features.sessions import utc_sessions
from schema.ticks import TRADE, ticks_of
from schema.timeframes import SECOND, parse_timeframes

STEPS = {
    1: lambda snapshot: {**snapshot, "added": 0},
    2: lambda snapshot: {**snapshot, "added": snapshot["added"] + 5},
}


def test_steps_are_taken_in_order() -> None:
    assert migrated({}, 3, STEPS) == {"added": 5, KEY: 3}
    assert migrated({KEY: 2, "added": 1}, 3, STEPS) == {"added": 6, KEY: 3}
    assert migrated({KEY: 3, "added": 9}, 3, STEPS) == {"added": 9, KEY: 3}


def test_what_had_no_alerts_begins_to_watch() -> None:
    sinks = {"sequence": 5, "number": 2, "totals": {}}
    fused = migrated({KEY: 3, "stations": {"gate": {}, "sinks": dict(sinks)}}, 4)
    assert fused["stations"] == {"gate": {}, "sinks": {**sinks, "champions": {}}, "alerts": {}}
    shard = migrated({KEY: 3, "stations": {"publisher": {}, "sinks": dict(sinks)}}, 4)
    assert "alerts" not in shard["stations"], "a feature process sees no predictions"


def test_a_newer_one_is_refused() -> None:
    with pytest.raises(StateVersionMismatch, match=r"version 4, this program reads up to 3; .*recovery reset"):
        migrated({KEY: 4}, 3, STEPS)


def test_a_missing_step_is_refused() -> None:
    with pytest.raises(StateVersionMismatch, match=r"no way from 3 to 4; .*recovery reset"):
        migrated({KEY: 1}, 4, STEPS)


def test_shorter_rings_keep_the_newest_bars() -> None:
    counts = np.array([0, 1, 200, 256, 257, 511, 512, 513, 700, 5_000])
    ring = np.zeros((512, len(counts)))
    for i, n in enumerate(counts):
        for bar in range(n):
            ring[bar % 512, i] = 1.0 + bar
    state = {"bars:series": {"n": counts}, "bars:history": {"high": ring, "low": -ring, "volume": ring, "close": ring}}
    old = {KEY: 4, "stations": {"tick_features": {"version": 1, "state": state}}}
    history = migrated(old, 5)["stations"]["tick_features"]["state"]["bars:history"]
    assert history["close"] is ring
    for i, n in enumerate(counts):
        for name, sign in (("high", 1.0), ("low", -1.0), ("volume", 1.0)):
            assert history[name].shape == (SHORT_RING, len(counts))
            kept = [past(history[name], i, n, lag) for lag in range(min(n, SHORT_RING))]
            assert kept == [sign * (n - lag) for lag in range(min(n, SHORT_RING))]


def test_who_had_a_tick_before_renames_were_followed() -> None:
    seen = np.array([[0, 0], [0, 3], [0, 0]])
    order = {"state": {"level": np.array([np.nan, np.nan, 5.0]), "seen": seen}}
    old = {KEY: 6, "stations": {"gate": {"universe": {"names": ["A"]}}, "order": order, "certificate": {}}}
    found = migrated(old, 7)["stations"]
    assert found["order"]["shown"].tolist() == [False, True, True]
    universe = Universe()
    universe.restore({"auto": True, "leaders": [], **found["gate"]["universe"]})
    assert universe.names == ["A"] and not universe.renames
    assert found["names"] == {}


def test_predictions_of_version_7_are_numbered_on() -> None:
    sinks = {"sequence": 5, "number": 2, "totals": {}, "champions": {"1m": "m"}}
    with_model = migrated({KEY: 7, "stations": {"inference": {}, "sinks": dict(sinks)}}, 8)
    assert with_model["stations"] == {"inference": {}, "sinks": sinks, "serving": {}}
    assert migrated({KEY: 7, "stations": {"sinks": dict(sinks)}}, 8)["stations"] == {"sinks": sinks}


def test_bars_of_version_5_go_on_where_nothing_was_split() -> None:
    def station() -> BarStation:
        return BarStation(Universe(["A"]), parse_timeframes(["1s"]), utc_sessions(2013, 2013), 0.1, lambda: 0)

    start = 1_381_190_400 * SECOND
    ticks = ticks_of(1, ts_event=start + 1, symbol=0, kind=TRADE, price=5.0, size=1.0)
    begun, resumed = station(), station()
    begun.step(Batch(1, ticks=ticks, watermark=start + 2))
    old = begun.snapshot()
    del old["builder"]["basis"], old["corrections"]
    held = {"time": np.array([1, 2])}
    found = migrated({KEY: 5, "stations": {"bars": old, "barrier": {"waiting": [{"bars": held}]}}})
    resumed.restore(found["stations"]["bars"])
    bars = resumed.step(Batch(2, watermark=start + 3 * SECOND)).bars
    assert (bars.close.tolist(), bars.basis.tolist()) == ([5.0] * 3, [1.0] * 3)
    np.testing.assert_array_equal(found["stations"]["barrier"]["waiting"][0]["bars"]["basis"], [1.0, 1.0])
