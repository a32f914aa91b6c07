"""The columns of `basket`, in the order in which its kernel writes them."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from features.catalogue import Column, Driver
from features.cross_asset.ranks import LEAST

FEW = "no market at this bar time, or fewer than 2 rows to compare: undefined"

_column = partial(Column, inputs=("log_return",), driver=Driver.BAR, oracle="naive, in long double", edges=FEW)
_share = partial(_column, unit="ratio", range=(0.0, 1.0))
_return = partial(_column, unit="log return", range=(-math.inf, math.inf))
_spread = partial(_column, unit="log return", range=(0.0, math.inf))


def _over(window: int, **more: float) -> dict[str, Any]:
    """Return what a column's window says of it: returns begin with the second bar."""
    return {
        "window": window + 1,
        "warm_up": window + 1,
        "params": {"window": window, "least_rows": LEAST, **more},
    }


def _market_return(window: int) -> Column:
    return _return(
        f"market_return_{window}",
        f"sum of the last {window} market_return",
        source="Moskowitz, Ooi and Pedersen (2012)",
        **_over(window),
    )


def _market_volatility(window: int) -> Column:
    return _spread(
        f"market_volatility_{window}",
        f"sample standard deviation of the last {window} market_return",
        source="Schwert (1989)",
        **_over(window),
    )


_RANK = _share(
    "cross_volatility_rank_20",
    "(average rank of the root mean square of 20 log returns, in steps of 2^-40, - 1) / (rows - 1)",
    source="Ang, Hodrick, Xing and Zhang (2006)",
    ties="average rank",
    **_over(20),
)
_SHARED = (
    _market_return(5),
    _market_return(20),
    _market_return(60),
    _market_volatility(20),
    _market_volatility(60),
    _spread(
        "return_dispersion_20",
        "population standard deviation over the rows of the sum of 20 log returns",
        source="Stivers and Sun (2010)",
        **_over(20),
    ),
    _share(
        "breadth_20",
        "share of the rows whose sum of 20 log returns is above 0",
        source="Zaremba et al. (2021)",
        ties="a sum of less than 1e-12 is not up",
        **_over(20),
    ),
    _share(
        "breadth_above_mean_20",
        "share of the rows whose close is above the geometric mean of this and the 20 closes before",
        source="Zaremba et al. (2021)",
        ties="a close less than 1e-12 above is not above",
        **_over(20),
    ),
    _column(
        "average_correlation_64",
        "sum of cov(i, j) / sum of deviation(i) * deviation(j) over all pairs of rows i != j, 64 bars",
        source="Pollet and Wilson (2010); Cboe implied correlation index",
        unit="ratio",
        range=(-1.0, 1.0),
        edges="no market at this bar time, or fewer than 2 rows that moved in the window: undefined",
        **_over(64),
    ),
    _share(
        "absorption_64",
        "largest eigenvalue / sum of the eigenvalues of the rows' covariance over 64 bars",
        source="Kritzman, Li, Page and Rigobon (2011), with one eigenvector",
        edges="no market at this bar time, one that did not move, or a factor that 12 Lanczos steps do not find: "
        "undefined",
        **_over(64),
    ),
)
_LOADING = _column(
    "first_factor_loading_64",
    "correlation over 64 bars of the log return with the first principal component of the rows' covariance",
    source="Connor and Korajczyk (1986)",
    unit="ratio",
    range=(-1.0, 1.0),
    edges="no market at this bar time, a second eigenvalue above 0.9 of the first, a factor that 12 Lanczos steps do "
    "not find, or no move of its own: undefined",
    **_over(64, gap=0.9),
)
COLUMNS = (_RANK, *_SHARED, _LOADING)
SHARED, LOADING = 1, len(COLUMNS) - 1
WINDOWS = tuple(column.warm_up - 1 for column in _SHARED)
