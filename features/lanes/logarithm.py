"""The natural logarithm of eight numbers, to within one unit in the last place.

x = 2^k (1 + f), 1 + f in sqrt(1/2) .. sqrt 2. With s = f / (2 + f), log(1 + f) = 2 artanh s = f - f^2 / 2 +
s (f^2 / 2 + R(s^2)), R a polynomial of degree 7 that errs by less than 2^-58.45. Only f^2 / 2 and what is smaller is
touched by roundings of s; log 2 is a number of 33 bits, times which any k is exact, and a rest.

Source: K. C. Ng, e_log.c of fdlibm (Sun Microsystems, 1993), whose R this is. `math.log` is a call a number, 6 ns.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit
from numba.core import types

from features.lanes.arithmetic import every, fma
from features.lanes.kinds import LANES, LANES_TYPE, VECTOR, Lanes, compiled

LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
R1, R2, R3, R4 = 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01
R5, R6, R7 = 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01

_ROOT_HALF: Final = int(np.array([0.5**0.5]).view(np.int64)[0])  # its bits
_FIELD: Final = 52  # bits of a float below its exponent
_BITS: Final = ir.VectorType(ir.IntType(64), LANES)


def halved(x: Lanes) -> tuple[Lanes, Lanes]:
    """Return k and m of x = 2^k m, m in sqrt(1/2) .. sqrt 2, of positive, normal numbers."""
    raise NotImplementedError


@compiled(halved, lambda x: types.UniTuple(LANES_TYPE, 2) if x == LANES_TYPE else None)
def _halved(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    bits, field = builder.bitcast(args[0], _BITS), ir.Constant(_BITS, [_FIELD] * LANES)
    k = builder.ashr(builder.sub(bits, ir.Constant(_BITS, [_ROOT_HALF] * LANES)), field)
    m = builder.bitcast(builder.sub(bits, builder.shl(k, field)), VECTOR)
    return context.make_tuple(builder, sig.return_type, [builder.sitofp(k, VECTOR), m])


@njit(cache=True, inline="always")
def logarithm(x: Lanes) -> Lanes:
    """Return the natural logarithms of positive, normal numbers."""
    k, m = halved(x)
    f = m - every(1.0)
    s = f / (every(2.0) + f)
    z, half = s * s, every(0.5) * f * f
    even = fma(fma(fma(every(R6), z * z, every(R4)), z * z, every(R2)), z * z, half)
    odd = fma(fma(fma(every(R7), z * z, every(R5)), z * z, every(R3)), z * z, every(R1))
    small = fma(s, fma(odd, z, even), k * every(LN2_LOW)) - half
    return fma(k, every(LN2_HIGH), f + small)
