"""Faults in the kernels of returns and their distribution."""

from __future__ import annotations

from tests.mutations.fault import Fault, Kind

FAULTS = (
    Fault(
        "features/statistical/reference.py",
        "bars.reference_return[k]",
        "bars.reference_return[min(k + 1, len(bars.series) - 1)]",
        Kind.LOOK_AHEAD,
        "a return is known at its close, not a row before",
    ),
    Fault(
        "features/statistical/reference.py",
        "state.weight[i] * keep + 1.0",
        "min(state.weight[i] + 1.0, 1.0 / (1.0 - keep))",
        Kind.SEED,
        "the first returns weigh what their ages leave of them",
    ),
    Fault(
        "features/statistical/extremes.py",
        "elif n - high_at[i, j] >= window:",
        "elif n - high_at[i, j] > window:",
        Kind.WINDOW,
        "a high that left the window is forgotten at once",
    ),
    Fault(
        "features/statistical/extremes.py",
        "close >= (1.0 - TIE) * high:",
        "close > high:",
        Kind.TIE,
        "of equal highs the last counts",
    ),
    Fault(
        "features/statistical/falls.py",
        "return float(max(max(fall, falls[LAP - 1 - after, i]), (before - low) / before))",
        "return float(max(fall, falls[LAP - 1 - after, i]))",
        Kind.FORMULA,
        "a fall may begin in the lap before and end in this one",
    ),
    Fault(
        "features/statistical/signs.py",
        "counts[i, TURNS + j] / (window - 1.0)",
        "counts[i, TURNS + j] / window",
        Kind.WINDOW,
        "a window has one pair fewer than returns",
    ),
    Fault(
        "features/statistical/signs.py",
        "counts[i, RISES + j] -= left > TIE",
        "counts[i, RISES + j] -= left > 0.0",
        Kind.TIE,
        "what didn't count as a rise when it came doesn't when it leaves",
    ),
    Fault(
        "features/statistical/order_statistics.py",
        "if n <= window:",
        "if n < window:",
        Kind.NAN,
        "a first bar, which has no return, is in no window",
    ),
    Fault(
        "features/statistical/order_statistics.py",
        "below + 0.5 * (up_to - below - 1)",
        "below + 0.5 * (up_to - below)",
        Kind.WINDOW,
        "a return is not compared with itself",
    ),
    Fault(
        "features/statistical/regression.py",
        "above - slope * middle",
        "above + slope * middle",
        Kind.SIGN,
        "the newest residual is beside the line's end",
    ),
    Fault(
        "features/statistical/regression.py",
        "state.oldest[i, j], state.anchor[i, j] = level, n",
        "state.oldest[i, j] = level",
        Kind.SEED,
        "time counts from the bar whose level is 0",
    ),
    Fault(
        "features/statistical/range_volatility.py",
        "WEIGHT = 0.34 / (1.34 + (WINDOW + 1.0) * FEWER)",
        "WEIGHT = 0.34 / (1.34 + WINDOW * FEWER)",
        Kind.WINDOW,
        "Yang and Zhang's k",
    ),
    Fault(
        "features/statistical/moments.py",
        "gone = drowned(left[at + 1] + left[at + 2], sums[i, at + 1] + sums[i, at + 2])",
        "gone = False",
        Kind.REBUILD,
        "sums of powers are made anew when what left drowns what stays",
    ),
)
