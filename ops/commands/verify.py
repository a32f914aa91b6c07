"""`undertone verify`: two runs are equal, or where they first differ."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataflows import verify as stores
from dataflows.certificate import FILE_NAME, Certificate, first_difference
from dataflows.stored import Place
from ops.errors import CommandFailed, UsageError
from ops.settings import Settings
from ops.tables import print_json


def run(settings: Settings, *, json: bool, first: str, second: str) -> int:
    """Compare two certificates (files, or folders that hold one) or two stores. Exit code 1 where they differ."""
    of_stores = [side.startswith(("sqlite:", "questdb:")) for side in (first, second)]
    try:
        if all(of_stores):
            answer = _stores(first, second)
        elif not any(of_stores):
            answer = _certificates(_read(first), _read(second))
        else:
            raise UsageError(f"verify: {first} and {second}: give two stores or two certificates, not one of each")
    except ValueError as error:
        raise CommandFailed(f"verify: {error}") from None
    if json:
        print_json(answer)
    elif answer["equal"]:
        print(f"equal: {answer['compared']}")
    else:
        print(f"different: {answer['difference']}")
    return 0 if answer["equal"] else 1


def _stores(first: str, second: str) -> dict[str, Any]:
    difference, equal = stores.first_difference(Place.parse(first), Place.parse(second))
    compared = ", ".join(f"{n:,} rows of {table}" for table, n in equal.items())
    return {
        "equal": difference is None,
        "compared": compared,
        "difference": None if difference is None else str(difference),
        "place": None if difference is None else asdict(difference),
    }


def _certificates(first: Certificate, second: Certificate) -> dict[str, Any]:
    pair = first_difference(first, second)
    if pair is None and first.digest != second.digest:
        lanes = f"the certificates were made with {first.lanes} and {second.lanes} lanes"
        return {"equal": False, "compared": "", "difference": lanes, "place": None}
    compared = f"certificate {first.digest}, {len(first.entries):,} entries"
    if pair is None:
        return {"equal": True, "compared": compared, "difference": None, "place": None}
    entry = pair[0] or pair[1]
    assert entry is not None
    rows = [side.rows if side is not None else 0 for side in pair]
    difference = (
        f"{entry.kind}: symbol {entry.symbol}, timeframe {entry.timeframe}, day {entry.day}: {rows[0]:,} and "
        f"{rows[1]:,} rows with other hashes; compare their stores to find bar and column"
    )
    return {"equal": False, "compared": compared, "difference": difference, "place": asdict(entry)}


def _read(text: str) -> Certificate:
    path = Path(text)
    path = path / FILE_NAME if path.is_dir() else path
    if not path.is_file():
        raise CommandFailed(
            f"verify: {path}: there is no such certificate; expected a file, a folder with {FILE_NAME}, or sqlite:///…"
        )
    return Certificate.read(path)
