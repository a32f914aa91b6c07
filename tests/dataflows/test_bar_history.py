"""Files of bars as history: the same features as any bar has, known at the close, and nothing odd gets in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dataflows.bar_history import bar_history
from dataflows.sources.bar_file import is_bar_file
from dataflows.sources.errors import BadFile
from ops.settings import Settings, load
from schema.bars import concat_bars

DAYS = [d for d in pd.date_range("2021-01-04", periods=140).date if d.weekday() < 5 and d.isoformat() not in
        ("2021-01-18", "2021-02-15", "2021-04-02")]  # fmt: skip


def settings_of(*more: str) -> Settings:
    return load(
        [], ["bars.timeframes=1d", "bars.calendar=XNYS", "features.families=technical,statistical", *more], {}, {}
    )


def frame(symbols: tuple[str, ...] = ("B", "A"), n: int = 80) -> pd.DataFrame:
    random = np.random.default_rng(2)
    rows = []
    for day in DAYS[:n]:
        for symbol in symbols:
            low, open_, close, high = np.sort(random.uniform(90, 110, 4))
            rows.append((day, symbol, open_, high, low, close, float(random.integers(0, 1000))))
    return pd.DataFrame(rows, columns=["date", "symbol", "open", "high", "low", "close", "volume"])


def write(data: pd.DataFrame, folder: Path, name: str = "bars.parquet") -> Path:
    path = folder / name
    data.to_csv(path, index=False) if name.endswith("csv") else data.to_parquet(path, index=False)
    return path


def history(paths: list[Path], settings: Settings) -> tuple[Any, np.ndarray]:
    parts = list(bar_history(settings, paths))
    return concat_bars([bars for bars, _ in parts]), np.concatenate([rows.values for _, rows in parts])


def test_a_daily_bar_is_known_at_its_sessions_close(tmp_path: Path) -> None:
    bars, _ = history([write(frame(), tmp_path)], settings_of())
    stamps = pd.to_datetime(bars.time, utc=True).tz_convert("America/New_York")
    assert {(stamp.hour, stamp.minute) for stamp in stamps} == {(16, 0)}  # over a change to summer time
    assert [stamp.date() for stamp in stamps[::2]] == DAYS[:80]
    assert (bars.start == bars.session_open).all() and (bars.time == bars.session_close).all()
    assert (bars.symbol[::2] != bars.symbol[1::2]).all()  # within a day by name, whatever the file's order
    np.testing.assert_array_equal(bars.sequence, np.repeat(np.arange(80), 2))
    assert np.isnan(bars.mid).all()


def test_values_of_the_file_are_the_bars(tmp_path: Path) -> None:
    data = frame()
    bars, _ = history([write(data, tmp_path)], settings_of())
    ordered = data.sort_values(["date", "symbol"])
    for field in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(bars, field), ordered[field])


def test_rows_do_not_depend_on_how_the_file_is_cut(tmp_path: Path) -> None:
    """Parquet in one piece, in row groups that split days, as CSV and as two files: the same bits."""
    data, settings = frame(n=60), settings_of()
    bars, whole = history([write(data, tmp_path)], settings)
    data.to_parquet(tmp_path / "small.parquet", index=False, row_group_size=7)
    half = len(data) // 2
    others = [
        [tmp_path / "small.parquet"],
        [write(data, tmp_path, "bars.csv")],
        [write(data[:half], tmp_path, "a.parquet"), write(data[half:], tmp_path, "b.parquet")],
    ]
    for paths in others:
        again, values = history(paths, settings)
        np.testing.assert_array_equal(again.time, bars.time)
        np.testing.assert_array_equal(values, whole)


def test_the_past_does_not_see_the_future(tmp_path: Path) -> None:
    data, settings = frame(n=70), settings_of()
    other = data.copy()
    other.loc[100:, ["open", "high", "low", "close"]] *= 3.0
    _, a = history([write(data, tmp_path)], settings)
    _, b = history([write(other, tmp_path, "other.parquet")], settings)
    np.testing.assert_array_equal(a[:100], b[:100])
    assert not np.array_equal(a[100:], b[100:], equal_nan=True)


def test_chosen_symbols_only(tmp_path: Path) -> None:
    bars, _ = history([write(frame(("A", "B", "C")), tmp_path)], settings_of("universe.symbols=B"))
    assert len(bars.time) == 80 and (bars.symbol == 0).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.drop(columns="volume"), r"without \['volume'\], expected the columns date \(or time\)"),
        (lambda d: d.iloc[::-1], "behind one of a later time, expected bars in order of time"),
        (lambda d: pd.concat([d[:2], d[1:]]), "two bars of A at 2021-01-04T21:00:00Z, expected one a symbol and time"),
        (lambda d: d.assign(high=d.low / 2), r"in row 0, expected 0 < low <= open, close <= high"),
        (lambda d: d.assign(close=np.nan), "no close in row 0|in row 0"),
        (lambda d: d.assign(date=d.date.map(lambda x: x + dt.timedelta(5))), "the calendar XNYS has no session"),
    ],
)
def test_what_is_no_history_is_refused(change: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=words):
        history([write(change(frame(n=10)), tmp_path)], settings_of())


def test_files_of_bars_and_of_ticks_are_told_apart(tmp_path: Path) -> None:
    assert is_bar_file(write(frame(n=3), tmp_path)) and is_bar_file(write(frame(n=3), tmp_path, "b.csv"))
    (tmp_path / "t.csv").write_text("ts,symbol,kind,price,size,bid,bid_size,ask,ask_size\n")
    assert not is_bar_file(tmp_path / "t.csv")
    with pytest.raises(BadFile, match="no such file"):
        is_bar_file(tmp_path / "none.csv")
