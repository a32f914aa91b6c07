"""Versions of the state in a checkpoint: an older one is migrated step by step, any other is refused.

Raise `STATE_VERSION` when a station's snapshot changes its form, and say in `MIGRATIONS` how one of the version before
is brought up. A change that can't be expressed so has no entry: such checkpoints are refused with the way out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from dataflows.interfaces import Snapshot

KEY: Final = "state_version"  # in a snapshot; those of version 1 don't carry it
STATE_VERSION: Final = 2


def _without_tiers(snapshot: Snapshot) -> Snapshot:
    """Version 2 remembers the tier a timeframe, and what each model last said: nothing had failed, nothing is known."""
    inference = snapshot["stations"].get("inference")
    if inference is not None:
        inference["engine"]["caps"] = {}
        for services in inference["engine"]["timeframes"].values():
            for service in services.values():
                n = len(service["model"]["predicted"])
                service["model"]["last"] = {"said": np.zeros((n, 8)), "known": np.zeros(n, np.bool_)}
    return snapshot


MIGRATIONS: Final[Mapping[int, Callable[[Snapshot], Snapshot]]] = {1: _without_tiers}  # from this version to the next


class StateVersionMismatch(ValueError):
    """A checkpoint's state has a form that this version neither reads nor can bring up."""


def migrated(
    snapshot: Snapshot,
    version: int = STATE_VERSION,
    migrations: Mapping[int, Callable[[Snapshot], Snapshot]] = MIGRATIONS,
) -> Snapshot:
    """Return the snapshot in the form of `version`.

    Raises StateVersionMismatch where it is newer, or where a step is missing.
    """
    found = int(snapshot.get(KEY, 1))
    if found > version:
        raise StateVersionMismatch(
            f"checkpoint: its state is of version {found}, this program reads up to {version}; run the newer version "
            "of Undertone that wrote it, or begin anew with `undertone recovery reset`"
        )
    for step in range(found, version):
        if step not in migrations:
            raise StateVersionMismatch(
                f"checkpoint: its state is of version {found}, and there is no way from {step} to {step + 1}; drain "
                "and finish with the version of Undertone that wrote it, or begin anew with `undertone recovery reset`"
            )
        snapshot = {**migrations[step](snapshot), KEY: step + 1}
    return snapshot
