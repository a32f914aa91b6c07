"""Faults in the kernels that read scored items, and in the fear index."""

from __future__ import annotations

from tests.mutations.fault import Fault, Kind

FAULTS = (
    Fault(
        "features/sentiment/decays.py",
        "left = keep * held[WEIGHT]",
        "left = held[WEIGHT]",
        Kind.DECAY,
        "the items before count less the older they are",
    ),
    Fault(
        "features/sentiment/kind.py",
        "recent[BEFORE], recent[SCORE] = recent[SCORE], score",
        "recent[BEFORE] = recent[SCORE] = score",
        Kind.ORDER,
        "the score before is kept before the new one is written",
    ),
    Fault(
        "features/sentiment/kind.py",
        "if score > 0.0 else 0.0) - recent[POSITIVE]",
        "if score >= 0.0 else 0.0) - recent[POSITIVE]",
        Kind.BOUNDARY,
        "a score of 0 is not positive",
    ),
    Fault(
        "features/sentiment/kind.py",
        "held[WEIGHT] * kept(age, params.horizons[h])",
        "held[WEIGHT] * kept(age, params.horizons[0])",
        Kind.HORIZON,
        "each count fades with its own horizon until the close",
    ),
    Fault(
        "features/sentiment/both.py",
        "share = news / (news + social)",
        "share = social / (news + social)",
        Kind.SIDES,
        "the pooled mean weighs news by the share of news",
    ),
    Fault(
        "features/sentiment/both.py",
        "out[k, POOLED + h] - out[k, POOLED + LONG]",
        "out[k, POOLED + LONG] - out[k, POOLED + h]",
        Kind.SIGN,
        "momentum is the short mean less the long one",
    ),
    Fault(
        "features/sentiment/day.py",
        "now = (bars.time[k] - 1) // WIDTH",
        "now = bars.time[k] // WIDTH",
        Kind.BOUNDARY,
        "a close on the half-hour belongs to the one that it ends",
    ),
    Fault(
        "features/sentiment/day.py",
        "        state.held[i, kind, slot, :] = 0.0\n",
        "",
        Kind.RESET,
        "a half-hour's slot starts empty on the next day",
    ),
    Fault(
        "features/sentiment/price_gap.py",
        "move(params, state, bars.series[k],",
        "move(params, state, bars.symbol[k],",
        Kind.SYMBOLS,
        "returns are of a symbol in one timeframe",
    ),
    Fault(
        "features/sentiment/price_gap.py",
        "    state.closed[j] = time\n",
        "",
        Kind.DECAY,
        "returns fade by the time since the bar before",
    ),
    Fault(
        "features/sentiment/fear.py",
        "return value * value if abs(value) > tie else 0.0",
        "return value * value",
        Kind.TIE,
        "a window whose prices are the same decimals has no volatility",
    ),
)
