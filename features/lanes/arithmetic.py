"""What is computed with eight numbers at a time, and how they become one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types

from features.lanes.kinds import LANES, LANES_TYPE, VECTOR, Lanes, compiled

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def every(value: float) -> Lanes:
    """Return a number in every lane."""
    raise NotImplementedError


def fma(a: Lanes, b: Lanes, c: Lanes) -> Lanes:
    """Return a * b + c, rounded once."""
    raise NotImplementedError


def larger(a: Lanes, b: Lanes) -> Lanes:
    """Return the larger number of each lane, b's where one is NaN."""
    raise NotImplementedError


def total(a: Lanes) -> float:
    """Return the sum of the lanes: j and j + 4 first, then j and j + 2, then the last two."""
    raise NotImplementedError


def most(a: Lanes) -> float:
    """Return the largest lane."""
    raise NotImplementedError


def first_at_least(a: Lanes, least: float) -> int:
    """Return the first lane whose number is `least` or larger, LANES where there is none."""
    raise NotImplementedError


@compiled(every, lambda value: LANES_TYPE if isinstance(value, types.Float) else None)
def _every(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    nothing = ir.Constant(VECTOR, ir.Undefined)
    one = builder.insert_element(nothing, args[0], ir.Constant(_I32, 0))
    return builder.shuffle_vector(one, nothing, _chosen([0] * LANES))


@compiled(fma, lambda a, b, c: LANES_TYPE if a == b == c == LANES_TYPE else None)
def _fma(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    name, kind = f"llvm.fma.v{LANES}f64", ir.FunctionType(VECTOR, [VECTOR] * 3)
    return builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), args)


@compiled(larger, lambda a, b: LANES_TYPE if a == b == LANES_TYPE else None)
def _larger(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return _larger_of(builder, *args)


@compiled(total, lambda a: types.float64 if a == LANES_TYPE else None)
def _total(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return _folded(builder, args[0], builder.fadd)


@compiled(most, lambda a: types.float64 if a == LANES_TYPE else None)
def _most(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return _folded(builder, args[0], lambda p, q: _larger_of(builder, p, q))


@compiled(first_at_least, lambda a, least: types.intp if a == LANES_TYPE and least == types.float64 else None)
def _first_at_least(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    enough = builder.fcmp_ordered(">=", args[0], _every(context, builder, sig, args[1:]))
    found = builder.zext(builder.bitcast(enough, ir.IntType(LANES)), _I64)
    return builder.cttz(builder.or_(found, ir.Constant(_I64, 1 << LANES)), ir.Constant(ir.IntType(1), 1))


def _larger_of(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _folded(builder: Any, value: Any, combine: Callable[[Any, Any], Any]) -> Any:
    half = LANES // 2
    while half:
        lower = builder.shuffle_vector(value, value, _chosen(range(half)))
        upper = builder.shuffle_vector(value, value, _chosen(range(half, 2 * half)))
        value, half = combine(lower, upper), half // 2
    return builder.extract_element(value, ir.Constant(_I32, 0))


def _chosen(lanes: Sequence[int]) -> Any:
    return ir.Constant(ir.VectorType(_I32, len(lanes)), list(lanes))
