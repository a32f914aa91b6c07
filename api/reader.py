"""What the service answers with: newest and past predictions, bars, features, symbols, the state of the run."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from api.store import ReadOnlyStore, Row

SeriesKey = tuple[str, str]  # symbol, timeframe

# A bar has one prediction a horizon and model; the champion's comes first in the output sequence.
_NEWEST: Final = "ORDER BY time DESC, bar_sequence DESC, sequence LIMIT 1"

# Steps from key to key: a scan of all rows would grow with the store.
_SERIES: Final = """
WITH RECURSIVE
    symbols(symbol) AS (
        SELECT min(symbol) FROM {table}
        UNION ALL
        SELECT (SELECT min(t.symbol) FROM {table} t WHERE t.symbol > symbols.symbol)
        FROM symbols WHERE symbol IS NOT NULL
    ),
    series(symbol, timeframe) AS (
        SELECT symbol, (SELECT min(t.timeframe) FROM {table} t WHERE t.symbol = symbols.symbol)
        FROM symbols WHERE symbol IS NOT NULL
        UNION ALL
        SELECT symbol, (
            SELECT min(t.timeframe) FROM {table} t
            WHERE t.symbol = series.symbol AND t.timeframe > series.timeframe
        )
        FROM series WHERE timeframe IS NOT NULL
    )
SELECT symbol, timeframe FROM series WHERE timeframe IS NOT NULL
"""
CURSOR: Final = ("time", "bar_sequence", "timeframe", "horizon", "model_version")


class Reader:
    """Queries of the service, as plain rows. Every method raises StoreAway where there is nothing to read."""

    def __init__(self, store: ReadOnlyStore) -> None:
        """Read from `store`."""
        self.store = store

    def series(self, table: str) -> list[SeriesKey]:
        """Return the symbols and timeframes that a table holds, in order of symbol."""
        sql = _SERIES.format(table=self.store.table(table))
        found = self.store.cached(("series", table), lambda: self.store.rows(sql))
        return [(row["symbol"], row["timeframe"]) for row in found]

    def newest_prediction(self, symbol: str, timeframe: str) -> Row | None:
        """Return the newest row of `predictions`."""
        return self._newest("predictions", symbol, timeframe, _NEWEST)

    def newest_predictions(self, timeframe: str | None = None) -> list[Row]:
        """Return the newest prediction of every series, or of one timeframe's."""
        wanted = [key for key in self.series("predictions") if timeframe in (None, key[1])]
        found = (self.newest_prediction(*key) for key in wanted)
        return [row for row in found if row is not None]

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
            conditions.append(f"({', '.join(CURSOR)}) < ({', '.join('?' * len(CURSOR))})")
            values.extend(before)
        where = " AND ".join(conditions)
        sql = f"SELECT * FROM {self.store.table('predictions')} WHERE {where} ORDER BY {order} LIMIT ?"
        return self.store.rows(sql, (*values, limit))

    def bars(self, symbol: str, timeframe: str, limit: int) -> list[Row]:
        """Return the newest `limit` bars, oldest first."""
        sql = (
            f"SELECT * FROM {self.store.table('bars')} WHERE symbol = ? AND timeframe = ? "
            "ORDER BY time DESC, bar_sequence DESC LIMIT ?"
        )
        key = ("bars", symbol, timeframe, limit)
        return self.store.cached(key, lambda: self.store.rows(sql, (symbol, timeframe, limit))[::-1])

    def closes(self, symbol: str, timeframe: str, limit: int) -> list[float]:
        """Return the newest mids, or closes where there was no quote, oldest first."""
        sql = (
            f"SELECT coalesce(mid, close) AS price FROM {self.store.table('bars')} "
            "WHERE symbol = ? AND timeframe = ? ORDER BY time DESC, bar_sequence DESC LIMIT ?"
        )
        key = ("closes", symbol, timeframe, limit)
        found = self.store.cached(key, lambda: self.store.rows(sql, (symbol, timeframe, limit)))
        return [row["price"] for row in reversed(found) if row["price"] is not None]

    def span(self, symbol: str, timeframe: str) -> tuple[int, int]:
        """Return the times of a series' first and last bar (ns UTC)."""
        table = self.store.table("bars")
        sql = "SELECT {}(time) AS time FROM " + table + " WHERE symbol = ? AND timeframe = ?"
        first, last = (self.store.rows(sql.format(end), (symbol, timeframe))[0]["time"] for end in ("min", "max"))
        return int(first), int(last)

    def newest_features(self, symbol: str, timeframe: str) -> Row | None:
        """Return the newest row of `features`."""
        return self._newest("features", symbol, timeframe, "ORDER BY time DESC, bar_sequence DESC LIMIT 1")

    def catalogue(self, fingerprint: str | None = None) -> Row | None:
        """Return the catalogue of a fingerprint, or the newest; None if the dataflow hasn't written one."""
        name = "catalogue" if fingerprint is None else f"catalogue:{fingerprint}"
        return self._meta(name)

    def status(self) -> Row | None:
        """Return totals and rates of the run, as it last reported them."""
        return self._meta("status")

    def _meta(self, name: str) -> Row | None:
        text = self.store.cached(("meta", name), lambda: self.store.meta(name))
        return None if text is None else msgspec.json.decode(text)

    def _newest(self, table: str, symbol: str, timeframe: str, order: str) -> Row | None:
        sql = f"SELECT * FROM {self.store.table(table)} WHERE symbol = ? AND timeframe = ? {order}"
        found = self.store.cached(
            ("newest", table, symbol, timeframe), lambda: self.store.rows(sql, (symbol, timeframe))
        )
        return found[0] if found else None
