"""Eight float64 side by side, for compiled kernels: what a processor's vector unit does, said in so many words.

A compiler vectorises a loop where it can prove that arrays don't overlap, and a sum never, since the order of additions
is its meaning. Here the order is written down: lane j sums every eighth number, and `total` adds the lanes in pairs. So
the bits hang neither on what a compiler found out nor on how wide a machine's registers are, and `fma` rounds once on
every machine.

    squares = every(0.0)
    for b in range(0, n, LANES):
        squares = fma(load(x, b), load(x, b), squares)
    return total(squares)

Numbers in memory are read through a `Row`, which counts no references: an array handed to a function costs two atomic
counts, as much as forty numbers. All of it is for use inside `njit`, and nothing checks bounds.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import models, register_model, type_callable

_Lower = Callable[[Any, Any, Any, Any], Any]

LANES: Final = 8
VECTOR: Final = ir.VectorType(ir.DoubleType(), LANES)


class Lanes:
    """Eight numbers; + - * / work lane by lane."""

    def __add__(self, other: Lanes) -> Lanes:
        raise NotImplementedError

    def __sub__(self, other: Lanes) -> Lanes:
        raise NotImplementedError

    def __mul__(self, other: Lanes) -> Lanes:
        raise NotImplementedError

    def __truediv__(self, other: Lanes) -> Lanes:
        raise NotImplementedError


class Row:
    """Numbers that lie side by side, borrowed: whoever holds it takes care that the array lives on."""

    def __getitem__(self, at: int) -> float:
        raise NotImplementedError

    def __setitem__(self, at: int, value: float) -> None:
        raise NotImplementedError


class LanesType(types.Type):
    """Numba's type of Lanes."""


class RowType(types.Type):
    """Numba's type of Row."""


LANES_TYPE: Final = LanesType("Lanes")
ROW_TYPE: Final = RowType("Row")


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)  # type: ignore[no-untyped-call]


@register_model(RowType)
class _RowModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.DoubleType().as_pointer())  # type: ignore[no-untyped-call]


def compiled(function: Callable[..., Any], typer: Callable[..., Any]) -> Callable[[_Lower], _Lower]:
    """Teach numba a function: `typer` tells its result's type from its arguments' (None: not for these); what is
    decorated emits its instructions, given numba's context, LLVM's builder, the signature and the arguments.
    """

    def register(lower: _Lower) -> _Lower:
        type_callable(function)(lambda context: typer)
        lower_builtin(function, types.VarArg(types.Any))(lower)
        return lower

    return register


def _lane_by_lane(key: Callable[[Any, Any], Any], instruction: str) -> None:
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)

    infer_global(key)(_template(key, signature(LANES_TYPE, LANES_TYPE, LANES_TYPE)))
    lower_builtin(key, LanesType, LanesType)(lower)


def _template(key: Callable[..., Any], sig: Any) -> type:
    return type("Template", (ConcreteTemplate,), {"key": key, "cases": [sig]})


_lane_by_lane(operator.add, "fadd")
_lane_by_lane(operator.sub, "fsub")
_lane_by_lane(operator.mul, "fmul")
_lane_by_lane(operator.truediv, "fdiv")
infer_global(operator.getitem)(_template(operator.getitem, signature(types.float64, ROW_TYPE, types.intp)))
infer_global(operator.setitem)(_template(operator.setitem, signature(types.none, ROW_TYPE, types.intp, types.float64)))


@lower_builtin(operator.getitem, RowType, types.intp)
def _get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.load(builder.gep(args[0], [args[1]]))


@lower_builtin(operator.setitem, RowType, types.intp, types.float64)
def _set(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    builder.store(args[2], builder.gep(args[0], [args[1]]))
    return context.get_dummy_value()
