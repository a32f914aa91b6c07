"""Features: the catalogue, and the newest row of a symbol."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from api.answers.series import FeatureCatalogue, FeatureRow
from api.parameters import ReaderParameter, Timeframe
from api.problems import declared
from api.series import found_in_series
from schema.times import iso

router = APIRouter(tags=["features"])


@router.get("/features", response_model=FeatureCatalogue, responses=declared(404, 503))
def catalogue(reader: ReaderParameter) -> dict[str, Any]:
    """Return what the running dataflow computes: names, formulas, sources, warm-up, in the order of a row."""
    found = reader.catalogue()
    if found is None:
        raise HTTPException(404, "the store holds no catalogue yet; a dataflow writes it when it starts")
    return found


@router.get("/features/{symbol:path}", response_model=FeatureRow, responses=declared(400, 404, 503))
def newest(symbol: str, reader: ReaderParameter, timeframe: Timeframe) -> dict[str, Any]:
    """Return a symbol's newest feature row; without a timeframe that of its first one."""
    chosen, row = found_in_series(
        reader, "features", symbol, timeframe, lambda name: reader.newest_features(symbol, name)
    )
    columns = reader.catalogue(row["fingerprint"])
    if columns is None:
        raise HTTPException(404, f"the store holds no catalogue of fingerprint {row['fingerprint']}")
    names = [column["name"] for column in columns["columns"]]
    return {
        "symbol": symbol,
        "timeframe": chosen,
        "timestamp": iso(row["time"]),
        "bar_sequence": row["bar_sequence"],
        "fingerprint": row["fingerprint"],
        "names": names,
        "values": [row.get(name) for name in names],
        "validity": list(row["validity"] or b""),
    }
