"""`undertone features`: the catalogue, and the laws it must keep."""

from __future__ import annotations

import difflib
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from features.catalogue import Column, Group, column_fingerprint, documentation, fingerprint, registered
from features.families import load
from ops.errors import CommandFailed, ConfigurationError
from ops.settings import Settings
from ops.tables import print_json, print_table

LAWS = Path(__file__).resolve().parents[2] / "tests" / "laws"


def list_columns(settings: Settings, json: bool) -> int:
    """Print the columns of the configured families in the order of a feature row."""
    groups = _groups(settings)
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
    columns = {column.name: (group, column) for group in _groups(settings) for column in group.columns}
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


def check(settings: Settings, json: bool) -> int:
    """Check that the catalogue is well-formed, and run the laws over it where the project's tests are there."""
    groups = _groups(settings)
    passed = _laws_hold() if LAWS.is_dir() else None
    answer = {
        "columns": sum(len(group.columns) for group in groups),
        "fingerprint": fingerprint(groups),
        "laws": {True: "hold", False: "broken", None: f"not run: {LAWS} is not there"}[passed],
    }
    if json:
        print_json(answer)
    else:
        print(f"{answer['columns']} columns, fingerprint {answer['fingerprint']}, laws: {answer['laws']}")
    return 1 if passed is False else 0


def _laws_hold() -> bool:
    command = [sys.executable, "-m", "pytest", "-q", str(LAWS)]
    return subprocess.run(command, stdout=sys.stderr, cwd=LAWS.parents[1], check=False).returncode == 0


def _groups(settings: Settings) -> tuple[Group, ...]:
    load()
    try:
        return registered(settings.features.families or None)
    except ValueError as error:
        raise ConfigurationError(f"setting features.families: {error}") from None


def _described(group: Group, column: Column) -> dict[str, object]:
    row: dict[str, object] = {**asdict(column), "family": group.family, "group": group.name, "stage": group.stage}
    row["range"] = [str(bound) for bound in column.range]
    row["fingerprint"] = column_fingerprint(group, column)
    return row
