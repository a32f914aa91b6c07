"""What the columns of `moments` are, each over several windows."""

from __future__ import annotations

import math
from functools import partial

from features.catalogue import Column, Driver


def moments(window: int) -> tuple[Column, ...]:
    column = partial(
        Column, inputs=("close",), driver=Driver.BAR, window=window + 1, warm_up=window + 1, unit="log return",
        range=(0.0, float("inf")), oracle="naive", params={"window": window},
    )  # fmt: skip
    signed, still, equal = (float("-inf"), float("inf")), "no move: undefined", "equal returns: undefined"
    farthest = (window - 1) / math.sqrt(window) + 1e-6
    semi = "Barndorff-Nielsen, Kinnebrock and Shephard (2010)"
    return (
        column(f"return_{window}", f"log(close / close {window} bars ago)", "definition", range=signed),
        column(f"volatility_{window}", f"sample deviation (ddof 1) of the last {window} log returns", "numpy.std"),
        column(f"downside_semivolatility_{window}", f"sqrt(mean(min(log return, 0) ** 2)) of the last {window}", semi),
        column(f"upside_semivolatility_{window}", f"sqrt(mean(max(log return, 0) ** 2)) of the last {window}", semi),
        column(
            f"downside_share_{window}", f"share of falls in the sum of the last {window} squared log returns", semi,
            unit="share", range=(0.0, 1.0), edges=still,
        ),
        column(
            f"efficiency_ratio_{window}", f"|sum| / sum of sizes of the last {window} log returns",
            "Kaufman (1995), of the log close", unit="ratio", range=(0.0, 1.0), edges=still,
        ),
        column(
            f"skewness_{window}", f"third central moment / variance ** 1.5 of the last {window} log returns",
            "scipy.stats.skew, biased", unit="ratio", range=(-math.sqrt(window), math.sqrt(window)),
            oracle="scipy.stats.skew", edges=equal,
        ),
        column(
            f"kurtosis_{window}", f"fourth central moment / variance ** 2 - 3 of the last {window} log returns",
            "scipy.stats.kurtosis, biased", unit="ratio", range=(-2.0 - 1e-6, float(window)),
            oracle="scipy.stats.kurtosis", edges=equal,
        ),
        column(
            f"sharpe_{window}", f"mean / sample deviation of the last {window} log returns", "Sharpe (1994), a bar",
            unit="deviations", range=signed, edges=equal,
        ),
        column(
            f"zscore_{window}", f"(log return - mean) / sample deviation of the last {window}",
            "scipy.stats.zscore, ddof 1", unit="deviations", range=(-farthest, farthest), edges=equal,
        ),
    )  # fmt: skip
