"""Periodograms by numpy.fft.rfft of each window, in long double.

Returns of less than 1e-12 are none. A prefix of the columns' names tells the series: `spectral_` the log returns,
`price_cycle_` their sum less its least-squares line.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.oracles.registry import Market, each_series, oracle

LONG = np.longdouble
WINDOWS, PRICE_WINDOWS = (32, 64, 128, 256), (64, 256)
NAMES = (
    "low_share", "mid_share", "high_share", "centroid", "entropy", "flatness", "dominant_period", "bandwidth",
    "roll_off", "slope", "dominant_share", "phase_sin", "phase_cos", "log_power", "flux",
)  # fmt: skip
PRICE_NAMES = ("dominant_period", "dominant_share", "phase_sin", "phase_cos", "entropy")
FLOOR, TIE = LONG(1e-12), LONG(1e-9)
HALF_BIT = 2.0**-53


def moves(bars: dict[str, np.ndarray]) -> np.ndarray:
    """Return the log returns from the second bar on, 0 where they are none."""
    returns = bars["log_return"][1:]
    return np.where(np.abs(returns) > 1e-12, returns, 0.0)


@lru_cache(maxsize=64)
def windows(window: int, returns: bytes) -> np.ndarray:
    """Return the last `window` log returns of each bar that has them, shape (bars - window, window)."""
    values = np.frombuffer(returns).astype(LONG)
    return sliding_window_view(values, window) if len(values) >= window else np.empty((0, window), LONG)


def detrended(steps: np.ndarray) -> np.ndarray:
    """Return the sum of steps less its least-squares line."""
    price = np.cumsum(steps, axis=1)
    price -= price.mean(axis=1, keepdims=True)
    at = np.arange(steps.shape[1], dtype=LONG) - LONG(steps.shape[1] - 1) / 2
    return price - (price @ at / (at @ at))[:, None] * at


@lru_cache(maxsize=64)
def spectrum(prefix: str, window: int, returns: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return the transform of bins 1 .. W / 2 and the one-sided power, NaN rows where there is none."""
    steps = windows(window, returns)
    x = np.fft.rfft(steps if prefix == "spectral" else detrended(steps), axis=1)[:, 1:]
    power = np.abs(x) ** 2
    power[:, :-1] *= 2
    spread = ((steps - steps.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    power[spread <= LONG(1e-24) * steps[:, -1] ** 2] = np.nan
    return x, power


def dominant(p: np.ndarray) -> np.ndarray:
    """Return the index of the lowest bin within TIE of the largest."""
    return (p >= (1 - TIE) * p.max(axis=1, keepdims=True)).argmax(axis=1)


def describe(name: str, x: np.ndarray, power: np.ndarray) -> np.ndarray:
    bins = power.shape[1]
    window, total, every = 2 * bins, power.sum(axis=1), np.arange(len(power))
    p, frequency = power / total[:, None], np.arange(1, bins + 1, dtype=LONG) / (2 * bins)
    log, undefined = np.log(np.maximum(p, FLOOR)), np.isnan(total)
    if name == "low_share":
        return p[:, frequency < 0.1].sum(axis=1)
    if name == "mid_share":
        return p[:, (frequency >= 0.1) & (frequency < 0.3)].sum(axis=1)
    if name == "high_share":
        return p[:, frequency >= 0.3].sum(axis=1)
    if name == "centroid":
        return p @ frequency
    if name == "bandwidth":
        return np.sqrt((p * (frequency - (p @ frequency)[:, None]) ** 2).sum(axis=1))
    if name == "entropy":
        return -(p * log).sum(axis=1) / np.log(LONG(bins))
    if name == "flatness":
        return np.exp(log.mean(axis=1)) * bins
    if name == "slope":
        at = np.log(frequency) - np.log(frequency).mean()
        return log @ at / (at @ at)
    if name == "log_power":
        return np.log(total / window**2)
    if name == "roll_off":
        reached = np.cumsum(p, axis=1) >= LONG("0.85") * (1 - TIE)
        return np.where(undefined, np.nan, frequency[reached.argmax(axis=1)])
    if name == "flux":
        return np.concatenate(([np.nan], np.sqrt((np.diff(p, axis=0) ** 2).sum(axis=1))))[: len(p)]
    at = dominant(p)
    if name == "dominant_period":
        return np.where(undefined, np.nan, 1 / frequency[at])
    if name == "dominant_share":
        return p[every, at]
    turn = -2 * np.arctan2(LONG(0), LONG(-1)) * frequency[at]  # from the window's first bar to its last
    angle = np.angle(x[every, at]) + turn
    return np.where(undefined, np.nan, np.sin(angle) if name == "phase_sin" else np.cos(angle))


def amplitude_error(window: int, steps: np.ndarray, power: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return what each amplitude may be wrong by, as a share of the root of the power, shape (rows, 1).

    A bin of X gathers at most W (1 + 1 / 8) updates and before them W steps of Horner's rule, 5 roundings each, of
    sums that are at most sum |r| <= root (W sum r^2), r of the last 2 1/8 laps; `gain` is what |X|^2 counts in a bin.
    """
    squares = np.sqrt(window * (steps**2).sum(axis=1)).astype(float)
    laps = 9 * window // 8
    behind = sliding_window_view(np.concatenate([np.zeros(laps), squares]), laps + 1).max(axis=1)
    share = behind / np.sqrt(power.sum(axis=1)).astype(float)
    return (8 * window * HALF_BIT * np.sqrt(gain.sum()) * share)[:, None]


def tolerance(name: str, p: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Say what an error of every amplitude, root of p, does to a column: |change of p| <= 2 error (root of p + error).

    Where all bins err, the changes of p add up to at most 2 error root(bins), and twice that with the total's.
    """
    bins = p.shape[1]
    change, root = 4 * error[:, 0] * np.sqrt(bins), np.sqrt(np.maximum(p, float(FLOOR)))
    log = 4 * error / root
    if name in ("dominant_period", "roll_off"):
        return np.zeros(len(p))
    if name == "entropy":
        return change * 29 / np.log(bins)
    if name == "flatness":
        return log.mean(axis=1)
    if name == "slope":
        at = np.log(np.arange(1, bins + 1))
        return log @ np.abs(at - at.mean()) / ((at - at.mean()) ** 2).sum() + 1e-13
    if name == "bandwidth":
        return np.minimum(np.sqrt(change), change / width(p))
    if name == "flux":
        return change + np.concatenate(([0.0], change[:-1]))[: len(change)]
    if name.startswith("phase"):
        return 4 * error[:, 0] / np.sqrt(p.max(axis=1)) + 1e-13
    return change + 1e-14


def width(p: np.ndarray) -> np.ndarray:
    frequency = np.arange(1, p.shape[1] + 1) / (2 * p.shape[1])
    return np.sqrt((p * (frequency - (p @ frequency)[:, None]) ** 2).sum(axis=1)) + 1e-300


def parts_of(column: str) -> tuple[str, str, int]:
    prefix = "price_cycle" if column.startswith("price_cycle") else "spectral"
    name, window = column.removeprefix(f"{prefix}_").rsplit("_", 1)
    return prefix, name, int(window)


def bound(column: str, market: Market) -> np.ndarray:
    return _bound(column, market)


@each_series
def _bound(column: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    prefix, name, window = parts_of(column)
    result, returns = np.zeros(len(bars["n"])), moves(bars).tobytes()
    _, power = spectrum(prefix, window, returns)
    gain = np.ones(1)
    if prefix == "price_cycle":
        gain = 0.5 / np.sin(np.pi * np.arange(1, window // 2 + 1) / window) ** 2
    error = amplitude_error(window, windows(window, returns), power, gain)
    p = (power / power.sum(axis=1, keepdims=True)).astype(float)
    result[window:] = np.nan_to_num(tolerance(name, p, error))
    return result


@oracle(*(f"spectral_{name}_{window}" for window in WINDOWS for name in NAMES), bound=bound)
@oracle(*(f"price_cycle_{name}_{window}" for window in PRICE_WINDOWS for name in PRICE_NAMES), bound=bound)
@each_series
def spectral(column: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    prefix, name, window = parts_of(column)
    result = np.full(len(bars["n"]), np.nan)
    result[window:] = describe(name, *spectrum(prefix, window, moves(bars).tobytes()))
    return result
