"""Numbers in memory: where they lie, and eight of them to and from a register."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.np.arrayobj import make_array

from features.lanes.kinds import LANES_TYPE, ROW_TYPE, VECTOR, Lanes, Row, compiled
from schema.ticks import Float64

_ALIGNED = 64  # bytes of a cache line


def row(array: Float64, i: int) -> Row:
    """Return where row i of a contiguous array begins; the array must live as long as the row is read."""
    raise NotImplementedError


def room(n: int) -> Row:
    """Return room for n numbers, a constant, until the kernel returns. What stands in it is arbitrary."""
    raise NotImplementedError


def load(x: Row | Float64, at: int) -> Lanes:
    """Return x[at .. at + 7] of a row, or of a contiguous array that never changes."""
    raise NotImplementedError


def store(x: Row, at: int, value: Lanes) -> None:
    """Write x[at .. at + 7]."""
    raise NotImplementedError


def _is_contiguous(array: Any) -> bool:
    return isinstance(array, types.Array) and array.dtype == types.float64 and array.layout == "C"


@compiled(row, lambda array, i: ROW_TYPE if _is_contiguous(array) else None)
def _row(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    found = make_array(sig.args[0])(context, builder, args[0])
    at = context.cast(builder, args[1], sig.args[1], types.intp)
    for size in cgutils.unpack_tuple(builder, found.shape)[1:]:
        at = builder.mul(at, size)
    return builder.gep(found.data, [at])


@compiled(room, lambda n: ROW_TYPE if isinstance(n, types.IntegerLiteral) else None)
def _room(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    with builder.goto_entry_block():
        place = builder.alloca(ir.ArrayType(ir.DoubleType(), sig.args[0].literal_value))
        place.align = _ALIGNED
    return builder.bitcast(place, ir.DoubleType().as_pointer())


@compiled(load, lambda x, at: LANES_TYPE if x == ROW_TYPE or _is_contiguous(x) else None)
def _load(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    begin = args[0] if sig.args[0] == ROW_TYPE else make_array(sig.args[0])(context, builder, args[0]).data
    return builder.load(_place(context, builder, sig, begin, args[1]), align=8)


@compiled(store, lambda x, at, value: types.none if x == ROW_TYPE and value == LANES_TYPE else None)
def _store(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    builder.store(args[2], _place(context, builder, sig, args[0], args[1]), align=8)
    return context.get_dummy_value()


def _place(context: Any, builder: Any, sig: Any, begin: Any, at: Any) -> Any:
    index = context.cast(builder, at, sig.args[1], types.intp)
    return builder.bitcast(builder.gep(begin, [index]), VECTOR.as_pointer())
