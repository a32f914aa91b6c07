"""The card's tables, and its place in the README."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.card import LIVE_MARKS, ROOT, write
from benchmarks.live.closing import Percentiles
from benchmarks.live.page import page, table
from benchmarks.live.results import Line, Point, Results


def results() -> Results:
    point = Point(25_000.0, Percentiles(1000, 12.34, 39.0, 80.0, 99.0), None, 3, 0.5)
    return Results([Line("rate", "bars", "1 | 2", "3", {"x": 1})], {"together": [point]}, ["the rest: broken"])


def test_a_table_has_a_cell_for_each_column() -> None:
    head, rule, row = table(results().lines)
    assert head == "| what | stored | measured | target |"
    assert rule == "| --- | --- | --- | --- |"
    assert row == r"| rate | bars | 1 \| 2 | 3 |"


def test_the_page_holds_lines_curves_and_what_failed() -> None:
    text = page(results(), "a machine", with_figure=True)
    assert text.startswith("a machine\n\n| what")
    assert "| 25,000 | 12.3 | 39.0 | 80.0 |  | 1,000 | 3 | 0.50 |" in text
    assert "](live.png)" in text
    assert text.endswith("Not measured: the rest: broken")


def test_results_are_plain_json() -> None:
    found = json.loads(json.dumps(results().to_json()))
    assert found["curves"]["together"][0]["from_due"]["p99"] == 39.0
    assert found["lines"][0]["values"] == {"x": 1}


def test_writing_twice_replaces_the_card_and_nothing_else(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    begin, end = LIVE_MARKS
    readme.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    write("first", LIVE_MARKS, readme)
    write("second", LIVE_MARKS, readme)
    assert readme.read_text() == f"before\n{begin}\nsecond\n{end}\nafter\n"


@pytest.mark.parametrize("mark", LIVE_MARKS)
def test_the_readme_has_a_place_for_the_card(mark: str) -> None:
    assert (ROOT / "benchmarks" / "README.md").read_text().count(mark) == 1
