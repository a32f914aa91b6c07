"""Lines about latency, pauses and checkpoints, from windows that were played."""

from __future__ import annotations

import numpy as np

from benchmarks.live.closing import Percentiles, percentiles
from benchmarks.live.results import Line, Point
from benchmarks.live.samples import between, each
from benchmarks.live.session import Window

Heard = dict[str, np.ndarray]


def point(window: Window, heard: Heard) -> Point | None:
    """Return a window's place on a curve, None where nothing was predicted."""
    found = window.latencies(heard)
    from_due = percentiles(found.from_due)
    if from_due is None:
        return None
    return Point(window.rate, from_due, percentiles(found.from_end), found.missing, window.cores)


def lines(what: str, tables: str, window: Window, heard: Heard, target: str, with_end: bool) -> list[Line]:
    """Return the line of a window's latencies, and one that counts from the bars' ends."""
    found = point(window, heard)
    if found is None:
        return [Line(what, tables, "no prediction was heard", target)]
    together = window.together(heard)
    many = f"; {np.median(together):,.0f} bars close together in the median, at most {together.max():,.0f}"
    overtaken = f"; {found.overtaken:,} overtaken" if found.overtaken else ""
    answer = [Line(what, tables, _text(found.from_due) + many + overtaken, target, _values(found.from_due))]
    if with_end and found.from_end is not None:
        name = "the same, from the bar's end (100 ms of reorder bound in it)"
        answer.append(Line(name, tables, _text(found.from_end), "", _values(found.from_end)))
    return answer


def pauses(window: Window, tables: str) -> list[Line]:
    """Return how long passes of ticks alone took, and cuts of checkpoints, over a window."""
    before, after = window.scrapes[0], window.scrapes[-1]
    found = []
    for part, what in (
        ("ticks_flushing", "pass of ticks alone while the store is flushed"),
        ("ticks", "pass of ticks alone while it isn't"),
        ("bars", "pass that closes bars"),
    ):
        passes = after.of("pass_seconds_count", part=part) - before.of("pass_seconds_count", part=part)
        shares = {name: between(before, after, "pass_seconds", q, part=part) for name, q in _SHARES.items()}
        values = {f"{name}_ms": None if s is None else s * 1e3 for name, s in shares.items()} | {"passes": passes}
        measured = ", ".join(f"{name} {_ms(values[f'{name}_ms'])}" for name in _SHARES) + f" of {passes:,.0f} passes"
        found.append(Line(what, tables, measured if passes else "none", "", values))
    return [*found, _checkpoints(window, tables)]


def _checkpoints(window: Window, tables: str) -> Line:
    cuts = np.array(each(window.scrapes, "checkpoint_seconds")) * 1e3
    what, target = "stall at a checkpoint", "p99 20 ms"
    if not len(cuts):
        return Line(what, tables, "none was cut", target)
    p50, p99 = np.percentile(cuts, (50, 99)).tolist()
    size = window.scrapes[-1].of("checkpoint_bytes") / 1e6
    measured = f"p50 {_ms(p50)}, p99 {_ms(p99)} of {len(cuts)} cuts, {size:,.0f} MB each"
    return Line(what, tables, measured, target, {"p50_ms": p50, "p99_ms": p99, "cuts": len(cuts), "megabytes": size})


_SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def _text(p: Percentiles) -> str:
    return f"p50 {_ms(p.p50)}, p99 {_ms(p.p99)}, p99.9 {_ms(p.p999)}, worst {_ms(p.worst)} of {p.n:,}"


def _values(p: Percentiles) -> dict[str, float]:
    return {"p50_ms": p.p50, "p99_ms": p.p99, "p99.9_ms": p.p999, "worst_ms": p.worst, "predictions": p.n}


def _ms(value: float | None) -> str:
    if value is None:
        return "beyond 1 s"
    return f"{value:,.2f} ms" if value < 10 else f"{value:,.0f} ms"
