"""What a timeframe's bars say that is out of the ordinary, as alerts: at most so many are raised a minute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from dataflows.interfaces import Snapshot
from dataflows.watch.anomalies import MEASURES, Rows, Series, series, watch
from dataflows.watch.weather import Weather, words
from models.labels import comparable
from schema.alerts import Alert, AlertKind, AlertState
from schema.bars import BarFlag, Bars
from schema.ticks import Int64
from schema.timeframes import SECOND, Timeframe

_MINUTE: Final = 60 * SECOND
_DAY: Final = 86_400 * SECOND
_VALUES: Final = ("log_return", "log_return", "log_volume", "log_spread")  # of MEASURES


class MarketWatch:
    """The series of one timeframe. Alerts are a function of its bars in order."""

    def __init__(self, index: int, timeframe: Timeframe, bound: float, most: int) -> None:
        """Scores beyond `bound` are anomalies; at most `most` are raised in a minute of event time."""
        self._index, self._bound, self._most = index, bound, most
        broken = BarFlag.HALTED | BarFlag.GAP | BarFlag.PARTIAL
        within_day = timeframe.nominal_ns < _DAY
        self._broken = int(broken | BarFlag.SESSION_FIRST if within_day else broken)
        self._series, self._told = series(0), np.zeros((0, len(MEASURES)), np.bool_)
        self._weather = Weather()
        self._minute = self._raised = self._held_back = 0

    def step(self, bars: Bars, which: Int64) -> Iterator[Alert]:
        """Look at the rows `which` of the bars, in stream order."""
        if not len(which):
            return
        symbol, time = bars.symbol[which], bars.time[which]
        self._grow(int(symbol.max()) + 1)
        price, trade_price = comparable(bars)
        rows = Rows(
            time, symbol, price[which], trade_price[which], (bars.flags[which] & self._broken) != 0,
            bars.volume[which] / bars.basis[which], (bars.ask[which] - bars.bid[which]) / bars.mid[which],
        )  # fmt: skip
        events, numbers, volatility = watch(self._series, rows, self._bound)
        for (k, measure, begins), (score, value) in zip(events.tolist(), numbers.tolist(), strict=True):
            yield from self._tell(int(time[k]), int(symbol[k]), measure, begins == 1, score, value)
        yield from self._minute_over(int(time[-1]))
        for at, before, after, level in self._weather.add(time, volatility):
            state = AlertState.CLEARED if after == "usual" else AlertState.RAISED
            yield Alert(at, AlertKind.REGIME_CHANGE, state, self._index, details=words(before, after, level))

    def end(self) -> Iterator[Alert]:
        """Say how many were held back in the minute that isn't over: the input is."""
        return self._minute_over((self._minute + 1) * _MINUTE)

    def _tell(self, time: int, symbol: int, measure: int, begins: bool, score: float, value: float) -> Iterator[Alert]:
        """What isn't told when it begins isn't told when it ends."""
        yield from self._minute_over(time)
        if begins:
            self._told[symbol, measure] = self._raised < self._most
            self._raised += 1
            self._held_back = max(self._raised - self._most, 0)
        if self._told[symbol, measure]:
            state = AlertState.RAISED if begins else AlertState.CLEARED
            details = {"score": round(score, 2), _VALUES[measure]: value}
            yield Alert(time, MEASURES[measure], state, self._index, symbol, details)

    def _minute_over(self, time: int) -> Iterator[Alert]:
        if time // _MINUTE > self._minute:
            if self._held_back:
                at, details = (self._minute + 1) * _MINUTE, {"alerts": self._held_back}
                yield Alert(at, AlertKind.SUPPRESSED, AlertState.HAPPENED, self._index, details=details)
            self._minute, self._raised, self._held_back = time // _MINUTE, 0, 0

    def _grow(self, n: int) -> None:
        if n > len(self._told):
            self._take(self._series, self._told, max(n, 2 * len(self._told)))

    def _take(self, state: Series, told: np.ndarray, n: int) -> None:
        """Have room for n symbols, the first of them as they are given."""
        self._series, self._told = series(n), np.zeros((n, len(MEASURES)), np.bool_)
        for mine, given in zip((*self._series, self._told), (*state, told), strict=True):
            mine[: len(given)] = given

    def snapshot(self) -> Snapshot:
        """Return the state, symbols first (live: copy at once)."""
        return {
            "series": self._series._asdict(), "told": self._told, "weather": self._weather.snapshot(),
            "minute": self._minute, "raised": self._raised, "held_back": self._held_back,
        }  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Take over."""
        told = snapshot["told"]
        self._take(Series(**snapshot["series"]), told, len(told))
        self._weather.restore(snapshot["weather"])
        self._minute, self._raised = int(snapshot["minute"]), int(snapshot["raised"])
        self._held_back = int(snapshot["held_back"])
