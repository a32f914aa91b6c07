"""The catalogue rows of `within_bar`."""

from __future__ import annotations

import math
from functools import partial

from features.catalogue import Column, Driver
from features.microstructure.within_bar_window_rows import WINDOWS

_column = partial(Column, driver=Driver.BAR, window=1, warm_up=1, oracle="naive, in long double")
_stood = partial(_column, source="McInish and Wood (1992)", edges="no usable quote stood: undefined")
_mids = partial(_column, inputs=("bid", "ask"), range=(0.0, math.inf))
_sizes = partial(_column, inputs=("size",), unit="share", range=(0.0, 1.0), edges="bar without volume: undefined")
_sides = partial(_column, inputs=("side",), edges="no trade of known side: undefined")
_beside = partial(_column, inputs=("price", "size", "side", "bid", "ask"), unit="bps", range=(-math.inf, math.inf))

COLUMNS = (
    _stood(
        name="bar_time_weighted_spread_bps",
        formula="mean over the bar's time of 10,000 (ask - bid) / mid of the quote that stood",
        inputs=("bid", "ask"),
        unit="bps",
        range=(-math.inf, math.inf),
    ),
    _stood(
        name="bar_time_weighted_depth_imbalance",
        formula="mean over the bar's time of (bid size - ask size) / (bid size + ask size), 0 without sizes",
        inputs=("bid_size", "ask_size"),
        unit="ratio",
        range=(-1.0, 1.0),
    ),
    _stood(
        name="bar_time_weighted_depth",
        formula="mean over the bar's time of bid size + ask size",
        inputs=("bid_size", "ask_size"),
        unit="size",
        range=(0.0, math.inf),
        degree_size=1,
    ),
    _stood(
        name="bar_locked_crossed_share",
        formula="share of the bar's time with a usable quote in which ask - bid <= 1e-12 mid",
        inputs=("bid", "ask"),
        unit="share",
        range=(0.0, 1.0),
        ties="ask and bid within 1e-12 of the mid are equal",
    ),
    _mids(
        name="bar_mid_changes",
        formula="usable quotes in the bar whose mid differs from that of the usable quote before",
        source="Jones, Kaul and Lipson (1994)",
        unit="quotes",
        edges="0 in a bar without quotes",
        ties="mids within 1e-12 are equal",
    ),
    _mids(
        name="bar_mid_realized_variance",
        formula="sum over the bar's usable quotes of log(mid / mid before)^2",
        source="Andersen, Bollerslev, Diebold and Labys (2003)",
        unit="1",
        edges="0 in a bar without quotes",
    ),
    _column(
        "bar_trade_realized_variance",
        "sum over the bar's trades of log(price / price before)^2",
        "Andersen, Bollerslev, Diebold and Labys (2003)",
        ("price",),
        unit="1",
        range=(0.0, math.inf),
        edges="0 in a bar without trades",
    ),
    _sides(
        name="bar_trade_count_imbalance",
        formula="(buys - sells) / (buys + sells) of the bar",
        source="Chordia, Roll and Subrahmanyam (2002)",
        unit="ratio",
        range=(-1.0, 1.0),
    ),
    _sizes("bar_largest_trade_share", "largest trade size / volume of the bar", "Barclay and Warner (1993)"),
    _sizes(
        "bar_trade_concentration",
        "sum of squared trade sizes / squared volume of the bar",
        "Herfindahl's index, Rhoades (1993)",
        range=(0.0, 1.0 + 1e-12),
    ),
    _column(
        "bar_longest_run",
        "most trades in a row of one side in the bar, those of unknown side passed over",
        "Wald and Wolfowitz (1940)",
        ("side",),
        unit="trades",
        range=(0.0, math.inf),
        edges="0 without a trade of known side",
    ),
    _sides(
        name="bar_trade_reversal_share",
        formula="share of the bar's successive trades of known side that turn the side",
        source="Biais, Hillion and Spatt (1995)",
        unit="share",
        range=(0.0, 1.0),
        edges="fewer than two trades of known side: undefined",
    ),
    _column(
        "bar_longest_wait_share",
        "longest time without a trade in the bar, its ends included, / its length",
        "Engle and Russell (1998), durations",
        ("ts_event", "price"),
        unit="share",
        range=(0.0, 1.0),
        edges="1 in a bar without trades",
    ),
    _sizes(
        "bar_volume_centroid",
        "mean of (time - start) / length of the bar's trades, weighted by size",
        "Admati and Pfleiderer (1988), volume through time",
        inputs=("ts_event", "size"),
        range=(0.0, 1.0 + 1e-12),
    ),
    _beside(
        name="bar_effective_spread_bps",
        formula="mean of 20,000 side (price - mid) / mid over the bar's trades, weighted by size",
        source="Huang and Stoll (1996)",
        edges="no trade of known side beside a usable quote: undefined",
    ),
    _beside(
        name="bar_price_impact_bps",
        formula="mean of 20,000 side (mid at the close - mid) / mid over the bar's trades, weighted by size",
        source="Huang and Stoll (1996)",
        edges="as bar_effective_spread_bps, and no usable quote at the close: undefined",
    ),
    *WINDOWS,
)
