"""Laws: every catalogue row is complete, every column has an oracle, every kernel says what it computes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import pytest

from features.catalogue import Driver, Family, Group, documentation
from tests.laws.runs import CATALOGUE, COLUMNS, GROUP_OF, ONLY, every_column, every_group
from tests.oracles.registry import ORACLES


@every_column
def test_catalogue_row_is_complete(column: str) -> None:
    row = COLUMNS[column]
    assert column.isidentifier()
    assert column == column.lower()
    assert not [name for name, value in asdict(row).items() if value in ("", ())]
    low, high = row.range
    assert low < high
    assert not math.isnan(low)
    assert not math.isnan(high)
    assert row.driver in Driver
    assert row.window >= 0
    assert row.warm_up >= 0
    assert row.sessions in ("spans", "resets", "masked"), "sessions: spans, resets or masked at a session's start"
    assert row.actions == "rescaled", "actions: tests/laws/test_actions.py holds every column to it"
    json.dumps(row.params)


@every_column
def test_column_has_an_oracle(column: str) -> None:
    module = GROUP_OF[column].update.__module__
    assert column in ORACLES, f"register one in tests/oracles/, or in {module}_oracle if {module} is a package's own"


@every_group
def test_kernel_says_its_edges_and_cost(group: Group) -> None:
    text = documentation(group)
    assert "Edges:" in text, "the kernel's module docstring lacks `Edges:`"
    assert "Cost:" in text, "the kernel's module docstring lacks `Cost:`"


@pytest.mark.skipif(bool(ONLY), reason="LAWS_ONLY names some groups")
@pytest.mark.parametrize("family", [family for family in Family if family is not Family.SENTIMENT])
def test_family_has_columns(family: Family) -> None:
    assert [group for group in CATALOGUE if group.family is family]


@pytest.mark.skipif(bool(ONLY), reason="LAWS_ONLY names some groups")
def test_oracles_are_of_columns() -> None:
    assert not ORACLES.keys() - COLUMNS.keys()
