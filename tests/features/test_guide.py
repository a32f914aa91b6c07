"""The guide to features names every law and every validity bit, and what it points to is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from schema.reasons import Why

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "features-guide.md"
OF_THE_WHOLE = {  # no column breaks these
    "test_family_has_columns", "test_oracles_are_of_columns", "test_bars_are_rescaled",
    "test_nothing_changes_before_it", "test_the_law_sees_an_event_that_is_not_applied",
}  # fmt: skip


def laws() -> list[str]:
    files = sorted((ROOT / "tests" / "laws").glob("test_*.py"))
    bodies = [ast.parse(path.read_text(encoding="utf-8")).body for path in files if path.stem != "test_laws_bite"]
    names = [node.name for body in bodies for node in body if isinstance(node, ast.FunctionDef)]
    return [name for name in names if name.startswith("test_") and name not in OF_THE_WHOLE]


@pytest.mark.parametrize("law", laws())
def test_a_law_is_in_the_guide_as_a_check_names_it(law: str) -> None:
    assert f"| {law.removeprefix('test_').replace('_', ' ')} |" in GUIDE.read_text(encoding="utf-8")


@pytest.mark.parametrize("why", [why for why in Why if why])
def test_a_validity_bit_is_in_the_guide(why: Why) -> None:
    assert f"| {int(why)} | `{why.name}` |" in GUIDE.read_text(encoding="utf-8")


def test_what_the_guide_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", GUIDE.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (GUIDE.parent / link).exists()] == []
