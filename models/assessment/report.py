"""The report of an assessment in Markdown, for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_SCORES: Final = ("nll", "qlike", "crps_bps", "coverage_80", "coverage_95", "rmse_bps", "r2_zero", "brier", "log_loss")
_EARNED: Final = ("gross_bps_a_day", "spread_bps_a_day", "fee_bps_a_day", "net_bps_a_day", "turnover_a_day", "exposure",
                  "hit_rate", "drawdown")  # fmt: skip


def report(found: Mapping[str, Any]) -> str:
    """Return everything: verdict, directions, distributions, regimes, backtest."""
    of = found["of"]
    lines = [
        f"# {of}",
        "",
        f"{found['rows']:,} rows of {found['timeframe']} bars, horizon {found['horizon']}, {found['days']} days from "
        f"{_day(found['first'])} to {_day(found['last'])}, {found['zero_returns']:.1%} zero returns. None of them was "
        "fitted, stopped or calibrated on.",
        "",
        f"**{verdict(found)}**",
        "",
        "## Direction",
        "",
        *_table(("forecaster", "accuracy", "95 %", "of rows", "information coefficient", "95 %"),
                (_direction(name, scores) for name, scores in found["scores"].items()
                 if "directional_accuracy" in scores)),
        "## Return, variance and classes",
        "",
        *_table(("forecaster", *_SCORES), ([name, *(number(scores.get(key)) for key in _SCORES)]
                                           for name, scores in found["scores"].items())),
        f"## {of} by regime, known at the close",
        "",
        *_table(("regime", "rows", "accuracy", "95 %", "information coefficient", "nll", "log_loss"), _regimes(found)),
        backtest_report(found),
    ]  # fmt: skip
    return "\n".join(lines)


def backtest_report(found: Mapping[str, Any]) -> str:
    """Return what trading earned, pooled and by symbol."""
    costs, tests = found["trading"], found["backtests"]
    quoted = tests[found["of"]]["quoted"] if found["of"] in tests else 0.0
    lines = [
        "## After costs",
        "",
        f"Confidence of at least {costs['threshold']:g}; a direction is held for {found['horizon']} bars, as one of so "
        "many books that overlap, each with an equal share of a symbol's capital; symbols have equal capital. Returns "
        f"are on constant capital. Fee {costs['fee_bps']:g} bps of what is traded. {quoted:.1%} of the rows are filled "
        f"at the first quote {costs['latency_ms']:g} ms behind their bar's close, the others at the next bar's open "
        f"and half a spread of {costs['half_spread_bps']:g} bps. Left out: capacity, borrowing, financing.",
        "",
        *_table(("forecaster", *_EARNED, "net 95 %", "Sharpe a year", "above 0", f"of {costs['trials']} trials"),
                (_earned(name, one) for name, one in tests.items())),
        "bps a day are of capital. `above 0`: probability that the true Sharpe ratio is; `of N trials`: that it is "
        "above what the best of N without skill shows (deflated, Bailey and Lopez de Prado 2014).",
        "",
        f"### {found['of']} by symbol",
        "",
        *_table(("symbol", "rows", "accuracy", "95 % (Wilson)", "gross bps a day", "net bps a day", "turnover", "hits",
                 "Sharpe a year", "drawdown"), _symbols(found)),
    ]  # fmt: skip
    return "\n".join(lines)


def verdict(found: Mapping[str, Any]) -> str:
    """Say in two sentences whether the first forecaster beats the naive ones, and whether it earns its costs."""
    of, scores = found["of"], found["scores"]
    naive = {name: s["directional_accuracy"] for name, s in scores.items()
             if name.startswith("naive: ") and s.get("directional_accuracy") is not None}  # fmt: skip
    best = max(naive, key=lambda name: naive[name])
    ours, interval = scores[of].get("directional_accuracy"), scores[of]["intervals"].get("directional_accuracy")
    if ours is None:
        words = f"{of} names no direction"
    elif not isinstance(interval, list):
        words = f"{of} has {ours:.1%} of the directions right, {best} {naive[best]:.1%}; how sure that is: {interval}"
    elif interval[0] > naive[best]:
        words = f"{of} beats {best} in direction: {ours:.1%} ({span(interval)}) against {naive[best]:.1%}"
    else:
        words = f"{of} does not beat {best} in direction: {ours:.1%} ({span(interval)}) against {naive[best]:.1%}"
    earned = found["backtests"].get(of)
    if earned is None:
        return f"{words}."
    sure = earned["net_interval"]
    how = "" if not isinstance(sure, list) else f" ({span(sure)})"
    verb = "earns" if earned["net_bps_a_day"] > 0 else "loses"
    tail = ", which may be chance" if isinstance(sure, list) and sure[0] <= 0 < sure[1] else ""
    return f"{words}. After costs it {verb} {abs(earned['net_bps_a_day']):.2f} bps a day{how}{tail}."


def _direction(name: str, scores: Mapping[str, Any]) -> list[str]:
    intervals = scores["intervals"]
    return [name, number(scores["directional_accuracy"]), span(intervals.get("directional_accuracy")),
            f"{scores['directional_coverage']:.1%}", number(scores["information_coefficient"]),
            span(intervals.get("information_coefficient"))]  # fmt: skip


def _regimes(found: Mapping[str, Any]) -> Iterator[list[str]]:
    for kind, parts in found["regimes"].items():
        for name, one in parts.items():
            yield [f"{kind}: {name}", f"{one['rows']:,}", number(one["directional_accuracy"]),
                   span(one["intervals"].get("directional_accuracy")), number(one["information_coefficient"]),
                   number(one["nll"]), number(one["log_loss"])]  # fmt: skip


def _earned(name: str, one: Mapping[str, Any]) -> list[str]:
    return [name, *(number(one[key]) for key in _EARNED), span(one["net_interval"]), number(one["sharpe"]),
            number(one["probabilistic"]), number(one["deflated"])]  # fmt: skip


def _symbols(found: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, one in found["symbols"].items():
        yield [name, f"{one['rows']:,}", number(one["directional_accuracy"]), span(one["wilson"]),
               number(one["gross_bps_a_day"]), number(one["net_bps_a_day"]), number(one["turnover_a_day"]),
               number(one["hit_rate"]), number(one["sharpe"]), number(one["drawdown"])]  # fmt: skip


def _table(head: Sequence[str], rows: Iterator[list[str]]) -> list[str]:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def number(value: float | str | None) -> str:
    return value.split(":")[0] if isinstance(value, str) else "" if value is None else f"{value:.4g}"


def span(found: Sequence[float] | str | None) -> str:
    return f"{found[0]:.3g} .. {found[1]:.3g}" if isinstance(found, list) else number(found)  # type: ignore[arg-type]


def _day(ns: int) -> str:
    return dt.datetime.fromtimestamp(ns / 1e9, dt.UTC).strftime("%Y-%m-%d")
