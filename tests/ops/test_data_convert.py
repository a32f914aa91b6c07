from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ops.commands.data_convert import run
from ops.errors import UsageError
from ops.settings import Settings

HEADER = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"


def stooq(folder: Path) -> str:
    """Two weeks of daily bars from Monday 2013-10-07 on."""
    days = [dt.date(2013, 10, 7) + dt.timedelta(days=k) for k in range(13) if k % 7 < 5]
    lines = [f"AIG.US,D,{day:%Y%m%d},000000,{k + 2},{k + 4},{k + 1},{k + 3},{k + 10},0" for k, day in enumerate(days)]
    (folder / "aig.us.txt").write_text(HEADER + "\n".join(lines) + "\n")
    return str(folder / "aig.us.txt")


def settings(folder: Path) -> Settings:
    return Settings.model_validate(
        {"bars": {"timeframes": "1d"}, "data": {"market": "us", "cache": str(folder / "cache")}}
    )


def test_stooqs_days_become_weeks_that_close_on_friday(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "weeks.parquet"
    assert run(settings(tmp_path), json=True, files=[stooq(tmp_path)], out=out, timeframe="1w") == 0
    assert '"rows": 2' in capsys.readouterr().out
    rows = pq.read_table(out).to_pylist()
    cells = [tuple(row[name] for name in ("symbol", "open", "high", "low", "close", "volume")) for row in rows]
    assert cells == [("AIG.US", 2, 8, 1, 7, 60), ("AIG.US", 7, 13, 6, 12, 85)]
    assert [row["time"].isoformat() for row in rows] == ["2013-10-11T20:00:00+00:00", "2013-10-18T20:00:00+00:00"]


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    out.write_bytes(b"mine")
    with pytest.raises(UsageError, match="it is there already"):
        run(settings(tmp_path), json=True, files=[stooq(tmp_path)], out=out, timeframe=None)
    assert out.read_bytes() == b"mine"


def test_what_can_not_be_read_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        run(settings(tmp_path), json=True, files=["none.txt"], out=tmp_path / "out.parquet", timeframe=None)
    assert not [path for path in tmp_path.iterdir() if path.is_file()]
