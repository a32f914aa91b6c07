"""The columns of `market_model`, in the order in which its kernel writes them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from features.catalogue import Column, Driver
from features.cross_asset.ranks import LEAST

FLAT_MARKET = "no market at this bar time, or one that did not move in the window: undefined"
FLAT_EITHER = "no market at this bar time, or either did not move in the window: undefined"

_column = partial(
    Column,
    source="Sharpe (1963)",
    inputs=("log_return",),
    driver=Driver.BAR,
    oracle="naive, in long double",
    unit="ratio",
    range=(-math.inf, math.inf),
    edges=FLAT_MARKET,
)


def _over(window: int, lag: int = 0, **more: int) -> dict[str, Any]:
    """Return what a column's window says of it: returns begin with the second bar."""
    bars = window + lag + 1
    more |= {"lag": lag} if lag else {}
    return {"window": bars, "warm_up": bars, "params": {"window": window, "least_rows": LEAST, **more}}


def _of_window(window: int) -> Iterator[Column]:
    yield _column(
        f"market_beta_{window}",
        f"cov(log return, market_return) / var(market_return) over {window} bars",
        **_over(window),
    )
    yield _column(
        f"market_correlation_{window}",
        f"cov(log return, market_return) / (deviation of each) over {window} bars",
        range=(-1.0, 1.0),
        edges=FLAT_EITHER,
        **_over(window),
    )
    yield _column(
        f"idiosyncratic_volatility_{window}",
        f"sqrt(sum of squared residuals of the regression on market_return over {window} bars / {window - 2})",
        source="Ang, Hodrick, Xing and Zhang (2006)",
        unit="log return",
        range=(0.0, math.inf),
        **_over(window),
    )


def _of_market() -> Iterator[Column]:
    for window in (20, 60, 120):
        yield from _of_window(window)
    returns = partial(_column, unit="log return")
    yield returns("residual_return_60", "log return - market_beta_60 * market_return", **_over(60))
    yield returns(
        "residual_momentum_20",
        "sum of 20 log returns - market_beta_60 * sum of 20 market_return",
        source="Blitz, Huij and Martens (2011)",
        **_over(60, momentum=20),
    )
    for window in (20, 60):
        yield returns(
            f"relative_strength_{window}",
            f"sum of {window} log returns - sum of {window} market_return",
            source="Levy (1967)",
            edges="no market at this bar time: undefined",
            **_over(window),
        )
    yield _column(
        "downside_beta_60",
        "market_beta over those of 60 bars whose market_return is below 0",
        source="Bawa and Lindenberg (1977); Ang, Chen and Xing (2006)",
        edges="no market at this bar time, or its falls in the window are fewer than 2 or all the same: undefined",
        ties="a market_return of less than 1e-12 is no fall",
        **_over(60),
    )
    yield _column(
        "market_spread_z_60",
        "(level - mean) / sample deviation of 60 levels of the cumulated log return - market_return",
        source="Gatev, Goetzmann and Rouwenhorst (2006)",
        edges="no market at this bar time, or the series moved with it all the time: undefined",
        **_over(60),
    )
    for name, what in (
        ("lead", "log return, market_return 1 bars before"),
        ("lag", "market_return, log return 1 bars before"),
    ):
        yield _column(
            f"market_{name}_1_correlation_60",
            f"correlation({what}) over 60 bars",
            source="Lo and MacKinlay (1990)",
            range=(-1.0, 1.0),
            edges=FLAT_EITHER,
            **_over(60, 1),
        )


def _of_leader(leader: str) -> Iterator[Column]:
    edges = "no leader configured: no feed; the leader did not move in the window: undefined"
    either = "no leader configured: no feed; either did not move in the window: undefined"
    yield _column(
        f"{leader}_beta_60",
        f"cov(log return, return of the {leader.replace('_', ' ')}) / var(that return) over 60 bars",
        edges=edges,
        **_over(60),
    )
    yield _column(
        f"{leader}_correlation_60",
        f"correlation(log return, return of the {leader.replace('_', ' ')}) over 60 bars",
        range=(-1.0, 1.0),
        edges=either,
        **_over(60),
    )
    yield _column(
        f"{leader}_lead_1_correlation_60",
        f"correlation(log return, return of the {leader.replace('_', ' ')} 1 bar before) over 60 bars",
        source="Lo and MacKinlay (1990)",
        range=(-1.0, 1.0),
        edges=either,
        **_over(60, 1),
    )
    yield _column(
        f"{leader}_relative_strength_20",
        f"sum of 20 log returns - sum of 20 returns of the {leader.replace('_', ' ')}",
        source="Levy (1967)",
        unit="log return",
        edges="no leader configured: no feed",
        **_over(20),
    )


_MARKET, _LEADERS = tuple(_of_market()), [tuple(_of_leader(name)) for name in ("first_leader", "second_leader")]
COLUMNS = sum(_LEADERS, _MARKET)
OF_MARKET, OF_A_LEADER = len(_MARKET), len(_LEADERS[0])
