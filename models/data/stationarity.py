"""Is a series stationary? Two tests that ask from opposite sides.

ADF (Said and Dickey 1984) takes a unit root for granted and may reject it; KPSS (Kwiatkowski et al. 1992) takes
stationarity for granted and may reject that. Both by statsmodels, of the extra `train`.
"""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np

from schema.ticks import Float64

_LEVEL: Final = 0.05
_MOST: Final = 3_000  # values, the newest: ADF tries many lags, and its cost grows with both
_LEAST: Final = 50


def stationarity(values: Float64) -> tuple[str, str]:
    """Return a verdict ("ok", or "note" where a test speaks against stationarity) and what was found, in words."""
    values = values[np.isfinite(values)][-_MOST:]
    if len(values) < _LEAST or values.min() == values.max():
        return "ok", f"not tested: {len(values)} values"
    try:
        from statsmodels.tsa.stattools import adfuller, kpss
    except ModuleNotFoundError:
        return "ok", "not tested: statsmodels is not installed (pip install 'undertone[train]')"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # KPSS warns where its p-value lies outside its table
        lags = int(12 * (len(values) / 100) ** 0.25)
        adf = float(adfuller(values, maxlag=lags, autolag=None)[1])
        level = float(kpss(values, nlags="auto")[1])
    stationary = adf < _LEVEL and level > _LEVEL
    verdict = "stationary" if stationary else "a unit root" if adf >= _LEVEL else "a level that moves"
    return "ok" if stationary else "note", f"{verdict} (p: ADF {adf:.3f}, KPSS {level:.3f}, {len(values)} values)"
