"""`undertone features list` and `show`: the catalogue as the settings switch it on."""

from __future__ import annotations

import difflib
from dataclasses import asdict

from features.catalogue import Column, Group, column_fingerprint, documentation, fingerprint
from features.families import configured
from ops.errors import CommandFailed
from ops.settings import Settings
from ops.tables import print_json, print_table


def list_columns(settings: Settings, json: bool) -> int:
    """Print the columns of the configured families in the order of a feature row."""
    groups = configured_groups(settings)
    rows = [(group, column) for group in groups for column in group.columns]
    if json:
        columns = [_described(group, column) for group, column in rows]
        print_json({"fingerprint": fingerprint(groups), "columns": columns})
    else:
        cells = [(c.name, g.family, c.driver, c.window or "-", c.warm_up, c.unit, c.formula) for g, c in rows]
        print_table(("name", "family", "driver", "window", "warm-up", "unit", "formula"), cells)
        print(f"{len(rows)} columns in {len(groups)} groups, fingerprint {fingerprint(groups)}")
    return 0


def show(settings: Settings, json: bool, name: str) -> int:
    """Print one column's row and its module's docstring."""
    columns = {column.name: (group, column) for group in configured_groups(settings) for column in group.columns}
    if name not in columns:
        near = difflib.get_close_matches(name, columns, n=1, cutoff=0.4)
        advice = f"the nearest known one is {near[0]}" if near else "`undertone features list` shows the known ones"
        raise CommandFailed(f"feature {name!r} is not in the catalogue; {advice}")
    group, column = columns[name]
    if json:
        print_json(_described(group, column))
    else:
        print_table(("field", "value"), _described(group, column).items())
        print(f"\n{documentation(group)}")
    return 0


def configured_groups(settings: Settings) -> tuple[Group, ...]:
    """Return the groups of the configured families and modules. Raises FeaturesNotLoaded."""
    return configured(settings.features.families, settings.features.modules)


def _described(group: Group, column: Column) -> dict[str, object]:
    row: dict[str, object] = {**asdict(column), "family": group.family, "group": group.name, "stage": group.stage}
    row["range"] = [str(bound) for bound in column.range]
    row["fingerprint"] = column_fingerprint(group, column)
    return row
