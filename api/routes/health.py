"""Probes and health."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any, Final

import psutil
from fastapi import APIRouter, Request

from api.answers.health import Alive, Health
from api.dataflow import Told
from api.load import cpu_percent
from api.parameters import ReaderParameter, now
from api.problems import declared
from api.run import run_state
from api.store import StoreAway
from schema.times import iso

_ENDS: Final = ("source", "store", "bus")  # of the dataflow

router = APIRouter(tags=["health"])


@router.get("/livez", response_model=Alive)
def livez() -> dict[str, str]:
    """Answer as long as the process serves."""
    return {"status": "alive"}


@router.get("/readyz", response_model=Alive, responses=declared(503))
def readyz(reader: ReaderParameter) -> dict[str, str]:
    """Answer 200 once the store can be read, 503 with what to do before."""
    reader.store.check()
    return {"status": "ready"}


@router.get("/health", response_model=Health)
def health(request: Request, reader: ReaderParameter) -> dict[str, Any]:
    """Return the state of the service, the store, the dataflow and the predictions; always 200."""
    at, state = now(), request.app.state
    try:
        reader.store.check()
        store, detail = "up", reader.store.name
        status, predictions = reader.status(), reader.newest_predictions()
    except StoreAway as error:
        store, detail, status, predictions = "away", str(error), None, []
    run, reported = run_state(status, at), status or {}
    told = request.app.state.dataflow.ask()
    if told is not None:
        run, reported = _corrected(run, reported, told)
    newest = max((row["time"] for row in predictions), default=None)
    age = None if newest is None else (at - newest) / 1e9
    served = all(reported[name]["name"] == "up" for name in _ENDS if name in reported)
    inference = _inference(status)
    well = served and inference["state"] != "degraded"
    running = run["state"] == "running" and newest is not None and well
    return {
        "status": "unhealthy" if store == "away" else "healthy" if running else "degraded",
        "timestamp": iso(at),
        "version": state.version,
        "model_loaded": run["model_version"] is not None,
        "model_version": run["model_version"],
        "database_connected": store == "up",
        "websocket_connections": state.metrics.open,
        "uptime_seconds": monotonic() - state.started,
        "system_metrics": _load(reader.store.folder),
        "dependencies": {
            "store": {"state": store, "detail": detail, "age_seconds": None},
            "dataflow": {"state": run["state"], "detail": run["detail"], "age_seconds": run["age_seconds"]},
            **{f"dataflow_{name}": _sink(reported, name, at) for name in _ENDS if name in reported},
            "inference": inference,
        },
        "newest_prediction": None if newest is None else iso(newest),
        "newest_prediction_age_seconds": age,
    }


def _sink(status: dict[str, Any], name: str, at: int) -> dict[str, Any]:
    """Return how a sink of the dataflow was doing when it last reported, and since when."""
    sink = status[name]
    since = sink["since"]
    return {"state": sink["name"], "detail": sink["detail"], "age_seconds": at / 1e9 - since if since else None}


def _corrected(run: dict[str, Any], reported: dict[str, Any], told: Told) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put what the dataflow says now in the place of what it last wrote into the store."""
    if run["state"] in ("unknown", "silent"):
        away = [name for name, state in told._asdict().items() if state != "up"]
        said = f"it answers, and does without its {' and '.join(away)}" if away else "it answers; no ticks arrive"
        run = run | {"state": "running" if away else run["state"], "detail": said}
    now = {name: {"name": state, "detail": "", "since": 0.0} for name, state in told._asdict().items()}
    same = {name: reported[name] for name, sink in now.items() if reported.get(name, {}).get("name") == sink["name"]}
    return run, {**reported, **now, **same}


def _inference(status: dict[str, Any] | None) -> dict[str, Any]:
    """Tell from the dataflow's last report which tier answers in each timeframe."""
    tiers = (status or {}).get("tiers") or {}
    lesser = [f"{name}: {tier} instead of {full}" for name, (tier, full) in sorted(tiers.items()) if tier != full]
    state = "unknown" if not tiers else "degraded" if lesser else "full"
    every = ", ".join(f"{name}: {tier}" for name, (tier, _) in sorted(tiers.items()))
    return {"state": state, "detail": ", ".join(lesser) or every or "no prediction yet", "age_seconds": None}


def _load(folder: Path) -> dict[str, float]:
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())
    return {
        "cpu_percent": cpu_percent(),
        "memory_percent": psutil.virtual_memory().percent,
        "disk_percent": psutil.disk_usage(str(there)).percent,
    }
