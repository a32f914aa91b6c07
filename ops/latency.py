"""How long predictions take, stage by stage: from stored rows, from a running process's metrics, for one of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from schema.times import iso

STAMPS: Final = ("received", "closed", "features_ready", "inference_started", "inference_done", "enqueued")
_MS: Final = 1e-6  # of a nanosecond
_LIVE_MS: Final = 86_400_000.0  # a bar that ended longer ago is history: how late it was says nothing
# name, from, to; `time` is the bar's close by its own clock
SPANS: Final = (
    ("tick received -> bar closed", "received", "closed"),
    ("bar closed -> features", "closed", "features_ready"),
    ("features -> inference", "features_ready", "inference_started"),
    ("inference", "inference_started", "inference_done"),
    ("inference -> enqueued", "inference_done", "enqueued"),
    ("tick received -> enqueued", "received", "enqueued"),
    ("bar's end -> enqueued", "time", "enqueued"),
)
STAGES: Final = {
    "closed": "tick received -> bar closed",
    "features": "bar closed -> features",
    "inference_started": "features -> inference",
    "inference_done": "inference",
    "enqueued": "inference -> enqueued",
    "published": "enqueued -> published",
    "written": "enqueued -> written",
}
_WHOLE: Final = {"undertone_prediction_seconds": "tick received -> enqueued",
                 "undertone_close_seconds": "bar's end -> enqueued"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Percentiles of one way between two stages, in ms; of a histogram they are read between its bounds."""

    name: str
    count: int
    p50: float | None
    p90: float | None
    p99: float | None
    worst: float | None  # None where only a histogram is known


def of_rows(rows: Sequence[Mapping[str, Any]]) -> list[Span]:
    """Measure rows of the table `predictions`; those without stamps are left out."""
    stamped = [row for row in rows if all(row[name] for name in STAMPS)]
    spans = []
    for name, begin, end in SPANS:
        took = np.array([(row[end] - row[begin]) * _MS for row in stamped])
        if begin == "time":
            took = took[took < _LIVE_MS]
        p50, p90, p99, worst = np.percentile(took, (50, 90, 99, 100)).tolist() if len(took) else [None] * 4
        spans.append(Span(name, len(took), p50, p90, p99, worst))
    return spans


def of_metrics(text: str) -> list[Span]:
    """Measure the histograms that a dataflow process answers Prometheus with, since it began."""
    from prometheus_client.parser import text_string_to_metric_families

    buckets: dict[str, dict[float, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "undertone_stage_seconds_bucket":
                name = STAGES.get(sample.labels["stage"], sample.labels["stage"])
            elif sample.name.removesuffix("_bucket") in _WHOLE and sample.name.endswith("_bucket"):
                name = _WHOLE[sample.name.removesuffix("_bucket")]
            else:
                continue
            buckets.setdefault(name, {})[float(sample.labels["le"])] = sample.value
    ordered = [*STAGES.values(), *_WHOLE.values()]
    return [_of_buckets(name, buckets[name]) for name in ordered if name in buckets]


def gauges(text: str, names: Iterable[str]) -> dict[str, float]:
    """Return the value of some metrics, summed over their labels."""
    from prometheus_client.parser import text_string_to_metric_families

    wanted, found = {f"undertone_{name}": name for name in names}, dict[str, float]()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in wanted:
                found[wanted[sample.name]] = found.get(wanted[sample.name], 0.0) + sample.value
    return found


def _of_buckets(name: str, cumulative: Mapping[float, float]) -> Span:
    bounds = sorted(cumulative)
    total = cumulative[bounds[-1]] if bounds else 0.0
    counts = [cumulative[bound] for bound in bounds]
    p50, p90, p99 = (_ms(quantile(bounds, counts, share)) for share in (0.5, 0.9, 0.99))
    return Span(name, int(total), p50, p90, p99, None)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


def quantile(bounds: Sequence[float], cumulative: Sequence[float], share: float) -> float | None:
    """Return a quantile between a histogram's bounds, linearly; None of an empty one or beyond the last bound."""
    if not bounds or not cumulative[-1]:
        return None
    rank, lower, below = share * cumulative[-1], 0.0, 0.0
    for bound, count in zip(bounds, cumulative):
        if count >= rank:
            if math.isinf(bound):
                return None
            return lower + (bound - lower) * ((rank - below) / (count - below) if count > below else 0.0)
        lower, below = bound, count
    return None


@dataclass(frozen=True, slots=True)
class Moment:
    """A stage of one prediction."""

    stage: str
    at: str  # ISO-8601
    since_previous_ms: float | None
    since_received_ms: float | None


def timeline(row: Mapping[str, Any]) -> list[Moment]:
    """Return the stages of one row of `predictions`, the bar's own close first."""
    moments, previous = [Moment("bar's close (event time)", iso(row["time"]), None, None)], None
    for name in STAMPS:
        if at := row[name]:
            step = None if previous is None else (at - previous) * _MS
            moments.append(Moment(name, iso(at), step, (at - row["received"]) * _MS if row["received"] else None))
            previous = at
    return moments


def parse_id(prediction_id: str) -> dict[str, Any]:
    """Return the key that `schema.messages.prediction_id` made the text of.

    Raises ValueError where it is none. Activity timeframes (`tick:50`) have a colon of their own, and so may symbols.
    """
    try:
        series, time, bar_sequence, horizon, version = prediction_id.rsplit(":", 4)
        parts = 2 if series.startswith(("tick:", "volume:", "dollar:")) else 1
        *timeframe, symbol = series.split(":", parts)
        return {
            "time": int(time), "symbol": symbol, "timeframe": ":".join(timeframe), "bar_sequence": int(bar_sequence),
            "horizon": int(horizon), "model_version": version,
        }  # fmt: skip
    except ValueError:
        raise ValueError(
            f"prediction id {prediction_id!r} is none; expected timeframe:symbol:time:bar_sequence:horizon:version, as "
            "the API's prediction_id"
        ) from None
