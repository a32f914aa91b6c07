"""Windows over what `within_bar` gathered of each bar: sums that slide, and the regressions that they make.

Each sum has its count of terms that are not 0, and is 0 where there are none.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.microstructure import horizons
from features.microstructure import within_bar_ticks as w
from features.microstructure.bar_trading import ANCHOR, KNOWN, MISSING, SQUARES, SUM, slide
from features.microstructure.horizons import EDGE, WARMING_UP, write, write_share
from features.ties import TIE
from schema.ticks import Float64, Int64, UInt8

SHORT, LONG = 20, 60
X, Y, VOLUME, MID_SQUARES, PRICE_SQUARES, FLOW, DEPTH, U, PAID = range(9)  # of a bar: signed volume, mid return,
RING = 9  # .., U the count imbalance, PAID the signed volume in money
COUNT, SX, SY, SXY, SXX, SYY, MOVED = range(7)  # of the bars with a mid return
SIGNED, TOTAL, TRADED, MIDS, PRICES, PRICED, FLOWS, DEPTHS, QUOTED = range(7, 16)
SUMS = 16
OWN = 2  # row of the sums that LONG alone has: behind the five of depth
SU, SUU, SUP, SCALE, YS, SS, LAST_BID, LAST_ASK = range(5, 13)
CONSTANT = 1e-9  # share of the squares that variance must have


def init(n: int) -> tuple[Float64, Float64, Float64]:
    """Return ring, depths and sums of n series."""
    ring = np.zeros((n, LONG, RING))
    ring[:, :, Y] = MISSING
    return ring, np.full((n, LONG), MISSING), np.zeros((n, 3, SUMS))


@njit(cache=True)
def add(s: Float64, b: Float64, sign: float) -> None:
    x, y = b[X], b[Y]
    if y != MISSING:
        s[COUNT] += sign
        s[SX] += sign * x
        s[SY] += sign * y
        s[SXY] += sign * (x * y)
        s[SXX] += sign * (x * x)
        s[SYY] += sign * (y * y)
        s[MOVED] += sign if x != 0.0 else 0.0
    s[SIGNED] += sign * x
    s[TOTAL] += sign * b[VOLUME]
    s[TRADED] += sign if b[VOLUME] != 0.0 else 0.0
    s[MIDS] += sign * b[MID_SQUARES]
    s[PRICES] += sign * b[PRICE_SQUARES]
    s[PRICED] += sign if b[PRICE_SQUARES] != 0.0 else 0.0
    s[FLOWS] += sign * b[FLOW]
    s[DEPTHS] += sign * b[DEPTH]
    s[QUOTED] += sign if b[DEPTH] != 0.0 else 0.0
    if sign < 0.0 and s[TRADED] == 0.0:
        s[SIGNED] = s[TOTAL] = 0.0
    if sign < 0.0 and s[PRICED] == 0.0:
        s[PRICES] = 0.0


@njit(cache=True)
def add_root(own: Float64, b: Float64, sign: float) -> None:
    """Add a bar's signed root of money, measured by a scale that stays for a lap, and its product with the return."""
    if b[Y] != MISSING and b[PAID] != 0.0:
        size = abs(b[PAID]) / own[SCALE]
        own[YS] += sign * b[Y] * math.copysign(math.sqrt(size), b[PAID])
        own[SS] += sign * size


@njit(cache=True)
def rebuild(ring: Float64, sums: Float64) -> None:
    """Sum afresh the window whose last bar stands at slot 0."""
    own = sums[OWN]
    sums[0, :], sums[1, :], own[SU:LAST_BID] = 0.0, 0.0, 0.0
    for slot in range(LONG):
        own[SCALE] = max(own[SCALE], abs(ring[slot, PAID]))
    for slot in range(LONG):
        b = ring[slot]
        add(sums[1], b, 1.0)
        if slot == 0 or slot > LONG - SHORT:
            add(sums[0], b, 1.0)
        add_root(own, b, 1.0)
        own[SU] += b[U]
        own[SUU] += b[U] * b[U]
        if slot != 1:
            own[SUP] += b[U] * ring[slot - 1, U]


@njit(cache=True)
def put(s: Float64, b: Float64, own: Float64, row: Float64) -> None:
    """Write the numbers of a bar."""
    row[Y] = MISSING
    if s[w.STANDS] != 0.0 and own[LAST_BID] != 0.0:
        move = ((s[w.BID] - own[LAST_BID]) + (s[w.ASK] - own[LAST_ASK])) / (own[LAST_BID] + own[LAST_ASK])
        row[Y] = math.log1p(move) if abs(move) > TIE else 0.0
    own[LAST_BID] = s[w.BID] if s[w.STANDS] != 0.0 else 0.0
    own[LAST_ASK] = s[w.ASK]
    row[X] = b[w.SIGNED] if abs(b[w.SIGNED]) > TIE * b[w.VOLUME] else 0.0
    row[VOLUME], row[MID_SQUARES], row[PRICE_SQUARES] = b[w.VOLUME], b[w.MID_SQUARES], b[w.PRICE_SQUARES]
    row[FLOW], row[DEPTH] = b[w.FLOW], b[w.DEPTH]
    row[U] = (2.0 * b[w.BUYS] - b[w.KNOWN]) / b[w.KNOWN] if b[w.KNOWN] > 0.0 else 0.0
    row[PAID] = row[X] * s[w.PRICE]


@njit(cache=True)
def close(s: Float64, b: Float64, ring: Float64, depth: Float64, sums: Float64, n: int) -> None:
    """Slide the windows to the n-th bar."""
    slot, own = (n - 1) % LONG, sums[OWN]
    row, shown = ring[slot], b[w.INTEGRAL + 2] / b[w.QUOTED] if b[w.QUOTED] > 0.0 else MISSING
    slide(depth, own, slot, shown)
    if slot == 0:
        put(s, b, own, row)
        rebuild(ring, sums)
        return
    after = ring[(slot + 1) % LONG, U]  # the oldest that stays
    add_root(own, row, -1.0)
    add(sums[1], row, -1.0)
    own[SU] -= row[U]
    own[SUU] -= row[U] * row[U]
    own[SUP] -= row[U] * after
    add(sums[0], ring[(slot + LONG - SHORT) % LONG], -1.0)
    put(s, b, own, row)
    if own[SCALE] == 0.0:
        own[SCALE] = abs(row[PAID])
    add_root(own, row, 1.0)
    add(sums[0], row, 1.0)
    add(sums[1], row, 1.0)
    own[SU] += row[U]
    own[SUU] += row[U] * row[U]
    own[SUP] += row[U] * ring[slot - 1, U]


@njit(cache=True)
def regression(s: Float64) -> tuple[float, float, bool]:
    """Return slope and R^2 of the mid returns on signed volumes, and whether the volumes vary."""
    count = max(s[COUNT], 1.0)
    xx, xy, yy = s[SXX] - s[SX] * s[SX] / count, s[SXY] - s[SX] * s[SY] / count, s[SYY] - s[SY] * s[SY] / count
    if s[COUNT] < 3.0 or s[MOVED] == 0.0 or not xx > CONSTANT * s[SXX]:
        return 0.0, 0.0, False
    slope = xy / xx
    return slope, min(max(slope * xy / yy, 0.0), 1.0) if yy > TIE * TIE * count else -1.0, True


@njit(cache=True)
def read(seen: Int64, depth: Float64, sums: Float64, ring: Float64, n: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the columns of both windows, then those of the long one."""
    both = horizons.missing(seen[0], seen[1])
    no_trades, no_quotes = horizons.NO_TRADES if seen[0] == 0 else 0, horizons.NO_QUOTES if seen[1] == 0 else 0
    for at in range(2):
        s, c, window = sums[at], 16 + 4 * at, SHORT if at == 0 else LONG
        young = WARMING_UP if n < window else 0
        write_share(out, why, k, c, s[FLOWS], s[DEPTHS] if s[QUOTED] > 0.0 else 0.0, young or no_quotes)
        write_share(out, why, k, c + 1, s[SIGNED], s[TOTAL], young or no_trades)
        write_share(out, why, k, c + 2, max(s[MIDS], 0.0), s[PRICES], young or both)
        slope, fit, defined = regression(s)
        reason = WARMING_UP if n <= window else both or (0 if defined else EDGE)
        write(out, why, k, c + 3, 1e4 * slope, reason)
    write(out, why, k, 24, fit, reason or (EDGE if fit < 0.0 else 0))
    own = sums[OWN]
    paid = reason == 0 and own[SS] > 0.0
    write(out, why, k, 25, 1e4 * own[YS] / math.sqrt(sums[1, COUNT] * own[SS]) if paid else 0.0, reason)
    newest, oldest = ring[(n - 1) % LONG, U], ring[n % LONG, U]
    mean = own[SU] / LONG
    variance = own[SUU] - mean * own[SU]
    covariance = own[SUP] - mean * ((own[SU] - newest) + (own[SU] - oldest)) + (LONG - 1) * mean * mean
    write_share(out, why, k, 26, covariance, variance if variance > CONSTANT else 0.0, young or no_trades)
    value, known = depth[(n - 1) % LONG], max(own[KNOWN], 1.0)
    mean = own[SUM] / known
    variance, least = own[SQUARES] / known - mean * mean, CONSTANT * (own[ANCHOR] + mean)
    reason = young or no_quotes or (0 if value != MISSING and variance > least * least else EDGE)
    write(out, why, k, 27, (value - own[ANCHOR] - mean) / math.sqrt(variance) if reason == 0 else 0.0, reason)
