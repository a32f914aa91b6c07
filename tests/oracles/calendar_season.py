"""Seasonal means by the definition: all bars of past visits to a minute, weighed by how many visits came since."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from schema.bars import BarFlag
from tests.oracles.registry import Market, each_series, oracle

LONG = np.longdouble
KEEP = LONG("0.95")
MINUTE = 60 * 10**9
NAMES = (
    "seasonal_return_mean",
    "seasonal_return_deviation",
    "seasonal_volume_mean",
    "seasonal_volume_deviation",
    "seasonal_volume_ratio",
)
MEAN, DEVIATION, ERROR = range(3)


def visits(bars: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each bar's slot, its visit to it (counted over all slots) and its session."""
    slot = (bars["start"] - bars["session_open"]) // MINUTE % 1_440
    first = bars["flags"] & BarFlag.SESSION_FIRST != 0
    changes = first | (np.diff(slot, prepend=slot[:1]) != 0)
    return slot, np.cumsum(changes), np.cumsum(first)


@lru_cache(maxsize=64)
def _usual(values: bytes, slots: bytes, visit: bytes) -> np.ndarray:
    """Return mean and deviation of each bar's past visits, and what roundings do to them, shape (bars, 3).

    A mean takes some 3 roundings of the largest value a bar of the longest visit, and as many a visit, of which the
    last 20 weigh; a deviation as many, since it is a sum of squares of differences that are each so far off.
    """
    x, slot, at = (np.frombuffer(b, t) for b, t in ((values, np.float64), (slots, np.int64), (visit, np.int64)))
    result, counts = np.full((len(x), 3), np.nan, LONG), np.arange(len(x)) > 0
    for own in np.unique(slot):
        rows = np.flatnonzero(slot == own)
        names = np.unique(at[rows])
        for rank in range(1, len(names)):
            past = rows[(at[rows] < names[rank]) & counts[rows]]
            weight = KEEP ** (rank - 1 - np.searchsorted(names, at[past])).astype(LONG)
            if not len(past):
                continue
            mean = (weight * x[past]).sum() / weight.sum()
            deviation = np.sqrt((weight * (x[past] - mean) ** 2).sum() / weight.sum())
            error = (3 * np.bincount(np.searchsorted(names, at[past])).max() + 60) * 2.0**-52 * np.abs(x[past]).max()
            here = rows[at[rows] == names[rank]]
            result[here] = mean, deviation if weight.sum() > 1 else np.nan, error
    return result


def usual(field: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    slot, visit, _ = visits(bars)
    values = np.nan_to_num(bars[field])  # a series' first bar has no return; it doesn't count
    return _usual(values.astype(np.float64).tobytes(), slot.tobytes(), visit.astype(np.int64).tobytes())


def so_far(values: np.ndarray, session: np.ndarray) -> np.ndarray:
    """Return the sums of what is known of each session, up to each bar."""
    result = np.zeros(len(values), LONG)
    for one in np.unique(session):
        result[session == one] = np.cumsum(np.nan_to_num(values[session == one]))
    return result


def bound(name: str, market: Market) -> np.ndarray:
    return _bound(name, market)


@each_series
def _bound(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    known = usual("log_return" if "return" in name else "volume", bars)
    if name != "seasonal_volume_ratio":
        return np.nan_to_num(known[:, ERROR]).astype(float)
    _, _, session = visits(bars)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = so_far(known[:, ERROR], session) / so_far(known[:, MEAN], session)
        return np.nan_to_num(share * _ratio(bars)).astype(float)


def _ratio(bars: dict[str, np.ndarray]) -> np.ndarray:
    mean, (_, _, session) = usual("volume", bars)[:, MEAN], visits(bars)
    expected = so_far(mean, session)
    volume = so_far(np.where(np.isnan(mean), 0, bars["volume"]), session)
    return np.where(expected > 0, volume / np.where(expected > 0, expected, 1), np.nan)


@oracle(*NAMES, bound=bound)
@each_series
def seasonal(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    if name == "seasonal_volume_ratio":
        return _ratio(bars)
    known = usual("log_return" if "return" in name else "volume", bars)
    return known[:, MEAN if name.endswith("mean") else DEVIATION]
