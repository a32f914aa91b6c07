"""`undertone export`: a version's nets for other runtimes, checked against PyTorch."""

from __future__ import annotations

from pathlib import Path

import msgspec

from models.export.version import export_version
from models.extensions import load_architectures
from models.registry.registry import Registry
from ops.settings import Settings
from ops.tables import print_json, print_table


def run(settings: Settings, *, json: bool, version: str, form: str, directory: Path) -> int:
    """Export into a new folder; print how far each graph is from PyTorch on the same rows."""
    load_architectures(settings.models.modules)
    registry = Registry(settings.registry.root)
    report = export_version(registry.load(version), registry.path(version), form, directory)
    if json:
        print_json({"directory": str(directory), **msgspec.to_builtins(report)})
        return 0
    rows = [
        (m.member, m.file, m.rows, *(f"{m.largest_difference[name]:.1e}" for name in m.largest_difference))
        for m in report.members
    ]
    for row in rows:
        print_table(("net", "file", "rows compared", "largest difference of heads", "of the state")[: len(row)], [row])
    print(f"wrote {directory}: {', '.join((*report.beside, 'export.json'))} beside")
    return 0
