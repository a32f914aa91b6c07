"""`undertone models architectures`: what can be trained."""

from __future__ import annotations

from models.described import HORIZONS, INPUTS, Described, described
from models.extensions import load_architectures
from ops.settings import Settings
from ops.tables import print_json, print_table


def run(settings: Settings, *, json: bool) -> int:
    """Print every architecture, those of the user's modules among them. Raises ArchitecturesNotLoaded."""
    load_architectures(settings.models.modules)
    found = described()
    if json:
        print_json({"inputs": INPUTS, "horizons": HORIZONS, "architectures": [each._asdict() for each in found]})
        return 0
    names = ("name", "kind", "parameters", "state or window", "what it is")
    print_table(names, [(d.name, d.kind, d.parameters, remembers(d), d.summary) for d in found])
    print(f"(sizes at the default options, for {INPUTS} inputs and {HORIZONS} horizons)")
    return 0


def remembers(net: Described) -> str:
    """Return what of the past is kept a symbol."""
    if net.state is not None:
        return f"{net.state:,} numbers"
    return f"{net.window} rows" if net.window is not None else ""
