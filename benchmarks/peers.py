"""The same columns of the same bars by others: ns a row of our kernels, TA-Lib, talipp, polars and tsfresh.

    python -m benchmarks.peers

Rows are bars of 1,000 seeded symbols, one batch a bar. Each peer is compared on the columns that it has (named in the
answer), and called the quickest way we know; ours are charged with whole groups, columns that the peer lacks included.
Counted is processor time, the peers' conversion to our ratios is not: they give bare averages, bands and lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.peer_packages import provide

provide()

from benchmarks import peer_others, peer_talib  # noqa: E402 (they import what was provided)
from benchmarks.peer_bars import SYMBOLS, ours  # noqa: E402

Peer = tuple[str, set[str], Callable[[], float]]


def peers() -> list[Peer]:
    """Return each peer's name, the columns it has, and what measures ns a row of it."""
    talib, talipp = set(peer_talib.calls()), {*peer_others.OF_CLOSE, *peer_others.OF_BARS}
    return [
        ("TA-Lib streaming handles", talib, peer_talib.handles),
        ("TA-Lib opened over the window", talib, peer_talib.windows),
        ("talipp", talipp, peer_others.talipp),
        ("polars over the window", set(peer_others.POLARS), peer_others.polars),
        ("tsfresh calculators", set(peer_others.TSFRESH), peer_others.tsfresh),
    ]


def compare(columns: set[str], peer: Callable[[], float]) -> dict[str, Any]:
    """Return ns a row of both, and by how much the peer's row, and its column, takes longer."""
    own, written = ours(columns)
    theirs = peer()
    return {
        "columns": len(columns), "written": written, "ours_ns": own, "peer_ns": theirs, "times_a_row": theirs / own,
        "times_a_column": theirs / len(columns) / (own / written), "names": sorted(columns),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    found = {name: compare(columns, measure) for name, columns, measure in peers()}
    print(
        json.dumps(
            {"symbols": SYMBOLS, "peers": found, "least_times_a_row": min(p["times_a_row"] for p in found.values())}
        )
    )


if __name__ == "__main__":
    main()
