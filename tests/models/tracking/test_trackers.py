"""One suite for every tracker, and what happens where one fails."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from models.config import TrainingConfig
from models.registry.registry import Registry
from models.tracking.opening import open_tracker
from models.tracking.plain import PlainTracker
from models.tracking.run import standings_of, tracked
from models.tracking.steadfast import Steadfast
from models.tracking.tracker import Standing, Tracker
from tests.models.market import make_dataset, make_market


@pytest.fixture
def registry(registry: Registry, tmp_path: Path) -> Registry:
    """A copy of one's own: versions are activated."""
    shutil.copytree(registry.root, tmp_path / "registry")
    return Registry(tmp_path / "registry")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tracking")


@pytest.fixture(params=["json", "mlflow", "fallen"])
def tracker(request: pytest.FixtureRequest, folder: Path) -> Tracker:
    """Each kind; `fallen` is what a tracker that can't be opened leaves behind."""
    url = {"json": "json:", "mlflow": f"mlflow:sqlite:///{folder}/m.db", "fallen": "mlflow:nowhere://x"}[request.param]
    return open_tracker(url, folder / request.param)


def test_a_run_is_read_back(tracker: Tracker) -> None:
    run = tracker.begin("gru_lightgbm", {"nets.0.options.hidden": "32", "weights.gru": "0.5"})
    for epoch in range(1, 4):
        tracker.measure(run, {"gru.fit_loss": 1 / epoch, "gru.stop_loss": 2 / epoch}, epoch)
    tracker.measure(run, {"fold.ensemble.nll": 1.5}, 1)
    tracker.refer(run, {"training_report.md": "/models/a/training_report.md"})
    tracker.end(run, "finished", "gru_lightgbm_20240102_030405")
    other = tracker.begin("gru", {})
    tracker.end(other, "failed")
    first, second = tracker.runs()[-2:]
    assert first.name == "gru_lightgbm"
    assert first.parameters == {"nets.0.options.hidden": "32", "weights.gru": "0.5"}
    assert first.metrics["gru.stop_loss"] == [(1, 2.0), (2, 1.0), (3, 2 / 3)]
    assert first.metrics["fold.ensemble.nll"] == [(1, 1.5)]
    assert first.artefacts == {"training_report.md": "/models/a/training_report.md"}
    assert (first.status, first.version) == ("finished", "gru_lightgbm_20240102_030405")
    assert (second.name, second.status, second.metrics) == ("gru", "failed", {})


def test_the_registry_is_taken_over_as_it_changes(tracker: Tracker) -> None:
    before = Standing("1m", {"a": "/m/a", "b": "/m/b", "c": "/m/c"}, {"champion": "a", "challenger": "b"})
    ticks = Standing("tick:50", {"t": "/m/t"}, {})
    tracker.mirror([before, ticks])
    assert sorted(tracker.standings(), key=lambda s: s.timeframe) == [before, ticks]
    after = Standing("1m", {"b": "/m/b", "c": "/m/c"}, {"champion": "b"})
    for _ in range(2):
        tracker.mirror([after, ticks])
    assert sorted(tracker.standings(), key=lambda s: s.timeframe) == [after, ticks]


def test_a_training_is_told(tracker: Tracker, registry: Registry, small: TrainingConfig) -> None:
    dataset, version = make_dataset(make_market(2, 60)), registry.list()[0].version
    registry.activate(version)
    with tracked(tracker, small, dataset) as told:
        told.published(registry, version)
    run = tracker.runs()[-1]
    assert (run.status, run.version, run.parameters["nets.0.architecture"]) == ("finished", version, "gru")
    assert run.parameters["data.symbols"] == "2"
    epochs = [step for step, _ in run.metrics["gru.stop_loss"]]
    assert epochs == sorted(set(epochs)) and epochs[0] == 1
    assert run.metrics["fold.ensemble.nll"][0][0] == 1
    metadata = registry.show(version)
    assert run.metrics["test.ensemble.nll"] == [(0, pytest.approx(metadata.metrics["models"]["ensemble"]["nll"]))]
    assert Path(run.artefacts["training_report.md"]).is_file()
    assert tracker.standings()[-1].aliases or tracker.standings()[0].aliases
    with pytest.raises(ZeroDivisionError), tracked(tracker, replace(small, name="broken"), dataset):
        raise ZeroDivisionError
    assert (tracker.runs()[-1].name, tracker.runs()[-1].status) == ("broken", "failed")


class Failing(PlainTracker):
    """Fails at the n-th call to measure."""

    def __init__(self, folder: Path, after: int) -> None:
        super().__init__(folder)
        self._left = after

    def measure(self, run: str, values: Mapping[str, float], step: int) -> None:
        self._left -= 1
        if self._left < 0:
            raise OSError("database is locked")
        super().measure(run, values, step)


def test_what_a_tracker_loses_half_way_the_plain_one_has_in_whole(tmp_path: Path) -> None:
    plain = PlainTracker(tmp_path / "plain")
    tracker = Steadfast(lambda: Failing(tmp_path / "first", 2), plain)
    run = tracker.begin("gru", {"seed": "1"})
    for step in range(4):
        tracker.measure(run, {"loss": float(step)}, step)
    tracker.refer(run, {"a": "b"})
    tracker.end(run, "finished", "v")
    (found,) = plain.runs()
    assert found.metrics == {"loss": [(k, float(k)) for k in range(4)]}
    assert (found.parameters, found.artefacts, found.status, found.version) == (
        {"seed": "1"},
        {"a": "b"},
        "finished",
        "v",
    )


def test_where_nothing_can_be_written_the_training_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    tracker = open_tracker("json:", tmp_path / "file" / "below")
    run = tracker.begin("gru", {})
    tracker.measure(run, {"loss": 1.0}, 1)
    tracker.end(run, "finished")


def test_aliases_are_those_of_the_registry(registry: Registry) -> None:
    first, second = (m.version for m in registry.list())
    registry.activate(first)
    registry.challenge(second)
    (standing,) = standings_of(registry)
    assert standing.aliases == {"champion": first, "challenger": second}
    assert set(standing.versions) == {first, second}
    registry.withdraw(second)
    assert standings_of(registry)[0].aliases == {"champion": first}


def test_another_url_is_refused(tmp_path: Path) -> None:
    for url in ("wandb:x", "json:x", "mlflow:"):
        with pytest.raises(ValueError, match="expected mlflow:sqlite:///path or json:"):
            open_tracker(url, tmp_path)
