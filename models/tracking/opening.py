"""Trackers by URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models.tracking.plain import PlainTracker
from models.tracking.steadfast import Steadfast
from models.tracking.tracker import Tracker


def open_tracker(url: str, plain: Path) -> Tracker:
    """Return the tracker of `mlflow:URI` or `json:`; where the first fails, files in the folder `plain` hold the runs.

    Nothing is opened, and no library is imported, before the first call. Raises ValueError for another URL.
    """
    kind, _, uri = url.partition(":")
    files = PlainTracker(plain)
    if kind == "mlflow" and uri:
        return Steadfast(_mlflow(uri), files)
    if kind == "json" and not uri:
        return Steadfast(lambda: files, files)
    raise ValueError(f"tracking.url is {url!r}, expected mlflow:sqlite:///path or json:")


def _mlflow(uri: str) -> Callable[[], Tracker]:
    def opened() -> Tracker:
        from models.tracking.mlflow_tracker import MlflowTracker

        if uri.startswith("sqlite:///"):
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        return MlflowTracker(uri)

    return opened
