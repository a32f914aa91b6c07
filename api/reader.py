"""What the service answers with: newest and past predictions, bars, features, symbols, the state of the run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import msgspec

from api.store import Row, Rows

SeriesKey = tuple[str, str]  # symbol, timeframe

# Every symbol and timeframe of a table. Steps from key to key: a scan of all rows would grow with the store.
_SERIES: Final = """
WITH RECURSIVE
    symbols(symbol) AS (
        SELECT min(symbol) FROM {table}
        UNION ALL
        SELECT (SELECT min(t.symbol) FROM {table} t WHERE t.symbol > symbols.symbol)
        FROM symbols WHERE symbol IS NOT NULL
    ),
    steps(symbol, timeframe) AS (
        SELECT symbol, (SELECT min(t.timeframe) FROM {table} t WHERE t.symbol = symbols.symbol)
        FROM symbols WHERE symbol IS NOT NULL
        UNION ALL
        SELECT symbol, (
            SELECT min(t.timeframe) FROM {table} t
            WHERE t.symbol = steps.symbol AND t.timeframe > steps.timeframe
        )
        FROM steps WHERE timeframe IS NOT NULL
    ),
    series(symbol, timeframe) AS (
        SELECT symbol, timeframe FROM steps
        WHERE timeframe IS NOT NULL AND timeframe = coalesce(:timeframe, timeframe)
    )
"""
_OF_SERIES: Final = "FROM {table} WHERE symbol = series.symbol AND timeframe = series.timeframe"
_NAMES: Final = "SELECT symbol, timeframe FROM series ORDER BY symbol, timeframe"
_SPANS: Final = f"""
SELECT symbol, timeframe, (SELECT min(time) {_OF_SERIES}) AS first, (SELECT max(time) {_OF_SERIES}) AS last
FROM series ORDER BY symbol, timeframe
"""
# A bar has one prediction a horizon and model; the champion's comes first in the output sequence.
_NEWEST: Final = f"""
SELECT t.* FROM series JOIN {{table}} t USING (symbol, timeframe)
WHERE t.time = (SELECT max(time) {_OF_SERIES})
ORDER BY symbol, timeframe, bar_sequence DESC, sequence
"""
_PRICES: Final = f"""
SELECT t.symbol, coalesce(t.mid, t.close) AS price
FROM (SELECT * FROM series ORDER BY symbol LIMIT :symbols) AS series JOIN {{table}} t USING (symbol, timeframe)
WHERE t.time >= coalesce((SELECT time {_OF_SERIES} ORDER BY time DESC LIMIT 1 OFFSET :limit - 1), 0)
ORDER BY t.symbol, t.time, t.bar_sequence
"""
CURSOR: Final = ("time", "bar_sequence", "timeframe", "horizon", "model_version")


class Reader:
    """Queries of the service, as plain rows. Every method raises StoreAway where there is nothing to read."""

    def __init__(self, store: Rows) -> None:
        """Read from `store`."""
        self.store = store
        self._columns: tuple[str | None, frozenset[str]] = None, frozenset()  # of the newest catalogue's text

    def series(self, table: str) -> list[SeriesKey]:
        """Return the symbols and timeframes that a table holds, in order of symbol."""
        return [(row["symbol"], row["timeframe"]) for row in self._of_series(table, _NAMES)]

    def spans(self) -> list[Row]:
        """Return every series of bars with the times of its first and last one (ns UTC)."""
        return self._of_series("bars", _SPANS)

    def newest_predictions(self, timeframe: str | None = None) -> list[Row]:
        """Return the newest prediction of every series, or of one timeframe's, in order of symbol."""
        rows = self._of_series("predictions", _NEWEST, timeframe=timeframe)
        return [next(group) for _, group in groupby(rows, lambda row: (row["symbol"], row["timeframe"]))]

    def predictions_since(self, timeframe: str, times: Mapping[str, int], limit: int) -> list[Row]:
        """Return the newest prediction of each symbol of `times` that has one behind its time there (ns UTC).

        Looks at these symbols alone, a fifth of the work of finding out which there are. Rows behind the newest count
        as well: empty where there are `limit` or more, as after a pause; `newest_predictions` is the way then.
        """
        sql = (
            f"SELECT t.* FROM json_each(?) AS asked CROSS JOIN {self.store.table('predictions')} t "
            "ON t.symbol = asked.key AND t.timeframe = ? AND t.time > asked.value "
            "ORDER BY t.symbol, t.time DESC, t.bar_sequence DESC, t.sequence LIMIT ?"
        )
        rows = self.store.rows(sql, (msgspec.json.encode(times).decode(), timeframe, limit))
        return [next(group) for _, group in groupby(rows, itemgetter("symbol"))] if len(rows) < limit else []

    def newest_prediction(self, symbol: str, timeframe: str) -> Row | None:
        """Return the newest prediction of one series."""

        def index() -> dict[str, Row]:
            return {row["symbol"]: row for row in self.newest_predictions(timeframe)}

        return self.store.cached(("newest by symbol", timeframe), index).get(symbol)

    def recent_prices(self, timeframe: str, symbols: int, limit: int) -> dict[str, list[float]]:
        """Return the newest `limit` mids, or closes where there was no quote, of the first symbols; oldest first."""
        rows = self._of_series("bars", _PRICES, timeframe=timeframe, symbols=symbols, limit=limit)
        groups = groupby(rows, lambda row: str(row["symbol"]))
        return {name: [row["price"] for row in group if row["price"] is not None][-limit:] for name, group in groups}

    def past_predictions(
        self,
        symbol: str,
        timeframe: str | None,
        start: int | None,
        end: int | None,
        limit: int,
        before: list[Any] | None,
    ) -> list[Row]:
        """Return up to `limit` rows with start <= time < end (ns UTC), newest first, behind the cursor `before`."""
        order = ", ".join(f"{name} DESC" for name in CURSOR)
        conditions: list[str] = ["symbol = ?"]
        values: list[Any] = [symbol]
        for condition, value in (("timeframe = ?", timeframe), ("time >= ?", start), ("time < ?", end)):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if before is not None:
            condition, compared = self._behind(before)
            conditions.append(condition)
            values.extend(compared)
        where = " AND ".join(conditions)
        sql = f"SELECT * FROM {self.store.table('predictions')} WHERE {where} ORDER BY {order} LIMIT ?"
        return self.store.rows(sql, (*values, limit))

    def _behind(self, before: Sequence[Any]) -> tuple[str, list[Any]]:
        """Return the condition that rows stand behind a cursor, and its values."""
        return f"({', '.join(CURSOR)}) < ({', '.join('?' * len(CURSOR))})", list(before)

    def bars(self, symbol: str, timeframe: str, limit: int) -> list[Row]:
        """Return the newest `limit` bars, oldest first."""
        return self._newest("bars", symbol, timeframe, limit)[::-1]

    def bars_after(self, timeframe: str, time: int, symbols: Collection[str]) -> list[Row]:
        """Return symbol, time, number, close and volume of the bars that closed after `time` (ns UTC), oldest first."""
        sql = (
            "SELECT t.symbol, t.time, t.bar_sequence, t.close, t.volume "
            f"FROM json_each(?) AS asked CROSS JOIN {self.store.table('bars')} t "
            "ON t.symbol = asked.value AND t.timeframe = ? AND t.time > ? ORDER BY t.time, t.bar_sequence"
        )
        return self.store.rows(sql, (_texts(symbols), timeframe, time))

    def features_at(self, name: str, timeframe: str, time: int, symbols: Collection[str]) -> dict[str, float | None]:
        """Return one column of the symbols' feature rows of a bar time (ns UTC); of those that have one."""
        if not self._stores(name):
            return {}
        sql = (
            f'SELECT t.symbol, t."{name}" AS value '
            f"FROM json_each(?) AS asked CROSS JOIN {self.store.table('features')} t "
            "ON t.symbol = asked.value AND t.timeframe = ? AND t.time = ?"
        )
        return {row["symbol"]: row["value"] for row in self.store.rows(sql, (_texts(symbols), timeframe, time))}

    def last_close(self, symbol: str, timeframe: str, at: int) -> tuple[int, float] | None:
        """Return time and close of the newest bar that had closed at `at` (ns UTC)."""
        where = f"FROM {self.store.table('bars')} WHERE symbol = ? AND timeframe = ? AND time <= ?"
        sql = f"SELECT time, close {where} ORDER BY time DESC, bar_sequence DESC LIMIT 1"
        found = self.store.rows(sql, (symbol, timeframe, at))
        return (found[0]["time"], found[0]["close"]) if found and found[0]["close"] is not None else None

    def volume(self, symbol: str, timeframe: str, after: int, until: int) -> float:
        """Return what was traded in the bars with after < time <= until (ns UTC)."""
        where = f"FROM {self.store.table('bars')} WHERE symbol = ? AND timeframe = ? AND time > ? AND time <= ?"
        found = self.store.rows(f"SELECT sum(volume) AS volume {where}", (symbol, timeframe, after, until))
        return found[0]["volume"] or 0.0

    def newest_features(self, symbol: str, timeframe: str) -> Row | None:
        """Return the newest row of `features`."""
        found = self._newest("features", symbol, timeframe, 1)
        return found[0] if found else None

    def features_after(self, symbol: str, timeframe: str, names: Sequence[str], time: int, limit: int) -> list[Row]:
        """Return time and some columns of the newest `limit` feature rows behind `time` (ns UTC), oldest first."""
        columns = ", ".join(f'"{name}"' for name in ("time", *names))
        where = f"FROM {self.store.table('features')} WHERE symbol = ? AND timeframe = ? AND time > ?"
        sql = f"SELECT {columns} {where} ORDER BY time DESC, bar_sequence DESC LIMIT ?"
        return self.store.rows(sql, (symbol, timeframe, time, limit))[::-1]

    def newest_scores(self) -> list[Row]:
        """Return the newest score of each version and timeframe."""
        table = self.store.table("scores")
        sql = (
            f"SELECT s.* FROM {table} s JOIN (SELECT timeframe, model_version, max(time) AS time FROM {table} "
            "GROUP BY timeframe, model_version) newest ON s.time = newest.time AND s.timeframe = newest.timeframe "
            "AND s.model_version = newest.model_version"
        )
        return self.store.cached(("scores",), lambda: self.store.rows(sql))

    def outcome_scores(self, symbol: str, timeframe: str | None, start: int | None, end: int | None) -> list[Row]:
        """Return what became of a symbol's predictions with start <= time < end (ns UTC), a row a version."""
        bounds = (("timeframe = ?", timeframe), ("time >= ?", start), ("time < ?", end))
        given = [(condition, value) for condition, value in bounds if value is not None]
        where = " AND ".join(["symbol = ?", *(condition for condition, _ in given)])
        signed = "(realised_return > 0 OR realised_return < 0) AND (expected_return > 0 OR expected_return < 0)"
        right = "realised_return > 0 AND expected_return > 0 OR realised_return < 0 AND expected_return < 0"
        sql = (
            "SELECT timeframe, model_version, horizon, min(time) AS first_time, max(time) AS last_time, "
            "count(*) AS predictions, count(brier) AS labelled, "
            f"sum(CASE WHEN {signed} THEN 1 ELSE 0 END) AS directional, "
            f"sum(CASE WHEN {right} THEN 1 ELSE 0 END) AS right_signs, avg(brier) AS brier, avg(log_loss) AS log_loss, "
            f"avg(realised_return) AS mean_return FROM {self.store.table('outcomes')} WHERE {where} "
            "GROUP BY timeframe, model_version, horizon ORDER BY timeframe, first_time, model_version"
        )
        values = (symbol, *(value for _, value in given))
        return self.store.cached((sql, values), lambda: self.store.rows(sql, values))

    def newest_outcomes(self, symbol: str, timeframe: str, limit: int) -> list[Row]:
        """Return the newest `limit` outcomes of what was served, newest first, each with its prediction's columns."""
        outcomes = self._newest("outcomes", symbol, timeframe, 2 * limit)  # a challenger's are among them
        if not outcomes:
            return []
        first, last = outcomes[-1]["time"], outcomes[0]["time"] + 1
        served = self.past_predictions(symbol, timeframe, first, last, 2 * limit, None)
        by_key = {_outcome_key(row): row for row in served}
        found = [{**by_key[key], **row} for row in outcomes if (key := _outcome_key(row)) in by_key]
        return found[:limit]

    def catalogue(self, fingerprint: str | None = None) -> Row | None:
        """Return the catalogue of a fingerprint, or the newest; None if the dataflow hasn't written one."""
        return self._meta("catalogue" if fingerprint is None else f"catalogue:{fingerprint}")

    def _stores(self, name: str) -> bool:
        """Return whether feature rows have a column."""
        if (text := self._meta_text("catalogue")) != self._columns[0]:
            columns = msgspec.json.decode(text)["columns"] if text else []
            self._columns = text, frozenset(column["name"] for column in columns)
        return name in self._columns[1]

    def status(self) -> Row | None:
        """Return totals and rates of the run, as it last reported them."""
        return self._meta("status")

    def _meta(self, name: str) -> Row | None:
        text = self._meta_text(name)
        return None if text is None else msgspec.json.decode(text)

    def _meta_text(self, name: str) -> str | None:
        return self.store.cached(("meta", name), lambda: self.store.meta(name))

    def _newest(self, table: str, symbol: str, timeframe: str, limit: int) -> list[Row]:
        sql = (
            f"SELECT * FROM {self.store.table(table)} WHERE symbol = ? AND timeframe = ? "
            "ORDER BY time DESC, bar_sequence DESC LIMIT ?"
        )
        values = (symbol, timeframe, limit)
        return self.store.cached((table, values), lambda: self.store.rows(sql, values))

    def _of_series(self, table: str, select: str, **values: Any) -> list[Row]:
        sql = (_SERIES + select).format(table=self.store.table(table))
        values = {"timeframe": None, **values}
        return self.store.cached((sql, *values.values()), lambda: self.store.rows(sql, values))


def _texts(names: Collection[str]) -> str:
    """Return names as a parameter of `json_each`: rows lie by symbol, so a query of one time asks for each of them."""
    return msgspec.json.encode(list(names)).decode()


def _outcome_key(row: Row) -> tuple[Any, ...]:
    """Return what tells a series' predictions apart."""
    return row["time"], row["bar_sequence"], row["horizon"], row["model_version"]
