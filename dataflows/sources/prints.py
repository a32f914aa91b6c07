"""What the synthetic market shows of its hidden side: quotes, trades, heartbeats, and the faults of a real feed."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataflows.sources.latent import DT, Path, Traits
from schema.ticks import HEARTBEAT, NO_SEQUENCE, QUOTE, TRADE, UNKNOWN_KIND, Float64, Int32, Int64, Ticks, ticks_of

SECOND_NS: Final = 1_000_000_000
TRADES: Final = 0.3  # share of trades among the ticks
LATENCY_NS: Final = 400_000.0  # mean, from event to receipt
STRAGGLERS, STRAGGLE_NS = 0.01, 500_000_000  # share, and at most how late
LATECOMERS, LATE_NS = 0.0005, 4_000_000_000
LOT: Final = 100.0
(NAN_PRICE, NEGATIVE_PRICE, TENFOLD_PRICE, ODD_KIND, CROSSED_QUOTE, REPEATED), FAULTS = range(6), 6


class Printed(NamedTuple):
    """Events of one chunk in order of arrival, arrays of shape (n,)."""

    ts_event: Int64
    ts_recv: Int64
    cell: Int64  # step * S + symbol; -1 - lane of a heartbeat
    sequence: Int64  # place in the order of events; a repeated tick repeats it
    fault: NDArray[np.int8]  # -1 for none


def draw_events(
    path: Path, start_ns: int, lanes: int, faults: float, first_sequence: int, random: np.random.Generator
) -> Printed:
    """Draw when the ticks of a chunk happen and arrive; nothing arrives behind the chunk's end."""
    steps, symbols = path.mid.shape
    step_ns = int(DT * SECOND_NS)
    cell = np.repeat(np.arange(steps * symbols), random.poisson(path.pace).ravel())
    time = start_ns + ((cell // symbols + random.random(len(cell))) * step_ns).astype(np.int64)
    order = np.argsort(time, kind="stable")
    cell, time, n = cell[order], time[order], len(cell)
    delay = (LATENCY_NS * random.standard_exponential(n)).astype(np.int64)
    fault = np.full(n, -1, np.int8)
    if faults:
        chance = random.random(n)
        tardy = chance < STRAGGLERS
        delay[tardy] += random.integers(0, STRAGGLE_NS, int(tardy.sum()))
        tardy = chance < LATECOMERS
        delay[tardy] += random.integers(STRAGGLE_NS, LATE_NS, int(tardy.sum()))
        bad = 1.0 - chance < faults
        fault[bad] = random.integers(0, FAULTS, int(bad.sum()))
    arrival = np.minimum(time + delay, start_ns + steps * step_ns - 1)
    pulses = start_ns + np.repeat(np.arange(0, steps * step_ns, SECOND_NS), lanes)
    shown = np.repeat(np.arange(n), 1 + (fault == REPEATED))
    arrival = np.concatenate([arrival[shown], pulses])
    order = np.argsort(arrival, kind="stable")
    return Printed(
        ts_event=np.concatenate([time[shown], pulses])[order],
        ts_recv=arrival[order],
        cell=np.concatenate([cell[shown], -1 - np.arange(len(pulses)) % lanes])[order],
        sequence=np.concatenate([first_sequence + shown, np.full(len(pulses), NO_SEQUENCE)])[order],
        fault=np.concatenate([fault[shown], np.full(len(pulses), -1, np.int8)])[order],
    )


def draw_ticks(
    traits: Traits, path: Path, printed: Printed, lane_of: Int32, first_offset: int, random: np.random.Generator
) -> Ticks:
    """Fill in what the events show; rows with the same sequence show the same."""
    n = len(printed.cell)
    ticks = ticks_of(
        n,
        ts_event=printed.ts_event,
        ts_recv=printed.ts_recv,
        sequence=printed.sequence,
        offset=np.arange(first_offset, first_offset + n),
    )
    events = int(printed.sequence.max(initial=NO_SEQUENCE)) + 1
    first = int(printed.sequence[printed.sequence != NO_SEQUENCE].min(initial=events))
    fill(
        traits, path, printed, first, lane_of,
        random.random(events - first), random.random(events - first), random.standard_normal(events - first), ticks,
    )  # fmt: skip
    return ticks


@njit(cache=True)
def fill(
    traits: Traits, path: Path, printed: Printed, first: int, lane_of: Int32,
    chance: Float64, chance_side: Float64, z: Float64, ticks: Ticks,
) -> None:  # fmt: skip
    """Write kind, symbol, lane, prices and sizes of each event; the draws are one an event, by its sequence."""
    symbols = path.mid.shape[1]
    for k in range(len(printed.cell)):
        cell = printed.cell[k]
        if cell < 0:
            ticks.kind[k], ticks.lane[k] = HEARTBEAT, -1 - cell
            continue
        i, draw, fault = cell % symbols, printed.sequence[k] - first, printed.fault[k]
        mid, book = path.mid[cell // symbols, i], path.book[cell // symbols, i]
        ticks.symbol[k], ticks.lane[k] = i, lane_of[i]
        bid = np.floor(mid * (1.0 - traits.half_spread[i]) * 100.0)  # cents
        ask = max(np.ceil(mid * (1.0 + traits.half_spread[i]) * 100.0), bid + 1.0)
        price = np.nan
        if chance[draw] < TRADES:
            buys = chance_side[draw] < 0.5 + 0.3 * np.tanh(book)
            ticks.kind[k], ticks.side[k] = TRADE, 1 if buys else -1
            price = ask if buys else bid
            ticks.size[k] = 1.0 + np.floor(LOT * np.exp(0.8 * z[draw]))
        else:
            ticks.kind[k] = QUOTE
            share = 0.5 + 0.5 * np.tanh(0.7 * book + 0.3 * z[draw])
            depth = 40.0 * (0.5 + chance_side[draw])  # lots
            if fault == CROSSED_QUOTE:
                bid, ask = ask, bid
            ticks.bid_size[k] = LOT * max(1.0, np.round(depth * share))
            ticks.ask_size[k] = LOT * max(1.0, np.round(depth * (1.0 - share)))
        if fault == NAN_PRICE:
            price = bid = ask = np.nan
        scale = -100.0 if fault == NEGATIVE_PRICE else 10.0 if fault == TENFOLD_PRICE else 100.0
        if fault == ODD_KIND:
            ticks.kind[k] = UNKNOWN_KIND
        if chance[draw] < TRADES:
            ticks.price[k] = price / scale
        else:
            ticks.bid[k], ticks.ask[k] = bid / scale, ask / scale
