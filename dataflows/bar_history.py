"""Feature rows of files of finished bars, through the engine that live runs: a bar is known at its close.

Columns that ticks drive are undefined here, as they are live for a symbol without ticks. The notional of a bar is
its typical price times its volume: what was traded at which price inside it is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from dataflows.assembly.feature_groups import groups_of
from dataflows.calendars import sessions_of_calendar
from dataflows.history import OnNames
from dataflows.sources.bar_file import BarFile, RawBars
from dataflows.sources.errors import BadFile
from dataflows.universe import Universe
from features.engine import FeatureEngine
from features.inputs import MAX_ROWS_PER_SERIES
from features.sessions import Sessions, session_at
from features.tick_inputs import TickPreparer
from ops.settings import Settings
from schema.bars import BarFlag, Bars, concat_bars, take_bars, zero_bars
from schema.features import FeatureRows
from schema.ticks import Int64, ticks_of
from schema.timeframes import BarKind, Timeframe, parse_timeframe

_MOST_ROWS: Final = 8_192  # of a batch, whole bar times


def bar_history(
    settings: Settings, files: Iterable[Path], on_read: Callable[[int], bool] = lambda read: False,
    on_names: OnNames = lambda names: None,
) -> Iterator[tuple[Bars, FeatureRows]]:  # fmt: skip
    """Yield bars and feature rows of files of bars of the one configured timeframe, in the given order.

    `on_read` is told how many bars were read and may ask to stop. Raises BadFile where a file isn't in order of time,
    has a symbol twice at a time, or a day that the calendar (`bars.calendar`) says the market was closed.
    """
    reader, rows = BarReader(settings), _Rows(settings)
    read = 0
    for path in files:
        file = BarFile(path)
        if file.daily and reader.timeframe.kind != BarKind.DAY:
            raise BadFile(
                path, f"bars a day, while the timeframe asked for is {reader.timeframe.name}",
                "a file of that timeframe", "ask for --timeframe 1d",
            )  # fmt: skip
        for raw in file.batches():
            for bars in reader.bars_of(file, raw):
                yield rows.of(bars, reader.universe)
            read += len(raw.day)
            on_names(reader.names)
            if on_read(read):
                return
    for bars in reader.rest():
        yield rows.of(bars, reader.universe)


class BarReader:
    """Turns raw bars into the engine's: ids, times, sessions; keeps back the last bar time, which may go on."""

    def __init__(self, settings: Settings) -> None:
        """Read bars of the one configured timeframe."""
        (name,) = settings.bars.timeframes
        self.timeframe: Timeframe = parse_timeframe(name)
        self.universe = Universe(settings.universe.listed, settings.universe.cap, settings.universe.leaders)
        self.sessions: Sessions = sessions_of_calendar(settings.bars.calendar)
        self._held: Bars | None = None
        self._calendar = settings.bars.calendar

    @property
    def names(self) -> list[str]:
        """The symbols' names by their ids."""
        return self.universe.names

    def bars_of(self, file: BarFile, raw: RawBars) -> Iterator[Bars]:
        """Yield batches of whole bar times."""
        bars = self._ordered(file, raw)
        if self._held is not None:
            bars = concat_bars([self._held, bars])
        complete = int(np.searchsorted(bars.time, bars.time[-1])) if len(bars.time) else 0
        self._held = take_bars(bars, slice(complete, None))
        yield from _cut(take_bars(bars, slice(0, complete)))

    def rest(self) -> Iterator[Bars]:
        """Yield the last bar time."""
        if self._held is not None:
            yield from _cut(self._held)

    def _ordered(self, file: BarFile, raw: RawBars) -> Bars:
        """Return the bars in the stream's order: by time, then by the symbol's name."""
        time, at = self._closes(file, raw.day)
        last = int(self._held.time[-1]) if self._held is not None and len(self._held.time) else 0
        steps = np.flatnonzero(np.diff(time, prepend=last) < 0)
        if len(steps):
            raise BadFile(
                file.path, f"a bar of {_text(time[steps[0]])} behind one of a later time", "bars in order of time",
                "sort the file by time and symbol, and give files oldest first",
            )  # fmt: skip
        for name in dict.fromkeys(raw.symbol.tolist()):
            self.universe.admit(name, int(time[0]))
        symbol = self.universe.ids(raw.symbol.tolist())
        if self.universe.auto and (symbol < 0).any():
            raise BadFile(file.path, f"more than {self.universe.cap} symbols", "at most that many",
                          "raise universe.cap, or name symbols in universe.symbols")  # fmt: skip
        rank = np.append(self.universe.rank, 0)[symbol]
        rows = np.lexsort((rank, time))
        rows = rows[symbol[rows] >= 0]
        self._refuse_repeats(file, time[rows], symbol[rows], raw)
        return self._filled(raw, rows, time[rows], symbol[rows], at[rows])

    def _refuse_repeats(self, file: BarFile, time: Int64, symbol: np.ndarray, raw: RawBars) -> None:
        held = self._held
        there = set() if held is None or not len(time) else set(held.symbol[held.time == time[0]].tolist())
        again = np.flatnonzero((np.diff(time) == 0) & (np.diff(symbol) == 0))
        first = [int(s) for s in symbol[time == time[0]] if int(s) in there] if len(time) else []
        if len(again) or first:
            k, who = (int(again[0]), int(symbol[again[0]])) if len(again) else (0, first[0])
            raise BadFile(
                file.path, f"two bars of {self.universe.names[who]} at {_text(time[k])}", "one a symbol and time",
                "drop one of them",
            )  # fmt: skip

    def _closes(self, file: BarFile, when: Int64) -> tuple[Int64, Int64]:
        """Return the close of each bar (ns UTC) and its session's place in the table."""
        sessions = self.sessions
        if not file.daily:
            times, inverse = np.unique(when, return_inverse=True)
            at = np.array([session_at(sessions, int(t) - 1) for t in times], np.int64)[inverse]
            if (at < 0).any():
                raise self._closed(file, when[(at < 0).argmax()])
            return when, at
        days = sessions.open // (86_400 * 10**9)
        at = np.minimum(np.searchsorted(days, when), len(days) - 1)
        if (days[at] != when).any():
            raise self._closed(file, when[(days[at] != when).argmax()] * 86_400 * 10**9)
        return sessions.close[at], at

    def _closed(self, file: BarFile, time: int) -> BadFile:
        return BadFile(
            file.path, f"a bar of {_text(time)}, when the calendar {self._calendar} has no session",
            "bars inside sessions", "name the market's calendar in bars.calendar (UTC: around the clock)",
        )  # fmt: skip

    def _filled(self, raw: RawBars, rows: Int64, time: Int64, symbol: np.ndarray, at: Int64) -> Bars:
        bars = zero_bars(len(rows))
        for quote in (bars.bid, bars.bid_size, bars.ask, bars.ask_size, bars.mid):
            quote[:] = np.nan
        bars.time[:], bars.symbol[:] = time, symbol
        bars.session_open[:], bars.session_close[:] = self.sessions.open[at], self.sessions.close[at]
        step = int(self.timeframe.every) if self.timeframe.kind == BarKind.INTERVAL else 0
        bars.start[:] = time - step if step else bars.session_open
        bars.open[:], bars.high[:], bars.low[:], bars.close[:] = raw.prices[rows].T
        bars.volume[:] = raw.volume[rows]
        bars.notional[:] = raw.volume[rows] * raw.prices[rows, 1:].mean(axis=1)
        bars.flags[:] = int(BarFlag.NO_QUOTE)
        bars.flags[raw.volume[rows] == 0] |= int(BarFlag.EMPTY)
        if step:
            bars.flags[bars.start <= bars.session_open] |= int(BarFlag.SESSION_FIRST)
        return bars


class _Rows:
    """Numbers the bars of each series and computes their features."""

    def __init__(self, settings: Settings) -> None:
        self._engine = FeatureEngine(groups_of(settings), 1, (True,))
        self._preparer = TickPreparer(settings.order.max_spread)
        self._counts = np.zeros(0, np.int64)

    def of(self, bars: Bars, universe: Universe) -> tuple[Bars, FeatureRows]:
        n_symbols = len(universe.names)
        self._engine.grow(n_symbols)
        self._preparer.grow(n_symbols)
        self._counts = np.concatenate((self._counts, np.zeros(n_symbols - len(self._counts), np.int64)))
        for time in np.split(np.arange(len(bars.time)), np.flatnonzero(np.diff(bars.time)) + 1):
            bars.sequence[time] = self._counts[bars.symbol[time]]
            self._counts[bars.symbol[time]] += 1
        leaders = universe.ids(universe.leaders).tolist()
        rows, _ = self._engine.step(self._preparer.prepare(ticks_of(0)), bars, leaders=leaders)
        return bars, FeatureRows(rows.values.copy(), rows.why.copy())


def _cut(bars: Bars) -> Iterator[Bars]:
    """Yield parts of whole bar times, none with more bar times than the engine takes at once."""
    begins = np.append(np.flatnonzero(np.diff(bars.time, prepend=-1)), len(bars.time))
    first = 0
    while first < len(begins) - 1:
        room = int(np.searchsorted(begins, begins[first] + _MOST_ROWS, side="right")) - 1
        last = min(max(room, first + 1), first + MAX_ROWS_PER_SERIES)
        last = min(last, len(begins) - 1)
        yield take_bars(bars, slice(int(begins[first]), int(begins[last])))
        first = last


def _text(ns: int) -> str:
    return f"{np.datetime64(int(ns), 'ns').astype('datetime64[s]')}Z"
