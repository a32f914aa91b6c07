"""Moments of the last log returns: sum, deviation, skewness, kurtosis, both sides, where the last one stands, and how
much came in jumps.

Seed:   none.
Edges:  undefined where the returns are equal (up to 1e-6 of their size), or, for shares, where nothing moved.
Cost:   O(1) a bar, 48 numbers a series, and a ring of 60: compensated sums of powers, built anew once a lap, and when a
        jump has left the window beside which the rest is small.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.statistical.bipower import LONG, TERMS, build, columns, neighbours, power, write_few, write_long
from features.statistical.moments_columns import moments
from features.statistical.sums import add, clear, drowned, due, slide
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOWS = (20, 60)
FLAT = 1e-12  # squared spread beside squared size below which returns are equal but for rounding
POWERS = 6  # sums a window: x, x² above and below 0, x³, x⁴, |x|
WIDTH = 10  # columns a window
PAIRS, FOUR = 12, 13  # where the sums of neighbours stand: |x y| of 20, and all TERMS of 60
SIZE = 24  # sums in all; seven fill vectors up
FEW, MANY = 20, 23  # columns of jumps, of 20 and of 60
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    windows: tuple[int, ...]
    flat: float


class State(NamedTuple):
    sums: Float64  # (series, SIZE) POWERS a window, then those of neighbours
    rests: Float64  # (series, SIZE) what rounding took from them
    roots: Float64  # (LONG, series) the third power mean's term of the last bars


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((n, SIZE)), np.zeros((n, SIZE)), np.zeros((LONG, n)))


@njit(cache=True, inline="always")
def _powers(x: float, terms: Float64, at: int) -> None:
    square = x * x
    terms[at] = x
    up = 0.5 * (x + abs(x))
    terms[at + 1], terms[at + 2] = up * up, (x - up) * (x - up)
    terms[at + 3], terms[at + 4], terms[at + 5] = square * x, square * square, abs(x)


@njit(cache=True, error_model="numpy")
def _build(sums: Float64, rests: Float64, i: int, n: int, returns: Float64, roots: Float64, j: int) -> None:
    """Add the sums of window j up anew."""
    at, terms = j * POWERS, np.zeros(SIZE)
    clear(sums, rests, i, at, at + POWERS)
    for lag in range(WINDOWS[j]):
        _powers(past(returns, i, n, lag), terms, at)
        add(sums, rests, i, at, at + POWERS, terms)
    if j == 0:
        build(sums, rests, i, n, returns, roots, WINDOWS[j], PAIRS, PAIRS + 1)
    elif j == 1:
        build(sums, rests, i, n, returns, roots, WINDOWS[j], FOUR, FOUR + TERMS)


@njit(cache=True, inline="always")
def _write(
    s: Float64, at: int, last: float, window: float, flat: float, out: Float64, why: UInt8, k: int, j: int
) -> float:
    """Write row k of one window from its sums `s[at ..]`, from column j on; return the sum of squares."""
    total, up, down, cubes, fourths, path = s[at], s[at + 1], s[at + 2], s[at + 3], s[at + 4], s[at + 5]
    each = 1.0 / window
    up, down = max(up, 0.0), max(down, 0.0)
    squares, mean = up + down, total * each
    variance = max((squares - total * mean) * each, 0.0)
    out[k, j] = total if abs(total) > TIE else 0.0
    out[k, j + 1] = math.sqrt(variance * window / (window - 1.0))
    out[k, j + 2], out[k, j + 3] = math.sqrt(down * each), math.sqrt(up * each)
    for column in range(j, j + WIDTH):
        why[k, column] = 0
    if squares > TIE * TIE:
        out[k, j + 4], out[k, j + 5] = down / squares, min(abs(total) / path, 1.0)
    else:
        out[k, j + 4] = out[k, j + 5] = np.nan
        why[k, j + 4] = why[k, j + 5] = EDGE
    if variance * window > max(flat * squares, TIE * TIE):
        scale, square = 1.0 / out[k, j + 1], mean * mean
        precise = scale * scale * (window / (window - 1.0))  # 1 / variance
        third = (cubes - 3.0 * mean * squares) * each + 2.0 * mean * square
        fourth = (fourths - 4.0 * mean * cubes + 6.0 * square * squares) * each - 3.0 * square * square
        out[k, j + 6] = third * precise * math.sqrt(precise)
        out[k, j + 7] = fourth * precise * precise - 3.0
        out[k, j + 8], out[k, j + 9] = mean * scale, (last - mean) * scale
    else:
        for column in range(j + 6, j + WIDTH):
            out[k, column], why[k, column] = np.nan, EDGE
    return float(squares)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    sums, rests, roots, returns = state.sums, state.rests, state.roots, history.log_return
    series, count, flat = bars.series, bars.n, params.flat
    came, left, now, fresh = np.zeros(SIZE), np.zeros(SIZE), np.zeros(SIZE), np.zeros(SIZE)
    for k in range(len(series)):
        i, n = series[k], count[k]
        last, before, third = past(returns, i, n, 0), past(returns, i, n, 1), past(returns, i, n, 2)
        if n > 3:
            roots[n % LONG, i] = power(last, before, third)
        if n <= WINDOWS[0]:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        _powers(last, fresh, 0)
        neighbours(last, before, third, roots[n % LONG, i], fresh, FOUR)
        for j in range(SIZE):
            came[j] = left[j] = 0.0
        for j in range(2):
            window, at = WINDOWS[j], j * POWERS
            if n > window and not due(n, window):
                for term in range(POWERS):
                    came[at + term] = fresh[term]
                old = past(returns, i, n, window)
                _powers(old, left, at)
                if j == 0:
                    came[PAIRS], left[PAIRS] = fresh[FOUR], abs(old) * abs(past(returns, i, n, window - 1))
                elif j == 1:
                    for term in range(FOUR, FOUR + TERMS):
                        came[term] = fresh[term]
                    after, next_ = past(returns, i, n, window - 1), past(returns, i, n, window - 2)
                    neighbours(old, after, next_, roots[(n + 2) % LONG, i], left, FOUR)
        slide(sums, rests, i, came, left)
        for j in range(2):
            at = j * POWERS
            gone = drowned(left[at + 1] + left[at + 2], sums[i, at + 1] + sums[i, at + 2])
            if due(n, WINDOWS[j]) or (n > WINDOWS[j] and gone):
                _build(sums, rests, i, n, returns, roots, j)
        for j in range(SIZE):
            now[j] = sums[i, j] + rests[i, j]
        for j in range(2):
            if n <= WINDOWS[j]:
                out[k, j * WIDTH : (j + 1) * WIDTH], why[k, j * WIDTH : (j + 1) * WIDTH] = np.nan, WARMING_UP
                continue
            squares = _write(now, j * POWERS, last, WINDOWS[j], flat, out, why, k, j * WIDTH)
            if j == 0:
                write_few(squares, now[4], now[PAIRS], WINDOWS[j], out, why, k, FEW)
            elif j == 1:
                write_few(squares, now[POWERS + 4], now[FOUR], LONG, out, why, k, MANY)
                write_long(squares, now, FOUR, out, why, k, MANY)
        if n <= LONG:
            out[k, MANY:], why[k, MANY:] = np.nan, WARMING_UP


register(
    Group(
        name="moments",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(*(column for window in WINDOWS for column in moments(window)), *columns(20), *columns(LONG)),
        params=Params(WINDOWS, FLAT),
        init=init,
        update=update,
        version=4,
    )
)
