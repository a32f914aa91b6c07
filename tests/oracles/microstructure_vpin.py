"""VPIN by cumulated volumes: each session's are cut at the edges of its buckets, sides by the last change of price."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tests.oracles.microstructure import Seen, symbols
from tests.oracles.registry import Market, oracle
from tests.oracles.windows import EPS, exact

DAY, PAUSE = 86_400 * 10**9, 300 * 10**9
BUCKETS = 50
SAME = 1e-12


def _sides(price: np.ndarray) -> np.ndarray:
    moves = np.diff(price, prepend=price[:1])
    sign = np.where(np.abs(moves) > SAME * price, np.sign(moves), 0)
    last = np.maximum.accumulate(np.where(sign != 0, np.arange(len(sign)), 0))
    return sign[last]


def _edges(volume: np.ndarray, before: np.longdouble) -> np.ndarray:
    """Return the cumulated volumes at which a session's buckets end; `volume` is cumulated by trade."""
    if before:
        size = before / BUCKETS
        return size * np.arange(1, int(volume[-1] / size * (1 + SAME)) + 1)
    edges, reached = [], np.longdouble(0)
    while True:
        k = np.searchsorted(volume * (1 - SAME), reached, "right")  # the first trade beyond
        if k == len(volume) or reached + volume[k] / BUCKETS > volume[-1] * (1 + SAME):
            return exact(np.array(edges))
        reached += volume[k] / BUCKETS
        edges.append(reached)


def _buckets(seen: Seen, rows: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the shares of a series' buckets, how many were full at each row, and which rows have a session before."""
    close, trades = seen.time[rows], seen.trades[rows]
    new = (start // DAY != np.append(0, start[:-1] // DAY)) | (start - np.append(0, close[:-1]) >= PAUSE)
    turns = np.flatnonzero(new)
    cuts = [0, *trades[turns].tolist(), int(trades[-1])]  # up to its first close a session is the one before
    side, size = _sides(seen.trade["price"]), exact(seen.trade["size"])
    shares, full, known = [np.zeros(0, np.longdouble)], np.zeros(len(rows), int), np.zeros(len(rows), bool)
    before, count = np.longdouble(0), 0
    for part, (begin, end) in enumerate(pairwise(cuts)):
        inside = slice(turns[part - 1] if part else 0, turns[part] if part < len(turns) else len(rows))
        volume = np.cumsum(size[begin:end])
        signed = np.cumsum(size[begin:end] * side[begin:end])
        edges = _edges(volume, before) if len(volume) and volume[-1] > 0 else np.zeros(0, np.longdouble)
        k = np.minimum(np.searchsorted(volume, edges), max(len(volume) - 1, 0))  # the trade in which each edge lies
        at = signed[k] - side[begin:end][k] * (volume[k] - edges)
        shares.append(np.diff(np.append(0, at)) / np.diff(np.append(0, edges)))
        done = np.append(0, volume)[trades[inside] - begin]
        full[inside] = count + np.searchsorted(edges * (1 - SAME), done, "right")
        known[inside] = before > 0
        count += len(edges)
        if part and len(volume) and volume[-1] > 0:
            before = volume[-1]
    return np.concatenate(shares), full, known


@oracle("vpin_50", "vpin_signed_50", "vpin_bucket_imbalance", bound=lambda name, market: 1e3 * EPS)
def vpin(name: str, market: Market) -> np.ndarray:
    """Shares lie within 1 and come of sums of sizes: a few hundred roundings of 1 over the laps of the sums."""
    result = np.full(len(market.bars.series), np.nan)
    for rows, seen in symbols(market):
        for series in np.unique(seen.series):
            own = np.flatnonzero(seen.series == series)
            if not seen.trades[own][-1]:
                continue
            shares, full, known = _buckets(seen, own, market.bars.start[rows][own])
            shares = np.concatenate([np.zeros(BUCKETS, np.longdouble), shares])
            total = np.cumsum(np.append(0, np.abs(shares) if name == "vpin_50" else shares))
            value = (total[full + BUCKETS] - total[full]) / BUCKETS
            value = shares[full + BUCKETS - 1] if name == "vpin_bucket_imbalance" else value
            result[rows[own]] = np.where(known & (full > 0), value, np.nan)
    return result
