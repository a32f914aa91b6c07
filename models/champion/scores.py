"""Live scores of a version: sums over its outcomes, each row added in the order in which the stream told of it.

accuracy      share of right signs where return and forecast aren't zero. Its 95 % interval is the ratio estimator's
              over blocks of ten horizons (labels overlap, symbols move together): r +- 1.96 s, with
              s^2 = B / (B - 1) sum (hits_b - r n_b)^2 / (sum n_b)^2 over B closed blocks; under 20 there is none
brier, log_loss   of the three classes, as models.evaluation.scoring has them
information_coefficient   Pearson's correlation of forecast and return in units of sigma_t sqrt(h), returns beyond 8
              units counted as 8. (Training reports Spearman's, which needs all rows at once.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.labels import bounds
from schema.outcomes import OUTCOME, Score
from schema.timeframes import SECOND, Timeframe

LEAST_BLOCKS: Final = 20
BLOCK_HORIZONS: Final = 10
CLIP: Final = 8.0  # units, as models.config.LABEL_CLIP
SUMS: Final = np.dtype(
    [(name, "i8") for name in ("since", "last", "predictions", "labelled", "directional", "hits", "block", "blocks")]
    + [(name, "f8") for name in ("brier", "log_loss", "x", "y", "xx", "yy", "xy")]
    + [(name, "f8") for name in ("block_hits", "block_n", "hh", "hn", "nn", "closed_hits", "closed_n")]
)


class Scores:
    """The sums of one version in one timeframe."""

    def __init__(self, timeframe: Timeframe, horizon: int) -> None:
        """Begin from nothing."""
        self._sums = np.zeros(1, SUMS)
        self._block_ns = BLOCK_HORIZONS * horizon * (bounds(timeframe)[0] or timeframe.nominal_ns or 60 * SECOND)

    @property
    def predictions(self) -> int:
        """How many predictions' horizons have passed."""
        return int(self._sums["predictions"][0])

    @property
    def last(self) -> int:
        """When the newest of them was made, ns UTC."""
        return int(self._sums["last"][0])

    def add(self, rows: NDArray[Any]) -> None:
        """Add outcomes (n,) of OUTCOME."""
        if rows.dtype != OUTCOME:
            raise TypeError(f"scores: rows of {rows.dtype}, expected {OUTCOME}")
        _add(self._sums[0], rows, self._block_ns)

    def accuracy(self) -> tuple[float | None, float | None, float | None]:
        """Return the share of right signs and its interval."""
        sums = self._sums[0]
        if not sums["directional"]:
            return None, None, None
        share = float(sums["hits"] / sums["directional"])
        blocks, n = int(sums["blocks"]), float(sums["closed_n"])
        if blocks < LEAST_BLOCKS or n == 0:
            return share, None, None
        r = float(sums["closed_hits"]) / n
        squares = max(float(sums["hh"] - 2 * r * sums["hn"] + r * r * sums["nn"]), 0.0)
        half = 1.96 * math.sqrt(blocks / (blocks - 1) * squares) / n
        return share, max(share - half, 0.0), min(share + half, 1.0)

    def score(
        self, time: int, timeframe: int, version: str, horizon: int, challenger: bool,
        e: tuple[float | None, float | None] = (None, None),
    ) -> Score:  # fmt: skip
        """Return the row at bar time `time`; `e` is the evidence of a challenger and how much of it is needed."""
        sums = self._sums[0]
        n = int(sums["labelled"])
        return Score(
            time, timeframe, version, horizon, challenger, int(sums["since"]), self.predictions, n,
            int(sums["directional"]), *self.accuracy(), float(sums["brier"]) / n if n else None,
            float(sums["log_loss"]) / n if n else None, self._correlation(), *e,
        )  # fmt: skip

    def _correlation(self) -> float | None:
        n, x, y, xx, yy, xy = (float(self._sums[name][0]) for name in ("labelled", "x", "y", "xx", "yy", "xy"))
        if not n:
            return None
        vx, vy = xx - x * x / n, yy - y * y / n
        norm = math.sqrt(max(vx, 0.0)) * math.sqrt(max(vy, 0.0))
        return max(-1.0, min(1.0, (xy - x * y / n) / norm)) if norm > 1e-12 * max(xx, yy, 1e-300) else None

    def snapshot(self) -> dict[str, Any]:
        """Return the sums (1,); live: copy at once."""
        return {"sums": self._sums}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave."""
        self._sums = np.array(snapshot["sums"])


@njit(cache=True)
def _add(sums, rows, block_ns):  # type: ignore[no-untyped-def]
    for k in range(len(rows)):
        one = rows[k]
        if sums.predictions == 0:
            sums.since = one.time
            sums.block = one.known_at // block_ns
        sums.predictions += 1
        sums.last = max(sums.last, one.time)
        if one.known_at // block_ns != sums.block:
            sums.blocks += 1
            sums.hh += sums.block_hits * sums.block_hits
            sums.hn += sums.block_hits * sums.block_n
            sums.nn += sums.block_n * sums.block_n
            sums.closed_hits += sums.block_hits
            sums.closed_n += sums.block_n
            sums.block, sums.block_hits, sums.block_n = one.known_at // block_ns, 0.0, 0.0
        if one.label < 0:
            continue
        realised = np.float64(one.realised)
        x, y = one.expected / one.unit, min(max(realised / one.unit, -CLIP), CLIP)
        sums.labelled += 1
        sums.brier += one.brier
        sums.log_loss += one.log_loss
        sums.x += x
        sums.y += y
        sums.xx += x * x
        sums.yy += y * y
        sums.xy += x * y
        if realised != 0.0 and one.expected != 0.0:
            hit = (realised > 0.0) == (one.expected > 0.0)
            sums.directional += 1
            sums.hits += hit
            sums.block_n += 1.0
            sums.block_hits += hit
