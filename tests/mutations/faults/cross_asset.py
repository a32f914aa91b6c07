"""Faults in the kernels that compare symbols."""

from __future__ import annotations

from tests.mutations.fault import Fault, Kind

FAULTS = (
    Fault(
        "features/cross_asset/cross_section.py",
        "relative = log_return[k] - mean",
        "relative = log_return[first] - mean",
        Kind.SYMBOLS,
        "each row is compared with its own return",
    ),
    Fault(
        "features/cross_asset/cross_section.py",
        "mean = mean_of(room[:m])",
        "mean = mean_of(room)",
        Kind.FORGOTTEN,
        "the mean is over this bar time's returns, not what a scratch array still holds",
    ),
    Fault(
        "features/cross_asset/cross_section.py",
        "first, last = groups.first[g], groups.first[g + 1]\n        m = gather(log_return, first, last, room)",
        "first, last = groups.first[g], groups.first[g + 1]\n        m = gather(log_return, 0, last, room)",
        Kind.WINDOW,
        "the market is of one bar time",
    ),
    Fault(
        "features/cross_asset/cross_size.py",
        "(bars.ask[k] - bars.bid[k]) / bars.mid[k]",
        "(bars.bid[k] - bars.ask[k]) / bars.mid[k]",
        Kind.BID_ASK,
        "the widest spread has the highest rank",
    ),
    Fault(
        "features/cross_asset/cross_size.py",
        "why[k, SHARE] = why[k, CONCENTRATION] = NO_TRADES",
        "why[k, SHARE] = why[k, CONCENTRATION] = 0",
        Kind.VALIDITY,
        "a share of no volume says why it is undefined",
    ),
    Fault(
        "features/cross_asset/pair_sums.py",
        "old * at(market, t - MIDDLE - 1)",
        "old * at(market, t - MIDDLE)",
        Kind.WINDOW,
        "the product that leaves is the one that came in",
    ),
    Fault(
        "features/cross_asset/market_model.py",
        "state.market[f], state.leaders[f], state.led[f]",
        "state.market[f], state.leaders[f], state.led[f].copy()",
        Kind.FORGOTTEN,
        "how long leaders have been there outlives the bar time",
    ),
    Fault(
        "features/cross_asset/market_model.py",
        "= log_return[rows[j]] if has",
        "= log_return[rows[0]] if has",
        Kind.SIDES,
        "each leader has its own returns",
    ),
    Fault(
        "features/cross_asset/basket_sums.py",
        "sums[i, XX20] += x * x - middle * middle",
        "sums[i, XX20] += x * x - gone * gone",
        Kind.HORIZON,
        "the square that leaves the window of 20 is 20 old",
    ),
)
