from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ops.commands.data import validate
from ops.errors import UsageError
from ops.settings import Settings

SETTINGS = Settings.model_validate({"bars": {"timeframes": "1d"}, "data": {"market": "us"}})


def bars(n: int = 800, **changes: object) -> pd.DataFrame:
    """Daily bars of two symbols that walk at random."""
    random, parts = np.random.default_rng(4), []
    for symbol in ("AAA", "BBB"):
        close = 100 * np.exp(np.cumsum(0.01 * random.standard_normal(n)))
        days = pd.bdate_range("2010-01-04", periods=n).date
        parts.append(pd.DataFrame({"date": days, "symbol": symbol, "open": close, "high": close * 1.01,
                                   "low": close * 0.99, "close": close, "volume": 1000.0}))  # fmt: skip
    return pd.concat(parts).sort_values(["date", "symbol"]).reset_index(drop=True).assign(**changes)


def checked(folder: Path, data: pd.DataFrame, **more: object) -> tuple[int, dict[str, dict[str, str]]]:
    """Return the exit code, and the written findings by check."""
    data.to_parquet(folder / "bars.parquet", index=False)
    code = validate(SETTINGS, True, [folder / "bars.parquet"], folder / "report", list(more.get("ticks", ())))  # type: ignore[call-overload]
    found = json.loads((folder / "report" / "data_quality.json").read_text())
    text = (folder / "report" / "data_quality.md").read_text()
    assert all(row["check"] in text and row["found"] in text for row in found)
    return code, {row["check"]: row for row in found}


def test_a_history_that_can_be_trained_on_passes(tmp_path: Path) -> None:
    code, found = checked(tmp_path, bars())
    assert code == 0
    assert {row["verdict"] for row in found.values()} <= {"ok", "note"}
    assert found["rows"]["found"].startswith("1,470 labelled rows of 1,600 in 2 symbols")  # 60 warm up, 5 look ahead
    assert found["split"]["found"].startswith("2 folds")
    assert found["stationarity of returns"]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("spoil", "check", "words"),
    [
        (lambda data: data.iloc[:600], "split", "expected at least 500 + 100 + 50"),
        (lambda data: data.iloc[:300], "rows", "expected at least 500"),
        (lambda data: pd.concat([data.iloc[:1000], data.iloc[998:]]), "duplicates", "2 rows repeat"),
        (lambda data: pd.concat([data.iloc[800:], data.iloc[:800]]), "order of time", "the first at row 800"),
        (lambda data: data.assign(open=5.0, high=5.0, low=5.0, close=5.0), "constant columns", "required"),
    ],
)  # fmt: skip
def test_what_training_would_refuse_is_named(tmp_path: Path, spoil: object, check: str, words: str) -> None:
    code, found = checked(tmp_path, spoil(bars()))  # type: ignore[operator]
    assert code == 1
    assert found[check]["verdict"] == "refused"
    assert words in found[check]["found"]
    assert found[check]["remedy"]


def test_outliers_splits_and_gaps_are_noted(tmp_path: Path) -> None:
    data = bars()
    later = (data.symbol == "AAA") & (data.index > 1000)
    prices = ["open", "high", "low", "close"]
    data.loc[later, prices] = data.loc[later, prices] / 7
    code, found = checked(tmp_path, data.drop(index=range(200, 240)))
    assert code == 0
    assert found["splits"]["found"].startswith("1 one-bar log returns beyond")
    assert found["outliers"]["verdict"] == found["gaps"]["verdict"] == "note"


def test_adjusted_history_is_told_from_raw_ticks(tmp_path: Path) -> None:
    data = bars()
    day, close = data.date.iloc[-1], data.groupby("symbol").close.last()
    at = pd.Timestamp(day, tz="UTC") + pd.Timedelta(hours=19)
    pd.DataFrame(
        {"ts_event": [at, at], "symbol": ["AAA", "BBB"], "kind": ["trade", "trade"],
         "price": [close["AAA"], close["BBB"] * 7], "size": [1.0, 1.0],
         **dict.fromkeys(("bid", "bid_size", "ask", "ask_size"))}
    ).to_csv(tmp_path / "ticks.csv", index=False)  # fmt: skip
    _, found = checked(tmp_path, data, ticks=[tmp_path / "ticks.csv"])
    assert found["seam of AAA"]["verdict"] == "ok"
    assert "ratio 7" in found["seam of BBB"]["found"]
    assert "history is adjusted" in found["seam of BBB"]["remedy"]
    with pytest.raises(UsageError, match="--out and --ticks are for files of bars"):
        validate(SETTINGS, True, [tmp_path / "ticks.csv"], tmp_path, [])
