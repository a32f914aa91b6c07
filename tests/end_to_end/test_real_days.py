"""The recorded days, pre-market junk and all: every tick accounted for, twice the same certificate."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dataflows.assembly.assemble import assemble
from dataflows.sources.files import FileSource
from ops.settings import load
from tests.end_to_end.runs import adds_up, undertone

DAYS = ("us-equities-2013-10-07.parquet", "us-equities-2013-10-08.parquet", "us-equities-2013-10-09.parquet")
ROWS = 1_196_117 + 1_524_073 + 1_698_832


@pytest.fixture(scope="module")
def three_days(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    files = [data_folder / day for day in DAYS]
    folder = tmp_path_factory.mktemp("days")
    return undertone("replay", *files, "--timeframe", "1s,1m,5m", "--model", "none", folder=folder)


def test_three_days_in_one_run_with_counts_that_add_up(three_days: dict[str, Any]) -> None:
    assert three_days["ticks_read"] == ROWS
    assert adds_up(three_days)
    assert three_days["complete"]
    assert three_days["bars"] == three_days["feature_rows"] > 600_000
    assert {"seconds", "ticks_per_second", "peak_rss_mb", "certificate", "predictions"} <= three_days.keys()


def test_twice_the_same_certificate(three_days: dict[str, Any], data_folder: Path, tmp_path: Path) -> None:
    files = [data_folder / day for day in DAYS]
    again = undertone(
        "replay", *files, "--timeframe", "1s,1m,5m", "--model", "none", "--batch-size", "30011", folder=tmp_path
    )
    assert again["certificate"] == three_days["certificate"]


def test_an_exchange_calendar_bounds_the_bars(data_folder: Path) -> None:
    settings = load(
        [],
        ["bars.timeframes=1m,1d", "bars.calendar=XNYS", "bars.extended_open=04:00", "bars.extended_close=20:00",
         "store.url=null:", "bus.url=null:", "inference.model=none"],
        {}, {},
    )  # fmt: skip
    flow = assemble(settings, FileSource([data_folder / DAYS[1]]))
    flow.pipeline.run()
    counts = asdict(flow.tally.counts)
    assert adds_up(counts)
    assert set(counts["ticks_dead"]) == {"outside_session"}
    assert sum(counts["ticks_dead"].values()) < 20
    symbols, minutes = 4, 16 * 60
    assert symbols * (minutes + 1) - 20 <= counts["bars"] <= symbols * (minutes + 1)
