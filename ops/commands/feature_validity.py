"""`undertone features validity`: how often each column is undefined over recorded ticks, for which reason, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from dataflows.assembly.feature_groups import groups_of
from dataflows.history import feature_history
from dataflows.inspection.feature_validity import REASONS, Validity, count_validity, words
from dataflows.inspection.validity_reasons import explanation
from ops.commands.tick_files import followed, tick_files
from ops.drain import Drain
from ops.provenance import markdown_table, provenance, write_page
from ops.settings import Settings
from ops.tables import print_json, print_table
from schema.reasons import Why

SHOWN: Final = 0.01  # share of rows from which on the page explains a reason


def run(
    settings: Settings, *, json: bool, drain: Drain, files: list[Path], start: int | None, end: int | None,
    write: Path | None,
) -> int:  # fmt: skip
    """Replay and print. Exit code 1 where a value is undefined and no sentence says why."""
    source = tick_files(settings, files, start, end)
    with followed(drain, quiet=json) as on_read:
        history = feature_history(settings, source, on_read)
        counts = count_validity(history, groups_of(settings), settings.bars.timeframes)
    if json:
        print_json({"complete": not drain.asked, "timeframes": [_answer(count) for count in counts]})
    else:
        for count in counts:
            _print(count)
    if write is not None and not drain.asked:
        write_page(write, "Where features are undefined, and why", list(_page(counts, files)))
    return 1 if any(count.unexplained for count in counts) else 0


def _shares(counts: np.ndarray, rows: int) -> list[float]:
    return [float(count) / max(rows, 1) for count in counts]


def _answer(count: Validity) -> dict[str, Any]:
    columns = {}
    for at in _worst_first(count):
        by_reason = {
            words(why): share for why, share in zip(REASONS, _shares(count.by_reason[:, at], count.rows)) if share
        }
        share = float(count.undefined[at]) / max(count.rows, 1)
        columns[count.columns[at][1].name] = {"undefined": share, "by_reason": by_reason}
    return {
        "timeframe": count.timeframe, "rows": count.rows, "rows_without_trade": count.empty,
        "totals": dict(zip(map(words, REASONS), _totals(count))), "columns": columns,
        "never_valid": list(count.never_valid), "unexplained": [" ".join(found) for found in count.unexplained],
    }  # fmt: skip


def _worst_first(count: Validity) -> list[int]:
    """Return the columns, the one most often undefined first, equal ones in the order of a feature row."""
    order: list[int] = np.argsort(-count.undefined, kind="stable").tolist()
    return order


def _totals(count: Validity) -> list[float]:
    """Return each reason's share of all cells."""
    return _shares(count.by_reason.sum(axis=1), count.rows * len(count.columns))


def _rows(count: Validity) -> Iterator[list[object]]:
    for at in _worst_first(count):
        shares = _shares(count.by_reason[:, at], count.rows)
        total = float(count.undefined[at]) / max(count.rows, 1)
        yield [count.columns[at][1].name, f"{total:.2%}", *(f"{share:.2%}" if share else "" for share in shares)]


def _print(count: Validity) -> None:
    head = ("column", "undefined", *map(words, REASONS))
    print(f"{count.timeframe}: {count.rows:,} rows, {count.empty:,} of them without a trade")
    print_table(head, _rows(count))
    undefined = float(count.undefined.sum()) / max(count.rows * len(count.columns), 1)
    print_table(head, [["all cells", f"{undefined:.2%}", *(f"{share:.2%}" for share in _totals(count))]])
    print(f"never valid: {', '.join(count.never_valid) or 'none'}")
    print(f"unexplained: {', '.join(' '.join(found) for found in count.unexplained) or 'none'}\n")


def _page(counts: list[Validity], files: list[Path]) -> Iterator[str]:
    yield (
        f"Written by `undertone features validity` over {', '.join(f'`{path.name}`' for path in files)}; not checked "
        "for freshness. Shares are of all rows, before the open and after hours included. A cell may carry two "
        "reasons. `not converged` marks a number, all others go with NaN. Every reason that a column met is explained "
        "in `dataflows/inspection/validity_reasons.py`; the list of unexplained ones must be empty."
    )
    yield provenance()
    for count in counts:
        yield from _section(count)


def _section(count: Validity) -> Iterator[str]:
    undefined = float(count.undefined.sum()) / max(count.rows * len(count.columns), 1)
    yield f"## {count.timeframe}"
    yield (
        f"{count.rows:,} rows, {count.empty / max(count.rows, 1):.1%} of them bars without a trade; "
        f"{len(count.columns)} columns, {undefined:.1%} of all cells undefined."
    )
    yield markdown_table(
        {"reason": "---", "of all cells": "---:"},
        [[words(why), f"{share:.2%}"] for why, share in zip(REASONS, _totals(count))],
    )
    yield f"Unexplained: {', '.join(' '.join(found) for found in count.unexplained) or 'none'}."
    yield f"Never valid: {', '.join(f'`{name}`' for name in count.never_valid) or 'none'}."
    yield f"### Undefined in more than {SHOWN:.0%} of {count.timeframe} rows for another reason than warming up"
    yield markdown_table(
        {"reason": "---", "why": "---", "columns, share of rows": "---", "in bars without a trade": "---:"},
        list(_explained(count)),
    )


def _explained(count: Validity) -> Iterator[list[object]]:
    """Yield a row a reason and sentence with the columns it is about, the commonest first."""
    found: dict[tuple[Why, str], list[int]] = {}
    for why, met in zip(REASONS, count.by_reason):
        if why not in (Why.WARMING_UP, Why.NOT_CONVERGED):
            for at in np.flatnonzero(met > SHOWN * count.rows).tolist():
                found.setdefault((why, explanation(*count.columns[at], why) or "unexplained"), []).append(at)
    for (why, sentence), columns in sorted(found.items(), key=lambda item: (item[0][0], -len(item[1]))):
        met, empty = count.by_reason[REASONS.index(why)], count.in_empty[REASONS.index(why)]
        columns.sort(key=lambda at: -met[at])
        named = ", ".join(f"`{count.columns[at][1].name}` {met[at] / count.rows:.1%}" for at in columns)
        yield [words(why), sentence, named, f"{empty[columns].sum() / met[columns].sum():.0%}"]
