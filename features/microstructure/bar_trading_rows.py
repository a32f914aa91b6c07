"""The catalogue rows of `bar_trading`."""

from __future__ import annotations

import math
from functools import partial

from features.catalogue import Column, Driver

_column = partial(Column, driver=Driver.BAR, oracle="naive, in long double")
_bar = partial(_column, window=1, warm_up=1)
_signed = partial(_bar, unit="bps", range=(-math.inf, math.inf))
_positive = partial(_bar, range=(0.0, math.inf))
_quotes = ("bid", "ask")
_counted = partial(_column, window=20, warm_up=20, params={"window": 20}, edges="no trades in the window: undefined")
_spread = partial(_column, inputs=_quotes, window=60, warm_up=60, params={"window": 60}, range=(-math.inf, math.inf))

COLUMNS = (
    _signed(
        "bar_close_to_vwap_bps",
        "10,000 (close / vwap - 1), vwap = notional / volume of the bar",
        "Berkowitz, Logue and Noser (1988)",
        ("close", "notional", "volume"),
        edges="bar without volume: undefined",
    ),
    _signed(
        "close_to_mid_bps",
        "10,000 (close - mid) / mid at the close",
        "Hasbrouck (2007), the deviation of a trade from its efficient price",
        ("close", *_quotes),
        edges="no usable quote at the close: undefined",
    ),
    _column(
        "mid_less_trade_return_bps",
        "10,000 (log(mid / mid before) - log(close / close before))",
        "Hasbrouck (2007)",
        ("close", *_quotes),
        window=2,
        warm_up=2,
        unit="bps",
        range=(-math.inf, math.inf),
        edges="no usable quote at this close or the one before: undefined",
    ),
    _positive(
        "bar_trade_size_mean",
        "volume / trades of the bar",
        "O'Hara (1995)",
        ("volume", "trades"),
        unit="size",
        degree_size=1,
        edges="bar without trades: undefined",
    ),
    _positive(
        "turnover_per_second",
        "notional of the bar / its seconds",
        "Goyenko, Holden and Trzcinka (2009)",
        ("notional",),
        unit="quote currency / s",
        degree_price=1,
        degree_size=1,
        edges="0 in a bar without trades",
    ),
    _counted(
        "quote_to_trade_ratio_20",
        "quotes / trades of the last 20 bars",
        "Angel, Harris and Spatt (2011)",
        ("quotes", "trades"),
        unit="ratio",
        range=(0.0, math.inf),
    ),
    _counted(
        "trade_arrival_acceleration_20",
        "trades a bar over the last 5 bars / trades a bar over the last 20",
        "Engle and Russell (1998), the intensity beside its mean",
        ("trades",),
        unit="ratio",
        range=(0.0, 4.0),
    ),
    _spread(
        "spread_z_60",
        "(spread - mean) / standard deviation (of n) of ask - bid at the last 60 closes",
        "Chordia, Roll and Subrahmanyam (2000), quoted spread",
        unit="standard deviations",
        edges="NO_QUOTES at this close; all spreads equal: undefined; closes without quotes don't count",
        ties="a deviation within 1e-12 of the price is none",
    ),
    _positive(
        "bar_quote_to_trade_ratio",
        "quotes / trades of the bar",
        "Angel, Harris and Spatt (2011)",
        ("quotes", "trades"),
        unit="ratio",
        edges="bar without trades: undefined",
    ),
)
