"""Keep the best versions of a registry, delete the others."""

from __future__ import annotations

from models.metadata import Metadata
from models.registry.register import Versions


def prune(versions: Versions, keep: int, timeframe: str | None = None) -> tuple[str, ...]:
    """Delete versions but the `keep` best of each timeframe (or of one), and return them.

    Best is the least negative log likelihood of the vote on its test rows; of equals the newest. What is active, was
    so before (a rollback may ask for it) or challenges stays. Nothing may be publishing meanwhile. Raises
    RegistryError.
    """
    state = versions.standing()
    wanted = {one.version for one in state.active.values()}
    wanted |= {one.version for several in state.challengers.values() for one in several}
    wanted |= {version for several in state.before.values() for version in several}
    gone = []
    known = versions.list()
    for name in dict.fromkeys(metadata.timeframe for metadata in known):
        if timeframe in (None, name):
            ours = sorted((m for m in reversed(known) if m.timeframe == name), key=_nll)
            gone += [metadata.version for metadata in ours[keep:] if metadata.version not in wanted]
    versions.delete(gone)
    return tuple(gone)


def _nll(metadata: Metadata) -> float:
    """Return the score that versions are kept by; a version without one is the worst."""
    value = metadata.metrics.get("models", {}).get("ensemble", {}).get("nll")
    return float("inf") if value is None else float(value)
