"""A seeded market that looks like a live one: for the demo, for load, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput, Snapshot
from dataflows.sources.block import cut
from dataflows.sources.errors import OtherLog
from dataflows.sources.files import lanes_of
from dataflows.sources.latent import STEPS_PER_SECOND, Latent, draw_path, new_market, of_day
from dataflows.sources.prints import SECOND_NS, draw_events, draw_ticks
from schema.ticks import UNKNOWN_KIND, Ticks, count, take

CHUNK_SECONDS: Final = 5
MONDAY_2024: Final = 1_704_067_200 * SECOND_NS  # 2024-01-01T00:00:00Z
OPENING: Final = MONDAY_2024 + 14 * 3600 * SECOND_NS
ODD_KIND_TEXT: Final = "'imbalance'"


class SyntheticMarket:
    """Quotes, trades and heartbeats of made-up symbols; the same seed and settings give the same bits for ever.

    Prices follow a market factor, volatility regimes, trends and reversions; the imbalance of a quote's sizes says
    something true about the next seconds. `faults` is the share of broken ticks (NaN, negative and tenfold prices,
    unknown kinds, crossed quotes, repeats); with any, one tick in a hundred arrives up to 0.5 s late and one in
    2,000 up to 4.5 s. 0 gives a clean feed.

    With `pace` None it is history: as fast as it is read, for `duration_s`. With a pace it is live: a tick is handed
    out once the clock, run at that many times its speed, has reached its ts_recv; an hour of downtime is caught up.
    """

    def __init__(
        self,
        symbols: int = 50,
        seed: int = 7,
        rate: float = 20.0,
        start_ns: int = OPENING,
        duration_s: float | None = None,
        pace: float | None = None,
        lanes: int = 1,
        batch_size: int = 65_536,
        faults: float = 0.002,
        opened_ns: int | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Make `symbols` symbols from the whole second of `start_ns` on.

        `rate` is the mean number of ticks a second and symbol in calm times, over the day; wild hours and bursts add
        a quarter.
        `clock` returns ns and is read only where there is a pace; `opened_ns` is what it showed when the market
        opened, its first reading by default. A market that opened earlier first catches up.
        """
        if pace is None and duration_s is None:
            raise ValueError("synthetic market: history needs a duration_s, a live market a pace; neither was given")
        if symbols < 1 or lanes < 1 or batch_size < 1 or rate < 0 or not 0 <= faults <= 1:
            raise ValueError(
                f"synthetic market: symbols {symbols}, lanes {lanes}, batch_size {batch_size}, rate {rate}, faults "
                f"{faults}; expected at least one of the first three, a rate of at least 0 and a share of faults"
            )
        self.names = tuple(f"SYN{k:03d}" for k in range(symbols))
        self.lanes = tuple(str(lane) for lane in range(lanes))
        self.batch_size, self.seed, self.faults = batch_size, seed, faults
        self.start_ns = start_ns - start_ns % SECOND_NS
        self._end_ns = None if duration_s is None else self.start_ns + int(duration_s * SECOND_NS)
        self._settings = [symbols, seed, rate, self.start_ns, duration_s, lanes, faults]
        self._lane_of = lanes_of(self.names, lanes)
        self._traits, self._latent = new_market(symbols, rate, np.random.Generator(np.random.Philox([seed, 0])))
        self._pace, self._clock = pace, clock
        self._epoch = opened_ns  # what the clock showed when the market opened
        self._chunk, self._row, self._offset, self._sequence = 0, 0, 0, 0
        self._latent_after = self._latent  # the hidden side at the chunk's end
        self._ticks: Ticks | None = None
        self._unknown: dict[int, str] = {}

    def next_batch(self) -> Arrivals | None:
        """Return the next ticks; live, those that have arrived, None if none has. Raises EndOfInput at the end."""
        ticks = self._current()
        high = min(self._row + self.batch_size, count(ticks))
        if self._pace is not None:
            high = min(high, int(np.searchsorted(ticks.ts_recv, self._now(), side="right")))
            if high == self._row:
                return None
        rows = take(ticks, slice(self._row, high))
        unknown = cut(self._unknown, self._row, high)
        self._row = high
        return Arrivals(rows, self.names, unknown_kinds=unknown)

    def position(self) -> Snapshot:
        """Return the chunk with the hidden state at its start, and the row in it."""
        return {
            "settings": self._settings,
            "chunk": self._chunk,
            "row": self._row,
            "offset": self._offset,
            "sequence": self._sequence,
            "latent": self._latent.snapshot(),
            "epoch": self._epoch,
        }

    def seek(self, position: Snapshot) -> None:
        """Continue from a position. Raises OtherLog where it is one of another market."""
        if list(position["settings"]) != self._settings:
            raise OtherLog(
                f"the synthetic market has (symbols, seed, rate, start, duration, lanes, faults) {self._settings}, the "
                f"position was taken in {list(position['settings'])}; use the same, or start without the checkpoint"
            )
        self._chunk, self._row = int(position["chunk"]), int(position["row"])
        self._offset, self._sequence = int(position["offset"]), int(position["sequence"])
        self._latent = Latent.restored(position["latent"])
        self._epoch = None if position["epoch"] is None else int(position["epoch"])
        self._ticks = None

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Name the seed as the source."""
        return [f"synthetic:{self.seed}"] * len(offset), np.asarray(lane), np.asarray(offset)

    def close(self) -> None:
        """Release the current chunk."""
        self._ticks = None

    def _current(self) -> Ticks:
        """Return the chunk with the next row in it."""
        while self._ticks is None or self._row >= count(self._ticks):
            if self._ticks is not None:
                self._chunk, self._row = self._chunk + 1, 0
                self._offset += count(self._ticks)
                self._sequence = max(self._sequence, int(self._ticks.sequence.max(initial=-1)) + 1)
                self._latent, self._ticks = self._latent_after, None
            self._ticks = self._drawn()
        return self._ticks

    def _drawn(self) -> Ticks:
        """Draw the current chunk, from the hidden state at its start."""
        start = self.start_ns + self._chunk * CHUNK_SECONDS * SECOND_NS
        if self._end_ns is not None and start >= self._end_ns:
            raise EndOfInput
        random = np.random.Generator(np.random.Philox([self.seed, self._chunk + 1]))
        self._latent_after = self._latent.copy()
        pace = of_day(start / SECOND_NS % 86_400)
        path = draw_path(self._traits, self._latent_after, CHUNK_SECONDS * STEPS_PER_SECOND, pace, random)
        printed = draw_events(path, start, len(self.lanes), self.faults, self._sequence, random)
        ticks = draw_ticks(self._traits, path, printed, self._lane_of, self._offset, random)
        if self._end_ns is not None:
            ticks = take(ticks, slice(0, int(np.searchsorted(ticks.ts_recv, self._end_ns))))
        self._unknown = dict.fromkeys(np.flatnonzero(ticks.kind == UNKNOWN_KIND).tolist(), ODD_KIND_TEXT)
        return ticks

    def _now(self) -> int:
        """Return the market's time by the clock."""
        shown = self._clock()
        if self._epoch is None:
            self._epoch = shown
        return self.start_ns + int((shown - self._epoch) * (self._pace or 0.0))
