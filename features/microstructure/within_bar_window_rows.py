"""The catalogue rows of `within_bar` that look back over 20 and 60 bars."""

from __future__ import annotations

import math
from functools import partial

from features.catalogue import Column, Driver

_column = partial(Column, driver=Driver.BAR, oracle="naive, in long double")


def _both(window: int) -> tuple[Column, ...]:
    of = partial(_column, window=window, warm_up=window, params={"window": window})
    returns = partial(_column, window=window + 1, warm_up=window + 1, params={"window": window})
    return (
        of(
            f"order_flow_imbalance_{window}",
            f"sum of order flow / sum of depths of successive usable quotes, over {window} bars",
            "Cont, Kukanov and Stoikov (2014)",
            ("bid", "bid_size", "ask", "ask_size"),
            unit="ratio",
            range=(-1.0, 1.0),
            edges="no two usable quotes: undefined",
            ties="a price unchanged within 1e-12 counts on both sides",
        ),
        of(
            f"signed_volume_share_{window}",
            f"sum of side * size / sum of size, over {window} bars",
            "Lee and Ready (1991)",
            ("size", "side"),
            unit="ratio",
            range=(-1.0 - 1e-9, 1.0 + 1e-9),
            edges="no volume: undefined",
        ),
        of(
            f"mid_to_trade_variance_ratio_{window}",
            f"sum of squared log changes of mids / sum of those of trade prices, over {window} bars",
            "Hansen and Lunde (2006), the noise of trade prices",
            ("price", "bid", "ask"),
            unit="ratio",
            range=(0.0, math.inf),
            edges="no change of trade prices: undefined",
        ),
        returns(
            f"kyle_lambda_{window}",
            f"slope of 10,000 log(mid / mid at the close before) on side * size of the bar, over {window} bars",
            "Kyle (1985)",
            ("size", "side", "bid", "ask"),
            unit="bps / size",
            range=(-math.inf, math.inf),
            degree_size=-1,
            edges="bars without a mid at either close don't count; fewer than 3, or volumes all equal: undefined",
        ),
    )


_long = partial(_column, window=60, warm_up=60, params={"window": 60})
_returns = partial(_column, window=61, warm_up=61, params={"window": 60})
WINDOWS = (
    *_both(20),
    *_both(60),
    _returns(
        "kyle_r2_60",
        "R^2 of the regression of kyle_lambda_60",
        "Kyle (1985)",
        ("size", "side", "bid", "ask"),
        unit="share",
        range=(0.0, 1.0),
        edges="as kyle_lambda_60, and where the mid never moves: undefined",
    ),
    _returns(
        "hasbrouck_lambda_60",
        "slope b, without intercept, of 10,000 log(mid / mid at the close before) on S = sign(v) sqrt(|v| close), "
        "v = sum of side * size of the bar, over 60 bars; times sqrt(mean S^2)",
        "Hasbrouck (2009), with a bar for a trade",
        ("price", "size", "side", "bid", "ask"),
        unit="bps at the mean |v| close",
        range=(-math.inf, math.inf),
        edges="as kyle_lambda_60",
    ),
    _long(
        "trade_sign_autocorrelation_60",
        "autocorrelation at lag 1 of (buys - sells) / (buys + sells), 0 in bars without, over 60 bars",
        "Hasbrouck and Ho (1987)",
        ("side",),
        unit="correlation",
        range=(-1.0, 1.0),
        edges="all equal: undefined",
    ),
    _long(
        "depth_z_60",
        "(depth - mean) / standard deviation (of n) of bar_time_weighted_depth over 60 bars",
        "Chordia, Roll and Subrahmanyam (2000), depth",
        ("bid_size", "ask_size"),
        unit="standard deviations",
        range=(-math.inf, math.inf),
        edges="no usable quote in this bar, or a deviation within 1e-9 of the mean: undefined",
    ),
)
