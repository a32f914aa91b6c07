"""The catalogue as JSON, kept in the store, so that readers know the columns without importing the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import msgspec

from dataflows.sinks.stores import OpenedStore
from features.catalogue import Group, column_fingerprint, fingerprint

CATALOGUE: Final = "catalogue"


def describe(store: OpenedStore, groups: Sequence[Group]) -> None:
    """Put the catalogue into the store: as the newest, and under its fingerprint for the rows that were made by it."""
    text = catalogue_json(groups)
    store.put_meta(CATALOGUE, text)
    store.put_meta(f"{CATALOGUE}:{fingerprint(groups)}", text)
    store.flush()


def catalogue_json(groups: Sequence[Group]) -> str:
    """Return fingerprint and columns, in the order of a feature row's values; infinite bounds are null."""
    columns = [_row(group, position) for group in groups for position in range(len(group.columns))]
    return msgspec.json.encode({"fingerprint": fingerprint(groups), "columns": columns}).decode()


def _row(group: Group, position: int) -> dict[str, Any]:
    column = group.columns[position]
    place = {"family": str(group.family), "group": group.name, "stage": str(group.stage)}
    return {**asdict(column), **place, "fingerprint": column_fingerprint(group, column)}
