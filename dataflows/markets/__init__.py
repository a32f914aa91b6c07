"""Presets of markets: calendar (which has the sessions), currency, time zone and symbols, one TOML file each."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from ops.settings import Settings

_FOLDER = Path(__file__).parent


class Market(NamedTuple):
    """What is usual on a market."""

    name: str
    calendar: str  # as setting bars.calendar
    currency: str  # of prices, ISO 4217 or the coin that is paid with
    zone: str  # the exchange's clock, IANA
    symbols: tuple[str, ...]  # none: those of the files


def markets() -> tuple[str, ...]:
    """Return the names of all presets."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def market(name: str) -> Market:
    """Read a preset. Raises ValueError on an unknown one."""
    if name not in markets():
        raise ValueError(f"setting data.market is {name!r}, expected one of {', '.join(markets())}")
    found = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return Market(name, found["calendar"], found["currency"], found["zone"], tuple(found["symbols"]))


def on_market(settings: Settings) -> Settings:
    """Return the settings with what the market of `data.market` has and nobody gave otherwise.

    Raises ValueError on an unknown market.
    """
    if not settings.data.market:
        return settings
    found = market(settings.data.market)
    changes: dict[str, Any] = {}
    if "calendar" not in settings.bars.model_fields_set:
        changes["bars"] = settings.bars.model_copy(update={"calendar": found.calendar})
    if found.symbols and "symbols" not in settings.universe.model_fields_set:
        changes["universe"] = settings.universe.model_copy(update={"symbols": found.symbols})
    return settings.model_copy(update=changes)
