"""Faults in the kernels of trades, and of bars of them."""

from __future__ import annotations

from tests.mutations.fault import Fault, Kind

FAULTS = (
    Fault(
        "features/microstructure/arrivals.py",
        "wait(waits, i, time - clock[i, LAST + TRADE], ticks.keep, t)",
        "wait(waits, i, time - ticks.time[max(t - 1, 0)], ticks.keep, t)",
        Kind.SYMBOLS,
        "a wait is since the symbol's own last trade",
    ),
    Fault(
        "features/microstructure/arrivals.py",
        "weigh(time - state.clock[i, LAST + kind], keep, gain)",
        "weigh(time - state.clock[i, LAST + TRADE], keep, gain)",
        Kind.DECAY,
        "a rate of quotes fades since the last quote",
    ),
    Fault(
        "features/microstructure/arrivals.py",
        "horizons.NO_TRADES if kind == TRADE else horizons.NO_QUOTES",
        "0 if kind == TRADE else horizons.NO_QUOTES",
        Kind.VALIDITY,
        "a rate of trades is undefined before the first",
    ),
    Fault(
        "features/microstructure/trades.py",
        "price * size, size * size, side * size",
        "price * size, size * size, -side * size",
        Kind.SIDES,
        "bought volume counts up",
    ),
    Fault(
        "features/microstructure/trades.py",
        "state.sums[i, NOTIONAL, h] * (SECOND / horizon)",
        "state.sums[i, NOTIONAL, h] * (SECOND / NS[0])",
        Kind.HORIZON,
        "turnover is divided by its own horizon",
    ),
    Fault(
        "features/microstructure/trades.py",
        "state.bar[j, VOLUME], state.bar[j, SIGNED] = 0.0, 0.0",
        "state.bar[j, SIGNED] = 0.0",
        Kind.RESET,
        "the volume of a bar starts anew with it",
    ),
    Fault(
        "features/microstructure/trades.py",
        "clock, sums, bar = state.clock, state.sums, state.bar",
        "clock, sums, bar = state.clock, state.sums.copy(), state.bar",
        Kind.FORGOTTEN,
        "decayed sums outlive the batch",
    ),
    Fault(
        "features/microstructure/trade_signs.py",
        "1.0 if rule * side > 0 else 0.0",
        "1.0 if rule * side < 0 else 0.0",
        Kind.SIDES,
        "both rules agree where their signs do",
    ),
    Fault(
        "features/microstructure/trade_signs.py",
        "clock[i, SIDE] = side if side != 0 else clock[i, SIDE]",
        "clock[i, SIDE] = side",
        Kind.RESET,
        "a trade of unknown side doesn't end a run",
    ),
    Fault(
        "features/microstructure/trade_signs.py",
        "weigh_price(sums, i, -moved, size, ticks.keep, t)",
        "weigh_price(sums, i, moved, size, ticks.keep, t)",
        Kind.SIGN,
        "prices before are measured from the new one",
    ),
    Fault(
        "features/microstructure/vpin.py",
        "b[TODAY] = b[SIZE] = b[FILLED] = b[FLOW] = 0.0",
        "b[TODAY] = 0.0",
        Kind.RESET,
        "the open bucket is given up with its session",
    ),
    Fault(
        "features/microstructure/vpin.py",
        "first = ticks.symbol[t] * frames",
        "first = 0 * frames",
        Kind.SYMBOLS,
        "a trade fills the buckets of its own symbol",
    ),
    Fault(
        "features/microstructure/bar_impact.py",
        "sign * (impact >= 0.0)",
        "sign * (impact > 0.0)",
        Kind.BOUNDARY,
        "bars that traded and did not move count, with no impact",
    ),
    Fault(
        "features/microstructure/bar_spreads.py",
        "write(out, why, k, 0, 2e4 * math.sqrt(max(covariance, 0.0)), long)",
        "write(out, why, k, 0, 2e4 * math.sqrt(max(-covariance, 0.0)), long)",
        Kind.SIGN,
        "Roll's spread is of the negative covariance",
    ),
)
