"""`undertone models`: the registry's versions, which is active, which challenge it, and how they do live."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dataflows.sinks.errors import StoreUnavailable
from dataflows.stored import open_place
from models.metadata import Metadata
from models.registry.pruning import prune as prune_versions
from models.registry.registry import Registry
from models.tracking.opening import open_tracker
from models.tracking.run import standings_of
from models.tracking.tracker import Standing
from ops.settings import Settings
from ops.tables import print_json, print_table


def list_versions(settings: Settings, json: bool) -> int:
    """Print all versions, oldest first, with the newest score of each that the store has."""
    registry = Registry(settings.registry.root)
    standing = registry.standing()
    active = {activation.version for activation in standing.active.values()}
    challengers = {challenger.version for found in standing.challengers.values() for challenger in found}
    rows = [
        {
            "version": metadata.version,
            "active": metadata.version in active,
            "challenger": metadata.version in challengers,
            "timeframe": metadata.timeframe,
            "horizon": metadata.primary,
            "members": list(metadata.members),
            "columns": len(metadata.columns),
            "rows": metadata.data.rows,
            "created": metadata.created,
            **newest_score(settings, metadata.version),
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
    """Print what a version says about itself and its newest live score; `active` is every timeframe's active one."""
    registry = Registry(settings.registry.root)
    for metadata in _named(registry, version):
        answer: dict[str, Any] = {
            **msgspec.to_builtins(metadata), "live": newest_score(settings, metadata.version),
        }  # fmt: skip
        if json:
            print_json(answer)
        else:
            print(msgspec.json.format(msgspec.json.encode(answer)).decode())
    return 0


_SCORED: Final = (
    "labelled", "accuracy", "accuracy_low", "accuracy_high", "brier", "log_loss", "information_coefficient", "e_value",
    "e_needed",
)  # fmt: skip


def newest_score(settings: Settings, version: str) -> dict[str, Any]:
    """Return a version's newest row of `scores`; every value is None where the store has none, or can't be read."""
    nothing = dict.fromkeys(_SCORED)
    if not settings.store.url.startswith(("sqlite:", "questdb:")):
        return nothing
    try:
        found = open_place(settings.store.url, settings.store.namespace).newest("scores", 1, model_version=version)
    except (ValueError, StoreUnavailable):
        return nothing
    return {name: found[0][name] for name in _SCORED} if found else nothing


def _named(registry: Registry, version: str) -> list[Metadata]:
    if version != "active":
        return [registry.show(version)]
    return [registry.show(activation.version) for activation in registry.activations().values()]


def graphs(settings: Settings, json: bool, versions: list[str]) -> int:
    """Give versions the graphs that they lack, each checked against PyTorch; print how far they are from it."""
    from models.export.stored import add_graphs
    from models.extensions import load_architectures

    load_architectures(settings.models.modules)
    registry = Registry(settings.registry.root)
    found = {version: add_graphs(registry, version) for version in versions}
    if json:
        print_json({"graphs": msgspec.to_builtins(found)})
        return 0
    rows = [
        (version, name, graph.file, graph.rows, f"{max(graph.largest_difference.values()):.1e}", graph.written_by)
        for version, of_version in found.items() for name, graph in of_version.items()
    ]  # fmt: skip
    print_table(("version", "net", "file", "rows compared", "largest difference", "written by"), rows)
    return 0


def activate(settings: Settings, json: bool, version: str) -> int:
    """Make a version the active one of its timeframe."""
    registry = Registry(settings.registry.root)
    before = registry.active(registry.show(version).timeframe)
    number = registry.activate(version)
    _mirror(settings)
    answer = {"version": version, "timeframe": registry.show(version).timeframe, "number": number, "before": before}
    if json:
        print_json(answer)
    else:
        print(f"{version} is active on {answer['timeframe']}, before: {before or 'none'}")
    return 0


def challenge(settings: Settings, json: bool, version: str) -> int:
    """Let a version be scored beside the active one of its timeframe."""
    registry = Registry(settings.registry.root)
    number = registry.challenge(version)
    _mirror(settings)
    timeframe = registry.show(version).timeframe
    active = registry.active(timeframe)
    if json:
        print_json({"version": version, "timeframe": timeframe, "number": number, "active": active})
    else:
        print(f"{version} challenges {active or 'nobody yet'} on {timeframe}")
    return 0


def withdraw(settings: Settings, json: bool, version: str) -> int:
    """End a version's challenge."""
    Registry(settings.registry.root).withdraw(version)
    _mirror(settings)
    if json:
        print_json({"version": version})
    else:
        print(f"{version} challenges no more")
    return 0


def roll_back(settings: Settings, json: bool, timeframe: str) -> int:
    """Make the version active again that was so before."""
    registry = Registry(settings.registry.root)
    before = registry.active(timeframe)
    version = registry.roll_back(timeframe)
    _mirror(settings)
    if json:
        print_json({"version": version, "timeframe": timeframe, "before": before})
    else:
        print(f"{version} is active on {timeframe} again, before: {before or 'none'}")
    return 0


def prune(settings: Settings, json: bool, keep: int, timeframe: str | None) -> int:
    """Delete all but the best versions of each timeframe; the active ones stay."""
    gone = prune_versions(Registry(settings.registry.root), keep, timeframe)
    _mirror(settings)
    if json:
        print_json({"deleted": list(gone)})
    else:
        print(f"{len(gone)} deleted" + "".join(f"\n  {version}" for version in gone))
    return 0


def mirror(settings: Settings, json: bool) -> int:
    """Let the tracker take over what the registry says: what services and dataflows changed by themselves too."""
    standings = _mirror(settings)
    if json:
        print_json({"tracking": settings.tracking.url, "timeframes": msgspec.to_builtins(standings)})
    else:
        rows = [(s.timeframe, len(s.versions), *(s.aliases.get(a) for a in ("champion", "challenger")))
                for s in standings]  # fmt: skip
        print_table(("timeframe", "versions", "champion", "challenger"), rows)
    return 0


def _mirror(settings: Settings) -> list[Standing]:
    standings = standings_of(Registry(settings.registry.root))
    open_tracker(settings.tracking.url, settings.tracking.directory).mirror(standings)
    return standings


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, bool):
        return "*" if value else ""
    return ",".join(value) if isinstance(value, list) else str(value)
