"""Law: eight numbers at a time are the same as one by one, in the order that is written down."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from features.lanes.arithmetic import every, first_at_least, fma, larger, most, total
from features.lanes.kinds import LANES
from features.lanes.logarithm import logarithm
from features.lanes.memory import load, room, row, store
from schema.ticks import Float64

MANY = 64
ROOT = Path(__file__).parents[2]


@njit
def logarithms(x: Float64, out: Float64) -> None:
    for b in range(0, len(x), LANES):
        store(row(out, 0), b, logarithm(load(x, b)))


@njit
def fused(a: Float64, b: Float64, c: Float64, out: Float64) -> None:
    store(row(out, 0), 0, fma(load(a, 0), load(b, 0), load(c, 0)))


@njit
def lane_by_lane(a: Float64, b: Float64, out: Float64) -> None:
    p, q = load(a, 0), load(b, 0)
    for k, value in enumerate((p + q, p - q, p * q, p / q, larger(p, q))):
        store(row(out, k), 0, value)


@njit
def summed(x: Float64, least: float) -> tuple[float, float, int]:
    eight = load(x, 0)
    return total(eight), most(eight), first_at_least(eight, least)


@njit
def through_room(table: Float64, i: int) -> float:
    copy, numbers = room(MANY), row(table, i)
    for b in range(0, MANY, LANES):
        store(copy, b, load(numbers, b) + every(1.0))
    copy[3] = 0.0
    result = 0.0
    for b in range(MANY):
        result += copy[b]
    return result


@njit
def polynomials(x: Float64, out: Float64) -> None:
    for b in range(0, len(x), LANES):
        a, sums = load(x, b), every(0.0)
        for _ in range(MANY):
            sums = fma(sums, a, logarithm(a * a))
        out[b] = total(sums / a)


def bits_of_many() -> str:
    """Return what the kernels make of seeded numbers, digit by digit."""
    x, out = np.random.default_rng(10).uniform(0.1, 0.9, MANY), np.zeros(MANY)
    polynomials(x, out)
    return out.tobytes().hex()


def test_a_logarithm_is_right_to_one_unit_in_the_last_place() -> None:
    random = np.random.default_rng(5)
    x = np.concatenate([
        np.exp(random.uniform(-700, 700, 40_000)), random.uniform(0.5, 2.0, 40_000),
        1.0 + random.normal(0, 1e-6, 8_000), np.ldexp(1.0, np.arange(-1_020, 1_020)), [1e-12, 0.5**0.5, 2.0**0.5, 1.0],
        np.nextafter(1.0, [0.0, 2.0]), [5e300, 2.3e-308],
    ])  # fmt: skip
    x = np.concatenate([x, np.ones(-len(x) % LANES)])
    out = np.empty_like(x)
    logarithms(x, out)
    expected = np.log(x.astype(np.longdouble))
    units = np.abs(out - expected) / np.spacing(np.abs(expected.astype(float)))
    assert units.max() < 1.0, f"log({x[units.argmax()]!r}) is off by {units.max():.3f} units"


def test_a_product_and_a_sum_are_rounded_once() -> None:
    random = np.random.default_rng(6)
    for _ in range(200):
        a, b = random.normal(size=(2, LANES))
        c, out = -a * b * (1 + random.integers(-2, 3, LANES) * 2.0**-52), np.empty((1, LANES))
        fused(a, b, c, out)
        exact = [float(Fraction(p) * Fraction(q) + Fraction(r)) for p, q, r in zip(a, b, c)]
        np.testing.assert_array_equal(out[0], exact)


def test_lanes_do_not_see_one_another() -> None:
    a, b = np.random.default_rng(7).normal(size=(2, LANES))
    out = np.empty((5, LANES))
    lane_by_lane(a, b, out)
    np.testing.assert_array_equal(out, [a + b, a - b, a * b, a / b, np.maximum(a, b)])


def test_lanes_are_added_up_in_pairs() -> None:
    random = np.random.default_rng(8)
    for _ in range(200):
        x = random.normal(size=LANES) * 10.0 ** random.integers(-8, 8, LANES)
        four = [x[j] + x[j + 4] for j in range(4)]
        assert summed(x, 0.0)[0] == (four[0] + four[2]) + (four[1] + four[3])


def test_the_largest_lane_and_the_first_that_is_large_enough() -> None:
    x = np.random.default_rng(9).normal(size=LANES)
    for least in (*x, -math.inf, math.inf):
        expected = next((j for j in range(LANES) if x[j] >= least), LANES)
        assert summed(x, least)[1:] == (x.max(), expected)


def test_a_row_is_one_of_its_array_and_room_is_private() -> None:
    table = np.arange(3.0 * MANY).reshape(3, MANY)
    before = table.copy()
    assert [through_room(table, i) for i in range(3)] == [(row_ + 1).sum() - row_[3] - 1 for row_ in before]
    np.testing.assert_array_equal(table, before)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names processors of x86-64")
@pytest.mark.parametrize("processor", ["generic", "haswell"])  # vectors of 128 bits without fma, of 256 with it
def test_bits_are_those_of_any_processor(processor: str, tmp_path: Path) -> None:
    setting = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = "from tests.features.test_lanes import bits_of_many; print(bits_of_many())"
    ran = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT,
        env={**os.environ, **setting},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == bits_of_many()
