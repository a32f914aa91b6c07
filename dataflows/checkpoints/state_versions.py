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
STATE_VERSION: Final = 8


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


def _without_challengers(snapshot: Snapshot) -> Snapshot:
    """Version 3 knows challengers, joins outcomes and certifies what challengers said: there were none of these."""
    stations = snapshot["stations"]
    if (inference := stations.get("inference")) is not None:
        lines = inference["engine"]["timeframes"]
        inference["engine"]["timeframes"] = {name: _lineup(services) for name, services in lines.items()}
        inference["applied"] = [[time, "activate", *subject] for time, *subject in inference["applied"]]
        inference["over"] = {}
        stations["outcomes"] = {}
    if (certificate := stations.get("certificate")) is not None:
        certificate["chains"]["challengers"] = certificate["chains"]["predictions"].copy()
        certificate["chains"]["challengers"][:] = np.zeros(1, certificate["chains"]["predictions"].dtype)
        certificate["chains"]["challengers"]["day"] = -1
    return snapshot


def _lineup(services: Snapshot) -> Snapshot:
    """Return a lineup of models that took over one after the other."""
    parts = [services[str(k)] for k in range(len(services))]
    forever = int(np.iinfo(np.int64).max)
    ends = [*(int(part["effective_time"]) for part in parts[1:]), forever]
    return {
        "runners": {
            str(k): {
                "version": part["version"], "since": part["burn_in_from"], "until": end, "scored_from": forever,
                "scored_until": forever, "lots": [0.0, 0.0], "model": part["model"],
            }
            for k, (part, end) in enumerate(zip(parts, ends, strict=True))
        },
        "terms": [[part["effective_time"], k] for k, part in enumerate(parts)],
    }  # fmt: skip


def _without_alerts(snapshot: Snapshot) -> Snapshot:
    """Version 4 watches for anomalies and drift, and announces champions: nothing was seen, nobody was announced."""
    stations = snapshot["stations"]
    if (sinks := stations.get("sinks")) is not None:
        sinks["champions"] = {}
    if "publisher" not in stations:  # a feature process
        stations["alerts"] = {}
    return snapshot


def _with_short_rings(snapshot: Snapshot) -> Snapshot:
    """Version 5 keeps the last 256 highs, lows and volumes of a series, not 512."""
    features = snapshot["stations"].get("tick_features")
    if features is not None:
        features["version"] = 2
        history, n = features["state"]["bars:history"], np.asarray(features["state"]["bars:series"]["n"])
        bar = n - 1 - (n - 1 - np.arange(256)[:, None]) % 256  # of each slot and series, from 0 on
        for name in ("high", "low", "volume"):
            history[name] = np.asarray(history[name])[bar % 512, np.arange(len(n))]
    return snapshot


def _without_actions(snapshot: Snapshot) -> Snapshot:
    """Version 6 knows splits and dividends, and bars corrected while they are open: there were none of these."""
    stations = snapshot["stations"]
    if (bars := stations.get("bars")) is not None:
        bars["builder"]["basis"] = np.ones(len(bars["builder"]["symbols"]))
        bars["corrections"] = {"series": []}
    for holds in (stations.get("barrier"), (stations.get("join") or {}).get("barrier")):
        for part in (holds or {}).get("waiting", []):
            part["bars"]["basis"] = np.ones(len(part["bars"]["time"]))
    return snapshot


def _without_renames(snapshot: Snapshot) -> Snapshot:
    """Version 7 follows renames: every name was its own; who has had a tick the verdicts' memory says."""
    stations = snapshot["stations"]
    stations["names"] = {}
    for holds in (stations.get("gate"), stations.get("join")):
        if holds is not None:
            holds["universe"] |= {"renames": {"means": [], "called": []}, "announced": {}}
    if (order := stations.get("order")) is not None:
        state = order["state"]
        order["shown"] = ~np.isnan(state["level"]) | np.asarray(state["seen"]).any(axis=1)
    return snapshot


def _without_serving(snapshot: Snapshot) -> Snapshot:
    """Version 8 has a station that publishes before outcomes and alerts; the sinks carry its state as they did."""
    if "inference" in snapshot["stations"]:
        snapshot["stations"]["serving"] = {}
    return snapshot


MIGRATIONS: Final[Mapping[int, Callable[[Snapshot], Snapshot]]] = {  # from this version to the next
    1: _without_tiers, 2: _without_challengers, 3: _without_alerts, 4: _with_short_rings, 5: _without_actions,
    6: _without_renames, 7: _without_serving,
}  # fmt: skip


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
