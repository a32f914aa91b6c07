"""What a batch brings to each table, as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.batch import Batch, DeadLetter, Stamps
from schema.alerts import Alert
from schema.bars import Bars
from schema.events import Decision, Event
from schema.features import FeatureRows
from schema.outcomes import Basis, Outcomes, Score
from schema.predictions import Direction, Predictions, Risk
from schema.reasons import Verdict
from schema.tables import CHALLENGER_PREDICTIONS, SCORES
from schema.ticks import HEARTBEAT, KINDS, TRADE, UNKNOWN_KIND, Ticks, count

Origin = Callable[[np.ndarray, np.ndarray], tuple[list[str], np.ndarray, np.ndarray]]
Columns = dict[str, Any]
Names = NDArray[np.object_]  # by id or index

_TICK_FIELDS = ("ts_recv", "price", "size", "bid", "bid_size", "ask", "ask_size", "side", "conditions", "sequence")
_BAR_FIELDS = (
    "time", "start", "open", "high", "low", "close", "volume", "notional", "trades", "quotes", "bid", "bid_size",
    "ask", "ask_size", "mid", "flags", "phase",
)  # fmt: skip
_KIND_NAMES = np.full(256, "unknown", object)
_KIND_NAMES[TRADE : HEARTBEAT + 1] = sorted(KINDS, key=lambda kind: KINDS[kind])
_KIND_NAMES[UNKNOWN_KIND] = "unknown"
_DIRECTIONS = np.array([d.name.lower() for d in sorted(Direction)], object)
_BASES = np.array([b.name.lower().replace("_", "-") for b in sorted(Basis)], object)
_RISKS = np.array([r.name.lower() for r in sorted(Risk)], object)


def origin_columns(origin: Origin, lane: np.ndarray, offset: np.ndarray, index: np.ndarray) -> Columns:
    """Return where rows came from, as a person can look it up."""
    source, partition, position = origin(lane, offset)
    return {"source": source, "partition": partition, "offset": position, "message_index": index}


def bar_columns(bars: Bars, symbols: Names, timeframes: Names) -> Columns:
    """Return rows of `bars`."""
    return {name: getattr(bars, name) for name in _BAR_FIELDS} | _series(bars, symbols, timeframes)


def _series(bars: Bars, symbols: Names, timeframes: Names) -> Columns:
    return {
        "symbol": symbols[bars.symbol],
        "timeframe": timeframes[bars.timeframe],
        "bar_sequence": bars.sequence,
    }


def feature_columns(
    bars: Bars, features: FeatureRows, rows: Any, fingerprint: str, symbols: Names, timeframes: Names
) -> Columns:
    """Return rows of `features` for the given rows of the bars (a mask)."""
    chosen = {name: column[rows] for name, column in (_series(bars, symbols, timeframes)).items()}
    return {
        "time": bars.time[rows],
        **chosen,
        "fingerprint": [fingerprint] * len(chosen["symbol"]),
        "validity": features.why[rows],
        "values": features.values[rows],
    }


def prediction_columns(
    predictions: Predictions, bars: Bars, stamps: Stamps, origin: Origin, first: int, symbols: Names, timeframes: Names
) -> Columns:
    """Return rows of `predictions`, numbered from output sequence `first` on."""
    p, n = predictions, len(predictions.time)
    constant = {
        "horizon": p.horizon, "model_version": p.model_version, "fingerprint": p.fingerprint, "tier": p.tier,
        "received": stamps.received, "closed": stamps.closed, "features_ready": stamps.features_ready,
        "inference_started": p.inference_started, "inference_done": p.inference_done, "enqueued": stamps.enqueued,
    }  # fmt: skip
    same = {
        name: getattr(p, name)
        for name in (
            "time", "bar_sequence", "current_price", "predicted_price", "expected_return", "volatility", "p_down",
            "p_sideways", "p_up", "confidence",
        )
    }  # fmt: skip
    return {
        **same,
        **{name: [value] * n for name, value in constant.items()},
        "symbol": symbols[p.symbol],
        "timeframe": timeframes[p.timeframe],
        "sequence": np.arange(first, first + n),
        "direction": _DIRECTIONS[p.direction + 1],
        "risk_level": _RISKS[p.risk],
        "members": _members(p),
        "path": [b""] * n if p.path is None else [row.tobytes() for row in p.path],
        **origin_columns(origin, bars.lane[p.row], bars.offset[p.row], bars.index[p.row]),
    }


def challenger_columns(predictions: Predictions, bars: Bars, symbols: Names, timeframes: Names) -> Columns:
    """Return rows of `challenger_predictions`."""
    columns = prediction_columns(predictions, bars, Stamps(), _nowhere, 0, symbols, timeframes)
    return {name: columns[name] for name in CHALLENGER_PREDICTIONS.columns}


def _nowhere(lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    return [""] * len(lane), lane, offset


def outcome_columns(outcomes: Outcomes, symbols: Names, timeframes: Names) -> Columns:
    """Return rows of `outcomes`: label -1 down, 0 sideways, 1 up, none where there is none."""
    rows, n = outcomes.rows, len(outcomes.rows)
    return {
        "time": rows["time"], "symbol": symbols[rows["symbol"]],
        "timeframe": [timeframes[outcomes.timeframe]] * n, "bar_sequence": rows["sequence"],
        "horizon": [outcomes.horizon] * n, "model_version": [outcomes.version] * n,
        "realised_return": rows["realised"].astype(np.float64),
        "label": [label - 1 if label >= 0 else None for label in rows["label"].tolist()],
        "basis": _BASES[rows["basis"]], "known_at": rows["known_at"], "expected_return": rows["expected"],
        "brier": rows["brier"], "log_loss": rows["log_loss"],
    }  # fmt: skip


def score_columns(scores: Sequence[Score], timeframes: Names) -> Columns:
    """Return rows of `scores`."""
    roles = ["challenger" if score.challenger else "champion" for score in scores]
    floats = [name for name, kind in SCORES.columns.items() if kind == "float"]
    return {
        **{name: np.array([getattr(score, name) for score in scores], np.float64) for name in floats},
        **{name: [getattr(score, name) for score in scores]
           for name in ("time", "horizon", "since", "predictions", "labelled", "directional")},
        "timeframe": [timeframes[score.timeframe] for score in scores],
        "model_version": [score.version for score in scores], "role": roles,
    }  # fmt: skip


def alert_columns(alerts: Sequence[Alert], symbols: Names, timeframes: Names) -> Columns:
    """Return rows of `alerts`; the symbol is empty where an alert is of a timeframe as a whole."""
    encode = msgspec.json.Encoder().encode  # writes NaN as null
    return {
        "time": [alert.time for alert in alerts],
        "kind": [str(alert.kind) for alert in alerts],
        "symbol": [symbols[alert.symbol] if alert.symbol >= 0 else "" for alert in alerts],
        "timeframe": [timeframes[alert.timeframe] for alert in alerts],
        "details": [encode({"state": str(alert.state), **alert.details}).decode() for alert in alerts],
    }


def _members(predictions: Predictions) -> list[str]:
    """Return each row's member votes as JSON; what isn't finite is null."""
    n = len(predictions.time)
    if not (n and predictions.members):
        return ["{}"] * n
    votes = [_votes(name, np.round(vote, 6)) for name, vote in predictions.members.items()]
    return ["{" + ",".join(row) + "}" for row in zip(*votes)]


def _votes(name: str, vote: np.ndarray) -> list[str]:
    """Return one member's part of the JSON of each row: all are encoded in one call and then cut."""
    encode = msgspec.json.Encoder().encode  # writes NaN as null
    key, cells = encode(name).decode(), encode(vote.tolist()).decode()
    return [f"{key}:[{numbers}]" for numbers in cells[2:-2].split("],[")]


def tick_columns(ticks: Ticks, verdict: Verdict, symbols: Names, origin: Origin) -> Columns:
    """Return rows of `ticks`, and of `late_ticks` but for its watermark."""
    return {
        "time": ticks.ts_event,
        **{name: getattr(ticks, name) for name in _TICK_FIELDS},
        "symbol": np.where(ticks.symbol >= 0, symbols[ticks.symbol], "") if len(symbols) else [""] * count(ticks),
        "kind": _KIND_NAMES[ticks.kind],
        "verdict": [int(verdict)] * count(ticks),
        **origin_columns(origin, ticks.lane, ticks.offset, ticks.index),
    }


def dead_columns(letters: Sequence[DeadLetter], origin: Origin) -> Columns:
    """Return rows of `dead_letters`."""
    return {
        "time": [letter.time for letter in letters],
        "symbol": [letter.symbol for letter in letters],
        "reason": [str(letter.reason) for letter in letters],
        "found": [letter.found for letter in letters],
        "expected": [letter.expected for letter in letters],
        **_dead_origin(letters, origin),
    }


def dead_tick_columns(letters: Sequence[DeadLetter], origin: Origin) -> Columns:
    """Return rows of `ticks` that only say which ticks died: what they held is in `dead_letters`."""
    return {
        "time": [letter.time for letter in letters],
        "symbol": [letter.symbol for letter in letters],
        "verdict": [int(Verdict.DEAD)] * len(letters),
        **_dead_origin(letters, origin),
    }


def _dead_origin(letters: Sequence[DeadLetter], origin: Origin) -> Columns:
    places = np.array([(letter.lane, letter.offset, letter.index) for letter in letters], np.int64)
    return origin_columns(origin, places[:, 0], places[:, 1], places[:, 2])


def decision_columns(decisions: Sequence[Decision]) -> Columns:
    """Return rows of `decisions`."""
    return {
        "time": [decision.time for decision in decisions],
        "kind": [str(decision.kind) for decision in decisions],
        "subject": [decision.subject for decision in decisions],
        "timeframe": [decision.timeframe for decision in decisions],
        "details": [_details(decision) for decision in decisions],
    }


def event_columns(events: Sequence[Event], origin: Origin) -> Columns:
    """Return rows of `events`."""
    places = np.array([(event.lane, event.offset) for event in events], np.int64)
    return {
        "time": [event.ts_event for event in events],
        "kind": [str(event.kind) for event in events],
        "symbol": [event.symbol for event in events],
        "details": [_details(event) for event in events],
        **origin_columns(origin, places[:, 0], places[:, 1], np.zeros(len(events), np.int64)),
    }


def _details(message: Decision | Event) -> str:
    return msgspec.json.encode(message.details, order="sorted").decode()


def is_empty(batch: Batch) -> bool:
    """Return whether a batch brings nothing to any table."""
    return not (
        len(batch.bars.time) or len(batch.late.ts_event) or batch.dead or batch.decisions or batch.events
        or batch.predictions or batch.shadows or batch.outcomes or batch.scores
        or batch.alerts
    )  # fmt: skip
