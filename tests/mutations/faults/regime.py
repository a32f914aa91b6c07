"""Faults in the kernels of regimes."""

from __future__ import annotations

from tests.mutations.fault import Fault, Kind

FAULTS = (
    Fault(
        "features/regime/cusum.py",
        "z = change / math.sqrt(variance)",
        "z = change / math.sqrt(variance_after(variance, change, n, SPAN, params.negligible))",
        Kind.ORDER,
        "a return is divided by the volatility known before it",
    ),
    Fault(
        "features/regime/cusum.py",
        "variances, up, down, mean, since = state\n",
        "variances, up, down, mean, since = state\n    mean = mean.copy()\n",
        Kind.FORGOTTEN,
        "the slow means outlive the batch",
    ),
    Fault(
        "features/regime/cusum.py",
        "max((0.0 if raised else down[i, at]) - above",
        "max(down[i, at] - above",
        Kind.RESET,
        "both sums start anew after an alarm of either",
    ),
    Fault(
        "features/regime/cusum.py",
        "np.tile([0.0, USUAL], (n, 1))",
        "np.tile([0.0, 0.0], (n, 1))",
        Kind.SEED,
        "the slow mean of |z| starts at that of a normal variable",
    ),
    Fault(
        "features/regime/volatility_rank.py",
        "alpha = 1.0 / (n - 1.0) if n <= span + 1 else 2.0 / (span + 1.0)",
        "alpha = 2.0 / (span + 1.0)",
        Kind.SEED,
        "the variance starts with the plain mean of the first squares",
    ),
    Fault(
        "features/regime/volatility_rank.py",
        "np.int32(values[i, slot] <= value)",
        "np.int32(values[i, slot] < value)",
        Kind.BOUNDARY,
        "equal variances count half",
    ),
    Fault(
        "features/regime/trend.py",
        "return change if change > TIE * new else 0.0",
        "return change if change > 1e-4 else 0.0",
        Kind.DEGREE,
        "a move is small beside the price, not by itself",
    ),
    Fault(
        "features/regime/trend.py",
        "states[i, w], since[i, w] = trend, 1",
        "states[i, w], since[i, w] = trend, 0",
        Kind.SEED,
        "the bar of a change counts as the state's first",
    ),
    Fault(
        "features/regime/stress.py",
        "elif sinces[i] >= WINDOW:",
        "elif sinces[i] > WINDOW:",
        Kind.WINDOW,
        "a high that left the window is forgotten at once",
    ),
    Fault(
        "features/regime/stress.py",
        "_highest(history.close, i, n)",
        "_highest(history.close, 0, n)",
        Kind.SYMBOLS,
        "a symbol's high is among its own closes",
    ),
    Fault(
        "features/regime/liquidity.py",
        "if np.isnan(mid):",
        "if np.isnan(mid) and volume < 0.0:",
        Kind.NAN,
        "bars without a quote are passed over",
    ),
    Fault(
        "features/regime/liquidity.py",
        "relative_spread(bids[k], asks[k], mid)",
        "relative_spread(asks[k], bids[k], mid)",
        Kind.BID_ASK,
        "a spread is ask less bid",
    ),
    Fault(
        "features/regime/volatility_filter.py",
        "np.full((2, n), 1 / 3)",
        "np.full((2, n), 1 / 2)",
        Kind.SEED,
        "three hidden states start alike",
    ),
    Fault(
        "features/regime/change_point.py",
        "            weight[i, last] += longest\n",
        "",
        Kind.FORMULA,
        "the longest run stands for all beyond it",
    ),
    Fault(
        "features/regime/correlation.py",
        "            if state.pairs[i] < SPANS[1]:",
        "            if state.pairs[i] <= SPANS[1]:",
        Kind.WARM_UP,
        "120 pairs are enough",
    ),
)
