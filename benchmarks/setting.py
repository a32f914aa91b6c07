"""The settings that all measurements share."""

from __future__ import annotations

from pathlib import Path

from ops.settings import Settings, load


def settings(timeframe: str, models: Path | None = None) -> Settings:
    """Null sinks; the active models of a registry, or none."""
    model = ["inference.model=none"] if models is None else [f"registry.root={models}"]
    return load(
        [], [f"bars.timeframes={timeframe}", "store.url=null:", "bus.url=null:", "log.level=warning", *model], {}, {}
    )
