"""`undertone models`: the registry's versions and which one is active."""

from __future__ import annotations

from typing import Any

import msgspec

from models.metadata import Metadata
from models.registry import Registry
from ops.settings import Settings
from ops.tables import print_json, print_table


def list_versions(settings: Settings, json: bool) -> int:
    """Print all versions, oldest first."""
    registry = Registry(settings.registry.root)
    active = {activation.version for activation in registry.activations().values()}
    rows = [
        {
            "version": metadata.version,
            "active": metadata.version in active,
            "timeframe": metadata.timeframe,
            "horizon": metadata.primary,
            "members": list(metadata.members),
            "columns": len(metadata.columns),
            "rows": metadata.data.rows,
            "created": metadata.created,
        }
        for metadata in registry.list()
    ]
    if json:
        print_json({"root": settings.registry.root, "models": rows})
    elif rows:
        print_table(tuple(rows[0]), [[_cell(value) for value in row.values()] for row in rows])
    else:
        print(f"no models in {settings.registry.root}; train one with: undertone train FILE...")
    return 0


def show(settings: Settings, json: bool, version: str) -> int:
    """Print what a version says about itself; `active` is every timeframe's active one."""
    registry = Registry(settings.registry.root)
    for metadata in _named(registry, version):
        answer: dict[str, Any] = msgspec.to_builtins(metadata)
        if json:
            print_json(answer)
        else:
            print(msgspec.json.format(msgspec.json.encode(answer)).decode())
    return 0


def _named(registry: Registry, version: str) -> list[Metadata]:
    if version != "active":
        return [registry.show(version)]
    return [registry.show(activation.version) for activation in registry.activations().values()]


def activate(settings: Settings, json: bool, version: str) -> int:
    """Make a version the active one of its timeframe."""
    registry = Registry(settings.registry.root)
    before = registry.active(registry.show(version).timeframe)
    number = registry.activate(version)
    answer = {"version": version, "timeframe": registry.show(version).timeframe, "number": number, "before": before}
    if json:
        print_json(answer)
    else:
        print(f"{version} is active on {answer['timeframe']}, before: {before or 'none'}")
    return 0


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "*" if value else ""
    return ",".join(value) if isinstance(value, list) else str(value)
