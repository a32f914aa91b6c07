"""Explaining stored predictions: by the command line for one, by a worker for those that the service is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataflows.inspection.shown import prediction_of, series_of
from dataflows.stored import Place, open_place
from models.explain.answer import Explanation
from models.explain.cache import ExplanationFolder
from models.explain.prediction import explain
from models.extensions import load_architectures
from models.registry.loaded import LoadedVersions
from models.registry.registry import Registry, RegistryError
from ops.log import logger
from ops.settings import Settings


class Explainer:
    """Reads what a model was shown from the store, and takes its word apart. Keeps versions loaded."""

    def __init__(self, settings: Settings) -> None:
        """Read from the settings' store and registry."""
        load_architectures(settings.models.modules)
        self._settings = settings
        self._versions = LoadedVersions(
            Registry(settings.registry.root), settings.registry.cached, settings.registry.cache_ttl_s
        )

    def explain(self, served: Mapping[str, Any], method: str) -> Explanation:
        """Explain a row of `predictions`. Raises NotExplained, RegistryError, ValueError."""
        bundle = self._versions.load(served["model_version"])
        metadata, folder = bundle.metadata, self._versions.registry.path(served["model_version"])
        texts = {
            name: (folder / member.files[0]).read_text(encoding="utf-8")
            for name, member in metadata.members.items() if name in bundle.trees
        }  # fmt: skip
        place = self._place()
        columns = dict.fromkeys((*(column.name for column in metadata.columns), metadata.volatility))
        return explain(bundle, texts, series_of(self._settings, place, served, list(columns)), method)

    def answer_waiting(self, folder: ExplanationFolder) -> int:
        """Explain what the service was asked for, one after the other; return how many there were.

        What can't be explained is noted with the reason, and the next one is taken.
        """
        waiting = folder.waiting()
        for asked in waiting:
            try:
                folder.put(asked, self.explain(prediction_of(self._place(), asked.prediction_id), asked.method))
            except (ValueError, RegistryError) as error:
                logger("explain").warning("not explained", prediction=asked.prediction_id, why=str(error))
                folder.fail(asked, str(error))
        return len(waiting)

    def _place(self) -> Place:
        return open_place(self._settings.store.url, self._settings.store.namespace)
