"""The spectrum of a symbol's log returns."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException

from api.analysis.spectrum import LEAST_RETURNS, bands, centroid, spectrum
from api.answers.series import SpectrumAnswer
from api.parameters import ReaderParameter, Timeframe
from api.problems import declared
from api.series import found_in_series
from schema.times import iso

router = APIRouter(tags=["analysis"])


@router.get("/spectrum/{symbol:path}", response_model=SpectrumAnswer, responses=declared(400, 404, 503))
def newest(
    symbol: str,
    reader: ReaderParameter,
    timeframe: Timeframe,
    days: Annotated[int, Query(ge=LEAST_RETURNS, le=5000, description="Log returns: one a bar.")] = 252,
) -> dict[str, Any]:
    """Return the power of the last returns by frequency; of bars of one day where the store has them."""
    daily = "1d" if (symbol, "1d") in reader.series("bars") else None
    chosen, rows = found_in_series(
        reader, "bars", symbol, timeframe or daily,
        lambda name: [row for row in reader.bars(symbol, name, days + 1) if row["close"] is not None],
    )  # fmt: skip
    found = spectrum([row["close"] for row in rows])
    if found is None:
        raise HTTPException(
            404,
            f"symbol {symbol!r} has {len(rows)} bars in timeframe {chosen}, or its price didn't move in them; "
            f"a spectrum wants {LEAST_RETURNS + 1} at least",
        )
    return {
        "symbol": symbol,
        "timeframe": chosen,
        "frequency_bands": bands(found),
        "spectral_centroid": centroid(found),
        "total_power": float(found.power.sum()),
        "analysis_date": iso(rows[-1]["time"]),
        "returns": len(rows) - 1,
        "spectrum": {"frequency": found.frequency.tolist(), "power": found.power.tolist()},
    }
