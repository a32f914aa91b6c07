"""How often columns are undefined, counted by hand and over a quarter of an hour of a real day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataflows.inspection.feature_validity import UNSAID, count_validity
from dataflows.inspection.validity_reasons import unused
from features import families
from features.catalogue import Group, registered
from schema.bars import BarFlag, Bars, zero_bars
from schema.features import FeatureRows
from schema.reasons import Why
from tests.end_to_end.runs import undertone

DAY = "us-equities-2013-10-08.parquet"
SLICE = ("--from", "2013-10-08T13:25:00Z", "--to", "2013-10-08T13:40:00Z")  # the open at 13:30
NAN = np.nan


def two_columns(name: str) -> Group:
    families.load()
    (group,) = (group for group in registered() if group.name == name)
    return replace(group, columns=group.columns[:2])


def history(values: list[list[float]], why: list[list[int]], timeframe: list[int]) -> tuple[Bars, FeatureRows]:
    n = len(values)
    bars = zero_bars(n)
    flags = np.where(np.arange(n) % 2 == 0, BarFlag.EMPTY, 0).astype(np.uint16)
    bars = bars._replace(timeframe=np.array(timeframe, np.int32), flags=flags)
    return bars, FeatureRows(np.array(values), np.array(why, np.uint8))


def test_every_cell_is_counted_by_timeframe_and_reason() -> None:
    edge, young = int(Why.EDGE), int(Why.WARMING_UP)
    rows = history([[NAN, 1.0], [NAN, NAN], [2.0, 3.0]], [[edge, 0], [young, edge], [128, 0]], [0, 0, 1])
    first, second = count_validity([rows, rows], [two_columns("clustering")], ["1s", "1m"])
    assert (first.rows, first.empty, second.rows, second.empty) == (4, 2, 2, 2)
    assert first.undefined.tolist() == [4, 2]
    assert first.by_reason[6].tolist() == [2, 2]
    assert first.in_empty[6].tolist() == [2, 0]
    assert first.by_reason[0].tolist() == [2, 0]
    assert second.by_reason[7].tolist() == [2, 0]
    assert first.never_valid == (first.columns[0][1].name,)
    assert first.unexplained == second.unexplained == ()


def test_what_nobody_explains_is_named() -> None:
    group = two_columns("clustering")
    names = [column.name for column in group.columns]
    silent = history([[NAN, 1.0], [1.0, 2.0]], [[0, 0], [0, int(Why.STALE)]], [0, 0])
    (count,) = count_validity([silent], [group], ["1s"])
    assert set(count.unexplained) == {(names[0], UNSAID), (names[1], UNSAID), (names[1], "stale")}


def test_every_sentence_is_about_something_in_the_catalogue() -> None:
    families.load()
    assert unused(registered()) == []


@pytest.mark.real
def test_no_value_of_a_real_day_is_undefined_without_a_reason_that_is_explained(
    data_folder: Path, tmp_path: Path
) -> None:
    answer = undertone("features", "validity", data_folder / DAY, *SLICE, "--timeframe", "1s,1m", folder=tmp_path)
    assert answer["complete"]
    families.load()
    columns = {column.name: column for group in registered() for column in group.columns}
    for count in answer["timeframes"]:
        assert count["unexplained"] == []
        assert set(count["columns"]) == set(columns)
        silent = [name for name, met in count["columns"].items() if "edge" in met["by_reason"]]
        assert [name for name in silent if columns[name].edges == "none"] == []
