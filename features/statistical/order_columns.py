"""What the columns of `order_statistics` are."""

from __future__ import annotations

from functools import partial

from features.catalogue import Column, Driver

WINDOW = 60
QUANTILES = (5, 25, 50, 75, 95)  # per cent

_column = partial(
    Column, inputs=("close",), driver=Driver.BAR, window=WINDOW + 1, warm_up=WINDOW + 1, unit="log return",
    range=(float("-inf"), float("inf")), oracle="naive", params={"window": WINDOW},
)  # fmt: skip
_size = partial(_column, range=(0.0, float("inf")))
_share = partial(_column, unit="ratio", range=(0.0, float("inf")))
COLUMNS = (
    *(
        _column(
            f"return_quantile_{percent}_60",
            f"{percent} % quantile of the last 60 log returns, linear between two",
            "numpy.quantile; Hyndman and Fan (1996), type 7",
            oracle="numpy.quantile",
        )
        for percent in QUANTILES
    ),
    _size("interquartile_range_60", "75 % - 25 % quantile of the last 60 log returns", "scipy.stats.iqr"),
    _column(
        "expected_shortfall_60",
        "mean of the 3 least of the last 60 log returns",
        "Acerbi and Tasche (2002), at 5 %",
    ),
    _share(
        "return_percentile_60",
        "share of the 59 log returns before that are less than the last, equal ones by half",
        "scipy.stats.percentileofscore, mean of weak and strict",
        unit="share",
        range=(0.0, 1.0),
        ties="equal returns count half",
    ),
    _share(
        "tail_ratio_60",
        "(95 % quantile - median) / (median - 5 % quantile) of the last 60 log returns",
        "Hogg (1974)",
        edges="no lower tail: undefined",
    ),
    _column(
        "quantile_skewness_60",
        "(75 % + 25 % quantile - 2 * median) / interquartile range of the last 60 log returns",
        "Bowley (1901)",
        unit="ratio",
        range=(-1.0, 1.0),
        edges="no range between quartiles: undefined",
    ),
    _share(
        "tail_weight_60",
        "(95 % - 5 % quantile) / interquartile range of the last 60 log returns",
        "Crow and Siddiqui (1967)",
        range=(1.0, float("inf")),
        edges="no range between quartiles: undefined",
    ),
    _share(
        "return_entropy_60",
        "entropy of the last 60 log returns' counts in 8 equal bins from the least to the greatest, / log 8",
        "Shannon (1948); numpy.histogram's bins",
        unit="share",
        range=(0.0, 1.0),
        edges="equal returns: undefined",
        ties="a return at a bin's edge falls above it",
    ),
)
