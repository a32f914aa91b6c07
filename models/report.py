"""`training_report.md` of a version."""

from __future__ import annotations

import datetime as dt
from typing import Any

from models.metadata import Metadata

_SCORES = ("nll", "mae_bps", "r2_zero", "directional_accuracy", "directional_coverage", "brier", "log_loss",
           "information_coefficient")  # fmt: skip


def write_report(metadata: Metadata) -> str:
    """Return the report in Markdown: data, scores beside the baselines, members, columns."""
    data, metrics = metadata.data, metadata.metrics
    slices = [
        f"| {name} | {_time(first)} | {_time(last)} | {rows:,} |" for name, (first, last, rows) in data.slices.items()
    ]
    basis = (
        f"`trade-price` on {data.trade_price_share:.1%} of the labels, mid on the others"
        if data.trade_price_share
        else "mid"
    )
    intervals = next(iter(metrics["models"].values()))["intervals"].get("nll")
    lines = [
        f"# {metadata.version}",
        "",
        f"Timeframe {metadata.timeframe}, served horizon {metadata.primary} of 1 .. {metadata.horizons} bars, "
        f"{data.rows:,} rows of {data.symbols} symbols, labels: {basis}.",
        f"Trained by commit {metadata.commit or 'unknown'} at {metadata.created}.",
        "",
        "| slice | first bar | last bar | labelled rows |",
        "| --- | --- | --- | --- |",
        *slices,
        "",
        f"## Test slice: {metrics['rows']:,} rows, {metrics['days']} days, {metrics['zero_returns']:.1%} zero returns",
        "",
        f"| forecaster | {' | '.join(_SCORES)} |",
        f"| --- |{' --- |' * len(_SCORES)}",
        *(_row(name, scores) for name, scores in metrics["models"].items()),
        *(_row(f"naive: {name}", scores) for name, scores in metrics["baselines"].items()),
        "",
        f"95 % interval of the first row's nll over days: {_interval(intervals)}.",
        "",
        "## Members",
        "",
        *(_member(name, member.kind, member.weight, member.variance_scale, member.class_map, bool(member.mean_map))
          for name, member in metadata.members.items()),
        "",
        f"## {len(metadata.columns)} columns, fingerprint {metadata.fingerprint}",
        "",
        ", ".join(f"`{c.name}`" + (" (required)" if c.required else "") for c in metadata.columns),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _time(ns: int) -> str:
    return dt.datetime.fromtimestamp(ns / 1e9, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _row(name: str, scores: dict[str, Any]) -> str:
    cells = ["" if (value := scores.get(key)) is None else f"{value:.4g}" for key in _SCORES]
    return f"| {name} | {' | '.join(cells)} |"


def _interval(interval: list[float] | str | None) -> str:
    return f"{interval[0]:.4g} .. {interval[1]:.4g}" if isinstance(interval, list) else str(interval)


def _member(
    name: str, kind: str, weight: float, scale: float, class_map: tuple[float, float, float], derived: bool
) -> str:
    other = "; horizons other than the served one are derived" if derived else ""
    shape = ", ".join(f"{value:.3g}" for value in class_map)
    return f"- `{name}` ({kind}), weight {weight:g}, variance scale {scale:.3g}, class map ({shape}){other}"
