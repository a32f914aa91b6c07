"""`undertone features diff`: what was computed online is what a replay computes, or where it is not."""

from __future__ import annotations

from dataclasses import asdict

from dataflows.inspection.feature_diff import NotComparable, feature_diff
from dataflows.stored import Place
from ops.errors import CommandFailed
from ops.settings import Settings
from ops.tables import print_json, print_table


def run(settings: Settings, *, json: bool, store: str) -> int:
    """Compare and print. Exit code 1 where a cell or a row differs, or there was nothing to compare."""
    try:
        found = feature_diff(settings, Place.parse(store, "live"))
    except NotComparable:
        raise
    except ValueError as error:
        raise CommandFailed(f"features diff: {error}; a run stores what is needed with store.ticks=true") from None
    if json:
        print_json({**asdict(found), "equal": found.nothing})
    elif found.nothing:
        print(f"equal: {found.rows:,} rows, {found.cells:,} cells, to the bit")
    else:
        print(
            f"different: {sum(found.columns.values()):,} of {found.cells:,} cells in {found.rows:,} rows; "
            f"{found.only_stored:,} rows only stored, {found.only_replayed:,} only replayed"
        )
        print_table(("column", "cells"), sorted(found.columns.items(), key=lambda pair: -pair[1]))
        print(found.first or "no row was compared: store.features_from_s and bars.timeframes say which are stored")
    return 0 if found.nothing else 1
