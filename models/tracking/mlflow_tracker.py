"""MLflow as tracker and model registry, on a database (SQLite: mlflow-skinny with sqlalchemy and alembic).

A run is MLflow's run, an artefact a tag with its path. Each timeframe is a registered model `undertone_1m`; its
versions carry the tag `version`, their source is our directory, and the aliases follow our registry.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from models.tracking.tracker import Standing, Status, TrackedRun, Tracker

if TYPE_CHECKING:
    from mlflow.entities import Run

_EXPERIMENT: Final = "undertone"
_PREFIX: Final = "undertone_"
_ARTEFACT: Final = "artefact."
_STATUS: Final[dict[Status, str]] = {"running": "RUNNING", "finished": "FINISHED", "failed": "FAILED"}
_BACK: Final[dict[str, Status]] = {theirs: ours for ours, theirs in _STATUS.items()}
_LONGEST: Final = 6_000  # characters of a parameter
_MOST: Final = 1_000  # runs that are read back


class MlflowTracker(Tracker):
    """Runs and models in MLflow's database."""

    def __init__(self, uri: str) -> None:
        """Open, or make, the database of a URI such as sqlite:///var/mlflow.db. Raises what MLflow raises."""
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # it would tell its makers, over the network
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):  # which set their own levels when they are imported
            logging.getLogger(name).setLevel(logging.WARNING)
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        known = self._client.get_experiment_by_name(_EXPERIMENT)
        self._experiment: str = known.experiment_id if known else self._client.create_experiment(_EXPERIMENT)

    def begin(self, name: str, parameters: Mapping[str, str]) -> str:
        """Begin a run of the experiment `undertone`."""
        from mlflow.entities import Param

        run: Run = self._client.create_run(self._experiment, run_name=name)
        every = [Param(_name(key), value[:_LONGEST]) for key, value in parameters.items()]
        self._client.log_batch(run.info.run_id, params=every)
        return str(run.info.run_id)

    def measure(self, run: str, values: Mapping[str, float], step: int) -> None:
        """Log metrics at a step."""
        from mlflow.entities import Metric

        now = int(time.time() * 1e3)
        self._client.log_batch(run, metrics=[Metric(_name(key), v, now, step) for key, v in values.items()])

    def refer(self, run: str, artefacts: Mapping[str, str]) -> None:
        """Set tags."""
        for name, path in artefacts.items():
            self._client.set_tag(run, f"{_ARTEFACT}{_name(name)}", path)

    def end(self, run: str, status: Status, version: str = "") -> None:
        """Terminate the run."""
        if version:
            self._client.set_tag(run, "version", version)
        self._client.set_terminated(run, _STATUS[status])

    def runs(self) -> list[TrackedRun]:
        """Search the experiment's newest runs."""
        found = self._client.search_runs([self._experiment], max_results=_MOST, order_by=["attributes.start_time DESC"])
        return [self._read(run) for run in reversed(list(found))]

    def mirror(self, standings: Sequence[Standing]) -> None:
        """Register what is new, delete what is gone, move aliases."""
        for standing in standings:
            model = f"{_PREFIX}{_name(standing.timeframe).replace(':', '_')}"
            if not self._client.search_registered_models(f"name = '{model}'"):
                self._client.create_registered_model(model, tags={"timeframe": standing.timeframe})
            numbers = self._numbers(model)
            for version in numbers.keys() - standing.versions.keys():
                self._client.delete_model_version(model, numbers.pop(version))
            for version, folder in standing.versions.items():
                if version not in numbers:
                    made = self._client.create_model_version(model, source=folder, tags={"version": version})
                    numbers[version] = str(made.version)
            there: dict[str, str] = dict(self._client.get_registered_model(model).aliases)
            for alias in there.keys() - standing.aliases.keys():
                self._client.delete_registered_model_alias(model, alias)
            for alias, version in standing.aliases.items():
                if str(there.get(alias)) != numbers[version]:
                    self._client.set_registered_model_alias(model, alias, numbers[version])

    def standings(self) -> list[Standing]:
        """Read the registered models."""
        found = []
        for model in self._client.search_registered_models(f"name LIKE '{_PREFIX}%'"):
            versions = self._client.search_model_versions(f"name = '{model.name}'")
            names = {str(one.version): one.tags["version"] for one in versions}
            folders = {one.tags["version"]: str(one.source) for one in versions}
            aliases = dict(self._client.get_registered_model(model.name).aliases)
            named = {alias: names[str(number)] for alias, number in aliases.items()}
            found.append(Standing(model.tags["timeframe"], folders, named))
        return found

    def _numbers(self, model: str) -> dict[str, str]:
        """Return MLflow's number of each of our versions."""
        found = self._client.search_model_versions(f"name = '{model}'")
        return {one.tags["version"]: str(one.version) for one in found}

    def _read(self, run: Run) -> TrackedRun:
        identity, tags = str(run.info.run_id), dict(run.data.tags)
        metrics = {
            name: sorted((m.step, m.value) for m in self._client.get_metric_history(identity, name))
            for name in run.data.metrics
        }
        artefacts = {k.removeprefix(_ARTEFACT): v for k, v in tags.items() if k.startswith(_ARTEFACT)}
        return TrackedRun(
            identity, str(run.info.run_name), dict(run.data.params), metrics, artefacts,
            _BACK[str(run.info.status)], tags.get("version", ""),
        )  # fmt: skip


def _name(text: str) -> str:
    """Return a name that MLflow takes: letters, digits, _ - . space : /."""
    return "".join(letter if letter.isalnum() or letter in "_-. :/" else "_" for letter in text)
