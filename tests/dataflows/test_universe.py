"""The universe remembers which symbols lead."""

from __future__ import annotations

import pytest

from dataflows.universe import Universe


def test_a_checkpoint_with_other_leaders_is_refused() -> None:
    snapshot = Universe(["A", "B"], leaders=["A"]).snapshot()
    Universe(["A", "B"], leaders=["A"]).restore(snapshot)
    with pytest.raises(ValueError, match=r"has the leaders \['A'\], this run is configured with \['B'\]; resume with"):
        Universe(["A", "B"], leaders=["B"]).restore(snapshot)
