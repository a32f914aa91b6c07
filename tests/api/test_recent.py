"""Bars kept in memory are those of the store, however they were read."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from api.analysis.recent import BARS, RecentBars

SYMBOLS = ("A", "B", "C")


class Store:
    """A reader of one timeframe that grows; what has been committed can be read."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._numbers = dict.fromkeys(SYMBOLS, 0)
        self.queries = 0

    def write(self, symbols: set[str], time: int) -> None:
        for symbol in sorted(symbols):
            self._numbers[symbol] += 1
            number = self._numbers[symbol]
            self.rows.append(
                {"symbol": symbol, "time": time, "bar_sequence": number, "close": 1.0 + number, "volume": 2.0}
            )

    def bars(self, symbol: str, timeframe: str, limit: int) -> list[dict[str, Any]]:
        self.queries += 1
        return [row for row in self.rows if row["symbol"] == symbol][-limit:]

    def bars_after(self, timeframe: str, time: int, symbols: Collection[str]) -> list[dict[str, Any]]:
        self.queries += 1
        return [row for row in self.rows if row["time"] > time and row["symbol"] in symbols]


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sets(st.sampled_from(SYMBOLS))),
        st.tuples(st.just("late"), st.sampled_from(SYMBOLS)),  # of the bar time before: committed after it was read
        st.tuples(st.just("extend"), st.none()),
        st.tuples(st.just("get"), st.sampled_from(SYMBOLS)),
    ),
    max_size=60,
)


@given(ACTIONS)
@settings(max_examples=300, deadline=None)
def test_whatever_was_read_before_the_answer_is_the_store(actions: list[tuple[str, Any]]) -> None:
    store, time, written = Store(), 1, set[str]()
    recent = RecentBars(store)  # type: ignore[arg-type]
    for action, what in actions:
        if action == "write":
            time, written = time + 1, set(what)
            store.write(what, time)
        elif action == "late" and what not in written:
            written.add(what)
            store.write({what}, time)
        elif action == "extend":
            recent.extend("1s", time)
        elif action == "get":
            expected = store.bars(what, "1s", BARS)
            found = recent.get(what, "1s", time)
            if expected and expected[-1]["time"] == time:  # what the newest prediction was made from
                np.testing.assert_array_equal(found.time, [row["time"] for row in expected])
                np.testing.assert_array_equal(found.close, [row["close"] for row in expected])


def test_many_series_are_brought_up_to_date_by_one_query() -> None:
    store = Store()
    recent = RecentBars(store)  # type: ignore[arg-type]
    store.write(set(SYMBOLS), 1)
    for symbol in SYMBOLS:
        recent.get(symbol, "1s", 1)
    store.write(set(SYMBOLS), 2)
    store.queries = 0
    recent.extend("1s", 2)
    assert [recent.get(symbol, "1s", 2).time.tolist() for symbol in SYMBOLS] == [[1, 2]] * 3
    assert store.queries == 1
