from __future__ import annotations

import pytest

from models.registry.registry import Registry
from models.reports.importance import gain_shares, without_gains


def test_shares_of_gain_are_of_every_used_column_and_add_up(registry: Registry) -> None:
    metadata = registry.list()[0]
    shares = gain_shares(registry.path(metadata.version), metadata)
    trees = {name for name, member in metadata.members.items() if member.kind == "trees"}
    assert set(shares) == trees
    for of_member in shares.values():
        assert list(of_member) == [column.name for column in metadata.columns]
        assert sum(of_member.values()) == pytest.approx(1.0)
    assert set(without_gains(metadata)) == set(metadata.members) - trees
