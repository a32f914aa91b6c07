"""The faults, family by family."""

from __future__ import annotations

from tests.mutations.faults import (
    calendar,
    cross_asset,
    microstructure,
    regime,
    sentiment,
    spectral,
    statistical,
    technical,
    trading,
)

FAULTS = (
    *technical.FAULTS,
    *microstructure.FAULTS,
    *trading.FAULTS,
    *statistical.FAULTS,
    *spectral.FAULTS,
    *cross_asset.FAULTS,
    *regime.FAULTS,
    *calendar.FAULTS,
    *sentiment.FAULTS,
)
