"""What the columns of `dependence` are: autocorrelations, tests on them, variance ratios and the Hurst exponent."""

from __future__ import annotations

from functools import partial

from features.catalogue import Column, Driver
from features.statistical.dependence_sums import HOLDING, LAGS, SQUARED_LAGS, WINDOW

_column = partial(
    Column, inputs=("close",), driver=Driver.BAR, window=WINDOW + 1, warm_up=WINDOW + 1, unit="ratio",
    range=(-1.0 - 1e-6, 1.0 + 1e-6), oracle="naive; statsmodels acf", params={"window": WINDOW},
    edges="equal returns: undefined",
)  # fmt: skip
COLUMNS = (
    *(
        _column(
            f"autocorrelation_{lag}_60",
            f"sum of d[t] * d[t - {lag}] over sum of d ** 2, d = log return - mean of the last 60",
            "Box and Jenkins; statsmodels acf (adjusted=False)",
        )
        for lag in LAGS
    ),
    *(
        _column(
            f"squared_autocorrelation_{lag}_60",
            f"as autocorrelation_{lag}_60, of the squared log returns",
            "McLeod and Li (1983)",
            edges="equal returns, or returns of equal size: undefined",
        )
        for lag in SQUARED_LAGS
    ),
    _column(
        "ljung_box_5_60",
        "60 * 62 * sum over lags 1 .. 5 of autocorrelation ** 2 / (60 - lag)",
        "Ljung and Box (1978); statsmodels acorr_ljungbox",
        unit="chi-squared, 5 degrees of freedom",
        range=(0.0, 340.0),
        oracle="naive; statsmodels acorr_ljungbox",
    ),
    _column(
        "durbin_watson_60",
        "sum of squared changes of the log return over sum of d ** 2",
        "Durbin and Watson (1950); statsmodels durbin_watson, of d",
        range=(0.0, 4.0 + 1e-6),
        oracle="naive; statsmodels durbin_watson",
    ),
    _column(
        "leverage_60",
        "correlation-like: sum of d[t - 1] * e[t] / sqrt(sum of d ** 2 * sum of e ** 2), e of squared returns",
        "Bouchaud, Matacz and Potters (2001)",
        oracle="naive",
        edges="equal returns, or returns of equal size: undefined",
    ),
    *(
        _column(
            f"variance_ratio_{q}_60",
            f"variance of overlapping sums of {q} / ({q} * variance), of the last 60 log returns, both unbiased",
            "Lo and MacKinlay (1988)",
            range=(0.0, q * 1.2),
            oracle="naive",
            params={"window": WINDOW, "holding": q},
        )
        for q in HOLDING
    ),
    _column(
        "hurst_60",
        "half the least-squares slope of log variance over log q, of overlapping sums of q = 1, 2, 5 and 10 of the "
        "last 60 log returns",
        "aggregated variance (Taqqu, Teverovsky and Willinger 1995), overlapping sums",
        unit="exponent",
        range=(float("-inf"), float("inf")),
        oracle="naive",
        edges="equal returns, or sums of several that never vary: undefined",
    ),
)
