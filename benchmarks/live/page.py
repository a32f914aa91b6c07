"""The card: tables in Markdown."""

from __future__ import annotations

from typing import Final

from benchmarks.live.results import Line, Point, Results

FIGURE: Final = "live.png"
_CURVE: Final = (
    "ticks/s", "p50 ms", "p99 ms", "p99.9 ms", "from the bar's end, p50 / p99 ms", "predictions", "overtaken", "cores",
)  # fmt: skip


def page(results: Results, head: str, with_figure: bool) -> str:
    """Return the card."""
    parts = [head, "", *table(results.lines)]
    for name, curve in results.curves.items():
        parts += ["", f"Latency against load, {name}:", "", *curve_table(curve)]
    if with_figure and results.curves:
        parts += ["", f"![p50 and p99 against the load]({FIGURE})"]
    parts += [line for note in results.notes for line in ("", f"Not measured: {note}")]
    return "\n".join(parts)


def table(lines: list[Line]) -> list[str]:
    """Return the lines as a table."""
    rows = [[line.what, line.tables, line.measured, line.target] for line in lines]
    return _rows(["what", "stored", "measured", "target"], rows)


def curve_table(curve: list[Point]) -> list[str]:
    """Return a curve as a table, by rising load."""
    rows = []
    for point in sorted(curve, key=lambda point: point.rate):
        due, end = point.from_due, point.from_end
        from_end = "" if end is None else f"{end.p50:,.1f} / {end.p99:,.1f}"
        rows.append(
            [f"{point.rate:,.0f}", *(f"{value:,.1f}" for value in (due.p50, due.p99, due.p999)), from_end,
             f"{due.n:,}", f"{point.overtaken:,}", f"{point.cores:.2f}"]
        )  # fmt: skip
    return _rows(list(_CURVE), rows)


def _rows(head: list[str], rows: list[list[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
