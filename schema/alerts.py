"""Alerts: what is out of the ordinary in the market, or in what the champion sees and says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from schema.ticks import NO_SYMBOL
from schema.times import iso


class AlertKind(StrEnum):
    """What an alert is about."""

    RETURN_OUTLIER = "return_outlier"  # a return far from the series' usual ones
    JUMP = "jump"  # a return far from those right before it
    VOLUME_OUTLIER = "volume_outlier"
    SPREAD_OUTLIER = "spread_outlier"
    REGIME_CHANGE = "regime_change"  # volatility of all symbols, against their own of late
    FEATURE_DRIFT = "feature_drift"  # what the champion sees isn't what it was trained on
    PREDICTION_DRIFT = "prediction_drift"  # what it says isn't what it said then
    DRIFT_PERSISTS = "drift_persists"  # long enough to want a challenger
    SUPPRESSED = "suppressed"  # more was raised in a minute than is told


class AlertState(StrEnum):
    """An alert is raised once and cleared once; two kinds only happen."""

    RAISED = "raised"
    CLEARED = "cleared"
    HAPPENED = "happened"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert at a bar time."""

    time: int  # ns UTC
    kind: AlertKind
    state: AlertState
    timeframe: int  # index into the configured timeframes
    symbol: int = NO_SYMBOL  # the universe's id; NO_SYMBOL: of the timeframe as a whole
    details: dict[str, Any] = field(default_factory=dict)


def alert_message(row: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a row of the table `alerts` into what subscribers of the channel `alerts` read; `symbol` may be ""."""
    details = msgspec.json.decode(row["details"])
    return {
        "timestamp": iso(row["time"]), "kind": row["kind"], "state": details.pop("state"), "symbol": row["symbol"],
        "timeframe": row["timeframe"], "details": details,
    }  # fmt: skip


def active_message(timeframe: str, version: str, before: str, time: int) -> dict[str, Any]:
    """Return what subscribers of the channel `models.active` read: who speaks for a timeframe from a bar time on."""
    return {"timeframe": timeframe, "model_version": version, "before": before or None, "since": iso(time)}
