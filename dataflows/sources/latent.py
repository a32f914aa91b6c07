"""The synthetic market's hidden side: what moves prices, fills books and sets the pace, on a grid of time steps."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from dataflows.interfaces import Snapshot
from schema.ticks import Float64

STEPS_PER_SECOND: Final = 4
DT: Final = 1.0 / STEPS_PER_SECOND  # s
BOOK_MEMORY: Final = 3.0  # s, time constant of the book's imbalance
EDGE: Final = 0.12  # share of a step's standard deviation that one unit of imbalance adds to its mean
MARKET_SIGMA: Final = 5e-5  # of the market's log return over a second, calm
WILD: Final = 3.0  # times the calm volatility
BURST: Final = 8.0  # times the usual pace
CALM_SECONDS, WILD_SECONDS = 300.0, 60.0  # mean stay in a volatility regime
TREND_EVERY, TREND_SECONDS, TREND_STRENGTH = 120.0, 20.0, 0.25  # strength: of sigma, a square root of a second
PULL_EVERY, PULL_SECONDS, PULL_RATE = 180.0, 30.0, 0.1
SILENCE_EVERY, SILENCE_SECONDS = 900.0, 12.0
BURST_EVERY, BURST_SECONDS = 200.0, 2.0


class Traits(NamedTuple):
    """What a symbol is like, arrays of shape (S,)."""

    sigma: Float64  # of the own log return over a second, calm
    beta: Float64  # to the market's return
    pace: Float64  # ticks a second, on average over the day
    half_spread: Float64  # of the price


class Latent(NamedTuple):
    """State between two steps, arrays of shape (S,); the market is the last entry of `wild`, shape (S + 1,)."""

    log_mid: Float64
    book: Float64  # imbalance, standard normal in the long run; above 0 buyers wait
    wild: Float64  # 1 in the wild regime
    trend: Float64  # -1, 0, 1
    trend_left: Float64  # s
    anchor: Float64  # log price that a mean-reverting episode pulls to
    pull_left: Float64  # s
    silence_left: Float64  # s
    burst_left: Float64  # s

    def copy(self) -> Latent:
        """Return an independent copy."""
        return Latent(*(column.copy() for column in self))

    def snapshot(self) -> Snapshot:
        """Return the arrays by name."""
        return {field: column.copy() for field, column in self._asdict().items()}

    @classmethod
    def restored(cls, snapshot: Snapshot) -> Latent:
        """Return the state that `snapshot` gave."""
        return cls(**{field: np.array(snapshot[field], np.float64) for field in cls._fields})


class Path(NamedTuple):
    """What the hidden side did, arrays of shape (steps, S)."""

    mid: Float64
    book: Float64
    pace: Float64  # expected ticks of the step


def new_market(symbols: int, rate: float, random: np.random.Generator) -> tuple[Traits, Latent]:
    """Draw the symbols' traits and their first state; `rate` is the mean number of ticks a second and symbol."""
    activity = random.lognormal(0.0, 0.7, symbols)
    traits = Traits(
        sigma=1e-4 * random.uniform(0.6, 1.8, symbols),
        beta=random.uniform(0.5, 1.5, symbols),
        pace=rate * activity / activity.mean(),
        half_spread=1e-4 * random.uniform(0.5, 2.5, symbols),
    )
    log_mid = np.log(random.uniform(15.0, 400.0, symbols))
    latent = Latent(
        log_mid=log_mid,
        book=random.standard_normal(symbols),
        wild=np.zeros(symbols + 1),
        trend=np.zeros(symbols),
        trend_left=np.zeros(symbols),
        anchor=log_mid.copy(),
        pull_left=np.zeros(symbols),
        silence_left=np.zeros(symbols),
        burst_left=np.zeros(symbols),
    )
    return traits, latent


def of_day(seconds: float) -> float:
    """Return the pace at a time of day (s since midnight UTC) relative to the mean: busiest at 14:00."""
    return float(1.0 + 0.5 * np.cos(2.0 * np.pi * (seconds - 50_400.0) / 86_400.0))


def draw_path(traits: Traits, latent: Latent, steps: int, pace: float, random: np.random.Generator) -> Path:
    """Let the hidden side run `steps` steps, `latent` in place, at `pace` times the usual pace."""
    symbols = len(traits.sigma)
    path = Path(*(np.empty((steps, symbols)) for _ in Path._fields))
    step(
        traits, latent, path, pace,
        random.standard_normal((steps, symbols)), random.standard_normal((steps, symbols)),
        random.random((steps, symbols + 1)), random.standard_normal(steps),
    )  # fmt: skip
    return path


@njit(cache=True)
def step(
    traits: Traits, latent: Latent, path: Path, pace: float,
    z_price: Float64, z_book: Float64, chance: Float64, z_market: Float64,
) -> None:  # fmt: skip
    """Walk the grid: regimes and episodes begin by chance, then books and prices move."""
    steps, symbols = path.mid.shape
    memory = np.exp(-DT / BOOK_MEMORY)
    surprise = np.sqrt(1.0 - memory * memory)
    root = np.sqrt(DT)
    for t in range(steps):
        _maybe_switch(latent.wild, symbols, chance[t, symbols])
        market = MARKET_SIGMA * (WILD if latent.wild[symbols] else 1.0) * root * z_market[t]
        for i in range(symbols):
            _maybe_begin(latent, i, chance[t, i], z_price[t, i])
            sigma = traits.sigma[i] * (WILD if latent.wild[i] else 1.0)
            move = traits.beta[i] * market + sigma * root * (z_price[t, i] + EDGE * latent.book[i])
            if latent.trend_left[i] > 0.0:
                move += latent.trend[i] * TREND_STRENGTH * sigma * DT
            if latent.pull_left[i] > 0.0:
                move -= PULL_RATE * (latent.log_mid[i] - latent.anchor[i]) * DT
            latent.log_mid[i] += move
            latent.book[i] = memory * latent.book[i] + surprise * z_book[t, i]
            busy = BURST if latent.burst_left[i] > 0.0 else 1.0
            quiet = 0.0 if latent.silence_left[i] > 0.0 else 1.0
            path.mid[t, i] = np.exp(latent.log_mid[i])
            path.book[t, i] = latent.book[i]
            path.pace[t, i] = traits.pace[i] * pace * busy * quiet * (2.0 if latent.wild[i] else 1.0) * DT
            latent.trend_left[i] -= DT
            latent.pull_left[i] -= DT
            latent.silence_left[i] -= DT
            latent.burst_left[i] -= DT


@njit(cache=True)
def _maybe_switch(wild: Float64, i: int, chance: float) -> float:
    """Switch the volatility regime by chance; return what is left of the chance."""
    limit = DT / (WILD_SECONDS if wild[i] else CALM_SECONDS)
    if chance < limit:
        wild[i] = 1.0 - wild[i]
    return chance - limit


@njit(cache=True)
def _maybe_begin(latent: Latent, i: int, chance: float, z: float) -> None:
    """Begin at most one episode; it lasts half to some times its mean."""
    chance = _maybe_switch(latent.wild, i, chance)
    lasting = 0.5 + abs(z)
    if 0.0 <= chance < DT / TREND_EVERY:
        latent.trend[i] = 1.0 if z > 0.0 else -1.0
        latent.trend_left[i] = TREND_SECONDS * lasting
    chance -= DT / TREND_EVERY
    if 0.0 <= chance < DT / PULL_EVERY:
        latent.anchor[i] = latent.log_mid[i]
        latent.pull_left[i] = PULL_SECONDS * lasting
    chance -= DT / PULL_EVERY
    if 0.0 <= chance < DT / SILENCE_EVERY:
        latent.silence_left[i] = SILENCE_SECONDS * lasting
    chance -= DT / SILENCE_EVERY
    if 0.0 <= chance < DT / BURST_EVERY:
        latent.burst_left[i] = BURST_SECONDS * lasting
