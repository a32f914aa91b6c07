"""What `within_bar` gathers of each tick: numbers a symbol of what stands, numbers a series of the open bar."""

from __future__ import annotations

import math

from numba import njit

from features.bar_inputs import log_ratio
from features.ties import TIE
from schema.ticks import Float64, Int64

BID, BID_SIZE, ASK, ASK_SIZE, MID, PRICE, STANDS = range(7)  # of a symbol; the last usable quote, NONE before it
SHOWN = 7  # .. 10: spread in bps, depth imbalance, depth, 1 where locked or crossed; of that quote
SYMBOL = 11

QUOTED, INTEGRAL, CARRIED = 0, 1, 5  # of a bar: ns with a usable quote since its first quote, what it showed times ns;
CARRY = 6  # .. 9: whether one stood when the bar's first quote came, and what it showed
CHANGES, MID_SQUARES, FLOW, DEPTH = 10, 11, 12, 13
PRICE_SQUARES, KNOWN, BUYS, VOLUME, SIGNED, SIZE_SQUARES, LARGEST, LATENESS = range(14, 22)
WEIGHT, PAID, ANCHOR, PER_MID, APART = range(22, 27)  # trades beside the mid
SIDE, RUN, LONGEST_RUN, TURNS, LONGEST_WAIT = range(27, 32)
BAR = 32
FIRST_QUOTE, SINCE, FIRST_TRADE, LAST_TRADE = range(4)  # ns, 0 where the bar has none yet


@njit(cache=True)
def show(s: Float64, bid: float, bid_size: float, ask: float, ask_size: float) -> None:
    """Let a usable quote stand."""
    mid, depth = 0.5 * (bid + ask), bid_size + ask_size
    s[BID], s[BID_SIZE], s[ASK], s[ASK_SIZE], s[MID], s[STANDS] = bid, bid_size, ask, ask_size, mid, 1.0
    s[SHOWN] = 1e4 * (ask - bid) / mid
    s[SHOWN + 1] = (bid_size - ask_size) / depth if depth > 0.0 else 0.0
    s[SHOWN + 2] = depth
    s[SHOWN + 3] = 1.0 if ask - bid <= TIE * mid else 0.0


@njit(cache=True, inline="always")
def stood(s: Float64, b: Float64, times: Int64, time: int) -> None:
    """Count what stood up to a quote at `time`; before the bar's first one, for a time that the close will tell."""
    if times[FIRST_QUOTE] == 0:
        times[FIRST_QUOTE] = time
        b[CARRIED] = s[STANDS]
        for c in range(4):
            b[CARRY + c] = s[SHOWN + c]
    elif s[STANDS] != 0.0:
        dt = float(time - times[SINCE])
        b[QUOTED] += dt
        for c in range(4):
            b[INTEGRAL + c] += dt * s[SHOWN + c]
    times[SINCE] = time


@njit(cache=True, inline="always")
def flow_of(s: Float64, bid: float, bid_size: float, ask: float, ask_size: float) -> float:
    """Return what a usable quote added to the bid and took from the ask, beside the one before it."""
    tie, raised, lifted = TIE * bid, bid - s[BID], ask - s[ASK]
    flow = bid_size if raised >= -tie else 0.0
    flow -= s[BID_SIZE] if raised <= tie else 0.0
    flow -= ask_size if lifted <= tie else 0.0
    return flow + (s[ASK_SIZE] if lifted >= -tie else 0.0)


@njit(cache=True)
def quote(
    s: Float64, bar: Float64, times: Int64, first: int, last: int, time: int,
    bid: float, bid_size: float, ask: float, ask_size: float,
) -> None:  # fmt: skip
    """Apply a quote of symbol s to its open bars first .. last - 1."""
    for j in range(first, last):
        stood(s, bar[j], times[j], time)
    if not bid > 0.0:
        s[STANDS] = 0.0
        return
    if s[MID] != 0.0:
        move = ((bid - s[BID]) + (ask - s[ASK])) / (s[BID] + s[ASK])  # of the mid, without its rounding
        flow = flow_of(s, bid, bid_size, ask, ask_size)
        depth = bid_size + ask_size + s[BID_SIZE] + s[ASK_SIZE]
        change = math.log1p(move) if abs(move) > TIE else 0.0
        for j in range(first, last):
            bar[j, CHANGES] += change != 0.0
            bar[j, MID_SQUARES] += change * change
            bar[j, FLOW] += flow
            bar[j, DEPTH] += depth
    show(s, bid, bid_size, ask, ask_size)


@njit(cache=True, inline="always")
def beside(s: Float64, b: Float64, price: float, size: float, signed: float) -> None:
    """Count a trade beside the mid that stands."""
    if b[WEIGHT] == 0.0:
        b[ANCHOR] = s[MID]
    per_mid = signed / s[MID]
    b[WEIGHT] += size
    b[PAID] += per_mid * ((price - s[BID]) + (price - s[ASK]))
    b[PER_MID] += per_mid
    b[APART] += per_mid * (b[ANCHOR] - s[MID])


@njit(cache=True, inline="always")
def turn(b: Float64, side: float) -> None:
    """Count a trade of known side in the runs of one side."""
    b[TURNS] += side == -b[SIDE]
    b[RUN] = b[RUN] + 1.0 if side == b[SIDE] else 1.0
    b[LONGEST_RUN] = max(b[LONGEST_RUN], b[RUN])
    b[SIDE] = side
    b[KNOWN] += 1.0
    b[BUYS] += side > 0.0


@njit(cache=True)
def trade(
    s: Float64, bar: Float64, times: Int64, first: int, last: int, time: int, price: float, size: float, side: float
) -> None:
    """Apply a trade of symbol s to its open bars first .. last - 1."""
    moved = s[PRICE] != 0.0 and abs(price - s[PRICE]) > TIE * price
    change = log_ratio(price, s[PRICE]) if moved else 0.0
    s[PRICE] = price
    for j in range(first, last):
        b, t = bar[j], times[j]
        if t[FIRST_TRADE] == 0:
            t[FIRST_TRADE] = time
        else:
            b[LONGEST_WAIT] = max(b[LONGEST_WAIT], float(time - t[LAST_TRADE]))
        t[LAST_TRADE] = time
        b[PRICE_SQUARES] += change * change
        b[VOLUME] += size
        b[SIGNED] += side * size
        b[SIZE_SQUARES] += size * size
        b[LARGEST] = max(b[LARGEST], size)
        b[LATENESS] += size * float(time - t[FIRST_TRADE])
        if side != 0.0:
            turn(b, side)
            if s[STANDS] != 0.0 and size > 0.0:
                beside(s, b, price, size, side * size)
