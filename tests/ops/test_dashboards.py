"""Dashboard and alert rules: every metric and every label that they name exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from api.metrics import ApiMetrics
from api.store import StoreAway
from ops import metrics
from ops.dashboards.__main__ import FILE, SOURCE, dashboard
from ops.dashboards.panels import ROWS
from tests.ops.commands import ROOT

ALERTS = ROOT / "ops" / "dashboards" / "alerts.yml"
FUNCTIONS = {
    "absent", "sum", "max", "min", "avg", "count", "rate", "increase", "delta", "histogram_quantile", "time",
    "min_over_time", "max_over_time", "changes",
}  # fmt: skip
WORDS = {"by", "without", "and", "or", "unless", "on", "ignoring", "bool", "offset"}
SCRAPE = {"job", "instance"}  # labels that Prometheus adds
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"


class _NoReader:
    """The metrics of the service are declared without a store; those that need one are its gauges."""

    store = property(lambda self: self)

    def check(self) -> None:
        raise StoreAway("no store")


def declared() -> dict[str, set[str]]:
    """Return every series there is, with its labels; histograms as _bucket, _sum and _count."""
    series = {"up": set(SCRAPE)}
    labels = {metric.name: set(metric.labels) for metric in metrics.declared()}
    for registry in (REGISTRY, ApiMetrics(_NoReader()).registry):  # type: ignore[arg-type]
        for family in registry.collect():
            total = f"{family.name}_total" if family.type == "counter" else family.name
            own = labels.get(total, set(getattr(registry._names_to_collectors.get(total), "_labelnames", ())))
            for end in ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",):
                series[total + end] = own | SCRAPE | ({"le"} if end == "_bucket" else set())
    return series


def queries() -> Iterator[tuple[str, str]]:
    """Yield every query with the text that shows its labels."""
    for row in ROWS:
        for panel in row.panels:
            yield from ((query.expression, query.legend) for query in panel.queries)
    for rule in rules():
        yield rule["expr"], " ".join(rule["annotations"].values()).replace("{{ $labels.", "{{")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def unknown(expression: str, shown: str = "") -> list[str]:
    """Return the metrics of a query that don't exist, and labels that its metrics don't have."""
    series = declared()
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"", " ", expression)
    grouped = re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", bare)
    bare = re.sub(r"\b(?:by|without|on|ignoring)\s*\([^)]*\)", " ", bare)
    names = {name for name in re.findall(rf"(?<![\w.]){NAME}", bare) if name not in FUNCTIONS | WORDS}
    labels = {label.strip() for group in grouped for label in group.split(",")}
    labels |= {
        label for inside in re.findall(r"\{([^}]*)\}", expression) for label in re.findall(rf"({NAME})\s*[=!]", inside)
    }
    labels |= set(re.findall(rf"\{{\{{({NAME})", shown))
    allowed = set().union(*(series.get(name, set()) for name in names))
    return sorted(names - series.keys()) + sorted(labels - allowed)


def test_every_metric_and_label_of_dashboard_and_rules_exists() -> None:
    found = {expression: wrong for expression, shown in queries() if (wrong := unknown(expression, shown))}
    assert found == {}
    assert len(list(queries())) > 40


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("undertone_ticks_raed_total", ["undertone_ticks_raed_total"]),
        ("rate(undertone_ticks_read[5m])", ["undertone_ticks_read"]),
        ("sum by (symbol) (rate(undertone_bars_total[1m]))", ["symbol"]),
        ('undertone_barriers_total{raeson="deadline"}', ["raeson"]),
        ("histogram_quantile(0.99, rate(undertone_bars_bucket[5m]))", ["undertone_bars_bucket"]),
        ("sum by (le, timeframe) (rate(undertone_prediction_seconds_bucket[5m]))", ["timeframe"]),
    ],
)  # fmt: skip
def test_a_name_that_does_not_exist_is_found(expression: str, wrong: list[str]) -> None:
    assert unknown(expression) == wrong


def test_the_dashboard_is_made_from_its_panels() -> None:
    assert FILE.read_text(encoding="utf-8") == dashboard(), "run python -m ops.dashboards"


def test_panels_lie_beside_each_other() -> None:
    cells: set[tuple[int, int]] = set()
    panels = json.loads(dashboard())["panels"]
    for panel in panels:
        place = panel["gridPos"]
        mine = {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}
        assert not mine & cells
        assert place["x"] + place["w"] <= 24
        cells |= mine
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_dashboard_asks_the_source_that_is_provisioned() -> None:
    folder = ROOT / "ops" / "deploy" / "grafana"
    (source,) = yaml.safe_load((folder / "datasources.yml").read_text(encoding="utf-8"))["datasources"]
    assert (source["uid"], source["type"]) == (SOURCE["uid"], SOURCE["type"])
    (provider,) = yaml.safe_load((folder / "dashboards.yml").read_text(encoding="utf-8"))["providers"]
    mounts = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["grafana"]["volumes"]
    target = f"{provider['options']['path']}/{FILE.name}"
    assert f"./{FILE.relative_to(ROOT)}:{target}:ro" in mounts


def test_prometheus_asks_services_of_the_compose_file_and_reads_the_rules() -> None:
    asked = yaml.safe_load((ROOT / "ops" / "deploy" / "prometheus.yml").read_text(encoding="utf-8"))
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    hosts = [name for job in asked["scrape_configs"] for sd in job.get("dns_sd_configs", ()) for name in sd["names"]]
    targets = [
        t for job in asked["scrape_configs"] for static in job.get("static_configs", ()) for t in static["targets"]
    ]
    hosts += [target.split(":")[0] for target in targets]
    assert set(hosts) - {"localhost"} <= set(services)
    mounted = {Path(volume.split(":")[1]) for volume in services["prometheus"]["volumes"]}
    assert {Path(path) for path in asked["rule_files"]} <= mounted
    jobs = {job["job_name"] for job in asked["scrape_configs"]}
    named = {job for rule in rules() for job in re.findall(r'job="(\w+)"', rule["expr"])}
    assert named <= jobs


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "warn")
        assert rule["annotations"].keys() == {"summary", "action"}
        assert re.fullmatch(r"\d+[sm]", rule["for"])
