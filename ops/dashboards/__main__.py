"""`python -m ops.dashboards` writes `undertone.json`, which Grafana loads, from `panels.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ops.dashboards.panels import ROWS, Panel, Row

FILE: Final = Path(__file__).with_name("undertone.json")
SOURCE: Final = {"type": "prometheus", "uid": "undertone"}  # ops/deploy/grafana/datasources.yml
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3  # of Grafana's grid, which is 24 wide


def dashboard() -> str:
    """Return the dashboard as Grafana's JSON."""
    panels: list[dict[str, Any]] = []
    below = 0
    for row in ROWS:
        panels.append(_heading(row, len(panels) + 1, below))
        for place, panel in enumerate(row.panels):
            line, column = divmod(place, _COLUMNS)
            panels.append(_panel(panel, len(panels) + 1, column * _WIDTH, below + 1 + line * _HEIGHT))
        below += 1 + -(-len(row.panels) // _COLUMNS) * _HEIGHT
    whole = {
        "uid": "undertone",
        "title": "Undertone",
        "tags": ["undertone"],
        "timezone": "utc",
        "schemaVersion": 39,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "panels": panels,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _heading(row: Row, number: int, y: int) -> dict[str, Any]:
    place = {"x": 0, "y": y, "w": 24, "h": 1}
    return {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + k), "datasource": SOURCE, "expr": query.expression, "legendFormat": query.legend}
            for k, query in enumerate(panel.queries)
        ],
    }


if __name__ == "__main__":
    FILE.write_text(dashboard(), encoding="utf-8")
