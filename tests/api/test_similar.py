"""Similar situations, against a search written out here, and point in time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from api.analysis.similar import SITUATIONS, Situations, nearest, spread
from schema.times import parse_iso

DAY = 86_400 * 10**9
N, HORIZON = 120, 3


class Series:
    """A reader of one series: feature rows and closes."""

    def __init__(self) -> None:
        random = np.random.default_rng(3)
        self.time = (np.arange(N) + 20_000) * DAY
        self.values = random.normal(0, (1.0, 5.0, 0.1), (N, 3))
        self.values[random.random((N, 3)) < 0.1] = np.nan
        self.close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, N)))

    def catalogue(self) -> dict[str, Any]:
        columns = [("a", [0, 1]), ("open_ended", [0, None]), ("b", [-1, 1]), ("c", [0, 2])]
        return {"fingerprint": "f", "columns": [{"name": name, "range": list(r)} for name, r in columns]}

    def features_after(self, symbol: str, timeframe: str, names: list[str], time: int, limit: int) -> Any:
        assert names == ["a", "b", "c"], "columns of bounded range"
        rows = [{"time": int(t), **dict(zip("abc", v.tolist()))} for t, v in zip(self.time, self.values) if t > time]
        return [{k: None if v != v else v for k, v in row.items()} for row in rows][-limit:]

    def bars(self, symbol: str, timeframe: str, limit: int) -> Any:
        rows = [
            {"time": int(t), "bar_sequence": k, "close": c, "volume": 1.0}
            for k, (t, c) in enumerate(zip(self.time, self.close.tolist()))
        ]
        return rows[-limit:]


def naive(series: Series, at: int) -> list[tuple[int, float]]:
    """Row and distance of the neighbours of row `at`, nearest first."""
    past, now = series.values[:at], series.values[at]
    deviations = [np.std([x for x in past[:, j] if x == x]) for j in range(3)]
    found = []
    for k in range(at - HORIZON + 1):
        terms = [
            ((past[k, j] - now[j]) / deviations[j]) ** 2
            for j in range(3) if now[j] == now[j] and past[k, j] == past[k, j]
        ]  # fmt: skip
        if 2 * len(terms) > sum(x == x for x in now):
            found.append((math.sqrt(sum(terms) / len(terms)), k))
    chosen = list[tuple[int, float]]()
    for distance, k in sorted(found):
        if len(chosen) < SITUATIONS and all(abs(k - other) >= HORIZON for other, _ in chosen):
            chosen.append((k, distance))
    return chosen


@pytest.mark.parametrize("at", [60, 90, N - 1])
def test_they_are_the_nearest_and_nothing_later_is_known(at: int) -> None:
    series = Series()
    found, outcomes = Situations(series).similar("A", "1d", int(series.time[at]), HORIZON)  # type: ignore[arg-type]
    expected = naive(series, at)
    assert [parse_iso(row["as_of"]) for row in found] == [series.time[k] for k, _ in expected]
    np.testing.assert_allclose([row["distance"] for row in found], [d for _, d in expected], rtol=1e-9)
    followed = [100 * (series.close[k + HORIZON] / series.close[k] - 1) for k, _ in expected]
    np.testing.assert_allclose([row["realised_return"] for row in found], followed, rtol=1e-9)
    assert outcomes == spread([row["realised_return"] for row in found])


def test_what_is_read_bar_by_bar_is_what_is_read_at_once() -> None:
    series, whole = Series(), Series()
    step = Situations(series)  # type: ignore[arg-type]
    for end in (80, 81, 100, N):
        series.time, series.values, series.close = whole.time[:end], whole.values[:end], whole.close[:end]
        at = int(whole.time[end - 1])
        assert step.similar("A", "1d", at, 1) == Situations(series).similar("A", "1d", at, 1)  # type: ignore[arg-type]


def test_there_are_none_where_too_little_is_stored_or_the_newest_row_isnt() -> None:
    series = Series()
    situations = Situations(series)  # type: ignore[arg-type]
    assert situations.similar("A", "1d", int(series.time[30]), 1) == ([], None)
    assert situations.similar("A", "1d", int(series.time[-1]) + DAY, 1) == ([], None)


def test_columns_that_are_never_defined_or_never_move_do_not_count() -> None:
    values = np.column_stack((np.full(60, np.nan), np.full(60, 2.0), np.arange(60.0)))
    chosen, distance = nearest(values, np.ones(60, np.bool_), 1)
    assert chosen == list(range(58, 48, -1))
    np.testing.assert_allclose(distance[58], 1 / np.std(np.arange(59.0)))
